/* Packets of the common layouts, decoded down to TCP: a link layer of fixed size, IPv4 without fragments or IPv6
 * without extension headers, and a TCP header that was captured whole. All others are left to numpy; those that
 * certainly hold no TCP (UDP to no tunnel's port, ARP) are left out. The twin of Layers.segments.
 */
#include "kernels.h"

/* A packet's rest is handed on by value: kept in registers, it costs nothing. */
#define INLINE __attribute__((always_inline)) static inline

enum { TIMESTAMP = 0x01, BAD_CHECKSUM = 0x04, SACK = 0x08, IPV6 = 0x10, FAST_OPEN = 0x80 }; /* wire.columns.Mark */
enum { TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86DD, TYPE_ARP = 0x0806, TCP = 6, UDP = 17 };
enum { FOUND, NONE, LEFT }; /* TCP; certainly none; for numpy to decode */
enum { LARGEST_SCALE = 14, MOST_OPTIONS = 40, TIMESTAMP_ALONE = 0x0101080A };
enum { AHEAD = 8 }; /* packets whose bytes are fetched before they are looked at */

typedef struct {
    const uint8_t *at;
    int64_t captured, limit; /* bytes from `at` on that were captured, and that the packet has by its headers */
    int64_t judged;          /* … and whose checksum is looked at, if they are all of the packet */
} Rest;

typedef struct {
    int64_t *row, *src, *dst;
    uint16_t *sport, *dport;
    uint32_t *seq, *ack;
    uint16_t *flags, *window;
    int32_t *payload;
    uint8_t *ttl;
    uint16_t *ip_id;
    int8_t *wscale;
    uint8_t *marks;
} Out;

static void options(const uint8_t *at, const uint8_t *end, uint8_t *marks, int8_t *wscale)
{
    for (int i = 0; i < MOST_OPTIONS && at < end; i++) {
        int kind = at[0], length = kind <= 1 ? 1 : at[1];
        if (length >= 2 && length <= end - at) {
            if (kind == 8 && length == 10)
                *marks |= TIMESTAMP;
            else if (kind == 5 && length >= 10)
                *marks |= SACK;
            else if (kind == 34 && length > 2)
                *marks |= FAST_OPEN;
            else if (kind == 3 && length == 3)
                *wscale = (int8_t)(at[2] < LARGEST_SCALE ? at[2] : LARGEST_SCALE);
        }
        if (kind == 0 || (kind > 1 && length < 2)) /* the end, or a length that leads nowhere */
            return;
        at += length;
    }
}

/* Sum of 16-bit words in network order (RFC 1071). */
static uint64_t sum(const uint8_t *at, int64_t size)
{
    uint64_t total = 0;
    for (; size >= 2; at += 2, size -= 2)
        total += be16(at);
    return size ? total + ((uint64_t)*at << 8) : total;
}

static uint64_t folded(uint64_t total)
{
    while (total >> 16)
        total = (total & 0xFFFF) + (total >> 16);
    return total;
}

/* A checksum left to the network card holds the sum over the pseudo header alone, or nothing: that is not wrong. */
static int wrong_checksum(Rest rest, const uint8_t *addresses, int size)
{
    if (rest.limit > rest.captured || rest.limit > rest.judged || rest.limit < 20)
        return 0;
    uint64_t field = be16(rest.at + 16), pseudo = folded(sum(addresses, size) + TCP + (uint64_t)rest.limit);
    return field != 0 && field != pseudo && folded(pseudo + sum(rest.at, rest.limit)) != 0xFFFF;
}

INLINE int tcp(Rest rest, uint8_t marks, const uint8_t *addresses, int size, const Out *out, Py_ssize_t n)
{
    const uint8_t *at = rest.at;
    if (rest.captured < 20)
        return LEFT;
    uint16_t bits = be16(at + 12);
    int header = (bits >> 12) * 4;
    if (header < 20 || rest.captured < header)
        return LEFT;
    if (wrong_checksum(rest, addresses, size))
        marks |= BAD_CHECKSUM;
    int8_t wscale = -1;
    if (header == 32 && be32(at + 20) == TIMESTAMP_ALONE) /* how nearly every stack writes it */
        marks |= TIMESTAMP;
    else if (header > 20)
        options(at + 20, at + header, &marks, &wscale);
    out->sport[n] = be16(at);
    out->dport[n] = be16(at + 2);
    out->seq[n] = be32(at + 4);
    out->ack[n] = be32(at + 8);
    out->flags[n] = bits & 0x1FF;
    out->window[n] = be16(at + 14);
    out->payload[n] = (int32_t)(rest.limit > header ? rest.limit - header : 0);
    out->wscale[n] = wscale;
    out->marks[n] = marks;
    return FOUND;
}

INLINE int other(Rest rest, int protocol, const uint8_t *tunnels)
{
    if (protocol != UDP || rest.captured < 8)
        return LEFT;
    return tunnels[be16(rest.at)] || tunnels[be16(rest.at + 2)] ? LEFT : NONE;
}

/* `total` bytes from here on are the packet's; 0: all that there are (TSO). */
INLINE Rest within(Rest rest, int64_t total)
{
    if (total > 0 && total < rest.limit)
        rest.limit = total;
    if (rest.captured > rest.limit)
        rest.captured = rest.limit;
    return rest;
}

INLINE Rest past(Rest rest, int bytes)
{
    return (Rest){rest.at + bytes, rest.captured - bytes, rest.limit - bytes, rest.judged - bytes};
}

INLINE int ipv4(Rest rest, const uint8_t *tunnels, const Out *out, Py_ssize_t n)
{
    const uint8_t *at = rest.at;
    if (rest.captured < 20 || at[0] >> 4 != 4)
        return LEFT;
    int size = (at[0] & 15) * 4, total = be16(at + 2);
    if (size < 20 || (total < size && total != 0) || be16(at + 6) & 0x3FFF)
        return LEFT;
    rest = past(within(rest, total), size);
    if (at[9] != TCP)
        return other(rest, at[9], tunnels);
    out->src[n] = be32(at + 12);
    out->dst[n] = be32(at + 16);
    out->ttl[n] = at[8];
    out->ip_id[n] = be16(at + 4);
    return tcp(rest, 0, at + 12, 8, out, n);
}

INLINE int ipv6(Rest rest, const uint8_t *tunnels, const Out *out, Py_ssize_t n, uint8_t *addresses)
{
    const uint8_t *at = rest.at;
    if (rest.captured < 40 || at[0] >> 4 != 6)
        return LEFT;
    int length = be16(at + 4);
    rest = past(within(rest, length ? 40 + length : 0), 40);
    if (at[6] != TCP)
        return other(rest, at[6], tunnels);
    out->ttl[n] = at[7];
    out->ip_id[n] = 0;
    memcpy(addresses, at + 8, 32);
    return tcp(rest, IPV6, at + 8, 32, out, n);
}

typedef struct {
    const uint8_t *bytes, *tunnels;
    const int64_t *begin, *captured, *original;
    Py_ssize_t rows;
    Py_ssize_t judged; /* checksums are looked at of packets that end here or before */
    int skip, type_at; /* of the link layer: its size, and where its type stands; -1: the IP version tells */
} Packets;

typedef struct {
    Py_ssize_t found, left, v6;
} Counts;

INLINE int family(const Packets *packets, Rest frame)
{
    if (frame.captured < packets->skip + 1)
        return 0;
    if (packets->type_at >= 0)
        return be16(frame.at + packets->type_at);
    int version = frame.at[packets->skip] >> 4;
    return version == 4 ? TYPE_IPV4 : version == 6 ? TYPE_IPV6 : 0;
}

static Counts decode(const Packets *packets, const Out *out, int64_t *left, int64_t *v6_row, uint8_t *v6_ends)
{
    Counts counts = {0, 0, 0};
    for (Py_ssize_t row = 0; row < packets->rows; row++) {
        if (row + AHEAD < packets->rows)
            __builtin_prefetch(packets->bytes + packets->begin[row + AHEAD]);
        int64_t captured = packets->captured[row], original = packets->original[row];
        int64_t begin = packets->begin[row];
        Rest frame = {packets->bytes + begin, captured, original > captured ? original : captured,
                      packets->judged - begin};
        int type = family(packets, frame), result = LEFT;
        if (type == TYPE_IPV4)
            result = ipv4(past(frame, packets->skip), packets->tunnels, out, counts.found);
        else if (type == TYPE_IPV6)
            result = ipv6(past(frame, packets->skip), packets->tunnels, out, counts.found, v6_ends + counts.v6 * 32);
        else if (type == TYPE_ARP)
            result = NONE;
        if (result == FOUND) {
            if (type == TYPE_IPV6)
                v6_row[counts.v6++] = counts.found;
            out->row[counts.found++] = row;
        } else if (result == LEFT) {
            left[counts.left++] = row;
        }
    }
    return counts;
}

static int inside(const Packets *packets, Py_ssize_t size)
{
    for (Py_ssize_t row = 0; row < packets->rows; row++) {
        int64_t begin = packets->begin[row], captured = packets->captured[row];
        if (begin < 0 || captured < 0 || begin > size || captured > size - begin)
            return 0;
    }
    return 1;
}

/* (buffer, rows, skip, type_at, judged, tunnels, (begin, captured, original),
 *  (row, src, dst, sport, dport, seq, ack, flags, window, payload, ttl, ip_id, wscale, marks),
 *  (left, v6_row), v6_ends) -> (found, left, v6)
 *
 * `tunnels` has a byte for each UDP port. src and dst of the rows `v6_row` are not written: their 32 bytes are in
 * `v6_ends`. */
PyObject *tcp_headers(PyObject *self, PyObject *args)
{
    Py_buffer buffer, tunnels, ends;
    PyObject *records, *found, *rest, *result = NULL;
    Packets packets;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*niiny*OOOw*", &buffer, &packets.rows, &packets.skip, &packets.type_at, &packets.judged, &tunnels,
                          &records, &found, &rest, &ends))
        return NULL;
    Columns in = {.count = 0}, out = {.count = 0}, more = {.count = 0};
    packets.bytes = buffer.buf;
    packets.tunnels = tunnels.buf;
    if (packets.rows < 0 || tunnels.len < 1 << 16 || ends.len / 32 < packets.rows || packets.skip < 0 ||
        (packets.type_at >= 0 && packets.type_at + 2 > packets.skip)) {
        PyErr_SetString(PyExc_ValueError, "no such link layer, or too little room");
    } else if (borrow(&in, records, "888", packets.rows, 0) &&
               borrow(&out, found, "88822442241211", packets.rows, 1) &&
               borrow(&more, rest, "88", packets.rows, 1)) {
        packets.begin = in.views[0].buf;
        packets.captured = in.views[1].buf;
        packets.original = in.views[2].buf;
        Py_buffer *view = out.views;
        Out columns = {view[0].buf, view[1].buf, view[2].buf,  view[3].buf,  view[4].buf,  view[5].buf,  view[6].buf,
                       view[7].buf, view[8].buf, view[9].buf, view[10].buf, view[11].buf, view[12].buf, view[13].buf};
        if (!inside(&packets, buffer.len)) {
            PyErr_SetString(PyExc_ValueError, "a packet is not within the buffer");
        } else {
            Counts counts;
            Py_BEGIN_ALLOW_THREADS
            counts = decode(&packets, &columns, more.views[0].buf, more.views[1].buf, ends.buf);
            Py_END_ALLOW_THREADS
            result = Py_BuildValue("nnn", counts.found, counts.left, counts.v6);
        }
    }
    give_back(&more);
    give_back(&out);
    give_back(&in);
    PyBuffer_Release(&ends);
    PyBuffer_Release(&tunnels);
    PyBuffer_Release(&buffer);
    return result;
}
