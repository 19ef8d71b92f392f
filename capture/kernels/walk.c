/* The records of a window of a classic pcap file; the twin of PcapRecords._walked. */
#include "kernels.h"

typedef struct {
    const uint8_t *bytes;
    Py_ssize_t at, last, end; /* records begin in [at, last) and end at `end` or before */
    int big, header;
    uint32_t tick, largest; /* nanoseconds of a fraction's unit; captured bytes that one packet may claim */
} Window;

static Py_ssize_t walk(Window *window, Py_ssize_t most, int64_t *begin, int64_t *captured, int64_t *original, int64_t *time)
{
    const uint8_t *bytes = window->bytes;
    Py_ssize_t at = window->at, rows = 0;
    while (at < window->last && rows < most) {
        const uint8_t *head = bytes + at;
        uint32_t seconds, fraction, size, length;
        if (window->big) {
            seconds = be32(head), fraction = be32(head + 4), size = be32(head + 8), length = be32(head + 12);
        } else {
            seconds = le32(head), fraction = le32(head + 4), size = le32(head + 8), length = le32(head + 12);
        }
        if (size > window->largest || (Py_ssize_t)size > window->end - at - window->header)
            break;
        if (size == 0 && length == 0 && seconds == 0) /* what a crash leaves at the end of a file */
            break;
        at += window->header;
        begin[rows] = at;
        captured[rows] = size;
        original[rows] = length;
        time[rows++] = (int64_t)seconds * 1000000000 + (int64_t)fraction * window->tick;
        at += size;
    }
    window->at = at;
    return rows;
}

/* (buffer, at, last, end, big, header, tick, largest, (begin, captured, original, time)) -> (rows, where they end):
 * as many as there is room for. */
PyObject *pcap_records(PyObject *self, PyObject *args)
{
    Py_buffer buffer;
    PyObject *out;
    Window window;
    Columns columns;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*nnnpiIIO", &buffer, &window.at, &window.last, &window.end, &window.big,
                          &window.header, &window.tick, &window.largest, &out))
        return NULL;
    PyObject *result = NULL;
    window.bytes = buffer.buf;
    if (window.at < 0 || window.end > buffer.len || window.header < 16 || window.last > window.end - window.header + 1) {
        PyErr_SetString(PyExc_ValueError, "the window is not within its buffer");
    } else {
        if (borrow(&columns, out, "8888", 0, 1)) {
            Py_ssize_t rows, most = PY_SSIZE_T_MAX;
            for (int i = 0; i < columns.count; i++)
                if (columns.views[i].len / 8 < most)
                    most = columns.views[i].len / 8;
            Py_BEGIN_ALLOW_THREADS
            rows = walk(&window, most, columns.views[0].buf, columns.views[1].buf,
                        columns.views[2].buf, columns.views[3].buf);
            Py_END_ALLOW_THREADS
            give_back(&columns);
            result = Py_BuildValue("nn", rows, window.at);
        }
    }
    PyBuffer_Release(&buffer);
    return result;
}
