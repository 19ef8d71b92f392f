/* Connections at rest take a third of the room, exactly as they are: numbers are written relative to one another and in
 * as few bytes as they need. A packet brings its connection back.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "engine_state.h"
#include "packing.h"

#ifndef HOT_AT_FIRST
#define HOT_AT_FIRST 64 /* connections that are not packed; tests pack nearly all */
#endif
enum {
  COMES_BACK = 4, /* where more than one in so many is soon unpacked again, more are left unpacked */
  MOST_HOT = 1 << 17, /* … but never more than these */
  SLAB = 256, /* connections allocated at once */
};

/* Room to write one with so many events. */
static int make_room(struct store *store, uint32_t events) {
  size_t wanted = 1 + MOST_UNIT_BYTES + (size_t)events * MOST_EVENT_BYTES + EVENT_SLACK;
  if (wanted <= store->room_to_write) return 1;
  uint8_t *written = realloc(store->written, 2 * wanted);
  if (!written) return 0;
  store->written = written;
  store->room_to_write = 2 * wanted;
  return 1;
}

/* Connections that went the same way have most fields in common. */
static uint8_t class_of(const struct connection *c) {
  uint64_t x = mixed(c->flags, (uint64_t)c->sides[0].known << 32 | c->sides[1].known);
  return (uint8_t)(mixed(x, (uint64_t)c->originator << 16 | c->sides[0].state << 8 | c->sides[1].state) >> 32 & (TYPICAL - 1));
}

/* The first of each class is its typical one. NULL where there is no memory. */
static const struct connection *typical_of(struct store *store, uint8_t class, const struct connection *fields) {
  if (store->typical[class]) return store->typical[class];
  struct connection *typical = malloc(sizeof *typical);
  if (typical) *typical = *fields;
  return store->typical[class] = typical;
}

/* What is written of a connection whose fields are turned, with room for its events; NULL where there is no memory. */
static uint8_t *written(struct store *store, const struct connection *c, const struct event *events, uint8_t class) {
  const struct connection *typical = typical_of(store, class, c);
  if (!typical) return NULL;
  uint8_t *out = store->written;
  *out++ = class;
  out = write_events(c, events, write_units(c, typical, out));
  size_t size = (size_t)(out - store->written), whole = PACKED_FROM + size + EVENT_SLACK;
  uint8_t *bytes = whole < UINT32_MAX ? arena_take(&store->arena, whole) : NULL;
  if (!bytes) return NULL;
  memcpy(bytes, c, PACKED_FROM);
  ((struct connection *)(void *)bytes)->room = (uint32_t)whole; /* which it does not need there */
  memcpy(bytes + PACKED_FROM, store->written, size);
  memset(bytes + PACKED_FROM + size, 0, EVENT_SLACK);
  return bytes;
}

/* It is as it was only where there is no memory, which NULL says; else it is at an end, but for its events. */
static uint8_t *packed(struct store *store, struct connection *c) {
  if (!make_room(store, c->count)) return NULL;
  struct event *events = c->events;
  uint8_t class = class_of(c);
  c->events = NULL;
  fields_pack(c);
  uint8_t *bytes = written(store, c, events, class);
  if (!bytes) fields_unpack(c);
  c->events = events;
  return bytes;
}

/* Into `c` and `events`, which have room. */
static void unpack(const struct store *store, const uint8_t *bytes, struct connection *c, struct event *events) {
  memcpy(c, bytes, PACKED_FROM);
  const uint8_t *in = bytes + PACKED_FROM;
  const struct connection *typical = store->typical[*in++];
  in = read_units(in, typical, c);
  fields_unpack(c);
  read_events(c, in, events);
  c->events = events;
}

/* ---- the store ---- */

static void *pointer_of(uintptr_t place) { return (void *)(place & ~(uintptr_t)PLACE_BITS); }

static void packed_free(struct store *store, struct connection *head) { arena_give(&store->arena, head, head->room); }

struct store *store_new(void) {
  struct store *store = calloc(1, sizeof *store);
  if (store) store->most_hot = HOT_AT_FIRST;
  return store;
}

int store_join(struct store *store, uint32_t connections, struct store *other, uint32_t others) {
  uintptr_t *places = realloc(store->places, ((size_t)connections + others + 1) * sizeof *places);
  if (!places) return 0;
  if (others) memcpy(places + connections, other->places, others * sizeof *places);
  store->places = places;
  store->room = connections + others;
  free(other->places);
  other->places = NULL;
  other->begins = connections;
  while (store->joined) store = store->joined;
  store->joined = other;
  return 1;
}

/* The one in which a connection was packed. */
static struct store *owner_of(const struct store *store, uint32_t index) {
  while (store->joined && index >= store->joined->begins) store = store->joined;
  return (struct store *)store;
}

/* Give back what a connection has. */
void store_release(struct store *store, uint32_t index) {
  struct connection *c = pointer_of(store->places[index]);
  if (!c) return;
  if (store->places[index] & PACKED) {
    if (c->rare) free(c->rare->letters);
    free(c->rare);
    packed_free(owner_of(store, index), c);
  } else {
    connection_end(c);
  }
  store->places[index] = 0;
}

void store_free(struct store *store, uint32_t connections) {
  if (!store) return;
  for (uint32_t i = 0; i < connections; i++) store_release(store, i);
  arena_end(&store->arena);
  for (uint32_t i = 0; i < store->slab_count; i++) free(store->slabs[i]);
  free(store->slabs);
  free(store->places);
  free(store->hot);
  free(store->written);
  for (int i = 0; i < TYPICAL; i++) free(store->typical[i]);
  store_free(store->joined, 0);
  free(store);
}

/* Room for one that is not packed. */
static struct connection *hot_new(struct store *store) {
  if (!store->spare) {
    struct connection **slabs = realloc(store->slabs, (store->slab_count + 1) * sizeof *slabs);
    if (!slabs) return NULL;
    store->slabs = slabs;
    struct connection *slab = malloc(SLAB * sizeof *slab);
    if (!slab) return NULL;
    slabs[store->slab_count++] = slab;
    for (int i = 0; i < SLAB; i++) {
      slab[i].events = (struct event *)(void *)store->spare;
      store->spare = &slab[i];
    }
  }
  if (store->hot_count == store->hot_room) {
    uint32_t room = store->hot_room ? 2 * store->hot_room : SLAB, *hot = realloc(store->hot, room * sizeof *hot);
    if (!hot) return NULL;
    store->hot = hot;
    store->hot_room = room;
  }
  struct connection *c = store->spare;
  store->spare = (struct connection *)(void *)c->events;
  return c;
}

static void hot_free(struct store *store, struct connection *c) {
  c->events = (struct event *)(void *)store->spare;
  store->spare = c;
}

struct connection *store_add(struct store *store, uint32_t index) {
  if (index == store->room) {
    uint32_t room = store->room ? 2 * store->room : SLAB;
    uintptr_t *places = realloc(store->places, room * sizeof *places);
    if (!places) return NULL;
    store->places = places;
    store->room = room;
  }
  struct connection *c = hot_new(store);
  if (!c) return NULL;
  store->places[index] = (uintptr_t)c | TOUCHED;
  store->hot[store->hot_count++] = index;
  return c;
}

void store_drop(struct store *store, uint32_t index) {
  struct connection *c = pointer_of(store->places[index]);
  if (store->places[index] & PACKED) c = store_thaw(store, index);
  if (!c) return;
  connection_end(c);
  for (uint32_t i = store->hot_count; i-- > 0;)
    if (store->hot[i] == index) {
      store->hot[i] = store->hot[--store->hot_count];
      break;
    }
  hot_free(store, c);
}

void store_forget(struct store *store, const uint32_t *becomes, uint32_t connections) {
  uint32_t hot = 0;
  for (uint32_t i = 0; i < store->hot_count; i++) {
    uint32_t index = store->hot[i];
    if (becomes[index] != GONE) {
      store->hot[hot++] = becomes[index];
      continue;
    }
    struct connection *c = pointer_of(store->places[index]);
    connection_end(c);
    hot_free(store, c);
    store->places[index] = 0;
  }
  store->hot_count = hot;
  store->hand = 0;
  for (uint32_t i = 0; i < connections; i++) {
    if (becomes[i] == GONE) store_release(store, i);
    else store->places[becomes[i]] = store->places[i];
  }
}

struct connection *store_thaw(struct store *store, uint32_t index) {
  uint8_t *bytes = pointer_of(store->places[index]);
  uint32_t count = ((const struct connection *)(const void *)bytes)->count;
  struct connection *c = hot_new(store);
  struct event *events = c ? malloc((count ? count : 1) * sizeof *events) : NULL;
  if (!events) {
    if (c) hot_free(store, c);
    return NULL;
  }
  unpack(store, bytes, c, events);
  c->room = count ? count : 1;
  packed_free(store, (struct connection *)(void *)bytes);
  store->places[index] = (uintptr_t)c | TOUCHED;
  store->hot[store->hot_count++] = index;
  store->thaws++;
  return c;
}

/* Many packets of many connections at once: packing them would cost more than it is worth. */
static void count_pack(struct store *store) {
  if (++store->packs < store->most_hot) return;
  if (store->thaws > store->packs / COMES_BACK && store->most_hot < MOST_HOT) store->most_hot *= 2;
  store->packs = store->thaws = 0;
}

/* Move all that is packed in a store together, where much has been given back: once in so many packs. Its connections'
 * places are these. */
static void move_together(struct store *store, uintptr_t *places, uint32_t connections) {
  struct arena moved = {0};
  for (uint32_t i = 0; i < connections; i++) {
    if (!(places[i] & PACKED)) continue;
    struct connection *head = pointer_of(places[i]);
    size_t size = head->room;
    if (size > ARENA_LARGEST) continue;
    void *at = arena_take(&moved, size);
    if (!at) return; /* some are there, some are here: each knows its block */
    memcpy(at, head, size);
    arena_give(&store->arena, head, size);
    places[i] = (uintptr_t)at | (places[i] & PLACE_BITS);
  }
  arena_end(&store->arena);
  store->arena = moved;
}

/* While connections are released in another order than they came. */
void store_give_back(struct store *store, uint32_t connections) {
  const struct store *first = store;
  for (; store; store = store->joined) {
    uint32_t end = store->joined ? store->joined->begins : connections;
    if (is_scattered(store)) move_together(store, first->places + store->begins, end - store->begins);
  }
}

/* Pack the connection at the hand, unless it was touched since the hand was here. */
static void pack_at_hand(struct store *store) {
  if (store->hand >= store->hot_count) store->hand = 0;
  uint32_t index = store->hot[store->hand];
  struct connection *c = pointer_of(store->places[index]);
  uint8_t *bytes = NULL;
  if (!(store->places[index] & TOUCHED) && !c->pending) bytes = packed(store, c);
  if (!bytes) {
    store->places[index] &= ~(uintptr_t)TOUCHED;
    store->hand++;
    return;
  }
  free(c->events);
  hot_free(store, c);
  store->places[index] = (uintptr_t)bytes | PACKED;
  store->hot[store->hand] = store->hot[--store->hot_count];
  count_pack(store);
}

void store_pack_some(struct store *store, uint32_t connections, int scattered) {
  for (int tries = 0; tries < 4 && store->hot_count > store->most_hot; tries++) pack_at_hand(store);
  if (scattered) move_together(store, store->places, connections);
}

const struct connection *store_view(const struct store *store, uint32_t index, struct view *view) {
  const struct connection *c = pointer_of(store->places[index]);
  if (!(store->places[index] & PACKED)) return c;
  uint32_t count = c->count;
  if (count > view->room || !view->events) {
    size_t room = count > 64 ? count : 64;
    struct event *events = realloc(view->events, room * sizeof *events);
    if (!events) return NULL;
    view->events = events;
    view->room = (uint32_t)room;
  }
  unpack(owner_of(store, index), (const uint8_t *)(const void *)c, &view->connection, view->events);
  return &view->connection;
}

void view_end(struct view *view) { free(view->events); }
