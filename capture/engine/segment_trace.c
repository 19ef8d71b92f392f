/* Each segment of a capture as one record, for those who compare two captures packet by packet (capture/points). */
#include <stdlib.h>
#include <string.h>

#include "engine_state.h"

enum { HEAD = 32 }; /* bytes of payload that two captures of any snaplen can be compared by */

/* Not 0, which says that it is not known. */
static uint32_t sum(const uint8_t *at, uint32_t size) {
  uint64_t h = 0x9E3779B97F4A7C15u ^ size, word;
  for (; size >= 8; size -= 8, at += 8) {
    memcpy(&word, at, 8);
    h = (h ^ word) * 0xFF51AFD7ED558CCDu;
    h ^= h >> 32;
  }
  word = 0;
  memcpy(&word, at, size);
  h = (h ^ word) * 0xC4CEB9FE1A85EC53u;
  return (uint32_t)(h >> 32) | 1;
}

API void engine_trace(struct engine *e) { e->trace.is_on = 1; }

/* The record of a segment as the headers give it; its number among the records, from 1, or 0 where none is kept. */
uint32_t trace_add(struct engine *e, const struct segment *s) {
  struct trace *t = &e->trace;
  if (t->count == UINT32_MAX - 1) return 0;
  if (t->count == t->room) {
    uint64_t room = t->room ? t->room + t->room / 2 : 4096;
    struct traced *more = realloc(t->rows, room * sizeof *more);
    if (!more) return e->out_of_memory = 1, 0;
    t->rows = more;
    t->room = room;
  }
  uint32_t head = s->payload < HEAD ? s->payload : HEAD;
  t->rows[t->count++] = (struct traced){
    .number = s->number, .time = s->time, .seq = s->seq, .ack = s->ack, .payload = s->payload, .tsval = s->tsval,
    .head = s->data && s->captured >= head ? sum(s->data, head) : 0,
    .whole = s->data && s->captured == s->payload ? sum(s->data, s->payload) : 0,
    .connection = UINT32_MAX, .flags = s->flags, .window = s->window, .mss = s->mss, .ip_id = s->ip_id,
    .marks = s->marks, .wscale = s->wscale, .ttl = s->ttl, .direction = s->direction, .interface = s->interface};
  return (uint32_t)t->count;
}

void trace_joins(struct engine *e, uint32_t row, uint32_t connection, int side, uint16_t tags) {
  struct traced *at = &e->trace.rows[row - 1];
  at->connection = connection;
  at->side = (uint8_t)side;
  at->tags = tags;
}

/* All records, in order; sides are roles now. Asked once, when all bytes were fed. */
API uint64_t engine_traced(struct engine *e, const struct traced **rows) {
  if (!settle(e, NULL)) e->out_of_memory = 1;
  uint8_t *changed = roles_begun_before(e), *flip = calloc(e->connections ? e->connections : 1, 1);
  struct view view = {0};
  if (!flip) e->out_of_memory = 1;
  for (uint32_t i = 0; flip && i < e->connections; i++) {
    const struct connection *c = store_view(e->store, i, &view);
    flip[i] = c ? c->originator ^ (changed ? changed[i] : 0) : 0;
  }
  view_end(&view);
  for (uint64_t i = 0; flip && i < e->trace.count; i++)
    if (e->trace.rows[i].connection < e->connections) e->trace.rows[i].side ^= flip[e->trace.rows[i].connection];
  free(changed);
  free(flip);
  *rows = e->trace.rows;
  return e->trace.count;
}

/* The number of each connection's first packet, by the numbers that records have: room for as many as there are. */
API void engine_first_numbers(const struct engine *e, uint64_t *first) {
  for (uint32_t i = 0; i < e->connections; i++) first[i] = connection_head(e, i)->first_number;
}
