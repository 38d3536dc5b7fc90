/* The opcodes of pickle, protocols 0 to 5, as the module pickletools of the
 * standard library documents them one by one. */
#ifndef SHOAL_PICKLE_OPCODES_H
#define SHOAL_PICKLE_OPCODES_H

enum {
    PICKLE_HIGHEST_PROTOCOL = 5,
    PICKLE_FRAME_HEADER = 9,           /* bytes: the opcode and a length of 8 bytes */
    PICKLE_FRAME_TARGET = 64 * 1024,   /* bytes of a frame after which it is closed */
    PICKLE_FRAME_LEAST = 4,            /* bytes below which a frame has no header */
    PICKLE_BATCH = 1000,               /* items that are put into a container at a time */
};

enum pickle_opcode {
    /* protocols 0 and 1 */
    PICKLE_MARK = '(',
    PICKLE_STOP = '.',
    PICKLE_POP = '0',
    PICKLE_POP_MARK = '1',
    PICKLE_DUP = '2',
    PICKLE_FLOAT = 'F',
    PICKLE_INT = 'I',
    PICKLE_BININT = 'J',
    PICKLE_BININT1 = 'K',
    PICKLE_LONG = 'L',
    PICKLE_BININT2 = 'M',
    PICKLE_NONE = 'N',
    PICKLE_PERSID = 'P',
    PICKLE_BINPERSID = 'Q',
    PICKLE_REDUCE = 'R',
    PICKLE_STRING = 'S',
    PICKLE_BINSTRING = 'T',
    PICKLE_SHORT_BINSTRING = 'U',
    PICKLE_UNICODE = 'V',
    PICKLE_BINUNICODE = 'X',
    PICKLE_APPEND = 'a',
    PICKLE_BUILD = 'b',
    PICKLE_GLOBAL = 'c',
    PICKLE_DICT = 'd',
    PICKLE_EMPTY_DICT = '}',
    PICKLE_APPENDS = 'e',
    PICKLE_GET = 'g',
    PICKLE_BINGET = 'h',
    PICKLE_INST = 'i',
    PICKLE_LONG_BINGET = 'j',
    PICKLE_LIST = 'l',
    PICKLE_EMPTY_LIST = ']',
    PICKLE_OBJ = 'o',
    PICKLE_PUT = 'p',
    PICKLE_BINPUT = 'q',
    PICKLE_LONG_BINPUT = 'r',
    PICKLE_SETITEM = 's',
    PICKLE_TUPLE = 't',
    PICKLE_EMPTY_TUPLE = ')',
    PICKLE_SETITEMS = 'u',
    PICKLE_BINFLOAT = 'G',
    /* protocol 2 */
    PICKLE_PROTO = 0x80,
    PICKLE_NEWOBJ = 0x81,
    PICKLE_EXT1 = 0x82,
    PICKLE_EXT2 = 0x83,
    PICKLE_EXT4 = 0x84,
    PICKLE_TUPLE1 = 0x85,
    PICKLE_TUPLE2 = 0x86,
    PICKLE_TUPLE3 = 0x87,
    PICKLE_NEWTRUE = 0x88,
    PICKLE_NEWFALSE = 0x89,
    PICKLE_LONG1 = 0x8a,
    PICKLE_LONG4 = 0x8b,
    /* protocol 3 */
    PICKLE_BINBYTES = 'B',
    PICKLE_SHORT_BINBYTES = 'C',
    /* protocol 4 */
    PICKLE_SHORT_BINUNICODE = 0x8c,
    PICKLE_BINUNICODE8 = 0x8d,
    PICKLE_BINBYTES8 = 0x8e,
    PICKLE_EMPTY_SET = 0x8f,
    PICKLE_ADDITEMS = 0x90,
    PICKLE_FROZENSET = 0x91,
    PICKLE_NEWOBJ_EX = 0x92,
    PICKLE_STACK_GLOBAL = 0x93,
    PICKLE_MEMOIZE = 0x94,
    PICKLE_FRAME = 0x95,
    /* protocol 5 */
    PICKLE_BYTEARRAY8 = 0x96,
    PICKLE_NEXT_BUFFER = 0x97,
    PICKLE_READONLY_BUFFER = 0x98,
};

#endif
