/* Packets in full, for those who look at one again. */
#include <stdlib.h>
#include <string.h>

#include "container.h"

struct wanted {
  uint64_t *numbers;
  size_t count, at, most; /* `at`: the next one to come */
  struct whole_packet *packets;
  size_t kept;
  uint8_t *bytes;
  size_t size, room;
};

int reader_want(struct reader *reader, const uint64_t *numbers, size_t count, size_t most)
{
  struct wanted *w = calloc(1, sizeof *w);
  if (!w)
    return -1;
  w->numbers = malloc((count + 1) * sizeof *numbers);
  w->packets = malloc((count + 1) * sizeof *w->packets);
  w->count = count;
  w->most = most;
  if (!w->numbers || !w->packets) {
    wanted_free(w);
    return -1;
  }
  memcpy(w->numbers, numbers, count * sizeof *numbers);
  wanted_free(reader->wanted);
  reader->wanted = w;
  return 0;
}

static int add(struct wanted *w, const uint8_t *bytes, size_t size)
{
  if (w->room - w->size < size) {
    size_t room = 2 * (w->size + size);
    uint8_t *more = realloc(w->bytes, room);
    if (!more)
      return 0;
    w->bytes = more;
    w->room = room;
  }
  if (size)
    memcpy(w->bytes + w->size, bytes, size);
  w->size += size;
  return 1;
}

void wanted_frame(struct reader *reader, const struct frame *frame)
{
  struct wanted *w = reader->wanted;
  while (w->at < w->count && w->numbers[w->at] < frame->number)
    w->at++;
  if (w->at == w->count || w->numbers[w->at] != frame->number)
    return;
  w->at++;
  uint64_t begin = w->size;
  uint32_t captured = frame->captured < w->most ? frame->captured : (uint32_t)w->most;
  if (!add(w, frame->bytes, captured) || !add(w, frame->options, frame->options_size)) {
    w->size = begin;
    engine_lacks_memory(reader->engine);
    return;
  }
  w->packets[w->kept++] = (struct whole_packet){
    frame->number, frame->offset, frame->time, headers_find_ip(&reader->headers, frame), begin,
    captured, frame->original, frame->link, frame->options_size, frame->big};
}

size_t reader_wanted(const struct reader *reader, const struct whole_packet **packets, const uint8_t **bytes)
{
  if (!reader->wanted)
    return 0;
  *packets = reader->wanted->packets;
  *bytes = reader->wanted->bytes;
  return reader->wanted->kept;
}

void wanted_free(struct wanted *w)
{
  if (!w)
    return;
  free(w->numbers);
  free(w->packets);
  free(w->bytes);
  free(w);
}
