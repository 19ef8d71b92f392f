/* Packets of the common layouts, decoded down to TCP: a link layer of fixed size, IPv4 without fragments or IPv6
 * without extension headers, and a TCP header that was captured whole. All others are left to numpy; those that
 * certainly hold no TCP (UDP to no tunnel's port, ARP) are left out. The twin of Layers.segments.
 */
#include "kernels.h"

/* A packet's rest is handed on by value: kept in registers, it costs nothing. */
#define INLINE __attribute__((always_inline)) static inline

enum { TIMESTAMP = 0x01, BAD_CHECKSUM = 0x04, SACK = 0x08, IPV6 = 0x10, FAST_OPEN = 0x80 }; /* wire.columns.Mark */
enum { TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86DD, TYPE_ARP = 0x0806, TCP = 6, UDP = 17 };
enum { LARGEST_SCALE = 14, MOST_OPTIONS = 40, LARGEST_SKIP = 64, TIMESTAMP_ALONE = 0x0101080A };
enum { AHEAD = 8 }; /* packets whose bytes are fetched before they are looked at */

typedef struct {
    const uint8_t *at;
    int64_t captured, limit; /* bytes from `at` on that were captured, and that the packet has by its headers */
    int64_t judged;          /* … and whose checksum is looked at, if they are all of the packet */
} Rest;

static void options(const uint8_t *at, const uint8_t *end, uint8_t *marks, int8_t *wscale)
{
    for (int i = 0; i < MOST_OPTIONS && at < end; i++) {
        int kind = at[0];
        if (kind > 1 && end - at < 2)
            return;
        int length = kind <= 1 ? 1 : at[1];
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

enum { UNKNOWN, PLAIN, HANDSHAKE, TLS_DATA, GOODBYE, PARTING }; /* wire.content.Content, and the names of its rules */
enum { FEWEST = 5, LOOKED_AT = 12, LONGEST_ALERT = 80, ALERT_13 = 19, CANCEL = 80877102, MOST_QUIT = 14 };

static int says(const uint8_t *at, const char *text)
{
    for (; *text; text++, at++)
        if (*at != (uint8_t)*text && !(*text >= 'A' && *text <= 'Z' && *at == (uint8_t)*text + 32))
            return 0;
    return 1;
}

static int lengths_first(const uint8_t *at, int64_t size)
{
    if ((be32(at) >> 8) + 9 == size && at[3] == 7 && at[4] == 0 && be32(at + 5) == 0)
        return GOODBYE;
    if (be32(at) == size && be32(at + 4) == CANCEL)
        return GOODBYE;
    return (int64_t)(le32(at) & 0xFFFFFF) + 4 == size && at[4] == 0xFF ? PARTING : PLAIN;
}

static int tls(const uint8_t *at, int64_t size)
{
    int length = be16(at + 3);
    if (at[0] == 23)
        return length == ALERT_13 && size == ALERT_13 + 5 ? GOODBYE : TLS_DATA;
    if (at[0] != 21) /* but where TLS 1.3's Finished follows the change of cipher, and more follows that, a request */
        return at[0] == 20 && length == 1 && at[6] == 23 && be16(at + 9) + 11 < size ? TLS_DATA : HANDSHAKE;
    if (length == 2 && at[5] == 2)
        return PARTING;
    return length + 5 == size && length >= 2 && length <= LONGEST_ALERT ? GOODBYE : PLAIN;
}

static int amqp(const uint8_t *at, int64_t size, uint32_t method)
{
    return at[1] == 0 && at[2] == 0 && (int64_t)be32(at + 3) + 8 == size && be32(at + 7) == method;
}

static int is_goodbye(const uint8_t *at, int64_t size)
{
    switch (at[0]) {
    case 0x01: return (size == 5 && be32(at + 1) == 1) || amqp(at, size, 0x000A0033);
    case 'Q': case 'q': return says(at, "QUIT") && size <= MOST_QUIT;
    case '*': return says(at, "*1\r\n$4\r\nQUIT") && size <= MOST_QUIT;
    case '0': return at[2] == 2 && at[3] >= 1 && at[3] <= 4 && at[1] == at[3] + 4 && size == at[3] + 6 && be16(at + 4 + at[3]) == 0x4200;
    case 'X': return size == 5 && be32(at + 1) == 4;
    case 0x88: return (at[1] & 127) + (at[1] >= 128 ? 6 : 2) == size;
    case 0xE0: return at[1] + 2 == size;
    }
    return 0;
}

static int is_parting(const uint8_t *at, int64_t size)
{
    switch (at[0]) {
    case 0x01: return amqp(at, size, 0x000A0032);
    case '2': case '4': return (says(at, "421") || says(at, "221")) && (at[3] == ' ' || at[3] == '-');
    case '*': return says(at, "* BYE");
    case '-': return says(at, "-ERR ");
    case 'H': return says(at, "HTTP/1.") && says(at + 9, "408");
    case 'E': return be32(at + 1) < size && (says(at + 5, "SFATAL") || says(at + 5, "SPANIC"));
    }
    return 0;
}

static uint8_t content(const uint8_t *from, int64_t captured, int64_t size)
{
    int64_t have = captured < size ? captured : size;
    uint8_t at[LOOKED_AT] = {0};
    if (have <= 0 || (have < FEWEST && have < size))
        return UNKNOWN;
    if (have >= FEWEST && from[0] == 23 && from[1] == 3 && size != ALERT_13 + 5) /* most of what there is */
        return from[2] <= 4 ? TLS_DATA : PLAIN;
    memcpy(at, from, (size_t)(have < LOOKED_AT ? have : LOOKED_AT));
    if (at[0] >= 20 && at[0] <= 23 && at[1] == 3 && at[2] <= 4)
        return (uint8_t)tls(at, size);
    if (is_goodbye(at, size))
        return GOODBYE;
    return (uint8_t)(is_parting(at, size) ? PARTING : lengths_first(at, size));
}

INLINE int tcp(Rest rest, uint8_t marks, const uint8_t *addresses, int size, Found *out)
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
    Py_ssize_t n = out->rows;
    out->sport[n] = be16(at);
    out->dport[n] = be16(at + 2);
    out->seq[n] = be32(at + 4);
    out->ack[n] = be32(at + 8);
    out->flags[n] = bits & 0x1FF;
    out->window[n] = be16(at + 14);
    int64_t payload = rest.limit > header ? rest.limit - header : 0;
    out->payload[n] = (int32_t)payload;
    out->content[n] = content(at + header, rest.captured - header, payload);
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

INLINE int ipv4(Rest rest, const uint8_t *tunnels, Found *out)
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
    Py_ssize_t n = out->rows;
    out->src[n] = be32(at + 12);
    out->dst[n] = be32(at + 16);
    out->ttl[n] = at[8];
    out->ip_id[n] = be16(at + 4);
    return tcp(rest, 0, at + 12, 8, out);
}

INLINE int ipv6(Rest rest, const uint8_t *tunnels, Found *out)
{
    const uint8_t *at = rest.at;
    if (rest.captured < 40 || at[0] >> 4 != 6)
        return LEFT;
    int length = be16(at + 4);
    rest = past(within(rest, length ? 40 + length : 0), 40);
    if (at[6] != TCP)
        return other(rest, at[6], tunnels);
    out->ttl[out->rows] = at[7];
    out->ip_id[out->rows] = 0;
    int result = tcp(rest, IPV6, at + 8, 32, out);
    if (result == FOUND) {
        out->v6_row[out->v6] = out->rows;
        memcpy(out->v6_ends + 32 * out->v6++, at + 8, 32);
    }
    return result;
}

static int family(const Layout *layout, Rest frame)
{
    if (frame.captured < layout->skip + 1)
        return 0;
    if (layout->type_at >= 0)
        return be16(frame.at + layout->type_at);
    int version = frame.at[layout->skip] >> 4;
    return version == 4 ? TYPE_IPV4 : version == 6 ? TYPE_IPV6 : 0;
}

int decode(const Layout *layout, const uint8_t *bytes, const Record *record, int64_t judged, Found *found)
{
    int64_t captured = record->captured, original = record->original;
    Rest frame = {bytes, captured, original > captured ? original : captured, judged};
    switch (family(layout, frame)) {
    case TYPE_IPV4: return ipv4(past(frame, layout->skip), layout->tunnels, found);
    case TYPE_IPV6: return ipv6(past(frame, layout->skip), layout->tunnels, found);
    case TYPE_ARP: return NONE;
    default: return LEFT;
    }
}

void found_in(Found *found, const Columns *columns, int first, int64_t *v6_row, uint8_t *v6_ends)
{
    const Py_buffer *view = columns->views + first;
    *found = (Found){0,           0,           view[0].buf, view[1].buf, view[2].buf,  view[3].buf,  view[4].buf, view[5].buf,
                     view[6].buf, view[7].buf, view[8].buf, view[9].buf, view[10].buf, view[11].buf, view[12].buf, view[13].buf,
                     v6_row,      v6_ends};
}

int is_layout(const Layout *layout, Py_ssize_t tunnels)
{
    return tunnels >= 1 << 16 && layout->skip >= 0 && layout->skip <= LARGEST_SKIP &&
           (layout->type_at < 0 || layout->type_at <= layout->skip - 2);
}

typedef struct {
    const uint8_t *bytes;
    int64_t size;
    const int64_t *begin, *captured, *original;
    Py_ssize_t rows, judged; /* checksums are looked at of packets that end here or before */
} Packets;

static Py_ssize_t decode_all(const Packets *packets, const Layout *layout, Found *found, int64_t *row, int64_t *left)
{
    Py_ssize_t others = 0;
    for (Py_ssize_t i = 0; i < packets->rows; i++) {
        if (i + AHEAD < packets->rows)
            __builtin_prefetch(packets->bytes + packets->begin[i + AHEAD]);
        Record record = {(uint32_t)packets->captured[i], (uint32_t)packets->original[i], 0};
        int64_t begin = packets->begin[i];
        int result = decode(layout, packets->bytes + begin, &record, packets->judged - begin, found);
        if (result == FOUND)
            row[found->rows++] = i;
        else if (result == LEFT)
            left[others++] = i;
    }
    return others;
}

static int inside(const Packets *packets)
{
    for (Py_ssize_t row = 0; row < packets->rows; row++) {
        int64_t begin = packets->begin[row], captured = packets->captured[row], original = packets->original[row];
        if (begin < 0 || captured < 0 || begin > packets->size || captured > packets->size - begin)
            return 0;
        if (captured > UINT32_MAX || original < 0 || original > UINT32_MAX)
            return 0;
    }
    return 1;
}

/* (buffer, rows, skip, type_at, judged, tunnels, (begin, captured, original),
 *  (row, src, dst, sport, dport, seq, ack, flags, window, payload, ttl, ip_id, wscale, marks, content),
 *  (left, v6_row), v6_ends) -> (found, left, v6) */
PyObject *tcp_headers(PyObject *self, PyObject *args)
{
    Py_buffer buffer, tunnels, ends;
    PyObject *records, *out, *rest, *result = NULL;
    Packets packets;
    Layout layout;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*niiny*OOOw*", &buffer, &packets.rows, &layout.skip, &layout.type_at, &packets.judged,
                          &tunnels, &records, &out, &rest, &ends))
        return NULL;
    Columns in = {.count = 0}, to = {.count = 0}, more = {.count = 0};
    packets.bytes = buffer.buf;
    packets.size = buffer.len;
    layout.tunnels = tunnels.buf;
    if (packets.rows < 0 || ends.len / 32 < packets.rows || !is_layout(&layout, tunnels.len)) {
        PyErr_SetString(PyExc_ValueError, "no such link layer, or too little room");
    } else if (borrow(&in, records, "888", packets.rows, 0) && borrow(&to, out, "8" FOUND_ITEMS, packets.rows, 1) &&
               borrow(&more, rest, "88", packets.rows, 1)) {
        packets.begin = in.views[0].buf;
        packets.captured = in.views[1].buf;
        packets.original = in.views[2].buf;
        if (!inside(&packets)) {
            PyErr_SetString(PyExc_ValueError, "a packet is not within the buffer");
        } else {
            Found found;
            Py_ssize_t left;
            found_in(&found, &to, 1, more.views[1].buf, ends.buf);
            Py_BEGIN_ALLOW_THREADS
            left = decode_all(&packets, &layout, &found, to.views[0].buf, more.views[0].buf);
            Py_END_ALLOW_THREADS
            result = Py_BuildValue("nnn", found.rows, left, found.v6);
        }
    }
    give_back(&more);
    give_back(&to);
    give_back(&in);
    PyBuffer_Release(&ends);
    PyBuffer_Release(&tunnels);
    PyBuffer_Release(&buffer);
    return result;
}
