/* A program that is linked with Python: `linked_python CODE`. Where it is not
 * position-independent, the addresses it takes are those of stubs in itself. */
#include <stddef.h>

int Py_IsInitialized(void);
void Py_Initialize(void);
int Py_FinalizeEx(void);
int PyRun_SimpleString(const char *code);
void *PyObject_Malloc(size_t size);

__attribute__((noinline)) static int run(int (*is_ready)(void), void *(*take)(size_t),
                                         const char *code) {
    if (is_ready()) return 1;
    Py_Initialize();
    if (!is_ready() || !take(1) || PyRun_SimpleString(code)) return 2;
    return Py_FinalizeEx() ? 3 : 0;
}

int main(int argc, char **argv) {
    return argc == 2 ? run(Py_IsInitialized, PyObject_Malloc, argv[1]) : 4;
}
