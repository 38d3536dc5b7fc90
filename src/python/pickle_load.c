/* load() and loads(): a reader for one object, on the stack. */
#include "pickle_options.h"
#include "pickle_reader.h"

static void begin(struct pickle_reader *reader, PyObject *module) {
    memset(reader, 0, sizeof *reader);
    reader->state = PyModule_GetState(module);
}

const char pickle_load_doc[] =
    "load($module, file, *, fix_imports=True, encoding='ASCII', errors='strict',\n"
    "     buffers=None, allow=None, share=False)\n--\n\n"
    "Read a pickle from a file that is open for reading bytes.";

PyObject *pickle_load(PyObject *module, PyObject *args, PyObject *keywords) {
    static char *names[] = {"file",    "fix_imports", "encoding", "errors",
                            "buffers", "allow",       "share",    NULL};
    struct pickle_read_options options = {NULL, NULL, "ASCII", "strict", 1, 0};
    struct pickle_reader reader;
    PyObject *file, *result = NULL;

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$pssOOp:load", names, &file,
                                     &options.fix_imports, &options.encoding, &options.errors,
                                     &options.buffers, &options.allow, &options.share))
        return NULL;
    begin(&reader, module);
    if (pickle_reader_set(&reader, &options) == 0 && pickle_reader_open(&reader, file) == 0)
        result = pickle_read_stream(&reader);
    pickle_reader_close(&reader);
    return result;
}

static PyObject *loads(PyObject *module, PyObject *data,
                       const struct pickle_read_options *options) {
    struct pickle_reader reader;
    PyObject *result = NULL;
    Py_buffer view;

    if (PyObject_GetBuffer(data, &view, PyBUF_CONTIG_RO) < 0) return NULL;
    begin(&reader, module);
    pickle_reader_use(&reader, view.buf, (size_t)view.len);
    if (pickle_reader_set(&reader, options) == 0) result = pickle_read_stream(&reader);
    pickle_reader_close(&reader);
    PyBuffer_Release(&view);
    return result;
}

const char pickle_loads_doc[] =
    "loads($module, data, /, *, fix_imports=True, encoding='ASCII', errors='strict',\n"
    "      buffers=None, allow=None, share=False)\n--\n\n"
    "Return the object whose pickle these bytes are.";

PyObject *pickle_loads(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
    static char *known[] = {"fix_imports", "encoding", "errors", "buffers", "allow", "share", NULL};
    struct pickle_read_options options = {NULL, NULL, "ASCII", "strict", 1, 0};
    struct pickle_state *state = PyModule_GetState(module);
    PyObject *keywords;
    int parsed = 1;

    if (nargs != 1) {
        PyErr_Format(PyExc_TypeError, "loads() takes exactly one positional argument (%zd given)",
                     nargs);
        return NULL;
    }
    if (names == NULL) return loads(module, args[0], &options);
    keywords = PyDict_New();
    for (Py_ssize_t i = 0; keywords != NULL && i < PyTuple_GET_SIZE(names); i++)
        if (PyDict_SetItem(keywords, PyTuple_GET_ITEM(names, i), args[1 + i]) < 0)
            Py_CLEAR(keywords);
    if (keywords == NULL) return NULL;
    parsed = PyArg_ParseTupleAndKeywords(state->empty_tuple, keywords, "|$pssOOp:loads", known,
                                         &options.fix_imports, &options.encoding, &options.errors,
                                         &options.buffers, &options.allow, &options.share);
    keywords = parsed ? keywords : (Py_DECREF(keywords), NULL);
    if (keywords == NULL) return NULL;
    /* The dict holds what the options point to. */
    PyObject *result = loads(module, args[0], &options);
    Py_DECREF(keywords);
    return result;
}
