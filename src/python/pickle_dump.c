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

const char pickle_dump_doc[] = "dump($module, obj, file, protocol=None, *, fix_imports=True,\n"
                               "     buffer_callback=None, exact=False, progress=None)\n--\n\n"
                               "Write a pickle of obj to a file that is open for writing bytes.";

PyObject *pickle_dump(PyObject *module, PyObject *args, PyObject *keywords) {
    static char *names[] = {"obj",   "file",     "protocol", "fix_imports", "buffer_callback",
                            "exact", "progress", NULL};
    struct pickle_writer writer;
    PyObject *root, *file, *protocol = NULL, *buffer_callback = NULL, *progress = NULL;
    int fix_imports = 1, exact = 0, status = -1;
    unsigned char small[1024];

    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO|O$pOpO:dump", names, &root, &file,
                                     &protocol, &fix_imports, &buffer_callback, &exact, &progress))
        return NULL;
    begin(&writer, module, root, exact);
    if (progress != NULL && progress != Py_None) writer.progress = Py_NewRef(progress);
    if (pickle_writer_set(&writer, protocol, fix_imports, buffer_callback) == 0 &&
        pickle_writer_open(&writer, file) == 0) {
        pickle_writer_use(&writer, small, sizeof small);
        status = pickle_write_stream(&writer, root);
    }
    pickle_writer_close(&writer);
    if (status < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *dumps(PyObject *module, PyObject *root, PyObject *protocol, int fix_imports,
                       PyObject *buffer_callback, int exact) {
    struct pickle_writer writer;
    PyObject *bytes = NULL;
    unsigned char small[1024];

    begin(&writer, module, root, exact);
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

/* Parameters as a tuple and a dict, for the rare call that names some. */
static PyObject *dumps_named(PyObject *module, PyObject *const *args, Py_ssize_t nargs,
                             PyObject *names) {
    static char *known[] = {"obj", "protocol", "fix_imports", "buffer_callback", "exact", NULL};
    PyObject *tuple = PyTuple_New(nargs), *keywords = PyDict_New();
    PyObject *root, *protocol = NULL, *buffer_callback = NULL, *bytes = NULL;
    int fix_imports = 1, exact = 0, status = tuple == NULL || keywords == NULL ? -1 : 0;

    for (Py_ssize_t i = 0; i < nargs && status == 0; i++)
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(args[i]));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names) && status == 0; i++)
        status = PyDict_SetItem(keywords, PyTuple_GET_ITEM(names, i), args[nargs + i]);
    if (status == 0 &&
        PyArg_ParseTupleAndKeywords(tuple, keywords, "O|O$pOp:dumps", known, &root, &protocol,
                                    &fix_imports, &buffer_callback, &exact))
        bytes = dumps(module, root, protocol, fix_imports, buffer_callback, exact);
    Py_XDECREF(tuple);
    Py_XDECREF(keywords);
    return bytes;
}

PyObject *pickle_dumps(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
    Py_ssize_t named = names == NULL ? 0 : PyTuple_GET_SIZE(names);

    if (named > 0 || nargs < 1 || nargs > 2)
        return dumps_named(module, args, nargs,
                           names == NULL
                               ? ((struct pickle_state *)PyModule_GetState(module))->empty_tuple
                               : names);
    return dumps(module, args[0], nargs > 1 ? args[1] : NULL, 1, NULL, 0);
}
