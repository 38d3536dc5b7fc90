#define _GNU_SOURCE
#include "inspect/interpreter.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 512 << 20, OLDEST = 9, NEWEST = 13 };

static const char *name_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool is_libpython(const char *path) { return strncmp(name_of(path), "libpython", 9) == 0; }

static bool is_program(const struct maps *maps, size_t index) {
    return strcmp(maps->items[index].path, maps->program) == 0;
}

/* ---- Its data ------------------------------------------------------------------- */

static bool is_of_interpreter(const struct maps *maps, size_t index) {
    const char *path = maps->items[index].path;
    return path[0] == '/' && (is_libpython(path) || is_program(maps, index));
}

bool interpreter_has_data(const struct maps *maps, size_t index) {
    const struct mapped *mapped = &maps->items[index];
    if (!mapped->is_writable || !mapped->is_private) return false;
    if (is_of_interpreter(maps, index)) return true;
    if (!mapped->is_anonymous || index == 0 || mapped->path[0]) return false;
    return maps->items[index - 1].end == mapped->start && is_of_interpreter(maps, index - 1);
}

/* ---- Its version ------------------------------------------------------------------ */

/* "3.M.m" at the end of a string, which linkers may have made the end of another. */
static bool parse_version(const char *text, const char *end, struct interpreter *interpreter) {
    char *after;
    if (end - text < 8 || strncmp(text, "3.", 2) != 0 || !isdigit((unsigned char)text[2]))
        return false;
    long minor = strtol(text + 2, &after, 10);
    if (minor < OLDEST || minor > NEWEST || *after != '.' || !isdigit((unsigned char)after[1]))
        return false;
    size_t length = strnlen(text, (size_t)(end - text));
    if (length >= sizeof interpreter->version || length == (size_t)(end - text)) return false;
    if (strspn(text, "0123456789.abrc+") != length) return false;
    memcpy(interpreter->version, text, length + 1);
    interpreter->minor = (int)minor;
    return true;
}

static void search_bytes(const char *bytes, size_t size, struct interpreter *interpreter) {
    static const char mark[] = "PYTHONHASHSEED"; /* of every CPython, stripped or not */
    const char *end = bytes + size, *at = bytes;
    if (!memmem(bytes, size, mark, sizeof mark - 1)) return;
    interpreter->is_python = true;
    for (; (at = memmem(at, (size_t)(end - at), "3.", 2)) != NULL; at++)
        if (at > bytes && !isdigit((unsigned char)at[-1]) && at[-1] != '.' &&
            parse_version(at, end, interpreter))
            return;
}

static void search_file(const char *path, struct interpreter *interpreter) {
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0 &&
        status.st_size <= FILE_BYTES_MAX) {
        size_t size = (size_t)status.st_size;
        char *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
        if (bytes != MAP_FAILED) {
            search_bytes(bytes, size, interpreter);
            munmap(bytes, size);
        }
    }
    close(file);
}

void interpreter_find(struct interpreter *interpreter, const struct maps *maps, pid_t pid) {
    char path[4352];
    *interpreter = (struct interpreter){0};
    interpreter->program = maps->program;
    interpreter->is_pypy = strncmp(name_of(maps->program), "pypy", 4) == 0;
    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    search_file(path, interpreter);
    for (size_t i = 0; i < maps->count && interpreter->minor == 0; i++) {
        const struct mapped *mapped = &maps->items[i];
        if (strstr(name_of(mapped->path), "libpypy")) interpreter->is_pypy = true;
        if (!is_libpython(mapped->path) ||
            (i > 0 && !strcmp(mapped->path, maps->items[i - 1].path)))
            continue;
        snprintf(path, sizeof path, "/proc/%d/root%s", (int)pid, mapped->path);
        search_file(path, interpreter);
    }
}

/* ---- Its allocator -------------------------------------------------------------------- */

static bool find_variable(pid_t pid, const char *name, char *value, size_t room) {
    char path[64];
    char *entry = NULL;
    size_t entry_room = 0, length = strlen(name);
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && !found && getdelim(&entry, &entry_room, '\0', file) > 0)
        if ((found = strncmp(entry, name, length) == 0 && entry[length] == '='))
            snprintf(value, room, "%s", entry + length + 1);
    free(entry);
    if (file) fclose(file);
    return found;
}

void interpreter_guess_allocator(const struct maps *maps, pid_t pid, char *words, size_t room) {
    static const char *const libraries[] = {"jemalloc", "tcmalloc", "mimalloc", "snmalloc", "mesh"};
    const char *library = "the C library's";
    char value[64];
    for (size_t i = 0; i < maps->count; i++)
        for (size_t k = 0; k < sizeof libraries / sizeof *libraries; k++)
            if (strstr(name_of(maps->items[i].path), libraries[k])) library = libraries[k];
    if (find_variable(pid, "PYTHONMALLOC", value, sizeof value))
        snprintf(words, room, "%s malloc (PYTHONMALLOC=%s)", library, value);
    else
        snprintf(words, room, "%s malloc, or a free-threaded build's mimalloc", library);
}
