/* What people and programs wrote into a pcapng beside its packets: comments, and names of addresses.
 *
 * They explain a capture, and decide nothing: a few of each become notices, unchanged.
 */
#include "container.h"

enum {
  MOST_NOTICED = 8,      /* comments, and blocks of names, that have a notice */
  MOST_OPTIONS = 64,     /* of one block that are looked at */
  LONGEST = 1024,        /* bytes of a comment that are kept */
  LONGEST_NAMES = 16384, /* … of a block of names */
  COMMENT = 1,
  PACKET_FLAGS = 2,
};

struct option {
  uint16_t code, size;
  const uint8_t *value;
};

/* The option at `*at`, which moves on. 0 at the end mark, the end, or a length that leads beyond it. */
static int next_option(const uint8_t *options, size_t size, size_t *at, int big, struct option *option)
{
  if (size < 4 || *at > size - 4)
    return 0;
  option->code = number16(options + *at, big);
  option->size = number16(options + *at + 2, big);
  option->value = options + *at + 4;
  if (!option->code || option->size > size - 4 - *at)
    return 0;
  *at += 4 + ((size_t)option->size + 3) / 4 * 4;
  return 1;
}

static void comment(struct reader *reader, const struct option *option, uint64_t packet)
{
  uint32_t number = ++reader->pcapng.comments;
  if (number > MOST_NOTICED + 1)
    return;
  struct notice *notice = reader_notice(reader, number > MOST_NOTICED ? NOTICE_MORE_COMMENTS : NOTICE_COMMENT,
                                        number > MOST_NOTICED ? 0 : packet);
  if (number <= MOST_NOTICED)
    reader_notice_text(reader, notice, option->value, option->size < LONGEST ? option->size : LONGEST);
}

void remark_comments(struct reader *reader, const uint8_t *options, size_t size, uint64_t packet, uint8_t *direction)
{
  struct option option;
  size_t at = 0;
  for (int i = 0; i < MOST_OPTIONS && next_option(options, size, &at, reader->pcapng.big, &option); i++) {
    if (option.code == COMMENT && option.size && reader->pcapng.comments <= MOST_NOTICED)
      comment(reader, &option, packet);
    else if (option.code == PACKET_FLAGS && option.size == 4 && direction)
      *direction = number32(option.value, reader->pcapng.big) & 3;
  }
}

void remark_names(struct reader *reader, const uint8_t *records, size_t size)
{
  struct option record;
  size_t at = 0;
  int found = 0;
  for (int i = 0; i < MOST_OPTIONS && next_option(records, size, &at, reader->pcapng.big, &record); i++)
    found += (record.code == 1 && record.size > 4) || (record.code == 2 && record.size > 16);
  if (!found || reader->pcapng.names >= MOST_NOTICED)
    return;
  reader->pcapng.names++;
  struct notice *notice = reader_notice(reader, NOTICE_NAMES, 0);
  notice->a = reader->pcapng.big;
  reader_notice_text(reader, notice, records, size < LONGEST_NAMES ? size : LONGEST_NAMES);
}
