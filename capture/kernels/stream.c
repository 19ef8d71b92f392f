/* A pcap file read, walked and decoded piece by piece, while each piece is still in the cache. What is not of a common
 * layout is put aside with its bytes, for numpy. It ends before a record that it cannot take; who called reads on there.
 */
#define _POSIX_C_SOURCE 200809L
#include "kernels.h"

#include <unistd.h>

typedef struct {
    int file;
    int64_t at, last; /* file offsets: of the next record, and from which on none is begun */
    uint8_t *bytes;   /* room for a piece of the file */
    int64_t size, have, used;
} Input;

typedef struct {
    int64_t *begin, *captured, *original, *time, *offset;
    uint32_t *number;
    uint8_t *bytes;
    int64_t size, used;
    Py_ssize_t rows, most;
} Aside;

typedef struct {
    uint32_t number; /* of the last packet */
    int64_t lowest, highest, last;
} Seen;

/* Have `wanted` bytes of the next record in the room, if the file does. */
static int fetched(Input *in, int64_t wanted)
{
    if (in->have - in->used >= wanted)
        return 1;
    if (wanted > in->size)
        return 0;
    memmove(in->bytes, in->bytes + in->used, (size_t)(in->have - in->used));
    in->have -= in->used;
    in->used = 0;
    while (in->have < wanted) {
        ssize_t got = pread(in->file, in->bytes + in->have, (size_t)(in->size - in->have), in->at + in->have);
        if (got <= 0) /* the end; or an error, or a signal, which the caller meets by itself */
            return 0;
        in->have += got;
    }
    return 1;
}

static int put_aside(Aside *aside, const Record *record, const uint8_t *bytes, int64_t offset, uint32_t number)
{
    if (aside->rows == aside->most || record->captured > aside->size - aside->used)
        return 0;
    Py_ssize_t row = aside->rows++;
    memcpy(aside->bytes + aside->used, bytes, record->captured);
    aside->begin[row] = aside->used;
    aside->captured[row] = record->captured;
    aside->original[row] = record->original;
    aside->time[row] = record->time;
    aside->offset[row] = offset;
    aside->number[row] = number;
    aside->used += record->captured;
    return 1;
}

typedef struct {
    uint32_t *number;
    int64_t *time, *offset;
} Places;

static void stream(Input *in, const PcapForm *form, const Layout *layout, int64_t judged, Found *found,
                   const Places *places, Py_ssize_t most, Aside *aside, Seen *seen)
{
    while (found->rows < most && in->at < in->last) {
        Record record;
        if (!fetched(in, form->header) || !read_record(form, in->bytes + in->used, &record) ||
            !fetched(in, form->header + (int64_t)record.captured))
            return;
        const uint8_t *bytes = in->bytes + in->used + form->header;
        int64_t packet = in->at + form->header;
        int result = decode(layout, bytes, &record, judged - packet, found);
        if (result == LEFT && !put_aside(aside, &record, bytes, in->at, seen->number + 1))
            return;
        seen->number++;
        seen->last = record.time;
        if (record.time < seen->lowest)
            seen->lowest = record.time;
        if (record.time > seen->highest)
            seen->highest = record.time;
        if (result == FOUND) {
            places->number[found->rows] = seen->number;
            places->time[found->rows] = record.time;
            places->offset[found->rows++] = in->at;
        }
        in->used += form->header + (int64_t)record.captured;
        in->at = packet + record.captured;
    }
}

/* (file, at, last, number, (big, header, tick, largest), (skip, type_at), judged, tunnels, room, most,
 *  (number, time, offset, src, dst, sport, dport, seq, ack, flags, window, payload, ttl, ip_id, wscale, marks, content, v6_row),
 *  v6_ends, (begin, captured, original, time, offset, number), bytes)
 *  -> (found, v6, put aside, number of the last packet, at, (lowest, highest, last time)) */
PyObject *pcap_stream(PyObject *self, PyObject *args)
{
    Py_buffer tunnels, room, ends, bytes;
    PyObject *out, *rest, *result = NULL;
    Py_ssize_t most;
    long long at, last, judged;
    Input in = {0};
    PcapForm form;
    Layout layout;
    Seen seen = {0, INT64_MAX, INT64_MIN, 0};
    (void)self;
    if (!PyArg_ParseTuple(args, "iLLI(piII)(ii)Ly*w*nOw*Ow*", &in.file, &at, &last, &seen.number, &form.big, &form.header,
                          &form.tick, &form.largest, &layout.skip, &layout.type_at, &judged, &tunnels, &room, &most, &out,
                          &ends, &rest, &bytes))
        return NULL;
    in.at = at, in.last = last, in.bytes = room.buf, in.size = room.len;
    layout.tunnels = tunnels.buf;
    Columns to = {.count = 0}, others = {.count = 0};
    if ((form.header != 16 && form.header != 24) || at < 0 || !is_layout(&layout, tunnels.len) || most < 0 ||
        ends.len / 32 < most || judged < 0) {
        PyErr_SetString(PyExc_ValueError, "no such file or link layer, or too little room");
    } else if (borrow(&to, out, "488" FOUND_ITEMS "8", most, 1) && borrow(&others, rest, "888884", most, 1)) {
        const Places places = {to.views[0].buf, to.views[1].buf, to.views[2].buf};
        const Py_buffer *view = others.views;
        Aside aside = {view[0].buf, view[1].buf, view[2].buf, view[3].buf, view[4].buf, view[5].buf,
                       bytes.buf,   bytes.len,   0,           0,           most};
        Found found;
        found_in(&found, &to, 3, to.views[17].buf, ends.buf);
        Py_BEGIN_ALLOW_THREADS
        stream(&in, &form, &layout, judged, &found, &places, most, &aside, &seen);
        Py_END_ALLOW_THREADS
        result = Py_BuildValue("nnnIL(LLL)", found.rows, found.v6, aside.rows, seen.number, (long long)in.at,
                               (long long)seen.lowest, (long long)seen.highest, (long long)seen.last);
    }
    give_back(&others);
    give_back(&to);
    PyBuffer_Release(&bytes);
    PyBuffer_Release(&ends);
    PyBuffer_Release(&room);
    PyBuffer_Release(&tunnels);
    return result;
}
