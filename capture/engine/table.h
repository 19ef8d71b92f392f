/* The table of connections as columns; what Python reads. Pairs hold the originator's value, then the responder's. */
#ifndef TCPTRIAGE_TABLE_H
#define TCPTRIAGE_TABLE_H

#include "engine.h"

/* type, name, how many a row. Rows are connections in order of first packet. All columns are zeros when they are given. */
#define CONNECTION_COLUMNS(X)                                                                                          \
  X(int64_t, address, 2)        /* an IPv4 address is its own number, an IPv6 address 2**32 + its index */             \
  X(uint16_t, port, 2)                                                                                                 \
  X(int64_t, packet_count, 2)                                                                                          \
  X(int64_t, bytes, 2)          /* payload seen */                                                                     \
  X(int64_t, unique_bytes_off, 2) /* sequence span without SYN and FIN, less the payload seen */                       \
  X(int8_t, wscale, 2)          /* -1 where no SYN of that side showed one */                                          \
  X(uint32_t, syn, 2)                                                                                                  \
  X(uint32_t, fin, 2)                                                                                                  \
  X(uint32_t, rst, 2)                                                                                                  \
  X(uint16_t, opening_flags, 2) /* of the connection's first two packets (the first twice where it has one): */        \
  X(uint8_t, opening_side, 2)                                                                                          \
  X(uint8_t, opening_ttl, 2)    /* 0 unknown */                                                                        \
  X(uint8_t, opening_marks, 2)                                                                                         \
  X(uint32_t, side_seq, 2)      /* of each side's first packet, and after all that it sent */                           \
  X(uint32_t, side_next, 2)                                                                                            \
  X(uint8_t, side_heard, 2)     /* its last packet acknowledged something else than the connection's first one did */  \
  X(uint8_t, side_opened, 2)    /* its first packet had a SYN */                                                       \
  X(int64_t, word_time, 2)      /* of its first payload; 0 without one */                                              \
  X(uint32_t, word_size, 2)     /* bytes */                                                                            \
  X(uint32_t, first_ack, 1)     /* what the connection's first packet acknowledged */                                  \
  X(int32_t, scope, 1)                                                                                                 \
  X(uint64_t, first_number, 1)  /* of its first packet */                                                              \
  X(int64_t, first_time, 1)     /* of its first packet, and of its last */                                             \
  X(int64_t, last_time, 1)                                                                                             \
  X(int64_t, lowest_off, 1)     /* times may be out of order: the lowest less the first, the highest less the last */  \
  X(int64_t, highest_off, 1)                                                                                           \
  X(int64_t, longest_gap_ns, 1) /* -1 with a single packet */                                                          \
  X(int64_t, rtt_ns, 1)         /* handshake; -1 unknown */                                                            \
  X(uint64_t, first_fin, 1)     /* packet number << 1 | side; 0 without */                                             \
  X(uint64_t, first_rst, 1)                                                                                            \
  X(uint8_t, complete_handshake, 1)                                                                                    \
  X(uint8_t, answer, 1)         /* of the responder: ANSWER_… */                                                       \
  X(int8_t, place, 1)           /* vantage's Place by the handshake's timing */                                        \
  X(int32_t, word, 1)           /* of its history and conn_state among the distinct ones */

/* Rows are events, those of a connection together. */
#define EVENT_COLUMNS(X)                                                                                               \
  X(uint16_t, event_code, 1)                                                                                           \
  X(uint32_t, event_number, 1)                                                                                         \
  X(uint8_t, event_number_above, 1) /* its upper part */                                                               \
  X(uint32_t, event_since, 1)   /* ns since its connection's first packet; LONG: see table_longs */                        \
  X(uint32_t, event_gap, 1)     /* ns since its packet before; LONG where event_since is */                                \
  X(uint8_t, event_alone_ttl, 1) /* TTL of a RST whose claimed sender sent nothing else; 0 of others */

/* Rows are the connections that have any of it: few. */
#define RARE_COLUMNS(X)                                                                                                \
  X(int64_t, rare_row, 1)       /* the connection */                                                                   \
  X(int64_t, rare_counts, 18)   /* pairs: retransmission, fast, spurious, out of order, duplicate ACK, zero window,    \
                                   window full, keep-alive, lost segment */                                            \
  X(uint8_t, missing, 2)        /* something of that side was acknowledged and never captured */                       \
  X(int64_t, copies, 1)         /* second copies */

#define LONG UINT32_MAX
/* An event that is late, or after a long gap, or before its connection's first packet by its clock. */
struct long_event {
  uint64_t row;
  int64_t time, gap;
};

struct columns {
#define X(type, name, width) type *name;
  CONNECTION_COLUMNS(X)
  EVENT_COLUMNS(X)
  RARE_COLUMNS(X)
#undef X
  int64_t *event_first; /* (connections + 1,) where each one's events begin */
};

/* One packet of a connection that is watched. */
struct packet_row {
  uint64_t number, offset;
  int64_t time;
  uint64_t connection; /* number of its connection's first packet */
  uint32_t seq, ack, payload;
  uint16_t flags, window, tags, ip_id, marks;
  uint8_t side, ttl;
};

/* One segment of a capture that is traced. `head` and `whole` are sums of the payload's first bytes and of all of it, 0
 * where that was not captured. */
struct traced {
  uint64_t number;
  int64_t time;
  uint32_t seq, ack, payload, tsval, head, whole;
  uint32_t connection; /* its index among engine_first_numbers; UINT32_MAX where it is of none */
  uint16_t flags, window, mss, ip_id, marks, tags;
  int8_t wscale;
  uint8_t ttl, side, direction;
  uint32_t interface; /* NO_INTERFACE where the capture does not say */
};

struct totals {
  uint64_t packets, tcp_packets, copies, quoted_over, connections;
  int64_t first_time, last_time;
  uint64_t out_of_memory;
};

struct table;

API struct engine *engine_new(uint64_t seed);
API void engine_free(struct engine *engine);
/* Segments and packet times from elsewhere: pasted text, a socket. */
API void engine_segments(struct engine *engine, const struct segment *segments, size_t count);
API void engine_packets(struct engine *engine, const int64_t *times, size_t count);
API void engine_span(struct engine *engine, int64_t first, int64_t last);
/* Collect segments, and take them in order of time: captures that overlap. */
API int engine_collect(struct engine *engine, int file);
API int64_t engine_merge(struct engine *engine, int64_t most);
API void engine_quotes(struct engine *engine, const struct quoted *quoted, size_t count);
/* One capture that several threads work on (shares.c). */
struct batch;
API struct batch *batch_new(uint32_t shares);
API void batch_free(struct batch *batch);
API void engine_hand_on(struct engine *reading, struct batch *batch);
API void engine_take(struct engine *engine, const struct batch *batch, uint32_t share);
API int engine_join(struct engine *engine, struct engine *other);
API void engine_join_reader(struct engine *engine, struct engine *reading);
API int engine_watch(struct engine *engine, const uint64_t *numbers, size_t count, size_t most);
API uint64_t engine_watched(struct engine *engine, struct packet_row *rows, size_t *kept);
/* Keep a record of each segment that comes from now on. */
API void engine_trace(struct engine *engine);
API uint64_t engine_traced(struct engine *engine, const struct traced **rows);
API void engine_first_numbers(const struct engine *engine, uint64_t *first);
API struct table *table_new(struct engine *engine, uint64_t sizes[3]);
API uint64_t table_fill(struct engine *engine, struct table *table, struct columns *to);
API uint64_t table_fill_last(struct engine *engine, struct table *table, struct columns *to);
/* Of the rows filled last, in order. */
API const struct long_event *table_longs(const struct table *table, size_t *count);
API void table_free(struct engine *engine, struct table *table);
API const char *engine_words(const struct engine *engine, size_t *size);
API const uint8_t *engine_v6(const struct engine *engine, size_t *count);
API const char *engine_scopes(const struct engine *engine, size_t *count);
API const struct quoted *engine_quoted(const struct engine *engine, size_t *count);
API void engine_totals(const struct engine *engine, struct totals *to);
/* Equal runs of words get the same number, in order of first sight. Each of the n runs ends where the next one begins;
 * `speaker` gets the first run of each number. How many there are; -1 where there is no memory. */
API int64_t distinct_runs(uint64_t seed, const uint16_t *words, const int64_t *begin, int64_t n, int32_t *number, int64_t *speaker);
API int64_t distinct_keys(uint64_t seed, const int64_t *keys, int64_t n, int32_t *number, int64_t *speaker);
/* What Python has to know of the structs and columns above, a line each. */
API const char *engine_layout(void);

#endif
