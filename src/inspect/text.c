#include "inspect/text.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { CUT_OFF = -1 };

/* Bytes of the character that begins so, 0 when none does. */
static int bytes_of(uint8_t first) {
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first < 0xe0) return 2;
    if (first >= 0xe0 && first < 0xf0) return 3;
    return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

/* No control characters, no halves of pairs, nothing that is written longer than it
 * need be, nothing beyond Unicode. */
static bool is_fit(uint32_t code, int bytes) {
    static const uint32_t least[] = {0, 0x20, 0xa0, 0x800, 0x10000};
    return code >= least[bytes] && code != 0x7f && (code < 0xd800 || code > 0xdfff) &&
           code <= 0x10ffff;
}

/* Bytes of the character that `at` begins with, 0 when it is none that people should
 * see, CUT_OFF when the text ends within it. */
static int character(const uint8_t *at) {
    int bytes = bytes_of(*at);
    if (bytes <= 1) return bytes && is_fit(*at, 1) ? 1 : 0;
    uint32_t code = *at & (0x7f >> bytes);
    for (int i = 1; i < bytes; i++) {
        if (at[i] == 0) return CUT_OFF;
        if ((at[i] & 0xc0) != 0x80) return 0;
        code = code << 6 | (at[i] & 0x3f);
    }
    return is_fit(code, bytes) ? bytes : 0;
}

bool text_is_printable(char *text) {
    char *at = text;
    while (*at) {
        int bytes = character((const uint8_t *)at);
        if (bytes == 0) return false;
        if (bytes == CUT_OFF) *at = '\0';
        if (bytes > 0) at += bytes;
    }
    return *text != '\0';
}

void text_make_printable(char *text) {
    while (*text) {
        int bytes = character((const uint8_t *)text);
        if (bytes <= 0) *text = '?';
        text += bytes > 0 ? bytes : 1;
    }
}
