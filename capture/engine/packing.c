/* Connections at rest take a third of the room, exactly as they are: numbers are written relative to one another and in
 * as few bytes as they need (a code of two bits each: 0, 1, 2 or 4 bytes). A packet brings its connection back.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

#ifndef HOT_AT_FIRST
#define HOT_AT_FIRST 512 /* connections that are not packed; tests pack nearly all */
#endif
enum {
  MOST_DEAD = 4 << 20, /* bytes given back, beside as many as are in use */
  COMES_BACK = 4, /* where more than one in so many is soon unpacked again, more are left unpacked */
  SLAB = 256,      /* connections allocated at once */
  PLAIN = offsetof(struct connection, sides),
  UNITS = (sizeof(struct connection) - PLAIN) / 4,
  EVENT_UNITS = 8,
  SLACK = 4, /* bytes looked at beyond the last unit */
};
_Static_assert(sizeof(struct connection) % 8 == 0 && PLAIN % 8 == 0, "a connection is units of four bytes");

/* ---- numbers near to another one ---- */

static uint32_t zigzag32(uint32_t x) { return x << 1 ^ (0 - (x >> 31)); }
static uint32_t unzigzag32(uint32_t x) { return x >> 1 ^ (0 - (x & 1)); }
static uint64_t zigzag64(uint64_t x) { return x << 1 ^ (0 - (x >> 63)); }
static uint64_t unzigzag64(uint64_t x) { return x >> 1 ^ (0 - (x & 1)); }

/* 0, which often says that nothing was seen, stays 0; all others move up by one, and the one that would become 0 takes
 * the place that 0 would have had. */
static uint32_t near32(uint32_t x, uint32_t base) {
  uint32_t code = zigzag32(x - base);
  return !x ? 0 : code == UINT32_MAX ? zigzag32(0 - base) + 1 : code + 1;
}

static uint32_t from_near32(uint32_t code, uint32_t base) {
  if (!code) return 0;
  return base + unzigzag32(code == zigzag32(0 - base) + 1 ? UINT32_MAX : code - 1);
}

static uint64_t near64(uint64_t x, uint64_t base) {
  uint64_t code = zigzag64(x - base);
  return !x ? 0 : code == UINT64_MAX ? zigzag64(0 - base) + 1 : code + 1;
}

static uint64_t from_near64(uint64_t code, uint64_t base) {
  if (!code) return 0;
  return base + unzigzag64(code == zigzag64(0 - base) + 1 ? UINT64_MAX : code - 1);
}

/* ---- which fields are near which ---- */

#define IN_CONNECTION(name) offsetof(struct connection, name)
#define IN_SIDE(name) offsetof(struct side, name)

static const uint16_t TIMES[] = { /* near the first */
  IN_CONNECTION(last_time), IN_CONNECTION(lowest_time), IN_CONNECTION(syn_time), IN_CONNECTION(opening_time),
  IN_CONNECTION(first_times), IN_CONNECTION(first_times[1]),
};
static const uint16_t LATE_TIMES[] = {IN_CONNECTION(highest_time), IN_CONNECTION(before_time)}; /* near the last */
static const uint16_t NUMBERS[] = {IN_CONNECTION(first_fin), IN_CONNECTION(first_rst)}; /* and the end below it */
static const uint16_t SIDE_TIMES[] = {IN_SIDE(next_time), IN_SIDE(ack_time), IN_SIDE(word_time)};
static const uint16_t SIDE_NUMBERS[] = {IN_SIDE(last_number), IN_SIDE(news_number), IN_SIDE(said_number),
                                        IN_SIDE(word_number), IN_SIDE(data_number)};
static const uint16_t STREAM[] = {IN_SIDE(position), IN_SIDE(reached), IN_SIDE(high), IN_SIDE(control_at[0]),
                                  IN_SIDE(control_at[1]), IN_SIDE(control_at[2]), IN_SIDE(control_at[3])}; /* near low, and that near next */
static const uint16_t OWN[] = { /* near next */
  IN_SIDE(contiguous), IN_SIDE(last_seq), IN_SIDE(last_after), IN_SIDE(first_seq), IN_SIDE(isn), IN_SIDE(plain_seq),
  IN_SIDE(stream_seq), IN_SIDE(control), IN_SIDE(control[1]), IN_SIDE(control[2]), IN_SIDE(control[3]),
  IN_SIDE(last_plain), IN_SIDE(fin_end),
};
static const uint16_t PEERS[] = { /* near the other side's next */
  IN_SIDE(ack), IN_SIDE(last_ack), IN_SIDE(accepts), IN_SIDE(accepts[1]), IN_SIDE(said), IN_SIDE(acked),
};

enum way { PACK, UNPACK };

static void turn64(void *at, uint64_t base, enum way way) {
  uint64_t x;
  memcpy(&x, at, sizeof x);
  x = way == PACK ? near64(x, base) : from_near64(x, base);
  memcpy(at, &x, sizeof x);
}

static void turn32(void *at, uint32_t base, enum way way) {
  uint32_t x;
  memcpy(&x, at, sizeof x);
  x = way == PACK ? near32(x, base) : from_near32(x, base);
  memcpy(at, &x, sizeof x);
}

#define EACH(list, at, turn, base)                                                                                     \
  for (size_t i = 0; i < sizeof(list) / sizeof *(list); i++) turn((char *)(at) + (list)[i], (base), way)

static void turn_fields(struct connection *c, enum way way) {
  uint64_t time = (uint64_t)c->first_time, number = c->first_number;
  uint32_t next[2] = {c->sides[0].next, c->sides[1].next};
  uint64_t last = (uint64_t)c->last_time;
  if (way == UNPACK) turn64(&last, time, way);
  EACH(TIMES, c, turn64, time);
  EACH(LATE_TIMES, c, turn64, last);
  EACH(NUMBERS, c, turn64, number << 1);
  turn32(&c->before_seq, next[c->before_end & 1], way);
  turn32(&c->before_ack, next[!(c->before_end & 1)], way);
  for (int i = 0; i < 2; i++) turn32(&c->accept_seq[i], next[!c->originator], way);
  for (int end = 0; end < 2; end++) {
    struct side *side = &c->sides[end];
    EACH(SIDE_TIMES, side, turn64, last);
    EACH(SIDE_NUMBERS, side, turn64, number);
    if (way == UNPACK) turn64(&side->low, next[end], way);
    EACH(STREAM, side, turn64, (uint64_t)side->low);
    if (way == PACK) turn64(&side->low, next[end], way);
    EACH(OWN, side, turn32, next[end]);
    EACH(PEERS, side, turn32, next[!end]);
  }
}

/* ---- events ---- */

/* What came before, of each side. */
struct trail {
  uint64_t time;
  uint32_t number, end[2];
};

static struct trail trail_of(const struct connection *c) {
  return (struct trail){(uint64_t)c->first_time, (uint32_t)c->first_number, {c->sides[0].next, c->sides[1].next}};
}

static void event_units(const struct event *event, struct trail *trail, uint32_t *units) {
  uint64_t since = (uint64_t)event->time - trail->time, gap = zigzag64((uint64_t)event->gap - since);
  uint32_t *end = &trail->end[event->code >> 15];
  since = zigzag64(since);
  units[0] = (uint32_t)since;
  units[1] = (uint32_t)(since >> 32);
  units[2] = (uint32_t)gap;
  units[3] = (uint32_t)(gap >> 32);
  units[4] = zigzag32(event->end - *end);
  units[5] = event->size;
  units[6] = zigzag32(event->number - trail->number);
  units[7] = event->code | (uint32_t)event->kept << 16 | (uint32_t)event->number_above << 24;
  trail->time = (uint64_t)event->time;
  trail->number = event->number;
  *end = event->end;
}

static void units_event(const uint32_t *units, struct trail *trail, struct event *event) {
  uint64_t since = unzigzag64(units[0] | (uint64_t)units[1] << 32);
  event->time = (int64_t)(trail->time + since);
  event->gap = (int64_t)(unzigzag64(units[2] | (uint64_t)units[3] << 32) + since);
  event->code = (uint16_t)units[7];
  event->kept = (uint8_t)(units[7] >> 16);
  event->number_above = (uint8_t)(units[7] >> 24);
  uint32_t *end = &trail->end[event->code >> 15];
  event->end = *end += unzigzag32(units[4]);
  event->size = units[5];
  event->number = trail->number += unzigzag32(units[6]);
  trail->time = (uint64_t)event->time;
}

/* ---- units of four bytes, in as few as they need ---- */

static const uint8_t SIZES[4] = {0, 1, 2, 4};
static const uint32_t MASKS[4] = {0, 0xFF, 0xFFFF, 0xFFFFFFFF};

static void put32(uint8_t *at, uint32_t x) {
  at[0] = (uint8_t)x, at[1] = (uint8_t)(x >> 8), at[2] = (uint8_t)(x >> 16), at[3] = (uint8_t)(x >> 24);
}

static uint32_t get32(const uint8_t *at) {
  return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Codes of four units in a byte, then their bytes; up to SLACK bytes beyond the end are written. How many bytes. */
static size_t write_units(const uint32_t *units, size_t count, uint8_t *out) {
  uint8_t *data = out + count / 4;
  for (size_t i = 0; i < count; i += 4) {
    if (!(units[i] | units[i + 1] | units[i + 2] | units[i + 3])) { /* most are as in the typical connection */
      out[i / 4] = 0;
      continue;
    }
    uint8_t codes = 0;
    for (int j = 0; j < 4; j++) {
      uint32_t unit = units[i + (size_t)j], code = (unit > 0) + (unit > 0xFF) + (unit > 0xFFFF);
      put32(data, unit);
      data += SIZES[code];
      codes |= (uint8_t)(code << 2 * j);
    }
    out[i / 4] = codes;
  }
  return (size_t)(data - out);
}

/* Up to SLACK bytes beyond the end are read. */
static void read_units(const uint8_t *in, size_t count, uint32_t *units) {
  const uint8_t *data = in + count / 4;
  for (size_t i = 0; i < count; i += 4) {
    if (!in[i / 4]) {
      memset(units + i, 0, 4 * sizeof *units);
      continue;
    }
    for (int j = 0; j < 4; j++) {
      int code = in[i / 4] >> 2 * j & 3;
      units[i + (size_t)j] = get32(data) & MASKS[code];
      data += SIZES[code];
    }
  }
}
_Static_assert(UNITS % 4 == 0 && EVENT_UNITS % 4 == 0, "units come in fours");

static int make_room(struct store *store, uint32_t events) {
  size_t wanted = UNITS + (size_t)events * EVENT_UNITS; /* and as many bytes as all of them, packed */
  if (wanted <= store->units_room) return 1;
  uint32_t *units = realloc(store->units, 2 * wanted * sizeof *units + wanted / 4 + 8);
  if (!units) return 0;
  store->units = units;
  store->units_room = wanted;
  return 1;
}

static uint8_t *packed(struct store *store, const struct connection *c) {
  if (!make_room(store, c->count)) return NULL;
  struct connection copy = *c;
  size_t count = UNITS + (size_t)c->count * EVENT_UNITS;
  uint8_t *out = (uint8_t *)(store->units + store->units_room);
  struct trail trail = trail_of(c);
  copy.events = NULL;
  turn_fields(&copy, PACK);
  memcpy(store->units, (const char *)&copy + PLAIN, UNITS * 4);
  if (!store->typical) {
    store->typical = malloc(UNITS * 4);
    if (!store->typical) return NULL;
    memcpy(store->typical, store->units, UNITS * 4);
  }
  for (size_t i = 0; i < UNITS; i++) store->units[i] ^= store->typical[i];
  for (uint32_t i = 0; i < c->count; i++)
    event_units(&c->events[i], &trail, store->units + UNITS + (size_t)i * EVENT_UNITS);
  size_t size = write_units(store->units, count, out);
  size_t whole = PLAIN + size + SLACK;
  uint8_t *bytes = whole < UINT32_MAX ? arena_take(&store->arena, whole) : NULL;
  if (!bytes) return NULL;
  memcpy(bytes, c, PLAIN);
  ((struct connection *)(void *)bytes)->room = (uint32_t)whole; /* which it does not need there */
  memcpy(bytes + PLAIN, out, size);
  memset(bytes + PLAIN + size, 0, SLACK);
  return bytes;
}

/* Into `c` and `events`, which have room. */
static void unpack(const struct store *store, uint32_t *units, const uint8_t *bytes, struct connection *c,
                   struct event *events) {
  memcpy(c, bytes, PLAIN);
  read_units(bytes + PLAIN, UNITS + (size_t)c->count * EVENT_UNITS, units);
  for (size_t i = 0; i < UNITS; i++) units[i] ^= store->typical[i];
  memcpy((char *)c + PLAIN, units, UNITS * 4);
  turn_fields(c, UNPACK);
  struct trail trail = trail_of(c);
  for (uint32_t i = 0; i < c->count; i++) units_event(units + UNITS + (size_t)i * EVENT_UNITS, &trail, &events[i]);
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

/* Give back what a connection has. */
void store_release(struct store *store, uint32_t index) {
  struct connection *c = pointer_of(store->places[index]);
  if (!c) return;
  if (store->places[index] & PACKED) {
    if (c->rare) free(c->rare->letters);
    free(c->rare);
    packed_free(store, c);
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
  free(store->units);
  free(store->typical);
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
  struct connection *c = make_room(store, count) ? hot_new(store) : NULL;
  struct event *events = c ? malloc((count ? count : 1) * sizeof *events) : NULL;
  if (!events) {
    if (c) hot_free(store, c);
    return NULL;
  }
  unpack(store, store->units, bytes, c, events);
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
  if (store->thaws > store->packs / COMES_BACK && store->most_hot < UINT32_MAX / 2) store->most_hot *= 2;
  store->packs = store->thaws = 0;
}

/* Move all that is packed together, where more has been given back than is in use: once in so many packs. */
static void move_together(struct store *store, uint32_t connections) {
  struct arena moved = {0};
  for (uint32_t i = 0; i < connections; i++) {
    if (!(store->places[i] & PACKED)) continue;
    struct connection *head = pointer_of(store->places[i]);
    size_t size = head->room;
    if (size > ARENA_LARGEST) continue;
    void *at = arena_take(&moved, size);
    if (!at) return; /* some are there, some are here: each knows its block */
    memcpy(at, head, size);
    arena_give(&store->arena, head, size);
    store->places[i] = (uintptr_t)at | (store->places[i] & PLACE_BITS);
  }
  arena_end(&store->arena);
  store->arena = moved;
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

void store_trim(struct store *store, uint32_t connections) {
  for (int tries = 0; tries < 4 && store->hot_count > store->most_hot; tries++) pack_at_hand(store);
  if (store->arena.dead > store->arena.live + MOST_DEAD) move_together(store, connections);
}

const struct connection *store_view(const struct store *store, uint32_t index, struct view *view) {
  const struct connection *c = pointer_of(store->places[index]);
  if (!(store->places[index] & PACKED)) return c;
  uint32_t count = c->count;
  if (count > view->room || !view->events) {
    size_t room = count > 64 ? count : 64;
    struct event *events = realloc(view->events, room * (sizeof *events + EVENT_UNITS * 4) + UNITS * 4);
    if (!events) return NULL;
    view->events = events;
    view->room = (uint32_t)room;
  }
  unpack(store, (uint32_t *)(void *)(view->events + view->room), (const uint8_t *)(const void *)c, &view->connection,
         view->events);
  return &view->connection;
}

void view_end(struct view *view) { free(view->events); }
