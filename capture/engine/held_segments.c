/* Segments whose meaning shows by what follows are held back until it does. Connections that they are held back for are
 * never packed: there is no need of memory to come to them. */
#include <stdlib.h>
#include <string.h>

#include "engine_state.h"

/* What a table was asked of while segments were held back: how it was before. */
struct undo {
  struct undo *next;
  uint32_t connection, connections;
  struct connection saved;
};

static int keep(struct held *h, const struct segment *s) {
  if (h->count == h->room) {
    uint32_t room = h->room ? h->room * 2 : 4;
    struct segment *more = realloc(h->segments, room * sizeof *more);
    if (!more) return 0;
    h->segments = more;
    h->room = room;
  }
  h->segments[h->count] = without_payload(s);
  h->count++;
  return 1;
}

static void forget(struct engine *e, struct connection *c) {
  uint32_t place = c->pending - 1u;
  c->pending = 0;
  e->held[place] = e->held[--e->held_count];
  if (place < e->held_count) connection_at(e, e->held[place]->connection)->pending = (uint16_t)(place + 1);
}

static void release(struct held *h) {
  free(h->segments);
  free(h);
}

static void keys_of(struct engine *e, const struct segment *s, int64_t keys[2]) {
  keys[0] = address_key(e, s->src, src_family(s));
  keys[1] = address_key(e, s->dst, dst_family(s));
}

static void act(struct engine *e, struct found at, enum outcome what, const struct segment *s, const int64_t keys[2]);

/* What the first of them is has been decided: take them all. */
static void resume(struct engine *e, struct held *h, enum outcome what) {
  for (uint32_t i = 0; i < h->count; i++) {
    const struct segment *s = &h->segments[i];
    int64_t keys[2];
    keys_of(e, s, keys);
    struct found at = found_at(e, slot_of(e, keys, s->sport, s->dport, s->scope), s, keys);
    if (!at.c) e->out_of_memory = 1;
    else if (i) arrive(e, at, s, keys);
    else act(e, at, what, s, keys);
  }
  release(h);
}

static void hold_on(struct engine *e, struct connection *c, const struct segment *s) {
  struct held *h = e->held[c->pending - 1];
  if (!keep(h, s)) e->out_of_memory = 1;
  enum outcome what = decided(h->waits, &c->sides[h->side], h->segments, h->count, e->settling || e->out_of_memory);
  if (what == h->waits) return;
  forget(e, c);
  resume(e, h, what);
}

/* Hold a segment back; 0 where that cannot be. */
static int hold(struct engine *e, uint32_t index, enum outcome waits, const struct segment *s, int side) {
  struct held *h = e->settling || e->held_count == MOST_HELD ? NULL : calloc(1, sizeof *h);
  if (!h || !keep(h, s)) {
    if (!e->settling && e->held_count < MOST_HELD) e->out_of_memory = 1;
    return free(h), 0;
  }
  h->connection = index;
  h->waits = waits;
  h->side = side;
  e->held[e->held_count++] = h;
  connection_at(e, index)->pending = (uint16_t)e->held_count;
  return 1;
}

static void act(struct engine *e, struct found at, enum outcome what, const struct segment *s, const int64_t keys[2]) {
  uint32_t index = *at.slot - 1;
  struct connection *c = at.c;
  int side = at.side;
  if (what >= WAITS_ANSWER) {
    if (hold(e, index, what, s, side)) return;
    what = decided(what, &c->sides[side], s, 1, 1);
  }
  if (what == JOINS && s->flags & SYN) { /* it belongs: but to the stream? */
    what = opens_again(c, s, side);
    if (what != JOINS) {
      if (hold(e, index, what, s, side)) return;
      what = decided(what, &c->sides[side], s, 1, 1);
    }
  }
  if (what == STARTS) {
    if (!(c = connection_new(e, s, keys))) return;
    index = e->connections - 1;
    *at.slot = index + 1;
    side = 0;
  }
  if (what == AFRESH) connection_forget_opening(c, side);
  take(e, index, c, s, side, what == ALIEN);
}

/* It may begin another connection or belong to none, or others wait before it. */
void arrive_where_it_matters(struct engine *e, struct found at, enum outcome what, const struct segment *s, const int64_t keys[2]) {
  if (at.c->pending) hold_on(e, at.c, s);
  else if (s->marks & MARK_SAME_AS_BEFORE) take(e, *at.slot - 1, at.c, s, at.side, 0);
  else act(e, at, what, s, keys);
}

/* NULL where there is no memory. */
static struct held *held_copied(const struct held *h) {
  struct held *copy = malloc(sizeof *copy);
  if (!copy) return NULL;
  *copy = *h;
  copy->room = h->count;
  copy->segments = malloc(h->count * sizeof *h->segments);
  if (!copy->segments) return free(copy), NULL;
  memcpy(copy->segments, h->segments, h->count * sizeof *h->segments);
  return copy;
}

/* Note how a connection is, which goes on as a copy; NULL where there is no memory. */
static struct undo *undo_new(const struct engine *e, uint32_t index, struct connection *c, struct undo *next) {
  struct undo *u = malloc(sizeof *u);
  struct connection copy;
  if (!u || !connection_copied(c, &copy)) return free(u), NULL;
  *u = (struct undo){next, index, e->connections, *c};
  *c = copy;
  return u;
}

/* What is held back is decided by a copy of it, which is returned; NULL where there is no memory. */
static struct held *copied_to_undo(const struct engine *e, const struct held *h, struct connection *c, struct undo **undo) {
  struct held *copy = held_copied(h);
  struct undo *u = copy ? undo_new(e, h->connection, c, *undo) : NULL;
  if (!u) {
    if (copy) release(copy);
    return NULL;
  }
  *undo = u;
  c->pending = 0;
  return copy;
}

int settle(struct engine *e, struct undo **undo) {
  uint32_t waiting = e->held_count;
  struct held **all = malloc((waiting ? waiting : 1) * sizeof *all);
  if (!all) return 0;
  memcpy(all, e->held, waiting * sizeof *all);
  e->settling = 1;
  for (uint32_t i = 0; i < waiting; i++) {
    struct held *h = all[i];
    struct connection *c = connection_at(e, h->connection);
    if (!undo) forget(e, c);
    else h = copied_to_undo(e, h, c, undo);
    if (h) resume(e, h, decided(h->waits, &c->sides[h->side], h->segments, h->count, 1));
    else e->out_of_memory = 1; /* it is left out */
  }
  e->settling = 0;
  free(all);
  return 1;
}

void unsettle(struct engine *e, struct undo *undo) {
  while (undo) {
    struct undo *next = undo->next;
    struct connection *c = connection_at(e, undo->connection);
    uint32_t *slot = slot_of(e, c->address, c->port[0], c->port[1], c->scope);
    while (e->connections > undo->connections) store_drop(e->store, --e->connections);
    connection_end(c);
    *c = undo->saved;
    *slot = undo->connection + 1;
    free(undo);
    undo = next;
  }
}

void undo_free(struct undo *undo) {
  while (undo) {
    struct undo *next = undo->next;
    connection_end(&undo->saved);
    free(undo);
    undo = next;
  }
}

void held_free(struct engine *e) {
  while (e->held_count) release(e->held[--e->held_count]);
}
