/* IEEE 802.11 data frames that are not encrypted, and what radios and Apple's kernels say before a frame. */
#include "headers.h"

/* The packets of an A-MSDU: each with addresses and a length, padded to four bytes. */
static void subframes(struct descent *d)
{
  struct bytes *b = &d->rest;
  for (int frames = 0; frames < 64 && has(b, 14); frames++) {
    uint16_t size = u16(b, 12);
    struct descent inner = *d;
    pass(&inner.rest, 14);
    ends_after(&inner.rest, size);
    descend(&inner, LAYER_LLC);
    pass(b, (14 + size + 3) & ~3);
  }
}

enum layer ieee80211(struct descent *d)
{
  const struct bytes *b = &d->rest;
  if (!has(b, 24))
    return LAYER_NONE;
  uint8_t kind = u8(b, 0), flags = u8(b, 1);
  if ((kind & 0x0C) != 0x08 || kind & 0x40 || flags & 0x40) /* no data, or encrypted */
    return LAYER_NONE;
  int quality = kind & 0x80, size = (flags & 3) == 3 ? 30 : 24;
  int aggregated = quality && u8(b, size) & 0x80;
  size += (quality ? 2 : 0) + (quality && flags & 0x80 ? 4 : 0);
  if (!aggregated)
    return then(d, size, LAYER_LLC);
  pass(&d->rest, size);
  subframes(d);
  return LAYER_NONE;
}

/* What a radio says of a frame (radiotap.org), and then the frame. */
enum layer radiotap(struct descent *d)
{
  const struct bytes *b = &d->rest;
  return has(b, 4) ? then(d, u8(b, 2) | u8(b, 3) << 8, LAYER_IEEE80211) : LAYER_NONE;
}

/* Prism's header of 144 bytes, or AVS's, which it is taken for. */
enum layer prism(struct descent *d)
{
  if (!has(&d->rest, 8))
    return LAYER_NONE;
  return (u32(&d->rest, 0) & 0xFFFFF000) == 0x80211000 ? LAYER_AVS : then(d, 144, LAYER_IEEE80211);
}

/* AVS's header, whose length is in its second word. */
enum layer avs(struct descent *d)
{
  return has(&d->rest, 8) ? then(d, u32(&d->rest, 4), LAYER_IEEE80211) : LAYER_NONE;
}

/* Per-packet information: a length and a link type, little-endian. */
enum layer ppi(struct descent *d)
{
  const struct bytes *b = &d->rest;
  return has(b, 8) ? then(d, u32_little(b, 0) >> 16, link_layer(u32_little(b, 4))) : LAYER_NONE;
}

/* Apple's PKTAP: header length, record type (1: a packet), link type; little-endian. */
enum layer pktap(struct descent *d)
{
  const struct bytes *b = &d->rest;
  if (!has(b, 12) || u32_little(b, 4) != 1 || u32_little(b, 0) < 12)
    return LAYER_NONE;
  return then(d, u32_little(b, 0), link_layer(u32_little(b, 8)));
}
