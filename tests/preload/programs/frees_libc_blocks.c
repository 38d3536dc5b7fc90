/* A library that frees what libc has allocated for it. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int use_memory(void) {
    char *text = NULL, *line = NULL;
    size_t room = 0;
    if (asprintf(&text, "%0*d", 300, 7) != 300) return 1;
    char *copy = strdup(text);
    FILE *file = fmemopen(text, 300, "r");
    if (!copy || !file || getline(&line, &room, file) != 300) return 2;
    int status = strcmp(line, copy) == 0 ? 0 : 3;
    fclose(file);
    free(line);
    copy = realloc(copy, 5000);
    free(text);
    free(copy);
    return status;
}
