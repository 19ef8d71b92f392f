/* Packets put in order by conversation; the twin of grouping._sorted and grouping._Spare.gather. */
#include "kernels.h"

/* (rows, conversations, (key,), (sorted key, row)) -> None: a counting sort, which keeps file order. */
PyObject *order_rows(PyObject *self, PyObject *args)
{
    PyObject *in, *out, *result = NULL;
    Py_ssize_t rows, conversations;
    (void)self;
    if (!PyArg_ParseTuple(args, "nnOO", &rows, &conversations, &in, &out))
        return NULL;
    Columns from = {.count = 0}, to = {.count = 0};
    if (rows < 0 || conversations < 0 || rows > UINT32_MAX || conversations > INT32_MAX / 2) {
        PyErr_SetString(PyExc_ValueError, "too many rows");
    } else if (borrow(&from, in, "4", rows, 0) && borrow(&to, out, "44", rows, 1)) {
        const int32_t *key = from.views[0].buf;
        int32_t *sorted = to.views[0].buf;
        uint32_t *order = to.views[1].buf;
        uint32_t *place = PyMem_Calloc((size_t)conversations + 1, sizeof *place);
        int known = 1;
        if (place == NULL) {
            PyErr_NoMemory();
        } else {
            Py_BEGIN_ALLOW_THREADS
            for (Py_ssize_t row = 0; row < rows && known; row++) {
                known = key[row] >= 0 && key[row] >> 1 < conversations;
                if (known)
                    place[(key[row] >> 1) + 1]++;
            }
            for (Py_ssize_t i = 0; i < conversations; i++)
                place[i + 1] += place[i];
            for (Py_ssize_t row = 0; row < rows && known; row++) {
                uint32_t to_row = place[key[row] >> 1]++;
                order[to_row] = (uint32_t)row;
                sorted[to_row] = key[row];
            }
            Py_END_ALLOW_THREADS
            if (known)
                result = Py_NewRef(Py_None);
            else
                PyErr_SetString(PyExc_ValueError, "a key without a conversation");
        }
        PyMem_Free(place);
    }
    give_back(&to);
    give_back(&from);
    return result;
}

#define COPY(type)                                                       \
    for (; row < rows && order[row] < size; row++)                       \
        ((type *)to)[row] = ((const type *)from)[order[row]];

/* How many rows were copied: all, or as many as come before one beyond the column. */
static Py_ssize_t copy(const void *from, void *to, const uint32_t *order, Py_ssize_t rows, uint64_t size, Py_ssize_t item)
{
    Py_ssize_t row = 0;
    switch (item) {
    case 1: COPY(uint8_t) break;
    case 2: COPY(uint16_t) break;
    case 4: COPY(uint32_t) break;
    case 8: COPY(uint64_t) break;
    }
    return row;
}

/* (width, column, order, out) -> None: out[row] = column[order[row]] */
PyObject *gather(PyObject *self, PyObject *args)
{
    Py_buffer column, order, out;
    PyObject *result = NULL;
    Py_ssize_t item;
    (void)self;
    if (!PyArg_ParseTuple(args, "ny*y*w*", &item, &column, &order, &out))
        return NULL;
    Py_ssize_t rows = order.len / 4, done = 0;
    if ((item != 1 && item != 2 && item != 4 && item != 8) || order.len % 4 || out.len / item < rows) {
        PyErr_SetString(PyExc_ValueError, "these columns do not fit together");
    } else {
        Py_BEGIN_ALLOW_THREADS
        done = copy(column.buf, out.buf, order.buf, rows, (uint64_t)(column.len / item), item);
        Py_END_ALLOW_THREADS
        if (done == rows)
            result = Py_NewRef(Py_None);
        else
            PyErr_SetString(PyExc_IndexError, "a row beyond the column");
    }
    PyBuffer_Release(&out);
    PyBuffer_Release(&order);
    PyBuffer_Release(&column);
    return result;
}

/* Where connections start; `doubt` says of each conversation whether that needs a closer look. The twin of
 * splitting._starts. */
static void find_starts(Py_ssize_t rows, const int32_t *key, const uint16_t *flags, const uint32_t *seq, uint8_t *starts,
                        uint8_t *doubt)
{
    Py_ssize_t syn = -1; /* the last bare SYN of the conversation */
    int closed = 0, others = 0, lone = 0; /* since then a FIN or RST, and packets that were no RST; opened by a RST */
    for (Py_ssize_t row = 0; row < rows; row++) {
        int32_t conversation = key[row] >> 1;
        starts[row] = row == 0 || key[row - 1] >> 1 != conversation;
        int bare = (flags[row] & (SYN | ACK | FIN | RST)) == SYN;
        if (starts[row]) {
            syn = bare ? row : -1;
            closed = others = 0;
            lone = (flags[row] & RST) != 0;
            continue;
        }
        if (lone)
            doubt[conversation] = 1;
        if (!bare) {
            closed |= (flags[row] & (FIN | RST)) != 0;
            others |= (flags[row] & RST) == 0;
            continue;
        }
        int same_end = syn >= 0 && key[syn] == key[row], same_isn = syn >= 0 && seq[syn] == seq[row];
        int repeated = same_end && same_isn && (!closed || !others);
        int reused = same_end && !same_isn && (closed || syn == row - 1);
        if (reused)
            starts[row] = 1;
        else if (!repeated)
            doubt[conversation] = 1;
        syn = row;
        closed = others = 0;
    }
}

/* (rows, conversations, (key, flags, seq), (starts,), (doubt,)) -> None: rows sorted by conversation. */
PyObject *conversation_starts(PyObject *self, PyObject *args)
{
    PyObject *in, *out, *doubts, *result = NULL;
    Py_ssize_t rows, conversations;
    (void)self;
    if (!PyArg_ParseTuple(args, "nnOOO", &rows, &conversations, &in, &out, &doubts))
        return NULL;
    Columns from = {.count = 0}, to = {.count = 0}, doubt = {.count = 0};
    if (rows < 0 || conversations < 0) {
        PyErr_SetString(PyExc_ValueError, "no such number of rows");
        return NULL;
    }
    if (borrow(&from, in, "424", rows, 0) && borrow(&to, out, "1", rows, 1) &&
        borrow(&doubt, doubts, "1", conversations, 1)) {
        const int32_t *key = from.views[0].buf;
        int known = 1;
        for (Py_ssize_t row = 0; row < rows && known; row++)
            known = key[row] >= 0 && key[row] >> 1 < conversations;
        if (!known) {
            PyErr_SetString(PyExc_ValueError, "a key without a conversation");
        } else {
            Py_BEGIN_ALLOW_THREADS
            memset(doubt.views[0].buf, 0, (size_t)conversations);
            find_starts(rows, key, from.views[1].buf, from.views[2].buf, to.views[0].buf, doubt.views[0].buf);
            Py_END_ALLOW_THREADS
            result = Py_NewRef(Py_None);
        }
    }
    give_back(&doubt);
    give_back(&to);
    give_back(&from);
    return result;
}
