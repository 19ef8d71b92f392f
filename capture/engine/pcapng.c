/* pcapng: sections of either byte order, interfaces each with its own link type, resolution and offset.
 *
 * https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html
 */
#include "container.h"

#include <stdlib.h>
#include <string.h>

enum { SECTION = 0x0A0D0D0A, INTERFACE = 1, PACKET = 2, SIMPLE = 3, NAMES = 4, STATISTICS = 5, ENHANCED = 6 };
enum {
  LARGEST_BLOCK = LARGEST_ASKED + 4096,
  MOST_INTERFACES = 1 << 20, /* of one section */
  TRAILER = 4,               /* a block's length, again */
};

void pcapng_end(struct pcapng *pcapng) { free(pcapng->interfaces); }

/* The byte order of a section: 1 big, 0 little, -1 none. */
static int section_order(const uint8_t *block)
{
  return be32(block + 8) == 0x1A2B3C4D ? 1 : le32(block + 8) == 0x1A2B3C4D ? 0 : -1;
}

/* Epoch nanoseconds of a time in an interface's resolution; times that do not fit are cut at the year 2262. */
static int64_t nanoseconds(uint64_t ticks, uint8_t resolution, int64_t seconds_on)
{
  static const uint64_t POWERS[] = {1,
                                    10,
                                    100,
                                    1000,
                                    10000,
                                    100000,
                                    1000000,
                                    10000000,
                                    100000000,
                                    1000000000,
                                    10000000000,
                                    100000000000,
                                    1000000000000,
                                    10000000000000,
                                    100000000000000,
                                    1000000000000000,
                                    10000000000000000,
                                    100000000000000000,
                                    1000000000000000000,
                                    10000000000000000000u};
  const int64_t latest = INT64_MAX / 1000000000 - 1;
  uint64_t seconds, fraction;
  if (resolution & 0x80) {
    int shift = (resolution & 0x7F) < 63 ? resolution & 0x7F : 63;
    uint64_t rest = ticks & (((uint64_t)1 << shift) - 1);
    seconds = ticks >> shift;
    int less = shift > 34 ? shift - 34 : 0; /* 2**34 times a thousand million fits */
    fraction = (rest >> less) * 1000000000 >> (shift - less);
  } else {
    int power = resolution < 19 ? resolution : 19;
    seconds = ticks / POWERS[power];
    uint64_t rest = ticks % POWERS[power];
    fraction = power <= 9 ? rest * POWERS[9 - power] : rest / POWERS[power - 9];
  }
  int64_t whole = seconds < (uint64_t)latest ? (int64_t)seconds : latest;
  int64_t offset = seconds_on > latest ? latest : seconds_on < -latest ? -latest : seconds_on;
  whole += offset;
  whole = whole > latest ? latest : whole < -latest ? -latest : whole;
  return whole * 1000000000 + (int64_t)fraction;
}

/* An interface description block: link type, snaplen, and the options that time needs. */
static void describe(struct reader *reader, const uint8_t *block, size_t size)
{
  struct pcapng *pcapng = &reader->pcapng;
  int big = pcapng->big;
  struct interface new = {.resolution = 6};
  if (size >= 20) {
    new.has_link = 1;
    new.link = number16(block + 8, big);
    new.snaplen = number32(block + 12, big);
  }
  for (size_t at = 16; at + 4 + TRAILER <= size;) {
    uint16_t code = number16(block + at, big), length = number16(block + at + 2, big);
    if (!code || at + 4 + length + TRAILER > size)
      break;
    if (code == 9 && length)
      new.resolution = block[at + 4];
    if (code == 14 && length == 8) {
      uint64_t high = number32(block + at + (big ? 4 : 8), big), low = number32(block + at + (big ? 8 : 4), big);
      new.offset = (int64_t)(high << 32 | low);
    }
    at += 4 + ((size_t)length + 3) / 4 * 4;
  }
  if (pcapng->count == pcapng->room) {
    uint32_t room = pcapng->room ? 2 * pcapng->room : 4;
    struct interface *more = room <= MOST_INTERFACES ? realloc(pcapng->interfaces, room * sizeof *more) : NULL;
    if (!more && room <= MOST_INTERFACES)
      engine_lacks_memory(reader->engine);
    if (!more)
      return;
    pcapng->interfaces = more;
    pcapng->room = room;
  }
  pcapng->interfaces[pcapng->count++] = new;
  if (new.has_link)
    reader_link(reader, new.link);
}

/* An interface statistics block: how many packets the interface, and the system, dropped so far. */
static void statistics(struct reader *reader, const uint8_t *block, size_t size)
{
  enum { OPTIONS = 20, DROPPED_BY_INTERFACE = 5, DROPPED_BY_SYSTEM = 7, MOST_OPTIONS = 64 };
  struct pcapng *pcapng = &reader->pcapng;
  int big = pcapng->big;
  uint32_t which = size >= OPTIONS + TRAILER ? number32(block + 8, big) : UINT32_MAX;
  if (which >= pcapng->count)
    return;
  uint64_t dropped = 0;
  size_t at = OPTIONS;
  for (int i = 0; i < MOST_OPTIONS && at + 4 + TRAILER <= size; i++) {
    uint16_t code = number16(block + at, big), length = number16(block + at + 2, big);
    if (!code || at + 4 + length + TRAILER > size)
      break;
    if ((code == DROPPED_BY_INTERFACE || code == DROPPED_BY_SYSTEM) && length == 8) {
      uint64_t high = number32(block + at + (big ? 4 : 8), big), low = number32(block + at + (big ? 8 : 4), big);
      dropped += high << 32 | low;
    }
    at += 4 + ((size_t)length + 3) / 4 * 4;
  }
  pcapng->dropped += dropped - pcapng->interfaces[which].dropped;
  pcapng->interfaces[which].dropped = dropped;
}

/* What an interface says of a packet's time and link layer. */
static void told_by_interface(struct reader *reader, struct frame *frame, uint64_t ticks)
{
  struct pcapng *pcapng = &reader->pcapng;
  if (frame->interface < pcapng->count) {
    const struct interface *interface = &pcapng->interfaces[frame->interface];
    frame->time = nanoseconds(ticks, interface->resolution, interface->offset);
    frame->layer = interface->has_link ? link_layer(interface->link) : LAYER_NONE;
    frame->link = interface->link;
    return;
  }
  frame->time = nanoseconds(ticks, 6, 0);
  frame->layer = LAYER_NONE;
  if (pcapng->unknown < 0) {
    pcapng->unknown = frame->interface;
    reader_notice(reader, NOTICE_UNKNOWN_INTERFACE, 0)->a = frame->interface;
  }
}

static uint32_t least(uint64_t one, uint64_t other) { return (uint32_t)(one < other ? one : other); }

/* An enhanced packet block, or the packet block that came before it. */
static void packet(struct reader *reader, const uint8_t *block, size_t size, uint64_t offset, uint32_t type)
{
  enum { HEAD = 28 };
  int big = reader->pcapng.big;
  if (size < HEAD + TRAILER)
    return;
  struct frame frame = {
    .bytes = block + HEAD,
    .captured = least(number32(block + 20, big), size - HEAD - TRAILER),
    .original = number32(block + 24, big),
    .offset = offset,
    .interface = type == PACKET ? number16(block + 8, big) : number32(block + 8, big),
  };
  told_by_interface(reader, &frame, (uint64_t)number32(block + 12, big) << 32 | number32(block + 16, big));
  size_t options = HEAD + ((size_t)frame.captured + 3) / 4 * 4;
  if (type == ENHANCED && size > options + 8) {
    frame.options = block + options;
    frame.options_size = (uint32_t)(size - options - TRAILER);
    frame.big = (uint8_t)big;
    remark_comments(reader, block + options, size - options - TRAILER, reader->number + 1, &frame.direction);
  }
  reader_frame(reader, &frame);
}

/* A simple packet block: of the first interface, without a time. */
static void simple_packet(struct reader *reader, const uint8_t *block, size_t size, uint64_t offset)
{
  enum { HEAD = 12 };
  struct pcapng *pcapng = &reader->pcapng;
  if (size < HEAD + TRAILER)
    return;
  uint32_t original = number32(block + 8, pcapng->big), snaplen = pcapng->count ? pcapng->interfaces[0].snaplen : 0;
  struct frame frame = {
    .bytes = block + HEAD,
    .captured = least(least(original, snaplen ? snaplen : LARGEST_ASKED), size - HEAD - TRAILER),
    .original = original,
    .offset = offset,
  };
  told_by_interface(reader, &frame, 0);
  frame.time = 0;
  reader_frame(reader, &frame);
}

static void section(struct reader *reader, const uint8_t *block, size_t size)
{
  struct pcapng *pcapng = &reader->pcapng;
  pcapng->big = section_order(block);
  pcapng->count = 0;
  remark_comments(reader, block + 24, size - 24 - TRAILER, 0, NULL);
}

/* A whole block. */
static void take_block(struct reader *reader, const uint8_t *block, size_t size, uint64_t offset, uint32_t type)
{
  switch (type) {
  case SECTION: section(reader, block, size); break;
  case INTERFACE: describe(reader, block, size); break;
  case NAMES: remark_names(reader, block + 8, size - 8 - TRAILER); break;
  case STATISTICS: statistics(reader, block, size); break;
  case SIMPLE: simple_packet(reader, block, size, offset); break;
  case PACKET:
  case ENHANCED: packet(reader, block, size, offset, type); break;
  default: break;
  }
}

static int is_read(uint32_t type)
{
  return type == SECTION || (type >= INTERFACE && type <= ENHANCED);
}

/* The length that a block's begin says. */
static uint32_t length_of(const struct reader *reader, const uint8_t *block, int section)
{
  return number32(block + 4, section ? section_order(block) : reader->pcapng.big);
}

/* Blocks say their length twice: at their begin and at their end. 1, 0, or -1 where more bytes must tell. */
static int plausible(struct reader *reader, const uint8_t *block, size_t size, int ended)
{
  if (size < 12)
    return ended ? 0 : -1;
  int section = be32(block) == SECTION, order = section ? section_order(block) : reader->pcapng.big;
  uint32_t length = number32(block + 4, order > 0);
  if (order < 0 || length < 12 || length % 4 || length > LARGEST + 4096)
    return 0;
  if (length > size)
    return ended ? 0 : -1;
  return number32(block + length - TRAILER, order) == length;
}

/* Does a block begin here, and another behind it, or the end? 1, 0, or -1 where more bytes must tell. */
static int resumes(struct reader *reader, const uint8_t *data, size_t size, int ended)
{
  int right = plausible(reader, data, size, ended);
  if (right <= 0) {
    if (right < 0)
      reader->need = size < 12 ? 12 : length_of(reader, data, be32(data) == SECTION);
    return right;
  }
  size_t length = length_of(reader, data, be32(data) == SECTION);
  if (ended && length == size)
    return 1;
  right = plausible(reader, data + length, size - length, ended);
  if (right < 0)
    reader->need = length + (size - length < 12 ? 12 : length_of(reader, data + length, be32(data + length) == SECTION));
  return right;
}

/* The next place at which blocks resume, as far as can be known. Blocks begin at multiples of four, unless some were
 * seen that do not. */
static size_t search(struct reader *reader, const uint8_t *data, size_t size, int ended)
{
  size_t step = reader->pcapng.unpadded ? 1 : 4, at = 0;
  for (; size - at >= 12; at += step) {
    int found = resumes(reader, data + at, size - at, ended);
    if (found < 0)
      return at;
    if (found) {
      damage_ends(reader, NOTICE_BAD_BLOCK, at);
      return at;
    }
  }
  reader->need = 12;
  return at;
}

/* How many bytes a block takes whose length is no multiple of four: old programs left the padding out of the length,
 * or out altogether; the length at its end tells. 0 where it is no block, or (need is set) more bytes must tell. */
static size_t unpadded(struct reader *reader, const uint8_t *block, size_t size, uint32_t length, int ended)
{
  size_t padded = ((size_t)length + 3) / 4 * 4;
  int big = reader->pcapng.big;
  if (size < padded && !ended) {
    reader->need = padded;
    return 0;
  }
  reader->pcapng.unpadded = 1;
  if (size >= padded && number32(block + padded - TRAILER, big) == length)
    return padded;
  return size >= length && number32(block + length - TRAILER, big) == length ? length : 0;
}

/* How many bytes the block at hand takes: 0 where it is damaged or (need is set) more bytes must tell. */
static size_t block_size(struct reader *reader, const uint8_t *block, size_t size, int ended, uint32_t type)
{
  if (type == SECTION) {
    if (section_order(block) < 0)
      return 0;
    uint32_t length = number32(block + 4, section_order(block));
    return length >= 28 && length % 4 == 0 && length <= LARGEST_BLOCK ? length : 0;
  }
  uint32_t length = number32(block + 4, reader->pcapng.big);
  if (length < 12 || length > LARGEST_BLOCK)
    return 0;
  return length % 4 ? unpadded(reader, block, size, length, ended) : length;
}

/* Whole blocks; where they end. Sets need where more bytes must come. */
static size_t blocks(struct reader *reader, const uint8_t *data, size_t size, int ended, size_t at)
{
  enum { LEAST = 12 };
  struct pcapng *pcapng = &reader->pcapng;
  for (;;) {
    reader->need = LEAST;
    if (size - at < LEAST)
      return at;
    const uint8_t *block = data + at;
    size_t left = size - at;
    uint32_t type = be32(block) == SECTION ? SECTION : number32(block, pcapng->big);
    if (!pcapng->begun) {
      pcapng->begun = section_order(block) < 0 ? -1 : 1;
      if (pcapng->begun < 0)
        return at;
    }
    if (type != SECTION && format_of(block, left, ended) == FORMAT_PCAP) {
      int begins = begins_capture(block, left, ended);
      if (begins) {
        reader->need = 24;
        reader->next = begins > 0;
        return at;
      }
    }
    size_t length = block_size(reader, block, left, ended, type);
    if (!length && reader->need > left)
      return at;
    if (!length || (length > LARGEST_BLOCK)) {
      damage_begins(reader, at);
      return at;
    }
    if (is_read(type) && length > left) {
      reader->need = length;
      return at;
    }
    if (!is_read(type) && length > left) {
      reader->skip = length - left;
      return size;
    }
    if (is_read(type))
      take_block(reader, block, length, reader->offset + at, type);
    at += length;
  }
}

size_t pcapng_take(struct reader *reader, const uint8_t *data, size_t size, int ended)
{
  size_t at = 0;
  struct damage *damage = &reader->damage;
  while (!reader->next && !reader->given_up && reader->pcapng.begun >= 0) {
    if (damage->searching) {
      uint64_t place = reader->offset + at;
      size_t from = at;
      if (place == damage->begin)
        from += reader->pcapng.unpadded ? 1 : 4 - (size_t)((place - reader->origin) % 4);
      if (from > size) {
        reader->need = from - at + 12;
        return at;
      }
      uint64_t base = reader->offset;
      reader->offset += from; /* where the search counts from */
      at = from + search(reader, data + from, size - from, ended);
      reader->offset = base;
      if (damage->searching)
        return at < size ? at : size;
    }
    at = blocks(reader, data, size, ended, at);
    if (!damage->searching)
      return at;
    if (damage->places >= MOST_DAMAGES) {
      damage->searching = 0;
      reader->given_up = 1;
      reader_notice(reader, NOTICE_GIVEN_UP, reader->number + 1)->a = (int64_t)(reader->offset + at);
    }
  }
  return at;
}
