/* Pieces of many small sizes, in blocks that go back to the system when nothing in them is used any more. */
#ifndef TCPTRIAGE_ARENA_H
#define TCPTRIAGE_ARENA_H

#include <stddef.h>
#include <stdint.h>

enum { ARENA_LARGEST = 1 << 15 }; /* larger pieces are on their own */

struct block;
struct arena {
  struct block *block;  /* that is being filled */
  uint64_t live, dead;  /* bytes in use; bytes given back in blocks that are still there */
};

/* `size` bytes, aligned to 8; NULL where there is no memory. */
void *arena_take(struct arena *arena, size_t size);
/* Give them back; the same size must be given. */
void arena_give(struct arena *arena, void *at, size_t size);
/* Nothing more is taken: other blocks go when their last piece does. */
void arena_end(struct arena *arena);

#endif
