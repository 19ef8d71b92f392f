/* Captures of one network that overlap in time: their segments are collected, and taken in order of time.
 *
 * What is collected is sorted in runs. All but the last go to a file, so that memory is bounded whatever the captures
 * hold; then the runs are read side by side, the earliest segment first. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#include <io.h>
#define read _read
#define write _write
#define lseek _lseeki64
#else
#include <unistd.h>
#endif

#include "engine_state.h"

#ifndef RUN
#define RUN (1 << 17) /* segments sorted at once */
#endif
enum { FEWEST_AT_ONCE = 64 };

struct collected {
  struct segment segment;
  uint64_t place; /* among all: of equal times the earlier one comes first */
};

/* A stretch in order of time. */
struct run {
  uint64_t left;          /* segments in the file that were not read yet */
  int64_t offset;         /* … of the first of them */
  struct collected *rows; /* those that were */
  size_t count, at;
};

struct collecting {
  int file; /* -1: all stays in memory */
  struct collected *rows;
  size_t count, room;
  uint64_t places;
  struct run *runs;
  uint32_t run_count, run_room;
  uint32_t *heap, heap_count; /* runs, the one with the earliest segment first */
  size_t at_once;             /* segments read of each */
  int64_t end;                /* of the file */
  int merging;
};

static int compared(const struct collected *x, const struct collected *y) {
  if (x->segment.time != y->segment.time) return x->segment.time < y->segment.time ? -1 : 1;
  return x->place < y->place ? -1 : x->place > y->place;
}

static int by_time(const void *a, const void *b) { return compared(a, b); }

void collecting_free(struct collecting *c) {
  if (!c) return;
  for (uint32_t i = 0; i < c->run_count; i++) free(c->runs[i].rows);
  free(c->runs);
  free(c->rows);
  free(c->heap);
  free(c);
}

/* Collect segments; `file` is a descriptor that what does not fit in memory is written to, or -1. */
API int engine_collect(struct engine *e, int file) {
  e->collecting = calloc(1, sizeof *e->collecting);
  if (!e->collecting) return -1;
  e->collecting->file = file;
  return 0;
}

static int all_written(int file, const char *bytes, size_t size) {
  while (size) {
    int64_t done = write(file, bytes, size < 1u << 30 ? (unsigned)size : 1u << 30);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return 0;
    bytes += done;
    size -= (size_t)done;
  }
  return 1;
}

static struct run *run_new(struct collecting *c) {
  if (c->run_count == c->run_room) {
    uint32_t room = c->run_room ? 2 * c->run_room : 16;
    struct run *more = realloc(c->runs, room * sizeof *more);
    if (!more) return NULL;
    c->runs = more;
    c->run_room = room;
  }
  struct run *run = &c->runs[c->run_count++];
  *run = (struct run){0};
  return run;
}

/* What is in memory becomes a run in the file; 0 where it has to stay in memory. */
static int run_written(struct collecting *c) {
  qsort(c->rows, c->count, sizeof *c->rows, by_time);
  if (c->file < 0 || !all_written(c->file, (const char *)c->rows, c->count * sizeof *c->rows)) return 0;
  struct run *run = run_new(c);
  if (!run) return 0;
  run->left = c->count;
  run->offset = c->end;
  c->end += (int64_t)(c->count * sizeof *c->rows);
  c->count = 0;
  return 1;
}

void collect(struct engine *e, const struct segment *segment) {
  struct collecting *c = e->collecting;
  if (c->count == c->room && (c->room < RUN || !run_written(c))) {
    if (c->room >= RUN) c->file = -1; /* it took no more: a disk is full */
    size_t room = c->room ? 2 * c->room : 1024;
    struct collected *more = realloc(c->rows, room * sizeof *more);
    if (!more) {
      e->out_of_memory = 1;
      return;
    }
    c->rows = more;
    c->room = room;
  }
  struct collected *to = &c->rows[c->count++];
  to->segment = without_payload(segment);
  to->place = c->places++;
}

/* Read on where all that was read of a run is taken; 0 where that cannot be. */
static int read_on(const struct collecting *c, struct run *run) {
  run->at = run->count = 0;
  if (!run->left) return 1;
  if (!run->rows && !(run->rows = malloc(c->at_once * sizeof *run->rows))) return errno = ENOMEM, 0;
  if (lseek(c->file, run->offset, SEEK_SET) < 0) return 0;
  size_t wanted = run->left < c->at_once ? (size_t)run->left : c->at_once, size = wanted * sizeof *run->rows;
  for (size_t done = 0; done < size;) {
    int64_t got = read(c->file, (char *)run->rows + done, (unsigned)(size - done));
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) errno = EIO; /* it was cut */
    if (got <= 0) return 0;
    done += (size_t)got;
  }
  run->count = wanted;
  run->left -= wanted;
  run->offset += (int64_t)size;
  return 1;
}

static const struct collected *first_of(const struct collecting *c, uint32_t place) {
  const struct run *run = &c->runs[c->heap[place]];
  return &run->rows[run->at];
}

static void sink(struct collecting *c, uint32_t place) {
  for (;;) {
    uint32_t least = place, child = 2 * place + 1;
    for (uint32_t other = child; other < child + 2 && other < c->heap_count; other++)
      if (compared(first_of(c, other), first_of(c, least)) < 0) least = other;
    if (least == place) return;
    uint32_t run = c->heap[place];
    c->heap[place] = c->heap[least];
    c->heap[least] = run;
    place = least;
  }
}

/* All that was collected, in runs side by side. */
static int merging_begins(struct collecting *c) {
  qsort(c->rows, c->count, sizeof *c->rows, by_time);
  struct run *last = run_new(c);
  if (!last) return errno = ENOMEM, 0;
  *last = (struct run){.rows = c->rows, .count = c->count};
  c->rows = NULL;
  c->heap = malloc(c->run_count * sizeof *c->heap);
  if (!c->heap) return errno = ENOMEM, 0;
  c->at_once = RUN / c->run_count > FEWEST_AT_ONCE ? RUN / c->run_count : FEWEST_AT_ONCE;
  for (uint32_t i = 0; i < c->run_count; i++) {
    struct run *run = &c->runs[i];
    if (!run->count && !read_on(c, run)) return 0;
    if (run->count) c->heap[c->heap_count++] = i;
  }
  for (uint32_t i = c->heap_count; i-- > 0;) sink(c, i);
  c->merging = 1;
  return 1;
}

/* Take some of what was collected: how many. 0 when all is taken, and what comes from now on is taken at once; below 0 an
 * errno: the file could not be read. */
API int64_t engine_merge(struct engine *e, int64_t most) {
  struct collecting *c = e->collecting;
  if (!c) return 0;
  e->collecting = NULL; /* segments go on */
  int64_t taken = 0;
  int failed = !c->merging && !merging_begins(c);
  for (; !failed && c->heap_count && taken < most; taken++) {
    struct run *run = &c->runs[c->heap[0]];
    engine_segment_in(e, &run->rows[run->at++].segment);
    if (run->at == run->count) failed = !read_on(c, run);
    if (run->at == run->count) c->heap[0] = c->heap[--c->heap_count];
    if (!failed && c->heap_count) sink(c, 0);
  }
  engine_flush(e);
  if (failed || !taken) collecting_free(c);
  else e->collecting = c;
  return failed ? -(int64_t)(errno ? errno : EIO) : taken;
}
