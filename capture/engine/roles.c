/* Roles where the capture began later: neither a SYN nor a SYN,ACK of these connections was captured.
 *
 * The first packet's sender, or the other where its port is less of a server's, is the originator at first. Who
 * answers SYNs in other connections, or has many peers, is the responder: that needs the whole table, so it is asked
 * when the table is. */
#include <stdlib.h>

#include "engine_state.h"

enum { MANY_PEERS = 3, SERVER_PORTS = 1024 };

struct end {
  int64_t address;
  uint32_t serves, peers; /* connections that it answered; that it is an end of */
  uint16_t port;
  uint8_t used;
};

struct ends {
  struct end *slots;
  uint64_t mask, seed;
};

static struct end *end_at(const struct ends *ends, const struct connection *c, int which) {
  uint64_t at = mixed(mixed(ends->seed, (uint64_t)c->address[which]), c->port[which]) >> 20 & ends->mask;
  struct end *end = &ends->slots[at];
  while (end->used && (end->address != c->address[which] || end->port != c->port[which]))
    end = &ends->slots[at = (at + 1) & ends->mask];
  return end;
}

static void count(const struct ends *ends, const struct connection *c) {
  for (int which = 0; which < 2; which++) {
    struct end *end = end_at(ends, c, which);
    end->address = c->address[which];
    end->port = c->port[which];
    end->used = 1;
    end->peers++;
    end->serves += c->role != ROLE_GUESSED && which != c->originator;
  }
}

/* Whether the originator is another one than was guessed. */
static uint8_t flips(const struct ends *ends, const struct connection *c) {
  const struct end *a = end_at(ends, c, 0), *b = end_at(ends, c, 1);
  int originator = c->originator, undecided = (c->port[0] < SERVER_PORTS) == (c->port[1] < SERVER_PORTS);
  if (undecided && a->peers != b->peers && (a->peers >= MANY_PEERS || b->peers >= MANY_PEERS))
    originator = a->peers > b->peers;
  if (a->serves != b->serves) originator = a->serves > b->serves; /* this has the last word */
  return originator != c->originator;
}

/* A byte for each connection, 1 where its roles are to be changed; NULL where none are. */
uint8_t *roles_begun_before(struct engine *e) {
  if (!e->unopened || e->connections < 2) return NULL;
  struct ends ends = {NULL, 1023, e->seed};
  while (ends.mask < 4u * (uint64_t)e->connections) ends.mask = ends.mask * 2 + 1;
  ends.slots = calloc(ends.mask + 1, sizeof *ends.slots);
  uint8_t *changed = calloc(e->connections, 1);
  struct view view = {0};
  if (!ends.slots || !changed) e->out_of_memory = 1;
  for (uint32_t i = 0; ends.slots && changed && i < e->connections; i++) {
    const struct connection *c = store_view(e->store, i, &view);
    if (c) count(&ends, c);
    else e->out_of_memory = 1;
  }
  for (uint32_t i = 0; ends.slots && changed && i < e->connections; i++) {
    const struct connection *c = store_view(e->store, i, &view);
    if (c && c->role == ROLE_GUESSED) changed[i] = flips(&ends, c);
  }
  view_end(&view);
  free(ends.slots);
  return changed;
}
