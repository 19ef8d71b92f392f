/* One connection: what each of its packets changes. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"

enum { SERVER_PORTS = 1024, EPHEMERAL_PORTS = 32768 }; /* midstream: below are servers', from here on clients' */
enum { LEAST_ROUND_TRIP_NS = 200000, RATIO = 5 }; /* a round trip longer than a kernel's own delay; how much longer */
enum { PLACE_UNKNOWN, PLACE_CLIENT, PLACE_SERVER, PLACE_MIDDLE };

struct rare *rare_of(struct connection *c) {
  if (!c->rare) c->rare = calloc(1, sizeof *c->rare);
  if (!c->rare) c->flags |= LACKS_MEMORY;
  return c->rare;
}

/* Well-known, registered, or ephemeral: what a system gives to a client that asks for none (Linux; RFC 6335). */
static int port_class(unsigned port) { return (port >= SERVER_PORTS) + (port >= EPHEMERAL_PORTS); }

/* Who sent it is the originator, unless its port is more of a server's. A SYN or SYN,ACK tells better. */
static int guessed_originator(const struct segment *s) { return port_class(s->sport) < port_class(s->dport); }

void connection_begin(struct connection *c, const struct segment *s, const int64_t keys[2], uint32_t scope) {
  memset(c, 0, sizeof *c);
  memcpy(c->address, keys, sizeof c->address);
  c->port[0] = s->sport;
  c->port[1] = s->dport;
  c->scope = scope;
  c->sides[0].wscale = c->sides[1].wscale = -1;
  c->first_number = s->number;
  c->first_ack = s->ack;
  c->first_time = c->last_time = c->lowest_time = c->highest_time = s->time;
  c->longest_gap = c->rtt = -1;
  c->originator = (uint8_t)(s->flags & SYN ? 0 : guessed_originator(s));
}

void connection_end(struct connection *c) {
  free(c->events);
  if (c->rare) free(c->rare->letters);
  free(c->rare);
  c->events = NULL;
  c->rare = NULL;
}

/* A copy that lives by itself; 0 where there is no memory. */
int connection_copied(const struct connection *c, struct connection *copy) {
  *copy = *c;
  copy->events = malloc((c->room ? c->room : 1) * sizeof *c->events);
  copy->rare = NULL;
  if (!copy->events) return 0;
  if (c->count) memcpy(copy->events, c->events, c->count * sizeof *c->events);
  if (!c->rare) return 1;
  if (!(copy->rare = malloc(sizeof *c->rare))) return connection_end(copy), 0;
  *copy->rare = *c->rare;
  if (!c->rare->letters) return 1;
  if (!(copy->rare->letters = malloc(c->rare->letters_room))) return connection_end(copy), 0;
  memcpy(copy->rare->letters, c->rare->letters, c->long_history);
  return 1;
}

/* The first bare SYN's sender is the originator, else the one a SYN,ACK went to. */
static void give_roles(struct connection *c, const struct segment *s, int side) {
  int kind = s->flags & (SYN | ACK);
  int surer = kind == SYN ? ROLE_OPENED : kind == (SYN | ACK) ? ROLE_ACCEPTED : ROLE_GUESSED;
  if (surer <= c->role) return;
  c->role = (uint8_t)surer;
  c->originator = (uint8_t)(kind == SYN ? side : !side);
}

/* Where it was captured, by the handshake's timing: its first three packets. */
static uint8_t place_of(const struct connection *c, const struct segment *third, int side) {
  int opened = (c->first[0].flags & (SYN | ACK)) == SYN && (c->first[1].flags & (SYN | ACK)) == (SYN | ACK) &&
               (third->flags & (SYN | ACK)) == ACK;
  if (!opened || c->first[0].end != c->originator || c->first[1].end == c->originator || side != c->originator)
    return PLACE_UNKNOWN;
  int64_t beyond = c->first_times[1] - c->first_times[0], before = third->time - c->first_times[1];
  if ((beyond > before ? beyond : before) < LEAST_ROUND_TRIP_NS) return PLACE_UNKNOWN;
  if (before < beyond / RATIO + (beyond % RATIO != 0)) return PLACE_CLIENT;
  return beyond < before / RATIO + (before % RATIO != 0) ? PLACE_SERVER : PLACE_MIDDLE;
}

static void first_packets(struct connection *c, const struct segment *s, int side) {
  if (c->seen >= 3) return;
  if (c->seen == 2) {
    c->place = place_of(c, s, side);
  } else {
    c->first[c->seen].flags = s->flags;
    c->first[c->seen].end = (uint8_t)side;
    c->first[c->seen].ttl = s->marks & MARK_TTL_UNKNOWN ? 0 : s->ttl;
    c->first[c->seen].marks = (uint8_t)s->marks;
    c->first_times[c->seen] = s->time;
  }
  c->seen++;
}

/* Whether SYN, SYN,ACK and its ACK were all seen, and the time from the last SYN to that ACK.
 * SYN to ACK is the whole round trip wherever between the two ends the capture was made. */
static void handshake(struct connection *c, const struct segment *s, int side) {
  int kind = s->flags & (SYN | ACK | RST | FIN);
  if (side == c->originator && kind == SYN) {
    c->opening_time = s->time;
    c->flags |= HAS_OPENING;
    return;
  }
  if (!(c->flags & HAS_OPENING) || c->flags & HAS_COMPLETE) return;
  const struct side *originator = &c->sides[c->originator];
  if (side != c->originator && kind == (SYN | ACK)) {
    if (ahead(s->ack, originator->isn) <= 0) return;
    c->accept_seq[c->waiting ? 1 : 0] = s->seq;
    c->waiting = c->waiting ? 2 : 1;
  } else if (side == c->originator && (s->flags & (SYN | ACK | RST)) == ACK) {
    for (int i = 0; i < c->waiting; i++)
      if (ahead(s->ack, c->accept_seq[i]) > 0) c->flags |= HAS_COMPLETE;
    if (c->flags & HAS_COMPLETE && s->time >= c->opening_time) c->rtt = s->time - c->opening_time;
    c->waiting = 0;
  }
}

static void count_flag(struct connection *c, int side, int which, uint8_t *few) {
  if (++*few) return;
  struct rare *rare = rare_of(c); /* 256 of them */
  if (rare) rare->many[side][which] += 256;
}

static void count_flags(struct connection *c, const struct segment *s, int side) {
  struct side *own = &c->sides[side];
  if (s->flags & SYN) count_flag(c, side, 0, &own->syns);
  if (s->flags & FIN) count_flag(c, side, 1, &own->fins);
  if (s->flags & RST) count_flag(c, side, 2, &own->rsts);
  if (s->flags & FIN && !c->first_fin) c->first_fin = s->number << 1 | (unsigned)side;
  if (s->flags & RST && !c->first_rst) c->first_rst = s->number << 1 | (unsigned)side;
}

static void count_tags(struct connection *c, int side, uint16_t tags) {
  if (!(tags & ~(TAG_KEEP_ALIVE_ACK | TAG_ZERO_WINDOW_PROBE))) return;
  struct rare *rare = rare_of(c);
  if (!rare) return;
  static const uint16_t counted[RARE_COUNTS] = {
    [RARE_RETRANSMISSION] = ALL_REPEATS, [RARE_FAST] = TAG_FAST_RETRANSMISSION,
    [RARE_SPURIOUS] = TAG_SPURIOUS_RETRANSMISSION, [RARE_OUT_OF_ORDER] = TAG_OUT_OF_ORDER,
    [RARE_DUPLICATE_ACK] = TAG_DUPLICATE_ACK, [RARE_ZERO_WINDOW] = TAG_ZERO_WINDOW,
    [RARE_WINDOW_FULL] = TAG_WINDOW_FULL, [RARE_KEEP_ALIVE] = TAG_KEEP_ALIVE,
    [RARE_LOST_SEGMENT] = TAG_LOST_SEGMENT,
  };
  for (int i = 0; i < RARE_COUNTS; i++) rare->counts[side][i] += (tags & counted[i]) != 0;
}

/* RSTs that came before the first SYN met no connection. */
static void refuse_resets_before(struct connection *c) {
  for (uint32_t i = 0; i < c->count; i++)
    if ((c->events[i].code & KIND_MASK) == KIND_RST) c->events[i].code |= EVENT_UNACCEPTABLE;
}

/* What decides whether a later SYN begins another connection. */
static void remember_opening(struct connection *c, const struct segment *s, int side) {
  struct side *own = &c->sides[side];
  int bare = (s->flags & (SYN | ACK | FIN | RST)) == SYN, accepts = (s->flags & (SYN | ACK)) == (SYN | ACK);
  if ((s->flags & (SYN | ACK | RST)) == SYN && !(c->flags & HAS_OPENED)) {
    if (c->flags & HAS_RST) refuse_resets_before(c);
    c->flags |= HAS_OPENED;
  }
  if (bare) {
    own->isn = s->seq;
    own->known |= KNOWS_ISN;
    c->flags &= (uint16_t)~(SINCE_SYN_CLOSED | SINCE_SYN_OTHER | SINCE_SYN_ANY | LAST_SYN_END);
    c->flags |= HAS_SYN | (side ? LAST_SYN_END : 0);
  } else {
    c->flags |= SINCE_SYN_ANY;
    if (s->flags & (FIN | RST)) c->flags |= SINCE_SYN_CLOSED | HAS_CLOSED;
    if (!(s->flags & RST)) c->flags |= SINCE_SYN_OTHER;
  }
  if (!(s->flags & RST)) c->flags |= HAS_MORE_THAN_RST;
  if (accepts || (!(s->flags & SYN) && (s->payload || s->flags & FIN))) c->flags |= HAS_ESTABLISHED;
  if (accepts && !(own->known & KNOWS_ACCEPT && own->accepts[0] == s->ack)) {
    own->known |= own->known & KNOWS_ACCEPT ? KNOWS_ACCEPTS : KNOWS_ACCEPT;
    own->accepts[1] = own->accepts[0];
    own->accepts[0] = s->ack;
  }
  if (!(s->flags & (SYN | RST))) {
    own->plain_seq = s->seq;
    own->known |= KNOWS_PLAIN;
  }
  if (!(s->flags & RST) && !(own->known & KNOWS_SEGMENT)) {
    own->stream_seq = s->seq;
    own->known |= KNOWS_SEGMENT;
  }
}

static void count_packet(struct connection *c, const struct segment *s, int side, int64_t *gap) {
  struct side *own = &c->sides[side];
  int first = !c->sides[0].packets && !c->sides[1].packets;
  *gap = first ? 0 : s->time - c->last_time;
  if (!first && *gap > c->longest_gap) c->longest_gap = *gap;
  if (!first && c->longest_gap < 0) c->longest_gap = 0;
  c->last_time = s->time;
  if (s->time < c->lowest_time) c->lowest_time = s->time;
  if (s->time > c->highest_time) c->highest_time = s->time;
  own->packets++;
  own->bytes += s->payload;
}

/* A second copy carries no news: it counts as a packet, and Zeek would see repeated data. */
static uint16_t second_copy(struct look *look) {
  struct rare *rare = rare_of(look->c);
  if (rare) rare->copies++;
  look->again = look->s->payload > 0;
  if (look->s->flags & RST) reset_seen_again(look);
  look->tags = TAG_SECOND_COPY;
  history_take(look);
  return look->tags;
}

static void remember_last(struct look *look) {
  const struct segment *s = look->s;
  struct side *own = look->own;
  own->last_seq = s->seq;
  own->last_ack = s->ack;
  own->last_flags = s->flags;
  own->last_after = look->after;
}

static void first_of_side(struct look *look) {
  struct side *own = look->own;
  const struct segment *s = look->s;
  remember_first_word(own, s);
  if (own->packets == 1) {
    own->first_seq = s->seq;
    if (s->flags & SYN) own->known |= OPENED_BY_SYN;
  }
  if (!(s->flags & SYN)) return;
  if (own->wscale < 0 && s->wscale >= 0) own->wscale = s->wscale;
  own->known |= KNOWS_SYN;
}

/* Its flags were not captured: known is that it was there, and whose it is. */
static uint16_t take_unread(struct look *look) {
  first_packets(look->c, look->s, look->side);
  look->c->flags |= HAS_MORE_THAN_RST;
  event_unread(look);
  return 0;
}

/* Part by part. */
static APART void take_any(struct look *look, int alien) {
  struct connection *c = look->c;
  const struct segment *s = look->s;
  int side = look->side;
  first_of_side(look);
  give_roles(c, s, side);
  first_packets(c, s, side);
  if (s->flags & RST && reset_refused(look)) look->tags = TAG_RST_UNACCEPTABLE;
  look->skip = (uint8_t)(alien || look->tags & TAG_RST_UNACCEPTABLE);
  if (!look->skip) analyse(look);
  history_take(look);
  remember_opening(c, s, side);
  handshake(c, s, side);
  event_take(look);
  count_tags(c, side, look->tags);
  if (!alien) remember_last(look);
}

#ifdef CHECK_STEADY
/* Both say the same, or the fuzzer has found something. */
static void take_both_ways(struct look *look) {
  struct connection copy;
  if (!connection_copied(look->c, &copy)) {
    take_steadily(look);
    return;
  }
  struct look other = *look;
  other.c = &copy;
  other.own = &copy.sides[look->side];
  other.peer = &copy.sides[!look->side];
  take_any(&other, 0);
  take_steadily(look);
  struct event *events = copy.events, *own_events = look->c->events;
  struct rare *rare = copy.rare, *own_rare = look->c->rare;
  int same = look->c->count == copy.count && !rare == !own_rare &&
             (!copy.count || !memcmp(events, own_events, copy.count * sizeof *events)) &&
             (!rare || !memcmp(rare->counts, own_rare->counts, offsetof(struct rare, letters)));
  copy.events = own_events;
  copy.rare = own_rare;
  copy.room = look->c->room;
  if (!same || other.tags || memcmp(&copy, look->c, sizeof copy)) abort();
  copy.events = events;
  copy.rare = rare;
  connection_end(&copy);
}
#endif

uint16_t connection_take(struct connection *c, const struct segment *s, int side, int alien) {
  struct look look;
  look.s = s;
  look.c = c;
  look.own = &c->sides[side];
  look.peer = &c->sides[!side];
  look.side = (uint8_t)side;
  look.tags = look.again = look.skip = 0;
  count_packet(c, s, side, &look.gap);
  look.after = s->seq + s->payload + ((s->flags & (SYN | FIN)) != 0); /* both at once count once, as Wireshark has it */
  if (!alien && is_steady(&look)) {
#ifdef CHECK_STEADY
    take_both_ways(&look);
#else
    take_steadily(&look);
#endif
    return 0;
  }
  count_flags(c, s, side);
  if (s->marks & MARK_SAME_AS_BEFORE) return second_copy(&look);
  if (s->marks & MARK_FLAGS_CUT) return take_unread(&look);
  take_any(&look, alien);
  return look.tags;
}

void connection_forget_opening(struct connection *c, int side) {
  struct side *own = &c->sides[side];
  own->known &= ~(uint32_t)(KNOWS_NEXT | KNOWS_STREAM | KNOWS_SPAN);
  own->taken = 0;
  holes_forget(c, side);
}
