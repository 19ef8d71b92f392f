/* The table of connections as columns, in order of first packet; asking for it changes nothing. */
#include <stdlib.h>
#include <string.h>

#include "engine_state.h"

enum { GIVEN_BACK = 1 << 10 }; /* rows, between two looks at what they left */

/* What one table is made of. */
struct table {
  uint32_t *order; /* NULL where connections already are in order */
  uint32_t count;
  struct undo *undo;
  struct event *room;
  struct view view;
  struct long_event *longs;
  size_t long_count, long_room;
  uint8_t *changed; /* roles.c */
  struct connection other; /* the one with its roles changed */
  uint32_t *word_slots, word_mask, word_count, *word_starts, word_room;
};

/* NULL where there is no memory. */
static const struct connection *row_of(const struct engine *e, struct table *t, uint32_t row) {
  uint32_t index = t->order ? t->order[row] : row;
  const struct connection *c = store_view(e->store, index, &t->view);
  if (!c || !t->changed || !t->changed[index]) return c;
  t->other = *c;
  t->other.originator ^= 1;
  return &t->other;
}

struct place {
  uint64_t number;
  uint32_t index;
};

/* From `from` into `to`, two stretches in order as one; of equal numbers the earlier place first. */
static void merge(const struct place *from, struct place *to, uint32_t begin, uint32_t middle, uint32_t end) {
  uint32_t a = begin, b = middle;
  for (uint32_t at = begin; at < end; at++)
    to[at] = a < middle && (b == end || from[a].number <= from[b].number) ? from[a++] : from[b++];
}

/* In order by number: stretches that are in order already, as several engines give them, are merged two and two. The
 * places are in the one or the other; NULL where there is no memory. */
static struct place *sorted(struct place *places, struct place *others, uint32_t count) {
  uint32_t *ends = malloc(((size_t)count + 1) * sizeof *ends), stretches = 0;
  for (uint32_t i = 1; ends && i <= count; i++)
    if (i == count || places[i].number < places[i - 1].number) ends[stretches++] = i;
  for (; stretches > 1; stretches = (stretches + 1) / 2) {
    for (uint32_t i = 0, begin = 0; i < stretches; i += 2) {
      uint32_t end = ends[i + 1 < stretches ? i + 1 : i];
      merge(places, others, begin, ends[i], end);
      ends[i / 2] = begin = end;
    }
    struct place *done = others;
    others = places;
    places = done;
  }
  if (!ends) return NULL;
  free(ends);
  return places;
}

static int put_in_order(const struct engine *e, struct table *t) {
  uint32_t i;
  struct place *places = malloc(t->count * sizeof *places), *others = malloc(t->count * sizeof *others), *order = NULL;
  t->order = malloc(t->count * sizeof *t->order);
  if (places && others && t->order) {
    for (i = 0; i < t->count; i++) places[i] = (struct place){connection_head(e, i)->first_number, i};
    order = sorted(places, others, t->count);
    for (i = 0; order && i < t->count; i++) t->order[i] = order[i].index;
  }
  free(places);
  free(others);
  return order != NULL;
}

/* A table of now. `sizes`: connections, events at most, connections with rare counts. NULL where there is no memory. */
API struct table *table_new(struct engine *e, uint64_t sizes[3]) {
  struct table *t = calloc(1, sizeof *t);
  if (!t || !settle(e, &t->undo)) return free(t), NULL;
  uint32_t most = 1;
  uint64_t before = 0;
  int in_order = 1;
  sizes[1] = sizes[2] = 0;
  t->count = e->connections;
  for (uint32_t i = 0; i < t->count; i++) {
    const struct connection *c = connection_head(e, i);
    sizes[1] += c->count;
    sizes[2] += c->rare != NULL;
    if (c->count > most) most = c->count;
    in_order &= c->first_number >= before;
    before = c->first_number;
  }
  sizes[0] = t->count;
  t->changed = roles_begun_before(e);
  t->word_mask = 1023;
  t->word_slots = calloc(t->word_mask + 1u, sizeof *t->word_slots);
  t->room = malloc(most * sizeof *t->room);
  if (t->word_slots && t->room && (in_order || put_in_order(e, t))) return t;
  table_free(e, t);
  return NULL;
}

API void table_free(struct engine *e, struct table *t) {
  view_end(&t->view);
  free(t->longs);
  if (!e->spent) unsettle(e, t->undo); /* else there is nothing to go back to */
  else undo_free(t->undo);
  free(t->changed);
  free(t->order);
  free(t->room);
  free(t->word_slots);
  free(t->word_starts);
  free(t);
}

static uint32_t hash_text(const char *text, size_t n) {
  uint64_t x = n;
  for (size_t i = 0; i < n; i++) x = (x ^ (unsigned char)text[i]) * 0x100000001B3u;
  return (uint32_t)(x ^ x >> 32);
}

static const char *word_at(const struct engine *e, const struct table *t, uint32_t word, size_t *n) {
  size_t begin = word ? t->word_starts[word - 1] : 0;
  *n = t->word_starts[word] - begin - 1;
  return e->words + begin;
}

static int grow_words(const struct engine *e, struct table *t) {
  uint32_t mask = t->word_mask * 2 + 1, *slots = calloc(mask + 1u, sizeof *slots);
  if (!slots) return 0;
  for (uint32_t i = 0; i < t->word_count; i++) {
    size_t n;
    const char *text = word_at(e, t, i, &n);
    uint32_t at = hash_text(text, n) & mask;
    while (slots[at]) at = (at + 1) & mask;
    slots[at] = i + 1;
  }
  free(t->word_slots);
  t->word_slots = slots;
  t->word_mask = mask;
  return 1;
}

/* The number of "history conn_state" among the distinct ones, whose texts end with a line end each. */
static uint32_t word_of(struct engine *e, struct table *t, const struct connection *c) {
  size_t most = history_most(c) + 16;
  if (e->words_size + most > UINT32_MAX || (t->word_count * 2 > t->word_mask && !grow_words(e, t))) return e->out_of_memory = 1, 0;
  if (e->words_size + most > e->words_room) {
    size_t room = 2 * (e->words_size + most);
    char *more = realloc(e->words, room);
    if (!more) return e->out_of_memory = 1, 0;
    e->words = more;
    e->words_room = room;
  }
  char *text = e->words + e->words_size;
  size_t n = history_text(c, text, most);
  const char *state = conn_state(c);
  text[n++] = ' ';
  memcpy(text + n, state, strlen(state));
  n += strlen(state);
  uint32_t at = hash_text(text, n) & t->word_mask;
  for (; t->word_slots[at]; at = (at + 1) & t->word_mask) {
    size_t known;
    const char *other = word_at(e, t, t->word_slots[at] - 1, &known);
    if (known == n && !memcmp(other, text, n)) return t->word_slots[at] - 1;
  }
  if (t->word_count == t->word_room) {
    uint32_t room = t->word_room ? t->word_room * 2 : 64, *starts = realloc(t->word_starts, room * sizeof *starts);
    if (!starts) return e->out_of_memory = 1, 0;
    t->word_starts = starts;
    t->word_room = room;
  }
  text[n++] = '\n';
  e->words_size += n;
  t->word_starts[t->word_count] = (uint32_t)e->words_size;
  t->word_slots[at] = ++t->word_count;
  return t->word_count - 1;
}

/* Most of what few connections have is 0. The columns are when they are given, and take no memory where none is written. */
#define WRITE(column, row, value)                                                                                      \
  do {                                                                                                                 \
    if (value) (column)[row] = (value);                                                                                \
  } while (0)

/* Damaged times may be too far apart: it wraps, and so does who adds it again. */
static int64_t apart(int64_t a, int64_t b) { return (int64_t)((uint64_t)a - (uint64_t)b); }

/* At most what the column holds. */
static uint32_t many(const struct connection *c, int end, int which, uint8_t few) {
  uint64_t all = few + (c->rare ? c->rare->many[end][which] : 0);
  return all < UINT32_MAX ? (uint32_t)all : UINT32_MAX;
}

static void fill_pairs(const struct connection *c, struct columns *to, uint32_t row) {
  for (int side = 0; side < 2; side++) {
    int end = side ^ c->originator;
    const struct side *of = &c->sides[end];
    uint32_t at = row * 2 + (uint32_t)side;
    to->address[at] = c->address[end];
    to->port[at] = c->port[end];
    to->packet_count[at] = (int64_t)of->packets;
    to->bytes[at] = (int64_t)of->bytes;
    int64_t span = of->known & KNOWS_SPAN ? of->high - of->low - of->taken : 0;
    WRITE(to->unique_bytes_off, at, apart(span > 0 ? span : 0, (int64_t)of->bytes));
    to->wscale[at] = of->wscale;
    to->syn[at] = many(c, end, 0, of->syns);
    to->fin[at] = many(c, end, 1, of->fins);
    WRITE(to->rst, at, many(c, end, 2, of->rsts));
    to->side_seq[at] = of->first_seq;
    to->side_next[at] = of->next;
    to->side_heard[at] = of->last_ack != c->first_ack;
    to->side_opened[at] = (of->known & OPENED_BY_SYN) != 0;
    to->word_time[at] = of->word_time;
    to->word_size[at] = of->word_size;
    const struct connection *k = c;
    int first = side && c->seen > 1;
    to->opening_flags[at] = k->first[first].flags;
    to->opening_side[at] = k->first[first].end ^ c->originator;
    to->opening_ttl[at] = k->first[first].ttl;
    to->opening_marks[at] = k->first[first].marks;
  }
}

static void fill_row(struct engine *e, struct table *t, const struct connection *c, struct columns *to, uint32_t row) {
  fill_pairs(c, to, row);
  WRITE(to->scope, row, (int32_t)c->scope);
  WRITE(to->first_ack, row, c->first_ack);
  to->first_number[row] = c->first_number;
  to->first_time[row] = c->first_time;
  to->last_time[row] = c->last_time;
  WRITE(to->lowest_off, row, apart(c->lowest_time, c->first_time));
  WRITE(to->highest_off, row, apart(c->highest_time, c->last_time));
  to->longest_gap_ns[row] = c->longest_gap;
  to->rtt_ns[row] = c->rtt;
  to->first_fin[row] = c->first_fin ^ (c->first_fin ? c->originator : 0);
  WRITE(to->first_rst, row, c->first_rst ^ (c->first_rst ? c->originator : 0));
  to->complete_handshake[row] = (c->flags & HAS_COMPLETE) != 0;
  to->answer[row] = answer_of(&c->sides[!c->originator]);
  WRITE(to->place, row, (int8_t)c->place);
  to->word[row] = (int32_t)word_of(e, t, c);
}

static void fill_rare(const struct connection *c, struct columns *to, uint64_t row, uint64_t rare) {
  to->rare_row[rare] = (int64_t)row;
  to->copies[rare] = (int64_t)c->rare->copies;
  for (int i = 0; i < RARE_COUNTS; i++)
    for (int side = 0; side < 2; side++)
      to->rare_counts[(rare * RARE_COUNTS + (uint64_t)i) * 2 + (uint64_t)side] =
        (int64_t)c->rare->counts[side ^ c->originator][i];
  for (int side = 0; side < 2; side++)
    to->missing[rare * 2 + (uint64_t)side] = (uint8_t)holes_acknowledged(c, side ^ c->originator);
}

/* LONG; the event is kept apart. */
static uint32_t keep_long(struct engine *e, struct table *t, const struct event *event, uint64_t row) {
  if (t->long_count == t->long_room) {
    size_t room = t->long_room ? 2 * t->long_room : 256;
    struct long_event *more = realloc(t->longs, room * sizeof *more);
    if (!more) return e->out_of_memory = 1, LONG;
    t->longs = more;
    t->long_room = room;
  }
  t->longs[t->long_count++] = (struct long_event){row, event->time, event->gap};
  return LONG;
}

static int is_short(int64_t span) { return span >= 0 && span < LONG; }

static uint64_t fill_events(struct engine *e, struct table *t, const struct connection *c, struct columns *to, uint64_t at) {
  size_t n = events_folded(c, t->room);
  for (size_t i = 0; i < n; i++, at++) {
    to->event_code[at] = t->room[i].code;
    to->event_number[at] = t->room[i].number;
    WRITE(to->event_number_above, at, t->room[i].number_above);
    int64_t since = (int64_t)((uint64_t)t->room[i].time - (uint64_t)c->first_time), gap = t->room[i].gap;
    int near = is_short(since) && is_short(gap);
    to->event_since[at] = near ? (uint32_t)since : keep_long(e, t, &t->room[i], at);
    to->event_gap[at] = near ? (uint32_t)gap : LONG;
    int alone = (t->room[i].code & KIND_MASK) == KIND_RST && !c->sides[t->room[i].code >> 15 ^ c->originator].ttl_first;
    WRITE(to->event_alone_ttl, at, (uint8_t)(alone ? t->room[i].size : 0));
  }
  return at;
}

static uint64_t filled(struct engine *e, struct table *t, struct columns *to, int spend) {
  uint64_t events = 0, rare = 0;
  e->words_size = 0;
  t->long_count = 0;
  for (uint32_t row = 0; row < t->count; row++) {
    const struct connection *c = row_of(e, t, row);
    if (!c) {
      e->out_of_memory = 1;
      return 0;
    }
    fill_row(e, t, c, to, row);
    if (c->rare) fill_rare(c, to, row, rare++);
    to->event_first[row] = (int64_t)events;
    events = fill_events(e, t, c, to, events);
    if (!spend) continue;
    store_release(e->store, t->order ? t->order[row] : row);
    if (t->order && row % GIVEN_BACK == 0) store_give_back(e->store, e->connections);
  }
  to->event_first[t->count] = (int64_t)events;
  return events;
}

/* Fill the columns, which have room for `sizes`; how many events there are. */
API uint64_t table_fill(struct engine *e, struct table *t, struct columns *to) { return filled(e, t, to, 0); }

/* The same, for the last time: each connection is given back with its row. The engine takes nothing any more. */
API uint64_t table_fill_last(struct engine *e, struct table *t, struct columns *to) {
  e->spent = 1;
  forget_ends(e);
  uint64_t events = filled(e, t, to, 1);
  store_free(e->store, e->connections);
  e->store = NULL;
  e->connections = 0;
  return events;
}

/* The distinct "history conn_state" of the last table, a line each. */
API const char *engine_words(const struct engine *e, size_t *size) {
  *size = e->words_size;
  return e->words;
}

API const uint8_t *engine_v6(const struct engine *e, size_t *count) {
  *count = e->v6_count;
  return e->v6 ? e->v6[0] : NULL;
}

API const char *engine_scopes(const struct engine *e, size_t *count) {
  *count = e->scope_count;
  return e->scopes[0].vlan;
}

API const struct quoted *engine_quoted(const struct engine *e, size_t *count) {
  *count = e->quoted_count;
  return e->quoted;
}

API void engine_totals(const struct engine *e, struct totals *to) {
  *to = (struct totals){e->packets, e->tcp_packets, e->copies, e->quoted_over, e->connections, e->first_time, e->last_time,
                        (uint64_t)e->out_of_memory};
}

API const struct long_event *table_longs(const struct table *t, size_t *count) {
  *count = t->long_count;
  return t->longs;
}
