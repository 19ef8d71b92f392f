/* Units of four bytes: those that differ from the typical connection's, in as few bytes as they need.
 *
 * How many, a bit for each unit, two bits for each that differs (how many bytes it has), and the bytes. */
#include <stddef.h>
#include <string.h>

#include "packing.h"

enum { A_WORD = 64, WORDS = (UNITS + A_WORD - 1) / A_WORD, BIT_BYTES = (UNITS + 7) / 8 };

static void put32(uint8_t *at, uint32_t x) {
  at[0] = (uint8_t)x, at[1] = (uint8_t)(x >> 8), at[2] = (uint8_t)(x >> 16), at[3] = (uint8_t)(x >> 24);
}

static uint32_t get32(const uint8_t *at) {
  return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* The unit of the next bit; the bit is cleared. */
static size_t next_unit(uint64_t *bits) {
#if defined(__GNUC__)
  size_t unit = (size_t)__builtin_ctzll(*bits);
#else
  size_t unit = 0;
  while (!(*bits >> unit & 1)) unit++;
#endif
  *bits &= *bits - 1;
  return unit;
}

/* How many bytes a unit that is not 0 takes, less one. */
static uint32_t bytes_above_one(uint32_t unit) {
#if defined(__GNUC__)
  return ((uint32_t)__builtin_clz(unit) ^ 31) / 8; /* 31 less it, as one instruction */
#else
  return (unit > 0xFF) + (unit > 0xFFFF) + (unit > 0xFFFFFF);
#endif
}

/* Of 16 units, those of `a` less those of `b` into `units`, and the bits of those that are the same. */
#if defined(__SSE2__)
#include <emmintrin.h>

static __m128i four(const uint8_t *a, const uint8_t *b, uint32_t *units) {
  __m128i x = _mm_loadu_si128((const __m128i *)(const void *)a), y = _mm_loadu_si128((const __m128i *)(const void *)b);
  x = _mm_xor_si128(x, y);
  _mm_storeu_si128((__m128i *)(void *)units, x);
  return _mm_cmpeq_epi32(x, _mm_setzero_si128());
}

static uint64_t same(const uint8_t *a, const uint8_t *b, uint32_t *units) {
  __m128i first = _mm_packs_epi32(four(a, b, units), four(a + 16, b + 16, units + 4));
  __m128i second = _mm_packs_epi32(four(a + 32, b + 32, units + 8), four(a + 48, b + 48, units + 12));
  return (uint64_t)_mm_movemask_epi8(_mm_packs_epi16(first, second));
}
#else
static uint64_t same(const uint8_t *a, const uint8_t *b, uint32_t *units) {
  uint32_t x[16], y[16];
  uint64_t bits = 0;
  memcpy(x, a, sizeof x);
  memcpy(y, b, sizeof y);
  for (int i = 0; i < 16; i++) units[i] = x[i] ^ y[i];
  for (int i = 16; i-- > 0;) bits = bits << 1 | !units[i];
  return bits;
}
#endif

/* Which units differ, a bit each. */
static void differing(const uint8_t *a, const uint8_t *b, uint32_t *units, uint64_t *bits) {
  memset(bits, 0, WORDS * sizeof *bits);
  for (size_t i = 0; i + 16 <= UNITS; i += 16)
    bits[i / A_WORD] |= (same(a + 4 * i, b + 4 * i, units + i) ^ 0xFFFF) << i % A_WORD;
  for (size_t i = UNITS - UNITS % 16; i < UNITS; i++) {
    uint32_t x, y;
    memcpy(&x, a + 4 * i, sizeof x);
    memcpy(&y, b + 4 * i, sizeof y);
    units[i] = x ^ y;
    bits[i / A_WORD] |= (uint64_t)(x != y) << i % A_WORD;
  }
}

/* Two bits of each of four bytes; no carry reaches them. */
static uint8_t two_bits_each(const uint8_t *four) { return (uint8_t)(get32(four) * 0x01041040u >> 24); }

uint8_t *write_units(const struct connection *c, const struct connection *typical, uint8_t *out) {
  uint32_t units[UNITS], count = 0;
  uint8_t above[UNITS + 4], data[4 * UNITS + 4], *at = data; /* of each that differs: its bytes above one */
  uint64_t bits[WORDS];
  differing((const uint8_t *)c + PACKED_FROM, (const uint8_t *)typical + PACKED_FROM, units, bits);
  for (size_t word = 0; word < WORDS; word++) {
    for (uint64_t left = bits[word]; left; count++) {
      uint32_t unit = units[word * A_WORD + next_unit(&left)], more = bytes_above_one(unit);
      put32(at, unit);
      above[count] = (uint8_t)more;
      at += more + 1;
    }
  }
  put32(above + count, 0);
  *out++ = (uint8_t)count;
  memcpy(out, bits, BIT_BYTES);
  out += BIT_BYTES;
  for (uint32_t i = 0; i < count; i += 4) *out++ = two_bits_each(above + i);
  memcpy(out, data, (size_t)(at - data));
  return out + (at - data);
}

const uint8_t *read_units(const uint8_t *in, const struct connection *typical, struct connection *c) {
  uint32_t count = *in++;
  uint8_t *to = (uint8_t *)c + PACKED_FROM;
  const uint8_t *sizes = in + BIT_BYTES, *data = sizes + (count + 3) / 4;
  uint64_t bits[WORDS] = {0};
  uint32_t i = 0;
  memcpy(bits, in, BIT_BYTES);
  memcpy(to, (const uint8_t *)typical + PACKED_FROM, 4 * UNITS);
  for (size_t word = 0; word < WORDS; word++) {
    for (uint64_t left = bits[word]; left; i++) {
      uint32_t above = sizes[i / 4] >> 2 * (i & 3) & 3, unit;
      uint8_t *at = to + 4 * (word * A_WORD + next_unit(&left));
      memcpy(&unit, at, sizeof unit);
      unit ^= get32(data) & 0xFFFFFFFFu >> (24 - 8 * above);
      memcpy(at, &unit, sizeof unit);
      data += above + 1;
    }
  }
  return data;
}
