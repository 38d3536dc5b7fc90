/* maps.c: lines of /proc/PID/maps, and finding in them. */
#include "inspect/maps.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit.h"

static struct mapped parsed(const char *line) {
    struct mapped item;
    if (!maps_parse(&item, line)) fail_msg("not parsed: %s", line);
    return item;
}

static void a_line_says_what_is_mapped(void **state) {
    struct mapped item =
        parsed("555500000000-555500002000 rw-p 00003000 08:01 1234   /usr/bin/python3.11\n");
    (void)state;
    assert_int_equal(item.start, 0x555500000000);
    assert_int_equal(item.end, 0x555500002000);
    assert_true(item.is_writable && item.is_private && !item.is_executable && !item.is_anonymous);
    assert_string_equal(item.path, "/usr/bin/python3.11");
    free(item.path);
    item = parsed("7f0000000000-7f0000001000 r-xs 00000000 fd:00 9 /a");
    assert_true(!item.is_writable && !item.is_private && item.is_executable);
    assert_string_equal(item.path, "/a");
    free(item.path);
}

static void memory_without_a_file_is_anonymous(void **state) {
    static const struct {
        const char *end;
        bool is_anonymous;
        const char *path;
    } lines[] = {
        {"0\n", true, ""},
        {"0", true, ""},
        {"0   \n", true, ""},
        {"0   [heap]\n", true, "[heap]"},
        {"0   [anon:Python]\n", true, "[anon:Python]"},
        {"0   [anon_shmem:x]\n", true, "[anon_shmem:x]"},
        {"0   [stack]\n", false, "[stack]"},
        {"0   [vdso]\n", false, "[vdso]"},
        {"77  /dev/zero (deleted)\n", false, "/dev/zero (deleted)"},
        {"77  /tmp/a\\012b c \n", false, "/tmp/a\\012b c "},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        char line[128];
        snprintf(line, sizeof line, "7f0000000000-7f0000001000 rw-p 00000000 00:00 %s",
                 lines[i].end);
        struct mapped item = parsed(line);
        assert_int_equal(item.is_anonymous, lines[i].is_anonymous);
        assert_string_equal(item.path, lines[i].path);
        free(item.path);
    }
}

static void what_is_no_such_line_is_refused(void **state) {
    static const char *const lines[] = {
        "",
        "\n",
        "7f0000000000",
        "7f0000000000-7f0000001000",
        "7f0000000000-7f0000001000 rw-p",
        "7f0000000000-7f0000001000 rw-p 0 00:00",
        "7f0000000000-7f0000001000 rw 0 00:00 0\n",
        "7f0000001000-7f0000000000 rw-p 0 00:00 0\n",
        "7f0000000000-7f0000000000 rw-p 0 00:00 0\n",
        "x-y rw-p 0 00:00 0\n",
    };
    struct mapped item;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++) assert_false(maps_parse(&item, lines[i]));
}

static void a_mapping_is_found_by_any_of_its_addresses(void **state) {
    struct mapped items[] = {{.start = 4096, .end = 8192},
                             {.start = 8192, .end = 12288},
                             {.start = 20480, .end = 24576}};
    struct maps maps = {.items = items, .count = COUNT_OF(items)}, none = {0};
    (void)state;
    assert_null(maps_at(&maps, 4095));
    assert_ptr_equal(maps_at(&maps, 4096), &items[0]);
    assert_ptr_equal(maps_at(&maps, 8191), &items[0]);
    assert_ptr_equal(maps_at(&maps, 8192), &items[1]);
    assert_null(maps_at(&maps, 12288));
    assert_ptr_equal(maps_at(&maps, 24575), &items[2]);
    assert_null(maps_at(&maps, 24576));
    assert_null(maps_at(&none, 4096));
}

static void our_own_are_read(void **state) {
    struct maps maps;
    int local;
    (void)state;
    void *heap = malloc(1);
    assert_int_equal(maps_read(&maps, getpid()), 0);
    const struct mapped *code = maps_at(&maps, (uintptr_t)our_own_are_read);
    assert_true(code && code->is_executable && strcmp(code->path, maps.program) == 0);
    assert_non_null(maps_at(&maps, (uintptr_t)heap));
    assert_non_null(maps_at(&maps, (uintptr_t)&local));
    for (size_t i = 1; i < maps.count; i++)
        assert_true(maps.items[i].start >= maps.items[i - 1].end);
    maps_end(&maps);
    assert_int_equal(maps_read(&maps, 0x3fffffff), ENOENT);
    maps_end(&maps);
    free(heap);
}

static void pages_that_were_touched_are_present(void **state) {
    enum { PAGES = 100, PAGE = 4096 };
    uint64_t bits[2];
    char *pages =
        mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int pagemap = open("/proc/self/pagemap", O_RDONLY);
    (void)state;
    madvise(pages, PAGES * PAGE, MADV_NOHUGEPAGE);
    pages[0] = pages[70 * PAGE] = pages[99 * PAGE] = 1;
    assert_true(maps_present(pagemap, (uintptr_t)pages, PAGES, bits));
    assert_int_equal(bits[0], 1);
    assert_int_equal(bits[1], 1ull << 6 | 1ull << 35);
    assert_false(maps_present(-1, (uintptr_t)pages, PAGES, bits));
    close(pagemap);
    munmap(pages, PAGES * PAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_says_what_is_mapped),
        cmocka_unit_test(memory_without_a_file_is_anonymous),
        cmocka_unit_test(what_is_no_such_line_is_refused),
        cmocka_unit_test(a_mapping_is_found_by_any_of_its_addresses),
        cmocka_unit_test(our_own_are_read),
        cmocka_unit_test(pages_that_were_touched_are_present),
    };
    return cmocka_run_group_tests_name("maps", tests, NULL, NULL);
}
