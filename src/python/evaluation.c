/* Events by the evaluation of frames (PEP 523), for 3.11: a watched frame is
 * entered and left here, and traced line by line in between; the frames it calls
 * are not traced, so they run at their speed. */
#include "watched.h"

#if PY_VERSION_HEX < 0x030C0000

#define Py_BUILD_CORE
#include <internal/pycore_frame.h>
#include <internal/pycore_gc.h>
#undef Py_BUILD_CORE

static _PyFrameEvalFunction evaluate_before;

/* The calling thread has begun to evaluate a watched frame, and not traced it yet. */
static __thread int is_fresh __attribute__((tls_model("initial-exec")));

/* To trace a frame the interpreter makes an object for it, and for its code, once,
 * a table of lines. They are not the doing of the line that called it. */
static void disown_what_tracing_takes(PyFrameObject *frame) {
    PyCodeObject *code = frame->f_frame->f_code;
    is_fresh = 0;
    shoal_profile_disown((char *)frame - sizeof(PyGC_Head), sizeof(PyFrameObject));
    if (code->_co_linearray) shoal_profile_disown(code->_co_linearray, 0);
}

static int on_event(PyObject *Py_UNUSED(self), PyFrameObject *frame, int what,
                    PyObject *Py_UNUSED(argument)) {
    if (is_fresh) disown_what_tracing_takes(frame);
    if (what != PyTrace_LINE) return 0;
    struct shoal_function *function = watched_function((PyObject *)frame->f_frame->f_code);
    if (function) shoal_profile_line(function, frame->f_lineno);
    return 0;
}

static PyObject *evaluate_untraced(PyThreadState *thread, _PyInterpreterFrame *frame, int throws) {
    _PyCFrame *around = thread->cframe;
    uint8_t was_tracing = around->use_tracing;
    around->use_tracing = thread->c_profilefunc ? was_tracing : 0;
    PyObject *result = evaluate_before(thread, frame, throws);
    around->use_tracing = was_tracing;
    return result;
}

/* A debugger's trace function waits meanwhile. */
static PyObject *evaluate_watched(PyThreadState *thread, _PyInterpreterFrame *frame, int throws,
                                  struct shoal_function *function) {
    Py_tracefunc tracer = thread->c_tracefunc;
    PyObject *tracer_argument = thread->c_traceobj;
    _PyCFrame *around = thread->cframe;
    uint8_t was_tracing = around->use_tracing;
    int at = _PyInterpreterFrame_LASTI(frame); /* below 0: at the beginning */
    int line = at < 0 ? 0 : PyCode_Addr2Line(frame->f_code, at * (int)sizeof(_Py_CODEUNIT));
    thread->c_tracefunc = on_event;
    thread->c_traceobj = NULL;
    around->use_tracing = 255;
    shoal_profile_enter(function, line);
    is_fresh = 1;
    PyObject *result = evaluate_before(thread, frame, throws);
    is_fresh = 0;
    shoal_profile_leave(function);
    around->use_tracing = was_tracing;
    thread->c_tracefunc = tracer;
    thread->c_traceobj = tracer_argument;
    return result;
}

static PyObject *evaluate(PyThreadState *thread, _PyInterpreterFrame *frame, int throws) {
    struct shoal_function *function = watched_function((PyObject *)frame->f_code);
    if (function && function->is_watched) return evaluate_watched(thread, frame, throws, function);
    if (thread->c_tracefunc == on_event) return evaluate_untraced(thread, frame, throws);
    return evaluate_before(thread, frame, throws);
}

int events_begin(PyObject *code) {
    (void)code;
    PyInterpreterState *interpreter = PyInterpreterState_Get();
    _PyFrameEvalFunction now = _PyInterpreterState_GetEvalFrameFunc(interpreter);
    if (now == evaluate) return 0;
    evaluate_before = now;
    _PyInterpreterState_SetEvalFrameFunc(interpreter, evaluate);
    return 0;
}

int events_end(PyObject *code) {
    (void)code;
    return 0;
}

int events_need(size_t bytes) {
    (void)bytes;
    return 0;
}

void events_enter_running(struct shoal_function *function, int line) {
    PyThreadState *thread = PyThreadState_Get();
    shoal_profile_enter(function, line);
    if (thread->c_tracefunc != NULL) return; /* watched already, or a debugger's */
    thread->c_tracefunc = on_event;
    thread->cframe->use_tracing = 255;
}

void events_leave_running(struct shoal_function *function) {
    PyThreadState *thread = PyThreadState_Get();
    shoal_profile_leave(function);
    if (thread->c_tracefunc != on_event || shoal_profile_depth() > 0) return;
    thread->c_tracefunc = NULL;
    thread->cframe->use_tracing = thread->c_profilefunc ? 255 : 0;
}

#endif
