#include "flat_parser.h"

/* What the steps below return. */
enum step { FAILED = -1, VALUE_FOLLOWS, VALUE_IS_THERE, RECORD_IS_THERE };

void *flat_over(struct flat_parser *parser, const unsigned char *wrong, const char *format,
                Py_ssize_t bound) {
    PyOS_snprintf(parser->words, sizeof parser->words, format, bound);
    flat_fail(&parser->cursor, wrong, parser->words);
    return NULL;
}

static enum step expected(struct flat_parser *parser, const unsigned char *wrong,
                          const char *words) {
    flat_fail(&parser->cursor, wrong, words);
    return FAILED;
}

/* ---- The stacks ---------------------------------------------------------- */

/* Makes an array twice as long; -1: no memory. */
static int grow(void *array, size_t *room, size_t size) {
    void **place = array, *larger;
    size_t more = *room == 0 ? 64 : 2 * *room;

    larger = PyMem_Realloc(*place, more * size);
    if (larger == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    *place = larger;
    *room = more;
    return 0;
}

/* Takes over the reference. */
static enum step push(struct flat_parser *parser, PyObject *value, size_t height) {
    if (value == NULL) return FAILED;
    if (parser->count == parser->room &&
        grow(&parser->values, &parser->room, sizeof *parser->values) < 0) {
        Py_DECREF(value);
        return FAILED;
    }
    parser->values[parser->count++] = value;
    parser->height = height;
    return VALUE_IS_THERE;
}

static struct flat_open *innermost(struct flat_parser *parser) {
    return parser->depth == 0 ? NULL : &parser->open[parser->depth - 1];
}

static enum step open_bracket(struct flat_parser *parser, enum flat_kind kind, size_t start) {
    if (parser->depth == (size_t)parser->bounds.max_depth) {
        flat_over(parser, parser->cursor.at, "at most %zd brackets in one another",
                  parser->bounds.max_depth);
        return FAILED;
    }
    if (parser->depth == parser->open_room &&
        grow(&parser->open, &parser->open_room, sizeof *parser->open) < 0)
        return FAILED;
    parser->open[parser->depth++] =
        (struct flat_open){.kind = kind, .start = start, .item = parser->cursor.at, .height = 0};
    return VALUE_FOLLOWS;
}

/* ---- Values -------------------------------------------------------------- */

/* The items of the innermost bracket become one value. */
static enum step close_bracket(struct flat_parser *parser) {
    struct flat_open *open = innermost(parser), *outer;
    size_t height = open->height + 1;
    PyObject *value;

    if (open->kind == FLAT_FROZENSET && parser->count > open->start &&
        !PySet_CheckExact(parser->values[open->start]))
        return expected(parser, open->item, "a set");
    value = flat_close(open->kind, parser->values + open->start, parser->count - open->start,
                       open->height == 0);
    parser->count = open->start;
    parser->depth--;
    outer = innermost(parser);
    if (outer != NULL && outer->height < height) outer->height = height;
    return push(parser, value, height);
}

static bool may_close(const struct flat_open *open, enum flat_token token) {
    if (open == NULL || open->must) return false;
    switch (open->kind) {
    case FLAT_BARE:
        return token == FLAT_END;
    case FLAT_TUPLE:
    case FLAT_FROZENSET:
        return token == FLAT_CLOSE_TUPLE;
    case FLAT_LIST:
        return token == FLAT_CLOSE_LIST;
    default:
        return token == FLAT_CLOSE_BRACE;
    }
}

static const char *value_or_end(const struct flat_open *open) {
    static const char *const words[] = {
        [FLAT_TUPLE] = "a value or ')'",   [FLAT_BARE] = "a value or the end of the line",
        [FLAT_LIST] = "a value or ']'",    [FLAT_BRACE] = "a value or '}'",
        [FLAT_DICT] = "a value or '}'",    [FLAT_SET] = "a value or '}'",
        [FLAT_FROZENSET] = "a set or ')'",
    };

    return open == NULL || open->must ? "a value" : words[open->kind];
}

static enum step no_value(struct flat_parser *parser) {
    return expected(parser, parser->cursor.at, value_or_end(innermost(parser)));
}

/* What begins with a name: a leaf, or set() and frozenset(...). */
static enum step take_name(struct flat_parser *parser) {
    struct flat_cursor *cursor = &parser->cursor;
    enum flat_name name;

    if (!flat_scan_name(cursor, &name)) return no_value(parser);
    switch (name) {
    case FLAT_NAME_NONE:
        return push(parser, Py_NewRef(Py_None), 0);
    case FLAT_NAME_TRUE:
        return push(parser, Py_NewRef(Py_True), 0);
    case FLAT_NAME_FALSE:
        return push(parser, Py_NewRef(Py_False), 0);
    case FLAT_NAME_ELLIPSIS:
        return push(parser, Py_NewRef(Py_Ellipsis), 0);
    default:
        break;
    }
    if (!flat_take(cursor, '(', "'('")) return FAILED;
    if (name == FLAT_NAME_FROZENSET) return open_bracket(parser, FLAT_FROZENSET, parser->count);
    if (!flat_take(cursor, ')', "')', as sets with items are written in braces")) return FAILED;
    return push(parser, PySet_New(NULL), 1);
}

static enum step take_bracket(struct flat_parser *parser, enum flat_kind kind) {
    enum step step = open_bracket(parser, kind, parser->count);

    if (step != FAILED) parser->cursor.at++;
    return step;
}

/* A leaf, an opening bracket, or a closing one behind a comma or an opening one. */
static enum step take_value(struct flat_parser *parser) {
    enum flat_token token = flat_peek(&parser->cursor);
    struct flat_open *open = innermost(parser);
    bool is_key =
        open != NULL && (open->kind == FLAT_BRACE || open->kind == FLAT_DICT) && !open->is_value;

    if (open != NULL) open->item = parser->cursor.at;
    switch (token) {
    case FLAT_NUMBER:
    case FLAT_STRING:
        return push(parser, flat_parse_leaf(parser, token, is_key), 0);
    case FLAT_POINTS:
        return take_name(parser);
    case FLAT_NAME:
        if (flat_is_number_name(&parser->cursor))
            return push(parser, flat_parse_leaf(parser, FLAT_NUMBER, is_key), 0);
        return take_name(parser);
    case FLAT_OPEN_TUPLE:
        return take_bracket(parser, FLAT_TUPLE);
    case FLAT_OPEN_LIST:
        return take_bracket(parser, FLAT_LIST);
    case FLAT_OPEN_BRACE:
        return take_bracket(parser, FLAT_BRACE);
    default:
        break;
    }
    if (!may_close(open, token)) return no_value(parser);
    if (token != FLAT_END) parser->cursor.at++;
    /* "()" is a tuple, though it has no comma; "{}" is a dict. */
    if (open->kind == FLAT_BRACE) open->kind = FLAT_DICT;
    return close_bracket(parser);
}

/* ---- Behind a value ------------------------------------------------------ */

/* The last value becomes a key of a dict or an item of a set. */
static enum step check_key(struct flat_parser *parser, const struct flat_open *open) {
    if (parser->height == 0) return VALUE_IS_THERE;
    if (parser->height > FLAT_DEEPEST_KEY) {
        flat_over(parser, open->item, "a key of at most %zd brackets", FLAT_DEEPEST_KEY);
        return FAILED;
    }
    if (PyObject_Hash(parser->values[parser->count - 1]) != -1) return VALUE_IS_THERE;
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) return FAILED;
    PyErr_Clear();
    return expected(parser, open->item, "a key or item that is hashable");
}

static enum step go_on(struct flat_parser *parser, struct flat_open *open) {
    parser->cursor.at++;
    open->must = open->is_value = false;
    open->comma = true;
    return VALUE_FOLLOWS;
}

static enum step close_here(struct flat_parser *parser, struct flat_open *open,
                            enum flat_token token) {
    if (token != FLAT_END) parser->cursor.at++;
    if (open->kind == FLAT_TUPLE && !open->comma) { /* a value in parentheses */
        size_t height = parser->height;
        struct flat_open *outer;

        parser->depth--;
        outer = innermost(parser);
        if (outer != NULL && outer->height < height) outer->height = height;
        return VALUE_IS_THERE;
    }
    return close_bracket(parser);
}

static const char *comma_or_end(const struct flat_open *open) {
    static const char *const words[] = {
        [FLAT_TUPLE] = "',' or ')'", [FLAT_BARE] = "',' or the end of the line",
        [FLAT_LIST] = "',' or ']'",  [FLAT_BRACE] = "':', ',' or '}'",
        [FLAT_DICT] = "',' or '}'",  [FLAT_SET] = "',' or '}'",
        [FLAT_FROZENSET] = "')'",
    };

    return open->kind == FLAT_DICT && !open->is_value ? "':'" : words[open->kind];
}

static enum step behind_key(struct flat_parser *parser, struct flat_open *open,
                            enum flat_token token) {
    if (token == FLAT_COLON && open->kind != FLAT_SET) {
        parser->cursor.at++;
        open->kind = FLAT_DICT;
        open->must = open->is_value = true;
        return VALUE_FOLLOWS;
    }
    if (open->kind == FLAT_BRACE && (token == FLAT_COMMA || token == FLAT_CLOSE_BRACE))
        open->kind = FLAT_SET;
    if (open->kind != FLAT_SET) return expected(parser, parser->cursor.at, comma_or_end(open));
    return VALUE_IS_THERE;
}

/* At the top of the line: a comma makes it a tuple. */
static enum step behind_record(struct flat_parser *parser, enum flat_token token) {
    if (token == FLAT_END) return RECORD_IS_THERE;
    if (token != FLAT_COMMA)
        return expected(parser, parser->cursor.at, "',' or the end of the line");
    if (open_bracket(parser, FLAT_BARE, 0) == FAILED) return FAILED;
    innermost(parser)->height = parser->height;
    return go_on(parser, innermost(parser));
}

static enum step behind_value(struct flat_parser *parser) {
    enum flat_token token = flat_peek(&parser->cursor);
    struct flat_open *open = innermost(parser);

    if (token == FLAT_COMMA && open != NULL && open->kind <= FLAT_LIST) return go_on(parser, open);
    if (open == NULL) return behind_record(parser, token);
    if (open->kind == FLAT_BRACE || open->kind == FLAT_SET ||
        (open->kind == FLAT_DICT && !open->is_value)) {
        enum step step = check_key(parser, open);

        if (step != FAILED) step = behind_key(parser, open, token);
        if (step != VALUE_IS_THERE) return step;
    }
    open->must = false;
    if (token == FLAT_COMMA && open->kind != FLAT_FROZENSET) return go_on(parser, open);
    if (may_close(open, token)) return close_here(parser, open, token);
    return expected(parser, parser->cursor.at, comma_or_end(open));
}

/* ---- Lines --------------------------------------------------------------- */

/* The commonest case, which the others would find out step by step: behind an item of
 * a tuple or list comes what repr writes between two. */
static bool another_follows(struct flat_parser *parser) {
    const struct flat_open *open = innermost(parser);
    const unsigned char *at = parser->cursor.at;

    if (open == NULL || open->kind > FLAT_LIST || parser->cursor.end - at < 2) return false;
    if (at[0] != ',' || at[1] != ' ') return false;
    parser->cursor.at = at + 2;
    parser->open[parser->depth - 1].comma = true;
    return true;
}

static enum step parse(struct flat_parser *parser) {
    enum step step = VALUE_FOLLOWS;

    while (step != FAILED && step != RECORD_IS_THERE) {
        do step = take_value(parser);
        while (step == VALUE_IS_THERE && another_follows(parser));
        while (step == VALUE_IS_THERE) step = behind_value(parser);
    }
    return step;
}

PyObject *flat_parse(struct flat_parser *parser, const unsigned char *start,
                     const unsigned char *end) {
    parser->cursor = (struct flat_cursor){start, end, NULL, NULL};
    if (parse(parser) == RECORD_IS_THERE) return parser->values[--parser->count];
    while (parser->count > 0) Py_DECREF(parser->values[--parser->count]);
    parser->depth = 0;
    return NULL;
}

void flat_parser_clear(struct flat_parser *parser) {
    PyObject **cache = parser->cache;

    PyMem_Free(parser->values);
    PyMem_Free(parser->open);
    parser->values = NULL;
    parser->open = NULL;
    parser->room = parser->open_room = 0;
    parser->cache = NULL;
    if (cache != NULL)
        for (size_t i = 0; i < FLAT_CACHE_SLOTS; i++) Py_XDECREF(cache[i]);
    PyMem_Free(cache);
}
