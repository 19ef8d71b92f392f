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
struct batch {
  struct part *parts; /* by share */
  uint32_t shares;
  struct addresses { /* IPv6 addresses that were seen first: numbered in order of sight, in all engines alike */
    uint8_t (*rows)[16];
    size_t count, room;
  } v6;
};
struct part {
  struct segment *rows; /* without their payload */
  size_t count, room;
};

API void batch_free(struct batch *batch) {
  if (!batch) return;
  for (uint32_t i = 0; batch->parts && i < batch->shares; i++) free(batch->parts[i].rows);
  free(batch->parts);
  free(batch->v6.rows);
  free(batch);
}

/* For so many shares. NULL where there is no memory. */
API struct batch *batch_new(uint32_t shares) {
  struct batch *batch = calloc(1, sizeof *batch);
  if (!batch) return NULL;
  batch->shares = shares;
  batch->parts = calloc(shares, sizeof *batch->parts);
  if (batch->parts) return batch;
  batch_free(batch);
  return NULL;
}

/* Hand segments on into this batch from now on. */
API void engine_hand_on(struct engine *e, struct batch *batch) {
  for (uint32_t i = 0; i < batch->shares; i++) batch->parts[i].count = 0;
  batch->v6.count = 0;
  e->batch = batch;
}

/* Room for one more; NULL where there is no memory. */
static void *room_for(void *rows, size_t count, size_t *room, size_t size) {
  enum { FIRST = 1024 };
  if (count < *room) return rows;
  size_t wanted = *room ? 2 * *room : FIRST;
  void *more = realloc(rows, wanted * size);
  if (more) *room = wanted;
  return more;
}

static int hand_on_address(struct engine *e, uint32_t index) {
  struct addresses *v6 = &e->batch->v6;
  void *rows = room_for(v6->rows, v6->count, &v6->room, sizeof *v6->rows);
  if (!rows) return 0;
  v6->rows = rows;
  memcpy(v6->rows[v6->count++], e->v6[index], sizeof *v6->rows);
  return 1;
}

void hand_on(struct engine *e, const struct segment *segment) {
  enum { BITS = 16 }; /* of the key that no slot is found by */
  uint32_t known = e->v6_count;
  uint64_t key = find_by(e, segment).key;
  struct part *part = &e->batch->parts[(key & ((1u << BITS) - 1)) * e->batch->shares >> BITS];
  void *rows = room_for(part->rows, part->count, &part->room, sizeof *part->rows);
  int lacks = !rows;
  for (; !lacks && known < e->v6_count; known++) lacks = !hand_on_address(e, known);
  if (rows) part->rows = rows;
  if (lacks) {
    e->out_of_memory = 1;
    return;
  }
  part->rows[part->count++] = without_payload(segment);
}

/* Take a share of a batch. The engine has the seed of the one that reads. */
API void engine_take(struct engine *e, const struct batch *batch, uint32_t share) {
  const struct part *part = &batch->parts[share];
  for (size_t i = 0; i < batch->v6.count; i++) v6_key(e, batch->v6.rows[i]);
  for (size_t i = 0; i < part->count; i++) engine_segment_in(e, &part->rows[i]);
  engine_flush(e);
}

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
