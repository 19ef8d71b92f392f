/* What of a connection is near to what: packing writes the one relative to the other. */
#include "packing.h"

#include <stddef.h>
#include <string.h>

/* Numbers are written by how far they are from `from`, which is a little below what they are near to, so that a little
 * less and a little more are small. But 0, which often says that nothing was seen, stays 0, and takes the place of
 * `from` itself, which takes the one of 0. */
static inline uint32_t near32(uint32_t x, uint32_t from) { return (!x ? from : x == from ? 0 : x) - from; }

static inline uint32_t from_near32(uint32_t code, uint32_t from) {
  uint32_t x = code + from;
  return !x ? from : x == from ? 0 : x;
}

static inline uint64_t near64(uint64_t x, uint64_t from) { return (!x ? from : x == from ? 0 : x) - from; }

static inline uint64_t from_near64(uint64_t code, uint64_t from) {
  uint64_t x = code + from;
  return !x ? from : x == from ? 0 : x;
}

/* How far below: of sequence and packet numbers; of times, in ns. */
enum { BELOW = 0x4040 };
#define LONG_BEFORE ((uint64_t)1 << 39)

enum way { PACK, UNPACK };

/* Those from one field to another one, `last` left out. */
#define RUN(type, first, last) offsetof(type, first), offsetof(type, last)

static inline void turn64(void *of, size_t first, size_t last, uint64_t from, enum way way) {
  for (char *at = (char *)of + first; at < (char *)of + last; at += sizeof from) {
    uint64_t x;
    memcpy(&x, at, sizeof x);
    x = way == PACK ? near64(x, from) : from_near64(x, from);
    memcpy(at, &x, sizeof x);
  }
}

static inline void turn32(void *of, size_t first, size_t last, uint32_t from, enum way way) {
  for (char *at = (char *)of + first; at < (char *)of + last; at += sizeof from) {
    uint32_t x;
    memcpy(&x, at, sizeof x);
    x = way == PACK ? near32(x, from) : from_near32(x, from);
    memcpy(at, &x, sizeof x);
  }
}

static inline void turn_times(void *of, size_t first, size_t last, uint64_t base, enum way way) {
  turn64(of, first, last, base - LONG_BEFORE, way);
}

/* What others are near to, as it was before all was turned. */
struct bases {
  uint64_t last, last_number[2], reached[2];
  uint32_t next[2], first[2];
};

static inline void note_bases(const struct connection *c, struct bases *bases) {
  bases->last = (uint64_t)c->last_time;
  for (int end = 0; end < 2; end++) {
    bases->next[end] = c->sides[end].next;
    bases->first[end] = c->sides[end].first_seq;
    bases->reached[end] = (uint64_t)c->sides[end].reached;
    bases->last_number[end] = c->sides[end].last_number;
  }
}

static inline void turn_bases(struct connection *c, enum way way) {
  turn_times(c, RUN(struct connection, last_time, lowest_time), (uint64_t)c->first_time, way);
  for (int end = 0; end < 2; end++) {
    struct side *side = &c->sides[end];
    turn32(side, RUN(struct side, first_seq, isn), side->next - BELOW, way);
    turn64(side, RUN(struct side, reached, packets), side->next - BELOW, way);
    turn64(side, RUN(struct side, last_number, news_number), c->first_number - BELOW, way);
  }
}

static inline void turn_side(struct connection *c, int end, const struct bases *bases, enum way way) {
  struct side *side = &c->sides[end];
  turn_times(side, RUN(struct side, next_time, word_time), bases->last, way);
  turn_times(side, RUN(struct side, word_time, last_number), (uint64_t)c->first_time, way);
  turn64(side, RUN(struct side, news_number, word_number), bases->last_number[end] - BELOW, way);
  turn64(side, RUN(struct side, word_number, low), c->first_number - BELOW, way);
  turn64(side, RUN(struct side, low, control_at[1]), (uint64_t)bases->first[end] - BELOW, way);
  turn64(side, RUN(struct side, control_at[1], reached), bases->reached[end] - BELOW, way);
  turn32(side, RUN(struct side, isn, control[2]), bases->first[end] - BELOW, way);
  turn32(side, RUN(struct side, control[2], ack), bases->next[end] - BELOW, way);
  turn32(side, RUN(struct side, ack, accepts), bases->next[!end] - BELOW, way);
  turn32(side, RUN(struct side, accepts, first_size), bases->first[!end] - BELOW, way);
}

static inline void turn(struct connection *c, enum way way) {
  struct bases bases;
  if (way == PACK) note_bases(c, &bases);
  turn_bases(c, way);
  if (way == UNPACK) note_bases(c, &bases);
  turn_times(c, RUN(struct connection, lowest_time, highest_time), (uint64_t)c->first_time, way);
  turn_times(c, RUN(struct connection, highest_time, longest_gap), bases.last, way);
  turn64(c, RUN(struct connection, first_fin, events), (c->first_number << 1) - BELOW, way); /* and the end below it */
  turn32(c, RUN(struct connection, before_seq, before_ack), bases.next[c->before_end & 1] - BELOW, way);
  turn32(c, RUN(struct connection, before_ack, accept_seq), bases.next[!(c->before_end & 1)] - BELOW, way);
  turn32(c, RUN(struct connection, accept_seq, first_ack), bases.first[!c->originator] - BELOW, way);
  for (int end = 0; end < 2; end++) turn_side(c, end, &bases, way);
}

void fields_pack(struct connection *c) { turn(c, PACK); }

void fields_unpack(struct connection *c) { turn(c, UNPACK); }
