/* Which rows of two tables have the same key: for capture/points, whose keys are of millions of packets. */
#include <stdlib.h>

#include "engine.h"

enum { AHEAD = 16 }; /* keys whose places in memory are fetched while others are looked at */
#define SEVERAL UINT32_MAX

struct place {
  uint64_t key;
  uint32_t a, b; /* rows from 1; 0 without one; SEVERAL */
};

struct places {
  struct place *at;
  uint64_t mask;
  uint64_t seed; /* random, so that no capture can be built to collide */
};

static struct place *start_of(const struct places *p, uint64_t key) {
  return &p->at[((key ^ p->seed) * 0x9E3779B97F4A7C15u ^ p->seed) * 0xFF51AFD7ED558CCDu >> 24 & p->mask];
}

static struct place *place_of(const struct places *p, uint64_t key) {
  struct place *at = start_of(p, key);
  while ((at->a || at->b) && at->key != key) at = at == &p->at[p->mask] ? p->at : at + 1;
  return at;
}

static void fetch(const struct places *p, const uint64_t *keys, uint64_t i, uint64_t count) {
  if (i + AHEAD < count) __builtin_prefetch(start_of(p, keys[i + AHEAD]), 1);
}

/* to[i]: the row of b that has the key of a's row i, where each has it once; -1 where b has it not, -2 where one of them
 * has it several times. Returns 0, or -1 without memory. */
API int32_t rows_with_equal_keys(uint64_t seed, const uint64_t *a, uint64_t n, const uint64_t *b, uint64_t m, int64_t *to) {
  struct places p = {.mask = 1023, .seed = seed};
  if (n >= SEVERAL || m >= SEVERAL) return -1;
  while (p.mask < 2 * n) p.mask = p.mask * 2 + 1;
  p.at = calloc(p.mask + 1, sizeof *p.at);
  if (!p.at) return -1;
  for (uint64_t i = 0; i < n; i++) {
    fetch(&p, a, i, n);
    struct place *at = place_of(&p, a[i]);
    at->key = a[i];
    at->a = at->a ? SEVERAL : (uint32_t)(i + 1);
  }
  for (uint64_t i = 0; i < m; i++) {
    fetch(&p, b, i, m);
    struct place *at = place_of(&p, b[i]);
    if (at->a) at->b = at->b ? SEVERAL : (uint32_t)(i + 1);
  }
  for (uint64_t i = 0; i < n; i++) {
    fetch(&p, a, i, n);
    const struct place *at = place_of(&p, a[i]);
    to[i] = !at->b ? -1 : at->a == SEVERAL || at->b == SEVERAL ? -2 : (int64_t)at->b - 1;
  }
  free(p.at);
  return 0;
}
