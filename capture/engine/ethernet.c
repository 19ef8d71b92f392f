/* Ethernet, what is between its addresses and its type, and LLC. */
#include "headers.h"

/* IEEE 802.3: a type, or (below 1536) a length and LLC. */
enum layer ethernet(struct descent *d)
{
  return lacks(d, 14) ? LAYER_NONE : typed(d, u16(&d->rest, 12), 14);
}

/* IEEE 802.2: SNAP with a type, or the SAP of IP. */
enum layer llc(struct descent *d)
{
  const struct bytes *b = &d->rest;
  if (!has(b, 3))
    return LAYER_NONE;
  if (u16(b, 0) == 0x0606)
    return then(d, 3, LAYER_IPV4);
  if (u16(b, 0) != 0xAAAA || u8(b, 2) != 3 || !has(b, 8))
    return LAYER_NONE;
  uint32_t oui = u32(b, 2) & 0xFFFFFF; /* the control byte comes before its three */
  return oui == 0 || oui == 0xF8 ? then(d, 8, ethertype_layer(u16(b, 6))) : LAYER_NONE;
}

/* IEEE 802.1Q: the VLAN joins the scope (0 is none: only a priority); then a type or length. */
enum layer vlan(struct descent *d)
{
  const struct bytes *b = &d->rest;
  if (lacks(d, 4))
    return LAYER_NONE;
  if (u16(b, 0) & 0xFFF)
    enter_scope(d, SCOPE_VLAN, u16(b, 0) & 0xFFF);
  return typed(d, u16(b, 2), 4);
}

/* Past all labels (RFC 3032); no field says what follows, so the first half-byte must. */
enum layer mpls(struct descent *d)
{
  struct bytes *b = &d->rest;
  for (int labels = 0; labels < 16 && has(b, 5); labels++) {
    int bottom = u8(b, 2) & 1;
    pass(b, 4);
    if (!bottom)
      continue;
    if (u8(b, 0) >> 4 == 0) { /* a pseudowire's control word (RFC 4448) */
      pass(b, 4);
      return LAYER_ETHERNET;
    }
    return version_layer(u8(b, 0));
  }
  return LAYER_NONE;
}

/* Cisco's VN-Tag: four bytes, then a type. */
enum layer vn_tag(struct descent *d) { return has(&d->rest, 6) ? typed(d, u16(&d->rest, 4), 6) : LAYER_NONE; }

/* IEEE 802.1ah: a service instance, then the customer's frame. */
enum layer provider_backbone(struct descent *d) { return then(d, 4, LAYER_ETHERNET); }

/* Cisco FabricPath: tag and time to live, then the frame. */
enum layer fabric_path(struct descent *d) { return then(d, 2, LAYER_ETHERNET); }

/* Cisco's metadata: eight bytes, the last two a type. */
enum layer trust_sec(struct descent *d) { return has(&d->rest, 8) ? typed(d, u16(&d->rest, 6), 8) : LAYER_NONE; }

/* IEC 62439-3 HSR tag: size, sequence number, then a type. */
enum layer hsr(struct descent *d) { return has(&d->rest, 6) ? typed(d, u16(&d->rest, 4), 6) : LAYER_NONE; }

/* IEEE 802.1AE where it only signs: a tag, with or without the channel, then a type. */
enum layer macsec(struct descent *d)
{
  const struct bytes *b = &d->rest;
  if (!has(b, 16) || u8(b, 0) & 0x0C)
    return LAYER_NONE;
  int size = u8(b, 0) & 0x20 ? 14 : 6;
  return then(d, size + 2, ethertype_layer(u16(b, size)));
}

/* A switch's tag of four bytes between addresses and type. */
enum layer switch_tag_4(struct descent *d) { return has(&d->rest, 18) ? typed(d, u16(&d->rest, 16), 18) : LAYER_NONE; }

/* Marvell's EDSA tag of eight bytes between addresses and type. */
enum layer switch_tag_8(struct descent *d) { return has(&d->rest, 22) ? typed(d, u16(&d->rest, 20), 22) : LAYER_NONE; }

/* A switch's tag of four bytes before the frame. */
enum layer switch_tag_before(struct descent *d) { return then(d, 4, LAYER_ETHERNET); }
