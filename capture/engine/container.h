/* What the containers share: a reader's state, and how they hand packets on. Inside of reader.c, pcap.c, pcapng.c. */
#ifndef TCPTRIAGE_CONTAINER_H
#define TCPTRIAGE_CONTAINER_H

#include "headers.h"
#include "reader.h"

enum {
  LARGEST = 1 << 18,       /* captured bytes of one packet, as libpcap and Wireshark hold it */
  LARGEST_ASKED = 1 << 24, /* … where the file's own snaplen asks for more */
  MOST_DAMAGES = 200,      /* places in one file that reading resumes behind; then it is given up */
  MOST_NAMED = 20,         /* of them that have a notice each */
  MOST_NOTICES = 64,
  MOST_LINKS = 1 << 16,
};

/* A pcap file's form, from its header. */
struct pcap {
  int big;
  int head;         /* bytes of a record header; the first 16 are the same everywhere */
  int modified;     /* the magic number of Kuznetzov's later patches */
  int swapped;      /* of the two lengths: never, always, where they make no sense otherwise */
  int form_checked; /* the record headers' size is known */
  int64_t tick;     /* nanoseconds of a fraction's unit */
  uint32_t largest; /* captured bytes that one packet may claim */
  uint32_t link;
  enum layer layer;
  int64_t anchor;   /* seconds of the last good record; -1 before the first */
};

struct interface {
  int64_t offset; /* seconds */
  uint64_t dropped; /* packets, by its last statistics */
  uint32_t snaplen;
  uint16_t link;
  uint8_t has_link;
  uint8_t resolution; /* the time option as written: 10**-n, or 2**-n with the highest bit set */
};

struct pcapng {
  int big, begun;
  int unpadded; /* blocks whose length is no multiple of four were seen */
  struct interface *interfaces;
  uint32_t count, room;
  int64_t unknown; /* the first interface that packets name and no block describes; -1 */
  uint32_t comments, names;
  uint64_t dropped; /* of all interfaces */
};

struct text {
  uint8_t *bytes;
  size_t size;
};

/* What is being searched behind damage. */
struct damage {
  int searching;
  uint64_t begin; /* file offset */
  uint64_t number;
  uint32_t places;
};

struct reader {
  struct engine *engine;
  struct headers headers;
  uint64_t number;         /* of the last packet */
  uint64_t first;          /* … before the first one */
  uint64_t offset, origin; /* file offsets: of the next byte to be taken; of the first */
  int format, given_up, next;
  uint8_t *kept;           /* bytes fed and not taken: kept[kept_at .. kept_end) */
  size_t kept_at, kept_end, kept_room;
  uint8_t *piece;          /* of a file that is read here (file_reading.c) */
  size_t need;             /* bytes from `offset` on that must be there before it makes sense to look again */
  uint64_t skip;           /* bytes to be passed over */
  struct damage damage;
  struct notice notices[MOST_NOTICES + 1]; /* the last is written to where there is no room, and never reported */
  struct text texts[MOST_NOTICES];
  uint32_t notice_count, text_count;
  uint32_t *links;
  uint32_t link_count, link_room;
  uint8_t links_seen[MOST_LINKS / 8];
  struct pcap pcap;
  struct pcapng pcapng;
  struct wanted *wanted; /* packets to be kept in full; NULL where none are */
};

/* Take whole records from the front of `data`; how many bytes. Sets need, skip, next, given_up. `ended`: no more comes. */
size_t pcap_take(struct reader *reader, const uint8_t *data, size_t size, int ended);
size_t pcapng_take(struct reader *reader, const uint8_t *data, size_t size, int ended);
void pcapng_end(struct pcapng *pcapng);

/* Does a capture begin here? FORMAT_…; FORMAT_UNKNOWN where not, -1 where more bytes must tell. */
API int format_of(const uint8_t *data, size_t size, int ended);
/* … in the midst of another one, where a chance likeness must be ruled out. */
int begins_capture(const uint8_t *data, size_t size, int ended);

void reader_frame(struct reader *reader, struct frame *frame);
void reader_link(struct reader *reader, uint32_t link);
struct notice *reader_notice(struct reader *reader, enum notice_code code, uint64_t packet);
void reader_notice_text(struct reader *reader, struct notice *notice, const uint8_t *bytes, size_t size);
/* Damage at `at` bytes after what was taken; it ended there. */
void damage_begins(struct reader *reader, size_t at);
void damage_ends(struct reader *reader, enum notice_code code, size_t at);

/* Packets in full (whole_packets.c). */
void wanted_frame(struct reader *reader, const struct frame *frame);
void wanted_free(struct wanted *wanted);

/* What people and programs wrote beside the packets (pcapng_comments.c). */
void remark_comments(struct reader *reader, const uint8_t *options, size_t size, uint64_t packet, uint8_t *direction);
void remark_names(struct reader *reader, const uint8_t *records, size_t size);

static inline uint16_t number16(const uint8_t *at, int big) { return big ? be16(at) : (uint16_t)(at[0] | at[1] << 8); }
static inline uint32_t number32(const uint8_t *at, int big) { return big ? be32(at) : le32(at); }

#endif
