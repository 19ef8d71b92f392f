/* Structs and columns as Python's binding reads them: names, types and places come from the compiler, so that they are
 * written once. Lines: "struct NAME SIZE", "field NAME TYPE OFFSET COUNT", "connection|event|rare NAME TYPE COUNT". */
#include <stdio.h>

#include "lines.h"
#include "reader.h"
#include "table.h"

#define TYPE(value)                                                                                                    \
  _Generic((value), uint8_t: "u1", uint16_t: "u2", uint32_t: "u4", uint64_t: "u8", int8_t: "i1", int16_t: "i2",        \
           int32_t: "i4", int64_t: "i8", const uint8_t *: "u8", uint8_t *: "u1")

static char text[12288];
static size_t at;

static void add(const char *line) {
  while (*line && at + 1 < sizeof text) text[at++] = *line++;
}

static void field(const char *name, const char *type, size_t offset, size_t count) {
  char line[96];
  snprintf(line, sizeof line, "field %s %s %zu %zu\n", name, type, offset, count);
  add(line);
}

static void begin(const char *name, size_t size) {
  char line[96];
  snprintf(line, sizeof line, "struct %s %zu\n", name, size);
  add(line);
}

static void column(const char *kind, const char *name, const char *type, int width) {
  char line[96];
  snprintf(line, sizeof line, "%s %s %s %d\n", kind, name, type, width);
  add(line);
}

#define F(name) field(#name, TYPE(of.name), (size_t)((const char *)&of.name - (const char *)&of), 1);
#define BYTES(name) field(#name, "u1", (size_t)((const char *)of.name - (const char *)&of), sizeof of.name);

static void structs(void) {
  {
    struct segment of = {0};
    begin("segment", sizeof of);
    F(number) F(offset) F(time) BYTES(src) BYTES(dst) F(sport) F(dport) F(seq) F(ack) F(flags) F(window) F(payload)
    F(captured) F(data) F(scope) F(interface) F(tsval) F(tsecr) F(mss) F(ip_id) F(marks) F(wscale) F(ttl) F(family)
    F(direction) F(content) F(http) F(http_end)
  }
  {
    struct quoted of = {0};
    begin("quoted", sizeof of);
    F(number) F(time) BYTES(reporter) BYTES(src) BYTES(dst) F(sport) F(dport) F(seq) F(mtu) F(type) F(code) F(family)
    F(has_seq)
  }
  {
    struct notice of = {0};
    begin("notice", sizeof of);
    F(packet) F(a) F(b) F(c) F(code) F(text)
  }
  {
    struct whole_packet of = {0};
    begin("whole_packet", sizeof of);
    F(number) F(offset) F(time) F(ip_at) F(begin) F(captured) F(original) F(link) F(options) F(big)
  }
  {
    struct packet_row of = {0};
    begin("packet_row", sizeof of);
    F(number) F(offset) F(time) F(connection) F(seq) F(ack) F(payload) F(flags) F(window) F(tags) F(ip_id) F(marks)
    F(side) F(ttl)
  }
  {
    struct traced of = {0};
    begin("traced", sizeof of);
    F(number) F(time) F(seq) F(ack) F(payload) F(tsval) F(head) F(whole) F(connection) F(flags) F(window) F(mss)
    F(ip_id) F(marks) F(tags) F(wscale) F(ttl) F(side) F(direction) F(interface)
  }
  {
    struct long_event of = {0};
    begin("long_event", sizeof of);
    F(row) F(time) F(gap)
  }
  {
    struct line_step of = {0};
    begin("line_step", sizeof of);
    F(kind) F(column) F(at) F(size)
  }
  {
    struct line_column of = {0};
    begin("line_column", sizeof of);
    F(at) F(stride) F(size) F(by_place)
  }
  {
    struct line_word of = {0};
    begin("line_word", sizeof of);
    F(at) F(size)
  }
  {
    struct totals of = {0};
    begin("totals", sizeof of);
    F(packets) F(tcp_packets) F(copies) F(quoted_over) F(connections) F(first_time) F(last_time) F(out_of_memory)
  }
}

/* The columns are in the order of struct columns; event_first is the last. */
API const char *engine_layout(void) {
  at = 0;
  structs();
#define X(type, name, width) column("connection", #name, TYPE((type)0), width);
  CONNECTION_COLUMNS(X)
#undef X
#define X(type, name, width) column("event", #name, TYPE((type)0), width);
  EVENT_COLUMNS(X)
#undef X
#define X(type, name, width) column("rare", #name, TYPE((type)0), width);
  RARE_COLUMNS(X)
#undef X
  text[at] = 0;
  return text;
}
