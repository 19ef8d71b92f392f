/* TCP headers (RFC 9293 §3.1; options: RFC 7323, 2018, 7413). */
#include "headers.h"

#include <string.h>

enum { PORTS = 4, FLAGS = 14, WINDOW = 16 }; /* bytes of a TCP header up to the end of these */
enum { QUOTED_SHORT = 32 };          /* an error has 8 bytes of ICMP, 20 of IP and 4 of ports where these have TCP */
enum { TIMESTAMP_ALONE = 0x0101080A }; /* how nearly every stack writes it */
enum { MOST_OPTIONS = 40, LARGEST_SCALE = 14 };
enum { END = 0, NOP = 1, MSS = 2, WINDOW_SCALE = 3, SACK_PERMITTED = 4, SACK_BLOCKS = 5, TIMESTAMPS = 8, COOKIE = 34 };

static void option(const uint8_t *at, int length, struct segment *segment)
{
  switch (at[0]) {
  case TIMESTAMPS:
    if (length == 10) {
      segment->marks |= MARK_TIMESTAMP;
      segment->tsval = be32(at + 2);
      segment->tsecr = be32(at + 6);
    }
    break;
  case SACK_BLOCKS:
    if (length >= 10)
      segment->marks |= MARK_SACK;
    break;
  case SACK_PERMITTED:
    if (length == 2)
      segment->marks |= MARK_SACK_PERMITTED;
    break;
  case COOKIE: segment->marks |= length > 2 ? MARK_FAST_OPEN : MARK_FAST_OPEN_ASKED; break;
  case WINDOW_SCALE:
    if (length == 3)
      segment->wscale = (int8_t)(at[2] < LARGEST_SCALE ? at[2] : LARGEST_SCALE);
    break;
  case MSS:
    if (length == 4)
      segment->mss = be16(at + 2);
    break;
  default: break;
  }
}

static void options(const uint8_t *at, const uint8_t *end, struct segment *segment)
{
  for (int i = 0; i < MOST_OPTIONS && at < end && at[0] != END; i++) {
    if (at[0] == NOP) {
      at++;
      continue;
    }
    if (end - at < 2 || at[1] < 2 || at[1] > end - at)
      return;
    option(at, at[1], segment);
    at += at[1];
  }
}

/* Sum of 16-bit words in network order (RFC 1071). */
static uint64_t sum(const uint8_t *at, int64_t size)
{
  uint64_t total = 0;
  for (; size >= 2; at += 2, size -= 2)
    total += be16(at);
  return size ? total + ((uint64_t)*at << 8) : total;
}

static uint64_t folded(uint64_t total)
{
  while (total >> 16)
    total = (total & 0xFFFF) + (total >> 16);
  return total;
}

/* A checksum left to the network card holds the sum over the pseudo header alone, or nothing: that is not wrong. */
static int wrong_checksum(const struct bytes *b, const struct segment *segment)
{
  if (b->limit > b->captured || b->limit > b->judged || b->limit < 20)
    return 0;
  uint64_t field = be16(b->at + 16), pseudo = folded(sum(segment->src, 32) + 6 + (uint64_t)b->limit);
  return field != 0 && field != pseudo && folded(pseudo + sum(b->at, b->limit)) != 0xFFFF;
}

/* So little was captured that an ICMP error quoting it has no ports: it is known again by its identification (icmp.c). */
static void remember(struct headers *headers, const struct segment *s)
{
  struct cut_packet *kept = &headers->cut[headers->cut_count++ % CUT_PACKETS];
  memcpy(kept->src, s->src, sizeof kept->src);
  memcpy(kept->dst, s->dst, sizeof kept->dst);
  kept->seq = s->seq;
  kept->id = s->ip_id;
  kept->sport = s->sport;
  kept->dport = s->dport;
}

/* The snaplen left ports, and perhaps numbers: whose packet it is is known, what it says is not. */
static enum layer without_flags(struct descent *d)
{
  const struct bytes *b = &d->rest;
  struct segment *segment = &d->segment;
  if (b->limit < FLAGS || lacks(d, PORTS))
    return LAYER_NONE;
  segment->sport = u16(b, 0);
  segment->dport = u16(b, 2);
  segment->seq = u32(b, 4);
  segment->ack = u32(b, 8);
  segment->flags = segment->window = segment->mss = 0;
  segment->wscale = -1;
  segment->tsval = segment->tsecr = segment->payload = segment->captured = 0;
  segment->data = NULL;
  segment->marks |= MARK_HEADER_CUT | MARK_FLAGS_CUT;
  count_snapped(&d->headers->no_flags, segment->number);
  engine_segment_in(d->headers->engine, segment);
  return LAYER_NONE;
}

enum layer tcp(struct descent *d)
{
  const struct bytes *b = &d->rest;
  struct segment *segment = &d->segment;
  const uint8_t *at = b->at;
  if (b->captured < FLAGS)
    return without_flags(d);
  uint16_t bits = be16(at + 12);
  int header = (bits >> 12) * 4;
  segment->sport = be16(at);
  segment->dport = be16(at + 2);
  segment->seq = be32(at + 4);
  segment->ack = be32(at + 8);
  segment->flags = header < 20 ? 0 : bits & 0x1FF; /* shorter than it can be: no receiver takes it */
  /* one that was cut off is taken for open, but a RST's tells its kind, and HEADER_CUT that it is unknown */
  segment->window = has(b, WINDOW) ? be16(at + 14) : segment->flags & RST ? 0 : UINT16_MAX;
  segment->wscale = -1;
  segment->mss = 0;
  segment->tsval = segment->tsecr = 0;
  int64_t payload = b->limit - header, captured = b->captured - header;
  segment->payload = payload <= 0 ? 0 : payload < UINT32_MAX ? (uint32_t)payload : UINT32_MAX;
  segment->captured = captured <= 0 ? 0 : captured < segment->payload ? (uint32_t)captured : segment->payload;
  segment->data = segment->captured ? at + header : NULL;
  if (wrong_checksum(b, segment))
    segment->marks |= MARK_BAD_CHECKSUM;
  if (b->captured < header || b->captured < 20) {
    segment->marks |= MARK_HEADER_CUT;
    count_snapped(&d->headers->no_options, segment->number);
  }
  if (header == 32 && b->captured >= 32 && be32(at + 20) == TIMESTAMP_ALONE) {
    segment->marks |= MARK_TIMESTAMP;
    segment->tsval = be32(at + 24);
    segment->tsecr = be32(at + 28);
  } else if (header > 20 && b->captured > 20) {
    options(at + 20, at + (header < b->captured ? header : b->captured), segment);
  }
  if (b->captured < b->limit && b->captured < QUOTED_SHORT && src_family(segment) == 4)
    remember(d->headers, segment);
  engine_segment_in(d->headers->engine, segment);
  return LAYER_NONE;
}
