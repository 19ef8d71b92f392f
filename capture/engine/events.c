/* The packets that say something of how a connection went, as short records: what is kept of each connection beside its
 * counters. The plain middle of a transfer says nothing, and is folded (event_folding.c). */
#include <stdlib.h>
#include <string.h>

#include "connection.h"

enum { STRAY_NS = 5000000 }; /* sooner, a second ACK is loss, reordering or offload at work */
enum { LATE_NS = 3000000 };  /* captured so much later at most, in another queue than its answer */
enum { OVERTAKEN_NS = 300000000 }; /* a RST may overtake ACKs by so much */
enum { REGULAR_STEP = 64 };  /* IP identifications of one sender that grow by so little make a line */
enum { FAR_OFF = 2048 };     /* from the line */
enum { FIRST_ROOM = 8, MOST_ROOM = 1024 };

static int kind_of(const struct segment *s) {
  if (s->flags & RST) return KIND_RST;
  if (s->flags & SYN) return s->flags & ACK ? KIND_SYN_ACK : KIND_SYN;
  if (s->flags & FIN) return KIND_FIN;
  return s->payload ? KIND_DATA : KIND_ACK;
}

/* Was it sent before? Data that the capture holds once only, after its own ACK, was merely captured late. */
static int repeats(const struct look *look) {
  if (look->tags & TAG_SPURIOUS_RETRANSMISSION && !look->again) return 0;
  return (look->tags & ALL_REPEATS) != 0;
}

static struct event *next_event(struct connection *c) {
  if (c->count == c->room) {
    if (c->room >= FIRST_ROOM) events_compact(c);
    if (c->count * 4 > c->room * 3 || !c->room) {
      uint32_t room = c->room ? c->room * 2 : FIRST_ROOM;
      struct event *more = realloc(c->events, room * sizeof *more);
      if (!more) return c->flags |= LACKS_MEMORY, NULL;
      c->events = more;
      c->room = room;
    }
  }
  return &c->events[c->count++];
}

/* Plain data that was acknowledged: no later packet will change what is said of it, unless its side says no more. */
static int is_settled(const struct connection *c, const struct event *e, int side) {
  const struct side *peer = &c->sides[!side];
  return e->code == (KIND_DATA | (side ? EVENT_SIDE : 0)) && !(e->kept & (KEPT_WAS_SENT | KEPT_SPURIOUS)) &&
         peer->known & KNOWS_ACKED && ahead(e->end, peer->acked) <= 0;
}

/* A side says more: of a run of its plain data before, the last is enough, as folding at the end has it. */
static void fold_run_before(struct connection *c, int side) {
  while (c->count > 1 && is_settled(c, &c->events[c->count - 1], side) && is_settled(c, &c->events[c->count - 2], side)) {
    if (told_by_length(&c->events[c->count - 2], c->count - 2)) return;
    struct event *last = &c->events[--c->count];
    struct side *own = &c->sides[side];
    if (last[-1].size > own->largest_acked) own->largest_acked = last[-1].size;
    last[-1] = *last;
  }
}

static void keep(struct look *look, int code, int kept) {
  const struct segment *s = look->s;
  if ((code & KIND_MASK) == KIND_DATA) fold_run_before(look->c, look->side);
  struct event *e = next_event(look->c);
  if (!e) return;
  int rst = (code & KIND_MASK) == KIND_RST;
  e->time = s->time;
  e->gap = look->c->before_kind ? s->time - look->c->before_time : 0;
  e->number = (uint32_t)s->number;
  e->number_above = (uint8_t)(s->number >> 32);
  e->kept = (uint8_t)kept;
  e->end = rst ? s->seq : s->seq + s->payload + ((code & KIND_MASK) == KIND_FIN);
  e->size = rst ? (s->marks & MARK_TTL_UNKNOWN ? 0 : s->ttl) : s->payload;
  e->code = (uint16_t)(code | (look->side ? EVENT_SIDE : 0));
}

/* A RST,ACK far from the IP identifications of its sender's last two packets, which lie close together.
 * Not asked of a bare RST: kernels number those apart from their sockets' packets. */
static int off_the_line(const struct segment *s, const struct side *own) {
  if (!(own->known & KNOWS_IDS) || !(s->flags & ACK) || src_family(s) == 6 || !s->ip_id) return 0;
  uint16_t step = (uint16_t)(own->ids[1] - own->ids[0]), jump = (uint16_t)(s->ip_id - own->ids[1]);
  return step > 0 && step <= REGULAR_STEP && jump >= FAR_OFF && jump <= 65536 - FAR_OFF;
}

/* Does a RST,ACK acknowledge all that its receiver had said? A socket closed right after a read may not have before. */
static int takes_all(const struct look *look) {
  const struct connection *c = look->c;
  for (uint32_t i = c->count; look->s->flags & ACK && i-- > 0;) {
    const struct event *e = &c->events[i];
    int kind = e->code & KIND_MASK;
    if ((kind == KIND_DATA || kind == KIND_FIN) && e->code >> 15 != look->side) return ahead(e->end, look->s->ack) <= 0;
  }
  return 0;
}

static int reset_code(const struct look *look) {
  const struct segment *s = look->s;
  int code = KIND_RST, live = s->marks & MARK_TIMESTAMP || s->window;
  if (!(s->flags & ACK)) code |= EVENT_BARE;
  else if (!live) code |= s->marks & MARK_HEADER_CUT ? EVENT_CUT : EVENT_ANSWER;
  if (look->tags & TAG_RST_UNACCEPTABLE) code |= EVENT_UNACCEPTABLE;
  if (off_the_line(s, look->own)) code |= EVENT_ODD_ID;
  if (takes_all(look)) code |= EVENT_TAKES;
  return code;
}

/* A pure ACK that repeats the one before it, unasked: a challenge ACK looks like this. */
static int is_stray(const struct look *look) {
  const struct connection *c = look->c;
  const struct segment *s = look->s;
  return c->before_pure && c->before_end == look->side && s->seq == c->before_seq && s->ack == c->before_ack &&
         s->window == c->before_window && !(s->marks & MARK_SACK) &&
         !(look->tags & (TAG_KEEP_ALIVE | TAG_KEEP_ALIVE_ACK)) && s->time - c->before_time >= STRAY_NS &&
         (s->ip_id != c->before_id || src_family(s) == 6 || s->marks & MARK_ID_UNKNOWN);
}

/* What this side's ACK and window say; whether that is worth a word. */
static int acks_and_windows(struct look *look, int kind, int plain, int *code) {
  const struct segment *s = look->s;
  struct side *own = look->own, *peer = look->peer;
  int worth = 0;
  if (kind != KIND_RST && peer->known & KNOWS_FIN && s->flags & ACK && ahead(s->ack, peer->fin_end) >= 0) {
    *code |= EVENT_ACKS_FIN;
    worth = 1;
  }
  if (kind == KIND_RST) return worth;
  int closed = (look->tags & TAG_ZERO_WINDOW && plain) || (kind == KIND_SYN_ACK && !s->window); /* a SYN proxy's */
  if (closed) *code |= EVENT_ZERO;
  if (closed || own->closed) worth = 1; /* and the packet that opens the window again */
  own->closed = (uint8_t)closed;
  return worth;
}

/* A FIN that was captured after its ACK: the order at the far end is in ACK numbers, not in the capture. */
static void acked_already(const struct look *look) {
  const struct side *own = look->own, *peer = look->peer;
  struct connection *c = look->c;
  if (!(peer->known & KNOWS_FIN && peer->known & KNOWS_ACKED) || ahead(peer->acked, own->fin_end) < 0) return;
  for (uint32_t i = c->count; i-- > 0 && event_number(&c->events[i]) >= peer->last_number;)
    if (event_number(&c->events[i]) == peer->last_number) c->events[i].code |= EVENT_ACKS_FIN;
}

/* An ACK that says no more than the RST of its side before: the RST overtook it, it is no sign of life. */
static int overtaken(const struct look *look, int pure) {
  const struct side *own = look->own;
  return pure && own->known & KNOWS_RESET && ahead(look->s->ack, own->reset_ack) <= 0 &&
         look->s->time - look->c->before_time < OVERTAKEN_NS;
}

static void remember(struct look *look, int kind, int pure, int goodbye) {
  const struct segment *s = look->s;
  struct connection *c = look->c;
  struct side *own = look->own;
  if (kind == KIND_DATA || kind == KIND_FIN) remember_first_size(own, s);
  if (kind == KIND_FIN && !(own->known & KNOWS_FIN)) {
    own->fin_end = s->seq + s->payload + 1;
    own->known |= KNOWS_FIN;
  }
  if (kind == KIND_DATA && !goodbye) own->data_number = s->number;
  remember_first_number(own, s);
  if (kind != KIND_RST && s->payload && !repeats(look) && !(look->tags & (TAG_KEEP_ALIVE | TAG_ZERO_WINDOW_PROBE)))
    own->said_number = s->number;
  if (kind == KIND_SYN_ACK && !(look->c->flags & HAS_COMPLETE))
    own->known &= ~KNOWS_ACKED; /* what came before answered an older connection in TIME-WAIT */
  if (s->flags & ACK && kind != KIND_RST && (!(own->known & KNOWS_ACKED) || ahead(s->ack, own->acked) > 0)) {
    own->acked = s->ack;
    own->known |= KNOWS_ACKED;
  }
  if (kind != KIND_RST) {
    int other = s->seq != own->last_seq || s->ack != own->last_ack;
    if (own->known & KNOWS_ID && s->ip_id && s->ip_id == own->ids[1] && other) own->known |= SAME_IDS;
    own->ids[0] = own->ids[1];
    own->ids[1] = s->ip_id;
    own->known |= own->known & KNOWS_ID ? KNOWS_IDS : KNOWS_ID;
    if (!(s->marks & MARK_TTL_UNKNOWN)) {
      if (!own->ttl_first) own->ttl_first = s->ttl;
      own->ttl_last = s->ttl;
    }
    if (!overtaken(look, pure)) {
      own->last_number = s->number;
      own->last_plain = s->seq;
    }
  } else {
    c->flags |= HAS_RST;
    if (s->flags & ACK && !(own->known & KNOWS_RESET)) {
      own->reset_ack = s->ack;
      own->known |= KNOWS_RESET;
    }
  }
  remember_packet(look, (uint8_t)kind, (uint8_t)pure);
}

/* KEPT_WHOLE of one TLS record, KEPT_ALIKE of two to four as long as the first, and nothing else; 0 of all others. */
static int whole_records(const struct segment *s) {
  if (!s->data || s->captured < 5) return 0;
  uint32_t record = ((uint32_t)s->data[3] << 8 | s->data[4]) + 5, count = s->payload / record;
  if (s->payload % record || count > 4) return 0;
  return count == 1 ? KEPT_WHOLE : count ? KEPT_ALIKE : 0;
}

/* What payloads begin with, where that decides what an end cost. */
static int read_content(const struct segment *s, int *kept) {
  switch (s->data ? content_of(s->data, s->captured, s->payload) : s->content) {
  case CONTENT_UNKNOWN: *kept |= KEPT_UNREAD; return 0;
  case CONTENT_TLS_DATA: *kept |= KEPT_TLS_DATA | whole_records(s); return 0;
  case CONTENT_HANDSHAKE: return EVENT_HANDSHAKE;
  case CONTENT_GOODBYE: return EVENT_GOODBYE;
  case CONTENT_PARTING: return EVENT_PARTING;
  default: return 0;
  }
}

/* Does this packet say or acknowledge something that its side had not? */
static int is_news(const struct look *look, int kind) {
  const struct segment *s = look->s;
  struct side *own = look->own;
  int speaks = s->payload || s->flags & (SYN | FIN), further = 0;
  if (kind == KIND_RST) return 0;
  if (s->flags & ACK) {
    further = !(own->known & KNOWS_SAID) || ahead(s->ack, own->said) > 0;
    own->known |= KNOWS_SAID;
    own->said = s->ack;
  }
  return further || (speaks && !repeats(look) && !(look->tags & (TAG_KEEP_ALIVE | TAG_ZERO_WINDOW_PROBE)));
}

/* A bare RST takes its number from what it answers: a segment that acknowledges just that, and comes right after the RST,
 * was captured late. It is before the RST, after the silence that the RST seemed to end. */
static void before_its_reset(const struct look *look) {
  const struct segment *s = look->s;
  struct connection *c = look->c;
  if (c->count < 2 || c->before_kind != KIND_RST || c->before_end == look->side) return;
  struct event *late = &c->events[c->count - 1], *rst = late - 1, moved = *rst;
  int answers = (rst->code & (KIND_MASK | EVENT_BARE)) == (KIND_RST | EVENT_BARE) && s->flags & ACK && s->ack == rst->end;
  if (!answers || (!s->payload && !(s->flags & FIN)) || look->gap < 0 || look->gap >= LATE_NS) return;
  moved.gap = late->gap;
  late->gap = rst->gap;
  *rst = *late;
  *late = moved;
}

/* A segment that comes right after the packet that acknowledges it was captured late: it is before that packet. */
static void before_its_ack(const struct look *look) {
  struct connection *c = look->c;
  struct event *late = &c->events[c->count - 1];
  if (c->before_end == look->side || !c->before_kind || c->before_kind == KIND_RST || look->gap < 0 || look->gap >= LATE_NS) return;
  if (!(look->peer->known & KNOWS_ACKED) || ahead(look->after, c->before_ack) > 0) return;
  late->gap += c->before_gap;
  if (c->count < 2 || event_number(late - 1) != look->peer->last_number) return;
  struct event moved = late[-1];
  moved.gap = look->gap;
  late[-1] = *late;
  *late = moved;
}

/* New data in order, where nothing is open. */
void event_of_data(struct look *look) {
  int kept = 0, code = KIND_DATA | read_content(look->s, &kept);
  http_take(look);
  keep(look, code, kept);
  before_its_ack(look);
  if (!(code & EVENT_GOODBYE)) look->own->data_number = look->s->number;
}

/* A RST captured on both sides of a router, the later copy first: of its TTLs the one that its sender's packets have. */
void reset_seen_again(const struct look *look) {
  const struct segment *s = look->s;
  struct connection *c = look->c;
  if (s->marks & MARK_TTL_UNKNOWN || s->ttl != look->own->ttl_last) return;
  for (uint32_t i = c->count; i-- > 0;) {
    struct event *e = &c->events[i];
    if ((e->code & KIND_MASK) == KIND_RST && e->code >> 15 == look->side && e->end == s->seq) e->size = s->ttl;
  }
}

/* Of a side that was not captured its peer's ACKs tell what it sent: data, and a FIN, which takes one number, the last. */
static void hear(struct look *look) {
  const struct segment *s = look->s;
  struct side *own = look->own, *peer = look->peer;
  if (own->known & HEARD_FIN) own->known &= ~(uint32_t)(HEARD_FIN | KNOWS_FIN); /* it has packets after all */
  if (peer->packets || (s->flags & (ACK | RST)) != ACK || !(own->known & KNOWS_ACKED)) return;
  int32_t step = ahead(s->ack, own->acked);
  if (step <= 0) return;
  struct event *e = next_event(look->c);
  if (!e) return;
  *e = (struct event){.time = s->time, .gap = look->gap, .end = s->ack, .size = (uint32_t)step, .number = (uint32_t)s->number,
                      .number_above = (uint8_t)(s->number >> 32), .kept = KEPT_HEARD,
                      .code = (uint16_t)((step == 1 ? KIND_FIN : KIND_DATA) | (look->side ? 0 : EVENT_SIDE))};
  peer->known &= ~(uint32_t)(HEARD_FIN | KNOWS_FIN);
  if (step == 1) peer->known |= HEARD_FIN | KNOWS_FIN;
  peer->fin_end = s->ack;
}

/* A packet whose flags were not captured. */
void event_unread(struct look *look) {
  keep(look, KIND_UNREAD, 0);
  remember_packet(look, KIND_UNREAD, 0);
}

/* Takes one packet, no second copy, into the connection's events. */
void event_take(struct look *look) {
  const struct segment *s = look->s;
  struct connection *c = look->c;
  int kind = kind_of(s), pure = kind == KIND_ACK, data = kind == KIND_DATA;
  int answers = c->before_end != look->side; /* of no kind where there is none before */
  int kept = !pure, code;
  hear(look);
  if (look->tags & (TAG_KEEP_ALIVE | TAG_ZERO_WINDOW_PROBE) && (pure || data)) {
    kind = KIND_PROBE;
    data = 0;
    kept = 1;
  }
  code = kind == KIND_RST ? reset_code(look) : kind;
  if (answers && c->before_kind == KIND_PROBE) kept = 1;
  int opened = c->before_kind == KIND_SYN || c->before_kind == KIND_SYN_ACK || c->before_kind == KIND_RST;
  if ((answers || c->before_kind == KIND_SYN) && opened && pure) kept = 1; /* the SYN,ACK may yet come */
  int more = (data || kind == KIND_FIN) && repeats(look) ? KEPT_WAS_SENT : 0;
  if (more && look->tags & TAG_SPURIOUS_RETRANSMISSION) more |= KEPT_SPURIOUS;
  if (data || (kind == KIND_FIN && s->payload)) {
    code |= read_content(s, &more);
    http_take(look);
  }
  if (kind == KIND_FIN) {
    if (s->payload) code |= EVENT_WITH_DATA;
    if (repeats(look)) code |= EVENT_REPEAT;
  }
  if (pure && is_stray(look)) {
    code |= EVENT_STRAY;
    kept = 1;
  }
  kept |= acks_and_windows(look, kind, pure || data || kind == KIND_FIN, &code);
  int first_fin = kind == KIND_FIN && !(look->own->known & KNOWS_FIN);
  if (is_news(look, kind)) look->own->news_number = s->number;
  if (kept) keep(look, code, more);
  if (kept && kind != KIND_RST) before_its_reset(look);
  if ((data && !look->again) || first_fin) before_its_ack(look);
  remember(look, kind, pure, data && code & EVENT_GOODBYE);
  if (first_fin) acked_already(look);
}
