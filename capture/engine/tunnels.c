/* Headers between two IPs: the innermost TCP counts, and the tunnel is part of its connection's key.
 *
 * Identifiers that differ by direction (GTP's TEIDs, L2TP's and PPTP's calls, MPLS labels) are no part of it.
 */
#include "headers.h"

static enum layer gre_layer(uint16_t type)
{
  switch (type) {
  case 0x88BE: return LAYER_ERSPAN_2;
  case 0x22EB: return LAYER_ERSPAN_3;
  case 0x883E: return LAYER_WCCP;
  case 0x6400: return LAYER_ETHERNET;
  default: break;
  }
  if (type >= 0x8200 && type < 0x8380 && (type & 15) == 0) /* Aruba's access points */
    return LAYER_IEEE80211;
  return ethertype_layer(type);
}

/* GRE (RFC 2784, 2890), NVGRE (RFC 7637) and PPTP's (RFC 2637). */
enum layer gre(struct descent *d)
{
  const struct bytes *b = &d->rest;
  uint16_t bits = u16(b, 0), type = u16(b, 2);
  if (!has(b, 4) || (bits & 7) > 1 || bits & 0x4000)
    return LAYER_NONE;
  int words = (bits >> 15 & 1) + (bits >> 13 & 1) + (bits >> 12 & 1) + ((bits & 7) == 1 ? bits >> 7 & 1 : 0);
  /* NVGRE's key is a network and a flow: the flow differs by direction. */
  uint32_t network = type == 0x6558 && (bits & 0xF000) == 0x2000 ? u32(b, 4) >> 8 : 0;
  enter_scope(d, network ? SCOPE_NVGRE : SCOPE_GRE, network);
  /* ERSPAN type I has no header of its own. */
  return then(d, 4 + 4 * words, type == 0x88BE && !(bits & 0x1000) ? LAYER_ETHERNET : gre_layer(type));
}

/* ERSPAN type II: eight bytes. */
enum layer erspan_2(struct descent *d) { return then(d, 8, LAYER_ETHERNET); }

/* ERSPAN type III: twelve bytes, and eight more where a bit says so; frames of Ethernet only. */
enum layer erspan_3(struct descent *d)
{
  return has(&d->rest, 12) ? then(d, u8(&d->rest, 11) & 1 ? 20 : 12, LAYER_ETHERNET) : LAYER_NONE;
}

/* Cisco's web cache redirection: a header of four bytes, unless IP comes at once (version 1). */
enum layer wccp(struct descent *d)
{
  return has(&d->rest, 5) ? then(d, u8(&d->rest, 0) >> 4 == 4 ? 0 : 4, LAYER_IPV4) : LAYER_NONE;
}

/* Ethernet in IP (RFC 3378). */
enum layer ether_ip(struct descent *d)
{
  enter_scope(d, SCOPE_ETHERIP, 0);
  return then(d, 2, LAYER_ETHERNET);
}

enum layer udp_port_layer(uint16_t port)
{
  switch (port) {
  case 4789:
  case 8472: return LAYER_VXLAN;
  case 4790: return LAYER_VXLAN_GPE;
  case 6081: return LAYER_GENEVE;
  case 2152: return LAYER_GTP;
  case 3544: return LAYER_TEREDO;
  case 5072: return LAYER_AYIYA;
  case 6635: return LAYER_MPLS;
  case 1701: return LAYER_L2TP;
  case 4754: return LAYER_GRE;
  default: return LAYER_NONE;
  }
}

/* Tunnels whose answers come from the port. */
static int either_way(enum layer layer)
{
  return layer == LAYER_GTP || layer == LAYER_TEREDO || layer == LAYER_AYIYA || layer == LAYER_L2TP ||
         layer == LAYER_GRE;
}

/* Tunnels over UDP, by their ports. */
enum layer udp(struct descent *d)
{
  const struct bytes *b = &d->rest;
  enum layer layer = udp_port_layer(u16(b, 2)), source = udp_port_layer(u16(b, 0));
  if (layer == LAYER_NONE && either_way(source))
    layer = source;
  return then(d, 8, layer);
}

/* VXLAN (RFC 7348): the network is part of the key. */
enum layer vxlan(struct descent *d)
{
  const struct bytes *b = &d->rest;
  if (lacks(d, 8) || !(u8(b, 0) & 0x08))
    return LAYER_NONE;
  enter_scope(d, SCOPE_VXLAN, u32(b, 4) >> 8);
  return then(d, 8, LAYER_ETHERNET);
}

/* VXLAN with a next protocol (draft-ietf-nvo3-vxlan-gpe). */
enum layer vxlan_gpe(struct descent *d)
{
  static const enum layer NEXT[] = {LAYER_NONE, LAYER_IPV4, LAYER_IPV6, LAYER_ETHERNET};
  const struct bytes *b = &d->rest;
  if (lacks(d, 8))
    return LAYER_NONE;
  enter_scope(d, SCOPE_VXLAN, u32(b, 4) >> 8);
  return then(d, 8, u8(b, 3) < 4 ? NEXT[u8(b, 3)] : LAYER_NONE);
}

/* Geneve (RFC 8926): options are passed over. */
enum layer geneve(struct descent *d)
{
  const struct bytes *b = &d->rest;
  if (lacks(d, 8) || u8(b, 0) >> 6)
    return LAYER_NONE;
  enter_scope(d, SCOPE_GENEVE, u32(b, 4) >> 8);
  return then(d, 8 + 4 * (u8(b, 0) & 0x3F), ethertype_layer(u16(b, 2)));
}

/* GTP-U (3GPP TS 29.281), extension headers included. */
enum layer gtp(struct descent *d)
{
  struct bytes *b = &d->rest;
  if (!has(b, 8) || (u8(b, 0) & 0xF0) != 0x30 || u8(b, 1) != 0xFF)
    return LAYER_NONE;
  int more = u8(b, 0) & 7, following = u8(b, 0) & 4 ? u8(b, 11) : 0;
  pass(b, more ? 12 : 8);
  for (int headers = 0; headers < 8 && following; headers++) {
    int size = 4 * u8(b, 0);
    if (!size || !has(b, size))
      return LAYER_NONE;
    following = u8(b, size - 1);
    pass(b, size);
  }
  if (!has(b, 1))
    return LAYER_NONE;
  enter_scope(d, SCOPE_GTP, 0);
  return version_layer(u8(b, 0));
}

/* Teredo (RFC 4380): authentication and origin may come before the IPv6 packet. */
enum layer teredo(struct descent *d)
{
  struct bytes *b = &d->rest;
  if (!has(b, 13))
    return LAYER_NONE;
  if (u16(b, 0) == 1)
    pass(b, 13 + u8(b, 2) + u8(b, 3));
  if (!has(b, 8))
    return LAYER_NONE;
  if (u16(b, 0) == 0)
    pass(b, 8);
  if (u8(b, 0) >> 4 != 6)
    return LAYER_NONE;
  enter_scope(d, SCOPE_TEREDO, 0);
  return LAYER_IPV6;
}

/* AYIYA (draft-massar-v6ops-ayiya): identity and signature sizes in the first two bytes. */
enum layer ayiya(struct descent *d)
{
  const struct bytes *b = &d->rest;
  if (!has(b, 8))
    return LAYER_NONE;
  int64_t size = 8 + ((int64_t)1 << (u8(b, 0) >> 4)) + 4 * (u8(b, 1) >> 4);
  enter_scope(d, SCOPE_AYIYA, 0);
  return then(d, size, u8(b, 3) == 4 ? LAYER_IPV4 : u8(b, 3) == 41 ? LAYER_IPV6 : LAYER_NONE);
}

/* L2TP version 2 data (RFC 2661): PPP inside. */
enum layer l2tp(struct descent *d)
{
  const struct bytes *b = &d->rest;
  uint16_t bits = u16(b, 0);
  if (!has(b, 6) || bits & 0x8000 || (bits & 0x0F) != 2)
    return LAYER_NONE;
  int size = 6 + (bits & 0x4000 ? 2 : 0) + (bits & 0x0800 ? 4 : 0);
  if (bits & 0x0200)
    size += 2 + u16(b, size);
  enter_scope(d, SCOPE_L2TP, 0);
  return then(d, size, LAYER_PPP);
}
