/* All connections, and how they are found: by ends and scope in one hash table, whose seed no capture can know. */
#include <stdlib.h>
#include <string.h>

#include "engine_state.h"

enum { FIRST_SLOTS = 1 << 12, FIRST_V6 = 64 };
static const int64_t V6_KEYS = (int64_t)1 << 32;

API struct engine *engine_new(uint64_t seed) {
  struct engine *e = calloc(1, sizeof *e);
  if (!e) return NULL;
  e->seed = seed;
  e->mask = FIRST_SLOTS - 1;
  e->slots = calloc(FIRST_SLOTS, sizeof *e->slots);
  e->tags = calloc(FIRST_SLOTS, sizeof *e->tags);
  e->recent = recent_packets_new();
  e->store = store_new();
  e->scopes = calloc(1, sizeof *e->scopes);
  e->scope_count = e->scope_room = 1;
  if (e->slots && e->tags && e->store && e->recent && e->scopes) return e;
  engine_free(e);
  return NULL;
}

API void engine_free(struct engine *e) {
  if (!e) return;
  held_free(e);
  store_free(e->store, e->connections);
  free(e->slots);
  free(e->tags);
  free(e->v6);
  free(e->v6_slots);
  free(e->scopes);
  recent_packets_free(e->recent);
  free(e->quoted);
  free(e->watched.numbers);
  free(e->watched.rows);
  free(e->trace.rows);
  free(e->words);
  collecting_free(e->collecting);
  free(e);
}

void engine_lacks_memory(struct engine *e) { e->out_of_memory = 1; }

void forget_ends(struct engine *e) {
  free(e->slots);
  free(e->tags);
  recent_packets_free(e->recent);
  e->slots = NULL;
  e->tags = NULL;
  e->recent = NULL;
}

static int grow_v6(struct engine *e) {
  uint32_t room = e->v6_room ? e->v6_room * 2 : FIRST_V6, mask = room * 2 - 1;
  uint8_t(*more)[16] = realloc(e->v6, room * sizeof *more);
  if (!more) return 0;
  e->v6 = more;
  uint32_t *slots = calloc(mask + 1u, sizeof *slots);
  if (!slots) return 0;
  e->v6_room = room;
  free(e->v6_slots);
  e->v6_slots = slots;
  e->v6_mask = mask;
  v6_find_anew(e);
  return 1;
}

void v6_find_anew(struct engine *e) {
  if (!e->v6_slots) return;
  memset(e->v6_slots, 0, ((size_t)e->v6_mask + 1) * sizeof *e->v6_slots);
  for (uint32_t i = 0; i < e->v6_count; i++) {
    uint64_t half[2];
    memcpy(half, e->v6[i], 16);
    uint32_t at = (uint32_t)(mixed(mixed(e->seed, half[0]), half[1]) >> 24) & e->v6_mask;
    while (e->v6_slots[at]) at = (at + 1) & e->v6_mask;
    e->v6_slots[at] = i + 1;
  }
}

/* 2**32 + its index, made on first sight. */
int64_t v6_key(struct engine *e, const uint8_t *address) {
  if (e->v6_count == e->v6_room && !grow_v6(e)) return e->out_of_memory = 1, V6_KEYS;
  uint64_t half[2];
  memcpy(half, address, 16);
  uint32_t at = (uint32_t)(mixed(mixed(e->seed, half[0]), half[1]) >> 24) & e->v6_mask;
  for (; e->v6_slots[at]; at = (at + 1) & e->v6_mask)
    if (!memcmp(e->v6[e->v6_slots[at] - 1], address, 16)) return V6_KEYS + e->v6_slots[at] - 1;
  memcpy(e->v6[e->v6_count], address, 16);
  e->v6_slots[at] = ++e->v6_count;
  return V6_KEYS + e->v6_count - 1;
}

uint32_t engine_scope(struct engine *e, const char *vlan, const char *tunnel) {
  struct scope_name name = {"", ""};
  strncpy(name.vlan, vlan, SCOPE_TEXT - 1);
  strncpy(name.tunnel, tunnel, SCOPE_TEXT - 1);
  for (uint32_t i = e->scope_count; i-- > 0;)
    if (!strcmp(e->scopes[i].vlan, name.vlan) && !strcmp(e->scopes[i].tunnel, name.tunnel)) return i;
  if (e->scope_count == MOST_SCOPES) return MOST_SCOPES - 1;
  if (e->scope_count == e->scope_room) {
    struct scope_name *more = realloc(e->scopes, 2u * e->scope_room * sizeof *more);
    if (!more) return e->out_of_memory = 1, 0;
    e->scopes = more;
    e->scope_room *= 2;
  }
  e->scopes[e->scope_count] = name;
  return e->scope_count++;
}

uint64_t key_of(const struct engine *e, const int64_t keys[2], uint16_t sport, uint16_t dport, uint32_t scope) {
  uint64_t a = (uint64_t)keys[0] << 16 | sport, b = (uint64_t)keys[1] << 16 | dport;
  return mixed(mixed(e->seed ^ scope, a < b ? a : b), a < b ? b : a);
}

/* Whether a connection has these ends: 1, or 2 where its first packet came from the other one; else 0. */
static int is_of(const struct connection *c, const int64_t keys[2], uint16_t sport, uint16_t dport, uint32_t scope) {
  if (c->scope != scope) return 0;
  if (c->address[0] == keys[0] && c->port[0] == sport && c->address[1] == keys[1] && c->port[1] == dport) return 1;
  return c->address[0] == keys[1] && c->port[0] == dport && c->address[1] == keys[0] && c->port[1] == sport ? 2 : 0;
}

/* `of`: as is_of says it, 0 where the slot is empty, which its tag tells. */
static inline uint32_t *slot_by(struct engine *e, uint64_t key, const int64_t keys[2], uint16_t sport, uint16_t dport,
                                uint32_t scope, int *of) {
  uint32_t at = first_slot(e, key);
  for (*of = 0; e->tags[at]; at = (at + 1) & e->mask)
    if (e->tags[at] == tag_of(key) && (*of = is_of(connection_head(e, e->slots[at] - 1), keys, sport, dport, scope))) break;
  return &e->slots[at];
}

/* The slot of two ends: of their latest connection, or empty. */
uint32_t *slot_of(struct engine *e, const int64_t keys[2], uint16_t sport, uint16_t dport, uint32_t scope) {
  int of;
  return slot_by(e, key_of(e, keys, sport, dport, scope), keys, sport, dport, scope, &of);
}

static int grow_slots(struct engine *e) {
  uint32_t mask = e->mask * 2 + 1, *before = e->slots;
  uint32_t *slots = calloc((size_t)mask + 1, sizeof *slots);
  uint8_t *tags = calloc((size_t)mask + 1, sizeof *tags);
  if (!slots || !tags) return free(slots), free(tags), 0;
  for (uint32_t i = 0; i <= e->mask; i++) {
    if (!before[i]) continue;
    const struct connection *c = connection_head(e, before[i] - 1);
    uint64_t key = key_of(e, c->address, c->port[0], c->port[1], c->scope);
    uint32_t at = (uint32_t)(key >> 20) & mask;
    while (tags[at]) at = (at + 1) & mask;
    slots[at] = before[i];
    tags[at] = tag_of(key);
  }
  free(before);
  free(e->tags);
  e->slots = slots;
  e->tags = tags;
  e->mask = mask;
  return 1;
}

static int is_wanted(const struct watched *w, uint64_t number) {
  size_t low = 0, high = w->count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (w->numbers[middle] < number) low = middle + 1;
    else high = middle;
  }
  return low < w->count && w->numbers[low] == number;
}

struct connection *connection_new(struct engine *e, const struct segment *s, const int64_t keys[2]) {
  if (e->connections == UINT32_MAX - 1) return NULL;
  struct connection *c = store_add(e->store, e->connections);
  if (!c) return e->out_of_memory = 1, NULL;
  e->connections++;
  connection_begin(c, s, keys, s->scope);
  e->unopened += !(s->flags & SYN);
  if (e->watched.count && is_wanted(&e->watched, s->number)) c->flags |= IS_WATCHED;
  return c;
}

static void watch(struct engine *e, uint32_t index, const struct segment *s, int side, uint16_t tags) {
  struct watched *w = &e->watched;
  size_t half = w->most / 2, place = w->kept < w->most ? w->kept++ : half + (size_t)((w->seen - half) % (w->most - half));
  w->seen++;
  w->rows[place] = (struct packet_row){
    .number = s->number, .time = s->time, .offset = s->offset, .connection = index, .seq = s->seq, .ack = s->ack,
    .payload = s->payload, .flags = s->flags, .window = s->window, .tags = tags, .ip_id = s->ip_id, .marks = s->marks,
    .side = (uint8_t)side, .ttl = s->ttl};
}

void take(struct engine *e, uint32_t index, struct connection *c, const struct segment *s, int side, int alien) {
  uint16_t tags = connection_take(c, s, side, alien);
  if (e->trace.is_on && s->traced) trace_joins(e, s->traced, index, side, tags);
  if (c->flags & LACKS_MEMORY) e->out_of_memory = 1;
  if (c->flags & IS_WATCHED) watch(e, index, s, side, tags);
}

void engine_packet_in(struct engine *e, int64_t time) {
  if (!e->packets || time < e->first_time) e->first_time = time;
  if (!e->packets || time > e->last_time) e->last_time = time;
  e->packets++;
}

/* The first segment of its ends. */
static void begin(struct engine *e, const struct segment *given, const struct sought *by, uint32_t *slot) {
  if ((uint64_t)e->connections * 2 > e->mask) {
    if (!grow_slots(e) && e->connections >= e->mask) {
      e->out_of_memory = 1;
      return;
    }
    slot = slot_of(e, by->keys, given->sport, given->dport, given->scope);
  }
  struct connection *c = connection_new(e, given, by->keys);
  if (!c) return;
  *slot = e->connections;
  e->tags[slot - e->slots] = tag_of(by->key);
  is_second_copy(e->recent, c, given, 0, by->print); /* it is remembered */
  take(e, e->connections - 1, c, given, 0, 0);
}

/* Take a segment whose ends and prints are known. */
void segment_in(struct engine *e, const struct segment *given, const struct sought *by) {
  int of;
  uint32_t *slot = slot_by(e, by->key, by->keys, given->sport, given->dport, given->scope, &of);
  e->tcp_packets++;
  if (!of) {
    begin(e, given, by, slot);
    return;
  }
  struct found at = {slot, connection_at(e, *slot - 1), of - 1};
  if (!at.c) {
    e->out_of_memory = 1;
    return;
  }
  int again = given->marks & MARK_SAME_AS_BEFORE || /* a text may say so, and cannot be asked without identification */
              (!(given->marks & MARK_ID_UNKNOWN) && is_second_copy(e->recent, at.c, given, at.side, by->print));
  if (!again) {
    arrive(e, at, given, by->keys);
    return;
  }
  struct segment copy = *given;
  copy.marks |= MARK_SAME_AS_BEFORE;
  e->copies++;
  arrive(e, at, &copy, by->keys);
}

void engine_quoted_in(struct engine *e, const struct quoted *quoted) {
  if (e->quoted_count == MOST_QUOTED) {
    e->quoted_over++;
    return;
  }
  if (e->quoted_count == e->quoted_room) {
    size_t room = e->quoted_room ? e->quoted_room * 2 : 64;
    struct quoted *more = realloc(e->quoted, room * sizeof *more);
    if (!more) {
      e->out_of_memory = 1;
      return;
    }
    e->quoted = more;
    e->quoted_room = room;
  }
  e->quoted[e->quoted_count++] = *quoted;
}

API void engine_quotes(struct engine *e, const struct quoted *quoted, size_t count) {
  for (size_t i = 0; i < count; i++) engine_quoted_in(e, &quoted[i]);
}

API void engine_segments(struct engine *e, const struct segment *segments, size_t count) {
  for (size_t i = 0; i < count; i++) engine_segment_in(e, &segments[i]);
  engine_flush(e);
}

/* From when to when, where packets' own times are not handed on. */
API void engine_span(struct engine *e, int64_t first, int64_t last) {
  if (!e->packets || first < e->first_time) e->first_time = first;
  if (!e->packets || last > e->last_time) e->last_time = last;
}

API void engine_packets(struct engine *e, const int64_t *times, size_t count) {
  for (size_t i = 0; i < count; i++) engine_packet_in(e, times[i]);
}

/* Keep the packets of the connections that begin with these packet numbers (sorted): the first and last of them. */
API int engine_watch(struct engine *e, const uint64_t *numbers, size_t count, size_t most) {
  struct watched *w = &e->watched;
  w->numbers = malloc((count ? count : 1) * sizeof *numbers);
  w->rows = malloc((most + 2) * sizeof *w->rows);
  if (!w->numbers || !w->rows) return -1;
  memcpy(w->numbers, numbers, count * sizeof *numbers);
  w->count = count;
  w->most = most + 2;
  return 0;
}

/* RSTs that came before the first SYN of their connection met none. */
static void refuse_resets(struct engine *e, struct packet_row *rows, size_t n) {
  uint64_t *opened = calloc(e->connections ? e->connections : 1, sizeof *opened); /* by connection: its first SYN */
  if (!opened) e->out_of_memory = 1;
  for (size_t i = 0; opened && i < n; i++)
    if ((rows[i].flags & (SYN | ACK | RST)) == SYN && !opened[rows[i].connection])
      opened[rows[i].connection] = rows[i].number;
  for (size_t i = 0; opened && i < n; i++)
    if (rows[i].flags & RST && rows[i].number < opened[rows[i].connection]) rows[i].tags |= TAG_RST_UNACCEPTABLE;
  free(opened);
}

/* The packets that were kept, in order; how many were seen in all. */
API uint64_t engine_watched(struct engine *e, struct packet_row *rows, size_t *kept) {
  if (!settle(e, NULL)) e->out_of_memory = 1;
  uint8_t *changed = roles_begun_before(e);
  const struct watched *w = &e->watched;
  size_t half = w->most / 2, ring = w->most - half, n = w->kept;
  for (size_t i = 0; i < n; i++) {
    size_t from = i;
    if (n == w->most && i >= half) from = half + (size_t)((w->seen - half + (i - half)) % ring);
    rows[i] = w->rows[from];
  }
  refuse_resets(e, rows, n);
  for (size_t i = 0; i < n; i++) {
    uint32_t index = (uint32_t)rows[i].connection;
    const struct connection *c = connection_at(e, index);
    if (!c) {
      e->out_of_memory = 1;
      break;
    }
    rows[i].side ^= c->originator ^ (changed ? changed[index] : 0);
    rows[i].connection = c->first_number;
  }
  free(changed);
  *kept = n;
  return w->seen;
}
