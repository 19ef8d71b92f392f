/* From the link layer to TCP: each header is a step that moves past itself and names the next. */
#ifndef TCPTRIAGE_HEADERS_H
#define TCPTRIAGE_HEADERS_H

#include "packet_bytes.h"
#include "engine.h"

/* A header that decoding knows: NAME, and the function that takes a packet past it. */
#define LAYERS(X)                                                                                                      \
  X(ETHERNET, ethernet) X(LLC, llc) X(VLAN, vlan) X(MPLS, mpls) X(VN_TAG, vn_tag) X(PBB, provider_backbone)            \
  X(FABRIC_PATH, fabric_path) X(TRUST_SEC, trust_sec) X(HSR, hsr) X(MACSEC, macsec) X(DSA_4, switch_tag_4)             \
  X(DSA_8, switch_tag_8) X(DSA_BEFORE, switch_tag_before)                                                              \
  X(LINUX_SLL, linux_sll) X(LINUX_SLL2, linux_sll2) X(NFLOG, nflog)                                                    \
  X(NULL_FAMILY, null_family) X(RAW_IP, raw_ip) X(PFLOG, pflog) X(ENC, enc)                                            \
  X(PPP, ppp) X(PPP_SERIAL, ppp_serial) X(PPP_WITH_DIRECTION, ppp_with_direction) X(CISCO_HDLC, cisco_hdlc)            \
  X(FRAME_RELAY, frame_relay) X(PPPOE, pppoe)                                                                          \
  X(IEEE80211, ieee80211) X(RADIOTAP, radiotap) X(PRISM, prism) X(AVS, avs) X(PPI, ppi) X(PKTAP, pktap)                \
  X(FDDI, fddi) X(TOKEN_RING, token_ring) X(IP_OVER_FC, ip_over_fc)                                                    \
  X(IPV4, ipv4) X(IPV6, ipv6) X(INNER_IPV4, inner_ipv4) X(INNER_IPV6, inner_ipv6) X(AH, authentication)                \
  X(GRE, gre) X(ETHER_IP, ether_ip) X(ERSPAN_2, erspan_2) X(ERSPAN_3, erspan_3) X(WCCP, wccp) X(UDP, udp)              \
  X(VXLAN, vxlan) X(VXLAN_GPE, vxlan_gpe) X(GENEVE, geneve) X(GTP, gtp) X(TEREDO, teredo) X(AYIYA, ayiya)              \
  X(L2TP, l2tp) X(TCP, tcp) X(ICMP, icmp) X(ICMPV6, icmpv6)

enum layer {
  LAYER_NONE = 0, /* nothing that may hold TCP */
#define X(name, step) LAYER_##name,
  LAYERS(X)
#undef X
  LAYER_COUNT
};

/* A packet as its container gives it. */
struct frame {
  const uint8_t *bytes;
  uint32_t captured, original;
  uint64_t number, offset;
  int64_t time;
  uint32_t interface;
  enum layer layer;
  uint32_t link;
  const uint8_t *options; /* what pcapng says beside it */
  uint32_t options_size;
  uint8_t direction, big;
};

/* Packets of which the snaplen cut something off, and the first of them. */
struct snapped {
  uint64_t packets, first;
};

struct fragments;
struct scope_cache;

/* A TCP packet over IPv4 of which so little was captured that an ICMP error would be cut before the ports it quotes. */
struct cut_packet {
  uint8_t src[4], dst[4];
  uint32_t seq;
  uint16_t id, sport, dport;
};
enum { CUT_PACKETS = 256 }; /* the last ones: an error comes within a round trip */

/* What lives longer than a packet. */
struct headers {
  struct engine *engine;
  struct fragments *fragments;
  struct scope_cache *scopes;
  struct snapped no_header, no_flags, no_options;
  uint64_t quotations, quotations_passed_over;
  struct cut_packet cut[CUT_PACKETS]; /* a ring */
  uint32_t cut_count;
};

/* One packet on its way down. The segment grows on the way: addresses, scope, interface. */
struct descent {
  struct headers *headers;
  struct bytes rest;
  struct segment segment;
  int depth;  /* headers passed */
  int rounds; /* times that this packet was put together from fragments */
};

enum { DEEPEST = 32, MOST_ROUNDS = 4 };

/* 0 where there is no memory. */
int headers_begin(struct headers *headers, struct engine *engine);
void headers_end(struct headers *headers);
/* Hands on every TCP header and every quoted one that a packet holds. */
void headers_frame(struct headers *headers, const struct frame *frame);
/* Where IP begins in a packet; -1 where it does not. */
int64_t headers_find_ip(struct headers *headers, const struct frame *frame);
/* From some header on; the descent is used up. */
void descend(struct descent *d, enum layer layer);

/* The header that a link type begins with; LAYER_NONE where it is not decoded. */
enum layer link_layer(uint32_t link);
/* Do these bytes begin as packets of this layer do that hold IP or ARP? To tell the odd forms of pcap by. */
int looks_like(enum layer layer, const uint8_t *bytes, uint32_t captured);

/* What numbers name: IANA's and IEEE's registries. */
enum layer rarer_ethertype_layer(uint16_t type);
enum layer rarer_protocol_layer(uint8_t protocol);
static inline enum layer ethertype_layer(uint16_t type) { return type == 0x0800 ? LAYER_IPV4 : rarer_ethertype_layer(type); }
static inline enum layer protocol_layer(uint8_t protocol) { return protocol == 6 ? LAYER_TCP : rarer_protocol_layer(protocol); }
enum layer version_layer(uint8_t first); /* by the version of IP in a first byte */
enum layer family_layer(uint32_t family);
enum layer udp_port_layer(uint16_t port);
/* Past a header of `size` bytes that ends in an Ethernet type or length. */
enum layer typed(struct descent *d, uint16_t type, int size);
/* Past `size` bytes, if they are there. */
enum layer then(struct descent *d, int64_t size, enum layer layer);
/* Did the snaplen cut off what is needed of a header before TCP's? That is counted, and told in a notice. */
int lacks(struct descent *d, int64_t size);
static inline void count_snapped(struct snapped *snapped, uint64_t number)
{
  if (!snapped->packets++)
    snapped->first = number;
}

/* Scopes: VLANs and tunnels are part of a connection's key. Names without a number are kinds by themselves. */
enum scope_kind {
  SCOPE_VLAN, SCOPE_IPIP, SCOPE_4IN6, SCOPE_6IN4, SCOPE_6IN6, SCOPE_GRE, SCOPE_NVGRE, SCOPE_ETHERIP, SCOPE_VXLAN,
  SCOPE_GENEVE, SCOPE_GTP, SCOPE_TEREDO, SCOPE_AYIYA, SCOPE_L2TP, SCOPE_KINDS
};
void enter_scope(struct descent *d, enum scope_kind kind, uint32_t value);
struct scope_cache *scope_cache_new(void);
void scope_cache_free(struct scope_cache *cache);

/* Fragments (ip_fragments.c): what is part of a packet's key, and one fragment. */
struct fragment {
  uint32_t identification;
  uint8_t protocol;
  uint32_t offset;
  int more;
};
struct fragments *fragments_new(void);
void fragments_free(struct fragments *fragments);
/* Packets of which fragments are missing. */
uint64_t fragments_waiting(const struct fragments *fragments);
/* A fragment's payload is the descent's rest; where it was the last one missing, the whole packet is descended. */
void fragment_in(struct descent *d, const struct fragment *fragment);

int is_extension(uint8_t protocol); /* of IPv6, the fragment header left out */

#define X(name, step) enum layer step(struct descent *d);
LAYERS(X)
#undef X

#endif
