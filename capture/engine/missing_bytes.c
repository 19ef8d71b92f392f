/* What the capture lacks: places of a side's stream that it passed over, and of those the ones that the peer acknowledged
 * all the same (where it has no packet of the peer, all). A segment that comes late fills its hole, so that neither
 * reordering nor repetition counts as missing. */
#include <string.h>

#include "connection.h"

enum { FARTHEST = 1 << 28 }; /* an ACK so far ahead speaks of no segment */

static int is_acknowledged(const struct connection *c, int end, int64_t from) {
  const struct side *peer = &c->sides[!end];
  return !peer->packets || (peer->known & KNOWS_ACKED && ahead(peer->acked, (uint32_t)from) > 0);
}

static void add(struct connection *c, int end, int64_t from, int64_t to) {
  struct rare *rare = rare_of(c);
  if (!rare || from >= to) return;
  if (rare->hole_count[end] == HOLES) {
    if (is_acknowledged(c, end, rare->holes[end][0].from)) rare->known[end] |= LACKS_A_HOLE;
    memmove(rare->holes[end], rare->holes[end] + 1, (HOLES - 1) * sizeof *rare->holes[end]);
    rare->hole_count[end]--;
  }
  rare->holes[end][rare->hole_count[end]].from = from;
  rare->holes[end][rare->hole_count[end]++].to = to;
}

static void fill(struct connection *c, int end, int64_t from, int64_t to) {
  struct rare *rare = c->rare;
  for (int i = rare->hole_count[end]; i-- > 0;) {
    int64_t begins = rare->holes[end][i].from, ends = rare->holes[end][i].to;
    if (to <= begins || from >= ends) continue;
    memmove(rare->holes[end] + i, rare->holes[end] + i + 1, (size_t)(--rare->hole_count[end] - i) * sizeof *rare->holes[end]);
    add(c, end, begins, from);
    add(c, end, to, ends);
  }
}

/* A segment, before its side's span is stretched by it. */
void holes_take(struct look *look, int64_t position, int64_t end) {
  const struct side *own = look->own;
  if (!(own->known & KNOWS_SPAN)) return;
  if (position > own->high) add(look->c, look->side, own->high, position);
  else if (look->c->rare && look->c->rare->hole_count[look->side]) fill(look->c, look->side, position, end);
}

/* An ACK that goes further than what its peer was seen to send. */
void holes_ack(struct look *look) {
  uint32_t ack = look->s->ack;
  int end = !look->side;
  const struct side *peer = look->peer;
  if (look->s->flags & SYN && look->c->rare) look->c->rare->known[end] &= (uint8_t)~KNOWS_BEYOND; /* as of KNOWS_ACKED */
  if ((look->s->flags & (ACK | RST)) != ACK || !(peer->known & KNOWS_SPAN) || ahead(ack, (uint32_t)peer->high) <= 0) return;
  struct rare *rare = rare_of(look->c);
  if (!rare || (rare->known[end] & KNOWS_BEYOND && ahead(ack, rare->beyond[end]) <= 0)) return;
  rare->beyond[end] = ack;
  rare->known[end] |= KNOWS_BEYOND;
}

void holes_forget(struct connection *c, int end) {
  if (!c->rare) return;
  c->rare->hole_count[end] = 0;
  c->rare->known[end] = 0;
}

/* Whether the peer acknowledged something of this end that was never captured. */
int holes_acknowledged(const struct connection *c, int end) {
  const struct rare *rare = c->rare;
  if (!rare || !(c->flags & HAS_ESTABLISHED)) return 0;
  if (rare->known[end] & LACKS_A_HOLE) return 1;
  for (int i = 0; i < rare->hole_count[end]; i++)
    if (is_acknowledged(c, end, rare->holes[end][i].from)) return 1;
  int32_t further = rare->known[end] & KNOWS_BEYOND ? ahead(rare->beyond[end], (uint32_t)c->sides[end].high) : 0;
  return c->sides[end].known & KNOWS_SPAN && further > 0 && further < FARTHEST;
}
