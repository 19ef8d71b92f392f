/* Connections at rest take a third of the room, exactly as they are: numbers are written relative to one another and in
 * as few bytes as they need. A packet brings its connection back.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "engine_state.h"

#ifndef HOT_AT_FIRST
#define HOT_AT_FIRST 64 /* connections that are not packed; tests pack nearly all */
#endif
enum {
  MOST_DEAD = 4 << 20, /* bytes given back, beside a share of those in use */
  DEAD_SHARE = 4,
  COMES_BACK = 4, /* where more than one in so many is soon unpacked again, more are left unpacked */
  MOST_HOT = 1 << 17, /* … but never more than these */
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
  IN_CONNECTION(lowest_time), IN_CONNECTION(syn_time), IN_CONNECTION(opening_time), IN_CONNECTION(first_times),
  IN_CONNECTION(first_times[1]),
};
static const uint16_t LATE_TIMES[] = {IN_CONNECTION(highest_time), IN_CONNECTION(before_time)}; /* near the last */
static const uint16_t NUMBERS[] = {IN_CONNECTION(first_fin), IN_CONNECTION(first_rst)}; /* and the end below it */
static const uint16_t SIDE_TIMES[] = {IN_SIDE(next_time), IN_SIDE(ack_time)}; /* near the last */
static const uint16_t SIDE_NUMBERS[] = {IN_SIDE(news_number), IN_SIDE(said_number), IN_SIDE(data_number)}; /* near its last */
static const uint16_t BEGIN[] = {IN_SIDE(low), IN_SIDE(control_at[0])}; /* near its first sequence number */
static const uint16_t REACH[] = {IN_SIDE(position), IN_SIDE(high), IN_SIDE(control_at[1]), IN_SIDE(control_at[2]),
                                 IN_SIDE(control_at[3])}; /* near the place that it reached */
static const uint16_t OPENING[] = {IN_SIDE(isn), IN_SIDE(stream_seq), IN_SIDE(control), IN_SIDE(control[1])}; /* near its first */
static const uint16_t OWN[] = { /* near next */
  IN_SIDE(contiguous), IN_SIDE(last_seq), IN_SIDE(last_after), IN_SIDE(plain_seq), IN_SIDE(control[2]),
  IN_SIDE(control[3]), IN_SIDE(last_plain), IN_SIDE(fin_end), IN_SIDE(message_end),
};
static const uint16_t PEERS[] = {IN_SIDE(ack), IN_SIDE(last_ack), IN_SIDE(said), IN_SIDE(acked), IN_SIDE(reset_ack)}; /* near the other's next */
static const uint16_t ACCEPTED[] = {IN_SIDE(accepts), IN_SIDE(accepts[1])}; /* near the other's first */

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

/* What others are near to, as it was before all was turned. */
struct bases {
  uint64_t last, last_number[2], reached[2];
  uint32_t next[2], first[2];
};

/* The bases themselves; `bases` gets them as they are unpacked. */
static void turn_bases(struct connection *c, struct bases *bases, enum way way) {
  for (int round = 0; round < 2; round++) {
    if (round == (way == UNPACK)) {
      bases->last = (uint64_t)c->last_time;
      for (int end = 0; end < 2; end++) {
        bases->next[end] = c->sides[end].next;
        bases->first[end] = c->sides[end].first_seq;
        bases->reached[end] = (uint64_t)c->sides[end].reached;
        bases->last_number[end] = c->sides[end].last_number;
      }
      continue;
    }
    turn64(&c->last_time, (uint64_t)c->first_time, way);
    for (int end = 0; end < 2; end++) {
      struct side *side = &c->sides[end];
      turn32(&side->first_seq, side->next, way);
      turn64(&side->reached, side->next, way);
      turn64(&side->last_number, c->first_number, way);
      turn64(&side->word_number, c->first_number, way);
      turn64(&side->word_time, (uint64_t)c->first_time, way);
    }
  }
}

static void turn_fields(struct connection *c, enum way way) {
  struct bases bases;
  turn_bases(c, &bases, way);
  EACH(TIMES, c, turn64, (uint64_t)c->first_time);
  EACH(LATE_TIMES, c, turn64, bases.last);
  EACH(NUMBERS, c, turn64, c->first_number << 1);
  turn32(&c->before_seq, bases.next[c->before_end & 1], way);
  turn32(&c->before_ack, bases.next[!(c->before_end & 1)], way);
  for (int i = 0; i < 2; i++) turn32(&c->accept_seq[i], bases.first[!c->originator], way);
  for (int end = 0; end < 2; end++) {
    struct side *side = &c->sides[end];
    EACH(SIDE_TIMES, side, turn64, bases.last);
    EACH(SIDE_NUMBERS, side, turn64, bases.last_number[end]);
    EACH(BEGIN, side, turn64, (uint64_t)bases.first[end]);
    EACH(REACH, side, turn64, bases.reached[end]);
    EACH(OPENING, side, turn32, bases.first[end]);
    EACH(OWN, side, turn32, bases.next[end]);
    EACH(PEERS, side, turn32, bases.next[!end]);
    EACH(ACCEPTED, side, turn32, bases.first[!end]);
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
  units[1] = zigzag32(event->end - *end);
  units[2] = zigzag32(event->number - trail->number);
  units[3] = event->code | (uint32_t)event->kept << 16 | (uint32_t)event->number_above << 24;
  units[4] = (uint32_t)(since >> 32); /* from here on most have nothing */
  units[5] = (uint32_t)gap;
  units[6] = (uint32_t)(gap >> 32);
  units[7] = event->size;
  trail->time = (uint64_t)event->time;
  trail->number = event->number;
  *end = event->end;
}

static void units_event(const uint32_t *units, struct trail *trail, struct event *event) {
  uint64_t since = unzigzag64(units[0] | (uint64_t)units[4] << 32);
  event->time = (int64_t)(trail->time + since);
  event->gap = (int64_t)(unzigzag64(units[5] | (uint64_t)units[6] << 32) + since);
  event->code = (uint16_t)units[3];
  event->kept = (uint8_t)(units[3] >> 16);
  event->number_above = (uint8_t)(units[3] >> 24);
  uint32_t *end = &trail->end[event->code >> 15];
  event->end = *end += unzigzag32(units[1]);
  event->size = units[7];
  event->number = trail->number += unzigzag32(units[2]);
  trail->time = (uint64_t)event->time;
}

/* ---- units of four bytes, in as few as they need ---- */

/* Most units are as in the typical connection: 0. They go in groups of four, of which a bit each tells whether there is
 * anything in them; such a group has a code for each unit in a byte, and then the units' bytes. */

enum { GROUP = 4, GROUPS_A_WORD = 64 };
static const uint8_t SIZES[4] = {0, 1, 2, 4};
static const uint32_t MASKS[4] = {0, 0xFF, 0xFFFF, 0xFFFFFFFF};

static void put32(uint8_t *at, uint32_t x) {
  at[0] = (uint8_t)x, at[1] = (uint8_t)(x >> 8), at[2] = (uint8_t)(x >> 16), at[3] = (uint8_t)(x >> 24);
}

static uint32_t get32(const uint8_t *at) {
  return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static size_t bits_size(size_t count) { return (count / GROUP + GROUPS_A_WORD - 1) / GROUPS_A_WORD * sizeof(uint64_t); }

/* Which of up to 64 groups hold anything: asked of all at once, as a branch for each would be guessed wrong too often. */
static uint64_t filled_groups(const uint32_t *units, size_t groups) {
  uint64_t bits = 0;
  for (size_t i = groups; i-- > 0;) {
    uint64_t halves[2];
    memcpy(halves, units + i * GROUP, sizeof halves);
    bits = bits << 1 | ((halves[0] | halves[1]) != 0);
  }
  return bits;
}

/* How many bits a unit takes, and by that its code. */
static unsigned bits_of(uint32_t unit) {
#if defined(__GNUC__)
  return 63u - (unsigned)__builtin_clzll((uint64_t)unit << 1 | 1);
#else
  unsigned bits = 0;
  while (bits < 32 && unit >> bits) bits++;
  return bits;
#endif
}

static const uint8_t CODES[33] = {0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3};

/* The next group that a bit stands for; its bit goes. */
static size_t next_group(uint64_t *bits) {
#if defined(__GNUC__)
  size_t group = (size_t)__builtin_ctzll(*bits);
#else
  size_t group = 0;
  while (!(*bits >> group & 1)) group++;
#endif
  *bits &= *bits - 1;
  return group;
}

/* Up to SLACK bytes beyond the end are written. How many bytes. */
static size_t write_units(const uint32_t *units, size_t count, uint8_t *out) {
  uint8_t *data = out + bits_size(count), *bits_at = out;
  for (size_t from = 0, groups = count / GROUP; from < groups; from += GROUPS_A_WORD, bits_at += sizeof(uint64_t)) {
    size_t many = groups - from < GROUPS_A_WORD ? groups - from : GROUPS_A_WORD;
    uint64_t bits = filled_groups(units + from * GROUP, many);
    memcpy(bits_at, &bits, sizeof bits);
    while (bits) {
      const uint32_t *group = units + (from + next_group(&bits)) * GROUP;
      uint8_t *codes = data++;
      uint32_t all = 0;
      for (int j = 0; j < GROUP; j++) {
        uint32_t unit = group[j], code = CODES[bits_of(unit)];
        put32(data, unit);
        data += SIZES[code];
        all |= code << 2 * j;
      }
      *codes = (uint8_t)all;
    }
  }
  return (size_t)(data - out);
}

/* Up to SLACK bytes beyond the end are read. */
static void read_units(const uint8_t *in, size_t count, uint32_t *units) {
  const uint8_t *data = in + bits_size(count);
  memset(units, 0, count * sizeof *units);
  for (size_t from = 0; from < count / GROUP; from += GROUPS_A_WORD, in += sizeof(uint64_t)) {
    uint64_t bits;
    memcpy(&bits, in, sizeof bits);
    while (bits) {
      uint32_t *group = units + (from + next_group(&bits)) * GROUP;
      uint32_t codes = *data++;
      for (int j = 0; j < GROUP; j++, codes >>= 2) {
        group[j] = get32(data) & MASKS[codes & 3];
        data += SIZES[codes & 3];
      }
    }
  }
}
_Static_assert(UNITS % GROUP == 0 && EVENT_UNITS % GROUP == 0, "units come in groups");

static int make_room(struct store *store, uint32_t events) {
  size_t wanted = UNITS + (size_t)events * EVENT_UNITS; /* and what they take at most when packed */
  if (wanted <= store->units_room) return 1;
  uint32_t *units = realloc(store->units, 2 * wanted * sizeof *units + wanted / 2 + 16);
  if (!units) return 0;
  store->units = units;
  store->units_room = wanted;
  return 1;
}

/* Connections that went the same way have most fields in common. */
static uint8_t class_of(const struct connection *c) {
  uint64_t x = mixed(c->flags, (uint64_t)c->sides[0].known << 32 | c->sides[1].known);
  return (uint8_t)(mixed(x, (uint64_t)c->originator << 16 | c->sides[0].state << 8 | c->sides[1].state) >> 32 & (TYPICAL - 1));
}

/* Take from the units of a connection what the typical one of its class has. 0 where there is no memory. */
static int differ_from_typical(struct store *store, uint8_t class) {
  if (!store->typical[class]) {
    store->typical[class] = malloc(UNITS * 4);
    if (!store->typical[class]) return 0;
    memcpy(store->typical[class], store->units, UNITS * 4);
  }
  for (size_t i = 0; i < UNITS; i++) store->units[i] ^= store->typical[class][i];
  return 1;
}

static uint8_t *packed(struct store *store, const struct connection *c) {
  if (!make_room(store, c->count)) return NULL;
  struct connection copy = *c;
  size_t count = UNITS + (size_t)c->count * EVENT_UNITS;
  uint8_t *out = (uint8_t *)(store->units + store->units_room), class = class_of(c);
  struct trail trail = trail_of(c);
  copy.events = NULL;
  out[0] = class;
  turn_fields(&copy, PACK);
  memcpy(store->units, (const char *)&copy + PLAIN, UNITS * 4);
  if (!differ_from_typical(store, class)) return NULL;
  for (uint32_t i = 0; i < c->count; i++)
    event_units(&c->events[i], &trail, store->units + UNITS + (size_t)i * EVENT_UNITS);
  size_t size = 1 + write_units(store->units, count, out + 1);
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
  const uint32_t *typical = store->typical[bytes[PLAIN]];
  read_units(bytes + PLAIN + 1, UNITS + (size_t)c->count * EVENT_UNITS, units);
  for (size_t i = 0; i < UNITS; i++) units[i] ^= typical[i];
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
  for (int i = 0; i < TYPICAL; i++) free(store->typical[i]);
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
  if (store->thaws > store->packs / COMES_BACK && store->most_hot < MOST_HOT) store->most_hot *= 2;
  store->packs = store->thaws = 0;
}

/* Move all that is packed together, where much has been given back: once in so many packs. */
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
  if (store->arena.dead > store->arena.live / DEAD_SHARE + MOST_DEAD) move_together(store, connections);
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
