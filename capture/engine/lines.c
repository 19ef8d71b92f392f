/* Lines of text for rows of columns. */
#include "lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_NUMBER = 32, LONGEST = 64 }; /* of an integer; of any step that is no text */
static const int64_t V6_KEYS = (int64_t)1 << 32, EXACT = 1000000000000000; /* 15 digits: any double tells them apart */

struct writing {
  char *at, *end;
};

static const void *at_address(uint64_t address) { return (const void *)(uintptr_t)address; }

static int64_t value_at(const struct line_column *column, const char *at)
{
  int64_t eight;
  uint32_t four;
  uint16_t two;
  switch (column->size) {
  case 1: return *(const uint8_t *)at;
  case 2: memcpy(&two, at, 2); return two;
  case 4: memcpy(&four, at, 4); return four;
  default: memcpy(&eight, at, 8); return eight;
  }
}

static int fits(const struct writing *w, uint64_t size) { return size <= (uint64_t)(w->end - w->at); }

static int put(struct writing *w, const char *text, uint64_t size)
{
  if (!fits(w, size))
    return 0;
  if (size)
    memcpy(w->at, text, size);
  w->at += size;
  return 1;
}

/* Digits, at least `least` of them. */
static char *digits(char *at, uint64_t number, int least)
{
  char reversed[LONGEST_NUMBER];
  int n = 0;
  do {
    reversed[n++] = (char)('0' + number % 10);
    number /= 10;
  } while (number || n < least);
  while (n)
    *at++ = reversed[--n];
  return at;
}

static char *number(char *at, int64_t value)
{
  if (value < 0)
    *at++ = '-';
  return digits(at, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 1);
}

static char *seconds(char *at, int64_t nanoseconds)
{
  uint64_t size = nanoseconds < 0 ? 0 - (uint64_t)nanoseconds : (uint64_t)nanoseconds;
  if (nanoseconds < 0)
    *at++ = '-';
  at = digits(at, size / 1000000000, 1);
  *at++ = '.';
  return digits(at, size % 1000000000, 9);
}

/* More digits than every double tells apart: the fewest that give the same one. */
static char *long_milliseconds(char *at, int64_t nanoseconds)
{
  double value = (double)nanoseconds / 1e6;
  for (int precision = 15; precision <= 17; precision++) {
    snprintf(at, LONGEST_NUMBER, "%.*g", precision, value);
    if (strtod(at, NULL) == value)
      break;
  }
  if (!strchr(at, '.'))
    strcat(at, ".0");
  return at + strlen(at);
}

/* repr(nanoseconds / 1e6) of Python: the fewest digits that give the same double, which are those of the decimal. */
static char *milliseconds(char *at, int64_t nanoseconds)
{
  if (nanoseconds >= EXACT)
    return long_milliseconds(at, nanoseconds);
  if (nanoseconds && nanoseconds < 100) { /* below 0.0001 it takes an exponent */
    int tens = (int)nanoseconds / 10, ones = (int)nanoseconds % 10;
    *at++ = (char)('0' + (tens ? tens : ones));
    if (tens && ones) {
      *at++ = '.';
      *at++ = (char)('0' + ones);
    }
    memcpy(at, tens ? "e-05" : "e-06", 4);
    return at + 4;
  }
  at = digits(at, (uint64_t)nanoseconds / 1000000, 1);
  *at++ = '.';
  at = digits(at, (uint64_t)nanoseconds % 1000000, 6);
  while (at[-1] == '0' && at[-2] != '.')
    at--;
  return at;
}

static char *ipv4(char *at, uint32_t address)
{
  for (int shift = 24; shift >= 0; shift -= 8) {
    at = digits(at, address >> shift & 0xFF, 1);
    if (shift)
      *at++ = '.';
  }
  return at;
}

static char *first_seen(char *at, int64_t packed)
{
  static const char begin[2][31] = {"{\"by\":\"originator\",\"packet\":", "{\"by\":\"responder\",\"packet\":"};
  const char *text = begin[packed & 1];
  memcpy(at, text, strlen(text));
  at = digits(at + strlen(text), (uint64_t)packed >> 1, 1);
  *at++ = '}';
  return at;
}

static int put_word(struct writing *w, const struct line_word *word) { return put(w, at_address(word->at), word->size); }

/* One step of a line; 0 where it does not fit. */
static int step(struct writing *w, const struct line_step *of, const struct line_column *columns, int64_t row, int64_t place)
{
  if (of->kind == STEP_TEXT)
    return put(w, at_address(of->at), of->size);
  const struct line_column *column = &columns[of->column];
  const char *at = (const char *)at_address(column->at) + column->stride * (column->by_place ? place : row);
  if (of->kind == STEP_GIVEN)
    return put_word(w, (const struct line_word *)(const void *)at);
  int64_t value = value_at(column, at);
  if (of->kind == STEP_WORD)
    return put_word(w, (const struct line_word *)at_address(of->at) + value);
  if (of->kind == STEP_ADDRESS && value >= V6_KEYS)
    return put_word(w, (const struct line_word *)at_address(of->at) + (value - V6_KEYS));
  if ((of->kind == STEP_MILLISECONDS && value < 0) || (of->kind == STEP_FIRST && !value))
    return put(w, "null", 4);
  if (!fits(w, LONGEST))
    return 0;
  switch (of->kind) {
  case STEP_NUMBER: w->at = number(w->at, value); break;
  case STEP_SECONDS: w->at = seconds(w->at, value); break;
  case STEP_MILLISECONDS: w->at = milliseconds(w->at, value); break;
  case STEP_ADDRESS: w->at = ipv4(w->at, (uint32_t)value); break;
  case STEP_FIRST: w->at = first_seen(w->at, value); break;
  default: break;
  }
  return 1;
}

uint64_t lines_write(const struct line_step *steps, const uint32_t *shapes, const struct line_column *columns,
                     const char *separator, const int64_t *rows, const uint32_t *shape, uint64_t count, char *out,
                     uint64_t room, uint64_t *used)
{
  struct writing w = {out, out + room};
  uint64_t between = strlen(separator), place = 0;
  *used = 0;
  for (; place < count; place++) {
    int fitted = put(&w, separator, between);
    for (uint32_t i = shapes[shape[place]]; fitted && i < shapes[shape[place] + 1]; i++)
      fitted = step(&w, &steps[i], columns, rows[place], (int64_t)place);
    if (!fitted)
      break;
    *used = (uint64_t)(w.at - out);
  }
  return place;
}
