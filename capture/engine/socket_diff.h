/* Which sockets of a dump are new, changed or gone since the dump before (socket_diff.c); for capture/sockets, apart
 * from the packets. Functions return 0, or -1 where memory ran out: then the whole is of no more use. */
#ifndef TCPTRIAGE_SOCKET_DIFF_H
#define TCPTRIAGE_SOCKET_DIFF_H

#include "engine.h"

struct socket_diff;

API struct socket_diff *socket_diff_new(uint64_t seed);
API void socket_diff_free(struct socket_diff *diff);

/* A dump begins; feed it in pieces of whole messages (what is cut, or no socket, ends its piece), and end it. */
API void socket_diff_begin(struct socket_diff *diff);
API int socket_diff_feed(struct socket_diff *diff, const uint8_t *data, size_t size);
API int socket_diff_end(struct socket_diff *diff);

/* Bytes of the records (72 each) that are new or changed, and of the cookies (8 each) that have gone; valid until the
 * next dump begins. */
API size_t socket_diff_changed(const struct socket_diff *diff, const uint8_t **records);
API size_t socket_diff_gone(const struct socket_diff *diff, const uint8_t **cookies);

#endif
