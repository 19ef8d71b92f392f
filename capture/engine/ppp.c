/* PPP and what is laid out like it: serial lines, PPPoE, Cisco HDLC, frame relay. */
#include "headers.h"

static enum layer ppp_protocol_layer(uint16_t protocol)
{
  switch (protocol) {
  case 0x21: return LAYER_IPV4;
  case 0x57: return LAYER_IPV6;
  case 0x0281:
  case 0x0283: return LAYER_MPLS;
  default: return LAYER_NONE;
  }
}

/* RFC 1661, 1662: address and control may be left out, and a small protocol number shortened. */
enum layer ppp(struct descent *d)
{
  struct bytes *b = &d->rest;
  if (lacks(d, 2))
    return LAYER_NONE;
  if (u16(b, 0) == 0xFF03)
    pass(b, 2);
  int is_short = u8(b, 0) & 1;
  return then(d, is_short ? 1 : 2, ppp_protocol_layer(is_short ? u8(b, 0) : u16(b, 0)));
}

/* PPP in HDLC-like framing, or Cisco HDLC: the first byte differs. */
enum layer ppp_serial(struct descent *d)
{
  if (!has(&d->rest, 4))
    return LAYER_NONE;
  uint8_t first = u8(&d->rest, 0);
  return first == 0x0F || first == 0x8F ? LAYER_CISCO_HDLC : LAYER_PPP;
}

/* PPP after one byte of direction: 0 was received. */
enum layer ppp_with_direction(struct descent *d)
{
  if (!has(&d->rest, 1))
    return LAYER_NONE;
  d->segment.direction = u8(&d->rest, 0) ? DIRECTION_OUT : DIRECTION_IN;
  return then(d, 1, LAYER_PPP);
}

/* Address, control, type. */
enum layer cisco_hdlc(struct descent *d)
{
  return has(&d->rest, 4) ? then(d, 4, ethertype_layer(u16(&d->rest, 2))) : LAYER_NONE;
}

/* RFC 2427's encapsulation, or Cisco's with a type. */
enum layer frame_relay(struct descent *d)
{
  const struct bytes *b = &d->rest;
  if (!has(b, 4))
    return LAYER_NONE;
  if (u8(b, 2) != 3)
    return then(d, 4, ethertype_layer(u16(b, 2)));
  switch (u8(b, 3)) {
  case 0xCC: return then(d, 4, LAYER_IPV4);
  case 0x8E: return then(d, 4, LAYER_IPV6);
  case 0: return then(d, 10, ethertype_layer(u16(b, 8)));
  default: return LAYER_NONE;
  }
}

/* PPPoE session (RFC 2516). Its length cuts off padding. */
enum layer pppoe(struct descent *d)
{
  const struct bytes *b = &d->rest;
  if (lacks(d, 8) || u8(b, 0) != 0x11 || u8(b, 1) != 0)
    return LAYER_NONE;
  uint16_t size = u16(b, 4);
  pass(&d->rest, 6);
  ends_after(&d->rest, size);
  return LAYER_PPP;
}
