/* See kernel_news.h. A page of the ring is as include/linux/ring_buffer.h has it, and capture/kernel/ring_pages.py tells. */
#define _GNU_SOURCE /* recvmmsg */
#include "kernel_news.h"

#include <errno.h>
#include <string.h>

enum { PAGE_HEADER = 16, PADDING = 29, TIME_EXTEND = 30, TIME_STAMP = 31, DELTA_BITS = 27, ENTRY = 12 };
static const uint64_t COMMIT = (1u << 30) - 1, EPOCH_BITS = UINT64_C(0x1f) << 59;

static uint32_t word(const uint8_t *at)
{
  uint32_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static int is_kept(const uint8_t *record, uint32_t length, const struct kept_records *wanted)
{
  uint16_t event;
  memcpy(&event, record, sizeof event);
  return event == wanted->event && wanted->at < length && record[wanted->at] == wanted->byte;
}

static size_t put(uint8_t *list, size_t size, uint64_t time, const uint8_t *record, uint32_t length)
{
  memcpy(list + size, &time, sizeof time);
  memcpy(list + size + sizeof time, &length, sizeof length);
  memcpy(list + size + ENTRY, record, length);
  return size + ENTRY + length;
}

void trace_page_parted(const uint8_t *page, size_t size, const struct kept_records *wanted, uint8_t *kept, uint8_t *others,
                       size_t sizes[2])
{
  sizes[0] = sizes[1] = 0;
  if (size < PAGE_HEADER) return;
  uint64_t time, commit;
  memcpy(&time, page, sizeof time);
  memcpy(&commit, page + sizeof time, sizeof commit);
  size_t at = PAGE_HEADER, end = PAGE_HEADER + (size_t)(commit & COMMIT);
  if (end > size) end = size;
  while (end - at >= 4) {
    uint32_t head = word(page + at), kind = head & 31, delta = head >> 5;
    if (kind == PADDING || kind == TIME_EXTEND || kind == TIME_STAMP || kind == 0)
      if (end - at < 8) return;
    if (kind == PADDING) {
      if (!delta) return;
      uint32_t length = word(page + at + 4);
      if (length > end - at - 4) return;
      time += delta;
      at += 4 + (size_t)length;
      continue;
    }
    if (kind == TIME_EXTEND || kind == TIME_STAMP) {
      uint64_t stamp = delta + ((uint64_t)word(page + at + 4) << DELTA_BITS);
      time = kind == TIME_EXTEND ? time + stamp : (stamp | (time & EPOCH_BITS));
      at += 8;
      continue;
    }
    time += delta;
    size_t begin = at + 4;
    uint32_t length = kind * 4;
    if (!kind) { /* the length counts its own word */
      length = word(page + begin);
      if (length < 4) return;
      begin += 4, length -= 4;
    }
    if (!length || length > end - begin) return;
    int which = length >= 2 && is_kept(page + begin, length, wanted) ? 0 : 1;
    sizes[which] = put(which ? others : kept, sizes[which], time, page + begin, length);
    at = begin + length;
  }
}

#ifdef __linux__
#include <sys/socket.h>

enum { AT_ONCE = 64, LONGEST = 4096, LENGTH = 4, STRIDE = LENGTH + LONGEST };

size_t datagrams_received(int socket, uint8_t *out, size_t room, size_t *size, int *error)
{
  struct iovec parts[AT_ONCE];
  struct mmsghdr heads[AT_ONCE];
  size_t count = 0;
  *size = 0, *error = 0;
  while (room - *size >= (size_t)AT_ONCE * STRIDE) {
    memset(heads, 0, sizeof heads);
    for (int i = 0; i < AT_ONCE; i++) {
      parts[i] = (struct iovec){out + *size + (size_t)i * STRIDE + LENGTH, LONGEST};
      heads[i].msg_hdr.msg_iov = &parts[i], heads[i].msg_hdr.msg_iovlen = 1;
    }
    uint8_t *from = out + *size;
    int got = recvmmsg(socket, heads, AT_ONCE, MSG_DONTWAIT, NULL);
    if (got < 0) {
      if (errno != EAGAIN && errno != EWOULDBLOCK) *error = errno;
      break;
    }
    for (int i = 0; i < got; i++, from += STRIDE) { /* each moves up to the one before */
      uint32_t length = heads[i].msg_len;
      memmove(out + *size + LENGTH, from + LENGTH, length);
      memcpy(out + *size, &length, LENGTH);
      *size += LENGTH + length;
    }
    count += (size_t)got;
    if (got < AT_ONCE) break;
  }
  return count;
}
#else
size_t datagrams_received(int socket, uint8_t *out, size_t room, size_t *size, int *error)
{
  (void)socket, (void)out, (void)room;
  *size = 0, *error = ENOSYS;
  return 0;
}
#endif
