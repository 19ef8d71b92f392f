/* Feeds the engine damaged captures, each twice: at once, and in pieces. Nothing may be read beyond the bytes (each piece
 * is a block of its own, which AddressSanitizer watches), no input may take long or much memory, and both ways must say
 * the same.
 *
 *   fuzz SEED INPUTS FILE...    mutations of these files; the seed is printed, and with it the same inputs come again
 *   fuzz truncate FILE...       every truncation of each file
 *   fuzz digest FILE...         what each file says, as a number
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reader.h"
#include "table.h"

enum { LARGEST_INPUT = 1 << 16, MOST_FILES = 4096, MOST_NOTICES_ASKED = 512, PATIENCE = 20 };

struct input {
  uint8_t *bytes;
  size_t size;
};

static uint64_t state;

static uint64_t chance(uint64_t below)
{
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return below ? (state * 0x2545F4914F6CDD1Du >> 11) % below : 0;
}

static uint64_t digest;

static void mix(const void *bytes, size_t size)
{
  const uint8_t *at = bytes;
  for (size_t i = 0; i < size; i++)
    digest = (digest ^ at[i]) * 0x100000001B3u;
}

/* 0 where there is no memory for it. */
static int mix_table(struct engine *engine, int last)
{
  uint64_t sizes[3];
  struct table *table = table_new(engine, sizes);
  struct columns to;
  if (!table)
    return 0;
  const uint64_t rows[] = {sizes[0], sizes[1], sizes[2]};
#define X(type, name, width) to.name = calloc(ROWS * (width) + 1, sizeof(type));
#define ROWS rows[0]
  CONNECTION_COLUMNS(X)
#undef ROWS
#define ROWS rows[1]
  EVENT_COLUMNS(X)
#undef ROWS
#define ROWS rows[2]
  RARE_COLUMNS(X)
#undef ROWS
#undef X
  to.event_first = calloc(rows[0] + 1, sizeof *to.event_first);
  uint64_t events = last ? table_fill_last(engine, table, &to) : table_fill(engine, table, &to);
  mix(&events, sizeof events);
#define X(type, name, width) mix(to.name, ROWS * (width) * sizeof(type)), free(to.name);
#define ROWS rows[0]
  CONNECTION_COLUMNS(X)
#undef ROWS
#define ROWS events
  EVENT_COLUMNS(X)
#undef ROWS
#define ROWS rows[2]
  RARE_COLUMNS(X)
#undef ROWS
#undef X
  mix(to.event_first, (rows[0] + 1) * sizeof *to.event_first);
  size_t long_count = 0;
  const struct long_event *longs = table_longs(table, &long_count);
  mix(longs, long_count * sizeof *longs);
  free(to.event_first);
  table_free(engine, table);
  return 1;
}

static void mix_notices(struct reader *reader)
{
  struct notice notices[MOST_NOTICES_ASKED];
  size_t count = reader_notices(reader, 1, notices, MOST_NOTICES_ASKED);
  if (count > MOST_NOTICES_ASKED)
    abort();
  for (size_t i = 0; i < count; i++) {
    const uint8_t *text = NULL;
    size_t size = notices[i].text == UINT32_MAX ? 0 : reader_text(reader, notices[i].text, &text);
    mix(&notices[i].packet, sizeof notices[i].packet);
    mix(&notices[i].a, 3 * sizeof notices[i].a);
    mix(&notices[i].code, sizeof notices[i].code);
    mix(text, size);
  }
}

/* One capture after another, as one file may hold them; each in an engine of its own. What they say, in `digest`. */
static void read_all(const struct input *input, size_t piece)
{
  struct engine *engine = engine_new(1);
  struct reader *reader = reader_new(engine, 1);
  size_t at = 0;
  int status = READER_ON;
  digest = 0xCBF29CE484222325u;
  while (at < input->size && status == READER_ON) {
    size_t size = piece ? 1 + (piece > 1 ? chance(piece) : 0) : input->size;
    size = size < input->size - at ? size : input->size - at;
    uint8_t *copy = malloc(size);
    memcpy(copy, input->bytes + at, size);
    status = reader_feed(reader, copy, size);
    free(copy);
    at += size;
  }
  if (status == READER_ON)
    status = reader_end(reader);
  const uint8_t *left = NULL;
  size_t kept = reader_left(reader, &left);
  uint64_t told[] = {(uint64_t)status, reader_packets(reader), reader_offset(reader)};
  mix(told, sizeof told);
  if (status == READER_NEXT && kept + reader_offset(reader) != at)
    abort();
  mix_notices(reader);
  struct totals totals;
  memset(&totals, 0, sizeof totals);
  engine_totals(engine, &totals);
  mix(&totals, sizeof totals);
  uint64_t before = digest;
  if (!mix_table(engine, 0))
    abort();
  uint64_t asked = digest;
  digest = before; /* asking changes nothing, and the last table is no other */
  if (!mix_table(engine, 1) || digest != asked)
    abort();
  reader_free(reader);
  engine_free(engine);
}

static void save(const struct input *input)
{
  FILE *file = fopen("failed-input", "wb");
  if (file) {
    fwrite(input->bytes, 1, input->size, file);
    fclose(file);
  }
}

static void check(const struct input *input, size_t piece)
{
  alarm(PATIENCE);
  read_all(input, 0);
  uint64_t whole = digest;
  read_all(input, piece);
  alarm(0);
  if (whole == digest)
    return;
  save(input);
  fprintf(stderr, "in pieces up to %zu the answer is another one: see failed-input\n", piece);
  abort();
}

static struct input files[MOST_FILES];
static size_t file_count;

static void read_file(const char *path)
{
  FILE *file = fopen(path, "rb");
  if (!file || file_count == MOST_FILES)
    return;
  uint8_t *bytes = malloc(LARGEST_INPUT);
  size_t size = fread(bytes, 1, LARGEST_INPUT, file);
  fclose(file);
  files[file_count++] = (struct input){bytes, size};
}

/* Numbers at which lengths and counts go wrong. */
static const uint32_t EDGES[] = {0, 1, 2, 3, 4, 15, 16, 19, 20, 24, 28, 39, 40, 60, 127, 128, 255, 256, 4095, 0x7FFF, 0x8000, 0xFFFF,
                                 0x10000, 0x3FFFF, 0x40000, 0xFFFFFF, 0x1000000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFF};

static void put(uint8_t *at, uint32_t number, int width, int big)
{
  for (int i = 0; i < width; i++)
    at[big ? width - 1 - i : i] = (uint8_t)(number >> 8 * i);
}

static void mutate(struct input *input)
{
  size_t size = input->size, at = chance(size ? size : 1), length = 1 + chance(chance(4) ? 16 : 2000);
  uint8_t *bytes = input->bytes;
  switch (chance(8)) {
  case 0:
    if (size)
      bytes[at] ^= (uint8_t)(1 << chance(8));
    break;
  case 1:
    if (size)
      bytes[at] = (uint8_t)chance(256);
    break;
  case 2: input->size = at; break;
  case 3: /* leave bytes out */
    if (length > size - at)
      length = size - at;
    memmove(bytes + at, bytes + at + length, size - at - length);
    input->size -= length;
    break;
  case 4: /* say bytes again, elsewhere */
  case 5: {
    const struct input *from = chance(2) ? input : &files[chance(file_count)];
    size_t begin = chance(from->size ? from->size : 1);
    if (length > from->size - begin)
      length = from->size - begin;
    if (length > LARGEST_INPUT - size)
      length = LARGEST_INPUT - size;
    uint8_t *copy = malloc(length + 1);
    memcpy(copy, from->bytes + begin, length);
    memmove(bytes + at + length, bytes + at, size - at);
    memcpy(bytes + at, copy, length);
    free(copy);
    input->size += length;
    break;
  }
  default: {
    int width = chance(2) ? 4 : chance(2) ? 2 : 1;
    if (size >= 4 && at <= size - 4)
      put(bytes + at, EDGES[chance(sizeof EDGES / sizeof *EDGES)], width, (int)chance(2));
  }
  }
}

static void fuzz(uint64_t inputs)
{
  struct input input = {malloc(LARGEST_INPUT), 0};
  for (uint64_t i = 0; i < inputs; i++) {
    const struct input *from = &files[chance(file_count)];
    memcpy(input.bytes, from->bytes, from->size);
    input.size = from->size;
    for (uint64_t times = 1 + chance(8); times; times--)
      mutate(&input);
    check(&input, (size_t)1 << chance(14));
  }
  free(input.bytes);
}

static void truncate_all(void)
{
  for (size_t i = 0; i < file_count; i++)
    for (size_t size = 0; size <= files[i].size; size++) {
      const struct input input = {files[i].bytes, size};
      check(&input, size % 3 ? 64 : 1);
    }
}

static void digest_all(void)
{
  for (size_t i = 0; i < file_count; i++) {
    read_all(&files[i], 0);
    printf("%016llx\n", (unsigned long long)digest);
  }
}

int main(int count, char **words)
{
  if (count < 3)
    return 2;
  int every = !strcmp(words[1], "truncate"), told = !strcmp(words[1], "digest");
  for (int i = every || told ? 2 : 3; i < count; i++)
    read_file(words[i]);
  if (!file_count)
    return 2;
  state = strtoull(words[1], NULL, 10) * 0x9E3779B97F4A7C15u + 1;
  if (told)
    digest_all();
  else if (every)
    truncate_all();
  else
    fuzz(strtoull(words[2], NULL, 10));
  if (!told)
    printf("%s: %zu files, seed %s\n", every ? "truncated" : words[2], file_count, words[1]);
  for (size_t i = 0; i < file_count; i++)
    free(files[i].bytes);
  return 0;
}
