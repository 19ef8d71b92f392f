/* The extension module `_tcptriage`: loops over packets that numpy can only do in many passes. Each kernel has a twin
 * in numpy, which is used where no compiler was at hand, and which it must agree with (tests/capture/test_kernels.py).
 */
#include "kernels.h"

int borrow(Columns *columns, PyObject *tuple, const char *items, Py_ssize_t rows, int writable)
{
    columns->count = 0;
    Py_ssize_t wanted = (Py_ssize_t)strlen(items);
    if (!PyTuple_Check(tuple) || PyTuple_Size(tuple) != wanted || wanted > MOST_COLUMNS) {
        PyErr_Format(PyExc_TypeError, "a tuple of %zd columns is wanted", wanted);
        return 0;
    }
    for (Py_ssize_t i = 0; i < wanted; i++) {
        Py_buffer *view = &columns->views[i];
        int flags = writable ? PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE : PyBUF_C_CONTIGUOUS;
        if (PyObject_GetBuffer(PyTuple_GetItem(tuple, i), view, flags) < 0) {
            give_back(columns);
            return 0;
        }
        columns->count++;
        Py_ssize_t item = items[i] - '0';
        if (view->itemsize != item || view->len / item < rows) {
            PyErr_Format(PyExc_ValueError, "column %zd: %zd rows of %zd bytes are wanted", i, rows, item);
            give_back(columns);
            return 0;
        }
    }
    return 1;
}

void give_back(Columns *columns)
{
    while (columns->count > 0)
        PyBuffer_Release(&columns->views[--columns->count]);
}

static int sound(const int64_t *first, Py_ssize_t count, Py_ssize_t rows)
{
    if (first[0] != 0 || first[count] != rows || rows > INT32_MAX)
        return 0;
    for (Py_ssize_t i = 0; i < count; i++)
        if (first[i + 1] < first[i])
            return 0;
    return 1;
}

PyObject *run(PyObject *args, const Kernel *kernel)
{
    PyObject *begins, *in, *in_pairs, *rows, *pairs, *each, *result = NULL;
    Py_ssize_t n, packets;
    if (!PyArg_ParseTuple(args, "nnOOOOOO", &n, &packets, &begins, &in, &in_pairs, &rows, &pairs, &each))
        return NULL;
    if (n < 0 || packets < 0 || n > INT32_MAX / 2) {
        PyErr_SetString(PyExc_ValueError, "no such number of connections");
        return NULL;
    }
    Columns a = {.count = 0}, b = {.count = 0}, c = {.count = 0}, d = {.count = 0}, e = {.count = 0}, f = {.count = 0};
    if (borrow(&a, begins, "8", n + 1, 0) && borrow(&b, in, kernel->in, packets, 0) &&
        borrow(&c, in_pairs, kernel->in_pairs, 2 * n, 0) && borrow(&d, rows, kernel->rows, packets, 1) &&
        borrow(&e, pairs, kernel->pairs, 2 * n, 1) && borrow(&f, each, kernel->each, n, 1)) {
        const Connections connections = {n, a.views[0].buf, b.views, c.views, d.views, e.views, f.views};
        if (sound(connections.first, n, packets)) {
            Py_BEGIN_ALLOW_THREADS
            kernel->work(&connections);
            Py_END_ALLOW_THREADS
            result = Py_NewRef(Py_None);
        } else {
            PyErr_SetString(PyExc_ValueError, "the connections' rows are not in order");
        }
    }
    give_back(&f);
    give_back(&e);
    give_back(&d);
    give_back(&c);
    give_back(&b);
    give_back(&a);
    return result;
}

static PyMethodDef methods[] = {
    {"pcap_records", pcap_records, METH_VARARGS, "Walk the records of a window of a pcap file."},
    {"pcap_stream", pcap_stream, METH_VARARGS, "Read, walk and decode a pcap file."},
    {"tcp_headers", tcp_headers, METH_VARARGS, "Decode packets of the common layouts down to TCP."},
    {"conversations", conversations, METH_VARARGS, "Number packets by 5-tuple and scope."},
    {"near_repeats", near_repeats, METH_VARARGS, "Is a packet seen again among the few before it?"},
    {"neighbours", connections_neighbours, METH_VARARGS, "Each packet's neighbours in its connection."},
    {"offered", connections_offered, METH_VARARGS, "Window scales offered by each side."},
    {"conversation_starts", conversation_starts, METH_VARARGS, "Where connections start, and where it is doubtful."},
    {"segments", connections_segments, METH_VARARGS, "What stands out, and the plain tags."},
    {"totals", connections_totals, METH_VARARGS, "Counts of each connection's sides."},
    {"handshakes", connections_handshakes, METH_VARARGS, "Complete handshakes and their round trips."},
    {"signatures", connections_signatures, METH_VARARGS, "The kinds of segments in order of their first."},
    {"events", connections_events, METH_VARARGS, "What each packet says of its connection's end."},
    {"order_rows", order_rows, METH_VARARGS, "Rows by conversation, in file order within one."},
    {"gather", gather, METH_VARARGS, "A column in another order."},
    {"distinct_runs", distinct_runs, METH_VARARGS, "Number runs of words: equal ones alike."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_tcptriage", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__tcptriage(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (module != NULL && PyModule_AddIntConstant(module, "VERSION", 3) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
