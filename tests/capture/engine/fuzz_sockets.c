/* Random dumps of sockets, each piece in memory of just its size: usage: fuzz_sockets SEED DUMPS. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "socket_diff.h"

static uint32_t chance(uint32_t most)
{
  static uint64_t state;
  if (!most) state = 88172645463325252u;
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return most ? (uint32_t)(state >> 11) % most : 0;
}

static size_t message(uint8_t *at)
{
  uint32_t length = chance(40) ? 88 + 4 * chance(3) : chance(300);
  size_t size = 88 + 8;
  for (size_t i = 0; i < size; i++) at[i] = chance(50) ? 0 : (uint8_t)chance(4);
  memcpy(at, &length, sizeof length);
  at[16 + 44] = (uint8_t)chance(200), at[16 + 45] = (uint8_t)chance(chance(4) ? 2 : 40);
  return length < size ? length : size;
}

int main(int count, char **words)
{
  chance(0);
  for (int i = count > 1 ? atoi(words[1]) % 9973 : 1; i; i--) chance(2);
  struct socket_diff *diff = socket_diff_new(7);
  size_t told = 0;
  for (int dumps = count > 2 ? atoi(words[2]) : 1000; dumps; dumps--) {
    socket_diff_begin(diff);
    for (int pieces = (int)chance(6); pieces; pieces--) {
      uint8_t whole[96 * 900];
      size_t size = 0;
      for (int messages = (int)chance(900); messages; messages--) size += message(whole + size);
      if (size && !chance(3)) size -= chance((uint32_t)size);
      uint8_t *piece = malloc(size ? size : 1);
      memcpy(piece, whole, size);
      if (socket_diff_feed(diff, piece, size)) return 2;
      free(piece);
    }
    if (socket_diff_end(diff)) return 2;
    const uint8_t *records, *cookies;
    size_t changed = socket_diff_changed(diff, &records), gone = socket_diff_gone(diff, &cookies);
    for (size_t i = 0; i < changed; i++) told += records[i];
    for (size_t i = 0; i < gone; i++) told += cookies[i];
    if (changed % 72 || gone % 8) return 3;
  }
  socket_diff_free(diff);
  return printf("%zu\n", told) < 0;
}
