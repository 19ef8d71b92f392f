/* Classic pcap: both byte orders, microseconds and nanoseconds, and the forms that old systems wrote.
 *
 * https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html. Odd forms, as libpcap and Wireshark know them:
 * - before version 2.3 the two lengths are swapped, in 2.3 sometimes; DG/UX (version 543.0) swaps them too;
 * - AIX writes version 2.2, interface types of RFC 1573 for link types, and nanoseconds;
 * - Kuznetzov's patches to libpcap put eight bytes behind the record header (12 in SuSE 6.3), under a magic number of
 *   their own, but in Red Hat 6.1 under the usual one; Nokia's systems put four there.
 * Where the second record begins tells the last from the others.
 */
#include "container.h"

enum { FILE_HEADER = 24, FIELDS = 16, YEAR = 365 * 86400, WIDEST = 28 };
enum { NEVER, SOMETIMES, ALWAYS }; /* the lengths are swapped */

struct record {
  uint32_t seconds, fraction, captured, original;
};

static int is(const uint8_t *at, uint32_t number) { return le32(at) == number || be32(at) == number; }

/* AIX's link types, as the others have them; -1 where it is no such file. */
static int64_t aix_link(uint32_t link)
{
  switch (link) {
  case 6: return 1;  /* Ethernet */
  case 9: return 6;  /* token ring */
  case 15: return 10; /* FDDI */
  case 24: return 0; /* loopback */
  default: return -1;
  }
}

static void read_file_header(struct reader *reader, const uint8_t *at)
{
  struct pcap *pcap = &reader->pcap;
  int nanoseconds = is(at, 0xA1B23C4D);
  pcap->modified = is(at, 0xA1B2CD34);
  pcap->big = be32(at) >> 16 == 0xA1B2;
  uint16_t major = number16(at + 4, pcap->big), minor = number16(at + 6, pcap->big);
  uint32_t snaplen = number32(at + 16, pcap->big), link = number32(at + 20, pcap->big);
  pcap->head = pcap->modified ? 24 : FIELDS;
  pcap->swapped = (major == 2 && minor < 3) || major == 543 ? ALWAYS : major == 2 && minor == 3 ? SOMETIMES : NEVER;
  pcap->tick = nanoseconds ? 1 : 1000;
  pcap->form_checked = nanoseconds;
  pcap->link = link & 0x03FFFFFF;
  if (major == 2 && minor == 2 && aix_link(link) >= 0) {
    pcap->link = (uint32_t)aix_link(link);
    pcap->tick = 1;
    pcap->form_checked = 1;
  }
  pcap->layer = link_layer(pcap->link);
  pcap->largest = snaplen > LARGEST && snaplen <= LARGEST_ASKED ? snaplen : LARGEST;
  reader_link(reader, pcap->link);
}

static struct record record_at(const struct pcap *pcap, const uint8_t *at)
{
  struct record record = {number32(at, pcap->big), number32(at + 4, pcap->big), number32(at + 8, pcap->big),
                          number32(at + 12, pcap->big)};
  if (pcap->swapped != NEVER && (pcap->swapped == ALWAYS || record.captured > record.original)) {
    uint32_t captured = record.original;
    record.original = record.captured;
    record.captured = captured;
  }
  return record;
}

/* False where a header cannot be true, or is what a crash leaves at the end of a file. */
static int sound(const struct pcap *pcap, const struct record *record)
{
  return record->captured <= pcap->largest && (record->captured || record->original || record->seconds);
}

/* Is this a record header, by all that it says? */
static int plausible(const struct pcap *pcap, const uint8_t *at)
{
  struct record record = record_at(pcap, at);
  int64_t apart = (int64_t)record.seconds - pcap->anchor;
  return record.captured && record.captured <= LARGEST && record.captured <= record.original &&
         record.original <= LARGEST_ASKED && record.fraction < (pcap->tick == 1 ? 1000000000 : 1000000) &&
         (pcap->anchor < 0 || (apart < YEAR && apart > -YEAR));
}

/* What Kuznetzov's patches say beside the packet: the interface and the kind of packet. */
static void read_beside(const struct pcap *pcap, const uint8_t *at, struct frame *frame)
{
  if (pcap->head != 24 && pcap->head != 28)
    return;
  uint8_t kind = at[FIELDS + 6];
  frame->interface = number32(at + FIELDS, pcap->big);
  frame->direction = kind == 4 ? DIRECTION_OUT : kind == 3 ? DIRECTION_OTHER : DIRECTION_IN;
}

static void emit(struct reader *reader, const uint8_t *at, const struct record *record, uint64_t offset)
{
  struct pcap *pcap = &reader->pcap;
  struct frame frame = {
    .bytes = at + pcap->head,
    .captured = record->captured,
    .original = record->original,
    .offset = offset,
    .time = (int64_t)record->seconds * 1000000000 + (int64_t)record->fraction * pcap->tick,
    .interface = NO_INTERFACE,
    .layer = pcap->layer,
    .link = pcap->link,
  };
  if (pcap->head != FIELDS)
    read_beside(pcap, at, &frame);
  reader_frame(reader, &frame);
  pcap->anchor = record->seconds;
}

enum verdict { NO, YES, UNSURE };

/* Do three plausible records begin here, or two that end where the file does? */
static enum verdict resumes(struct reader *reader, const uint8_t *data, size_t size, int ended)
{
  const struct pcap *pcap = &reader->pcap;
  size_t at = 0, head = (size_t)pcap->head;
  for (int records = 0; records < 3; records++) {
    if (size < head || at > size - head) {
      if (ended)
        return records && at == size ? YES : NO;
      reader->need = at + head;
      return UNSURE;
    }
    if (!plausible(pcap, data + at))
      return NO;
    at += head + record_at(pcap, data + at).captured;
  }
  return YES;
}

/* The next place at which records resume, from `at` on, as far as can be known. */
static size_t search(struct reader *reader, const uint8_t *data, size_t size, int ended)
{
  size_t at = 0, head = (size_t)reader->pcap.head;
  for (; size - at >= head; at++) {
    enum verdict verdict = resumes(reader, data + at, size - at, ended);
    if (verdict == UNSURE)
      return at;
    if (verdict == YES) {
      damage_ends(reader, NOTICE_BAD_RECORD, at);
      return at;
    }
  }
  reader->need = head;
  return at;
}

/* Sizes of record headers that this file may have instead. */
static int other_heads(const struct pcap *pcap, int *heads)
{
  heads[0] = pcap->modified ? 28 : 24;
  heads[1] = 20;
  return pcap->modified ? 1 : 2;
}

/* Does the first packet look like one behind a longer header only? Then nothing is made of it before the second. */
static int is_suspicious(const struct pcap *pcap, const uint8_t *at, uint32_t captured)
{
  int heads[2], count = other_heads(pcap, heads);
  if (looks_like(pcap->layer, at + pcap->head, captured))
    return 0;
  for (int i = 0; i < count; i++) {
    uint32_t later = (uint32_t)(heads[i] - pcap->head);
    if (captured > later && looks_like(pcap->layer, at + heads[i], captured - later))
      return 1;
  }
  return 0;
}

/* Do two records of this form begin here, or one that ends where the file does? A place where a record merely may begin
 * is found behind bytes that were lost, too. */
static enum verdict fits(struct reader *reader, const uint8_t *at, size_t size, size_t second, int head, int ended)
{
  const struct pcap *pcap = &reader->pcap;
  size_t there = second;
  for (int records = 0; records < 2; records++) {
    if (size < FIELDS || there > size - FIELDS) {
      if (ended)
        return there == size ? YES : NO;
      reader->need = there + FIELDS;
      return UNSURE;
    }
    if (!plausible(pcap, at + there))
      return NO;
    there += (size_t)head + record_at(pcap, at + there).captured;
  }
  return YES;
}

/* Where the first record ends tells the form. `second`: bytes from `at` to the second record in the usual form.
 * 0 where more bytes must tell. */
static int check_form(struct reader *reader, const uint8_t *at, size_t size, size_t second, int ended)
{
  struct pcap *pcap = &reader->pcap;
  int heads[2], count = other_heads(pcap, heads), head = pcap->head;
  if (size < second + FIELDS && !ended) {
    reader->need = second + FIELDS;
    return 0;
  }
  if (size != second && (size < second + FIELDS || !plausible(pcap, at + second))) {
    for (int i = 0; i < count; i++) {
      enum verdict verdict = fits(reader, at, size, second + (size_t)(heads[i] - head), heads[i], ended);
      if (verdict == UNSURE)
        return 0;
      if (verdict == YES) {
        pcap->head = heads[i];
        break;
      }
    }
  }
  pcap->form_checked = 1;
  return 1;
}

/* The form is not known yet: look at the first two records. 0 where more bytes must come; `*at` may move on. */
static int form_known(struct reader *reader, const uint8_t *data, size_t size, int ended, size_t *at)
{
  struct pcap *pcap = &reader->pcap;
  size_t left = size - *at, head = (size_t)pcap->head;
  if (pcap->anchor >= 0) { /* `*at` is where the second record begins in the usual form, and one was made of the first */
    if (!check_form(reader, data + *at, left, 0, ended))
      return 0;
    *at += (size_t)pcap->head - head;
    return 1;
  }
  struct record record = record_at(pcap, data + *at);
  if (!sound(pcap, &record)) {
    pcap->form_checked = 1;
    return 1;
  }
  size_t second = head + record.captured;
  if (left < second || !is_suspicious(pcap, data + *at, record.captured))
    return 1; /* it is waited for, or what it is will not change; the second record tells the form */
  pcap->anchor = record.seconds; /* for what is plausible */
  int known = check_form(reader, data + *at, left, second, ended);
  pcap->anchor = -1;
  return known;
}

/* Whether another capture begins here instead of a record; -1 where more bytes must tell. */
static int ends_here(const struct record *record, const uint8_t *at, size_t size, int ended)
{
  if (record->seconds >> 16 != 0xA1B2 && (record->seconds & 0xFFFF) != 0xB2A1 && be32(at) != 0x0A0D0D0A)
    return 0;
  int format = begins_capture(at, size, ended);
  return format == -1 ? -1 : format != FORMAT_UNKNOWN;
}

/* Whole records; where they end. Sets need where more bytes must come. */
static size_t records(struct reader *reader, const uint8_t *data, size_t size, int ended, size_t at)
{
  struct pcap *pcap = &reader->pcap;
  while (size - at >= (reader->need = (size_t)pcap->head)) {
    if (!pcap->form_checked && !form_known(reader, data, size, ended, &at))
      break;
    size_t head = (size_t)pcap->head;
    if (size < head || at > size - head) {
      reader->need = head;
      break;
    }
    struct record record = record_at(pcap, data + at);
    int ends = ends_here(&record, data + at, size - at, ended);
    if (ends) {
      reader->need = FILE_HEADER;
      reader->next = ends > 0;
      break;
    }
    if (!sound(pcap, &record)) {
      damage_begins(reader, at);
      break;
    }
    if (size - at - head < record.captured) {
      reader->need = head + record.captured;
      break;
    }
    emit(reader, data + at, &record, reader->offset + at);
    at += head + record.captured;
  }
  return at;
}

size_t pcap_take(struct reader *reader, const uint8_t *data, size_t size, int ended)
{
  size_t at = 0;
  if (!reader->pcap.head) {
    if (size < FILE_HEADER) {
      reader->need = FILE_HEADER;
      return 0;
    }
    read_file_header(reader, data);
    at = FILE_HEADER;
  }
  while (!reader->next && !reader->given_up) {
    struct damage *damage = &reader->damage;
    if (damage->searching) {
      size_t from = at + (reader->offset + at == damage->begin);
      uint64_t base = reader->offset;
      if (from > size) {
        reader->need = 1 + (size_t)reader->pcap.head;
        return at;
      }
      reader->offset += from; /* where the search counts from */
      size_t found = search(reader, data + from, size - from, ended);
      reader->offset = base;
      at = from + found;
      if (damage->searching)
        return at;
    }
    at = records(reader, data, size, ended, at);
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
