/* Events resolved and folded: what is lost and what goes on is known at the end only, or at the moment that asks. */
#include <stdlib.h>
#include <string.h>

#include "connection.h"

enum { HEAD = 6 };            /* events of plain data kept at the start of a connection */
enum { NEAR_BY = 4 };         /* and before each event that is not plain */
enum { REMARK = 100 };        /* bytes: a TLS close_notify has 24 to 53, SMTP's goodbye some more */
enum { FRAME = 42 };           /* bytes of TLS data that may be no request: an HTTP/2 frame of up to 13 and its record */
enum { SHORTEST_REQUEST = 17 }; /* bytes, of HTTP: what is shorter, and was not captured, may be a goodbye, or PostgreSQL's CancelRequest */
enum { LONGEST_CLOSE = 69 };    /* bytes of a TLS close_notify */
enum { RETRY = 99 };            /* bytes of a HelloRetryRequest and a change of cipher */
enum { PLAIN_ALERT = 7 };       /* bytes of a TLS alert before any key is agreed on */
enum { SHORTEST_HELLO = 150, LONGEST_HELLO = 2000 };
enum { SHORTEST_TICKET = 100, LONGEST_TICKETS = 2000 }; /* bytes of TLS 1.3's tickets, with their records' headers */
enum { MOST_TICKETS = 4, TICKETS_BY = 12 }; /* and by which event they came */
enum { SHORTEST_FULL = 536 };   /* bytes of a full segment (RFC 9293 3.7.1) */
enum { BIG_SEGMENT = 1000 };  /* bytes of payload: what a path-MTU black hole swallows */
enum { UNTOUCHED = 8 };       /* at the end of what is folded early: what comes may still join them */
enum { KEPT_FIRST = 64, KEPT_LAST = 512, MOST_KEPT = 768 };
enum { PAUSE_NS = 200000000, AT_ONCE_NS = 50000000 };
static const int64_t GAPS[] = {PAUSE_NS, 2000000000, 30000000000};

static int kind(const struct event *e) { return e->code & KIND_MASK; }
static int end_of(const struct event *e) { return e->code >> 15; }
static int speaks(const struct event *e) { return kind(e) == KIND_DATA || kind(e) == KIND_FIN; }

/* Beyond the peer's last ACK; where the peer was never seen to acknowledge, nothing is called lost. */
static int is_lost(const struct connection *c, const struct event *e) {
  const struct side *peer = &c->sides[!end_of(e)];
  return speaks(e) && !(e->kept & KEPT_ACKED) && peer->known & KNOWS_ACKED && ahead(e->end, peer->acked) > 0;
}

static uint32_t largest_acked(const struct connection *c, int end, const struct event *events, size_t n) {
  uint32_t largest = c->sides[end].largest_acked;
  for (size_t i = 0; i < n; i++)
    if (speaks(&events[i]) && end_of(&events[i]) == end && !is_lost(c, &events[i]) && events[i].size > largest)
      largest = events[i].size;
  return largest;
}

/* Is it as long as half of what its side had said last, or of its first data? Then it may be a request. */
static int sized(const struct connection *c, const struct event *events, const struct event *e) {
  if (2 * (uint64_t)e->size >= c->sides[end_of(e)].first_size || e->kept & KEPT_TLS_DATA) return 1;
  if (!(e->kept & KEPT_UNREAD) || e->size <= LONGEST_CLOSE) return 0;
  for (const struct event *before = e; before-- > events;)
    if (kind(before) == KIND_DATA && end_of(before) == end_of(e)) return 2 * (uint64_t)e->size >= before->size;
  return 0;
}

/* Was the first of a side's data that is lost sent in a full-size segment? A kernel joins small ones when it repeats them,
 * and what passes small is what tells a path-MTU black hole. */
static int lost_from_a_big_one(const struct connection *c, const struct event *events, const struct event *e) {
  for (const struct event *first = events; first < e; first++)
    if (end_of(first) == end_of(e) && is_lost(c, first)) return first->size >= BIG_SEGMENT;
  return 1;
}

/* The marks of lost data and FINs. */
static uint16_t lost_marks(const struct connection *c, const struct event *events, const struct event *e, const uint32_t largest[2]) {
  int end = end_of(e);
  uint16_t marks = EVENT_LOST;
  if (kind(e) == KIND_FIN) {
    if (e->code & EVENT_REPEAT && e->size >= BIG_SEGMENT && e->size > largest[end]) marks |= EVENT_BIG;
    return marks;
  }
  if (e->size <= REMARK && e->kept & KEPT_UNREAD) marks |= EVENT_SMALL;
  if (e->kept & KEPT_WAS_SENT) {
    marks |= EVENT_REPEAT;
    if (e->size >= BIG_SEGMENT && e->size > largest[end] && lost_from_a_big_one(c, events, e)) marks |= EVENT_BIG;
  } else if (sized(c, events, e)) {
    marks |= EVENT_SIZED;
  }
  return marks;
}

/* The marks of data and FINs that were repeated without news: after their side's last news (lost, where the peer was
 * never heard of), after the peer's last data, or before the peer's first word. */
static uint16_t vain_marks(const struct connection *c, const struct event *e) {
  const struct side *own = &c->sides[end_of(e)], *peer = &c->sides[!end_of(e)];
  uint64_t number = event_number(e);
  if (!speaks(e) || !(e->kept & KEPT_WAS_SENT)) return 0;
  if (number > own->news_number) return peer->known & KNOWS_ACKED ? EVENT_REPEAT : EVENT_REPEAT | EVENT_LOST;
  if (e->kept & KEPT_SPURIOUS && number > peer->said_number) return EVENT_REPEAT;
  return kind(e) == KIND_DATA && (!peer->word_number || number < peer->word_number) ? EVENT_REPEAT : 0;
}

/* A side's last data that may be no request: a frame of HTTP/2, or what was not captured and is shorter than any. */
static uint16_t brief_mark(const struct connection *c, const struct event *e) {
  if (e->kept & KEPT_HEARD) return kind(e) == KIND_DATA && e->size < SHORTEST_REQUEST ? EVENT_SMALL : 0;
  if (kind(e) != KIND_DATA || event_number(e) != c->sides[end_of(e)].data_number) return 0;
  int brief = (e->kept & KEPT_TLS_DATA && e->size <= FRAME) || (e->kept & KEPT_UNREAD && e->size < SHORTEST_REQUEST);
  return brief ? EVENT_SMALL : 0;
}

/* A close_notify of TLS 1.3, of 1.2 with GCM, with ChaCha20 or CCM, with CBC. */
static int closes(uint32_t size) { return size == 24 || size == 31 || size == 23 || size == 53 || size == LONGEST_CLOSE; }

/* A client's Finished: of TLS 1.3 (SHA-256 or 384, after a change of cipher or not); of 1.2 after its key exchange by
 * X25519, P-256, P-384 or RSA with 2,048 bits, or of a resumed session; with GCM, then with ChaCha20. */
static int finishes(uint32_t size) {
  static const uint16_t SIZES[] = {58, 64, 74, 80, 93, 126, 158, 318, 51, 85, 118, 43};
  for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++)
    if (size == SIZES[i]) return 1;
  return 0;
}

static int is_hello(const struct event *e) { return e->size >= SHORTEST_HELLO && e->size <= LONGEST_HELLO; }

/* One of the first events, of unread data or TLS: its length may tell a handshake, or tickets, at the end. */
int told_by_length(const struct event *e, size_t index) {
  return index < TICKETS_BY && e->kept & (KEPT_UNREAD | KEPT_TLS_DATA);
}

static int says_unread(const struct event *e, int end) {
  return kind(e) == KIND_DATA && end_of(e) == end && e->kept & KEPT_UNREAD;
}

/* The next unread data of an end after an index; n without any. */
static size_t next_said(const struct event *events, size_t n, size_t after, int end) {
  size_t i = after < n ? after + 1 : n;
  while (i < n && !says_unread(&events[i], end)) i++;
  return i;
}

/* The only data of a connection, from the side that was not spoken to: as long as the alert of a TLS server to a client
 * that left, or stayed silent. */
static int answers_silence(const struct connection *c, const struct event *events, size_t n, const struct event *e) {
  if (e->size != PLAIN_ALERT || end_of(e) == c->originator) return 0;
  for (const struct event *other = events; other < events + n; other++)
    if (other != e && kind(other) == KIND_DATA) return 0;
  return 1;
}

/* Where payloads were not captured, their lengths tell TLS: the client's hello, the server's answer, Finished, and a
 * side's last word. SMALL beside it says that nobody read it. */
static void by_length(const struct connection *c, struct event *events, size_t n) {
  size_t hello = 0, answer, finish;
  while (hello < n && kind(&events[hello]) != KIND_DATA) hello++;
  if (hello == n || !(events[hello].kept & KEPT_UNREAD)) return;
  if (answers_silence(c, events, n, &events[hello])) events[hello].code |= EVENT_GOODBYE | EVENT_SMALL;
  if (!is_hello(&events[hello])) return;
  int client = end_of(&events[hello]);
  answer = next_said(events, n, hello, !client);
  finish = next_said(events, n, answer, client);
  if (finish < n && events[answer].size == RETRY && is_hello(&events[finish])) { /* asked for another group (8446 4.1.4) */
    events[answer].code |= EVENT_HANDSHAKE | EVENT_SMALL;
    events[finish].code |= EVENT_HANDSHAKE | EVENT_SMALL;
    answer = next_said(events, n, finish, !client);
    finish = next_said(events, n, answer, client);
  }
  if (finish >= n || !finishes(events[finish].size)) return;
  events[hello].code |= EVENT_HANDSHAKE | EVENT_SMALL;
  events[answer].code |= EVENT_HANDSHAKE | EVENT_SMALL;
  events[finish].code |= EVENT_HANDSHAKE | EVENT_SMALL;
  for (int end = 0; end < 2; end++) {
    size_t last = n;
    for (size_t i = finish + 1; i < n; i++) {
      if (!says_unread(&events[i], end)) continue;
      if (closes(events[i].size) && event_number(&events[i]) == c->sides[end].data_number)
        events[i].code |= EVENT_GOODBYE | EVENT_SMALL;
      else last = i;
    }
    if (last < n && events[last].size <= FRAME) events[last].code |= EVENT_SMALL; /* it may be no request */
  }
}

/* May it be tickets of TLS 1.3, by its length? What is not known to be whole records may be the begin of one record, in
 * a full segment. */
static int is_long_as_tickets(const struct event *e) {
  uint32_t longest = e->kept & (KEPT_WHOLE | KEPT_ALIKE) ? LONGEST_TICKETS : SHORTEST_FULL - 1;
  return e->kept & (KEPT_TLS_DATA | KEPT_UNREAD) && e->size >= SHORTEST_TICKET && e->size <= longest;
}

/* Does a server's data go on with what may be tickets: of the same length, at once? */
static int goes_on(const struct event *last, const struct event *e) {
  return e->size == last->size && !((e->kept ^ last->kept) & KEPT_ALIKE) && e->time - last->time <= AT_ONCE_NS;
}

/* A server of TLS 1.3 sends its client tickets for later, unasked, right after the handshake (RFC 8446 4.6.1): mostly
 * two, as long as each other, in a segment each or in one. They are of the handshake. What comes later, has another
 * length, or follows what the client said meanwhile is none, nor are more than four: of one ticket alone nothing tells. */
static void tickets(const struct connection *c, struct event *events, size_t n) {
  struct event *found[MOST_TICKETS];
  const struct event *hello = NULL, *finish = NULL;
  size_t count = 0, answered = 0;
  int64_t soon = PAUSE_NS + (c->rtt > 0 ? c->rtt : 0);
  for (struct event *e = events; e < events + n; e++) {
    if (kind(e) != KIND_DATA) continue;
    if (!hello && !(e->code & EVENT_HANDSHAKE)) return;
    if (!hello) hello = e;
    if (end_of(e) == end_of(hello)) {
      if (count) break;
      if (!finish && answered) finish = e;
    } else if (e->code & EVENT_HANDSHAKE) {
      if (count) break;
      answered = 1;
      finish = NULL;
    } else if (finish && (!count || ahead(e->end, found[count - 1]->end) > 0)) { /* else of its handshake, or again */
      if (count ? !goes_on(found[count - 1], e) : !is_long_as_tickets(e) || e->time - finish->time > soon) break;
      if (count == (e->kept & KEPT_ALIKE ? 1 : MOST_TICKETS)) return;
      found[count++] = e;
    }
  }
  if (count < 2 && !(count && found[0]->kept & KEPT_ALIKE)) return;
  while (count) found[--count]->code |= EVENT_HANDSHAKE;
}

/* A RST whose claimed sender uses another TTL, or has a packet after it that the RST did not merely overtake. */
static uint16_t reset_marks(const struct connection *c, const struct event *e) {
  const struct side *own = &c->sides[end_of(e)];
  uint16_t marks = 0;
  if (own->ttl_first && e->size && e->size != own->ttl_first && e->size != own->ttl_last) marks |= EVENT_FOREIGN;
  int beyond = ahead(own->last_plain, e->end) >= 0 || e->code & EVENT_UNACCEPTABLE;
  if (own->last_number > event_number(e) && beyond) marks |= EVENT_AFTERLIFE;
  return marks;
}

static void resolve(const struct connection *c, struct event *events, size_t n) {
  uint32_t largest[2] = {0, 0};
  int lost = 0;
  for (size_t i = 0; i < n; i++) lost |= is_lost(c, &events[i]);
  if (lost)
    for (int end = 0; end < 2; end++) largest[end] = largest_acked(c, end, events, n);
  for (size_t i = 0; i < n; i++) {
    struct event *e = &events[i];
    if (kind(e) == KIND_RST) e->code |= reset_marks(c, e);
    else if (lost && is_lost(c, e)) e->code |= lost_marks(c, events, e, largest);
    e->code |= vain_marks(c, e) | brief_mark(c, e);
  }
  by_length(c, events, n);
  tickets(c, events, n);
  for (size_t i = 0; i < n && c->originator; i++) events[i].code ^= EVENT_SIDE; /* as the report has it */
}

/* What was only heard of: nothing where the side has packets, and a step of one number is no FIN where another followed. */
static size_t heard(const struct connection *c, struct event *events, size_t n) {
  size_t kept = 0;
  for (size_t i = 0; i < n; i++) {
    struct event *e = &events[i];
    if (e->kept & KEPT_HEARD && c->sides[end_of(e)].packets) continue;
    if (e->kept & KEPT_HEARD && kind(e) == KIND_FIN && ahead(c->sides[!end_of(e)].acked, e->end) > 0) e->code ^= KIND_FIN ^ KIND_DATA;
    events[kept++] = *e;
  }
  return kept;
}

static int plain(const struct event *e) { return (e->code & ~EVENT_SIDE) == KIND_DATA; }

static size_t squeezed(struct event *events, const uint8_t *drop, size_t n) {
  const uint8_t *first = n ? memchr(drop, 1, n) : NULL; /* of most connections none */
  size_t kept = first ? (size_t)(first - drop) : n;
  for (size_t i = kept; i < n; i++)
    if (!drop[i]) events[kept++] = events[i];
  return kept;
}

/* Of a run of the same event keep the first two and the last: two tells "again", three "and again". Of plain data the
 * last is enough. */
static void fold_runs(const struct event *e, uint8_t *drop, size_t n, int early) {
  for (size_t i = 0; i + 1 < n; i++) {
    if (e[i + 1].code != e[i].code || (early && told_by_length(&e[i], i))) continue;
    if (plain(&e[i])) drop[i] = 1;
    else if (i >= 2 && e[i - 1].code == e[i].code && e[i - 2].code == e[i].code) drop[i] = 1;
  }
}

static int two_back(const struct event *e, size_t i) { return e[i].code == e[i - 2].code; }

/* Of a stretch A B A B A B keep both ends. */
static void fold_alternations(const struct event *e, uint8_t *drop, size_t n) {
  for (size_t i = 3; i + 3 < n; i++)
    if (two_back(e, i - 1) && two_back(e, i) && two_back(e, i + 1) && two_back(e, i + 2) && two_back(e, i + 3))
      drop[i] = 1;
}

/* Drop plain data that is neither among the first events nor close before one that is not plain. */
static void fold_plain(const struct event *e, uint8_t *drop, size_t n) {
  size_t important = n ? n - 1 : 0;
  for (size_t i = n; i-- > 0;) {
    if (!plain(&e[i])) important = i;
    if (i >= HEAD && important - i > NEAR_BY) drop[i] = 1;
  }
}

/* Of each side of a connection with a RST, the event with which it last took the word to say something. */
static void last_turns(const struct event *e, size_t n, size_t turns[2]) {
  int reset = 0, before = -1;
  turns[0] = turns[1] = n;
  for (size_t i = 0; i < n; i++) reset |= kind(&e[i]) == KIND_RST;
  for (size_t i = 0; i < n && reset; i++) {
    if (kind(&e[i]) != KIND_DATA || e[i].code & (EVENT_REPEAT | EVENT_GOODBYE)) continue;
    if (end_of(&e[i]) != before) turns[end_of(&e[i])] = i;
    before = end_of(&e[i]);
  }
}

/* The silences before these are reported. */
static int tells_silence(const struct event *e) {
  if (kind(e) == KIND_FIN || kind(e) == KIND_RST) return 1;
  if (kind(e) != KIND_DATA) return 0;
  return e->code & (EVENT_GOODBYE | EVENT_PARTING) ||
         (e->code & (EVENT_LOST | EVENT_ACKS_FIN) && !(e->code & EVENT_REPEAT));
}

static void add_gaps(struct event *e, size_t n) {
  size_t turns[2];
  last_turns(e, n, turns);
  for (size_t i = 0; i < n; i++) {
    if (!tells_silence(&e[i]) && i != turns[0] && i != turns[1]) continue;
    int class = 0;
    while (class < 3 && e[i].gap >= GAPS[class]) class++;
    e[i].code |= (uint16_t)(class << GAP_SHIFT);
  }
}

/* The kept events of a connection, resolved and folded, into `out` (room for c->count); how many. */
size_t events_folded(const struct connection *c, struct event *out) {
  size_t n = c->count;
  uint8_t drop[2 * MOST_KEPT + 2 * KEPT_LAST];
  if (!n) return 0;
  memcpy(out, c->events, n * sizeof *out);
  n = heard(c, out, n);
  resolve(c, out, n);
  for (int pass = 0; pass < 3 && n <= sizeof drop; pass++) {
    memset(drop, 0, n);
    if (pass == 0) fold_runs(out, drop, n, 0);
    if (pass > 0) fold_alternations(out, drop, n);
    if (pass == 1) fold_plain(out, drop, n);
    n = squeezed(out, drop, n);
  }
  add_gaps(out, n);
  return n;
}

/* How many of the first events cannot change any more: all data before was acknowledged. */
static size_t settled(struct connection *c) {
  size_t i = 0;
  for (; i < c->count; i++) {
    struct event *e = &c->events[i];
    struct side *own = &c->sides[end_of(e)], *peer = &c->sides[!end_of(e)];
    if (!speaks(e) || e->kept & KEPT_ACKED) continue;
    if (!(peer->known & KNOWS_ACKED) || ahead(e->end, peer->acked) > 0) break;
    uint16_t vain = vain_marks(c, e);
    if (vain && !(peer->word_number && event_number(e) < peer->word_number)) break; /* news may still come */
    e->code |= vain;
    if (e->size > own->largest_acked) own->largest_acked = e->size;
    e->kept = (uint8_t)((e->kept & ~(KEPT_WAS_SENT | KEPT_SPURIOUS)) | KEPT_ACKED);
  }
  return i;
}

/* Pairs from the middle of stretches A B A B …: an even number, so that folding once more gives the same ends. */
static void fold_pairs(const struct event *e, uint8_t *drop, size_t n) {
  size_t begin = 0;
  for (size_t i = 2; i <= n; i++) {
    if (i < n && two_back(e, i)) continue;
    size_t length = i - begin;
    if (length > 2 * UNTOUCHED) memset(drop + begin + UNTOUCHED, 1, (length - 2 * UNTOUCHED) & ~(size_t)1);
    begin = i - 1;
  }
}

/* Fold early what folding at the end would fold anyway, so that a connection of any length needs little room. */
void events_compact(struct connection *c) {
  size_t n = settled(c);
  uint8_t drop[2 * MOST_KEPT + 2 * KEPT_LAST];
  if (c->count > sizeof drop) return;
  if (n > UNTOUCHED) {
    n -= UNTOUCHED;
    for (int pass = 0; pass < 2; pass++) {
      memset(drop, 0, c->count);
      if (pass == 0) fold_runs(c->events, drop, n, 1);
      else fold_pairs(c->events, drop, n);
      size_t kept = squeezed(c->events, drop, n);
      memmove(c->events + kept, c->events + n, (c->count - n) * sizeof *c->events);
      c->count -= (uint32_t)(n - kept);
      n = kept;
    }
  }
  if (c->count <= MOST_KEPT) return;
  memmove(c->events + KEPT_FIRST, c->events + c->count - KEPT_LAST, KEPT_LAST * sizeof *c->events);
  c->count = KEPT_FIRST + KEPT_LAST;
}
