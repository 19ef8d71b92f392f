/* Events, of which most come soon after the one before and take up where their side left off. */
#include <string.h>

#include "packing.h"

enum { HAS_GAP = 1, HAS_END = 2, IS_WHOLE = 4 };

/* What all have; then the gap and the end, where they are not what is to be expected. Where this is not enough room the
 * event follows as it is. */
struct brief {
  uint32_t since; /* ns since the event before */
  uint16_t number, size, code;
  uint8_t kept, form;
};
_Static_assert(sizeof(struct brief) + 8 + sizeof(struct event) == MOST_EVENT_BYTES, "as packing.h says");

/* What came before, of each side. */
struct trail {
  uint64_t time, number;
  uint32_t end[2];
};

static struct trail trail_of(const struct connection *c) {
  return (struct trail){(uint64_t)c->first_time, c->first_number, {c->sides[0].next, c->sides[1].next}};
}

static void go_on(struct trail *trail, const struct event *e) {
  trail->time = (uint64_t)e->time;
  trail->number = event_number(e);
  trail->end[e->code >> 15] = e->end;
}

static uint8_t *write_event(const struct event *e, struct trail *trail, uint8_t *out) {
  uint64_t since = (uint64_t)e->time - trail->time, number = event_number(e) - trail->number;
  uint32_t gap = (uint32_t)e->gap, end = e->end - trail->end[e->code >> 15] - e->size;
  unsigned form = (gap != (uint32_t)since ? HAS_GAP : 0) | (end ? HAS_END : 0);
  if (since >> 32 || (uint64_t)e->gap >> 32 || number >> 16 || e->size >> 16) form = IS_WHOLE;
  struct brief brief = {(uint32_t)since, (uint16_t)number, (uint16_t)e->size, e->code, e->kept, (uint8_t)form};
  memcpy(out, &brief, sizeof brief);
  out += sizeof brief;
  go_on(trail, e);
  if (form == IS_WHOLE) {
    memcpy(out, e, sizeof *e);
    return out + sizeof *e;
  }
  memcpy(out, &gap, sizeof gap); /* without a branch, which would be guessed wrong too often */
  out += form & HAS_GAP ? sizeof gap : 0;
  memcpy(out, &end, sizeof end);
  return out + (form & HAS_END ? sizeof end : 0);
}

static const uint8_t *read_event(const uint8_t *in, struct trail *trail, struct event *e) {
  struct brief brief;
  uint32_t gap, end;
  memcpy(&brief, in, sizeof brief);
  in += sizeof brief;
  if (brief.form == IS_WHOLE) {
    memcpy(e, in, sizeof *e);
    go_on(trail, e);
    return in + sizeof *e;
  }
  memcpy(&gap, in, sizeof gap);
  in += brief.form & HAS_GAP ? sizeof gap : 0;
  memcpy(&end, in, sizeof end);
  uint64_t number = trail->number + brief.number;
  *e = (struct event){
    .time = (int64_t)(trail->time + brief.since),
    .gap = brief.form & HAS_GAP ? gap : brief.since,
    .end = trail->end[brief.code >> 15] + brief.size + (brief.form & HAS_END ? end : 0),
    .size = brief.size,
    .number = (uint32_t)number,
    .number_above = (uint8_t)(number >> 32),
    .kept = brief.kept,
    .code = brief.code,
  };
  go_on(trail, e);
  return in + (brief.form & HAS_END ? sizeof end : 0);
}

/* Up to EVENT_SLACK bytes beyond the end are written. */
uint8_t *write_events(const struct connection *c, uint8_t *out) {
  struct trail trail = trail_of(c);
  for (uint32_t i = 0; i < c->count; i++) out = write_event(&c->events[i], &trail, out);
  return out;
}

/* Up to EVENT_SLACK bytes beyond the end are read. */
void read_events(const struct connection *c, const uint8_t *in, struct event *events) {
  struct trail trail = trail_of(c);
  for (uint32_t i = 0; i < c->count; i++) in = read_event(in, &trail, &events[i]);
}
