/* Where two ends hold several connections one after the other: port reuse by a SYN, and RSTs that stand alone. And
 * openings that do not belong to the stream that followed: rival answers, stray and forged SYNs.
 *
 * What a SYN is may show only by what follows it. Then it is held back with what follows, until that tells or enough
 * of it came (held_segments.c). */
#include "connection.h"

enum { LOOK_AHEAD = 256, OPENING_AHEAD = 64 }; /* segments held back at most */
enum { NEAR_BY = 1 << 20 };                    /* sequence numbers this close belong to the same stream */

static int knows(const struct side *side, int what) { return (side->known & what) != 0; }

static uint32_t apart(uint32_t a, uint32_t b) {
  uint32_t distance = a - b;
  return distance < 0u - distance ? distance : 0u - distance;
}

/* The SYN,ACK or a segment of the new stream was captured before the SYN itself. */
static int answered_before(const struct side *own, const struct side *peer, uint32_t isn) {
  uint32_t after = isn + 1;
  int accepted = (knows(peer, KNOWS_ACCEPT) && peer->accepts[0] == after) ||
                 (knows(peer, KNOWS_ACCEPTS) && peer->accepts[1] == after);
  if (accepted) return !(knows(own, KNOWS_ISN) && own->isn == isn);
  return knows(own, KNOWS_SEGMENT) && own->stream_seq == after;
}

/* A SYN,ACK of other numbers than a closed connection's: its SYN may have been captured after it, in another queue. */
static int accepts_another(const struct connection *c, const struct segment *s, int side) {
  const struct side *own = &c->sides[side], *peer = &c->sides[!side];
  if (!(c->flags & HAS_CLOSED) || !knows(peer, KNOWS_ISN) || !knows(own, KNOWS_ACCEPT)) return 0;
  return s->ack != own->accepts[0] && s->ack != peer->isn + 1;
}

/* A SYN from the side that sent the connection's last one. */
static enum outcome after_own_syn(const struct connection *c, const struct segment *s, const struct side *own) {
  if (own->isn != s->seq)
    return c->flags & SINCE_SYN_CLOSED || !(c->flags & SINCE_SYN_ANY) ? STARTS : WAITS_STREAM;
  if (!(c->flags & SINCE_SYN_CLOSED)) return JOINS;
  /* Refused, and the same again: another attempt if it is accepted (Windows tries thus). */
  return c->flags & SINCE_SYN_OTHER ? WAITS_ANSWER : WAITS_SECOND_TRY;
}

/* Whether a SYN, or the answer to one, begins another connection of the same ends. */
enum outcome syn_starts_another(const struct connection *c, const struct segment *s, int side) {
  const struct side *own = &c->sides[side], *peer = &c->sides[!side];
  int closed = c->flags & HAS_CLOSED;
  if (s->flags & ACK) return accepts_another(c, s, side) ? WAITS_SYN : is_long_after_resets(c, s) ? STARTS : JOINS;
  if (c->flags & HAS_SYN && side == !!(c->flags & LAST_SYN_END)) {
    enum outcome plain = after_own_syn(c, s, own);
    if (plain == JOINS || plain == STARTS || plain == WAITS_SECOND_TRY) return plain;
  }
  if (answered_before(own, peer, s->seq)) return JOINS;
  if (knows(own, KNOWS_ISN) && own->isn == s->seq)
    return closed && c->flags & HAS_ESTABLISHED ? WAITS_ANSWER : JOINS;
  if (!knows(own, KNOWS_ISN)) {
    if (knows(peer, KNOWS_ISN)) return c->flags & (HAS_ESTABLISHED | HAS_CLOSED) ? STARTS : JOINS;
    if (!(c->flags & HAS_MORE_THAN_RST)) return is_long_after_resets(c, s) ? STARTS : JOINS;
  }
  return closed || !knows(own, KNOWS_PLAIN) ? STARTS : WAITS_STREAM;
}

/* Whether a SYN in a connection has other numbers than its side's segment before: JOINS if not. */
enum outcome opens_again(const struct connection *c, const struct segment *s, int side) {
  const struct side *own = &c->sides[side];
  return s->flags & SYN && own->packets && s->seq != own->last_seq ? WAITS_OPENING : JOINS;
}

static int same_sender(const struct segment *a, const struct segment *b) {
  if (a->sport != b->sport) return 0;
  for (int i = 0; i < 16; i++)
    if (a->src[i] != b->src[i]) return 0;
  return 1;
}

static enum outcome by_answer(const struct segment *held, size_t n, int over) {
  for (size_t i = 1; i < n; i++)
    if (held[i].flags & SYN && held[i].ack == held->seq + 1 && !same_sender(held, &held[i])) return STARTS;
  return over ? JOINS : WAITS_ANSWER;
}

/* After an unanswered SYN its sender may go on in the old stream: the SYN was a stray (challenge ACK). */
static enum outcome by_stream(const struct side *own, const struct segment *held, size_t n, int over) {
  for (size_t i = 1; i < n; i++) {
    const struct segment *s = &held[i];
    int same = same_sender(held, s);
    if (!same && s->flags & SYN && s->ack == held->seq + 1) return STARTS;
    if (!same || s->flags & (SYN | RST)) continue;
    uint32_t to_last = apart(s->seq, own->plain_seq);
    return to_last < NEAR_BY && apart(s->seq, held->seq) > to_last ? JOINS : STARTS;
  }
  return over ? STARTS : WAITS_STREAM;
}

static enum outcome by_syn(const struct segment *held, size_t n, int over) {
  for (size_t i = 1; i < n; i++)
    if (!same_sender(held, &held[i])) return bare_syn(held[i].flags) && held[i].seq + 1 == held->ack ? STARTS : JOINS;
  return over ? JOINS : WAITS_SYN;
}

static enum outcome by_second_try(const struct segment *held, size_t n, int over) {
  for (size_t i = 1; i < n; i++)
    if (!same_sender(held, &held[i]))
      return (held[i].flags & (SYN | ACK)) == (SYN | ACK) && held[i].ack == held->seq + 1 ? STARTS : JOINS;
  return over ? JOINS : WAITS_SECOND_TRY;
}

/* It repeats the opening of its own direction, late: a repetition like any other. */
static int late_opening(const struct side *own, const struct segment *s) {
  return own->first_seq - s->seq == (knows(own, OPENED_BY_SYN) ? 0u : 1u);
}

static enum outcome by_opening(const struct side *own, const struct segment *held, size_t n, int over) {
  const struct segment *first = NULL;
  for (size_t i = 1; i < n && !first; i++)
    if (same_sender(held, &held[i]) && !(held[i].flags & (SYN | RST))) first = &held[i];
  uint32_t then = first ? first->seq : 0;
  if (!first && !over) return WAITS_OPENING;
  for (size_t i = 1; i < n && !first; i++)
    if (!same_sender(held, &held[i]) && !(held[i].flags & (SYN | RST)) && held[i].flags & ACK) {
      first = &held[i];
      then = first->ack;
    }
  if (!first) return BELONGS;
  uint32_t to_suspect = apart(then, held->seq + 1), to_before = apart(then, own->last_seq + 1);
  if (to_before < to_suspect) return late_opening(own, held) ? BELONGS : ALIEN;
  return to_suspect < to_before && own->last_flags & SYN ? AFRESH : BELONGS;
}

/* What a segment that was held back is, by the `n` held ones of which it is the first. */
enum outcome decided(enum outcome waits, const struct side *own, const struct segment *held, size_t n, int final) {
  size_t most = waits == WAITS_OPENING ? OPENING_AHEAD : LOOK_AHEAD;
  int over = final || n > most;
  switch (waits) {
  case WAITS_ANSWER: return by_answer(held, n, over);
  case WAITS_STREAM: return by_stream(own, held, n, over);
  case WAITS_SECOND_TRY: return by_second_try(held, n, over);
  case WAITS_SYN: return by_syn(held, n, over);
  case WAITS_OPENING: return by_opening(own, held, n, over);
  default: return waits;
  }
}
