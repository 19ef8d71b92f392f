/* Connections: what is kept of each, and what the parts that fill it hand to one another. */
#ifndef TCPTRIAGE_CONN_H
#define TCPTRIAGE_CONN_H

#include "engine.h"

/* Rare, or so large that what calls it would lose more by holding it than a call costs. */
#if defined(__GNUC__)
#define APART __attribute__((noinline))
#else
#define APART
#endif

/* What analysis says of one packet, in Wireshark's sense of the words: capture.flows.connection_table.Tag has the same bits. */
enum {
  TAG_RETRANSMISSION = 0x0001,
  TAG_FAST_RETRANSMISSION = 0x0002,
  TAG_SPURIOUS_RETRANSMISSION = 0x0004,
  TAG_OUT_OF_ORDER = 0x0008,
  TAG_DUPLICATE_ACK = 0x0010,
  TAG_ZERO_WINDOW = 0x0020,
  TAG_WINDOW_FULL = 0x0040,
  TAG_KEEP_ALIVE = 0x0080,
  TAG_KEEP_ALIVE_ACK = 0x0100,
  TAG_LOST_SEGMENT = 0x0200,
  TAG_ZERO_WINDOW_PROBE = 0x0400,
  TAG_RST_UNACCEPTABLE = 0x2000, /* a RST whose sequence number its receiver would not honour (RFC 9293 3.10.7.4) */
  TAG_SECOND_COPY = 0x4000,     /* the same packet captured again: counted as a packet, not as a retransmission */
};

/* What a payload begins with: capture.wire.headers.payload_kinds.Content has the same numbers. */
enum { CONTENT_UNKNOWN, CONTENT_PLAIN, CONTENT_HANDSHAKE, CONTENT_TLS_DATA, CONTENT_GOODBYE, CONTENT_PARTING };
API uint8_t content_of(const uint8_t *from, int64_t captured, int64_t size);

struct segment without_payload(const struct segment *s);

/* http_messages.c: what HTTP/1 says in a payload. `end`: of a counted answer, bytes from the payload's begin to its end. */
enum { HTTP_UNKNOWN, HTTP_COUNTED, HTTP_CHUNKS, HTTP_ALL_CHUNKS, HTTP_LAST_CHUNK, HTTP_BODY, HTTP_ASKS_NO_BODY };
struct http_part { uint8_t kind; uint32_t end; };
struct http_part http_part_of(const uint8_t *from, int64_t captured, int64_t size, int chunks);
API int64_t http_answer_end(const uint8_t *from, int64_t captured, int64_t size);
enum { MESSAGE_UNKNOWN, MESSAGE_COUNTED, MESSAGE_CHUNKS, MESSAGE_ALL_CHUNKS }; /* side.message */
enum { ANSWER_UNKNOWN, ANSWER_WHOLE, ANSWER_CUT_SHORT }; /* capture.flows.connection_table.Answer has the same numbers */

enum { CONTROL = SYN | FIN | RST };
enum { ALL_REPEATS = TAG_RETRANSMISSION | TAG_FAST_RETRANSMISSION | TAG_SPURIOUS_RETRANSMISSION };

/* Events: capture.verdicts.events.event_codes has the same numbers (checked by a test). */
enum { KIND_SYN = 1, KIND_SYN_ACK, KIND_ACK, KIND_DATA, KIND_FIN, KIND_RST, KIND_PROBE, KIND_ICMP, KIND_UNREAD, KIND_MASK = 0xF };
enum {
  EVENT_REPEAT = 0x010,
  EVENT_LOST = 0x020,
  EVENT_ACKS_FIN = 0x040,
  EVENT_ZERO = 0x080,
  EVENT_WITH_DATA = 0x100,
  EVENT_SMALL = 0x100,
  EVENT_GOODBYE = 0x200,
  EVENT_PARTING = 0x800,
  EVENT_HANDSHAKE = 0x4000,
  EVENT_STRAY = 0x200,
  EVENT_BIG = 0x400,
  EVENT_SIZED = 0x400,
  /* of a RST */
  EVENT_BARE = 0x010,
  EVENT_ANSWER = 0x020,
  EVENT_ODD_ID = 0x040,
  EVENT_CUT = 0x080,
  EVENT_FOREIGN = 0x100,
  EVENT_UNACCEPTABLE = 0x200,
  EVENT_AFTERLIFE = 0x400,
  EVENT_TAKES = 0x800,
  EVENT_SIDE = 0x8000,     /* the end that sent it; in the table: the responder */
};
enum { GAP_SHIFT = 12 };

struct event {
  int64_t time;
  int64_t gap;     /* ns since the connection's packet before */
  uint32_t end;    /* sequence number after it; of a RST its own */
  uint32_t size;   /* payload; of a RST its TTL */
  uint32_t number; /* of the packet, and its upper part */
  uint8_t number_above;
  uint8_t kept; /* KEPT_… */
  uint16_t code;
};
enum {
  KEPT_WAS_SENT = 0x01, /* its packet is a retransmission: REPEAT if it turns out lost */
  KEPT_ACKED = 0x02,    /* its data were acknowledged: not lost */
  KEPT_UNREAD = 0x04,   /* what its payload begins with was not captured */
  KEPT_TLS_DATA = 0x08,
  KEPT_SPURIOUS = 0x10, /* its data had been acknowledged before */
  KEPT_HEARD = 0x20,    /* of a side without packets: the packet is the other side's, whose ACK tells of it */
  KEPT_ALIKE = 0x40,    /* TLS records of one length, two to four, and nothing else */
  KEPT_WHOLE = 0x80,    /* one TLS record, and nothing else */
};

static inline uint64_t event_number(const struct event *e) { return (uint64_t)e->number_above << 32 | e->number; }

/* Zeek's endpoint states. */
enum { Z_INACTIVE, Z_SYN_SENT, Z_SYN_ACK_SENT, Z_PARTIAL, Z_ESTABLISHED, Z_CLOSED, Z_RESET };

/* One direction: what it sent. Where numbers that are near to one another stand together, packing them goes by these
 * runs (packed_fields.c). */
struct side {
  int64_t next_time, ack_time; /* for Wireshark's analysis */
  int64_t word_time; /* of its first payload */
  uint64_t last_number; /* of its last packet that is no RST */
  uint64_t news_number; /* of its last packet that said or acknowledged something new */
  uint64_t said_number; /* … that had new payload */
  uint64_t data_number; /* of its last data that is no goodbye */
  uint64_t word_number; /* of its first packet without SYN */
  /* the stream, unwrapped: lower halves are sequence numbers */
  int64_t low;               /* what was seen lies between this and `high` */
  int64_t control_at[4];     /* the places that SYNs and FINs take there, the last that differ; `taken` is how many */
  int64_t position, high, reached; /* of the last segment; and the highest end */
  /* totals */
  uint64_t packets, bytes;
  uint32_t known; /* KNOWS_… */
  uint32_t next;  /* the highest sequence number seen, plus one */
  /* its first packet, and its SYNs */
  uint32_t first_seq;
  uint32_t isn;         /* of its last bare SYN */
  uint32_t stream_seq;  /* of its first segment without RST */
  uint32_t control[4];  /* Zeek: where its last SYN, SYN,ACK, FIN and RST were */
  uint32_t contiguous;  /* highest number known to be without a hole: what an ACK may speak of */
  uint32_t last_seq, last_after; /* of its last packet of any kind */
  uint32_t plain_seq;   /* of its last segment without SYN and RST */
  uint32_t last_plain;  /* of the packet of last_number */
  uint32_t fin_end;     /* after its first FIN */
  uint32_t message_end; /* of its HTTP/1 message, where MESSAGE_… knows it */
  uint32_t ack, last_ack; /* as the analysis has it; of its last packet of any kind */
  uint32_t said;        /* what its last ACK acknowledged */
  uint32_t acked;       /* the highest ACK it sent */
  uint32_t reset_ack;   /* of its first RST with an ACK */
  uint32_t accepts[2];  /* what its SYN,ACKs acknowledged: the last two that differ */
  uint32_t first_size;  /* payload of its first data or FIN */
  uint32_t word_size;   /* bytes of its first payload */
  uint32_t largest_acked;
  uint32_t taken;
  int32_t duplicates;
  uint16_t window;
  uint16_t last_tags;
  uint16_t last_flags;      /* of its last packet of any kind */
  uint8_t syns, fins, rsts; /* more of them: 256 at a time in `rare` */
  int8_t wscale;            /* of its first SYN that had one; -1 */
  uint16_t letters;         /* Zeek's, and its states */
  uint8_t state, before;
  /* senders behind it */
  uint16_t ids[2]; /* its last IP identifications, the later one second */
  uint8_t ttl_first, ttl_last;
  uint8_t closed;      /* its last packet had a window of 0 */
  uint8_t has_size;    /* first_size */
  uint8_t message;
};
enum { /* side.known */
  KNOWS_NEXT = 0x0001,
  KNOWS_STREAM = 0x0002,
  KNOWS_SPAN = 0x0004,
  KNOWS_ISN = 0x0008,
  KNOWS_PLAIN = 0x0010,   /* plain_seq */
  KNOWS_SEGMENT = 0x0020, /* stream_seq */
  KNOWS_FIN = 0x0040,
  KNOWS_ACKED = 0x0080,
  KNOWS_ACCEPT = 0x0100,  /* accepts[0] */
  KNOWS_ACCEPTS = 0x0200, /* both */
  KNOWS_SYN = 0x0400,     /* it sent one, bare or not */
  OPENED_BY_SYN = 0x0800, /* its first packet was one */
  UNSCALED = 0x1000,      /* its last window came with a SYN */
  KNOWS_ID = 0x2000,      /* ids[1] */
  KNOWS_IDS = 0x4000,     /* both */
  KNOWS_SAID = 0x10000,   /* said */
  HEARD_FIN = 0x20000,    /* KNOWS_FIN by the other side's ACK alone */
  KNOWS_RESET = 0x40000,  /* reset_ack */
  ASKS_NO_BODY = 0x80000, /* its last payload was a HEAD or CONNECT of HTTP/1 */
  SAME_IDS = 0x8000,      /* its IP identification tells nothing: the same on different packets */
};

/* What few connections have. */
enum {
  RARE_RETRANSMISSION, RARE_FAST, RARE_SPURIOUS, RARE_OUT_OF_ORDER, RARE_DUPLICATE_ACK, RARE_ZERO_WINDOW,
  RARE_WINDOW_FULL, RARE_KEEP_ALIVE, RARE_LOST_SEGMENT, RARE_COUNTS
};
enum { HOLES = 8 };
enum { KNOWS_BEYOND = 1, LACKS_A_HOLE = 2 }; /* rare.known; a hole was acknowledged, and there was no room for it */
struct rare {
  uint64_t counts[2][RARE_COUNTS];
  struct { int64_t from, to; } holes[2][HOLES]; /* missing_bytes.c: places in that side's stream, not captured so far */
  uint32_t beyond[2]; /* the highest ACK of what that side had not been seen to send */
  uint8_t hole_count[2], known[2];
  uint64_t many[2][3];  /* 256s of SYNs, FINs, RSTs come here */
  uint64_t zeek[2][2];  /* segments with repeated data, with a window of 0 */
  uint64_t copies;      /* second copies */
  char *letters;        /* history beyond what fits */
  uint32_t letters_room;
};

enum { HISTORY = 16 };

struct connection {
  /* what a packed one has too, with the same name (packed_connections.c) */
  int64_t address[2]; /* keys: an IPv4 address is its number, an IPv6 address 2**32 + its index */
  uint16_t port[2];
  uint32_t scope;
  uint64_t first_number;
  struct rare *rare;
  uint32_t count, room; /* events */
  /* the rest of it is packed */
  struct side sides[2]; /* by end: 0 sent the first packet */
  int64_t first_time, last_time;
  int64_t lowest_time, syn_time, opening_time, first_times[2]; /* of SYNs: Wireshark's, and the originator's last, for rtt; */
                                                               /* of its first three packets: the second and third */
  int64_t highest_time, before_time; /* and of the packet before, no second copy */
  int64_t longest_gap; /* -1 with a single packet */
  int64_t rtt;         /* -1 unknown */
  int64_t round_trip;  /* Wireshark's */
  int64_t before_gap;  /* the silence ahead of the packet before */
  uint64_t first_fin, first_rst; /* packet numbers, 0 without; the end in the lowest bit */
  struct event *events;
  /* the packet before, no second copy */
  uint32_t before_seq, before_ack;
  uint32_t accept_seq[2]; /* SYN,ACKs that wait for their ACK */
  uint32_t first_ack;     /* what its first packet acknowledged */
  uint16_t before_window, before_id;
  uint16_t before_marks;
  uint16_t flags;        /* HAS_… */
  uint8_t before_kind;   /* KIND_… */
  uint8_t before_end;
  uint8_t before_pure;
  uint8_t originator;    /* the end */
  uint8_t role;          /* how sure: ROLE_… */
  uint8_t history_length; /* of `history`; 255: in rare->letters */
  uint8_t place;         /* vantage's Place by the handshake's timing */
  uint8_t seen;          /* packets, at most 3 */
  uint8_t waiting;       /* of accept_seq */
  uint8_t reserved;
  uint16_t pending;      /* index + 1 among what the engine holds back */
  struct { uint16_t flags; uint8_t end, ttl, marks; } first[2]; /* its first two packets */
  char history[HISTORY];
  uint32_t long_history;
};
enum { ROLE_GUESSED, ROLE_ACCEPTED, ROLE_OPENED };
enum { /* connection.flags */
  HAS_CLOSED = 0x0001,       /* a FIN or RST */
  HAS_MORE_THAN_RST = 0x0002,
  HAS_ESTABLISHED = 0x0004,  /* a SYN,ACK, data or a FIN */
  HAS_SYN = 0x0008,          /* a bare one of either end */
  HAS_COMPLETE = 0x0010,     /* the handshake */
  SINCE_SYN_CLOSED = 0x0020, /* since the last bare SYN: a FIN or RST */
  SINCE_SYN_OTHER = 0x0040,  /* … anything but RSTs */
  SINCE_SYN_ANY = 0x0080,
  LAST_SYN_END = 0x0100,     /* who sent it */
  HAS_RST = 0x0200,
  HAS_OPENING = 0x0400,      /* opening_time is set */
  IS_WATCHED = 0x0800,
  HAS_OPENED = 0x1000,       /* a SYN without ACK and RST */
  LACKS_MEMORY = 0x2000,     /* something of it was lost */
};

/* How a segment relates to its connection, as the parts find out one after the other. */
struct look {
  const struct segment *s;
  struct connection *c;
  struct side *own, *peer;
  int64_t gap;     /* ns since the connection's packet before; 0 for the first */
  uint32_t after;  /* sequence number after it, SYN and FIN counted once */
  uint16_t tags;
  uint8_t side;    /* end that sent it */
  uint8_t again;   /* its payload had all been seen before */
  uint8_t skip;    /* a second copy, or no part of the stream */
};

/* What a connection remembers of its last packet. */
static inline void remember_packet(const struct look *look, uint8_t kind, uint8_t pure)
{
  struct connection *c = look->c;
  const struct segment *s = look->s;
  c->before_kind = kind;
  c->before_pure = pure;
  c->before_end = look->side;
  c->before_time = s->time;
  c->before_gap = look->gap;
  c->before_seq = s->seq;
  c->before_ack = s->ack;
  c->before_window = s->window;
  c->before_id = s->ip_id;
}

/* The first of a side: payload, packet without SYN, data or FIN. */
static inline void remember_first_word(struct side *own, const struct segment *s) {
  if (!s->payload || own->word_size) return;
  own->word_time = s->time;
  own->word_size = s->payload;
}

static inline void remember_first_number(struct side *own, const struct segment *s) {
  if (!own->word_number && !(s->flags & SYN)) own->word_number = s->number;
}

static inline void remember_first_size(struct side *own, const struct segment *s) {
  if (own->has_size) return;
  own->first_size = s->payload;
  own->has_size = 1;
}

/* steady.c: the packet that most are, and what it changes beside what is counted */
int is_steady(const struct look *look);
void take_steadily(struct look *look);
/* analysis.c */
void analyse(struct look *look);
int window_is_full(const struct look *look);
int reset_refused(const struct look *look);
/* missing_bytes.c: what the capture lacks of each side's stream */
void holes_take(struct look *look, int64_t position, int64_t end);
void holes_ack(struct look *look);
void holes_forget(struct connection *c, int end);
int holes_acknowledged(const struct connection *c, int end);
/* history.c */
void history_take(struct look *look);
void history_of_data(struct look *look);
size_t history_text(const struct connection *c, char *out, size_t room);
const char *conn_state(const struct connection *c);
size_t history_most(const struct connection *c);
enum { ZEEK_DATA = 1 << 6, ZEEK_ACK = 1 << 7 }; /* side.letters */
/* events.c */
void event_take(struct look *look);
void event_of_data(struct look *look);
void event_unread(struct look *look);
void reset_seen_again(const struct look *look);
/* event_folding.c: the kept events of a connection, resolved and folded, into `out` (room for c->count); how many */
size_t events_folded(const struct connection *c, struct event *out);
int told_by_length(const struct event *e, size_t index);
void events_compact(struct connection *c);
/* http_messages.c */
void http_take(struct look *look);
uint8_t answer_of(const struct side *own);
/* connection.c */
struct rare *rare_of(struct connection *c);
void connection_begin(struct connection *c, const struct segment *s, const int64_t keys[2], uint32_t scope);
void connection_end(struct connection *c);
int connection_copied(const struct connection *c, struct connection *copy);
/* Takes a packet that is known to belong; the tags it got. `alien`: it is no part of the stream. */
uint16_t connection_take(struct connection *c, const struct segment *s, int side, int alien);
/* port_reuse.c: whether a segment begins another connection of the same ends */
/* JOINS its connection, and BELONGS to the stream too; ALIEN to it; AFRESH: what its side had sent before was. */
enum outcome { JOINS, STARTS, BELONGS, ALIEN, AFRESH, WAITS_ANSWER, WAITS_STREAM, WAITS_SECOND_TRY, WAITS_SYN, WAITS_OPENING };
enum outcome syn_starts_another(const struct connection *c, const struct segment *s, int side);
/* RSTs with nothing else around and this far apart are separate events. */
static inline int is_long_after_resets(const struct connection *c, const struct segment *s) {
  const int64_t LONE_RST_NS = 5000000000;
  return !(c->flags & HAS_MORE_THAN_RST) && s->time - c->last_time >= LONE_RST_NS;
}
static inline int bare_syn(uint16_t flags) { return (flags & (SYN | ACK | FIN | RST)) == SYN; }
static inline enum outcome starts_another(const struct connection *c, const struct segment *s, int side) {
  if ((s->flags & (SYN | FIN | RST)) == SYN) return syn_starts_another(c, s, side);
  return is_long_after_resets(c, s) ? STARTS : JOINS;
}
enum outcome opens_again(const struct connection *c, const struct segment *s, int side);
/* … by what came after it: `held` and how many; WAITS_… itself where that does not tell yet */
enum outcome decided(enum outcome waits, const struct side *own, const struct segment *held, size_t n, int final);
/* A connection whose side's opening turned out to be no part of the stream: as if that had not been. */
void connection_forget_opening(struct connection *c, int side);

static inline int side_of(const struct connection *c, const int64_t keys[2], uint16_t sport, uint16_t dport) {
  return !(c->address[0] == keys[0] && c->port[0] == sport && c->address[1] == keys[1] && c->port[1] == dport);
}

/* captured_twice.c: packets captured lately, to know a second copy of one by */
struct recent_packets;
struct recent_packets *recent_packets_new(void);
void recent_packets_free(struct recent_packets *recent);
/* What all copies of a packet have in common; `key` is that of its ends. */
uint64_t packet_print(const struct segment *s, uint64_t key);
/* Where a packet is remembered: to be fetched before it is asked for. */
const void *recent_packet_place(const struct recent_packets *recent, uint64_t print);
enum { RECENT_PACKET_BYTES = 128 }; /* of one such place */
/* Are all of them in the cache at any time? */
int recent_packets_are_few(const struct recent_packets *recent);
int is_second_copy(struct recent_packets *recent, const struct connection *c, const struct segment *s, int side,
                   uint64_t print);

static inline uint64_t mixed(uint64_t x, uint64_t with) {
  x = (x ^ with) * 0x9E3779B97F4A7C15u;
  return x ^ x >> 29;
}

static inline int32_t ahead(uint32_t a, uint32_t b) { return (int32_t)(a - b); }

#endif
