#define _GNU_SOURCE
#include "base/os_threads.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int os_process(void) { return getpid(); }
int os_thread(void) { return (int)syscall(SYS_gettid); }

bool os_has_thread(int thread) {
    int saved_errno = errno;
    bool exists = syscall(SYS_tgkill, getpid(), thread, 0) == 0;
    errno = saved_errno;
    return exists;
}

/* ---- The C library ------------------------------------------------------------- */

/* Code of the C library: of glibc before 2.34 threads are a library of their own. */
static struct code {
    uintptr_t start, end;
} c_library[4];
enum { CODES = sizeof c_library / sizeof *c_library };

static bool is_c_library(const char *path) {
    static const char *const names[] = {"libc.so",  "libc-2", "libpthread",
                                        "ld-linux", "ld-2",   "ld-musl"};
    const char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(name, names[i], strlen(names[i])) == 0) return true;
    return false;
}

static int note_library(struct dl_phdr_info *library, size_t size, void *count) {
    int *used = count;
    (void)size;
    if (!is_c_library(library->dlpi_name)) return 0;
    for (int i = 0; i < library->dlpi_phnum && *used < CODES; i++) {
        const ElfW(Phdr) *segment = &library->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X)) continue;
        uintptr_t start = library->dlpi_addr + segment->p_vaddr;
        c_library[(*used)++] = (struct code){start, start + segment->p_memsz};
    }
    return 0;
}

/* glibc puts thread-local variables on the stack, which may be more of them than stack
 * was asked for. How many tells a function that no header declares. */
static size_t stack_taken;

static void ask_for_stack_taken(void) {
    size_t (*ask)(const pthread_attr_t *);
    *(void **)&ask = dlsym(RTLD_DEFAULT, "__pthread_get_minstack");
    if (ask) stack_taken = ask(NULL);
}

size_t os_stack_taken(void) {
    long least = sysconf(_SC_THREAD_STACK_MIN);
    size_t guess = least > 0 ? (size_t)least : 0;
    return stack_taken > guess ? stack_taken : guess;
}

void os_find_c_library(void) {
    int used = 0;
    dl_iterate_phdr(note_library, &used);
    ask_for_stack_taken();
}

bool os_in_c_library(const void *address) {
    for (int i = 0; i < CODES; i++)
        if ((uintptr_t)address - c_library[i].start < c_library[i].end - c_library[i].start)
            return true;
    return false;
}
