/* What Linux writes instead of a link layer: "cooked" captures of "any", and netfilter's log. */
#include "headers.h"

/* Packet types of AF_PACKET: to us, broadcast, multicast, to others, outgoing. */
static uint8_t direction_of(uint32_t packet_type)
{
  return packet_type == 4 ? DIRECTION_OUT : packet_type == 3 ? DIRECTION_OTHER : DIRECTION_IN;
}

static enum layer cooked(struct descent *d, uint16_t protocol, int size)
{
  pass(&d->rest, size);
  return protocol == 4 ? LAYER_LLC : ethertype_layer(protocol);
}

/* Version 1. */
enum layer linux_sll(struct descent *d)
{
  const struct bytes *b = &d->rest;
  if (lacks(d, 16))
    return LAYER_NONE;
  d->segment.direction = direction_of(u16(b, 0));
  return cooked(d, u16(b, 14), 16);
}

/* Version 2, which tells the interface. */
enum layer linux_sll2(struct descent *d)
{
  const struct bytes *b = &d->rest;
  if (lacks(d, 20))
    return LAYER_NONE;
  d->segment.interface = u32(b, 4);
  d->segment.direction = direction_of(u8(b, 10));
  return cooked(d, u16(b, 0), 20);
}

/* Netfilter's log: attributes in the capturing machine's byte order (little-endian here), one is the packet. */
enum layer nflog(struct descent *d)
{
  struct bytes *b = &d->rest;
  if (!has(b, 8))
    return LAYER_NONE;
  pass(b, 4);
  for (int attributes = 0; attributes < 64 && has(b, 4); attributes++) {
    uint32_t word = u32_little(b, 0), size = word & 0xFFFF, kind = word >> 16;
    if (kind == 9) {
      pass(b, 4);
      return LAYER_RAW_IP;
    }
    if (size < 4)
      return LAYER_NONE;
    pass(b, (size + 3) & ~3u);
  }
  return LAYER_NONE;
}
