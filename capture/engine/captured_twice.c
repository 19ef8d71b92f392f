/* One packet captured twice: an "any" interface that sees it on two interfaces, a mirror port, a router's both sides.
 *
 * A sender never repeats a segment with the same IP identification soon, so a packet that is the same in every field is
 * a second copy. Where IP says nothing (IPv6, identification 0, the same on every packet), another interface, another
 * direction or a TTL that went down tell it; else only that no sender repeats so soon what nobody asked for again.
 *
 * What is looked back at is bounded by time, not by how many packets lie between. */
#include <stdlib.h>

#include "connection.h"

static const int64_t SAME_ID_NS = 100000000;  /* the same IP identification this late is still the same packet */
static const int64_t ELSEWHERE_NS = 20000000; /* … on another interface, or with a lower TTL */
static const int64_t AT_ONCE_NS = 6000000;    /* sooner than any timer of a sender repeats */
enum { SLOTS = 1 << 15, WAYS = 2 };
enum { MIRRORED = 3 }; /* one packet in so many is a second copy: this connection is captured twice */

struct recent_packet {
  uint64_t print;
  int64_t time;
  uint32_t interface;
  uint8_t ttl, direction;
  uint8_t copied; /* it had its second copy */
};

struct recent_packets {
  struct recent_packet slots[SLOTS][WAYS];
};
_Static_assert(sizeof(struct recent_packet) * WAYS == RECENT_PACKET_BYTES, "what is fetched of a place");

struct recent_packets *recent_packets_new(void) { return calloc(1, sizeof(struct recent_packets)); }
void recent_packets_free(struct recent_packets *recent) { free(recent); }

/* Sequence numbers and ports tell the direction: the same fields the other way are no second copy. */
uint64_t packet_print(const struct segment *s, uint64_t key) {
  uint64_t x = mixed(key, (uint64_t)s->seq << 32 | s->ack);
  x = mixed(x, (uint64_t)s->payload << 32 | (uint32_t)s->flags << 16 | s->window);
  x = mixed(x, (uint64_t)s->ip_id << 32 | (uint64_t)(uint8_t)s->wscale << 16 | s->sport);
  if (s->marks & MARK_TIMESTAMP) x = mixed(x, (uint64_t)s->tsval << 32 | s->tsecr);
  return x | 1;
}

static struct recent_packet *set_of(struct recent_packets *recent, uint64_t print) {
  return recent->slots[print >> 20 & (SLOTS - 1)];
}

const void *recent_packet_place(const struct recent_packets *recent, uint64_t print) {
  return recent->slots[print >> 20 & (SLOTS - 1)];
}

static int is_mirrored(const struct connection *c) {
  return c->rare && c->rare->copies && c->rare->copies * MIRRORED >= c->sides[0].packets + c->sides[1].packets;
}

static int elsewhere(const struct recent_packet *before, const struct segment *s) {
  return before->interface != s->interface || before->direction != s->direction || s->ttl < before->ttl;
}

/* Nothing but time tells: no sender repeats data, SYN or FIN so soon, unless the peer asked for it. What else may come
 * twice (ACKs, RSTs) counts as seen twice only where the connection's packets do. */
static int repeated_at_once(const struct connection *c, const struct recent_packet *before, const struct segment *s,
                            int side) {
  const struct side *peer = &c->sides[!side];
  int speaks = !(s->flags & RST) && (s->payload || s->flags & (SYN | FIN));
  int asked = peer->duplicates > 0 && peer->ack == s->seq;
  return speaks ? !asked : is_mirrored(c) && !before->copied;
}

static int is_copy(const struct connection *c, const struct recent_packet *before, const struct segment *s, int side) {
  int64_t since = s->time - before->time;
  if (since < 0) since = -since;
  int id_tells = s->ip_id && !(s->marks & MARK_ID_UNKNOWN) && !(c->sides[side].known & SAME_IDS);
  int other = elsewhere(before, s);
  if (id_tells && (other || s->ttl <= before->ttl)) return since <= SAME_ID_NS;
  if (other) return since <= ELSEWHERE_NS;
  return since <= AT_ONCE_NS && s->ttl == before->ttl && repeated_at_once(c, before, s, side);
}

/* Whether this packet was captured before. */
int is_second_copy(struct recent_packets *recent, const struct connection *c, const struct segment *s, int side,
                   uint64_t print) {
  struct recent_packet *set = set_of(recent, print), *oldest = set;
  for (int way = 0; way < WAYS; way++) {
    if (set[way].print == print) {
      if (is_copy(c, &set[way], s, side)) return set[way].copied = 1;
      oldest = &set[way];
      break;
    }
    if (set[way].time < oldest->time) oldest = &set[way];
  }
  *oldest = (struct recent_packet){print, s->time, s->interface, s->ttl, s->direction, 0};
  return 0;
}
