/* What is told of packets in the order of their connections: rows first[i] … first[i + 1] - 1 are connection i's.
 *
 * Each kernel has a twin in capture/flows that says what its columns mean.
 */
#include "kernels.h"

enum { DUPLICATE_ACK = 0x10, ZERO_WINDOW = 0x20, WINDOW_FULL = 0x40, WINDOW_UPDATE = 0x1000 }; /* flows.table.Tag */
enum { BROKEN = 1, LOOSE = 2, SAME_AGAIN = 4 };       /* flows.analysis */
enum { EARLIEST = 1, DIFFERING = 2 };                 /* flows.zeek */

/* In: side. Rows: connection, own, peer, last_of_side. The twin of rows.neighbours. */
static void neighbours(const Connections *connections)
{
    const uint8_t *side = READ(uint8_t, 0);
    int32_t *connection = ROWS(int32_t, 0), *own = ROWS(int32_t, 1), *peer = ROWS(int32_t, 2);
    uint8_t *last_of_side = ROWS(uint8_t, 3);
    for (Py_ssize_t i = 0; i < connections->count; i++) {
        int32_t last[2] = {-1, -1};
        for (int64_t row = connections->first[i]; row < connections->first[i + 1]; row++) {
            int from = side[row] & 1;
            connection[row] = (int32_t)i;
            own[row] = last[from];
            peer[row] = last[1 - from];
            last[from] = (int32_t)row;
            last_of_side[row] = 0;
        }
        for (int from = 0; from < 2; from++)
            if (last[from] >= 0)
                last_of_side[last[from]] = 1;
    }
}

typedef struct {
    const uint8_t *side;
    const uint16_t *flags, *window;
    const uint32_t *seq, *ack;
    const int32_t *payload, *own, *peer;
    const uint8_t *last_of_side;
} Segments;

static uint32_t next_sequence(const Segments *of, int64_t row)
{
    return of->seq[row] + (uint32_t)of->payload[row] + ((of->flags[row] & (SYN | FIN)) != 0);
}

static int irregular(const Segments *of, int64_t row)
{
    int32_t own = of->own[row], peer = of->peer[row];
    int found = 0;
    if (own >= 0 && of->seq[row] != next_sequence(of, own) && !(of->last_of_side[row] && of->flags[row] & RST))
        found |= BROKEN;
    if (peer >= 0 && of->flags[row] & ACK && (int32_t)(of->ack[row] - next_sequence(of, peer)) > 0)
        found |= LOOSE;
    if (of->payload[row] == 1 && own >= 0 && (peer < 0 || of->window[peer] == 0))
        found |= LOOSE;
    if (of->payload[row] == 0 && own >= 0 && of->ack[row] == of->ack[own] && of->seq[row] == of->seq[own])
        found |= SAME_AGAIN;
    return found;
}

static int tag(const Segments *of, int64_t row, const int8_t *shifts)
{
    int32_t own = of->own[row], peer = of->peer[row];
    if (of->flags[row] & CONTROL)
        return 0;
    int found = of->window[row] == 0 ? ZERO_WINDOW : 0;
    if (of->payload[row] == 0 && own >= 0 && of->ack[row] == of->ack[own] && of->window[row] != 0)
        found |= of->window[row] != of->window[own] ? WINDOW_UPDATE : DUPLICATE_ACK;
    int shift = shifts[1 - (of->side[row] & 1)];
    if (of->payload[row] > 0 && peer >= 0 && shift >= 0) {
        uint32_t window = (uint32_t)of->window[peer] << (of->flags[peer] & SYN ? 0 : shift);
        if (of->ack[peer] + window == of->seq[row] + (uint32_t)of->payload[row])
            found |= WINDOW_FULL;
    }
    return found;
}

/* In: side, flags, scale. Pairs: the window scale that each side's first SYN with one offered; -1 without. The twin of
 * grouping._window_scales. */
static void offered(const Connections *connections)
{
    const uint8_t *side = READ(uint8_t, 0);
    const uint16_t *flags = READ(uint16_t, 1);
    const int8_t *scale = READ(int8_t, 2);
    for (Py_ssize_t i = 0; i < connections->count; i++) {
        int8_t *found = PAIRS(int8_t, 0) + 2 * i;
        found[0] = found[1] = -1;
        for (int64_t row = connections->first[i]; row < connections->first[i + 1]; row++)
            if (flags[row] & SYN && scale[row] >= 0 && found[side[row] & 1] < 0)
                found[side[row] & 1] = scale[row];
    }
}

/* The shift of each side's windows: both sides' option or none; -1 unknown. The twin of analysis.effective_scales. */
static void effective(const uint8_t *side, const uint16_t *flags, int64_t low, int64_t high, const int8_t *offered,
                      int8_t *shifts)
{
    int synced[2] = {0, 0};
    for (int64_t row = low; row < high; row++)
        if (flags[row] & SYN)
            synced[side[row] & 1] = 1;
    int refused = (synced[0] && offered[0] < 0) || (synced[1] && offered[1] < 0);
    for (int k = 0; k < 2; k++)
        shifts[k] = refused ? 0 : offered[k] < 14 ? offered[k] : 14;
}

/* In: side, flags, seq, ack, window, payload, own, peer, last_of_side; pairs: window scales offered.
 * Rows: next sequence number, what is irregular, tags. Pairs: effective scales. The twin of analysis._looked_at. */
static void segments(const Connections *connections)
{
    Segments of = {READ(uint8_t, 0),  READ(uint16_t, 1), READ(uint16_t, 4), READ(uint32_t, 2), READ(uint32_t, 3),
                   READ(int32_t, 5),  READ(int32_t, 6),  READ(int32_t, 7),  READ(uint8_t, 8)};
    const int8_t *scales = connections->in_pairs[0].buf;
    uint32_t *after = ROWS(uint32_t, 0);
    uint8_t *odd = ROWS(uint8_t, 1);
    uint16_t *tags = ROWS(uint16_t, 2);
    for (Py_ssize_t i = 0; i < connections->count; i++) {
        int64_t low = connections->first[i], high = connections->first[i + 1];
        int8_t *shifts = PAIRS(int8_t, 0) + 2 * i;
        effective(of.side, of.flags, low, high, scales + 2 * i, shifts);
        for (int64_t row = low; row < high; row++) {
            after[row] = next_sequence(&of, row);
            odd[row] = (uint8_t)irregular(&of, row);
            tags[row] = (uint16_t)tag(&of, row, shifts);
        }
    }
}

/* In: side, flags, payload, time. Pairs: packets, payload, SYNs, FINs, RSTs. Each: longest gap. The twin of measures.totals. */
static void totals(const Connections *connections)
{
    const uint8_t *side = READ(uint8_t, 0);
    const uint16_t *flags = READ(uint16_t, 1);
    const int32_t *payload = READ(int32_t, 2);
    const int64_t *time = READ(int64_t, 3);
    int64_t *longest = EACH(int64_t, 0);
    for (Py_ssize_t i = 0; i < connections->count; i++) {
        int64_t low = connections->first[i], high = connections->first[i + 1];
        int64_t found[5][2] = {{0}};
        longest[i] = high - low > 1 ? 0 : -1;
        for (int64_t row = low; row < high; row++) {
            int from = side[row] & 1;
            found[0][from]++;
            found[1][from] += payload[row];
            found[2][from] += (flags[row] & SYN) != 0;
            found[3][from] += (flags[row] & FIN) != 0;
            found[4][from] += (flags[row] & RST) != 0;
            if (row > low && apart(time[row], time[row - 1]) > longest[i])
                longest[i] = apart(time[row], time[row - 1]);
        }
        for (int k = 0; k < 5; k++)
            memcpy(PAIRS(int64_t, k) + 2 * i, found[k], sizeof found[k]);
    }
}

typedef struct {
    const uint8_t *side;
    const uint16_t *flags;
    const uint32_t *seq, *ack;
    const int64_t *time;
} Opening;

/* The time from the last SYN to the ACK of the first good handshake; -1 without one, -2 where time ran backwards. */
static int64_t handshake(const Opening *of, int64_t low, int64_t high)
{
    int64_t syn = -1, acking = -1, latest;
    for (int64_t row = low; row < high; row++) {
        int kind = of->flags[row] & (SYN | ACK | RST | FIN);
        if (kind == SYN && of->side[row] == 0)
            syn = row;
        if (kind != (SYN | ACK) || of->side[row] != 1 || syn < 0)
            continue;
        if (acking <= row)
            for (acking = row + 1; acking < high; acking++)
                if (of->side[acking] == 0 && (of->flags[acking] & (SYN | ACK | RST)) == ACK)
                    break;
        if (acking == high)
            return -1;
        if ((int32_t)(of->ack[acking] - of->seq[row]) <= 0 || (int32_t)(of->ack[row] - of->seq[syn]) <= 0)
            continue;
        for (latest = acking - 1; latest > syn; latest--) /* a SYN repeated after the SYN,ACK was answered */
            if (of->side[latest] == 0 && (of->flags[latest] & (SYN | ACK | RST | FIN)) == SYN)
                break;
        int64_t taken = apart(of->time[acking], of->time[latest]);
        return taken < 0 ? -2 : taken;
    }
    return -1;
}

/* In: side, flags, seq, ack, time. Each: complete, round trip. The twin of measures.handshakes. */
static void handshakes(const Connections *connections)
{
    Opening of = {READ(uint8_t, 0), READ(uint16_t, 1), READ(uint32_t, 2), READ(uint32_t, 3), READ(int64_t, 4)};
    for (Py_ssize_t i = 0; i < connections->count; i++) {
        int64_t taken = handshake(&of, connections->first[i], connections->first[i + 1]);
        EACH(uint8_t, 0)[i] = taken != -1;
        EACH(int64_t, 1)[i] = taken < 0 ? -1 : taken;
    }
}

/* A segment's kind for Zeek's history: 0 nothing, 1 ACK, 2 data, 3 SYN, 4 SYN,ACK, 5 FIN, 6 RST, 7 several of them. */
static int kind_of(uint16_t flags, int32_t payload)
{
    switch (flags & CONTROL) {
    case 0: return payload > 0 ? 2 : (flags & ACK) != 0;
    case SYN: return flags & ACK ? 4 : 3;
    case FIN: return 5;
    case RST: return 6;
    default: return 7;
    }
}

typedef struct {
    uint32_t position[8];
    unsigned known; /* bits of those that are set */
} Marks;

/* Is this SYN, FIN or RST elsewhere than the last one of its kind and side? */
static int differs(Marks *marks, int from, uint16_t flags, uint32_t seq, int32_t payload)
{
    int control = flags & CONTROL, place;
    if (control == SYN)
        place = flags & ACK ? 1 : 0;
    else if (control == FIN)
        place = 2, seq += (uint32_t)payload;
    else if (control == RST)
        place = 3;
    else
        return 0;
    place |= from << 2;
    int found = (marks->known >> place & 1) && marks->position[place] != seq;
    marks->known |= 1u << place;
    marks->position[place] = seq;
    return found;
}

/* In: side, flags, seq, payload, window. Rows: what tells. Each: signature, irregular. The twin of zeek._told. */
static void signatures(const Connections *connections)
{
    const uint8_t *side = READ(uint8_t, 0);
    const uint16_t *flags = READ(uint16_t, 1), *window = READ(uint16_t, 4);
    const uint32_t *seq = READ(uint32_t, 2);
    const int32_t *payload = READ(int32_t, 3);
    for (Py_ssize_t i = 0; i < connections->count; i++) {
        Marks marks = {.known = 0};
        uint64_t signature = 0;
        unsigned seen = 0;
        int length = 0, odd = 0;
        for (int64_t row = connections->first[i]; row < connections->first[i + 1]; row++) {
            int from = side[row] & 1, kind = kind_of(flags[row], payload[row]), code = kind | from << 3;
            int telling = differs(&marks, from, flags[row], seq[row], payload[row]) ? DIFFERING : 0;
            odd |= telling || kind == 7 || (window[row] == 0 && !(flags[row] & RST));
            if (kind && !(seen >> code & 1)) {
                seen |= 1u << code;
                signature |= (uint64_t)code << (4 * length++);
                telling |= EARLIEST;
            }
            ROWS(uint8_t, 0)[row] = (uint8_t)telling;
        }
        EACH(uint64_t, 0)[i] = signature;
        EACH(uint8_t, 1)[i] = (uint8_t)odd;
    }
}

/*     kernel      in            pairs in  rows    pairs    each */
KERNEL(neighbours, "1",          "",       "4441", "",      "")
KERNEL(offered,    "121",        "",       "",     "1",     "")
KERNEL(segments,   "124424441",  "1",      "412",  "1",     "")
KERNEL(totals,     "1248",       "",       "",     "88888", "8")
KERNEL(handshakes, "12448",      "",       "",     "",      "18")
KERNEL(signatures, "12442",      "",       "1",    "",      "81")
