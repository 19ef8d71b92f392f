/* The records of a window of a classic pcap file; the twin of PcapRecords._in_lockstep. */
#include "kernels.h"

typedef struct {
    const uint8_t *bytes;
    Py_ssize_t at, last, end; /* records begin in [at, last) and end at `end` or before */
    PcapForm form;
} Window;

static Py_ssize_t walk(Window *window, Py_ssize_t most, int64_t *begin, int64_t *captured, int64_t *original,
                       int64_t *time)
{
    Py_ssize_t rows = 0;
    Record record;
    while (window->at < window->last && rows < most && read_record(&window->form, window->bytes + window->at, &record)) {
        if ((Py_ssize_t)record.captured > window->end - window->at - window->form.header)
            break;
        window->at += window->form.header;
        begin[rows] = window->at;
        captured[rows] = record.captured;
        original[rows] = record.original;
        time[rows++] = record.time;
        window->at += record.captured;
    }
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
    if (!PyArg_ParseTuple(args, "y*nnnpiIIO", &buffer, &window.at, &window.last, &window.end, &window.form.big,
                          &window.form.header, &window.form.tick, &window.form.largest, &out))
        return NULL;
    PyObject *result = NULL;
    window.bytes = buffer.buf;
    if (window.at < 0 || window.end > buffer.len || window.form.header < 16 || window.last > window.end - window.form.header + 1) {
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
