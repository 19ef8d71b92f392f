/* Blocks begin at multiples of their size, so that a piece tells its block by where it is. */
#define _DEFAULT_SOURCE
#define _DARWIN_C_SOURCE
#include "arena.h"

#include <stdlib.h>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#endif

enum { BLOCK = 1 << 21 }; /* as large as a huge page: one fault instead of five hundred */

struct block {
  void *base;    /* what was allocated for it, where it is not mapped */
  uint32_t used; /* bytes from its begin */
  uint32_t live; /* pieces */
};

static struct block *block_at(void *from, void *base)
{
  struct block *block = (struct block *)(((uintptr_t)from + BLOCK - 1) & ~(uintptr_t)(BLOCK - 1));
  block->base = base;
  block->used = sizeof *block;
  block->live = 0;
  return block;
}

#if defined(MAP_ANONYMOUS)
/* Mapped: freed memory of malloc may stay with the process. `full`: all of it will be used. */
static struct block *block_new(int full)
{
  char *base = mmap(NULL, 2 * BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED)
    return NULL;
  char *begin = (char *)(((uintptr_t)base + BLOCK - 1) & ~(uintptr_t)(BLOCK - 1));
  if (begin > base)
    munmap(base, (size_t)(begin - base));
  if (begin + BLOCK < base + 2 * BLOCK)
    munmap(begin + BLOCK, (size_t)(base + 2 * BLOCK - (begin + BLOCK)));
#if defined(MADV_HUGEPAGE)
  if (full)
    madvise(begin, BLOCK, MADV_HUGEPAGE); /* where there are none it stays as it is */
#endif
  (void)full;
  return block_at(begin, NULL);
}

static void block_free(struct block *block) { munmap(block, BLOCK); }
#else
static struct block *block_new(int full)
{
  (void)full;
  void *base = malloc(2 * BLOCK);
  return base ? block_at(base, base) : NULL;
}

static void block_free(struct block *block) { free(block->base); }
#endif

static size_t rounded(size_t size) { return (size + 7) & ~(size_t)7; }

void *arena_take(struct arena *arena, size_t size)
{
  size = rounded(size);
  if (size > ARENA_LARGEST)
    return malloc(size);
  struct block *block = arena->block;
  if (!block || BLOCK - block->used < size) {
    struct block *new = block_new(block != NULL);
    if (!new)
      return NULL;
    if (block && !block->live)
      block_free(block);
    block = arena->block = new;
  }
  void *at = (char *)block + block->used;
  block->used += (uint32_t)size;
  block->live++;
  arena->live += size;
  return at;
}

void arena_give(struct arena *arena, void *at, size_t size)
{
  size = rounded(size);
  if (size > ARENA_LARGEST) {
    free(at);
    return;
  }
  struct block *block = (struct block *)((uintptr_t)at & ~(uintptr_t)(BLOCK - 1));
  arena->live -= size;
  arena->dead += size;
  if (--block->live)
    return;
  arena->dead -= block->used - sizeof *block < arena->dead ? block->used - sizeof *block : arena->dead;
  block->used = sizeof *block;
  if (block != arena->block)
    block_free(block);
}

void arena_end(struct arena *arena)
{
  struct block *block = arena->block;
  arena->block = NULL;
  if (block && !block->live)
    block_free(block);
}
