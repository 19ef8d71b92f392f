/* The notices of a capture: kept as they arise, or counted and made when somebody asks. */
#include "container.h"

#include <stdlib.h>
#include <string.h>

struct notice *reader_notice(struct reader *reader, enum notice_code code, uint64_t packet)
{
  struct notice *notice = &reader->notices[reader->notice_count];
  if (reader->notice_count < MOST_NOTICES)
    reader->notice_count++;
  *notice = (struct notice){.packet = packet, .code = code, .text = UINT32_MAX};
  return notice;
}

void reader_notice_text(struct reader *reader, struct notice *notice, const uint8_t *bytes, size_t size)
{
  uint8_t *copy = malloc(size ? size : 1);
  if (!copy)
    engine_lacks_memory(reader->engine);
  if (!copy || reader->text_count == MOST_NOTICES) {
    free(copy);
    return;
  }
  memcpy(copy, bytes, size);
  reader->texts[reader->text_count] = (struct text){copy, size};
  notice->text = reader->text_count++;
}

size_t reader_text(const struct reader *reader, uint32_t index, const uint8_t **bytes)
{
  if (index >= reader->text_count)
    return 0;
  *bytes = reader->texts[index].bytes;
  return reader->texts[index].size;
}

void damage_begins(struct reader *reader, size_t at)
{
  reader->damage.searching = 1;
  reader->damage.begin = reader->offset + at;
  reader->damage.number = reader->number + 1;
}

void damage_ends(struct reader *reader, enum notice_code code, size_t at)
{
  struct damage *damage = &reader->damage;
  damage->searching = 0;
  if (++damage->places > MOST_NAMED)
    return;
  struct notice *notice = reader_notice(reader, code, damage->number);
  notice->a = (int64_t)damage->begin;
  notice->b = (int64_t)(reader->offset + at - damage->begin);
}

struct list {
  struct notice *out;
  size_t room, count;
};

static void tell(struct list *list, struct notice notice)
{
  if (list->count < list->room)
    list->out[list->count] = notice;
  list->count++;
}

static void tell_number(struct list *list, enum notice_code code, uint64_t packet, uint64_t a)
{
  tell(list, (struct notice){.packet = packet, .a = (int64_t)a, .code = code, .text = UINT32_MAX});
}

/* Link types that are not decoded come first: they explain an empty report. */
static void tell_links(struct list *list, const struct reader *reader)
{
  size_t named = 0;
  for (uint32_t i = 0; i < reader->link_count && named < MOST_NAMED; i++)
    if (link_layer(reader->links[i]) == LAYER_NONE) {
      tell_number(list, NOTICE_LINK_TYPE, 0, reader->links[i]);
      named++;
    }
}

/* What the end cut off, or a search behind damage that has found nothing so far. */
static void tell_end(struct list *list, const struct reader *reader)
{
  const struct damage *damage = &reader->damage;
  int pcap = reader->format == FORMAT_PCAP;
  uint64_t left = reader->kept_end - reader->kept_at;
  if (reader->next || reader->given_up || !reader->format)
    return;
  if (damage->searching) {
    if (damage->places < MOST_NAMED)
      tell(list, (struct notice){.packet = damage->number,
                                 .a = (int64_t)damage->begin,
                                 .b = (int64_t)(reader->offset + left - damage->begin),
                                 .code = pcap ? NOTICE_BAD_RECORD : NOTICE_BAD_BLOCK,
                                 .text = UINT32_MAX});
  } else if (left || reader->skip) {
    tell_number(list, pcap ? NOTICE_PACKET_CUT : NOTICE_BLOCK_CUT, reader->number + 1, 0);
  }
}

static void tell_headers(struct list *list, const struct headers *headers)
{
  const struct snapped *cut[] = {&headers->no_header, &headers->no_flags, &headers->no_options};
  static const enum notice_code CODES[] = {NOTICE_HEADERS_SNAPPED, NOTICE_FLAGS_SNAPPED, NOTICE_OPTIONS_SNAPPED};
  for (int i = 0; i < 3; i++)
    if (cut[i]->packets)
      tell_number(list, CODES[i], cut[i]->first, cut[i]->packets);
  if (fragments_waiting(headers->fragments))
    tell_number(list, NOTICE_FRAGMENTS_MISSING, 0, fragments_waiting(headers->fragments));
  if (headers->quotations_passed_over)
    tell_number(list, NOTICE_TOO_MANY_ERRORS, 0, headers->quotations_passed_over);
}

size_t reader_notices(const struct reader *reader, int ended, struct notice *out, size_t room)
{
  struct list list = {out, room, 0};
  tell_links(&list, reader);
  for (uint32_t i = 0; i < reader->notice_count; i++)
    tell(&list, reader->notices[i]);
  if (ended)
    tell_end(&list, reader);
  tell_headers(&list, &reader->headers);
  if (reader->pcapng.dropped)
    tell_number(&list, NOTICE_DROPPED, 0, reader->pcapng.dropped);
  return list.count;
}
