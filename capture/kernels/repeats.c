/* Whether a packet is seen again among the few before it; what numpy finds out with sights.second_sights. */
#include "kernels.h"

enum { NEAR = 8 }; /* wire.sights.NEAR */

typedef struct {
    const uint32_t *seq, *ack;
    const uint16_t *flags, *window;
    const int32_t *payload;
    const uint16_t *sport, *dport;
    const int64_t *src, *dst;
    const int32_t *scope;
    const int8_t *wscale;
    const uint16_t *ip_id;
} Fields;

static Fields fields_of(const Columns *columns)
{
    const Py_buffer *view = columns->views;
    return (Fields){view[0].buf, view[1].buf, view[2].buf, view[3].buf, view[4].buf,  view[5].buf,
                    view[6].buf, view[7].buf, view[8].buf, view[9].buf, view[10].buf, view[11].buf};
}

static int same(const Fields *one, Py_ssize_t i, const Fields *other, Py_ssize_t j)
{
    return one->seq[i] == other->seq[j] && one->ack[i] == other->ack[j] && one->flags[i] == other->flags[j] &&
           one->window[i] == other->window[j] && one->payload[i] == other->payload[j] &&
           one->sport[i] == other->sport[j] && one->dport[i] == other->dport[j] && one->src[i] == other->src[j] &&
           one->dst[i] == other->dst[j] && one->scope[i] == other->scope[j] && one->wscale[i] == other->wscale[j] &&
           one->ip_id[i] == other->ip_id[j];
}

static int any_repeat(const Fields *here, Py_ssize_t rows, const Fields *before, Py_ssize_t earlier)
{
    for (Py_ssize_t row = 0; row < rows; row++) {
        for (Py_ssize_t back = 1; back <= NEAR; back++) {
            Py_ssize_t other = row - back; /* negative: in the block before, counted from its end */
            if (other >= 0 ? same(here, row, here, other)
                           : earlier + other >= 0 && same(here, row, before, earlier + other))
                return 1;
        }
    }
    return 0;
}

/* (rows, (seq, ack, flags, window, payload, sport, dport, src, dst, scope, wscale, ip_id),
 *  earlier, (the same of the rows before)) -> bool */
PyObject *near_repeats(PyObject *self, PyObject *args)
{
    static const char items[] = "442242288412";
    PyObject *block, *last, *result = NULL;
    Py_ssize_t rows, earlier;
    (void)self;
    if (!PyArg_ParseTuple(args, "nOnO", &rows, &block, &earlier, &last))
        return NULL;
    Columns here = {.count = 0}, before = {.count = 0};
    if (rows < 0 || earlier < 0) {
        PyErr_SetString(PyExc_ValueError, "no such number of rows");
        return NULL;
    }
    if (borrow(&here, block, items, rows, 0) && borrow(&before, last, items, earlier, 0)) {
        Fields one = fields_of(&here), other = fields_of(&before);
        int found;
        Py_BEGIN_ALLOW_THREADS
        found = any_repeat(&one, rows, &other, earlier);
        Py_END_ALLOW_THREADS
        result = PyBool_FromLong(found);
    }
    give_back(&before);
    give_back(&here);
    return result;
}
