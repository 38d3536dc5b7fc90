/* What goes into the memo and what stays out of it: the rule of docs/pickle.md. */
#include "pickle_writer.h"

OWN_FRAME int pickle_write_from_memo(struct pickle_writer *writer, PyObject *object) {
    const struct pickle_memo_entry *entry;

    if (writer->fast) return 0;
    entry = pickle_memo_find(&writer->memo, object);
    if (entry == NULL) return 0;
    return pickle_put_memo_get(&writer->output, entry->index, writer->binary) ? 1 : -1;
}

OWN_FRAME int pickle_memorize(struct pickle_writer *writer, PyObject *object) {
    size_t index = writer->memo.count;

    if (writer->fast) return 0;
    if (!pickle_memo_add(&writer->memo, object, index)) {
        PyErr_NoMemory();
        return -1;
    }
    Py_INCREF(object);
    return pickle_put_memo_put(&writer->output, index, writer->binary, writer->protocol >= 4) ? 0
                                                                                              : -1;
}

void pickle_write_memo_release(struct pickle_write_memo *memo) {
    struct pickle_write_memo former = *memo;

    memset(memo, 0, sizeof *memo);
    for (size_t i = 0; i < former.count; i++) Py_DECREF((PyObject *)former.entries[i].object);
    pickle_memo_free(&former);
}

static int make_room(struct pickle_writer *writer) {
    size_t room = writer->unfinished_room ? 2 * writer->unfinished_room : 16;
    struct unfinished *grown = PyMem_Realloc(writer->unfinished, room * sizeof *grown);

    if (grown == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    writer->unfinished = grown;
    writer->unfinished_room = room;
    return 0;
}

OWN_FRAME int pickle_begin(struct pickle_writer *writer, PyObject *object) {
    size_t count = writer->unfinished_count;
    bool again = false;

    if (count == writer->unfinished_room && make_room(writer) < 0) return -1;
    for (size_t i = count; i-- > 0 && !again;) again = writer->unfinished[i].object == object;
    writer->unfinished[writer->unfinished_count++] = (struct unfinished){object, again};
    writer->suspended += again;
    return 0;
}

OWN_FRAME void pickle_finish(struct pickle_writer *writer) {
    writer->suspended -= writer->unfinished[--writer->unfinished_count].again;
}

/* As long as the memo costs nothing it costs less than looking the graph over. Before
 * an instance it must be done: writing its class looks for that, which is other code. */
static bool can_wait(const struct pickle_writer *writer, PyObject *object) {
    return writer->memo.count < PICKLE_FEW &&
           !PyType_HasFeature(Py_TYPE(object), Py_TPFLAGS_HEAPTYPE);
}

OWN_FRAME bool pickle_spares_mutable(struct pickle_writer *writer, PyObject *object, bool sole) {
    if (!pickle_spares_immutable(writer, sole)) return false;
    if (object == writer->temporary) return true;
    if (writer->rule == MEMO_UNDECIDED) {
        if (can_wait(writer, object)) return false;
        writer->rule = pickle_is_alone(writer) ? MEMO_SHARED : MEMO_MUTABLE;
    }
    return writer->rule == MEMO_SHARED;
}
