/* IPv4 and IPv6 (RFC 791, RFC 8200), in each other too. */
#include "headers.h"

#include <string.h>

enum { FRAGMENT_HEADER = 44, AUTHENTICATION = 51, MORE_FRAGMENTS = 0x2000 };

/* The packet's own length; 0 is one that the card was left to cut (TSO, BIG TCP): then the frame says how long it is, if
 * that can be. */
static void ends_as_said(struct bytes *b, int64_t size)
{
  enum { LARGEST = 1 << 20 }; /* the kernel makes none above half of it */
  if (size)
    ends_after(b, size);
  else if (b->limit > LARGEST)
    b->limit = b->captured;
  cut_off(b);
}

static void addresses(struct segment *segment, const uint8_t *source, int size)
{
  memset(segment->src, 0, 32); /* src and dst are together */
  memcpy(segment->src, source, (size_t)size);
  memcpy(segment->dst, source + size, (size_t)size);
}

/* The snaplen cut the IP header: whose packet it is is unknown. Its protocol, at `at`, may say that it is none of TCP's. */
static enum layer without_addresses(struct descent *d, int64_t at, int64_t size)
{
  if (!has(&d->rest, at + 1) || protocol_layer(u8(&d->rest, at)) == LAYER_TCP)
    lacks(d, size);
  return LAYER_NONE;
}

enum layer ipv4(struct descent *d)
{
  struct bytes *b = &d->rest;
  struct segment *segment = &d->segment;
  if (!has(b, 20))
    return without_addresses(d, 9, 20);
  const uint8_t *at = b->at;
  int size = (at[0] & 15) * 4, total = be16(at + 2), fragment = be16(at + 6);
  if (at[0] >> 4 != 4 || size < 20 || (total < size && total != 0))
    return LAYER_NONE;
  segment->family = 4;
  segment->marks = 0;
  segment->ttl = at[8];
  segment->ip_id = be16(at + 4);
  addresses(segment, at + 12, 4);
  ends_as_said(b, total);
  uint8_t protocol = at[9];
  pass(b, size);
  if (fragment & 0x3FFF) {
    const struct fragment one = {segment->ip_id, protocol, (uint32_t)(fragment & 0x1FFF) * 8,
                                 (fragment & MORE_FRAGMENTS) != 0};
    if (protocol != 1 && protocol_layer(protocol) != LAYER_NONE)
      fragment_in(d, &one);
    return LAYER_NONE;
  }
  return protocol_layer(protocol);
}

int is_extension(uint8_t protocol)
{
  switch (protocol) {
  case 0:
  case 43:
  case 51:
  case 60:
  case 135:
  case 139:
  case 140: return 1;
  default: return 0;
  }
}

static void ipv6_fragment(struct descent *d)
{
  struct bytes *b = &d->rest;
  if (!has(b, 8))
    return;
  const struct fragment one = {u32(b, 4), u8(b, 0), u16(b, 2) & 0xFFF8, u16(b, 2) & 1};
  pass(b, 8);
  if (one.protocol != 58 && protocol_layer(one.protocol) != LAYER_NONE)
    fragment_in(d, &one);
}

enum layer ipv6(struct descent *d)
{
  struct bytes *b = &d->rest;
  struct segment *segment = &d->segment;
  if (!has(b, 40))
    return without_addresses(d, 6, 40);
  const uint8_t *at = b->at;
  if (at[0] >> 4 != 6)
    return LAYER_NONE;
  int length = be16(at + 4);
  uint8_t protocol = at[6];
  segment->family = 6;
  segment->marks = MARK_IPV6;
  segment->ttl = at[7];
  segment->ip_id = 0;
  addresses(segment, at + 8, 16);
  ends_as_said(b, length ? 40 + length : 0);
  pass(b, 40);
  for (int headers = 0; headers < 16 && is_extension(protocol) && has(b, 8); headers++) {
    int words = u8(b, 1);
    int64_t size = protocol == AUTHENTICATION ? (words + 2) * 4 : (words + 1) * 8;
    protocol = u8(b, 0);
    pass(b, size);
  }
  if (protocol == FRAGMENT_HEADER) {
    ipv6_fragment(d);
    return LAYER_NONE;
  }
  return protocol_layer(protocol);
}

/* IPv4 in IP (RFC 2003, RFC 2473). */
enum layer inner_ipv4(struct descent *d)
{
  enter_scope(d, d->segment.family == 4 ? SCOPE_IPIP : SCOPE_4IN6, 0);
  return LAYER_IPV4;
}

/* IPv6 in IP (RFC 4213, RFC 2473). */
enum layer inner_ipv6(struct descent *d)
{
  enter_scope(d, d->segment.family == 4 ? SCOPE_6IN4 : SCOPE_6IN6, 0);
  return LAYER_IPV6;
}

/* IPsec's AH (RFC 4302): what it signs can be read. */
enum layer authentication(struct descent *d)
{
  const struct bytes *b = &d->rest;
  return has(b, 12) ? then(d, (u8(b, 1) + 2) * 4, protocol_layer(u8(b, 0))) : LAYER_NONE;
}
