/* What the kernel hands out by the thousand, taken in without a step of Python each: records of its trace ring, and
 * datagrams of a netlink socket (kernel_news.c); for capture/kernel, apart from the packets. */
#ifndef TCPTRIAGE_KERNEL_NEWS_H
#define TCPTRIAGE_KERNEL_NEWS_H

#include "engine.h"

/* Records that are only kept: of this event (its number, the first two bytes of a record), and with this byte there. */
struct kept_records {
  uint32_t event, at, byte;
};

/* Parts one page of the ring into its records, in order: those to keep and the others, each as its time (u64, of the
 * ring's clock), its length (u32), its bytes. Both lists need room for twice the page; `sizes` says how much is in them,
 * kept first. What is cut or damaged ends the page. */
API void trace_page_parted(const uint8_t *page, size_t size, const struct kept_records *wanted, uint8_t *kept, uint8_t *others,
                           size_t sizes[2]);

/* Datagrams that wait at a socket that does not block, each as its length (u32) and its bytes, until none is left or
 * `room` might not hold the next ones. Returns how many; `size` says how much is in `out`, `error` an errno that ended it
 * (0: nothing more waits, or no room). */
API size_t datagrams_received(int socket, uint8_t *out, size_t room, size_t *size, int *error);

#endif
