/* The engine where memory runs out: of each file, every allocation fails once, alone or with all after it. It may not do
 * anything that the sanitizers see, and must either say that it lacked memory or say the same as with it.
 *
 *   failing FILE...       link it with --wrap=malloc, --wrap=calloc and --wrap=realloc
 */
#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *at, size_t size);

static long until = -1, asked_for; /* how many are given before one is not; -1: all */
static int all_after, refused;

static int refuses(void)
{
  asked_for++;
  if (until < 0 || (all_after ? asked_for <= until : asked_for != until + 1))
    return 0;
  return refused = 1;
}

void *__wrap_malloc(size_t size) { return refuses() ? NULL : __real_malloc(size); }
void *__wrap_calloc(size_t count, size_t size) { return refuses() ? NULL : __real_calloc(count, size); }
void *__wrap_realloc(void *at, size_t size) { return refuses() ? NULL : __real_realloc(at, size); }

#include <stdlib.h>
#define malloc __real_malloc
#define calloc __real_calloc
#define realloc __real_realloc
#define main fuzz_main
#include "fuzz.c" /* its own allocations are not the engine's, and do not fail */
#undef main

enum { PIECE_SIZE = 1000, MOST_TRIED = 400 };

/* 0 where it lacked memory and said so; else `digest` has what it says. */
static int whole(const struct input *input)
{
  asked_for = refused = 0;
  digest = 0xCBF29CE484222325u;
  struct engine *engine = engine_new(1);
  struct reader *reader = engine ? reader_new(engine, 1) : NULL;
  int status = reader ? READER_ON : READER_NO_MEMORY;
  for (size_t at = 0; status == READER_ON && at < input->size; at += PIECE_SIZE)
    status = reader_feed(reader, input->bytes + at, input->size - at < PIECE_SIZE ? input->size - at : PIECE_SIZE);
  if (status == READER_ON)
    status = reader_end(reader);
  int said = status == READER_NO_MEMORY;
  if (!said) {
    struct totals totals = {0};
    mix_notices(reader);
    said = !mix_table(engine, 0) || !mix_table(engine, 1);
    engine_totals(engine, &totals);
    said |= totals.out_of_memory != 0;
    totals.out_of_memory = 0;
    mix(&status, sizeof status);
    mix(&totals.packets, sizeof totals.packets);
    mix(&totals.copies, sizeof totals.copies);
  }
  reader_free(reader);
  engine_free(engine);
  return !said;
}

static void try_all(const struct input *input, const char *name)
{
  until = -1;
  if (!whole(input))
    abort();
  uint64_t right = digest;
  long most = asked_for, step = most / MOST_TRIED + 1;
  for (all_after = 0; all_after < 2; all_after++)
    for (long n = 0; n < most; n += step) {
      until = n;
      alarm(PATIENCE);
      if (!whole(input) || digest == right)
        continue;
      fprintf(stderr, "%s: without allocation %ld%s it says another thing\n", name, n, all_after ? " and all after" : "");
      abort();
    }
  until = -1;
  alarm(0);
}

int main(int count, char **words)
{
  for (int i = 1; i < count; i++)
    read_file(words[i]);
  for (size_t i = 0; i < file_count; i++)
    try_all(&files[i], words[i + 1]);
  for (size_t i = 0; i < file_count; i++)
    free(files[i].bytes);
  return file_count ? 0 : 2;
}
