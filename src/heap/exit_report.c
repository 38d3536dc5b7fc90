/* SHOAL_STATS=<pid>|all: where the memory was, on standard error at exit.
 *
 * Of a Python the figures are taken by the first function that was registered with
 * atexit, which is the last to run: the program has ended, and the interpreter has not
 * yet taken it apart. Of others they are taken when the library is left. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "heap/asked.h"
#include "shoal/heap.h"

enum {
    CLASSES_ROOM = 64,
    LINE_ROOM = 160,
    COPY_FROM = 100, /* descriptor: out of the way of a program that counts on low ones */
};

/* Standard error as it was at the start: programs close theirs before they end.
 * They may even close this copy, and open a file of theirs in its place. */
static int report_to = STDERR_FILENO;
static struct stat standard_error;

static void say(const char *line, int length) {
    if (length > 0 && write(report_to, line, (size_t)length) < 0) { /* closed: nobody asks */
    }
}

static void say_bytes(const char *name, size_t bytes, const char *meaning) {
    char line[LINE_ROOM];
    int length =
        snprintf(line, sizeof line, "  %-9s %11.1f KiB  %s\n", name, (double)bytes / 1024, meaning);
    say(line, length);
}

/* ---- The figures --------------------------------------------------------------- */

static struct figures {
    bool are_taken;
    struct shoal_usage usage;
    struct shoal_class_usage classes[CLASSES_ROOM];
    size_t class_count;
} figures;

static void take_figures(void) {
    if (figures.are_taken) return;
    shoal_usage(&figures.usage);
    figures.class_count = shoal_class_usage(figures.classes, CLASSES_ROOM);
    figures.are_taken = true;
}

static void say_classes(void) {
    char line[LINE_ROOM];
    say(line, snprintf(line, sizeof line, "  %10s %9s %11s %14s %14s\n", "block size", "pools",
                       "blocks", "live KiB", "held KiB"));
    for (size_t i = 0; i < figures.class_count && i < CLASSES_ROOM; i++) {
        const struct shoal_class_usage *class = &figures.classes[i];
        if (class->pools == 0) continue;
        say(line, snprintf(line, sizeof line, "  %10zu %9zu %11zu %14.1f %14.1f\n",
                           class->block_size, class->pools, class->live_blocks,
                           (double)class->live / 1024, (double)class->held / 1024));
    }
}

static int is_wanted(void) {
    const char *wish = getenv("SHOAL_STATS");
    return wish && (strcmp(wish, "all") == 0 || asks_this_process(wish));
}

/* ---- Before a Python is taken apart ----------------------------------------------- */

/* As CPython's PyMethodDef. */
struct method {
    const char *name;
    void *(*call)(void *self, void *arguments);
    int flags;
    const char *doc;
};

static struct {
    int (*add_audit_hook)(int (*hook)(const char *event, void *arguments, void *context),
                          void *context);
    void *(*import)(const char *name);
    void *(*call_method)(void *object, const char *name, const char *format, ...);
    void *(*make_function)(struct method *method, void *self, void *module);
    void (*keep)(void *object);
    void (*drop)(void *object);
    void (*clear_error)(void);
    void *none;
} python;

static void *at_exit(void *self, void *arguments) {
    (void)self;
    (void)arguments;
    take_figures();
    python.keep(python.none);
    return python.none;
}

/* Audit events "cpython.run_file" and the like come before anything of the program runs. */
static int await_program(const char *event, void *arguments, void *context) {
    static struct method method = {"shoal_at_exit", at_exit, 0x0004 /* METH_NOARGS */, NULL};
    static bool is_registered;
    (void)arguments;
    (void)context;
    if (is_registered || strncmp(event, "cpython.run_", 12) != 0) return 0;
    is_registered = true;
    void *module = python.import("atexit");
    void *function = module ? python.make_function(&method, NULL, NULL) : NULL;
    void *done = function ? python.call_method(module, "register", "(O)", function) : NULL;
    if (!done) python.clear_error();
    python.drop(done);
    python.drop(function);
    python.drop(module);
    return 0;
}

static void watch_python(void) {
    const struct {
        const char *name;
        void *to;
    } wanted[] = {
        {"PySys_AddAuditHook", &python.add_audit_hook},
        {"PyImport_ImportModule", &python.import},
        {"PyObject_CallMethod", &python.call_method},
        {"PyCFunction_NewEx", &python.make_function},
        {"Py_IncRef", &python.keep},
        {"Py_DecRef", &python.drop},
        {"PyErr_Clear", &python.clear_error},
        {"_Py_NoneStruct", &python.none},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        void *symbol = dlsym(RTLD_DEFAULT, wanted[i].name);
        if (!symbol) return;
        memcpy(wanted[i].to, &symbol, sizeof symbol);
    }
    python.add_audit_hook(await_program, NULL);
}

/* ---- The report ------------------------------------------------------------------- */

__attribute__((constructor)) static void keep_standard_error(void) {
    if (!is_wanted()) return;
    if (shoal_serves_malloc()) watch_python();
    int copy = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, COPY_FROM);
    if (copy >= 0) report_to = copy;
    fstat(report_to, &standard_error);
}

__attribute__((destructor)) static void report(void) {
    if (!is_wanted() || !is_still(report_to, &standard_error)) return;
    char line[LINE_ROOM];
    take_figures();
    const struct shoal_usage *usage = &figures.usage;
    say(line,
        snprintf(line, sizeof line, "shoal: memory of process %ld at exit\n", (long)getpid()));
    say_bytes("live", usage->live, "in blocks handed out");
    say_bytes("held", usage->held, "kept, used by no block:");
    say_bytes(" pinned", usage->pinned, "  in pages that live blocks share");
    say_bytes(" reserve", usage->reserve, "  in whole free pages");
    say_bytes("returned", usage->returned, "given back to the system since the start");
    say_bytes("metadata", usage->metadata, "the heap's own records");
    say_bytes("large", usage->large, "of live: blocks over 32 KiB");
    say_bytes("peak", usage->peak, "most of live, held and metadata at once");
    say_bytes("huge", usage->huge, "of live and held: in huge pages");
    say_classes();
}
