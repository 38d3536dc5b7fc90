/* What looks like a Python that cannot be served. With -DFREE_THREADED one without
 * the interpreter lock, else one that is too old. */
#include <stddef.h>
#include <stdio.h>

int Py_IsInitialized(void) { return 0; }

#ifdef FREE_THREADED
#define HAS(name) \
    void *name(void) { return NULL; }
HAS(PyMem_GetAllocator)
HAS(PyMem_SetAllocator)
HAS(PyObject_GetArenaAllocator)
HAS(PyObject_SetArenaAllocator)
HAS(PyObject_Malloc)
HAS(PyObject_Free)
HAS(PyThreadState_GetUnchecked)
HAS(PyGILState_GetThisThreadState)
HAS(PyThreadState_GetInterpreter)
HAS(PyInterpreterState_Head)
HAS(PyInterpreterState_Main)
HAS(_Py_MergeZeroLocalRefcount)
#endif

int main(void) {
    puts("ran");
    return 0;
}
