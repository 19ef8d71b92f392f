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
enum { FIRST_SETS = 1 << 9, FEW_SETS = 1 << 11, MOST_SETS = 1 << 15, WAYS = 5 };
enum { SELDOM = 4096 }; /* one packet in so many may be forgotten before its time; with more there are twice the sets */
enum { MIRRORED = 3 }; /* one packet in so many is a second copy: this connection is captured twice */

struct recent_packet {
  int64_t time;
  uint32_t interface;
  uint8_t ttl, direction;
  uint8_t copied; /* it had its second copy */
};

/* Two lines of the cache; the prints first, as mostly nothing else is looked at. */
struct set {
  uint64_t prints[WAYS];
  struct recent_packet packets[WAYS];
  uint32_t next; /* the oldest: where the next one goes */
};
_Static_assert(sizeof(struct set) == RECENT_PACKET_BYTES, "what is fetched of a place");

/* As few sets as do: they stay in the cache. */
struct recent_packets {
  struct set *sets;
  uint32_t mask;
  uint64_t taken, lost; /* packets since it grew; those that had to be forgotten too early */
};

struct recent_packets *recent_packets_new(void) {
  struct recent_packets *recent = calloc(1, sizeof *recent);
  if (!recent) return NULL;
  recent->mask = FIRST_SETS - 1;
  recent->sets = calloc(FIRST_SETS, sizeof *recent->sets);
  if (recent->sets) return recent;
  free(recent);
  return NULL;
}

void recent_packets_free(struct recent_packets *recent) {
  if (recent) free(recent->sets);
  free(recent);
}

/* Sequence numbers and ports tell the direction: the same fields the other way are no second copy. */
uint64_t packet_print(const struct segment *s, uint64_t key) {
  uint64_t x = mixed(key, (uint64_t)s->seq << 32 | s->ack);
  x = mixed(x, (uint64_t)s->payload << 32 | (uint32_t)s->flags << 16 | s->window);
  x = mixed(x, (uint64_t)s->ip_id << 32 | (uint64_t)(uint8_t)s->wscale << 16 | s->sport);
  if (s->marks & MARK_TIMESTAMP) x = mixed(x, (uint64_t)s->tsval << 32 | s->tsecr);
  return x | 1;
}

static struct set *set_of(const struct recent_packets *recent, uint64_t print) {
  return &recent->sets[print >> 20 & recent->mask];
}

int recent_packets_are_few(const struct recent_packets *recent) { return recent->mask < FEW_SETS; }

const void *recent_packet_place(const struct recent_packets *recent, uint64_t print) { return set_of(recent, print); }

static void put(struct set *set, uint64_t print, const struct recent_packet *packet) {
  set->prints[set->next] = print;
  set->packets[set->next] = *packet;
  set->next = set->next + 1 < WAYS ? set->next + 1 : 0;
}

/* Each set becomes two; where there is no memory it stays as it is. */
static void grow(struct recent_packets *recent) {
  uint32_t before = recent->mask, after = 2 * before + 1;
  struct set *old = recent->sets, *sets = after < MOST_SETS ? calloc((size_t)after + 1, sizeof *sets) : NULL;
  recent->taken = recent->lost = 0;
  if (!sets) return;
  recent->sets = sets;
  recent->mask = after;
  for (const struct set *set = old; set <= old + before; set++)
    for (uint32_t n = 0; n < WAYS; n++) {
      uint32_t way = (set->next + n) % WAYS;
      if (set->prints[way]) put(set_of(recent, set->prints[way]), set->prints[way], &set->packets[way]);
    }
  free(old);
}

static int64_t apart(const struct recent_packet *before, const struct segment *s) {
  int64_t since = (int64_t)((uint64_t)s->time - (uint64_t)before->time);
  return since < 0 ? -since : since;
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
  int64_t since = apart(before, s);
  int id_tells = s->ip_id && !(s->marks & MARK_ID_UNKNOWN) && !(c->sides[side].known & SAME_IDS);
  int other = elsewhere(before, s);
  if (id_tells && (other || s->ttl <= before->ttl)) return since <= SAME_ID_NS;
  if (other) return since <= ELSEWHERE_NS;
  return since <= AT_ONCE_NS && s->ttl == before->ttl && repeated_at_once(c, before, s, side);
}

/* Whether this packet was captured before. */
int is_second_copy(struct recent_packets *recent, const struct connection *c, const struct segment *s, int side,
                   uint64_t print) {
  struct set *set = set_of(recent, print);
  const struct recent_packet now = {s->time, s->interface, s->ttl, s->direction, 0};
  recent->taken++;
  for (int way = 0; way < WAYS; way++) {
    if (set->prints[way] != print) continue;
    if (is_copy(c, &set->packets[way], s, side)) return set->packets[way].copied = 1;
    set->packets[way] = now;
    return 0;
  }
  int too_early = set->prints[set->next] && apart(&set->packets[set->next], s) <= SAME_ID_NS;
  put(set, print, &now);
  if (too_early && ++recent->lost * SELDOM > recent->taken) grow(recent);
  return 0;
}
