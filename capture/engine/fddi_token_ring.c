/* Other local networks: FDDI, token ring, IP over Fibre Channel. */
#include "headers.h"

/* Frame control and addresses, then LLC. */
enum layer fddi(struct descent *d) { return has(&d->rest, 16) ? then(d, 13, LAYER_LLC) : LAYER_NONE; }

/* IEEE 802.5: access and frame control, addresses, a route where the source says so, then LLC. */
enum layer token_ring(struct descent *d)
{
  const struct bytes *b = &d->rest;
  if (!has(b, 15))
    return LAYER_NONE;
  return then(d, 14 + (u8(b, 8) & 0x80 ? u8(b, 14) & 0x1F : 0), LAYER_LLC);
}

/* RFC 2625: two addresses, then LLC. */
enum layer ip_over_fc(struct descent *d) { return has(&d->rest, 19) ? then(d, 16, LAYER_LLC) : LAYER_NONE; }
