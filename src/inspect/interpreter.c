#define _GNU_SOURCE
#include "inspect/interpreter.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OLDEST = 9,
    NEWEST = 15,
    READ_BYTES = 1 << 20,
    OVERLAP = 64,            /* a text may lie on both sides of where a read ends */
    SEARCHED_MAX = 512 << 20, /* bytes of files */
    VARIABLES_MAX = 1 << 22, /* bytes of the environment that are looked at */
};

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
    size_t most = (size_t)(end - text), length = strnlen(text, most);
    if (length == most || length >= sizeof interpreter->version || length < strlen("3.9.0") ||
        strspn(text, "0123456789.abrc+") != length || !isdigit((unsigned char)text[2]))
        return false;
    long minor = strtol(text + 2, &after, 10);
    if (minor < OLDEST || minor > NEWEST || *after != '.' || !isdigit((unsigned char)after[1]))
        return false;
    memcpy(interpreter->version, text, length + 1);
    interpreter->minor = (int)minor;
    return true;
}

static void search_bytes(const char *bytes, size_t size, struct interpreter *interpreter) {
    static const char mark[] = "PYTHONHASHSEED"; /* of every CPython, stripped or not */
    const char *end = bytes + size, *at = bytes;
    if (memmem(bytes, size, mark, sizeof mark - 1)) interpreter->is_python = true;
    if (interpreter->minor) return;
    for (; (at = memmem(at, (size_t)(end - at), "3.", 2)) != NULL; at++)
        if (at > bytes && !isdigit((unsigned char)at[-1]) && at[-1] != '.' &&
            parse_version(at, end, interpreter))
            return;
}

static void search_mapping(struct interpreter *interpreter, struct remote *remote,
                           const struct mapped *mapped, char *bytes) {
    uint64_t size = mapped->end - mapped->start;
    for (uint64_t at = 0; at + OVERLAP < size; at += READ_BYTES - OVERLAP) {
        size_t most = size - at < READ_BYTES ? (size_t)(size - at) : READ_BYTES;
        search_bytes(bytes, remote_read(remote, mapped->start + at, bytes, most), interpreter);
    }
}

/* What is mapped of a file: its constants tell. They are read in the process rather
 * than in the file, which may be in a file system of its own, or have been replaced
 * since. */
static void search_image(struct interpreter *interpreter, struct remote *remote,
                         const struct maps *maps, size_t first, char *bytes, uint64_t *left) {
    struct interpreter found = *interpreter;
    for (size_t i = first; i < maps->count; i++) {
        const struct mapped *mapped = &maps->items[i];
        if (strcmp(mapped->path, maps->items[first].path) != 0) continue;
        if (mapped->end - mapped->start > *left) return;
        *left -= mapped->end - mapped->start;
        search_mapping(&found, remote, mapped, bytes);
        if (found.is_python && found.minor) *interpreter = found;
        if (found.is_python && found.minor) return;
    }
    interpreter->is_python |= found.is_python;
}

static bool is_first_of(const struct maps *maps, size_t index) {
    return index == 0 || strcmp(maps->items[index].path, maps->items[index - 1].path) != 0;
}

bool interpreter_find(struct interpreter *interpreter, struct remote *remote,
                      const struct maps *maps) {
    uint64_t left = SEARCHED_MAX;
    char *bytes = malloc(READ_BYTES);
    *interpreter = (struct interpreter){.program = maps->program};
    interpreter->is_pypy = strncmp(name_of(maps->program), "pypy", 4) == 0;
    for (size_t i = 0; bytes && i < maps->count && interpreter->minor == 0; i++) {
        if (strstr(name_of(maps->items[i].path), "libpypy")) interpreter->is_pypy = true;
        if (is_of_interpreter(maps, i) && is_first_of(maps, i))
            search_image(interpreter, remote, maps, i, bytes, &left);
    }
    free(bytes);
    return bytes != NULL;
}

/* ---- Its allocator -------------------------------------------------------------------- */

static bool find_variable(pid_t pid, const char *name, char *value, size_t room) {
    char path[64];
    size_t length = strlen(name);
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    char *variables = malloc(VARIABLES_MAX + 1);
    FILE *file = fopen(path, "re");
    size_t got = file && variables ? fread(variables, 1, VARIABLES_MAX, file) : 0;
    bool found = false;
    for (size_t at = 0; at < got && !found; at += strlen(variables + at) + 1) {
        variables[got] = '\0';
        const char *entry = variables + at;
        if ((found = strncmp(entry, name, length) == 0 && entry[length] == '='))
            snprintf(value, room, "%s", entry + length + 1);
    }
    free(variables);
    if (file) fclose(file);
    return found;
}

void interpreter_guess_allocator(const struct maps *maps, pid_t pid, char *words, size_t room) {
    static const char *const libraries[] = {"jemalloc", "tcmalloc", "mimalloc", "snmalloc", "mesh"};
    const char *library = "the C library";
    char value[64];
    for (size_t i = 0; i < maps->count; i++)
        for (size_t k = 0; k < sizeof libraries / sizeof *libraries; k++)
            if (strstr(name_of(maps->items[i].path), libraries[k])) library = libraries[k];
    bool is_told = find_variable(pid, "PYTHONMALLOC", value, sizeof value);
    if (is_told && strncmp(value, "mimalloc", 8) == 0) /* since 3.13 */
        snprintf(words, room, "mimalloc, which Python has built in (PYTHONMALLOC=%s)", value);
    else if (is_told)
        snprintf(words, room, "%s's malloc (PYTHONMALLOC=%s)", library, value);
    else
        snprintf(words, room, "%s's malloc", library);
}
