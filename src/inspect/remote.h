/* The memory of another process, or of a test's making. Every read is bounded by
 * the reader's buffer and may come back shorter than asked for, and all of them
 * together by what the reader is ready to spend: a process whose memory leads from
 * one place to the next without end is left when that is used up. */
#ifndef SHOAL_INSPECT_REMOTE_H
#define SHOAL_INSPECT_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REMOTE_PAGE = 4096,
    REMOTE_CACHE = 512,
    REMOTE_LOOKS = 1 << 28, /* a few seconds' worth */
    REMOTE_LOOKS_A_PAGE = 256, /* that a page from the process counts for */
};

/* Reads up to `bytes` at an address; gives how many came from its beginning. */
typedef size_t remote_read_function(void *context, uint64_t address, void *buffer, size_t bytes);

/* Sets a bit for each of the pages from an address on: whether the process has
 * touched it. False when that is not told. */
typedef bool remote_present_function(void *context, uint64_t address, size_t pages, uint64_t *bits);

/* With a cache of pages, for what is read word by word: types, names, tables. A
 * cached page is as it was when it was first read. */
struct remote {
    remote_read_function *read;
    remote_present_function *present; /* NULL: is not told, as at first */
    void *context;
    struct remote_page {
        uint64_t page; /* its address | 1, 0: none */
        uint8_t bytes[REMOTE_PAGE];
    } *cache; /* REMOTE_CACHE of them, by address */
    uint64_t looks_left;
    uint64_t bytes_left; /* for remote_read: set it, there is no bound at first */
};

/* False when there is no memory for the cache. */
bool remote_init(struct remote *remote, remote_read_function *read, void *context);
void remote_end(struct remote *remote);

/* Past the cache, for whole arenas. */
size_t remote_read(struct remote *remote, uint64_t address, void *buffer, size_t bytes);

/* Whether each page from an address on has been touched; false when that is not told,
 * and no bit is set. */
bool remote_present(struct remote *remote, uint64_t address, size_t pages, uint64_t *bits);

/* As remote_read, of whole pages; those without their bit are zero and are not read,
 * which would give the process a page that it had not. */
size_t remote_read_present(struct remote *remote, uint64_t address, void *buffer, size_t bytes,
                           const uint64_t *bits, size_t first_bit);

/* All of it or false. Through the cache. */
bool remote_look(struct remote *remote, uint64_t address, void *buffer, size_t bytes);
bool remote_word(struct remote *remote, uint64_t address, uint64_t *word);

/* A string up to its NUL, cut at room - 1 bytes; false when it cannot be read or
 * is not printable UTF-8. */
bool remote_text(struct remote *remote, uint64_t address, char *text, size_t room);

#endif
