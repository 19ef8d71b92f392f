/* An engine that writes down what headers hand it, instead of making connections of it: for tests of the headers. */
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "reader.h"
#include "table.h"

struct engine {
  struct segment *segments;
  struct quoted *quoted;
  char (*scopes)[2][SCOPE_TEXT];
  uint64_t segment_count, quoted_count, packets;
  int64_t first_time, last_time;
  uint32_t scope_count;
};

/* Room for one more, in steps of powers of two. */
static void *grown(void *rows, uint64_t count, size_t size)
{
  return count & (count - 1) ? rows : realloc(rows, (count ? 2 * count : 1) * size);
}

API struct engine *engine_new(uint64_t seed)
{
  struct engine *engine = calloc(1, sizeof *engine);
  (void)seed;
  engine->scopes = calloc(1, sizeof *engine->scopes);
  engine->scope_count = 1;
  return engine;
}

API void engine_free(struct engine *engine)
{
  free(engine->segments);
  free(engine->quoted);
  free(engine->scopes);
  free(engine);
}

void engine_packet_in(struct engine *engine, int64_t time)
{
  if (!engine->packets || time < engine->first_time)
    engine->first_time = time;
  if (!engine->packets || time > engine->last_time)
    engine->last_time = time;
  engine->packets++;
}

void engine_segment_in(struct engine *engine, const struct segment *segment)
{
  engine->segments = grown(engine->segments, engine->segment_count, sizeof *segment);
  struct segment *row = memcpy(&engine->segments[engine->segment_count++], segment, sizeof *segment);
  uint64_t sum = 0; /* the payload is there during this call only */
  for (uint32_t i = 0; i < segment->captured; i++)
    sum = sum * 31 + segment->data[i];
  row->data = (const uint8_t *)(uintptr_t)sum;
}

void engine_flush(struct engine *engine) { (void)engine; }

void engine_lacks_memory(struct engine *engine) { (void)engine; }

void engine_quoted_in(struct engine *engine, const struct quoted *quoted)
{
  engine->quoted = grown(engine->quoted, engine->quoted_count, sizeof *quoted);
  engine->quoted[engine->quoted_count++] = *quoted;
}

uint32_t engine_scope(struct engine *engine, const char *vlan, const char *tunnel)
{
  for (uint32_t i = 0; i < engine->scope_count; i++)
    if (!strcmp(engine->scopes[i][0], vlan) && !strcmp(engine->scopes[i][1], tunnel))
      return i;
  engine->scopes = grown(engine->scopes, engine->scope_count, sizeof *engine->scopes);
  memset(engine->scopes[engine->scope_count], 0, sizeof *engine->scopes);
  strncpy(engine->scopes[engine->scope_count][0], vlan, SCOPE_TEXT - 1);
  strncpy(engine->scopes[engine->scope_count][1], tunnel, SCOPE_TEXT - 1);
  return engine->scope_count++;
}

API uint64_t sink_segments(const struct engine *engine, const struct segment **rows)
{
  *rows = engine->segments;
  return engine->segment_count;
}

API uint64_t sink_quoted(const struct engine *engine, const struct quoted **rows)
{
  *rows = engine->quoted;
  return engine->quoted_count;
}

API const char *sink_scope(const struct engine *engine, uint32_t scope, int tunnel)
{
  return engine->scopes[scope][tunnel];
}

API uint64_t sink_times(const struct engine *engine, int64_t times[2])
{
  times[0] = engine->first_time;
  times[1] = engine->last_time;
  return engine->packets;
}
