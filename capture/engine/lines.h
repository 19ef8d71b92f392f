/* Lines of text for rows of columns: what the rows of a shape share is a text, and their numbers come between. */
#ifndef TCPTRIAGE_LINES_H
#define TCPTRIAGE_LINES_H

#include "engine.h"

/* capture.engine.line_writer has the same numbers (checked by a test). */
enum step_kind {
  STEP_TEXT,         /* unchanged */
  STEP_NUMBER,       /* an integer */
  STEP_SECONDS,      /* nanoseconds as seconds with nine decimals */
  STEP_MILLISECONDS, /* nanoseconds as Python writes the float of their milliseconds; "null" below 0 */
  STEP_ADDRESS,      /* an address key: an IPv4 address, or the word of another one */
  STEP_FIRST,        /* a packet number << 1 | side as an object; "null" of 0 */
  STEP_WORD,         /* the word for a number */
  STEP_GIVEN,        /* a word of its own */
};

struct line_word {
  uint64_t at, size; /* of its bytes */
};

struct line_step {
  uint32_t kind, column;
  uint64_t at, size; /* of a text; of words: where the first is described */
};

/* Integers of 1, 2, 4 (never negative) or 8 bytes, or words, `stride` bytes apart: by row, or by place among the rows
 * that are asked for. */
struct line_column {
  uint64_t at;
  int64_t stride;
  uint32_t size, by_place;
};

/* A line for each of `count` rows, behind a separator each, as far as they fit into `room`; how many did. Shape s is
 * the steps shapes[s] to shapes[s + 1]. `used`: bytes written. */
API uint64_t lines_write(const struct line_step *steps, const uint32_t *shapes, const struct line_column *columns,
                         const char *separator, const int64_t *rows, const uint32_t *shape, uint64_t count, char *out,
                         uint64_t room, uint64_t *used);

#endif
