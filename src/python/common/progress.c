#include "python/common/progress.h"

#include <math.h>

int tell_progress(PyObject *progress, uint64_t bytes, double part) {
    PyObject *answer;

    if (progress == NULL) return 0;
    if (isnan(part))
        answer = PyObject_CallFunction(progress, "KO", (unsigned long long)bytes, Py_None);
    else
        answer = PyObject_CallFunction(progress, "Kd", (unsigned long long)bytes, part);
    Py_XDECREF(answer);
    return answer == NULL ? -1 : 0;
}
