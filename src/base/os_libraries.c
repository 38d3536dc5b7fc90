#define _GNU_SOURCE
#include "base/os_libraries.h"

#include <dlfcn.h>
#include <link.h>
#include <stddef.h>
#include <sys/auxv.h>

#ifdef SHOAL_HAS_DLADDR1

const char *os_library_at(const void *address, bool *is_stub) {
    Dl_info home;
    struct link_map *library = NULL;
    const ElfW(Sym) *symbol = NULL;
    dladdr1(address, &home, (void **)&library, RTLD_DL_LINKMAP);
    if (is_stub) {
        dladdr1(address, &home, (void **)&symbol, RTLD_DL_SYMENT);
        *is_stub = symbol && symbol->st_shndx == SHN_UNDEF;
    }
    return library ? library->l_name : NULL;
}

#else

/* Whether a library is the program: that has what the kernel says of it in it. */
static bool is_program(const void *base) {
    Dl_info program;
    const void *headers = (const void *)getauxval(AT_PHDR);
    return headers && dladdr(headers, &program) && program.dli_fbase == base;
}

/* Nothing is told of stubs here. */
const char *os_library_at(const void *address, bool *is_stub) {
    Dl_info home;
    if (is_stub) *is_stub = false;
    if (!dladdr(address, &home)) return NULL;
    return is_program(home.dli_fbase) ? "" : home.dli_fname;
}

#endif
