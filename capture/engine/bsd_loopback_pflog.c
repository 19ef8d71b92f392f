/* Loopback, bare IP, and the logs of BSD's packet filter and IPsec. */
#include "headers.h"

/* An address family in the capturing machine's byte order (LOOP: in network order). */
enum layer null_family(struct descent *d)
{
  const struct bytes *b = &d->rest;
  if (!has(b, 4))
    return LAYER_NONE;
  uint32_t family = u32_little(b, 0);
  return then(d, 4, family_layer(family > 0xFFFF ? u32(b, 0) : family));
}

/* IP at once; the version tells which. */
enum layer raw_ip(struct descent *d) { return has(&d->rest, 1) ? version_layer(u8(&d->rest, 0)) : LAYER_NONE; }

/* OpenBSD's packet filter log: header length and address family in its first two bytes. */
enum layer pflog(struct descent *d)
{
  const struct bytes *b = &d->rest;
  return has(b, 4) ? then(d, (u8(b, 0) + 3) & ~3, family_layer(u8(b, 1))) : LAYER_NONE;
}

/* OpenBSD's decrypted IPsec: a family, SPI and flags before the packet. */
enum layer enc(struct descent *d) { return then(d, 12, LAYER_RAW_IP); }
