/* Zeek's view of one connection: endpoint states, `history` and `conn_state`, by its published rules.
 *
 * As with Zeek's -C, checksums are not judged: a card often fills them in after the capture. */
#include <stdlib.h>
#include <string.h>

#include "connection.h"

enum { CONTROL_SYN, CONTROL_SYN_ACK, CONTROL_FIN, CONTROL_RST };

enum letter { LETTER_I, LETTER_Q, LETTER_H, LETTER_S, LETTER_F, LETTER_R, LETTER_D, LETTER_A, LETTER_NONE };
static const char LETTERS[] = "iqhsfrda";
_Static_assert(ZEEK_DATA == 1 << LETTER_D && ZEEK_ACK == 1 << LETTER_A, "bits of side.letters");

/* The letter of a segment; LETTER_NONE for one that says nothing. */
static enum letter letter_of(const struct segment *s) {
  switch (s->flags & CONTROL) {
  case 0: return s->payload ? LETTER_D : s->flags & ACK ? LETTER_A : LETTER_NONE;
  case FIN | RST:
  case SYN | FIN | RST: return LETTER_I;
  case SYN | FIN:
  case SYN | RST: return LETTER_Q;
  case SYN: return s->flags & ACK ? LETTER_H : LETTER_S;
  case FIN: return LETTER_F;
  default: return LETTER_R;
  }
}

/* A letter as kept: the end in its highest bit, as roles may still change. */
static void write_letter(struct connection *c, int end, char letter) {
  char kept = (char)((unsigned char)letter | (end ? 0x80 : 0));
  if (c->history_length < HISTORY) {
    c->history[c->history_length++] = kept;
    return;
  }
  struct rare *rare = rare_of(c);
  if (!rare) return;
  if (c->long_history == rare->letters_room) {
    uint32_t room = rare->letters_room ? rare->letters_room * 2 : 32;
    char *more = realloc(rare->letters, room);
    if (!more) {
      c->flags |= LACKS_MEMORY;
      return;
    }
    rare->letters = more;
    rare->letters_room = room;
  }
  rare->letters[c->long_history++] = kept;
}

/* A letter that is written at its 1st, 10th, 100th … occurrence, to the millionth. */
static void count(struct connection *c, int end, int which, char letter) {
  struct rare *rare = rare_of(c);
  if (!rare) return;
  uint64_t n = ++rare->zeek[end][which];
  for (uint64_t power = 1; power <= 1000000; power *= 10)
    if (n == power) write_letter(c, end, letter);
}

/* Whether a SYN, FIN or RST is not where the last one of its side was. */
static int differs(struct side *own, const struct segment *s) {
  int which;
  uint32_t position = s->seq;
  switch (s->flags & CONTROL) {
  case SYN: which = s->flags & ACK ? CONTROL_SYN_ACK : CONTROL_SYN; break;
  case FIN: which = CONTROL_FIN; position += s->payload; break;
  case RST: which = CONTROL_RST; break;
  default: return 0;
  }
  int known = own->letters >> (8 + which) & 1;
  int other = known && own->control[which] != position;
  own->control[which] = position;
  own->letters |= (uint16_t)(1u << (8 + which));
  return other;
}

static void enter(struct side *side, uint8_t state) {
  if (side->state == state) return;
  side->before = side->state;
  side->state = state;
}

static void first_segment(const struct look *look, int is_originator) {
  struct side *own = look->own, *peer = look->peer;
  uint16_t flags = look->s->flags;
  if (flags & SYN) {
    if (is_originator) {
      enter(own, flags & ACK ? Z_SYN_ACK_SENT : Z_SYN_SENT);
    } else {
      if (peer->state == Z_SYN_SENT) enter(peer, Z_ESTABLISHED);
      enter(own, Z_ESTABLISHED);
    }
  }
  if (flags & FIN) enter(own, Z_CLOSED);
  if (flags & RST) enter(own, Z_RESET);
  if (own->state != Z_INACTIVE) return;
  if (!is_originator && !look->s->payload && peer->state == Z_SYN_SENT) return; /* an ACK before the SYN,ACK */
  enter(own, flags & ACK && peer->state == Z_ESTABLISHED ? Z_ESTABLISHED : Z_PARTIAL);
}

/* What one segment does to the two states. */
static void transition(const struct look *look, int is_originator) {
  struct side *own = look->own, *peer = look->peer;
  uint16_t flags = look->s->flags;
  switch (own->state) {
  case Z_INACTIVE: first_segment(look, is_originator); break;
  case Z_SYN_SENT:
  case Z_SYN_ACK_SENT:
    if (flags & FIN) enter(own, Z_CLOSED);
    if (flags & RST) enter(own, Z_RESET);
    break;
  case Z_ESTABLISHED:
  case Z_PARTIAL:
    if ((flags & (SYN | ACK)) == SYN && own->state == Z_PARTIAL && peer->state == Z_INACTIVE) enter(own, Z_SYN_SENT);
    if ((flags & (FIN | RST)) == FIN) {
      enter(own, Z_CLOSED);
      if (peer->state == Z_RESET && peer->before == Z_CLOSED) enter(peer, Z_CLOSED);
    }
    if (flags & RST) enter(own, Z_RESET);
    break;
  case Z_CLOSED:
    if (flags & RST && peer->state != Z_CLOSED) enter(own, Z_RESET);
    break;
  default: break;
  }
}

static void say(const struct look *look, enum letter letter) {
  look->own->letters |= (uint16_t)(1u << letter);
  write_letter(look->c, look->side, LETTERS[letter]);
}

/* All that data changes, in order and where nothing is open. */
void history_of_data(struct look *look) {
  if (!(look->own->letters & ZEEK_DATA)) say(look, LETTER_D);
}

/* Takes one segment into both sides' states and the history. */
void history_take(struct look *look) {
  struct connection *c = look->c;
  struct side *own = look->own;
  const struct segment *s = look->s;
  enum letter letter = letter_of(s);
  int elsewhere = s->flags & CONTROL ? differs(own, s) : 0;
  if (letter != LETTER_NONE) {
    /* A SYN elsewhere starts the numbers anew, unless its side had closed: only then does it stand out. */
    int closed = own->state == Z_CLOSED || own->state == Z_RESET;
    int stands_out = letter == LETTER_F || letter == LETTER_R || ((letter == LETTER_S || letter == LETTER_H) && closed);
    if (!(own->letters >> letter & 1) || (elsewhere && stands_out)) say(look, letter);
  }
  int is_reset = own->state == Z_RESET;
  if (!s->window && !(s->flags & RST) && look->peer->state != Z_CLOSED && !is_reset) count(c, look->side, 1, 'w');
  if (look->again && !is_reset) count(c, look->side, 0, 't');
  transition(look, look->side == c->originator);
}

size_t history_most(const struct connection *c) { return 1u + c->history_length + c->long_history; }

/* Zeek's history, upper case the originator's; how many characters. */
size_t history_text(const struct connection *c, char *out, size_t room) {
  size_t n = 0;
  if (c->first[0].end != c->originator && n < room) out[n++] = '^';
  for (uint32_t i = 0; i < c->history_length + c->long_history && n < room; i++) {
    unsigned char kept = (unsigned char)(i < HISTORY ? c->history[i] : c->rare->letters[i - HISTORY]);
    char letter = (char)(kept & 0x7F);
    out[n++] = (kept >> 7) == c->originator ? (char)(letter - 32) : letter;
  }
  return n;
}

static int only_syn_and_rst(const struct connection *c) {
  char text[256];
  size_t n = history_text(c, text, sizeof text), i = 0;
  if (i < n && text[i] == '^') i++;
  if (i >= n || text[i] != 'S') return 0;
  for (i++; i < n; i++) {
    if (text[i] == 'R') return 1;
    if (strchr("HAFGIQ", text[i])) return 0;
  }
  return 0;
}

const char *conn_state(const struct connection *c) {
  uint8_t originator = c->sides[c->originator].state, responder = c->sides[!c->originator].state;
  int empty = !c->sides[0].bytes && !c->sides[1].bytes;
  int unseen_originator = originator == Z_INACTIVE || originator == Z_PARTIAL;
  int unseen_responder = responder == Z_INACTIVE || responder == Z_PARTIAL;
  if (responder == Z_RESET) {
    int attempt = originator == Z_SYN_SENT || originator == Z_SYN_ACK_SENT;
    if (attempt || (originator == Z_RESET && empty)) return "REJ";
    return unseen_originator ? "RSTRH" : "RSTR";
  }
  if (originator == Z_RESET) {
    if (!unseen_responder) return "RSTO";
    return only_syn_and_rst(c) ? "RSTOS0" : "OTH";
  }
  if (originator == Z_CLOSED && responder == Z_CLOSED) return "SF";
  if (originator == Z_CLOSED) return unseen_responder ? "SH" : "S2";
  if (responder == Z_CLOSED) return unseen_originator ? "SHR" : "S3";
  if (originator == Z_SYN_SENT && responder == Z_INACTIVE) return "S0";
  return originator == Z_ESTABLISHED && responder == Z_ESTABLISHED ? "S1" : "OTH";
}
