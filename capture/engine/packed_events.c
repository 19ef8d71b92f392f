/* Events, of which most come soon after the one before and take up where their side left off. */
#include <string.h>

#include "packing.h"

/* What all have; then, in as many bytes as its form says, the time and the packets since the event before, the size, and
 * the gap and the end where they are not what is to be expected. Where this is not enough room the event follows as it is. */
struct brief {
  uint16_t code;
  uint8_t kept, form;
};
enum { SINCE_4 = 1, NUMBER_2 = 2, SIZE_2 = 4, HAS_GAP = 8, HAS_END = 16, IS_WHOLE = 32 };
enum { MOST_BRIEF_BYTES = sizeof(struct brief) + 4 + 2 + 2 + 4 + 4 };
_Static_assert(MOST_BRIEF_BYTES + sizeof(struct event) == MOST_EVENT_BYTES, "as packing.h says");

/* What came before, of each side. It begins with what packing leaves as it is. */
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

/* The lowest `size` bytes of a number; all four are written and read, without a branch, which would be guessed wrong too
 * often. */
static uint8_t *write_low(uint8_t *out, uint32_t number, size_t size) {
  out[0] = (uint8_t)number, out[1] = (uint8_t)(number >> 8), out[2] = (uint8_t)(number >> 16), out[3] = (uint8_t)(number >> 24);
  return out + size;
}

static uint32_t read_low(const uint8_t **in, size_t size) {
  const uint8_t *at = *in;
  uint32_t number = at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
  *in += size;
  return (uint32_t)(number & (((uint64_t)1 << 8 * size) - 1));
}

static uint8_t *write_event(const struct event *e, struct trail *trail, uint8_t *out) {
  uint64_t since = (uint64_t)e->time - trail->time, number = event_number(e) - trail->number;
  uint32_t gap = (uint32_t)e->gap, end = e->end - trail->end[e->code >> 15] - e->size;
  unsigned form = (since >> 24 ? SINCE_4 : 0) | (number >> 8 ? NUMBER_2 : 0) | (e->size >> 8 ? SIZE_2 : 0) |
                  (gap != (uint32_t)since ? HAS_GAP : 0) | (end ? HAS_END : 0);
  if (since >> 32 || (uint64_t)e->gap >> 32 || number >> 16 || e->size >> 16) form = IS_WHOLE;
  const struct brief brief = {e->code, e->kept, (uint8_t)form};
  memcpy(out, &brief, sizeof brief);
  out += sizeof brief;
  go_on(trail, e);
  if (form == IS_WHOLE) {
    memcpy(out, e, sizeof *e);
    return out + sizeof *e;
  }
  out = write_low(out, (uint32_t)since, form & SINCE_4 ? 4 : 3);
  out = write_low(out, (uint32_t)number, form & NUMBER_2 ? 2 : 1);
  out = write_low(out, e->size, form & SIZE_2 ? 2 : 1);
  out = write_low(out, gap, form & HAS_GAP ? 4 : 0);
  return write_low(out, end, form & HAS_END ? 4 : 0);
}

static const uint8_t *read_event(const uint8_t *in, struct trail *trail, struct event *e) {
  struct brief brief;
  memcpy(&brief, in, sizeof brief);
  in += sizeof brief;
  if (brief.form == IS_WHOLE) {
    memcpy(e, in, sizeof *e);
    go_on(trail, e);
    return in + sizeof *e;
  }
  uint32_t since = read_low(&in, brief.form & SINCE_4 ? 4 : 3);
  uint64_t number = trail->number + read_low(&in, brief.form & NUMBER_2 ? 2 : 1);
  uint32_t size = read_low(&in, brief.form & SIZE_2 ? 2 : 1);
  uint32_t gap = read_low(&in, brief.form & HAS_GAP ? 4 : 0), end = read_low(&in, brief.form & HAS_END ? 4 : 0);
  *e = (struct event){
    .time = (int64_t)(trail->time + since),
    .gap = brief.form & HAS_GAP ? gap : since,
    .end = trail->end[brief.code >> 15] + size + end,
    .size = size,
    .number = (uint32_t)number,
    .number_above = (uint8_t)(number >> 32),
    .kept = brief.kept,
    .code = brief.code,
  };
  go_on(trail, e);
  return in;
}

/* Up to EVENT_SLACK bytes beyond the end are written. */
uint8_t *write_events(const struct connection *c, const struct event *events, uint8_t *out) {
  struct trail trail = trail_of(c);
  for (uint32_t i = 0; i < c->count; i++) out = write_event(&events[i], &trail, out);
  return out;
}

/* Up to EVENT_SLACK bytes beyond the end are read. */
void read_events(const struct connection *c, const uint8_t *in, struct event *events) {
  struct trail trail = trail_of(c);
  for (uint32_t i = 0; i < c->count; i++) in = read_event(in, &trail, &events[i]);
}
