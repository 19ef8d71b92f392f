/* The way down through headers, and the numbers that name them. */
#include "headers.h"

#include <string.h>

static enum layer nothing(struct descent *d)
{
  (void)d;
  return LAYER_NONE;
}

static enum layer (*const STEPS[LAYER_COUNT])(struct descent *) = {
  [LAYER_NONE] = nothing,
#define X(name, step) [LAYER_##name] = step,
  LAYERS(X)
#undef X
};

void descend(struct descent *d, enum layer layer)
{
  while (layer != LAYER_NONE && d->depth < DEEPEST) {
    d->depth++;
    switch (layer) { /* most packets have these, and a direct call is guessed right */
    case LAYER_ETHERNET: layer = ethernet(d); break;
    case LAYER_IPV4: layer = ipv4(d); break;
    case LAYER_TCP: layer = tcp(d); break;
    default: layer = STEPS[layer](d);
    }
  }
}

enum { BUDGET = 2 << 20 }; /* bytes of a file whose checksums are looked at: wrong ones show there */

static void begin_descent(struct descent *d, struct headers *headers, const struct frame *frame)
{
  int64_t limit = frame->original > frame->captured ? frame->original : frame->captured;
  d->headers = headers;
  d->rest = (struct bytes){frame->bytes, frame->captured, limit, BUDGET - (int64_t)frame->offset};
  d->depth = d->rounds = 0;
  d->segment.number = frame->number;
  d->segment.offset = frame->offset;
  d->segment.time = frame->time;
  d->segment.scope = 0;
  d->segment.interface = frame->interface;
  d->segment.direction = frame->direction;
  d->segment.content = 0;
  d->segment.http = 0;
  d->segment.http_end = 0;
}

void headers_frame(struct headers *headers, const struct frame *frame)
{
  struct descent d;
  begin_descent(&d, headers, frame);
  descend(&d, frame->layer);
}

int64_t headers_find_ip(struct headers *headers, const struct frame *frame)
{
  struct descent d;
  begin_descent(&d, headers, frame);
  int64_t captured = d.rest.captured;
  for (enum layer layer = frame->layer; layer != LAYER_NONE && d.depth < DEEPEST; d.depth++) {
    if (layer == LAYER_IPV4 || layer == LAYER_IPV6)
      return captured - d.rest.captured;
    if (layer == LAYER_TCP || layer == LAYER_ICMP || layer == LAYER_ICMPV6)
      break;
    layer = STEPS[layer](&d);
  }
  return -1;
}

int headers_begin(struct headers *headers, struct engine *engine)
{
  memset(headers, 0, sizeof *headers);
  headers->engine = engine;
  headers->fragments = fragments_new();
  headers->scopes = scope_cache_new();
  return headers->fragments && headers->scopes;
}

void headers_end(struct headers *headers)
{
  fragments_free(headers->fragments);
  scope_cache_free(headers->scopes);
}

int lacks(struct descent *d, int64_t size)
{
  if (has(&d->rest, size))
    return 0;
  if (d->rest.limit >= size)
    count_snapped(&d->headers->no_header, d->segment.number);
  return 1;
}

enum layer then(struct descent *d, int64_t size, enum layer layer)
{
  if (layer == LAYER_NONE || lacks(d, size))
    return LAYER_NONE;
  pass(&d->rest, size);
  return layer;
}

enum layer typed(struct descent *d, uint16_t type, int size)
{
  pass(&d->rest, size);
  if (type >= 1536)
    return ethertype_layer(type);
  ends_after(&d->rest, type);
  return LAYER_LLC;
}

enum layer rarer_ethertype_layer(uint16_t type)
{
  switch (type) {
  case 0x86DD: return LAYER_IPV6;
  case 0x8100:
  case 0x88A8:
  case 0x9100:
  case 0x9200:
  case 0x9300: return LAYER_VLAN;
  case 0x8847:
  case 0x8848: return LAYER_MPLS;
  case 0x8864: return LAYER_PPPOE;
  case 0x880B: return LAYER_PPP;
  case 0x6558: return LAYER_ETHERNET;
  case 0x88E7: return LAYER_PBB;
  case 0x8926: return LAYER_VN_TAG;
  case 0x8903: return LAYER_FABRIC_PATH;
  case 0x8909: return LAYER_TRUST_SEC;
  case 0x892F: return LAYER_HSR;
  case 0x88E5: return LAYER_MACSEC;
  default: return LAYER_NONE;
  }
}

enum layer rarer_protocol_layer(uint8_t protocol)
{
  switch (protocol) {
  case 17: return LAYER_UDP;
  case 1: return LAYER_ICMP;
  case 58: return LAYER_ICMPV6;
  case 4: return LAYER_INNER_IPV4;
  case 41: return LAYER_INNER_IPV6;
  case 47: return LAYER_GRE;
  case 51: return LAYER_AH;
  case 97: return LAYER_ETHER_IP;
  case 137: return LAYER_MPLS;
  default: return LAYER_NONE;
  }
}

enum layer version_layer(uint8_t first)
{
  return first >> 4 == 4 ? LAYER_IPV4 : first >> 4 == 6 ? LAYER_IPV6 : LAYER_NONE;
}

/* Address families: AF_INET is 2 everywhere, AF_INET6 is what each system says. */
enum layer family_layer(uint32_t family)
{
  switch (family) {
  case 2: return LAYER_IPV4;
  case 10:
  case 23:
  case 24:
  case 28:
  case 30: return LAYER_IPV6;
  default: return LAYER_NONE;
  }
}

enum layer link_layer(uint32_t link)
{
  switch (link) { /* https://www.tcpdump.org/linktypes.html */
  case 0: return LAYER_NULL_FAMILY;
  case 1: return LAYER_ETHERNET;
  case 6: return LAYER_TOKEN_RING;
  case 9: return LAYER_PPP;
  case 10: return LAYER_FDDI;
  case 12:
  case 14:
  case 101: return LAYER_RAW_IP;
  case 50: return LAYER_PPP_SERIAL;
  case 51: return LAYER_PPPOE;
  case 104: return LAYER_CISCO_HDLC;
  case 105: return LAYER_IEEE80211;
  case 107: return LAYER_FRAME_RELAY;
  case 108: return LAYER_NULL_FAMILY; /* LOOP: in network order; its value gives the family */
  case 109: return LAYER_ENC;
  case 113: return LAYER_LINUX_SLL;
  case 117: return LAYER_PFLOG;
  case 119: return LAYER_PRISM;
  case 122: return LAYER_IP_OVER_FC;
  case 127: return LAYER_RADIOTAP;
  case 149: return LAYER_PKTAP; /* USER2, which Apple wrote PKTAP under */
  case 163: return LAYER_AVS;
  case 166: return LAYER_PPP;
  case 192: return LAYER_PPI;
  case 204: return LAYER_PPP_WITH_DIRECTION;
  case 219: return LAYER_MPLS;
  case 228:
  case 229: return LAYER_RAW_IP;
  case 239: return LAYER_NFLOG;
  case 258: return LAYER_PKTAP;
  case 276: return LAYER_LINUX_SLL2;
  case 281:
  case 284: return LAYER_DSA_4;
  case 282: return LAYER_DSA_BEFORE;
  case 285: return LAYER_DSA_8;
  default: return LAYER_NONE;
  }
}

/* IPv4, IPv6 or ARP where the link layer's type says so. */
static int is_network(uint16_t type, const struct bytes *b, int64_t at)
{
  if (type == 0x0800)
    return u8(b, at) >> 4 == 4 && (u8(b, at) & 15) >= 5;
  if (type == 0x86DD)
    return u8(b, at) >> 4 == 6;
  return type == 0x0806 && u16(b, at) == 1;
}

int looks_like(enum layer layer, const uint8_t *bytes, uint32_t captured)
{
  const struct bytes b = {bytes, captured, captured, 0};
  switch (layer) {
  case LAYER_ETHERNET: return is_network(u16(&b, 12), &b, 14);
  case LAYER_LINUX_SLL: return is_network(u16(&b, 14), &b, 16);
  case LAYER_LINUX_SLL2: return is_network(u16(&b, 0), &b, 20);
  case LAYER_RAW_IP: return is_network(0x0800, &b, 0) || is_network(0x86DD, &b, 0);
  case LAYER_NULL_FAMILY: return family_layer(u32_little(&b, 0)) != LAYER_NONE || family_layer(u32(&b, 0)) != LAYER_NONE;
  case LAYER_PPP: return is_network(u16(&b, 0) == 0xFF03 ? u16(&b, 2) == 0x21 ? 0x0800 : 0 : 0, &b, 4);
  default: return 0;
  }
}
