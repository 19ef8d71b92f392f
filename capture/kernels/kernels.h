/* What the kernels share: columns that Python lends, and numbers in network order.
 *
 * Every column is a contiguous buffer that the caller owns. Its item size and length are checked before anything is
 * read or written, so a mistake in Python is an exception and never a stray write.
 */
#ifndef TCPTRIAGE_KERNELS_H
#define TCPTRIAGE_KERNELS_H

#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#define MOST_COLUMNS 32

typedef struct {
    Py_buffer views[MOST_COLUMNS];
    int count;
} Columns;

/* Borrow the columns of a tuple: `items` gives their item sizes in bytes, one digit a column; each has `rows` rows at
 * least. False, with an exception set and nothing borrowed, where they are not so. */
int borrow(Columns *columns, PyObject *tuple, const char *items, Py_ssize_t rows, int writable);
void give_back(Columns *columns);

static inline uint16_t be16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }

static inline uint32_t be32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline uint32_t le32(const uint8_t *at)
{
    return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

/* Nanoseconds from one time to another; those of a damaged file wrap, as numpy's do. */
static inline int64_t apart(int64_t later, int64_t earlier) { return (int64_t)((uint64_t)later - (uint64_t)earlier); }

/* A record of a pcap file, and how the file is written. */
typedef struct {
    uint32_t captured, original;
    int64_t time;
} Record;

typedef struct {
    int big, header;
    uint32_t tick, largest; /* nanoseconds of a fraction's unit; captured bytes that one packet may claim */
} PcapForm;

/* A link layer: its size, and where its type stands (-1: the version of IP tells); and a byte for each UDP port. */
typedef struct {
    int skip, type_at;
    const uint8_t *tunnels;
} Layout;

/* TCP packets decoded so far, of those that have room. src and dst of the rows `v6_row` are in `v6_ends`, 32 bytes each. */
typedef struct {
    Py_ssize_t rows, v6;
    int64_t *src, *dst;
    uint16_t *sport, *dport;
    uint32_t *seq, *ack;
    uint16_t *flags, *window;
    int32_t *payload;
    uint8_t *ttl;
    uint16_t *ip_id;
    int8_t *wscale;
    uint8_t *marks, *content;
    int64_t *v6_row;
    uint8_t *v6_ends;
} Found;

enum { FOUND, NONE, LEFT }; /* TCP; certainly none; for numpy to decode */
#define FOUND_ITEMS "88224422412111" /* widths of Found's columns from src to content */

/* Decode one packet into the row after the last one, which is not counted yet. `judged`: checksums are looked at of
 * packets that end so many bytes from `bytes` on, or before. */
int decode(const Layout *layout, const uint8_t *bytes, const Record *record, int64_t judged, Found *found);
/* Whether a link layer's numbers make sense, and `tunnels` bytes are enough. */
int is_layout(const Layout *layout, Py_ssize_t tunnels);
void found_in(Found *found, const Columns *columns, int first, int64_t *v6_row, uint8_t *v6_ends);

/* False where the header cannot be true, or is what a crash leaves at the end of a file. */
static inline int read_record(const PcapForm *form, const uint8_t *head, Record *record)
{
    uint32_t seconds, fraction;
    if (form->big) {
        seconds = be32(head), fraction = be32(head + 4);
        record->captured = be32(head + 8), record->original = be32(head + 12);
    } else {
        seconds = le32(head), fraction = le32(head + 4);
        record->captured = le32(head + 8), record->original = le32(head + 12);
    }
    record->time = (int64_t)seconds * 1000000000 + (int64_t)fraction * form->tick;
    return record->captured <= form->largest && (record->captured || record->original || seconds);
}

enum { FIN = 0x01, SYN = 0x02, RST = 0x04, ACK = 0x10, CONTROL = SYN | FIN | RST }; /* model.TcpFlags */

/* Packets in the order of their connections: rows first[i] … first[i + 1] - 1 are connection i's. */
typedef struct {
    Py_ssize_t count; /* of connections */
    const int64_t *first;
    /* Columns read: of each row, two of each connection; and written: of each row, two and one of each connection. */
    const Py_buffer *in, *in_pairs, *rows, *pairs, *each;
} Connections;

#define READ(type, i) ((const type *)connections->in[i].buf)
#define ROWS(type, i) ((type *)connections->rows[i].buf)
#define PAIRS(type, i) ((type *)connections->pairs[i].buf)
#define EACH(type, i) ((type *)connections->each[i].buf)

typedef struct {
    const char *in, *in_pairs, *rows, *pairs, *each; /* item sizes, one digit a column */
    void (*work)(const Connections *);
} Kernel;

/* Call a kernel: (connections, packets, (first,), in, in pairs, rows, pairs, each) -> None */
PyObject *run(PyObject *args, const Kernel *kernel);

#define KERNEL(name, ...)                                   \
    PyObject *connections_##name(PyObject *self, PyObject *args) \
    {                                                       \
        static const Kernel kernel = {__VA_ARGS__, name};   \
        (void)self;                                         \
        return run(args, &kernel);                          \
    }

PyObject *pcap_records(PyObject *self, PyObject *args);
PyObject *pcap_stream(PyObject *self, PyObject *args);
PyObject *tcp_headers(PyObject *self, PyObject *args);
PyObject *conversations(PyObject *self, PyObject *args);
PyObject *near_repeats(PyObject *self, PyObject *args);
PyObject *connections_neighbours(PyObject *self, PyObject *args);
PyObject *connections_offered(PyObject *self, PyObject *args);
PyObject *conversation_starts(PyObject *self, PyObject *args);
PyObject *connections_segments(PyObject *self, PyObject *args);
PyObject *connections_totals(PyObject *self, PyObject *args);
PyObject *connections_handshakes(PyObject *self, PyObject *args);
PyObject *connections_signatures(PyObject *self, PyObject *args);
PyObject *connections_events(PyObject *self, PyObject *args);
PyObject *order_rows(PyObject *self, PyObject *args);
PyObject *gather(PyObject *self, PyObject *args);
PyObject *distinct_runs(PyObject *self, PyObject *args);

#endif
