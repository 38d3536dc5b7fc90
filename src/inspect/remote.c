#include "inspect/remote.h"

#include <string.h>
#include <sys/mman.h>

#include "inspect/text.h"

/* Mapped, for a process may read itself: no heap of it is to be changed by what is read. */
enum { CACHE_BYTES = REMOTE_CACHE * sizeof(struct remote_page) };

bool remote_init(struct remote *remote, remote_read_function *read, void *context) {
    remote->read = read;
    remote->present = NULL;
    remote->context = context;
    remote->looks_left = REMOTE_LOOKS;
    remote->bytes_left = UINT64_MAX;
    remote->cache =
        mmap(NULL, CACHE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (remote->cache == MAP_FAILED) remote->cache = NULL;
    return remote->cache != NULL;
}

void remote_end(struct remote *remote) {
    if (remote->cache) munmap(remote->cache, CACHE_BYTES);
    remote->cache = NULL;
}

size_t remote_read(struct remote *remote, uint64_t address, void *buffer, size_t bytes) {
    if (bytes > remote->bytes_left) return 0;
    remote->bytes_left -= bytes;
    size_t got = remote->read(remote->context, address, buffer, bytes);
    return got < bytes ? got : bytes;
}

bool remote_present(struct remote *remote, uint64_t address, size_t pages, uint64_t *bits) {
    uint64_t cost = pages * sizeof(uint64_t); /* what the system tells of a page */
    if (remote->present && cost <= remote->bytes_left) {
        remote->bytes_left -= cost;
        if (remote->present(remote->context, address, pages, bits)) return true;
    }
    memset(bits, 0, (pages + 63) / 64 * sizeof *bits);
    return false;
}

static bool has_bit(const uint64_t *bits, size_t bit) { return bits[bit / 64] >> bit % 64 & 1; }

size_t remote_read_present(struct remote *remote, uint64_t address, void *buffer, size_t bytes,
                           const uint64_t *bits, size_t first_bit) {
    char *to = buffer;
    size_t pages = bytes / REMOTE_PAGE;
    for (size_t page = 0, end; page < pages; page = end) {
        bool is_there = has_bit(bits, first_bit + page);
        for (end = page + 1; end < pages; end++)
            if (has_bit(bits, first_bit + end) != is_there) break;
        size_t at = page * REMOTE_PAGE, size = (end - page) * REMOTE_PAGE;
        if (!is_there) {
            memset(to + at, 0, size);
            continue;
        }
        size_t got = remote_read(remote, address + at, to + at, size);
        if (got < size) return at + got;
    }
    return pages * REMOTE_PAGE;
}

static bool spend(struct remote *remote, uint64_t looks) {
    bool can = remote->looks_left >= looks;
    remote->looks_left = can ? remote->looks_left - looks : 0;
    return can;
}

/* The page, whole, or NULL. */
static const uint8_t *page_at(struct remote *remote, uint64_t page) {
    struct remote_page *entry = &remote->cache[(page / REMOTE_PAGE) % REMOTE_CACHE];
    if (entry->page == (page | 1)) return spend(remote, 1) ? entry->bytes : NULL;
    entry->page = 0;
    if (!spend(remote, REMOTE_LOOKS_A_PAGE)) return NULL;
    if (remote->read(remote->context, page, entry->bytes, REMOTE_PAGE) < REMOTE_PAGE) return NULL;
    entry->page = page | 1;
    return entry->bytes;
}

bool remote_look(struct remote *remote, uint64_t address, void *buffer, size_t bytes) {
    char *to = buffer;
    if (address + bytes < address) return false;
    while (bytes > 0) {
        size_t offset = address % REMOTE_PAGE;
        size_t part = REMOTE_PAGE - offset < bytes ? REMOTE_PAGE - offset : bytes;
        const uint8_t *page = page_at(remote, address - offset);
        if (!page) return false;
        memcpy(to, page + offset, part);
        to += part;
        address += part;
        bytes -= part;
    }
    return true;
}

bool remote_word(struct remote *remote, uint64_t address, uint64_t *word) {
    return remote_look(remote, address, word, sizeof *word);
}

bool remote_text(struct remote *remote, uint64_t address, char *text, size_t room) {
    size_t length = 0;
    for (; length < room - 1; length++) {
        if (!remote_look(remote, address + length, &text[length], 1)) return false;
        if (text[length] == '\0') break;
    }
    text[length] = '\0';
    return text_is_printable(text);
}
