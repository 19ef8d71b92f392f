/* Which sockets of a dump are new, changed or gone since the dump before: one that is the same costs a comparison.
 *
 * A dump is netlink messages one after another (capture/sockets/inet_diag_msg.py has the offsets). Sockets are known by their
 * cookie. The kernel walks its hash in a fixed order, so the next message is nearly always the next socket of the dump
 * before, and is found without hashing. A timer's countdown alone is no change.
 */
#include <stdlib.h>
#include <string.h>

#include "socket_diff.h"

enum { HEADER = 16, RECORD = 72, COOKIE_AT = 44, COUNTDOWN_AT = 52, AFTER_COUNTDOWN = 56, COOKIE = 8 };

struct seen {
  uint8_t record[RECORD];
  uint32_t dump;     /* the last one that it was in */
  uint32_t position; /* in that one */
};

struct growing {
  uint8_t *bytes;
  size_t size, room;
};

struct socket_diff {
  uint64_t seed; /* random: another host's cookies may be chosen to collide */
  struct seen *seen;
  uint32_t *unused, *slots, *order, *before; /* slots: a number of `seen` + 1 */
  uint32_t room, used, unused_count, known, order_count, before_count, next, dump;
  uint64_t slot_count;
  struct growing changed, gone;
};

static uint64_t cookie_of(const uint8_t *record)
{
  uint64_t cookie;
  memcpy(&cookie, record + COOKIE_AT, sizeof cookie);
  return cookie;
}

static uint64_t home(const struct socket_diff *diff, uint64_t cookie)
{
  uint64_t x = cookie ^ diff->seed; /* splitmix64 */
  x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
  return (x ^ x >> 31) & (diff->slot_count - 1);
}

static int same(const uint8_t *one, const uint8_t *other)
{
  return !memcmp(one, other, COUNTDOWN_AT) &&
         !memcmp(one + AFTER_COUNTDOWN, other + AFTER_COUNTDOWN, RECORD - AFTER_COUNTDOWN);
}

static int add(struct growing *list, const uint8_t *bytes, size_t size)
{
  if (list->size + size > list->room) {
    size_t room = list->room ? 2 * list->room : 4096;
    uint8_t *larger = realloc(list->bytes, room);
    if (!larger) return -1;
    list->bytes = larger, list->room = room;
  }
  memcpy(list->bytes + list->size, bytes, size);
  list->size += size;
  return 0;
}

static int resized(void **array, size_t count, size_t size)
{
  void *larger = realloc(*array, count * size);
  if (!larger) return 0;
  *array = larger;
  return 1;
}

static uint64_t slot_of(const struct socket_diff *diff, uint64_t cookie)
{
  uint64_t slot = home(diff, cookie);
  while (diff->slots[slot] && cookie_of(diff->seen[diff->slots[slot] - 1].record) != cookie)
    slot = (slot + 1) & (diff->slot_count - 1);
  return slot;
}

static int rehash(struct socket_diff *diff, uint64_t count)
{
  uint32_t *slots = calloc(count, sizeof *slots), *old = diff->slots;
  if (!slots) return -1;
  uint64_t old_count = diff->slot_count;
  diff->slots = slots, diff->slot_count = count;
  for (uint64_t i = 0; i < old_count; i++)
    if (old[i]) diff->slots[slot_of(diff, cookie_of(diff->seen[old[i] - 1].record))] = old[i];
  free(old);
  return 0;
}

/* Room for one more socket, in every list that it may be in. */
static int make_room(struct socket_diff *diff)
{
  if (diff->used == diff->room) {
    size_t room = diff->room ? 2 * (size_t)diff->room : 1024;
    if (room > INT32_MAX || !resized((void **)&diff->seen, room, sizeof *diff->seen) ||
        !resized((void **)&diff->unused, room, sizeof *diff->unused) ||
        !resized((void **)&diff->order, room, sizeof *diff->order) ||
        !resized((void **)&diff->before, room, sizeof *diff->before))
      return -1;
    diff->room = (uint32_t)room;
  }
  if (2 * ((uint64_t)diff->known + 1) > diff->slot_count) return rehash(diff, diff->slot_count ? 2 * diff->slot_count : 2048);
  return 0;
}

static int insert(struct socket_diff *diff, const uint8_t *record, uint32_t *number)
{
  if (make_room(diff)) return -1;
  *number = diff->unused_count ? diff->unused[--diff->unused_count] : diff->used++;
  memcpy(diff->seen[*number].record, record, RECORD);
  diff->seen[*number].dump = 0;
  diff->slots[slot_of(diff, cookie_of(record))] = *number + 1;
  diff->known++;
  return add(&diff->changed, record, RECORD);
}

/* Linear probing without gravestones: what is behind the gap moves into it, unless it would be before its home. */
static void forget(struct socket_diff *diff, uint32_t number)
{
  uint64_t mask = diff->slot_count - 1, gap = slot_of(diff, cookie_of(diff->seen[number].record));
  for (uint64_t at = (gap + 1) & mask; diff->slots[at]; at = (at + 1) & mask) {
    uint64_t from = home(diff, cookie_of(diff->seen[diff->slots[at] - 1].record));
    if (((at - from) & mask) >= ((at - gap) & mask)) {
      diff->slots[gap] = diff->slots[at];
      gap = at;
    }
  }
  diff->slots[gap] = 0;
  diff->unused[diff->unused_count++] = number;
  diff->known--;
}

static int take(struct socket_diff *diff, const uint8_t *record)
{
  uint64_t cookie = cookie_of(record);
  uint32_t number;
  if (diff->next < diff->before_count && cookie_of(diff->seen[diff->before[diff->next]].record) == cookie) {
    number = diff->before[diff->next];
  } else {
    uint32_t found = diff->slot_count ? diff->slots[slot_of(diff, cookie)] : 0;
    if (!found && insert(diff, record, &number)) return -1;
    if (found) number = found - 1;
  }
  struct seen *seen = &diff->seen[number];
  if (!same(seen->record, record)) {
    memcpy(seen->record, record, RECORD);
    if (add(&diff->changed, record, RECORD)) return -1;
  }
  if (seen->dump == diff->dump) return 0; /* it moved during the dump, and came twice */
  if (seen->dump) diff->next = seen->position + 1;
  seen->dump = diff->dump;
  seen->position = diff->order_count;
  diff->order[diff->order_count++] = number;
  return 0;
}

struct socket_diff *socket_diff_new(uint64_t seed)
{
  struct socket_diff *diff = calloc(1, sizeof *diff);
  if (diff) diff->seed = seed;
  return diff;
}

void socket_diff_free(struct socket_diff *diff)
{
  if (!diff) return;
  free(diff->seen), free(diff->unused), free(diff->slots), free(diff->order), free(diff->before);
  free(diff->changed.bytes), free(diff->gone.bytes);
  free(diff);
}

void socket_diff_begin(struct socket_diff *diff)
{
  uint32_t *order = diff->order;
  diff->order = diff->before, diff->before = order;
  diff->before_count = diff->order_count;
  diff->order_count = diff->next = 0;
  diff->changed.size = diff->gone.size = 0;
  diff->dump++;
}

int socket_diff_feed(struct socket_diff *diff, const uint8_t *data, size_t size)
{
  size_t at = 0;
  while (at + HEADER + RECORD <= size) {
    uint32_t length;
    memcpy(&length, data + at, sizeof length); /* of this machine, or brought into its order */
    if (length < HEADER + RECORD || length > size - at) break;
    if (take(diff, data + at + HEADER)) return -1;
    at += ((size_t)length + 3) & ~(size_t)3;
  }
  return 0;
}

int socket_diff_end(struct socket_diff *diff)
{
  for (uint32_t i = 0; i < diff->before_count; i++) {
    uint32_t number = diff->before[i];
    if (diff->seen[number].dump == diff->dump) continue;
    if (add(&diff->gone, diff->seen[number].record + COOKIE_AT, COOKIE)) return -1;
    forget(diff, number);
  }
  return 0;
}

size_t socket_diff_changed(const struct socket_diff *diff, const uint8_t **records)
{
  *records = diff->changed.bytes;
  return diff->changed.size;
}

size_t socket_diff_gone(const struct socket_diff *diff, const uint8_t **cookies)
{
  *cookies = diff->gone.bytes;
  return diff->gone.size;
}
