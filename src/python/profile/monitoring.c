/* Events by sys.monitoring: of the watched code objects alone, but for frames
 * that an exception ends or enters, which can only be had of all. */
#include "watched.h"

#include "free_lists.h"
#include "greenlets.h"

#if PY_VERSION_HEX >= 0x030C0000

#if PY_VERSION_HEX >= 0x030E0000 /* until then _PyCoMonitoringData is in Python.h */
#define Py_BUILD_CORE
#include <internal/pycore_gc.h>
#include <internal/pycore_instruments.h>
#undef Py_BUILD_CORE
#include <opcode.h>
#endif

static PyObject *monitoring; /* the module, once a tool's number is ours */
static long tool_id;
static PyObject *disable; /* what a callback returns that is to be called there no more */

/* ---- Callbacks: code, then a line number or the offset of an instruction ----- */

/* The number that an event comes with. The interpreter may have made an object
 * for it, just now and in the middle of a line, which is not the line's doing. */
static int number_of(PyObject *number) {
    enum { READY_MADE = 256 };
    long value = PyLong_AsLong(number);
    if (value > READY_MADE) shoal_profile_disown(number, sizeof(PyLongObject));
    return (int)value;
}

static PyObject *on_line(PyObject *Py_UNUSED(self), PyObject *const *args, Py_ssize_t count) {
    if (count < 2) Py_RETURN_NONE;
    free_lists_settle();
    int line = number_of(args[1]);
    struct shoal_function *function = watched_function(args[0]);
    if (function) shoal_profile_line(function, line);
    Py_RETURN_NONE;
}

/* Of watched code, and while new code is asked about, of all. A call that makes
 * code watched has its lines told, but not its start again: it is entered here.
 * Code that was watched once may be again, so its events are not disabled. */
static PyObject *on_start(PyObject *Py_UNUSED(self), PyObject *const *args, Py_ssize_t count) {
    if (count < 2) Py_RETURN_NONE;
    greenlets_look();
    free_lists_settle();
    number_of(args[1]);
    int is_new;
    struct shoal_function *function = watched_or_new(args[0], &is_new);
    if (is_new) function = watched_newcomer(args[0]);
    if (function && function->is_watched) shoal_profile_enter(function, 0);
    return Py_NewRef(watched_is_refused(args[0]) ? disable : Py_None);
}

/* Resumed, or entered by throw(): in the midst of a line. */
static PyObject *on_resume(PyObject *Py_UNUSED(self), PyObject *const *args, Py_ssize_t count) {
    if (count < 2) Py_RETURN_NONE;
    greenlets_look();
    free_lists_settle();
    int offset = number_of(args[1]);
    struct shoal_function *function = watched_function(args[0]);
    if (function && function->is_watched)
        shoal_profile_enter(function, PyCode_Addr2Line((PyCodeObject *)args[0], offset));
    Py_RETURN_NONE;
}

static PyObject *on_leave(PyObject *Py_UNUSED(self), PyObject *const *args, Py_ssize_t count) {
    if (count < 2) Py_RETURN_NONE;
    free_lists_settle();
    number_of(args[1]);
    struct shoal_function *function = watched_function(args[0]);
    if (function) shoal_profile_leave(function);
    Py_RETURN_NONE;
}

/* ---- Setting up ------------------------------------------------------------------ */

static PyMethodDef line_method = {"line", (PyCFunction)(void (*)(void))on_line, METH_FASTCALL,
                                  NULL};
static PyMethodDef start_method = {"start", (PyCFunction)(void (*)(void))on_start, METH_FASTCALL,
                                   NULL};
static PyMethodDef resume_method = {"resume", (PyCFunction)(void (*)(void))on_resume, METH_FASTCALL,
                                    NULL};
static PyMethodDef leave_method = {"leave", (PyCFunction)(void (*)(void))on_leave, METH_FASTCALL,
                                   NULL};

/* Of frames that an exception ends or enters. */
enum { UNWINDING_IS_OF_ALL = PY_VERSION_HEX < 0x030F0000 };

static const struct event {
    const char *name;
    PyMethodDef *method;
    int is_of_all; /* of all code, as the interpreter has it for no less */
} events[] = {
    {"LINE", &line_method, 0},
    {"PY_START", &start_method, 0},
    {"PY_RESUME", &resume_method, 0},
    {"PY_RETURN", &leave_method, 0},
    {"PY_YIELD", &leave_method, 0},
    {"PY_THROW", &resume_method, UNWINDING_IS_OF_ALL},
    {"PY_UNWIND", &leave_method, UNWINDING_IS_OF_ALL},
};
enum { EVENTS = sizeof events / sizeof *events };

static long event_bits(int is_of_all) {
    PyObject *names = PyObject_GetAttrString(monitoring, "events");
    long bits = 0;
    for (int i = 0; names && i < EVENTS; i++) {
        if (events[i].is_of_all != is_of_all) continue;
        PyObject *bit = PyObject_GetAttrString(names, events[i].name);
        bits |= bit ? PyLong_AsLong(bit) : 0;
        Py_XDECREF(bit);
    }
    Py_XDECREF(names);
    return PyErr_Occurred() ? -1 : bits;
}

static int register_one(const struct event *event) {
    PyObject *names = PyObject_GetAttrString(monitoring, "events");
    PyObject *bit = names ? PyObject_GetAttrString(names, event->name) : NULL;
    PyObject *callback = PyCFunction_New(event->method, NULL);
    PyObject *before = NULL;
    if (bit && callback)
        before =
            PyObject_CallMethod(monitoring, "register_callback", "lOO", tool_id, bit, callback);
    Py_XDECREF(names);
    Py_XDECREF(bit);
    Py_XDECREF(callback);
    Py_XDECREF(before);
    return before ? 0 : -1;
}

/* Takes the number of a tool that nobody uses: the two without a name first. */
static int take_tool_id(void) {
    static const int wishes[] = {4, 3, 2, 5, 1, 0};
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        PyObject *done = PyObject_CallMethod(monitoring, "use_tool_id", "is", wishes[i], "shoal");
        Py_XDECREF(done);
        tool_id = wishes[i];
        if (done) return 0;
        if (!PyErr_ExceptionMatches(PyExc_ValueError)) return -1;
        PyErr_Clear();
    }
    PyErr_SetString(PyExc_RuntimeError, "all of sys.monitoring's tool numbers are taken");
    return -1;
}

static int set_global(long bits) {
    PyObject *done = PyObject_CallMethod(monitoring, "set_events", "ll", tool_id, bits);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

static int set_up(void) {
    PyObject *sys_monitoring = PySys_GetObject("monitoring");
    if (sys_monitoring == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "this Python has no sys.monitoring");
        return -1;
    }
    monitoring = Py_NewRef(sys_monitoring);
    if (!disable && !(disable = PyObject_GetAttrString(monitoring, "DISABLE"))) goto failed;
    if (take_tool_id() < 0) goto failed;
    for (int i = 0; i < EVENTS; i++)
        if (register_one(&events[i]) < 0) goto failed;
    if (set_global(event_bits(1)) == 0) return 0;
failed:
    Py_CLEAR(monitoring);
    return -1;
}

static int set_local(PyObject *code, long bits) {
    PyObject *done =
        PyObject_CallMethod(monitoring, "set_local_events", "lOl", tool_id, code, bits);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* What was disabled where a refused function starts stays so, even if it is
 * asked for again, until all that was is asked for again. */
static int restart_events(void) {
    PyObject *done = PyObject_CallMethod(monitoring, "restart_events", NULL);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

int events_begin(PyObject *code, int was_refused) {
    if (monitoring == NULL && set_up() < 0) return -1;
    if (set_local(code, event_bits(0)) < 0) return -1;
    return was_refused ? restart_events() : 0;
}

int events_of_function(PyObject *Py_UNUSED(function)) { return 0; }

int events_of_new(int wanted) {
    if (monitoring == NULL && (!wanted || set_up() < 0)) return wanted ? -1 : 0;
    PyObject *names = PyObject_GetAttrString(monitoring, "events");
    PyObject *start = names ? PyObject_GetAttrString(names, "PY_START") : NULL;
    long bit = start && wanted ? PyLong_AsLong(start) : 0;
    Py_XDECREF(names);
    Py_XDECREF(start);
    return start ? set_global(event_bits(1) | bit) : -1;
}

int events_end(PyObject *code) { return set_local(code, 0); }

void events_enter_running(struct shoal_function *function, PyObject *Py_UNUSED(code), int line) {
    shoal_profile_enter(function, line);
}

void events_leave_running(struct shoal_function *function, PyObject *Py_UNUSED(code)) {
    shoal_profile_leave(function);
}

void events_set_aside(struct events_strand *Py_UNUSED(strand)) {}

void events_take_up(const struct events_strand *Py_UNUSED(strand)) {}

/* ---- What monitoring takes itself ------------------------------------------------ */

#if PY_VERSION_HEX >= 0x030D0000
static struct _PyInterpreterFrame *frame_that_runs(void) {
    const PyThreadState *thread = PyThreadState_GetUnchecked();
    return thread ? thread->current_frame : NULL;
}
#else
static struct _PyInterpreterFrame *frame_that_runs(void) {
    const PyThreadState *thread = _PyThreadState_UncheckedGet();
    return thread ? thread->cframe->current_frame : NULL;
}
#endif

/* Each code gets this when it first runs while it is to have events. */
int events_need(size_t bytes) {
    if (bytes != sizeof(_PyCoMonitoringData) || monitoring == NULL) return 0;
    struct _PyInterpreterFrame *frame = frame_that_runs();
    if (frame == NULL) return 0;
    PyObject *code = PyUnstable_InterpreterFrame_GetCode(frame); /* its frame keeps it */
    int is_first = PyCode_Check(code) && ((PyCodeObject *)code)->_co_monitoring == NULL;
    Py_DECREF(code);
    return is_first;
}

#if PY_VERSION_HEX >> 16 == 0x030E
/* Where it begins or goes on: there its instructions are made to tell of events. */
static int is_resuming(struct _PyInterpreterFrame *frame) {
    int at = PyUnstable_InterpreterFrame_GetLasti(frame);
    PyObject *code = PyUnstable_InterpreterFrame_GetCode(frame);
    int is_there = at >= 0 && PyCode_Check(code);
    int opcode = is_there ? (uint8_t)((PyCodeObject *)code)->co_code_adaptive[at] : 0;
    Py_DECREF(code);
    return opcode == RESUME || opcode == RESUME_CHECK || opcode == INSTRUMENTED_RESUME;
}

/* With a compiler in it the interpreter lists then what was compiled of the code, to
 * throw it away. */
int events_need_object(size_t bytes) {
    if (bytes != sizeof(PyGC_Head) + sizeof(PyListObject) || monitoring == NULL) return 0;
    struct _PyInterpreterFrame *frame = frame_that_runs();
    return frame && is_resuming(frame);
}
#else
int events_need_object(size_t Py_UNUSED(bytes)) { return 0; }
#endif

#endif
