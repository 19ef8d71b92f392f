/* The bytes of one packet from some header on: the only way to look at what was captured.
 *
 * Every number is handed out by a function that knows where the captured bytes end; beyond them everything is 0, so a
 * header must first be asked whether it is there (has). Positions come from the packet itself and may be anything.
 */
#ifndef TCPTRIAGE_BYTES_H
#define TCPTRIAGE_BYTES_H

#include <stdint.h>

struct bytes {
  const uint8_t *at;
  int64_t captured; /* bytes from `at` on that were captured, never negative */
  int64_t limit;    /* … that the packet has by its headers: padding left out, bytes not captured counted */
  int64_t judged;   /* … up to which checksums are looked at */
};

static inline uint16_t be16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }

static inline uint32_t be32(const uint8_t *at)
{
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline uint32_t le32(const uint8_t *at)
{
  return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

static inline int has(const struct bytes *b, int64_t size) { return size <= b->captured; }

static inline uint8_t u8(const struct bytes *b, int64_t i) { return i < b->captured ? b->at[i] : 0; }
static inline uint16_t u16(const struct bytes *b, int64_t i) { return i + 2 <= b->captured ? be16(b->at + i) : 0; }
static inline uint32_t u32(const struct bytes *b, int64_t i) { return i + 4 <= b->captured ? be32(b->at + i) : 0; }
static inline uint32_t u32_little(const struct bytes *b, int64_t i)
{
  return i + 4 <= b->captured ? le32(b->at + i) : 0;
}

/* Go `size` bytes on, at most to the end of what was captured. */
static inline void pass(struct bytes *b, int64_t size)
{
  int64_t there = size < b->captured ? size : b->captured;
  b->at += there;
  b->captured -= there;
  b->limit -= size;
  b->judged -= size;
}

/* The packet has no more than `size` bytes from here on; what was captured beyond them may still be looked at. */
static inline void ends_after(struct bytes *b, int64_t size)
{
  if (size < b->limit)
    b->limit = size;
}

/* … and is not part of it. */
static inline void cut_off(struct bytes *b)
{
  if (b->captured > b->limit)
    b->captured = b->limit > 0 ? b->limit : 0;
}

#endif
