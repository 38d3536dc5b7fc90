/* Text from outside, and text for people. */
#ifndef SHOAL_INSPECT_TEXT_H
#define SHOAL_INSPECT_TEXT_H

#include <stdbool.h>

/* Whether it is UTF-8 without control characters, and not empty. A last
 * character that was cut off is taken away. */
bool text_is_printable(char *text);

/* What is not becomes question marks: no process writes to our terminal as it likes. */
void text_make_printable(char *text);

#endif
