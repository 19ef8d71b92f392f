/* Equal keys get the same number, in order of first sight: as distinct_runs.c has it of runs of words. */
#include <stdlib.h>

#include "connection.h"
#include "table.h"

struct places {
  uint32_t *at; /* a number + 1; 0: nothing is here */
  uint64_t mask;
  uint64_t seed; /* random, so that no capture can be built to collide */
};

static uint32_t *place_of(const struct places *p, const int64_t *keys, const int64_t *speaker, int64_t key) {
  uint64_t at = mixed(p->seed, (uint64_t)key) & p->mask;
  while (p->at[at] && keys[speaker[p->at[at] - 1]] != key) at = (at + 1) & p->mask;
  return &p->at[at];
}

/* Room for more numbers; it begins small, as few are distinct mostly: then it stays in the cache. */
static int grow(struct places *p, const int64_t *keys, const int64_t *speaker, int64_t known) {
  struct places more = {calloc(8 * (p->mask + 1), sizeof *p->at), 8 * (p->mask + 1) - 1, p->seed};
  if (!more.at) return 0;
  for (int64_t number = 0; number < known; number++)
    *place_of(&more, keys, speaker, keys[speaker[number]]) = (uint32_t)number + 1;
  free(p->at);
  *p = more;
  return 1;
}

int64_t distinct_keys(uint64_t seed, const int64_t *keys, int64_t n, int32_t *number, int64_t *speaker) {
  struct places p = {calloc(4096, sizeof *p.at), 4095, seed};
  int64_t known = 0, i = 0;
  for (; p.at && i < n; i++) {
    if (2 * (uint64_t)known > p.mask && !grow(&p, keys, speaker, known)) break;
    uint32_t *at = place_of(&p, keys, speaker, keys[i]);
    if (!*at) {
      speaker[known++] = i;
      *at = (uint32_t)known;
    }
    number[i] = (int32_t)*at - 1;
  }
  int all = p.at && i == n;
  free(p.at);
  return all ? known : -1;
}
