/* Events by the evaluation of frames (PEP 523), for 3.11: a watched frame is
 * entered and left here, and traced line by line in between; the frames it calls
 * are not traced, so they run at their speed.
 *
 * The interpreter has one trace function a thread. While a watched frame runs it
 * is ours, and whatever was there, a debugger's or a coverage tool's, is told
 * of every event too. Its argument stays where it is, so that sys.gettrace()
 * gives what sys.settrace() was given. While frames that are not watched run it
 * is in its place, so that it may be exchanged at any time. */
#include "watched.h"

#include "deep_stack.h"
#include "free_lists.h"
#include "greenlets.h"

#if PY_VERSION_HEX < 0x030C0000

#define Py_BUILD_CORE
#include <internal/pycore_frame.h>
#include <internal/pycore_gc.h>
#undef Py_BUILD_CORE

typedef _PyInterpreterFrame Frame;

static _PyFrameEvalFunction evaluate_before;

static __thread struct {
    Py_tracefunc other;   /* whom we tell of events; NULL: nobody                */
    const Frame *traced;  /* whose lines are told to us: by evaluation or a block */
    const Frame *entered; /* the innermost that evaluate_watched() runs           */
    const Frame *left;    /* whose block ended last                               */
    int is_awaiting_call; /* the traced frame runs, but is not entered yet        */
    int wants_frames;     /* all frames are evaluated here, for this thread       */
} here __attribute__((tls_model(SHOAL_TLS_MODEL)));

/* ---- Whether frames are evaluated here: it makes every call slower ------------------ */

static int wanting; /* threads, and one more for good */

static PyObject *evaluate(PyThreadState *thread, Frame *frame, int throws);

static void change_wanting(int by) {
    PyInterpreterState *interpreter = PyInterpreterState_Get();
    _PyFrameEvalFunction now = _PyInterpreterState_GetEvalFrameFunc(interpreter);
    wanting += by;
    if (wanting > 0 && now != evaluate) {
        evaluate_before = now;
        _PyInterpreterState_SetEvalFrameFunc(interpreter, evaluate);
    } else if (wanting == 0 && now == evaluate) {
        _PyInterpreterState_SetEvalFrameFunc(interpreter, evaluate_before);
    }
}

static int set_wanted(int wanted) {
    int was_wanted = here.wants_frames;
    here.wants_frames = wanted;
    if (wanted != was_wanted) change_wanting(wanted - was_wanted);
    return was_wanted;
}

int events_want_frames(void) { return set_wanted(1); }

void events_end_frames(int was_wanted) { set_wanted(was_wanted); }

/* ---- Whose the trace function is ----------------------------------------------- */

static int on_event(PyObject *argument_of_other, PyFrameObject *frame, int what,
                    PyObject *argument);

/* As the interpreter itself decides it. */
static void decide_tracing(PyThreadState *thread) {
    int is_traced = thread->c_tracefunc || thread->c_profilefunc;
    thread->cframe->use_tracing = is_traced && !thread->tracing ? 255 : 0;
}

static void trace_by_us(PyThreadState *thread) {
    if (thread->c_tracefunc != on_event) here.other = thread->c_tracefunc;
    thread->c_tracefunc = on_event;
    decide_tracing(thread);
}

static void trace_by_other(PyThreadState *thread) {
    if (thread->c_tracefunc == on_event) thread->c_tracefunc = here.other;
    decide_tracing(thread);
}

/* What it does to memory is not the line's. It may set another trace function. */
static int tell_other(PyObject *its_argument, PyFrameObject *frame, int what, PyObject *argument) {
    PyThreadState *thread = PyThreadState_Get();
    struct shoal_profile_pause pause;
    shoal_profile_pause(&pause);
    thread->c_tracefunc = here.other;
    int status = here.other(its_argument, frame, what, argument);
    if (thread->c_tracefunc != on_event) here.other = thread->c_tracefunc;
    thread->c_tracefunc = on_event;
    shoal_profile_resume(&pause);
    return status;
}

/* To trace a frame the interpreter makes an object for it, and for its code, once,
 * a table of lines. They are not the doing of the line that called it. */
static void disown_what_tracing_takes(const PyFrameObject *frame) {
    const void *lines = frame->f_frame->f_code->_co_linearray;
    shoal_profile_disown((const char *)frame - sizeof(PyGC_Head), sizeof(PyFrameObject));
    if (lines) shoal_profile_disown(lines, 0);
}

/* At an instruction RESUME, whose argument is 0 at the beginning. */
static void enter(struct shoal_function *function, const PyFrameObject *frame) {
    int is_resumed = _Py_OPARG(*frame->f_frame->prev_instr) != 0;
    disown_what_tracing_takes(frame);
    shoal_profile_enter(function, is_resumed ? frame->f_lineno : 0);
    here.is_awaiting_call = 0;
}

static int on_event(PyObject *argument_of_other, PyFrameObject *frame, int what,
                    PyObject *argument) {
    if (here.other && tell_other(argument_of_other, frame, what, argument) < 0) return -1;
    if (frame->f_frame != here.traced) return 0;
    struct shoal_function *function = watched_function((PyObject *)frame->f_frame->f_code);
    free_lists_settle();
    if (what == PyTrace_CALL && here.is_awaiting_call && function) enter(function, frame);
    if (what == PyTrace_LINE && function) shoal_profile_line(function, frame->f_lineno);
    return 0;
}

/* ---- Frames ---------------------------------------------------------------------- */

static int line_of(Frame *frame) {
    int at = _PyInterpreterFrame_LASTI(frame) * (int)sizeof(_Py_CODEUNIT);
    return PyCode_Addr2Line(frame->f_code, at);
}

static PyObject *evaluate_watched(PyThreadState *thread, Frame *frame, int throws,
                                  struct shoal_function *function) {
    greenlets_look();
    const Frame *was_traced = here.traced, *was_entered = here.entered;
    int is_called_by_traced = thread->cframe->current_frame == was_traced;
    int was_awaiting_call = here.is_awaiting_call;
    here.traced = here.entered = frame;
    here.is_awaiting_call = !throws;
    trace_by_us(thread);
    if (throws) shoal_profile_enter(function, line_of(frame)); /* that is no call */
    PyObject *result = evaluate_before(thread, frame, throws);
    free_lists_settle();
    if (!here.is_awaiting_call) shoal_profile_leave(function);
    here.traced = was_traced;
    here.entered = was_entered;
    here.is_awaiting_call = was_awaiting_call;
    if (is_called_by_traced)
        trace_by_us(thread);
    else
        trace_by_other(thread);
    return result;
}

/* Called by a traced frame; it may be the __exit__ that ends the tracing of it. */
static PyObject *evaluate_called(PyThreadState *thread, Frame *frame, int throws) {
    const Frame *caller = here.traced;
    trace_by_other(thread);
    here.traced = here.left = NULL;
    int was_wanted = set_wanted(0);
    PyObject *result = evaluate_before(thread, frame, throws);
    set_wanted(was_wanted);
    if (here.left != caller || here.entered == caller) {
        here.traced = caller;
        trace_by_us(thread);
    }
    return result;
}

/* A trace function is not told of what asking runs. */
static struct shoal_function *ask(PyThreadState *thread, PyObject *code) {
    PyThreadState_EnterTracing(thread);
    struct shoal_function *function = watched_newcomer(code);
    PyThreadState_LeaveTracing(thread);
    decide_tracing(thread);
    return function;
}

static PyObject *evaluate_here(PyThreadState *thread, Frame *frame, int throws) {
    PyObject *code = (PyObject *)frame->f_code;
    int is_new;
    struct shoal_function *function = watched_or_new(code, &is_new);
    if (is_new && !throws) function = ask(thread, code);
    if (function && function->is_watched) return evaluate_watched(thread, frame, throws, function);
    if (here.traced && thread->cframe->current_frame == here.traced)
        return evaluate_called(thread, frame, throws);
    return evaluate_before(thread, frame, throws);
}

/* The interpreter itself needs no more of C's stack for a Python function that calls
 * another, however deep. With us between, each call does. */

struct evaluation {
    PyThreadState *thread;
    Frame *frame;
    int throws;
    PyObject *result;
};

static void evaluate_further_on(void *argument) {
    struct evaluation *this = argument;
    this->result = evaluate_here(this->thread, this->frame, this->throws);
}

static __attribute__((noinline)) PyObject *evaluate_deep(PyThreadState *thread, Frame *frame,
                                                         int throws) {
    struct evaluation this = {thread, frame, throws, NULL};
    if (deep_stack_call(evaluate_further_on, &this)) return this.result;
    if (frame->owner == FRAME_OWNED_BY_GENERATOR) return evaluate_here(thread, frame, throws);
    PyErr_SetString(PyExc_RecursionError, "maximum recursion depth exceeded on this stack");
    return NULL;
}

static PyObject *evaluate(PyThreadState *thread, Frame *frame, int throws) {
    if (__builtin_expect(deep_stack_is_needed(), 0)) return evaluate_deep(thread, frame, throws);
    return evaluate_here(thread, frame, throws);
}

/* ---- See watched.h ------------------------------------------------------------------ */

static int evaluate_all(void) {
    static int is_for_good;
    if (!is_for_good) change_wanting(1);
    is_for_good = 1;
    return 0;
}

int events_begin(PyObject *Py_UNUSED(code), int Py_UNUSED(was_refused)) { return evaluate_all(); }

int events_end(PyObject *Py_UNUSED(code)) { return 0; }

int events_of_new(int wanted) { return wanted ? evaluate_all() : 0; }

int events_need(size_t Py_UNUSED(bytes)) { return 0; }

int events_need_object(size_t Py_UNUSED(bytes)) { return 0; }

static const Frame *innermost_of(PyThreadState *thread, PyObject *code) {
    const Frame *frame = thread->cframe->current_frame;
    while (frame && (PyObject *)frame->f_code != code) frame = frame->previous;
    return frame;
}

void events_enter_running(struct shoal_function *function, PyObject *code, int line) {
    PyThreadState *thread = PyThreadState_Get();
    here.traced = innermost_of(thread, code);
    trace_by_us(thread);
    shoal_profile_enter(function, line);
}

void events_leave_running(struct shoal_function *function, PyObject *code) {
    PyThreadState *thread = PyThreadState_Get();
    shoal_profile_leave(function);
    here.left = innermost_of(thread, code);
    here.traced = NULL;
    trace_by_other(thread);
}

/* The other greenlet's frames are none of ours. */
void events_set_aside(struct events_strand *strand) {
    PyThreadState *thread = PyThreadState_Get();
    trace_by_other(thread);
    *strand = (struct events_strand){
        (void *)here.other, here.traced,           here.entered,
        here.left,          here.is_awaiting_call, set_wanted(0),
    };
    here.traced = here.entered = here.left = NULL;
    here.is_awaiting_call = 0;
}

void events_take_up(const struct events_strand *strand) {
    set_wanted(strand->wants_frames);
    here.traced = strand->traced;
    here.entered = strand->entered;
    here.left = strand->left;
    here.is_awaiting_call = strand->is_awaiting_call;
    if (here.traced)
        trace_by_us(PyThreadState_Get());
    else
        trace_by_other(PyThreadState_Get());
}

#endif
