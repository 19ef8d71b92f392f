/* TCP headers quoted in ICMP errors (RFC 792, RFC 4443): evidence of why a connection failed. */
#include "headers.h"

#include <string.h>

enum { MOST = 100000, MOST_QUOTED = 512, TCP = 6, FRAGMENT = 44, AUTHENTICATION = 51 };
enum { UP_TO_CHECKSUM = 12 }; /* bytes of an IPv4 header */

/* What the error itself says. */
static void hand_on(struct descent *d, const struct bytes *icmp, struct quoted *quoted)
{
  quoted->number = d->segment.number;
  quoted->time = d->segment.time;
  memcpy(quoted->reporter, d->segment.src, 16);
  quoted->type = u8(icmp, 0);
  quoted->code = u8(icmp, 1);
  if (quoted->family == 4 && quoted->type == 3 && quoted->code == 4)
    quoted->mtu = u16(icmp, 6);
  if (quoted->family == 6 && quoted->type == 2)
    quoted->mtu = u32(icmp, 4) < UINT16_MAX ? (uint16_t)u32(icmp, 4) : UINT16_MAX;
  d->headers->quotations++;
  engine_quoted_in(d->headers->engine, quoted);
}

/* The quoted packet's TCP header begins at `b`; its addresses are in `addresses`. */
static void quote(struct descent *d, const struct bytes *icmp, const struct bytes *b, const uint8_t *addresses,
                  int family)
{
  struct quoted quoted = {.family = (uint8_t)family};
  size_t size = family == 4 ? 4 : 16;
  memcpy(quoted.src, addresses, size);
  memcpy(quoted.dst, addresses + size, size);
  quoted.sport = u16(b, 0);
  quoted.dport = u16(b, 2);
  quoted.has_seq = has(b, 8) ? 1 : 0;
  quoted.seq = u32(b, 4);
  hand_on(d, icmp, &quoted);
}

/* Whether these addresses belong to an IPv4 header of which only the 12 bytes up to its checksum are there. */
static int belong(const uint8_t *header, const uint8_t *src, const uint8_t *dst)
{
  uint32_t sum = (uint32_t)be16(src) + be16(src + 2) + be16(dst) + be16(dst + 2);
  for (int i = 0; i < UP_TO_CHECKSUM; i += 2)
    sum += be16(header + i);
  while (sum >> 16)
    sum = (sum & 0xFFFF) + (sum >> 16);
  return sum == 0xFFFF;
}

/* The capture cut the quotation before its ports, as it cut the packet: whose sender gets the error, whose identification
 * is in it, and whose addresses its checksum covers. */
static void recognise(struct descent *d, const struct bytes *icmp, const struct bytes *ip)
{
  const struct headers *headers = d->headers;
  uint32_t there = headers->cut_count < CUT_PACKETS ? headers->cut_count : CUT_PACKETS;
  for (uint32_t back = 1; back <= there; back++) {
    const struct cut_packet *sent = &headers->cut[(headers->cut_count - back) % CUT_PACKETS];
    if (sent->id != u16(ip, 4) || memcmp(sent->src, d->segment.dst, 4) || !belong(ip->at, sent->src, sent->dst))
      continue;
    struct quoted quoted = {.family = 4, .sport = sent->sport, .dport = sent->dport, .seq = sent->seq, .has_seq = 1};
    memcpy(quoted.src, sent->src, 4);
    memcpy(quoted.dst, sent->dst, 4);
    hand_on(d, icmp, &quoted);
    return;
  }
}

static struct bytes quotation(const struct bytes *icmp)
{
  struct bytes b = *icmp;
  pass(&b, 8);
  if (b.captured > MOST_QUOTED)
    b.captured = MOST_QUOTED;
  return b;
}

static int passed_over(struct headers *headers)
{
  if (headers->quotations < MOST)
    return 0;
  headers->quotations_passed_over++;
  return 1;
}

enum layer icmp(struct descent *d)
{
  uint8_t type = u8(&d->rest, 0);
  if (!has(&d->rest, 8 + UP_TO_CHECKSUM) || !(type == 3 || type == 4 || type == 5 || type == 11 || type == 12))
    return LAYER_NONE;
  if (passed_over(d->headers))
    return LAYER_NONE;
  struct bytes b = quotation(&d->rest);
  const uint8_t *addresses = b.at + 12;
  int size = (u8(&b, 0) & 15) * 4;
  if (u8(&b, 0) >> 4 != 4 || size < 20 || u8(&b, 9) != TCP || u16(&b, 6) & 0x1FFF)
    return LAYER_NONE;
  if (!has(&b, size + 4)) {
    if (size == 20)
      recognise(d, &d->rest, &b);
    return LAYER_NONE;
  }
  pass(&b, size);
  quote(d, &d->rest, &b, addresses, 4);
  return LAYER_NONE;
}

enum layer icmpv6(struct descent *d)
{
  uint8_t type = u8(&d->rest, 0);
  if (!has(&d->rest, 8 + 40 + 4) || type < 1 || type > 4 || passed_over(d->headers))
    return LAYER_NONE;
  struct bytes b = quotation(&d->rest);
  const uint8_t *addresses = b.at + 8;
  if (u8(&b, 0) >> 4 != 6)
    return LAYER_NONE;
  uint8_t protocol = u8(&b, 6);
  pass(&b, 40);
  while ((is_extension(protocol) || protocol == FRAGMENT) && has(&b, 8)) {
    int words = u8(&b, 1);
    int size = protocol == FRAGMENT ? 8 : protocol == AUTHENTICATION ? (words + 2) * 4 : (words + 1) * 8;
    protocol = u8(&b, 0);
    pass(&b, size);
  }
  if (protocol != TCP || !has(&b, 4))
    return LAYER_NONE;
  quote(d, &d->rest, &b, addresses, 6);
  return LAYER_NONE;
}
