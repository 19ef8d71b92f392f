/* Segments wait for a few others before they are taken, so that the memory which each will need is fetched meanwhile:
 * its connection is one of a hundred thousand, and nothing else tells the processor which. Where few have packets at a
 * time, all is in the cache, and they do not wait. */
#include "engine_state.h"

enum { SOON = 8, LINE = 64, LINES = 8 }; /* segments between the two fetches; of a connection, what most packets touch */
#ifndef IN_CACHE
#define IN_CACHE 256 /* connections; a test has all segments wait */
#endif

#if defined(__GNUC__)
#define FETCH(at) __builtin_prefetch(at)
#else
#define FETCH(at) (void)(at)
#endif

/* The slot has come: it tells the connection. */
static void fetch_connection(const struct engine *e, const struct arrival *arrival) {
  uint32_t at_slot = first_slot(e, arrival->by.key);
  while (e->tags[at_slot] && e->tags[at_slot] != tag_of(arrival->by.key)) at_slot = (at_slot + 1) & e->mask;
  if (!e->tags[at_slot]) return;
  const char *at = (const char *)connection_head(e, e->slots[at_slot] - 1);
  for (int line = 0; line < LINES; line++) FETCH(at + LINE * line);
}

static void take_first(struct engine *e) {
  const struct arrival *first = &e->waiting[e->first_waiting];
  e->first_waiting = (e->first_waiting + 1) & (AHEAD - 1);
  e->count_waiting--;
  segment_in(e, &first->segment, &first->by);
  store_trim(e->store, e->connections);
}

/* Its print is left open. */
struct sought find_by(struct engine *e, const struct segment *s) {
  struct sought by = {.print = 0};
  by.keys[0] = address_key(e, s->src, src_family(s));
  by.keys[1] = address_key(e, s->dst, dst_family(s));
  by.key = key_of(e, by.keys, s->sport, s->dport, s->scope);
  return by;
}

void engine_segment_in(struct engine *e, const struct segment *segment) {
  if (e->spent) return;
  if (e->collecting) {
    collect(e, segment);
    return;
  }
  if (e->batch) {
    hand_on(e, segment);
    return;
  }
  struct sought by = find_by(e, segment);
  by.print = packet_print(segment, by.key);
  const char *recent = recent_packet_place(e->recent, by.print);
  FETCH(recent);
  FETCH(recent + RECENT_PACKET_BYTES - 1);
  int cached = e->store->most_hot <= IN_CACHE && recent_packets_are_few(e->recent);
  if (cached && !e->count_waiting && !e->trace.is_on) {
    segment_in(e, segment, &by);
    store_trim(e->store, e->connections);
    return;
  }
  if (e->count_waiting == AHEAD) take_first(e);
  struct arrival *new = &e->waiting[(e->first_waiting + e->count_waiting++) & (AHEAD - 1)];
  new->segment = *segment;
  new->segment.traced = e->trace.is_on ? trace_add(e, segment) : 0;
  new->by = by;
  FETCH(&e->slots[first_slot(e, by.key)]);
  FETCH(&e->tags[first_slot(e, by.key)]);
  if (e->count_waiting > SOON)
    fetch_connection(e, &e->waiting[(e->first_waiting + e->count_waiting - 1 - SOON) & (AHEAD - 1)]);
}

void engine_flush(struct engine *e) {
  while (e->count_waiting) take_first(e);
}
