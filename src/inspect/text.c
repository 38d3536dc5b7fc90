#include "inspect/text.h"

#include <stddef.h>
#include <stdint.h>

/* Bytes of the character that begins so, 0 when none does. */
static size_t character_bytes(uint8_t first) {
    if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
    if (first >= 0xc2 && first < 0xe0) return 2;
    if (first >= 0xe0 && first < 0xf0) return 3;
    return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

bool text_is_printable(char *text) {
    const uint8_t *at = (const uint8_t *)text;
    if (*at == 0) return false;
    while (*at) {
        size_t bytes = character_bytes(*at), more = 1;
        if (bytes == 0) return false;
        while (more < bytes && (at[more] & 0xc0) == 0x80) more++;
        if (more < bytes) {
            if (at[more] != 0) return false;
            text[(const char *)at - text] = '\0'; /* cut off within it */
            return text[0] != '\0';
        }
        at += bytes;
    }
    return true;
}
