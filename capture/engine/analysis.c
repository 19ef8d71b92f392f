/* Wireshark's analysis of a connection, packet by packet, by the rules that it documents for tcp.analysis; and which
 * RSTs their receiver would honour (RFC 9293 3.10.7.4). */
#include "connection.h"

enum { FAST_RETRANSMISSION_NS = 20000000 }; /* after the duplicate ACKs that ask for it */
enum { OUT_OF_ORDER_NS = 3000000 };         /* without a handshake to measure the round trip by */
enum { PLACES = 4 };                        /* of side.control_at */
enum { FAR = 1 << 20 };                     /* a SYN or RST whose number is this far off repeats nothing */

static int knows(const struct side *side, int what) { return (side->known & what) != 0; }

/* The shift that applies to a side's windows: both sides' option or none; -1 unknown. */
static int scale_of(const struct connection *c, const struct side *side) {
  for (int end = 0; end < 2; end++)
    if (c->sides[end].known & KNOWS_SYN && c->sides[end].wscale < 0) return 0;
  return side->wscale;
}

int window_is_full(const struct look *look) {
  const struct segment *s = look->s;
  int shift = scale_of(look->c, look->peer);
  if (shift < 0 || !look->peer->packets) return 0;
  if (look->peer->known & UNSCALED) shift = 0;
  return s->seq + s->payload == look->peer->ack + ((uint32_t)look->peer->window << shift);
}

/* Which kind of repetition a segment with data, SYN or FIN is; 0 where it carries something new. */
static uint16_t repeated(const struct look *look) {
  const struct segment *s = look->s;
  const struct side *own = look->own, *peer = look->peer;
  int behind = knows(own, KNOWS_NEXT) && ahead(s->seq, own->next) < 0;
  if (s->payload > 1 && knows(own, KNOWS_NEXT) && own->next - 1 == s->seq) behind = 0; /* new data after a probe */
  if (s->payload && peer->ack && ahead(s->seq + s->payload, peer->ack) <= 0) return TAG_SPURIOUS_RETRANSMISSION;
  if (!behind) return 0;
  int64_t since_ack = s->time - peer->ack_time, since_moved = s->time - own->next_time;
  if (peer->duplicates >= 2 && peer->ack == s->seq && since_ack >= 0 && since_ack < FAST_RETRANSMISSION_NS)
    return TAG_FAST_RETRANSMISSION;
  int64_t patience = look->c->round_trip ? look->c->round_trip : OUT_OF_ORDER_NS;
  if (since_moved >= 0 && since_moved < patience && look->after != own->next) return TAG_OUT_OF_ORDER;
  return TAG_RETRANSMISSION;
}

/* A segment without data that moves nothing, no window update: an answer to a keep-alive, or a duplicate ACK. */
static uint16_t standing_still(struct look *look) {
  const struct segment *s = look->s;
  struct side *own = look->own;
  if (!s->window || s->window != own->window) return 0;
  if (look->peer->last_tags & TAG_KEEP_ALIVE) return TAG_KEEP_ALIVE_ACK;
  own->duplicates += own->duplicates < INT32_MAX;
  return TAG_DUPLICATE_ACK;
}

static uint16_t by_sequence(struct look *look) {
  const struct segment *s = look->s;
  struct side *own = look->own;
  int control = s->flags & CONTROL, known = knows(own, KNOWS_NEXT);
  uint16_t tags = 0;
  if (!s->window && !control) tags = TAG_ZERO_WINDOW;
  if (known && !(s->flags & RST) && ahead(s->seq, own->next) > 0) tags |= TAG_LOST_SEGMENT;
  if (known && s->payload <= 1 && !control && s->seq == own->next - 1) tags |= TAG_KEEP_ALIVE;
  if (s->payload) {
    if (!control && window_is_full(look)) tags |= TAG_WINDOW_FULL;
  } else if (!control && known && s->seq == own->next && s->ack == own->ack) {
    tags |= standing_still(look);
  }
  return tags;
}

/* An ACK of what the capture lacks: the duplicates before it asked for nothing that will be seen again. */
static void acks_unseen(const struct look *look) {
  struct side *peer = look->peer;
  if (!(look->s->flags & ACK) || !knows(peer, KNOWS_NEXT) || ahead(look->s->ack, peer->contiguous) <= 0) return;
  if (ahead(peer->next, peer->contiguous) > 0) peer->contiguous = peer->next;
  else peer->duplicates = 0;
}

static void advance(struct look *look) {
  const struct segment *s = look->s;
  struct side *own = look->own;
  if (!(look->tags & TAG_ZERO_WINDOW_PROBE)) {
    int first = !knows(own, KNOWS_NEXT);
    if (first || ahead(look->after, own->next) > 0) {
      own->next = look->after;
      own->next_time = s->time;
    }
    if (first || s->seq == own->contiguous) own->contiguous = own->next;
    own->known |= KNOWS_NEXT;
  }
  own->window = s->window;
  own->ack = s->ack;
  own->ack_time = s->time;
  own->last_tags = look->tags;
  if (s->flags & SYN) {
    own->known |= UNSCALED;
    if (!(s->flags & ACK)) look->c->syn_time = s->time;
  } else if (s->flags & ACK) {
    own->known &= ~(uint32_t)UNSCALED;
    if (look->c->syn_time && !look->c->round_trip) look->c->round_trip = s->time - look->c->syn_time;
  }
}

/* What lies between the lowest and the highest number seen, and which of them SYN and FIN take; both at once take the
 * SYN's. */
static void stretch(struct side *own, const struct segment *s, int64_t position, int64_t end) {
  int first = !knows(own, KNOWS_SPAN);
  if (first || position < own->low) own->low = position;
  if (first || end > own->high) own->high = end;
  own->known |= KNOWS_SPAN;
  if (!(s->flags & (SYN | FIN))) return;
  int64_t at = s->flags & SYN ? position : end - 1;
  for (uint32_t i = 0; i < own->taken && i < PLACES; i++)
    if (own->control_at[i] == at) return;
  own->control_at[own->taken++ % PLACES] = at;
}

/* Where the segment lies in its stream, and whether its payload had all been seen. */
static void place(struct look *look) {
  const struct segment *s = look->s;
  struct side *own = look->own;
  int opens = !knows(own, KNOWS_STREAM);
  int64_t position = opens ? (int64_t)s->seq : own->position + ahead(s->seq, (uint32_t)own->position);
  int64_t end = position + s->payload + ((s->flags & (SYN | FIN)) != 0);
  int64_t off = end - own->reached;
  int far = (s->flags & (SYN | RST)) && (off > FAR || off < -FAR);
  look->again = s->payload && !opens && end <= own->reached && !far;
  own->position = position;
  if (opens || end > own->reached) own->reached = end;
  own->known |= KNOWS_STREAM;
  if (s->flags & RST) return; /* its number proves no bytes */
  holes_take(look, position, end);
  stretch(own, s, position, end);
}

/* Sets the tags of a packet, and what they rest on. */
void analyse(struct look *look) {
  const struct segment *s = look->s;
  place(look);
  int probe = s->payload == 1 && knows(look->own, KNOWS_NEXT) && s->seq == look->own->next && look->peer->window == 0;
  uint16_t tags = probe ? TAG_ZERO_WINDOW_PROBE : by_sequence(look);
  if (s->ack != look->own->ack) look->own->duplicates = 0;
  acks_unseen(look);
  holes_ack(look);
  look->tags = tags;
  if ((s->payload || s->flags & (SYN | FIN)) && !(tags & TAG_KEEP_ALIVE)) look->tags |= repeated(look);
  advance(look);
}

/* A RST that cannot have taken effect. The receiver expects exactly its next expected number. What it had received by
 * then lies between its last ACK and the last byte its peer had sent, so a RST in that range may be right and one
 * outside is not. A SYN is answered by a RST that acknowledges it, whatever its sequence number. */
int reset_refused(const struct look *look) {
  const struct segment *s = look->s;
  const struct side *own = look->own, *peer = look->peer;
  if (!peer->packets) return 0;
  if ((peer->last_flags & (SYN | ACK)) == SYN) {
    int acks_syn = s->flags & ACK && s->ack == peer->last_after;
    return !acks_syn && !(own->packets > 1 && s->seq == own->last_after); /* this one is counted */
  }
  if (!(peer->last_flags & ACK)) return 0;
  int32_t distance = ahead(s->seq, peer->last_ack);
  int32_t flight = knows(own, KNOWS_NEXT) ? ahead(own->next, peer->last_ack) : 0;
  if (own->packets > 1 && ahead(own->last_after, peer->last_ack) > flight) flight = ahead(own->last_after, peer->last_ack);
  return distance < 0 || distance > (flight > 0 ? flight : 0);
}
