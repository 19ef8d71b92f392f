/* The door for bytes: tells pcap from pcapng, keeps what a record still misses, and answers questions. */
#include "container.h"

#include <stdlib.h>
#include <string.h>

static const uint32_t MAGICS[] = {0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34};

static int is_magic(uint32_t number)
{
  return number == MAGICS[0] || number == MAGICS[1] || number == MAGICS[2];
}

int format_of(const uint8_t *data, size_t size, int ended)
{
  if (size < 4)
    return ended ? FORMAT_UNKNOWN : -1;
  if (is_magic(le32(data)) || is_magic(be32(data)))
    return FORMAT_PCAP;
  return be32(data) == 0x0A0D0D0A ? FORMAT_PCAPNG : FORMAT_UNKNOWN;
}

int begins_capture(const uint8_t *data, size_t size, int ended)
{
  int format = format_of(data, size, ended);
  if (format <= FORMAT_UNKNOWN)
    return format;
  if (size < 24)
    return ended ? FORMAT_UNKNOWN : -1;
  if (format == FORMAT_PCAPNG)
    return be32(data + 8) == 0x1A2B3C4D || le32(data + 8) == 0x1A2B3C4D ? format : FORMAT_UNKNOWN;
  int big = is_magic(be32(data));
  return number16(data + 4, big) == 2 && number16(data + 6, big) <= 4 ? format : FORMAT_UNKNOWN;
}

struct reader *reader_new(struct engine *engine, uint64_t first_number)
{
  struct reader *reader = calloc(1, sizeof *reader);
  if (!reader)
    return NULL;
  reader->engine = engine;
  reader->number = reader->first = first_number - 1;
  reader->need = 4;
  reader->pcapng.unknown = -1;
  reader->pcap.anchor = -1;
  if (!headers_begin(&reader->headers, engine)) {
    headers_end(&reader->headers);
    free(reader);
    return NULL;
  }
  return reader;
}

void reader_free(struct reader *reader)
{
  if (!reader)
    return;
  wanted_free(reader->wanted);
  headers_end(&reader->headers);
  pcapng_end(&reader->pcapng);
  for (uint32_t i = 0; i < reader->text_count; i++)
    free(reader->texts[i].bytes);
  free(reader->links);
  free(reader->kept);
  free(reader->piece);
  free(reader);
}

void reader_starts_at(struct reader *reader, uint64_t offset) { reader->offset = reader->origin = offset; }

static size_t kept(const struct reader *reader) { return reader->kept_end - reader->kept_at; }

/* Keep bytes behind those that are kept. 0 where there is no memory. */
static int keep(struct reader *reader, const uint8_t *data, size_t size)
{
  if (size > reader->kept_room - reader->kept_end && reader->kept_at) {
    memmove(reader->kept, reader->kept + reader->kept_at, kept(reader));
    reader->kept_end -= reader->kept_at;
    reader->kept_at = 0;
  }
  if (size > reader->kept_room - reader->kept_end) {
    size_t room = 2 * (reader->kept_end + size);
    uint8_t *bytes = realloc(reader->kept, room);
    if (!bytes)
      return 0;
    reader->kept = bytes;
    reader->kept_room = room;
  }
  if (size)
    memcpy(reader->kept + reader->kept_end, data, size);
  reader->kept_end += size;
  return 1;
}

/* Whole records from the front of `data`: how many bytes. */
static size_t take(struct reader *reader, const uint8_t *data, size_t size, int ended)
{
  size_t taken = 0;
  if (reader->format == FORMAT_PCAP)
    taken = pcap_take(reader, data, size, ended);
  else if (reader->format == FORMAT_PCAPNG)
    taken = pcapng_take(reader, data, size, ended);
  engine_flush(reader->engine); /* the bytes may go away */
  reader->offset += taken;
  if (reader->need <= size - taken) /* never look at the same bytes again */
    reader->need = size - taken + 1;
  return taken;
}

/* Tell the format by the first bytes, all of which are kept. */
static int find_format(struct reader *reader, int ended)
{
  int format = format_of(reader->kept + reader->kept_at, kept(reader), ended);
  if (format == FORMAT_UNKNOWN)
    return READER_NO_CAPTURE;
  if (format > 0)
    reader->format = format;
  return READER_ON;
}

/* What was passed over of `size` bytes that come now. */
static size_t skipped(struct reader *reader, size_t size)
{
  size_t passed = reader->skip < size ? (size_t)reader->skip : size;
  reader->skip -= passed;
  reader->offset += passed;
  return passed;
}

/* Look at the bytes that are kept. */
static void take_kept(struct reader *reader, int ended)
{
  size_t taken = take(reader, reader->kept + reader->kept_at, kept(reader), ended);
  reader->kept_at += taken;
  if (reader->kept_at == reader->kept_end)
    reader->kept_at = reader->kept_end = 0;
}

int reader_feed(struct reader *reader, const uint8_t *data, size_t size)
{
  while (size) {
    size_t used;
    if (reader->next) { /* for the next reader, all of it */
      return keep(reader, data, size) ? READER_NEXT : READER_NO_MEMORY;
    } else if (reader->given_up) {
      reader->offset += size;
      return READER_ON;
    } else if (reader->skip) {
      used = skipped(reader, size);
    } else if (!kept(reader) && reader->format && size >= reader->need) {
      used = take(reader, data, size, 0);
    } else {
      size_t missing = reader->need - kept(reader);
      used = missing < size ? missing : size;
      if (!keep(reader, data, used))
        return READER_NO_MEMORY;
      if (!reader->format && find_format(reader, 0) < 0)
        return READER_NO_CAPTURE;
      if (used == missing)
        take_kept(reader, 0);
    }
    if (reader->format == FORMAT_PCAPNG && reader->pcapng.begun < 0)
      return READER_BAD_START;
    data += used;
    size -= used;
  }
  return reader->next ? READER_NEXT : READER_ON;
}

int reader_end(struct reader *reader)
{
  if (!reader->format)
    return READER_NO_CAPTURE;
  if (!reader->next && !reader->given_up && !reader->skip && kept(reader))
    take_kept(reader, 1);
  if (reader->format == FORMAT_PCAP && !reader->pcap.head)
    return READER_HEADER_CUT;
  if (reader->format == FORMAT_PCAPNG && reader->pcapng.begun <= 0)
    return READER_BAD_START;
  return reader->next ? READER_NEXT : READER_ON;
}

size_t reader_left(const struct reader *reader, const uint8_t **bytes)
{
  *bytes = reader->kept + reader->kept_at;
  return kept(reader);
}

int reader_format(const struct reader *reader) { return reader->format; }

uint64_t reader_packets(const struct reader *reader) { return reader->number - reader->first; }

uint64_t reader_offset(const struct reader *reader) { return reader->offset; }

void reader_frame(struct reader *reader, struct frame *frame)
{
  frame->number = ++reader->number;
  engine_packet_in(reader->engine, frame->time);
  if (reader->wanted)
    wanted_frame(reader, frame);
  if (frame->layer != LAYER_NONE)
    headers_frame(&reader->headers, frame);
}

void reader_link(struct reader *reader, uint32_t link)
{
  if (link < MOST_LINKS) {
    if (reader->links_seen[link / 8] >> link % 8 & 1)
      return;
    reader->links_seen[link / 8] |= (uint8_t)(1 << link % 8);
  }
  if (reader->link_count == reader->link_room) {
    uint32_t room = reader->link_room ? 2 * reader->link_room : 8;
    uint32_t *links = realloc(reader->links, room * sizeof *links);
    if (!links) {
      engine_lacks_memory(reader->engine);
      return;
    }
    reader->links = links;
    reader->link_room = room;
  }
  reader->links[reader->link_count++] = link;
}

size_t reader_links(const struct reader *reader, uint32_t *out, size_t room)
{
  for (size_t i = 0; i < reader->link_count && i < room; i++)
    out[i] = reader->links[i];
  return reader->link_count;
}
