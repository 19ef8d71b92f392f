/* The packet that most are: data or an ACK in order, behind the handshake of a connection in which nothing is open. It is
 * known by few questions, and what it changes is written at once. That is what connection_take would change part by part,
 * no more: the fuzzer compares the two (CHECK_STEADY). */
#include "connection.h"

enum {
  SETTLED = KNOWS_NEXT | KNOWS_STREAM | KNOWS_SPAN | KNOWS_SEGMENT | KNOWS_ACKED | KNOWS_ID | KNOWS_SAID,
  LEARNT = KNOWS_PLAIN | KNOWS_IDS, /* by such a packet */
  OPEN = KNOWS_FIN | HEARD_FIN | KNOWS_RESET,
};

/* Nothing is missing, and it begins where its side ended. */
static int is_in_order(const struct look *look) {
  const struct side *own = look->own, *peer = look->peer;
  uint32_t seq = look->s->seq, ack = look->s->ack;
  return seq == own->next && seq == own->contiguous && own->position + ahead(seq, (uint32_t)own->position) == own->reached &&
         seq == (uint32_t)own->reached && own->high == own->reached && ahead(ack, peer->contiguous) <= 0 &&
         ahead(ack, (uint32_t)peer->high) <= 0;
}

/* It says something, and that for the first time. */
static int is_new(const struct look *look) {
  const struct connection *c = look->c;
  const struct segment *s = look->s;
  const struct side *own = look->own, *peer = look->peer;
  if (!s->payload) return own->letters & ZEEK_ACK && s->ack != own->ack && (c->before_end != look->side || s->ack != c->before_ack);
  return peer->window && !window_is_full(look) && ahead(look->after, peer->ack) > 0;
}

int is_steady(const struct look *look) {
  const struct connection *c = look->c;
  const struct segment *s = look->s;
  const struct side *own = look->own, *peer = look->peer;
  return (s->flags & (CONTROL | ACK)) == ACK && (own->known & (SETTLED | OPEN)) == SETTLED &&
         (peer->known & (KNOWS_NEXT | KNOWS_SPAN | KNOWS_FIN | HEARD_FIN)) == (KNOWS_NEXT | KNOWS_SPAN) && c->seen >= 3 &&
         (c->flags & (HAS_OPENING | HAS_COMPLETE)) != HAS_OPENING && (c->round_trip || !c->syn_time) &&
         (c->before_kind == KIND_ACK || c->before_kind == KIND_DATA) && own->state != Z_INACTIVE &&
         s->window && !own->closed && own->ttl_first && !(s->marks & (MARK_SAME_AS_BEFORE | MARK_TTL_UNKNOWN)) &&
         (!s->ip_id || s->ip_id != own->ids[1]) && is_in_order(look) && is_new(look);
}

/* What the analysis rests on. */
static void go_on(struct side *own, const struct look *look) {
  const struct segment *s = look->s;
  own->known = (own->known | LEARNT) & ~(uint32_t)UNSCALED;
  if (s->ack != own->ack) own->duplicates = 0;
  own->ack = s->ack;
  own->ack_time = s->time;
  own->window = s->window;
  own->last_tags = 0;
  own->position = own->reached;
  own->plain_seq = s->seq;
  if (s->payload || ahead(s->ack, own->said) > 0) own->news_number = s->number;
  own->said = s->ack;
}

static void stretch(struct side *own, const struct look *look) {
  own->next = own->contiguous = look->after;
  own->next_time = look->s->time;
  own->reached = own->high = own->reached + look->s->payload;
  own->said_number = look->s->number;
}

/* Its side's last packet. */
static void remember_last(struct side *own, const struct look *look) {
  const struct segment *s = look->s;
  if (ahead(s->ack, own->acked) > 0) own->acked = s->ack;
  own->ids[0] = own->ids[1];
  own->ids[1] = s->ip_id;
  own->ttl_last = s->ttl;
  own->last_number = s->number;
  own->last_seq = own->last_plain = s->seq;
  own->last_ack = s->ack;
  own->last_flags = s->flags;
  own->last_after = look->after;
  remember_first_number(own, s);
}

void take_steadily(struct look *look) {
  struct connection *c = look->c;
  go_on(look->own, look);
  c->flags |= SINCE_SYN_ANY | SINCE_SYN_OTHER | HAS_MORE_THAN_RST;
  if (look->s->payload) {
    c->flags |= HAS_ESTABLISHED;
    remember_first_word(look->own, look->s);
    remember_first_size(look->own, look->s);
    history_of_data(look);
    event_of_data(look);
    stretch(look->own, look);
  }
  remember_last(look->own, look);
  remember_packet(look, look->s->payload ? KIND_DATA : KIND_ACK, !look->s->payload);
}
