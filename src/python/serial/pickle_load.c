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
    "Read a pickle from a file and return the object in it.\n\n"
    "Parameters\n----------\n"
    "file : binary file or path\n"
    "    Open for reading, and left behind the pickle; or where to find one.\n"
    "fix_imports : bool\n"
    "    Up to protocol 2: know the names that Python 2 has for its modules.\n"
    "encoding, errors : str\n"
    "    How to decode the 8-bit strings of Python 2; 'bytes': not at all.\n"
    "buffers : iterable, optional\n"
    "    The buffers that did not go into the stream (protocol 5).\n"
    "allow : iterable of str, optional\n"
    "    The only globals that may be found, as 'module.name'.\n"
    "share : bool\n"
    "    Make immutable leaves that are equal one object, as far as a small cache\n"
    "    sees them.";

/* NULL without an exception: it is not a file. */
static PyObject *load(PyObject *module, PyObject *file, const struct pickle_read_options *options) {
    struct pickle_reader reader;
    PyObject *result = NULL;

    begin(&reader, module);
    if (pickle_reader_set(&reader, options) == 0 && pickle_reader_open(&reader, file) == 0)
        result = pickle_read_stream(&reader);
    else if (reader.source.read == NULL && pickle_is_path(reader.state, file))
        PyErr_Clear();
    pickle_reader_close(&reader);
    return result;
}

static PyObject *load_path(PyObject *module, PyObject *path,
                           const struct pickle_read_options *options) {
    PyObject *io = PyImport_ImportModule("io"), *file = NULL, *result, *closed;
    PyObject *type, *value, *traceback;

    if (io != NULL) file = PyObject_CallMethod(io, "open", "Os", path, "rb");
    Py_XDECREF(io);
    if (file == NULL) return NULL;
    result = load(module, file, options);
    PyErr_Fetch(&type, &value, &traceback);
    closed = PyObject_CallMethod(file, "close", NULL);
    if (closed == NULL) PyErr_Clear();
    Py_XDECREF(closed);
    PyErr_Restore(type, value, traceback);
    Py_DECREF(file);
    return result;
}

PyObject *pickle_load(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
    static char *known[] = {"file",    "fix_imports", "encoding", "errors",
                            "buffers", "allow",       "share",    NULL};
    struct pickle_read_options options = {NULL, NULL, "ASCII", "strict", 1, 0};
    PyObject *tuple = NULL, *keywords = NULL, *file = NULL, *result = NULL;

    if (names == NULL && nargs == 1) {
        file = args[0];
    } else {
        if (pickle_collect(args, nargs, names, &tuple, &keywords) < 0) return NULL;
        if (!PyArg_ParseTupleAndKeywords(tuple, keywords, "O|$pssOOp:load", known, &file,
                                         &options.fix_imports, &options.encoding, &options.errors,
                                         &options.buffers, &options.allow, &options.share))
            file = NULL;
    }
    if (file != NULL) {
        result = load(module, file, &options);
        if (result == NULL && !PyErr_Occurred()) result = load_path(module, file, &options);
    }
    /* What the options point to. */
    Py_XDECREF(tuple);
    Py_XDECREF(keywords);
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
    PyObject *tuple, *keywords, *result = NULL;

    if (nargs != 1) {
        PyErr_Format(PyExc_TypeError, "loads() takes exactly one positional argument (%zd given)",
                     nargs);
        return NULL;
    }
    if (names == NULL) return loads(module, args[0], &options);
    if (pickle_collect(args + 1, 0, names, &tuple, &keywords) < 0) return NULL;
    if (PyArg_ParseTupleAndKeywords(tuple, keywords, "|$pssOOp:loads", known, &options.fix_imports,
                                    &options.encoding, &options.errors, &options.buffers,
                                    &options.allow, &options.share))
        result = loads(module, args[0], &options);
    Py_DECREF(tuple);
    Py_DECREF(keywords);
    return result;
}
