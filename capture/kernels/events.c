/* What each packet says of its connection's end; the twin of the steps of verdicts.events, whose names these have. */
#include "kernels.h"

enum { KIND_SYN = 1, KIND_SYN_ACK, KIND_ACK, KIND_DATA, KIND_FIN, KIND_RST, KIND_PROBE }; /* verdicts.codes.Kind */
enum { /* verdicts.codes.Mark */
    REPEAT = 0x010, LOST = 0x020, ACKS_FIN = 0x040, ZERO = 0x080, WITH_DATA = 0x100, SMALL = 0x100, STRAY = 0x200,
    BIG = 0x400, SIZED = 0x400, GOODBYE_MARK = 0x200, PARTING_MARK = 0x800, HANDSHAKE_MARK = 0x4000
};
enum { /* flows.table.Tag */
    REPEATS = 0x0007, SPURIOUS = 0x0004, ZERO_WINDOW = 0x0020, KEEP_ALIVE = 0x0080, KEEP_ALIVE_ACK = 0x0100, ZERO_WINDOW_PROBE = 0x0400,
    SECOND_SIGHT = 0x4000, PROBES = KEEP_ALIVE | ZERO_WINDOW_PROBE, NOT_STRAY = SECOND_SIGHT | KEEP_ALIVE | KEEP_ALIVE_ACK
};
enum { SACK = 0x08, IPV6 = 0x10 }; /* wire.columns.Mark */
enum { UNKNOWN, PLAIN, HANDSHAKE, TLS_DATA, GOODBYE, PARTING }; /* wire.content.Content */
enum { REMARK = 100, FRAME = 42, SHORTEST_REQUEST = 16, BIG_SEGMENT = 1000, STRAY_NS = 5000000 };
enum { PURE = 1, DATA = 2, BEYOND = 4 }; /* of a row, between the passes */

typedef struct {
    const uint8_t *side, *marks, *content;
    const uint16_t *flags, *window, *tags, *ip_id;
    const uint32_t *seq, *ack;
    const int32_t *payload;
    const int64_t *time;
    uint16_t *code;
    uint8_t *keep, *is;
} Packets;

typedef struct { /* of one direction */
    uint32_t last_ack, fin_end;
    int acks, fins, sized;
    int heard;              /* it acknowledged something: `ack` */
    uint32_t ack;
    int64_t news;           /* its last row that said or acknowledged something new */
    int64_t said, first_word, last_data; /* its last new payload, its first row without SYN, its last data */
    int32_t first_size, largest_acked; /* bytes of its first data or FIN, and of the largest that was acknowledged */
} Lane;

#define NOTHING_YET {.news = -1, .said = -1, .first_word = -1, .last_data = -1}

static int kind_by_flags(uint16_t flags)
{
    if (flags & RST)
        return KIND_RST;
    if (flags & SYN)
        return flags & ACK ? KIND_SYN_ACK : KIND_SYN;
    return flags & FIN ? KIND_FIN : KIND_ACK;
}

static int is_fin(const Packets *p, int64_t row) { return (p->code[row] & 0xF) == KIND_FIN; }
static int is_rst(const Packets *p, int64_t row) { return (p->code[row] & 0xF) == KIND_RST; }

/* Does this row say or acknowledge something that its side had not? */
static int is_news(const Packets *p, int64_t row, int kind, Lane *own)
{
    int speaks = p->payload[row] > 0 || p->flags[row] & (SYN | FIN), further = 0;
    if (kind == KIND_RST || p->tags[row] & SECOND_SIGHT)
        return 0;
    if (p->flags[row] & ACK) {
        further = !own->heard || (int32_t)(p->ack[row] - own->ack) > 0;
        own->heard = 1;
        own->ack = p->ack[row];
    }
    return further || (speaks && !(p->tags[row] & (REPEATS | PROBES)));
}

/* Kinds, probes, and what each direction acknowledged last. The first row of a FIN, or `high`. */
static int64_t first_look(const Packets *p, int64_t low, int64_t high, Lane lanes[2])
{
    int64_t first_fin = high;
    for (int64_t row = low; row < high; row++) {
        Lane *own = &lanes[p->side[row] & 1];
        int kind = kind_by_flags(p->flags[row]);
        p->is[row] = kind != KIND_ACK ? 0 : p->payload[row] == 0 ? PURE : DATA;
        p->keep[row] = p->is[row] != PURE;
        if (p->tags[row] & PROBES && p->is[row]) {
            kind = KIND_PROBE;
            p->is[row] &= PURE;
            p->keep[row] = 1;
        } else if (p->is[row] == DATA) {
            kind = KIND_DATA;
        }
        if (row > low && (p->code[row - 1] & 0xF) == KIND_PROBE && p->side[row] != p->side[row - 1])
            p->keep[row] = 1; /* its answer */
        p->code[row] = (uint16_t)kind;
        if (p->flags[row] & ACK && kind != KIND_RST) {
            own->last_ack = p->ack[row];
            own->acks = 1;
        }
        if (is_news(p, row, kind, own))
            own->news = row;
        if (kind != KIND_RST && p->payload[row] > 0 && !(p->tags[row] & (REPEATS | PROBES | SECOND_SIGHT)))
            own->said = row;
        if (own->first_word < 0 && !(p->flags[row] & SYN))
            own->first_word = row;
        if (kind == KIND_DATA)
            own->last_data = row;
        if (kind == KIND_FIN && !own->fins) {
            own->fin_end = p->seq[row] + (uint32_t)p->payload[row] + 1;
            own->fins = 1;
        }
        if (kind == KIND_FIN && first_fin == high)
            first_fin = row;
    }
    return first_fin;
}

/* Data and FINs beyond the peer's last ACK, and the sizes that they are held against. */
static void sizes(const Packets *p, int64_t low, int64_t high, Lane lanes[2])
{
    for (int64_t row = low; row < high; row++) {
        int from = p->side[row] & 1, fin = is_fin(p, row);
        if (!(p->is[row] & DATA) && !fin)
            continue;
        Lane *own = &lanes[from];
        uint32_t end = p->seq[row] + (uint32_t)p->payload[row] + (uint32_t)fin;
        if (!own->sized) {
            own->first_size = p->payload[row];
            own->sized = 1;
        }
        if ((int32_t)(end - lanes[1 - from].last_ack) > 0)
            p->is[row] |= BEYOND;
        else if (p->payload[row] > own->largest_acked)
            own->largest_acked = p->payload[row];
    }
}

static int lost_marks(const Packets *p, int64_t row, const Lane *own, const Lane *peer)
{
    int repeat = p->tags[row] & REPEATS, data = p->is[row] & DATA, found = 0;
    int32_t size = p->payload[row];
    if (repeat && is_fin(p, row))
        found |= REPEAT;
    if (is_fin(p, row) && size > 0)
        found |= WITH_DATA;
    if (!(p->is[row] & BEYOND) || !peer->acks)
        return found;
    found |= LOST;
    if (repeat)
        found |= REPEAT;
    if (data && size <= REMARK && p->content[row] == UNKNOWN)
        found |= SMALL;
    if (data && !repeat && ((int32_t)(2 * (uint32_t)size) >= own->first_size || p->content[row] == TLS_DATA))
        found |= SIZED;
    if (repeat && size >= BIG_SEGMENT && size > own->largest_acked)
        found |= BIG;
    return found;
}

/* Repeated without news: after its side's last news (lost, where the peer was never heard of), after the peer's last
 * data, or before the peer's first word. */
static int in_vain(const Packets *p, int64_t row, const Lane *own, const Lane *peer)
{
    int data = p->is[row] & DATA;
    if (!(p->tags[row] & REPEATS) || !(data || is_fin(p, row)))
        return 0;
    if (row > own->news)
        return peer->acks ? REPEAT : REPEAT | LOST;
    if (p->tags[row] & SPURIOUS && row > peer->said)
        return REPEAT;
    return data && (peer->first_word < 0 || row < peer->first_word) ? REPEAT : 0;
}

static int content_mark(const Packets *p, int64_t row, int64_t last_data)
{
    if (!(p->is[row] & DATA) && !(is_fin(p, row) && p->payload[row] > 0))
        return 0;
    if (row == last_data && ((p->content[row] == TLS_DATA && p->payload[row] <= FRAME) ||
                             (p->content[row] == UNKNOWN && p->payload[row] < SHORTEST_REQUEST)))
        return SMALL;
    switch (p->content[row]) {
    case GOODBYE: return GOODBYE_MARK;
    case PARTING: return PARTING_MARK;
    case HANDSHAKE: return HANDSHAKE_MARK;
    }
    return 0;
}

/* Is this pure ACK the one before it again, unasked? */
static int is_stray(const Packets *p, int64_t row)
{
    int64_t before = row - 1;
    return p->is[row] & PURE && p->is[before] & PURE && p->side[row] == p->side[before] &&
           p->seq[row] == p->seq[before] && p->ack[row] == p->ack[before] && p->window[row] == p->window[before] &&
           !(p->marks[row] & SACK) && !(p->tags[row] & NOT_STRAY) && apart(p->time[row], p->time[before]) >= STRAY_NS &&
           (p->ip_id[row] != p->ip_id[before] || p->marks[row] & IPV6);
}

static int answers_opening(const Packets *p, int64_t row)
{
    int before = p->code[row - 1] & 0xF;
    return p->is[row] & PURE && p->side[row] != p->side[row - 1] &&
           (before == KIND_SYN || before == KIND_SYN_ACK || before == KIND_RST);
}

static void mark(const Packets *p, int64_t low, int64_t high, int64_t first_fin, const Lane lanes[2])
{
    int closed[2] = {0, 0};
    for (int64_t row = low; row < high; row++) {
        int from = p->side[row] & 1, found = lost_marks(p, row, &lanes[from], &lanes[1 - from]);
        const Lane *peer = &lanes[1 - from];
        int vain = in_vain(p, row, &lanes[from], peer);
        if (vain)
            p->keep[row] = 1;
        found |= vain | content_mark(p, row, lanes[from].last_data);
        if (row > first_fin && peer->fins && p->flags[row] & ACK && !is_rst(p, row) &&
            (int32_t)(p->ack[row] - peer->fin_end) >= 0) {
            found |= ACKS_FIN;
            p->keep[row] = 1;
        }
        if (row > low && answers_opening(p, row))
            p->keep[row] = 1;
        if (row > low && is_stray(p, row)) {
            found |= STRAY;
            p->keep[row] = 1;
        }
        if (p->tags[row] & ZERO_WINDOW && (p->is[row] & (PURE | DATA) || is_fin(p, row))) {
            found |= ZERO;
            p->keep[row] = 1;
        } else if (closed[from] && !is_rst(p, row)) {
            p->keep[row] = 1; /* it opens the window again */
        }
        if (!is_rst(p, row))
            closed[from] = (found & ZERO) != 0;
        if (p->tags[row] & SECOND_SIGHT)
            p->keep[row] = 0;
        p->code[row] |= (uint16_t)found;
    }
}

/* Drop plain data right before plain data of its side, or one dull ACK apart. */
static void thin_out(const Packets *p, int64_t low, int64_t high)
{
    for (int64_t row = low; row + 1 < high; row++) {
        if (p->code[row] != KIND_DATA)
            continue;
        int next = p->code[row + 1] == KIND_DATA && p->side[row + 1] == p->side[row];
        int after = row + 2 < high && p->code[row + 2] == KIND_DATA && p->side[row + 2] == p->side[row] &&
                    p->is[row + 1] & PURE && !p->keep[row + 1];
        if (next || after)
            p->keep[row] = 0;
    }
}

/* In: side, flags, seq, ack, payload, window, time, tags, marks, ip_id, content. Rows: code, keep, lane, room for a byte. */
static void events(const Connections *connections)
{
    Packets p = {
        .side = READ(uint8_t, 0), .flags = READ(uint16_t, 1), .seq = READ(uint32_t, 2), .ack = READ(uint32_t, 3),
        .payload = READ(int32_t, 4), .window = READ(uint16_t, 5), .time = READ(int64_t, 6), .tags = READ(uint16_t, 7),
        .marks = READ(uint8_t, 8), .ip_id = READ(uint16_t, 9), .content = READ(uint8_t, 10),
        .code = ROWS(uint16_t, 0), .keep = ROWS(uint8_t, 1), .is = ROWS(uint8_t, 3),
    };
    for (Py_ssize_t i = 0; i < connections->count; i++) {
        int64_t low = connections->first[i], high = connections->first[i + 1];
        Lane lanes[2] = {NOTHING_YET, NOTHING_YET};
        int64_t first_fin = first_look(&p, low, high, lanes);
        sizes(&p, low, high, lanes);
        mark(&p, low, high, first_fin, lanes);
        thin_out(&p, low, high);
        for (int64_t row = low; row < high; row++)
            ROWS(int32_t, 2)[row] = (int32_t)(2 * i) | (p.side[row] & 1);
    }
}

/*     kernel  in            pairs in  rows    pairs  each */
KERNEL(events, "12444282121", "",       "2141", "",    "")
