/* Preloaded: a system whose pages are of 16 KiB, for whoever asks it that way. */
#include <elf.h>

unsigned long __getauxval(unsigned long type);

unsigned long getauxval(unsigned long type) {
    return type == AT_PAGESZ ? 16384 : __getauxval(type);
}
