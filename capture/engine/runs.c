/* Equal runs of words get the same number, in order of first sight. */
#include <stdlib.h>
#include <string.h>

#include "conn.h"
#include "table.h"

struct runs {
  const uint16_t *words;
  const int64_t *begin; /* each ends where the next one begins */
  uint64_t seed;        /* random, so that no capture can be built to collide */
};

static uint64_t hashed(const struct runs *runs, int64_t run) {
  uint64_t x = runs->seed ^ (uint64_t)(runs->begin[run + 1] - runs->begin[run]);
  for (int64_t at = runs->begin[run]; at < runs->begin[run + 1]; at++) x = mixed(x, runs->words[at]);
  return x;
}

static int alike(const struct runs *runs, int64_t one, int64_t other) {
  int64_t length = runs->begin[one + 1] - runs->begin[one];
  return length == runs->begin[other + 1] - runs->begin[other] &&
         !memcmp(runs->words + runs->begin[one], runs->words + runs->begin[other], (size_t)length * sizeof *runs->words);
}

int64_t distinct_runs(uint64_t seed, const uint16_t *words, const int64_t *begin, int64_t n, int32_t *number, int64_t *speaker) {
  struct runs runs = {words, begin, seed};
  uint64_t size = 64;
  while (size < 2 * (uint64_t)n) size *= 2;
  uint32_t *slots = calloc(size, sizeof *slots); /* a number + 1 */
  if (!slots) return -1;
  int32_t known = 0;
  for (int64_t run = 0; run < n; run++) {
    uint64_t slot = hashed(&runs, run) & (size - 1);
    while (slots[slot] && !alike(&runs, speaker[slots[slot] - 1], run)) slot = (slot + 1) & (size - 1);
    if (!slots[slot]) {
      speaker[known] = run;
      slots[slot] = (uint32_t)++known;
    }
    number[run] = (int32_t)slots[slot] - 1;
  }
  free(slots);
  return known;
}
