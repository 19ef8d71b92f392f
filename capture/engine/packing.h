/* How a connection at rest is written in few bytes: its fields relative to one another, what differs from the typical
 * one, and its events. */
#ifndef TCPTRIAGE_PACKING_H
#define TCPTRIAGE_PACKING_H

#include <stddef.h>

#include "connection.h"

/* packed_fields.c */
void fields_pack(struct connection *c);
void fields_unpack(struct connection *c);

/* packed_units.c: what of a connection, behind what a packed one has too, is not as in the typical one */
enum {
  PACKED_FROM = offsetof(struct connection, sides),
  UNITS = (sizeof(struct connection) - PACKED_FROM) / 4,
  MOST_UNIT_BYTES = 1 + (UNITS + 7) / 8 + (UNITS + 3) / 4 + 4 * UNITS,
};
_Static_assert(sizeof(struct connection) % 8 == 0 && PACKED_FROM % 8 == 0, "a connection is units of four bytes");
_Static_assert(UNITS < 256, "how many are written is a byte");
uint8_t *write_units(const struct connection *c, const struct connection *typical, uint8_t *out);
/* Up to 3 bytes beyond the end are read. */
const uint8_t *read_units(const uint8_t *in, const struct connection *typical, struct connection *c);

/* packed_events.c */
enum { MOST_EVENT_BYTES = 20 + sizeof(struct event) };
enum { EVENT_SLACK = 4 }; /* bytes looked at beyond the last one */
uint8_t *write_events(const struct connection *c, const struct event *events, uint8_t *out);
void read_events(const struct connection *c, const uint8_t *in, struct event *events);

#endif
