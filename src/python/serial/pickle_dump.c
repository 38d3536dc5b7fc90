/* dump() and dumps(): a writer for one object, on the stack. Its memo lives as long
 * as the call, which is what lets most objects stay out of it. */
#include "pickle_options.h"

static void begin(struct pickle_writer *writer, PyObject *module, PyObject *root, int exact) {
    memset(writer, 0, sizeof *writer);
    writer->state = PyModule_GetState(module);
    writer->root = root;
#ifdef Py_GIL_DISABLED
    exact = 1;
#endif
    writer->rule = exact ? MEMO_ALL : MEMO_UNDECIDED;
}

const char pickle_dump_doc[] =
    "dump($module, obj, file, protocol=None, *, fix_imports=True,\n"
    "     buffer_callback=None, exact=False, progress=None)\n--\n\n"
    "Write a pickle of obj to a file.\n\n"
    "Parameters\n----------\n"
    "obj : object\n    What to write.\n"
    "file : binary file or path\n"
    "    Open for writing; or where to make one, which replaces what is there.\n"
    "protocol : int, optional\n    0 to 5; negative: the highest; by default 4.\n"
    "fix_imports : bool\n"
    "    Up to protocol 2: write the names that Python 2 has for its modules.\n"
    "buffer_callback : callable, optional\n"
    "    Takes the buffers that are not to go into the stream (protocol 5).\n"
    "exact : bool\n"
    "    Remember every object that pickle does, at the cost of the memory.\n"
    "progress : bool or callable, optional\n"
    "    Draw a progress bar on standard error when the work takes long; or call this\n"
    "    with the bytes written and the part that is done. It must leave obj alone.";

/* 1: written; 0: it is not a file; -1: failed. */
static int dump(PyObject *module, PyObject *root, PyObject *file, PyObject *protocol,
                int fix_imports, PyObject *buffer_callback, int exact, PyObject *progress) {
    struct pickle_writer writer;
    int status = -1;
    struct pickle_memo_entry few[PICKLE_FEW];
    unsigned char small[1024];

    begin(&writer, module, root, exact);
    pickle_memo_lend(&writer.memo, few);
    writer.progress = Py_XNewRef(progress);
    if (pickle_writer_set(&writer, protocol, fix_imports, buffer_callback) == 0 &&
        pickle_writer_open(&writer, file) == 0) {
        pickle_writer_use(&writer, small, sizeof small);
        status = pickle_write_stream(&writer, root) < 0 ? -1 : 1;
    } else if (writer.write == NULL && pickle_is_path(writer.state, file)) {
        PyErr_Clear();
        status = 0;
    }
    pickle_writer_close(&writer);
    return status;
}

/* Parameters as they came, for what Python does: paths and the progress bar. */
static PyObject *dump_in_python(PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
    PyObject *module = PyImport_ImportModule("shoal.pickle.paths"), *function, *answer;

    if (module == NULL) return NULL;
    function = PyObject_GetAttrString(module, "dump");
    Py_DECREF(module);
    if (function == NULL) return NULL;
    answer = PyObject_Vectorcall(function, args, (size_t)nargs, names);
    Py_DECREF(function);
    return answer;
}

PyObject *pickle_dump(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
    static char *known[] = {"obj",   "file",     "protocol", "fix_imports", "buffer_callback",
                            "exact", "progress", NULL};
    PyObject *root, *file, *protocol = NULL, *buffer_callback = NULL, *progress = NULL;
    PyObject *tuple, *keywords;
    int fix_imports = 1, exact = 0, status = -1;

    if (names == NULL && (nargs == 2 || nargs == 3)) {
        status = dump(module, args[0], args[1], nargs == 3 ? args[2] : NULL, 1, NULL, 0, NULL);
    } else if (pickle_collect(args, nargs, names, &tuple, &keywords) == 0) {
        if (PyArg_ParseTupleAndKeywords(tuple, keywords, "OO|O$pOpO:dump", known, &root, &file,
                                        &protocol, &fix_imports, &buffer_callback, &exact,
                                        &progress)) {
            if (progress == Py_None || progress == Py_False) progress = NULL;
            status = progress == Py_True ? 0
                                         : dump(module, root, file, protocol, fix_imports,
                                                buffer_callback, exact, progress);
        }
        Py_DECREF(tuple);
        Py_DECREF(keywords);
    }
    if (status == 0) return dump_in_python(args, nargs, names);
    if (status < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *dumps(PyObject *module, PyObject *root, PyObject *protocol, int fix_imports,
                       PyObject *buffer_callback, int exact) {
    struct pickle_writer writer;
    PyObject *bytes = NULL;
    struct pickle_memo_entry few[PICKLE_FEW];
    unsigned char small[1024];

    begin(&writer, module, root, exact);
    pickle_memo_lend(&writer.memo, few);
    if (pickle_writer_set(&writer, protocol, fix_imports, buffer_callback) == 0 &&
        pickle_writer_open(&writer, NULL) == 0) {
        pickle_writer_use(&writer, small, sizeof small);
        if (pickle_write_stream(&writer, root) == 0) bytes = pickle_writer_take(&writer);
    }
    pickle_writer_close(&writer);
    return bytes;
}

const char pickle_dumps_doc[] =
    "dumps($module, obj, protocol=None, *, fix_imports=True, buffer_callback=None,\n"
    "      exact=False)\n--\n\n"
    "Return the pickle of obj as bytes.";

static PyObject *dumps_named(PyObject *module, PyObject *const *args, Py_ssize_t nargs,
                             PyObject *names) {
    static char *known[] = {"obj", "protocol", "fix_imports", "buffer_callback", "exact", NULL};
    PyObject *tuple, *keywords, *root, *protocol = NULL, *buffer_callback = NULL, *bytes = NULL;
    int fix_imports = 1, exact = 0;

    if (pickle_collect(args, nargs, names, &tuple, &keywords) < 0) return NULL;
    if (PyArg_ParseTupleAndKeywords(tuple, keywords, "O|O$pOp:dumps", known, &root, &protocol,
                                    &fix_imports, &buffer_callback, &exact))
        bytes = dumps(module, root, protocol, fix_imports, buffer_callback, exact);
    Py_DECREF(tuple);
    Py_DECREF(keywords);
    return bytes;
}

PyObject *pickle_dumps(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
    if (names != NULL || nargs < 1 || nargs > 2) return dumps_named(module, args, nargs, names);
    return dumps(module, args[0], nargs > 1 ? args[1] : NULL, 1, NULL, 0);
}
