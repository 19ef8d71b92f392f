/* What the first bytes of a payload say of its part in the talk: a TLS handshake, a goodbye, the reason for a close.
 *
 * Only what decides between an end that cost something and one that did not: a goodbye waits for no answer and is none;
 * nor do a PROXY header alone and a protocol's own frames: HTTP/2's SETTINGS and WINDOW_UPDATE, WebSocket's pong, AMQP's heartbeat.
 * Most protocols that say goodbye do so in their first bytes: TLS's close_notify (RFC 5246 7.2.1, RFC 8446 6.1), HTTP/2's
 * GOAWAY (RFC 9113 6.8), WebSocket's close (RFC 6455 5.5.1), MQTT's DISCONNECT, AMQP 0-9-1's connection.close-ok,
 * PostgreSQL's Terminate and CancelRequest, MySQL's COM_QUIT, rsync's last message (NDX_DONE), LDAP's unbind (RFC 4511 4.3), QUIT of SMTP, FTP, Redis and
 * memcached. */
#include <string.h>

#include "packet_bytes.h"
#include "connection.h"

enum { FEWEST = 5, LOOKED_AT = 12, LONGEST_ALERT = 80, ALERT_13 = 19, CANCEL = 80877102, MOST_QUIT = 14 };
enum { BINARY_HEADER = 16, LONGEST_PROXY_LINE = 107 };
enum { PREFACE_LENGTH = 24, LONGEST_PREFACE = 100, FRAME_HEADER = 9 };
enum { LONGEST_REST = 26 }; /* bytes after such frames that were cut off, too few for a request and its headers */

static int says(const uint8_t *at, const char *text) {
  for (; *text; text++, at++)
    if (*at != (uint8_t)*text && !(*text >= 'A' && *text <= 'Z' && *at == (uint8_t)*text + 32))
      return 0;
  return 1;
}

/* An HTTP/2 frame that asks for no answer (RFC 9113 6.4 to 6.9): RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE. */
static int is_control(const uint8_t *at, int64_t size) {
  int64_t length = be32(at) >> 8;
  if (length + 9 != size || at[4] > 1)
    return 0;
  switch (at[3]) {
  case 3: case 8: return length == 4;
  case 4: return length % 6 == 0 && length <= 60 && be32(at + 5) == 0;
  case 6: return length == 8 && be32(at + 5) == 0;
  case 7: return at[4] == 0 && be32(at + 5) == 0;
  }
  return 0;
}

/* Nothing but such frames, one after the other, all of them captured; after the preface, too (RFC 9113 3.4). Of a
 * preface that was cut off, so short that no request can be with it. */
static int only_control(const uint8_t *from, int64_t have, int64_t size) {
  static const char PREFACE[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  int64_t at = 0;
  if (have >= PREFACE_LENGTH && !memcmp(from, PREFACE, PREFACE_LENGTH)) at = PREFACE_LENGTH;
  if (at && have < size) return size <= LONGEST_PREFACE;
  while (at + FRAME_HEADER <= have && is_control(from + at, (be32(from + at) >> 8) + FRAME_HEADER))
    at += (be32(from + at) >> 8) + FRAME_HEADER;
  return at == size || (at && have < size && size - at <= LONGEST_REST);
}

static int lengths_first(const uint8_t *at, int64_t size) {
  if (be32(at) == size && be32(at + 4) == CANCEL)
    return CONTENT_GOODBYE;
  return (int64_t)(le32(at) & 0xFFFFFF) + 4 == size && at[4] == 0xFF ? CONTENT_PARTING : CONTENT_PLAIN;
}

static int tls(const uint8_t *at, int64_t size) {
  int length = be16(at + 3);
  if (at[0] == 23)
    return length == ALERT_13 && size == ALERT_13 + 5 ? CONTENT_GOODBYE : CONTENT_TLS_DATA;
  if (at[0] != 21) /* but where TLS 1.3's Finished follows the change of cipher, and more follows that, a request */
    return at[0] == 20 && length == 1 && at[6] == 23 && be16(at + 9) + 11 < size ? CONTENT_TLS_DATA : CONTENT_HANDSHAKE;
  if (length == 2 && at[5] == 2)
    return CONTENT_PARTING;
  return length + 5 == size && length >= 2 && length <= LONGEST_ALERT ? CONTENT_GOODBYE : CONTENT_PLAIN;
}

static int amqp(const uint8_t *at, int64_t size, uint32_t method) {
  return at[1] == 0 && at[2] == 0 && (int64_t)be32(at + 3) + 8 == size && be32(at + 7) == method;
}

static int is_goodbye(const uint8_t *at, int64_t size) {
  switch (at[0]) {
  case 0x01: /* MySQL; rsync: one byte of data, 0; AMQP */
    return (size == 5 && (be32(at + 1) == 1 || be32(at + 1) == 0x700)) || amqp(at, size, 0x000A0033);
  case 'Q': case 'q': return says(at, "QUIT") && size <= MOST_QUIT;
  case '*': return says(at, "*1\r\n$4\r\nQUIT") && size <= MOST_QUIT;
  case '0': return at[2] == 2 && at[3] >= 1 && at[3] <= 4 && at[1] == at[3] + 4 && size == at[3] + 6 && be16(at + 4 + at[3]) == 0x4200;
  case 'X': return size == 5 && be32(at + 1) == 4;
  case 0x08: return size == 8 && be32(at + 1) == 0 && at[7] == 0xCE; /* AMQP's heartbeat */
  case 0x88: case 0x8A: return (at[1] & 127) + (at[1] >= 128 ? 6 : 2) == size;
  case 0xE0: return at[1] + 2 == size;
  }
  return 0;
}

static int is_parting(const uint8_t *at, int64_t size) {
  switch (at[0]) {
  case 0x01: return amqp(at, size, 0x000A0032);
  case '2': case '4': return (says(at, "421") || says(at, "221")) && (at[3] == ' ' || at[3] == '-');
  case '*': return says(at, "* BYE");
  case '-': return says(at, "-ERR ");
  case 'H': return says(at, "HTTP/1.") && says(at + 9, "408");
  case 'N': return (int64_t)be32(at + 1) + 1 == size && says(at + 5, "SWARNIN"); /* alone: a server that goes down warns */
  case 'E': return be32(at + 1) < size && (says(at + 5, "SFATAL") || says(at + 5, "SPANIC"));
  }
  return 0;
}

/* A PROXY header and nothing after it (HAProxy's proxy-protocol.txt, 2.1 and 2.2): a health check sends no more. */
static int is_proxy_header(const uint8_t *from, int64_t have, int64_t size) {
  static const uint8_t BINARY[] = "\r\n\r\n\0\r\nQUIT\n";
  if (have >= BINARY_HEADER && !memcmp(from, BINARY, sizeof BINARY - 1)) return be16(from + 14) + BINARY_HEADER == size;
  if (have < size || size > LONGEST_PROXY_LINE || size < 8 || memcmp(from, "PROXY ", 6)) return 0;
  return memchr(from, '\n', (size_t)size) == from + size - 1;
}

/* What a payload of `size` bytes begins with, of which `captured` are there. */
uint8_t content_of(const uint8_t *from, int64_t captured, int64_t size) {
  int64_t have = captured < size ? captured : size;
  uint8_t at[LOOKED_AT] = {0};
  if (have <= 0 || (have < FEWEST && have < size))
    return CONTENT_UNKNOWN;
  if (have >= FEWEST && from[0] == 23 && from[1] == 3 && size != ALERT_13 + 5) /* most of what there is */
    return from[2] <= 4 ? CONTENT_TLS_DATA : CONTENT_PLAIN;
  memcpy(at, from, (size_t)(have < LOOKED_AT ? have : LOOKED_AT));
  if (at[0] >= 20 && at[0] <= 23 && at[1] == 3 && at[2] <= 4)
    return (uint8_t)tls(at, size);
  if (is_goodbye(at, size) || is_proxy_header(from, have, size) || (have >= FRAME_HEADER && only_control(from, have, size)))
    return CONTENT_GOODBYE;
  return (uint8_t)(is_parting(at, size) ? CONTENT_PARTING : lengths_first(at, size));
}

/* A segment to be kept longer than its payload is valid: what its payload says, instead of the payload. */
struct segment without_payload(const struct segment *s) {
  struct segment kept = *s;
  if (s->data) {
    struct http_part part = http_part_of(s->data, s->captured, s->payload, 1);
    kept.content = content_of(s->data, s->captured, s->payload);
    kept.http = part.kind;
    kept.http_end = part.end;
  }
  kept.data = NULL;
  kept.captured = 0;
  return kept;
}
