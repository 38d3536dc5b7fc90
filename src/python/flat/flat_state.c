#include "flat_state.h"

#include "python/common/module_state.h"

int flat_state_fill(struct flat_state *state) {
    if (io_types_fill(&state->io) < 0) return -1;
    state->text_base = import_attribute("_io", "_TextIOBase");
    state->collect = import_attribute("gc", "collect");
    return state->text_base == NULL || state->collect == NULL ? -1 : 0;
}

int flat_errors_parse(const char *name, enum flat_errors *errors) {
    static const char *const names[] = {"raise", "skip", "collect"};

    for (int i = 0; i < 3; i++) {
        if (strcmp(name, names[i]) != 0) continue;
        *errors = (enum flat_errors)i;
        return 0;
    }
    PyErr_Format(PyExc_ValueError, "errors: expected 'raise', 'skip' or 'collect', not '%.50s'",
                 name);
    return -1;
}

int flat_bounds_check(const struct flat_bounds *bounds) {
    const struct {
        const char *name;
        Py_ssize_t value, least, most;
    } all[] = {
        {"max_depth", bounds->max_depth, 1, FLAT_DEEPEST},
        {"max_line", bounds->max_line, 1, PY_SSIZE_T_MAX / 4},
        {"max_digits", bounds->max_digits, FLAT_LEAST_DIGITS, PY_SSIZE_T_MAX / 4},
    };

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i].value >= all[i].least && all[i].value <= all[i].most) continue;
        PyErr_Format(PyExc_ValueError, "%s must be from %zd to %zd, not %zd", all[i].name,
                     all[i].least, all[i].most, all[i].value);
        return -1;
    }
    return 0;
}

int flat_refuse_text(const struct flat_state *state, PyObject *file) {
    int is_text = PyObject_IsInstance(file, state->text_base);

    if (is_text > 0)
        PyErr_SetString(PyExc_TypeError, "the file must be binary: open it with 'b' in its mode");
    return is_text == 0 ? 0 : -1;
}
