/* Captures of one network that overlap in time: their segments are collected, and taken in order of time. */
#include <stdlib.h>

#include "engine_state.h"

struct collected {
  struct segment segment;
  uint64_t place; /* among all: of equal times the earlier one comes first */
};

static int by_time(const void *a, const void *b) {
  const struct collected *x = a, *y = b;
  if (x->segment.time != y->segment.time) return x->segment.time < y->segment.time ? -1 : 1;
  return x->place < y->place ? -1 : x->place > y->place;
}

API void engine_collect(struct engine *e) { e->collecting = 1; }

void collect(struct engine *e, const struct segment *segment) {
  if (e->collected_count == e->collected_room) {
    size_t room = e->collected_room ? 2 * e->collected_room : 1024;
    struct collected *more = realloc(e->collected, room * sizeof *more);
    if (!more) {
      e->out_of_memory = 1;
      return;
    }
    e->collected = more;
    e->collected_room = room;
  }
  struct collected *to = &e->collected[e->collected_count];
  to->segment = without_payload(segment);
  to->place = e->collected_count++;
}

/* Take what was collected; what comes from now on is taken at once. */
API void engine_merge(struct engine *e) {
  e->collecting = 0;
  if (e->collected_count) qsort(e->collected, e->collected_count, sizeof *e->collected, by_time);
  for (size_t i = 0; i < e->collected_count; i++) engine_segment_in(e, &e->collected[i].segment);
  engine_flush(e);
  free(e->collected);
  e->collected = NULL;
  e->collected_count = e->collected_room = 0;
}
