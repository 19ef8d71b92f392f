/* One capture that several threads work on: one reads it (an engine that hands on), the others each follow their share of
 * the connections (engines that take), and joined they are what one engine would have been.
 *
 * Which share a connection has is in the hash of its ends, so whatever its packets do (a port used again, a segment held
 * back, a second copy) happens in one engine, in the order of the capture; what lies between connections (containers,
 * fragments, scopes, ICMP errors) the reading one sees whole. Were the bytes cut instead, each cut would leave open what
 * had been seen of thousands of connections before. */
#include <stdlib.h>
#include <string.h>

#include "engine_state.h"

/* What was read and not yet followed, in order. */
struct handed {
  struct segment segment; /* without its payload */
  uint64_t key; /* of its ends, where both are of IPv4 */
  int64_t keys[2];
};
struct batch {
  struct handed *rows;
  size_t count, room;
};

API struct batch *batch_new(void) { return calloc(1, sizeof(struct batch)); }

API void batch_free(struct batch *batch) {
  if (batch) free(batch->rows);
  free(batch);
}

API size_t batch_count(const struct batch *batch) { return batch->count; }

/* Hand segments on into this batch from now on. */
API void engine_hand_on(struct engine *e, struct batch *batch) { e->batch = batch; }

static int is_v4(const struct segment *s) { return src_family(s) != 6 && dst_family(s) != 6; }

void hand_on(struct engine *e, const struct segment *segment) {
  struct batch *batch = e->batch;
  if (batch->count == batch->room) {
    size_t room = batch->room ? 2 * batch->room : 4096;
    struct handed *more = realloc(batch->rows, room * sizeof *more);
    if (!more) {
      e->out_of_memory = 1;
      return;
    }
    batch->rows = more;
    batch->room = room;
  }
  struct handed *to = &batch->rows[batch->count++];
  to->segment = without_payload(segment);
  if (is_v4(segment)) find_by(e, segment, to->keys, &to->key);
}

/* Follow this share, of so many; before the first packet. All have the seed of the one that reads. */
API void engine_share(struct engine *e, uint32_t share, uint32_t of) {
  e->share = share;
  e->shares = of;
}

static int is_of_another(const struct engine *e, uint64_t key) {
  enum { BITS = 16 }; /* that no slot is found by */
  return ((key & ((1u << BITS) - 1)) * e->shares >> BITS) != e->share;
}

/* Take one's share of a batch. IPv6 addresses are numbered in order of sight: here as in all the others. */
API void engine_take(struct engine *e, const struct batch *batch) {
  for (size_t i = 0; i < batch->count; i++) {
    const struct handed *row = &batch->rows[i];
    struct sought by = {.key = row->key, .keys = {row->keys[0], row->keys[1]}};
    if (!is_v4(&row->segment)) find_by(e, &row->segment, by.keys, &by.key);
    if (!is_of_another(e, by.key)) take_soon(e, &row->segment, &by);
  }
  engine_flush(e);
}

API void batch_empty(struct batch *batch) { batch->count = 0; }

/* Take over all connections of another share, which has none afterwards. Neither takes a packet any more, and the table
 * is asked for the last time. -1 where that cannot be. */
API int engine_join(struct engine *e, struct engine *other) {
  uint64_t both = (uint64_t)e->connections + other->connections;
  if (!settle(e, NULL) || !settle(other, NULL) || both >= UINT32_MAX) return -1;
  if (!store_join(e->store, e->connections, other->store, other->connections)) return -1;
  e->connections += other->connections;
  e->unopened += other->unopened;
  e->tcp_packets += other->tcp_packets;
  e->copies += other->copies;
  e->out_of_memory |= other->out_of_memory;
  other->store = NULL;
  other->connections = 0;
  return 0;
}

/* Take over what the reading one saw beside connections, when all shares are joined. */
API void engine_join_reader(struct engine *e, struct engine *reading) {
  free(e->scopes);
  e->scopes = reading->scopes;
  e->scope_count = reading->scope_count;
  e->scope_room = reading->scope_room;
  reading->scopes = NULL;
  reading->scope_count = reading->scope_room = 0;
  e->quoted = reading->quoted;
  e->quoted_count = reading->quoted_count;
  e->quoted_over = reading->quoted_over;
  reading->quoted = NULL;
  reading->quoted_count = reading->quoted_room = 0;
  e->packets = reading->packets;
  e->first_time = reading->first_time;
  e->last_time = reading->last_time;
  e->out_of_memory |= reading->out_of_memory;
  e->spent = reading->spent = 1;
}
