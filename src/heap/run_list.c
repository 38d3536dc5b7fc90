#include "heap/run_list.h"

#include "heap/arena.h"

enum {
    EXACT_LISTS = 32, /* list i holds runs of i + 1 pages        */
    LIST_SEARCH = 16, /* runs looked at in a list of mixed lengths */
};

unsigned run_list_of(size_t pages) {
    if (pages <= EXACT_LISTS) return (unsigned)pages - 1;
    unsigned doubling = 63u - (unsigned)__builtin_clzll(pages);
    unsigned index = EXACT_LISTS + (doubling - 5) * 2 + ((pages >> (doubling - 1)) & 1);
    return index < RUN_LISTS ? index : RUN_LISTS - 1;
}

void run_set_kind(struct pool *run, size_t pages, enum page_kind kind) {
    struct pool *last = run + pages - 1;
    run->run_pages = last->run_pages = pages;
    run->kind = last->kind = (uint8_t)kind;
}

static void link_first(struct pool *head, struct pool *run) {
    run->next = head->next;
    run->prev = head;
    head->next->prev = run;
    head->next = run;
}

void run_set_busy(struct arenas *arenas, struct pool *run, size_t pages) {
    run->lazy_pages = 0;
    run_set_kind(run, pages, PAGE_BUSY);
    link_first(&arenas->busy, run);
}

void run_end_busy(struct pool *run) {
    run->prev->next = run->next;
    run->next->prev = run->prev;
}

void run_link(struct arenas *arenas, struct pool *run, size_t pages, enum page_kind kind) {
    bool is_dirty = kind == PAGE_DIRTY;
    unsigned index = run_list_of(pages);
    run_set_kind(run, pages, kind);
    if (!is_dirty)
        run->lazy_pages = 0;
    else if (run->lazy_pages > pages)
        run->lazy_pages = LAZY_ALL;
    arenas->lazy_pages += run_lazy_pages(run);
    link_first(is_dirty ? &arenas->dirty[index] : &arenas->clean[index], run);
    *(is_dirty ? &arenas->dirty_lists : &arenas->clean_lists) |= 1ull << index;
    *(is_dirty ? &arenas->dirty_pages : &arenas->clean_pages) += pages;
}

void run_link_rest(struct arenas *arenas, struct pool *run, size_t pages, size_t used,
                   enum page_kind kind) {
    if (used == pages) return;
    run[used].lazy_pages = run->lazy_pages;
    run_link(arenas, run + used, pages - used, kind);
}

void run_unlink(struct arenas *arenas, struct pool *run) {
    bool is_dirty = run->kind == PAGE_DIRTY;
    size_t pages = run->run_pages;
    struct pool *after = run->next;
    arenas->lazy_pages -= run_lazy_pages(run);
    run->prev->next = after;
    after->prev = run->prev;
    *(is_dirty ? &arenas->dirty_pages : &arenas->clean_pages) -= pages;
    if (after == after->next) /* only the list's own head is left */
        *(is_dirty ? &arenas->dirty_lists : &arenas->clean_lists) &= ~(1ull << run_list_of(pages));
    run->kind = (run + pages - 1)->kind = PAGE_UNUSED;
}

void run_link_merged(struct arenas *arenas, struct pool *run, size_t pages, enum page_kind kind) {
    struct arena *arena = arena_of_record(arenas, run);
    size_t index = (size_t)(run - arena->records);
    size_t lazy = run->lazy_pages < pages ? run->lazy_pages : pages;
    struct pool *after = run + pages;
    run->kind = after[-1].kind = PAGE_UNUSED;
    if (index + pages < arena->top && after->kind == kind) {
        pages += after->run_pages;
        lazy += run_lazy_pages(after);
        run_unlink(arenas, after);
    }
    if (index > 0 && run[-1].kind == kind) {
        struct pool *before = run - run[-1].run_pages;
        pages += before->run_pages;
        lazy += run_lazy_pages(before);
        run_unlink(arenas, before);
        run = before;
    }
    run->lazy_pages = lazy < LAZY_ALL ? (uint16_t)lazy : LAZY_ALL;
    run_link(arenas, run, pages, kind);
}

struct pool *run_find(struct pool *lists, uint64_t filled, size_t pages) {
    unsigned index = run_list_of(pages);
    if (index >= EXACT_LISTS && (filled >> index & 1)) {
        int looks = index == RUN_LISTS - 1 ? -1 : LIST_SEARCH;
        struct pool *run = lists[index].next;
        for (; run != &lists[index] && looks != 0; run = run->next, looks--)
            if (run->run_pages >= pages) return run;
    }
    unsigned from = index < EXACT_LISTS ? index : index + 1;
    uint64_t longer = from < RUN_LISTS ? filled >> from << from : 0;
    return longer ? lists[__builtin_ctzll(longer)].next : NULL;
}
