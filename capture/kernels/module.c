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

static PyMethodDef methods[] = {
    {"pcap_records", pcap_records, METH_VARARGS, "Walk the records of a window of a pcap file."},
    {"tcp_headers", tcp_headers, METH_VARARGS, "Decode packets of the common layouts down to TCP."},
    {"conversations", conversations, METH_VARARGS, "Number packets by 5-tuple and scope."},
    {"near_repeats", near_repeats, METH_VARARGS, "Is a packet seen again among the few before it?"},
    {"neighbours", connections_neighbours, METH_VARARGS, "Each packet's neighbours in its connection."},
    {"segments", connections_segments, METH_VARARGS, "What stands out, and the plain tags."},
    {"totals", connections_totals, METH_VARARGS, "Counts of each connection's sides."},
    {"handshakes", connections_handshakes, METH_VARARGS, "Complete handshakes and their round trips."},
    {"signatures", connections_signatures, METH_VARARGS, "The kinds of segments in order of their first."},
    {"order_rows", order_rows, METH_VARARGS, "Rows by conversation, in file order within one."},
    {"gather", gather, METH_VARARGS, "A column in another order."},
    {"distinct_runs", distinct_runs, METH_VARARGS, "Number runs of words: equal ones alike."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_tcptriage", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__tcptriage(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (module != NULL && PyModule_AddIntConstant(module, "VERSION", 1) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
