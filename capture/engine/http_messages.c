/* Where HTTP/1 answers end (RFC 9112 6.3): whether one was whole when its connection ended.
 *
 * Only what the header in one segment says for sure: a Content-Length, chunks, no body. A header that goes on in the next
 * segment or was cut by the capture, a body that only the close ends, an upgrade, an answer to HEAD: unknown. */
#include <string.h>

#include "connection.h"

enum { LEAST = 12, STATUS_AT = 9, MOST_DIGITS = 10, LAST_CHUNK = 5, MOST_LENGTH = 0x7FF00000 };
enum { CONTINUE = 100, NO_CONTENT = 204, NOT_MODIFIED = 304 };

static const struct http_part SAYS_NOTHING = {HTTP_UNKNOWN, 0};

static int begins(const uint8_t *at, const uint8_t *end, const char *text) {
  for (; *text; text++, at++)
    if (at >= end || (*at >= 'A' && *at <= 'Z' ? *at + 32 : *at) != *text) return 0;
  return 1;
}

/* After the line that begins here; NULL where it does not end. */
static const uint8_t *next_line(const uint8_t *at, const uint8_t *end) {
  const uint8_t *feed = memchr(at, '\n', (size_t)(end - at));
  return feed ? feed + 1 : NULL;
}

/* A Content-Length; -1 where it is none, or so long that sequence numbers would not tell its end. */
static int64_t length_at(const uint8_t *at, const uint8_t *end) {
  int64_t value = 0;
  int n = 0;
  while (at < end && (*at == ' ' || *at == '\t')) at++;
  for (; at < end && *at >= '0' && *at <= '9' && n < MOST_DIGITS; at++, n++) value = value * 10 + (*at - '0');
  return n && at < end && (*at == '\r' || *at == '\n') && value < MOST_LENGTH ? value : -1;
}

static int is_answer(const uint8_t *at, const uint8_t *end) { return end - at >= LEAST && !memcmp(at, "HTTP/1.", 7); }

/* The message whose header begins at `from`, `before` bytes into the payload. */
static struct http_part header(const uint8_t *from, const uint8_t *end, uint32_t before) {
  int status = (from[STATUS_AT] - '0') * 100 + (from[STATUS_AT + 1] - '0') * 10 + from[STATUS_AT + 2] - '0';
  int64_t length = -1;
  int chunks = 0;
  const uint8_t *at = next_line(from, end);
  for (; at && at < end && *at != '\r' && *at != '\n'; at = next_line(at, end)) {
    if (begins(at, end, "content-length:")) length = length_at(at + 15, end);
    if (begins(at, end, "transfer-encoding:")) chunks = 1;
  }
  if (!at || at >= end || !(at = next_line(at, end))) return SAYS_NOTHING;
  before += (uint32_t)(at - from);
  if (status == CONTINUE && !before) return SAYS_NOTHING;
  if (status == CONTINUE) return is_answer(at, end) ? header(at, end, before) : SAYS_NOTHING;
  if (status < 200) return SAYS_NOTHING;
  if (status == NO_CONTENT || status == NOT_MODIFIED) return (struct http_part){HTTP_COUNTED, before};
  if (chunks) return (struct http_part){HTTP_CHUNKS, 0};
  return length < 0 ? SAYS_NOTHING : (struct http_part){HTTP_COUNTED, before + (uint32_t)length};
}

/* What HTTP/1 says in a payload of `size` bytes, of which `captured` are there. `chunks`: whether it may end a message of
 * chunks; else its end is not looked at, which would have to be fetched from memory. */
struct http_part http_part_of(const uint8_t *from, int64_t captured, int64_t size, int chunks) {
  int64_t have = captured < size ? captured : size;
  if (have < LAST_CHUNK) return SAYS_NOTHING;
  if (!memcmp(from, "HEAD ", 5) || (have >= 8 && !memcmp(from, "CONNECT ", 8)))
    return (struct http_part){HTTP_ASKS_NO_BODY, 0};
  int whole = have == size, answers = is_answer(from, from + have);
  struct http_part found = {whole ? HTTP_BODY : HTTP_UNKNOWN, 0};
  if (answers) found = header(from, from + have, 0);
  else if (!chunks) return found;
  if (answers && found.kind != HTTP_CHUNKS) return found;
  int last = whole && !memcmp(from + size - LAST_CHUNK, "0\r\n\r\n", LAST_CHUNK);
  if (!answers) return last ? (struct http_part){HTTP_LAST_CHUNK, 0} : found;
  return last ? (struct http_part){HTTP_ALL_CHUNKS, 0} : whole ? found : SAYS_NOTHING;
}

/* Where the answer that begins with this payload ends, in bytes from its begin; -1 where its header says no length. */
int64_t http_answer_end(const uint8_t *from, int64_t captured, int64_t size)
{
  struct http_part part = http_part_of(from, captured, size, 0);
  return part.kind == HTTP_COUNTED ? (int64_t)part.end : -1;
}

static void ends_at(struct side *own, uint8_t message, uint32_t end) {
  own->message = message;
  own->message_end = end;
}

/* Takes new payload of a side. */
void http_take(struct look *look) {
  const struct segment *s = look->s;
  struct side *own = look->own;
  if (look->again) return;
  struct http_part part = (struct http_part){s->http, s->http_end};
  if (s->data) part = http_part_of(s->data, s->captured, s->payload, own->message == MESSAGE_CHUNKS);
  uint32_t end = s->seq + s->payload;
  own->known &= ~(uint32_t)ASKS_NO_BODY;
  if (part.kind == HTTP_ASKS_NO_BODY) own->known |= ASKS_NO_BODY;
  int inside = own->message == MESSAGE_COUNTED && ahead(s->seq, own->message_end) < 0;
  if (!inside && part.kind == HTTP_COUNTED) ends_at(own, MESSAGE_COUNTED, s->seq + part.end);
  else if (!inside && part.kind == HTTP_CHUNKS) ends_at(own, MESSAGE_CHUNKS, end);
  else if (!inside && part.kind == HTTP_ALL_CHUNKS) ends_at(own, MESSAGE_ALL_CHUNKS, end);
  else if (own->message == MESSAGE_CHUNKS && part.kind == HTTP_LAST_CHUNK) ends_at(own, MESSAGE_ALL_CHUNKS, end);
  else if (own->message == MESSAGE_CHUNKS && part.kind != HTTP_BODY) own->message = MESSAGE_UNKNOWN;
  if (own->message && ahead(end, own->message_end) > 0) {
    if (own->message == MESSAGE_CHUNKS) own->message_end = end;
    else own->message = MESSAGE_UNKNOWN;
  }
  if (look->peer->known & ASKS_NO_BODY) own->message = MESSAGE_UNKNOWN;
}

/* Whether the last answer of a side was whole: ANSWER_… */
uint8_t answer_of(const struct side *own) {
  uint32_t end = (own->known & (KNOWS_FIN | HEARD_FIN)) == KNOWS_FIN ? own->fin_end - 1 : own->next;
  int32_t over = ahead(end, own->message_end);
  switch (own->message) {
  case MESSAGE_COUNTED: return over ? over < 0 ? ANSWER_CUT_SHORT : ANSWER_UNKNOWN : ANSWER_WHOLE;
  case MESSAGE_CHUNKS: return over ? ANSWER_UNKNOWN : ANSWER_CUT_SHORT;
  case MESSAGE_ALL_CHUNKS: return over ? ANSWER_UNKNOWN : ANSWER_WHOLE;
  default: return ANSWER_UNKNOWN;
  }
}
