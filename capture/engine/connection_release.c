/* Connections that were reported leave the memory: a capture may be followed for weeks. */
#include <stdlib.h>
#include <string.h>

#include "engine_state.h"

static const int64_t V6_KEYS = (int64_t)1 << 32;

static int holds(const uint64_t *numbers, size_t count, uint64_t number) {
  size_t low = 0, high = count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (numbers[middle] < number) low = middle + 1;
    else high = middle;
  }
  return low < count && numbers[low] == number;
}

/* Which index each connection will have; how many stay. Those that segments are held back for stay. */
static uint32_t number_anew(const struct engine *e, const uint64_t *numbers, size_t count, uint32_t *becomes) {
  uint32_t stay = 0;
  for (uint32_t i = 0; i < e->connections; i++)
    becomes[i] = holds(numbers, count, connection_head(e, i)->first_number) ? GONE : 0;
  for (uint32_t i = 0; i < e->held_count; i++) becomes[e->held[i]->connection] = 0;
  for (uint32_t i = 0; i < e->connections; i++)
    if (becomes[i] != GONE) becomes[i] = stay++;
  return stay;
}

/* IPv6 addresses that no connection has any more go: `moved` is 1 for those that stay, and becomes their new index + 1. */
static void forget_addresses(struct engine *e, uint32_t *moved) {
  uint32_t stay = 0;
  for (uint32_t i = 0; i < e->connections; i++)
    for (int end = 0; end < 2; end++)
      if (connection_head(e, i)->address[end] >= V6_KEYS) moved[connection_head(e, i)->address[end] - V6_KEYS] = 1;
  for (uint32_t i = 0; i < e->v6_count; i++) {
    if (!moved[i]) continue;
    memmove(e->v6[stay], e->v6[i], sizeof *e->v6);
    moved[i] = ++stay;
  }
  e->v6_count = stay;
  v6_find_anew(e);
  for (uint32_t i = 0; i < e->connections; i++) {
    struct connection *c = (struct connection *)connection_head(e, i); /* this part is no other when packed */
    for (int end = 0; end < 2; end++)
      if (c->address[end] >= V6_KEYS) c->address[end] = V6_KEYS + moved[c->address[end] - V6_KEYS] - 1;
  }
}

/* Ends whose latest connection stays are found by it. */
static void find_anew(struct engine *e, const uint32_t *becomes, uint32_t *slots, uint8_t *tags) {
  for (uint32_t i = 0; i <= e->mask; i++) {
    if (!e->slots[i] || becomes[e->slots[i] - 1] == GONE) continue;
    uint32_t index = becomes[e->slots[i] - 1];
    const struct connection *c = connection_head(e, index);
    uint64_t key = key_of(e, c->address, c->port[0], c->port[1], c->scope);
    uint32_t at = first_slot(e, key);
    while (tags[at]) at = (at + 1) & e->mask;
    slots[at] = index + 1;
    tags[at] = tag_of(key);
  }
  free(e->slots);
  free(e->tags);
  e->slots = slots;
  e->tags = tags;
}

/* Forget the connections that begin with these packet numbers (sorted). Packets of theirs that come later begin others.
 * -1 where there is no memory to do so: then all stay. */
API int engine_forget(struct engine *e, const uint64_t *numbers, size_t count) {
  engine_flush(e);
  if (e->spent || e->watched.count || !count) return 0;
  uint32_t *becomes = malloc(((size_t)e->connections + 1) * sizeof *becomes);
  uint32_t *moved = calloc((size_t)e->v6_count + 1, sizeof *moved);
  uint32_t *slots = calloc((size_t)e->mask + 1, sizeof *slots);
  uint8_t *tags = calloc((size_t)e->mask + 1, sizeof *tags);
  if (!becomes || !moved || !slots || !tags) return free(becomes), free(moved), free(slots), free(tags), -1;
  uint32_t stay = number_anew(e, numbers, count, becomes);
  store_forget(e->store, becomes, e->connections);
  e->connections = stay;
  for (uint32_t i = 0; i < e->held_count; i++) e->held[i]->connection = becomes[e->held[i]->connection];
  forget_addresses(e, moved);
  find_anew(e, becomes, slots, tags);
  free(becomes);
  free(moved);
  return 0;
}
