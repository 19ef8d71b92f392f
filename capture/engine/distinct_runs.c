/* Equal runs of words get the same number, in order of first sight. */
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "table.h"

struct runs {
  const uint16_t *words;
  const int64_t *begin; /* each ends where the next one begins */
  uint64_t seed;        /* random, so that no capture can be built to collide */
};

static uint64_t hashed(const struct runs *runs, int64_t run) {
  int64_t at = runs->begin[run], end = runs->begin[run + 1];
  uint64_t x = runs->seed ^ (uint64_t)(end - at), four;
  for (; end - at >= 4; at += 4) {
    memcpy(&four, runs->words + at, sizeof four);
    x = mixed(x, four);
  }
  for (; at < end; at++) x = mixed(x, runs->words[at]);
  return x ^ x >> 32;
}

static int alike(const struct runs *runs, int64_t one, int64_t other) {
  int64_t length = runs->begin[one + 1] - runs->begin[one];
  return length == runs->begin[other + 1] - runs->begin[other] &&
         !memcmp(runs->words + runs->begin[one], runs->words + runs->begin[other], (size_t)length * sizeof *runs->words);
}

/* Room for more numbers; it begins small, as few are distinct mostly: then it stays in the cache. */
static int grow(const struct runs *runs, uint32_t **slots, uint64_t *size, const int64_t *speaker, int32_t known) {
  uint32_t *more = calloc(8 * *size, sizeof *more);
  if (!more) return 0;
  *size *= 8;
  for (int32_t number = 0; number < known; number++) {
    uint64_t slot = hashed(runs, speaker[number]) & (*size - 1);
    while (more[slot]) slot = (slot + 1) & (*size - 1);
    more[slot] = (uint32_t)number + 1;
  }
  free(*slots);
  *slots = more;
  return 1;
}

int64_t distinct_runs(uint64_t seed, const uint16_t *words, const int64_t *begin, int64_t n, int32_t *number, int64_t *speaker) {
  struct runs runs = {words, begin, seed};
  uint64_t size = 4096;
  uint32_t *slots = calloc(size, sizeof *slots); /* a number + 1 */
  int32_t known = 0;
  int64_t run = 0;
  for (; slots && run < n; run++) {
    if (2 * (uint64_t)known >= size && !grow(&runs, &slots, &size, speaker, known)) break;
    uint64_t slot = hashed(&runs, run) & (size - 1);
    while (slots[slot] && !alike(&runs, speaker[slots[slot] - 1], run)) slot = (slot + 1) & (size - 1);
    if (!slots[slot]) {
      speaker[known] = run;
      slots[slot] = (uint32_t)++known;
    }
    number[run] = (int32_t)slots[slot] - 1;
  }
  int all = slots && run == n;
  free(slots);
  return all ? known : -1;
}
