/* Containers: bytes of a pcap or pcapng in any pieces, packets out to headers.h.
 *
 * State is what has been fed so far. What a record still misses is kept (at most the largest record), so pieces of one
 * byte and of a megabyte give the same packets. Notices are asked for; asking changes nothing.
 */
#ifndef TCPTRIAGE_READER_H
#define TCPTRIAGE_READER_H

#include "engine.h"

/* What a notice tells; a, b, c and the text of each. Its sentence is in Python, by this code. */
enum notice_code {
  NOTICE_LINK_TYPE,          /* a: a link type that is not decoded */
  NOTICE_PACKET_CUT,         /* the file ends within a packet */
  NOTICE_BLOCK_CUT,          /* the file ends within a block */
  NOTICE_BAD_RECORD,         /* a: file offset of an impossible record header, b: bytes passed over */
  NOTICE_BAD_BLOCK,          /* the same of a pcapng block */
  NOTICE_GIVEN_UP,           /* a: file offset from which on nothing is read: too much is damaged */
  NOTICE_UNKNOWN_INTERFACE,  /* a: the first interface that packets name and no block describes */
  NOTICE_COMMENT,            /* text: a comment, unchanged */
  NOTICE_MORE_COMMENTS,      /* further comments have no notice */
  NOTICE_NAMES,              /* text: the records of a name resolution block, a: 1 where big-endian */
  NOTICE_HEADERS_SNAPPED,    /* a: packets captured too short for a TCP header; packet: the first */
  NOTICE_FLAGS_SNAPPED,      /* a: packets captured up to their ports alone, or their numbers; packet: the first */
  NOTICE_OPTIONS_SNAPPED,    /* a: packets captured without all of their TCP options; packet: the first */
  NOTICE_FRAGMENTS_MISSING,  /* a: fragmented packets of which fragments are missing */
  NOTICE_TOO_MANY_ERRORS,    /* a: ICMP errors passed over */
  NOTICE_DROPPED,            /* a: packets that the capture says it dropped (pcapng statistics) */
};

/* What reader_feed returns. */
enum {
  READER_ON = 0,          /* all bytes were taken */
  READER_NEXT = 1,        /* another capture's header begins: reader_left has it and what follows */
  READER_NO_CAPTURE = -1, /* neither pcap nor pcapng */
  READER_BAD_START = -2,  /* a pcapng whose first block is damaged */
  READER_NO_MEMORY = -3,
  READER_HEADER_CUT = -4, /* (reader_end) a pcap that ends within its file header */
};

enum { FORMAT_UNKNOWN = 0, FORMAT_PCAP = 1, FORMAT_PCAPNG = 2 };

API struct reader *reader_new(struct engine *engine, uint64_t first_number);
API void reader_free(struct reader *reader);
/* The file offset of the first byte to be fed, where it is not 0. */
API void reader_starts_at(struct reader *reader, uint64_t offset);
API int reader_feed(struct reader *reader, const uint8_t *data, size_t size);
/* Read from a file descriptor and feed it, until `most` bytes or more are `taken` or none are there; else as reader_feed.
 * `error`: the errno of a read that failed, 0 without. */
API int reader_feed_file(struct reader *reader, int file, uint64_t most, uint64_t *taken, int *error);
/* The bytes end here, as far as is known: what was left open behind damage is decided. More may be fed afterwards. */
API int reader_end(struct reader *reader);
/* The bytes not taken when another capture begins; valid until the next call. Adds up to what was fed and not taken. */
API size_t reader_left(const struct reader *reader, const uint8_t **bytes);

/* A packet in full: its bytes, then the options that pcapng has beside it. */
struct whole_packet {
  uint64_t number, offset;
  int64_t time;
  int64_t ip_at; /* where IP begins in it; -1 */
  uint64_t begin; /* of its bytes among those of reader_packets_kept */
  uint32_t captured, original, link, options;
  uint8_t big; /* byte order of the options */
};
/* Keep these packets (numbers, sorted), at most `most` bytes of each. -1 where there is no memory. */
API int reader_want(struct reader *reader, const uint64_t *numbers, size_t count, size_t most);
API size_t reader_wanted(const struct reader *reader, const struct whole_packet **packets, const uint8_t **bytes);

API int reader_format(const struct reader *reader);
API uint64_t reader_packets(const struct reader *reader);
/* File offset up to which records were taken. */
API uint64_t reader_offset(const struct reader *reader);
/* The link types met, in order of sight; how many there are. */
API size_t reader_links(const struct reader *reader, uint32_t *out, size_t room);
/* The notices; `ended`: also of what the end cut off. How many there are; at most `room` are written. */
API size_t reader_notices(const struct reader *reader, int ended, struct notice *out, size_t room);
/* The text of a notice. */
API size_t reader_text(const struct reader *reader, uint32_t index, const uint8_t **bytes);

#endif
