#include "shoal/pickle_output.h"

#include <stdio.h>

static bool put_decimal(struct pickle_output *output, enum pickle_opcode opcode, size_t number) {
    char text[32];
    int length = snprintf(text, sizeof text, "%c%zu\n", opcode, number);

    return pickle_put(output, text, (size_t)length);
}

bool pickle_put_memo_get(struct pickle_output *output, size_t index, bool binary) {
    if (!binary) return put_decimal(output, PICKLE_GET, index);
    if (index < 256) return pickle_put_number(output, PICKLE_BINGET, index, 1);
    return pickle_put_number(output, PICKLE_LONG_BINGET, index, 4);
}

bool pickle_put_memo_put(struct pickle_output *output, size_t index, bool binary, bool counted) {
    if (counted) return pickle_put_opcode(output, PICKLE_MEMOIZE);
    if (!binary) return put_decimal(output, PICKLE_PUT, index);
    if (index < 256) return pickle_put_number(output, PICKLE_BINPUT, index, 1);
    return pickle_put_number(output, PICKLE_LONG_BINPUT, index, 4);
}

bool pickle_frame_open(struct pickle_output *output) {
    if (!output->framing) return true;
    if (pickle_output_room(output, PICKLE_FRAME_HEADER) == NULL) return false;
    output->frame = pickle_output_length(output);
    output->at += PICKLE_FRAME_HEADER;
    output->framed = true;
    output->boundary = output->frame + PICKLE_FRAME_HEADER + PICKLE_FRAME_TARGET;
    return true;
}

void pickle_frame_close(struct pickle_output *output) {
    unsigned char *header = output->start + output->frame;
    size_t length;

    if (!output->framed) return;
    length = (size_t)(output->at - header) - PICKLE_FRAME_HEADER;
    if (length >= PICKLE_FRAME_LEAST) {
        header[0] = PICKLE_FRAME;
        pickle_store(header + 1, length, 8);
    } else {
        memmove(header, header + PICKLE_FRAME_HEADER, length);
        output->at -= PICKLE_FRAME_HEADER;
    }
    output->framed = false;
}
