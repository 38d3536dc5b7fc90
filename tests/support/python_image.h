/* An interpreter in a process that is not there: its types, its arenas and its pools,
 * laid out as a version of CPython does. */
#ifndef SHOAL_TESTS_PYTHON_IMAGE_H
#define SHOAL_TESTS_PYTHON_IMAGE_H

#include "image.h"
#include "inspect/layout.h"

enum {
    PYTHON_TABLE_ROOM = 16, /* arenas, as the interpreter makes the first table */
    PYTHON_NEWEST = 15,     /* the last row of layout.c */
};

struct python_image {
    struct image image;
    struct remote remote;
    const struct layout *layout;
    uint32_t arena_bytes; /* the layout's, until a test wants others */
    uint64_t data;   /* of the interpreter: a page of words */
    uint64_t table;  /* of arenas                           */
    uint64_t next;   /* where the next object is put        */
    uint64_t type;   /* the type of types                   */
    uint64_t str, dict;
    uint64_t newest; /* interpreter; 0 when there is but the main one */
    uint64_t interpreters;
};

void python_image_init(struct python_image *python, int minor);
void python_image_end(struct python_image *python);

/* ---- Objects: each gives its address ---- */

/* A type written in C; its name as C has it. */
uint64_t python_type(struct python_image *python, const char *name, uint64_t basic, uint64_t flags);

/* A class made in Python, whose dict says its module; NULL: says nothing. */
uint64_t python_class(struct python_image *python, const char *name, const char *module,
                      const char *qualified, uint64_t flags);

uint64_t python_str(struct python_image *python, const char *text);

/* A dict of strings, by pairs of addresses; `has_strings`: its entries have no hashes,
 * where the version knows such. */
uint64_t python_dict(struct python_image *python, const uint64_t (*pairs)[2], size_t count,
                     bool has_strings);

/* ---- Memory ---- */

/* Puts a table without arenas where `data` points to. */
void python_table(struct python_image *python);

/* Adds an interpreter beside the main one, with a table of its own, to which arenas
 * are added from here on. */
void python_interpreter(struct python_image *python);

/* Maps an arena and enters it: its first `pools` pools were used. */
void python_arena(struct python_image *python, uint32_t index, uint64_t address, uint32_t pools);

/* A pool of which the first `carved` blocks are live; gives its memory. */
uint8_t *python_pool(struct python_image *python, uint32_t index, uint64_t address,
                     uint32_t size_class, uint32_t carved);

/* The same in any memory, of a pool of so many bytes. */
void pool_build(uint8_t *pool, uint32_t bytes, uint32_t size_class, uint32_t carved);

/* Gives a live block back. */
void pool_release(uint8_t *pool, uint64_t address, uint32_t block);

/* Where a block is, from the pool's beginning. */
uint32_t pool_offset(const uint8_t *pool, uint32_t block);

/* Makes a block an object of a type, `header` bytes into it. */
void pool_put_object(uint8_t *pool, uint32_t block, uint32_t header, uint64_t type);

#endif
