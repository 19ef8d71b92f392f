/* The engine itself: all connections, and how they are found. */
#ifndef TCPTRIAGE_CORE_H
#define TCPTRIAGE_CORE_H

#include "arena.h"
#include "connection.h"
#include "packet_bytes.h"
#include "table.h"

enum { NO_CONNECTION = 0 }; /* slots hold a connection's index + 1 */
#define GONE UINT32_MAX /* a connection that has no index any more (connection_release.c) */
enum { MOST_HELD = 1024, MOST_QUOTED = 100000 };

/* Segments held back until what follows tells what the first of them is. */
struct held {
  uint32_t connection; /* that of the ends' packets until then */
  enum outcome waits;
  int side;
  uint32_t count, room;
  struct segment *segments;
};

struct scope_name {
  char vlan[SCOPE_TEXT], tunnel[SCOPE_TEXT];
};

struct watched {
  uint64_t *numbers; /* sorted: first packets of the connections whose packets are wanted */
  size_t count;
  struct packet_row *rows;
  size_t most, kept; /* of rows, at most and now: the second half is a ring */
  uint64_t seen;
};

/* Records of segments (segment_trace.c). */
struct trace {
  struct traced *rows;
  uint64_t count, room;
  int is_on;
};

/* What a segment's connection and its first copy are found by. */
struct sought {
  int64_t keys[2]; /* of its addresses */
  uint64_t key;    /* of both ends */
  uint64_t print;  /* of its fields: to know a second copy by */
};

/* A segment that is about to be taken. */
struct arrival {
  struct segment segment;
  struct sought by;
};
enum { AHEAD = 16 }; /* segments that wait meanwhile; a power of two */

struct collecting;
struct batch;

struct engine {
  struct collecting *collecting; /* merge_by_time.c */
  struct arrival waiting[AHEAD]; /* a ring */
  uint32_t first_waiting, count_waiting;
  struct store *store; /* of connections */
  uint32_t connections;
  uint64_t unopened; /* of them, how many began without a SYN */
  uint32_t *slots;
  uint8_t *tags; /* of each slot's key, 0 where it is empty: small enough for the cache, where slots are not */
  uint32_t mask;
  uint64_t seed;
  uint8_t (*v6)[16];
  uint32_t v6_count, v6_room, *v6_slots, v6_mask;
  struct scope_name *scopes;
  uint32_t scope_count, scope_room;
  struct recent_packets *recent;
  struct held *held[MOST_HELD];
  uint32_t held_count;
  int settling; /* what is held back is decided by what is there */
  struct quoted *quoted;
  size_t quoted_count, quoted_room;
  uint64_t quoted_over, packets, tcp_packets, copies;
  int64_t first_time, last_time;
  struct watched watched;
  struct trace trace;
  char *words;
  size_t words_size, words_room;
  int out_of_memory;
  int spent; /* its last table was filled, or it was joined with another one */
  struct batch *batch; /* shares.c: where segments are handed on to, instead of being taken */
};

/* Connections, by index in order of creation. Those that rested while many others had packets are packed. */
enum { PACKED = 1, TOUCHED = 2, PLACE_BITS = 3, TYPICAL = 32 };
struct store {
  uintptr_t *places; /* a struct connection, or a packed one, and PLACE_BITS */
  uint32_t room;
  uint32_t *hot; /* indexes of those that are not packed */
  uint32_t hot_count, hot_room, hand;
  uint32_t most_hot, packs, thaws; /* at most so many; since this was last looked at */
  struct connection *spare, **slabs; /* a list through `events`; where they all are */
  uint32_t slab_count;
  struct arena arena; /* where they are packed */
  struct connection *typical[TYPICAL]; /* of each class the first one that was packed, by its packed fields */
  uint8_t *written; /* scratch */
  size_t room_to_write;
  struct store *joined; /* whose connections follow, from the index `begins` on: their places are in the first one */
  uint32_t begins;
};
/* A connection as it is, whether packed or not: valid until the view is used again. */
struct view {
  struct connection connection;
  struct event *events;
  uint32_t room;
};

/* merge_by_time.c */
void collect(struct engine *e, const struct segment *segment);
void collecting_free(struct collecting *collecting);
/* shares.c */
void hand_on(struct engine *e, const struct segment *segment);
/* prefetch.c */
struct sought find_by(struct engine *e, const struct segment *s);
/* roles.c */
uint8_t *roles_begun_before(struct engine *e);
/* packed_connections.c */
struct store *store_new(void);
void store_free(struct store *store, uint32_t connections);
/* Room for the connection of an index, which is the last one; NULL where there is no memory. */
struct connection *store_add(struct store *store, uint32_t index);
/* End the last connection. */
void store_drop(struct store *store, uint32_t index);
/* Pack those that rest, while there are too many: what connection_at gave is no longer valid. */
void store_pack_some(struct store *store, uint32_t connections, int scattered);
/* Have the connections of another store behind one's own; 0 where there is no memory. */
int store_join(struct store *store, uint32_t connections, struct store *other, uint32_t others);
/* Give back what a connection has: it must not be asked for any more. */
void store_release(struct store *store, uint32_t index);
void store_give_back(struct store *store, uint32_t connections);
/* Give back all that become GONE, and number the others anew. */
void store_forget(struct store *store, const uint32_t *becomes, uint32_t connections);
struct connection *store_thaw(struct store *store, uint32_t index);
const struct connection *store_view(const struct store *store, uint32_t index, struct view *view);
void view_end(struct view *view);

/* Up to `sides` it is the same, packed or not. */
static inline const struct connection *connection_head(const struct engine *e, uint32_t index) {
  return (const struct connection *)(e->store->places[index] & ~(uintptr_t)PLACE_BITS);
}

static inline int is_scattered(const struct store *store) {
  enum { MOST_DEAD = 4 << 20, DEAD_SHARE = 4 }; /* bytes given back, beside a share of those in use */
  return store->arena.dead > store->arena.live / DEAD_SHARE + MOST_DEAD;
}

static inline void store_trim(struct store *store, uint32_t connections) {
  int scattered = is_scattered(store);
  if (store->hot_count > store->most_hot || scattered) store_pack_some(store, connections, scattered);
}

/* NULL where there is no memory to unpack it. */
static inline struct connection *connection_at(const struct engine *e, uint32_t index) {
  uintptr_t place = e->store->places[index] |= TOUCHED;
  if (place & PACKED) return store_thaw(e->store, index);
  return (struct connection *)(place & ~(uintptr_t)PLACE_BITS);
}

/* Where a connection's slot is looked for first. */
static inline uint32_t first_slot(const struct engine *e, uint64_t key) { return (uint32_t)(key >> 20) & e->mask; }

static inline uint8_t tag_of(uint64_t key) {
  uint8_t tag = (uint8_t)(key >> 56);
  return tag ? tag : 1;
}

/* engine.c */
uint64_t key_of(const struct engine *e, const int64_t keys[2], uint16_t sport, uint16_t dport, uint32_t scope);
void segment_in(struct engine *e, const struct segment *given, const struct sought *by);
/* What only packets that come are found by. */
void forget_ends(struct engine *e);
/* Its table of IPv6 addresses is complete: find them by what they are now. */
void v6_find_anew(struct engine *e);
int64_t v6_key(struct engine *e, const uint8_t *address);
/* An IPv4 address is its own number; of an IPv6 address see v6_key. */
static inline int64_t address_key(struct engine *e, const uint8_t *address, int family) {
  return family == 6 ? v6_key(e, address) : (int64_t)be32(address);
}
struct connection *connection_new(struct engine *e, const struct segment *s, const int64_t keys[2]);
uint32_t *slot_of(struct engine *e, const int64_t keys[2], uint16_t sport, uint16_t dport, uint32_t scope);
void take(struct engine *e, uint32_t index, struct connection *c, const struct segment *s, int side, int alien);
/* segment_trace.c */
uint32_t trace_add(struct engine *e, const struct segment *s);
void trace_joins(struct engine *e, uint32_t row, uint32_t connection, int side, uint16_t tags);
/* held_segments.c */
/* The connection that a segment's ends have, and which of them sent it. */
struct found {
  uint32_t *slot;
  struct connection *c; /* NULL where there is none, or no memory for it */
  int side;
};
static inline struct found found_at(struct engine *e, uint32_t *slot, const struct segment *s, const int64_t keys[2]) {
  struct connection *c = *slot ? connection_at(e, *slot - 1) : NULL;
  return (struct found){slot, c, c ? side_of(c, keys, s->sport, s->dport) : 0};
}
void arrive_where_it_matters(struct engine *e, struct found at, enum outcome what, const struct segment *s, const int64_t keys[2]);
/* A segment of ends that are known. */
static inline void arrive(struct engine *e, struct found at, const struct segment *s, const int64_t keys[2]) {
  enum outcome what = s->marks & MARK_SAME_AS_BEFORE ? JOINS : starts_another(at.c, s, at.side);
  if (what != JOINS || s->flags & SYN || at.c->pending) arrive_where_it_matters(e, at, what, s, keys);
  else take(e, *at.slot - 1, at.c, s, at.side, 0);
}
struct undo;
/* Decide what is held back by what is there; undone afterwards where `undo` is given. 0 where there is no memory. */
int settle(struct engine *e, struct undo **undo);
void unsettle(struct engine *e, struct undo *undo);
void undo_free(struct undo *undo);
void held_free(struct engine *e);

#endif
