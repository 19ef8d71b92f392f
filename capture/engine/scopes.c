/* Scopes of packets: each VLAN or tunnel entered leads from one scope to another, which is remembered. */
#include "headers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ENTRIES = 64, MOST_ENTRIES = 2 * MOST_SCOPES, NAME = 24 };

struct scope_text {
  char vlan[SCOPE_TEXT], tunnel[SCOPE_TEXT];
};

struct step_taken {
  uint32_t outer, kind, value, inner; /* inner 0: no entry */
};

struct scope_cache {
  struct step_taken *steps; /* open addressing; at most half of the entries are taken */
  uint32_t entries, taken;
  struct scope_text *texts; /* of the scopes made so far, by index */
  uint32_t room;
};

static const char *const NAMES[SCOPE_KINDS] = {
  [SCOPE_IPIP] = "ipip",     [SCOPE_4IN6] = "4in6",       [SCOPE_6IN4] = "6in4",     [SCOPE_6IN6] = "6in6",
  [SCOPE_GRE] = "gre",       [SCOPE_NVGRE] = "nvgre",     [SCOPE_ETHERIP] = "etherip", [SCOPE_VXLAN] = "vxlan",
  [SCOPE_GENEVE] = "geneve", [SCOPE_GTP] = "gtp",         [SCOPE_TEREDO] = "teredo", [SCOPE_AYIYA] = "ayiya",
  [SCOPE_L2TP] = "l2tp",
};

struct scope_cache *scope_cache_new(void) { return calloc(1, sizeof(struct scope_cache)); }

void scope_cache_free(struct scope_cache *cache)
{
  if (!cache)
    return;
  free(cache->texts);
  free(cache->steps);
  free(cache);
}

/* The entry of a step, or the free one where it belongs. Where things lie in memory, no capture can know. */
static struct step_taken *entry_of(const struct scope_cache *cache, uint32_t outer, uint32_t kind, uint32_t value)
{
  uint64_t hash = (uint64_t)(uintptr_t)cache ^ ((uint64_t)outer << 32 | value);
  hash = (hash ^ hash >> 29) * 0x9E3779B97F4A7C15u + kind;
  hash = (hash ^ hash >> 32) * 0xD6E8FEB86659FD93u;
  uint32_t at = (uint32_t)(hash >> 32) & (cache->entries - 1);
  for (;; at = (at + 1) & (cache->entries - 1)) {
    struct step_taken *step = &cache->steps[at];
    if (!step->inner || (step->outer == outer && step->kind == kind && step->value == value))
      return step;
  }
}

/* Have room for one more entry. 0 where there is none. */
static int make_room(struct scope_cache *cache)
{
  if (cache->taken * 2 < cache->entries)
    return 1;
  if (cache->entries == MOST_ENTRIES)
    return 0;
  struct scope_cache before = *cache;
  cache->entries = before.entries ? 2 * before.entries : FIRST_ENTRIES;
  cache->steps = calloc(cache->entries, sizeof *cache->steps);
  if (!cache->steps) {
    *cache = before;
    return 0;
  }
  for (uint32_t i = 0; i < before.entries; i++) {
    const struct step_taken *step = &before.steps[i];
    if (step->inner)
      *entry_of(cache, step->outer, step->kind, step->value) = *step;
  }
  free(before.steps);
  return 1;
}

/* Append a part to a list with commas; what has no room is left out whole. */
static void join(char *list, const char *part)
{
  size_t used = strlen(list), size = strlen(part);
  if (used + size + 2 > SCOPE_TEXT)
    return;
  if (used)
    list[used++] = ',';
  memcpy(list + used, part, size + 1);
}

static void name_of(char *name, enum scope_kind kind, uint32_t value)
{
  if (kind == SCOPE_VLAN)
    snprintf(name, NAME, "%u", (unsigned)value);
  else if (kind == SCOPE_NVGRE || kind == SCOPE_VXLAN || kind == SCOPE_GENEVE)
    snprintf(name, NAME, "%s:%u", NAMES[kind], (unsigned)value);
  else
    snprintf(name, NAME, "%s", NAMES[kind]);
}

/* Remember a scope's text. 0 where there is no memory. */
static int keep(struct scope_cache *cache, uint32_t index, const struct scope_text *text)
{
  if (index >= cache->room) {
    uint32_t room = index < 16 ? 32 : 2 * index;
    struct scope_text *texts = realloc(cache->texts, room * sizeof *texts);
    if (!texts)
      return 0;
    memset(texts + cache->room, 0, (room - cache->room) * sizeof *texts);
    cache->texts = texts;
    cache->room = room;
  }
  cache->texts[index] = *text;
  return 1;
}

static uint32_t made(struct descent *d, uint32_t outer, enum scope_kind kind, uint32_t value)
{
  struct scope_cache *cache = d->headers->scopes;
  struct scope_text text = {"", ""};
  char name[NAME];
  if (outer < cache->room)
    text = cache->texts[outer];
  name_of(name, kind, value);
  join(kind == SCOPE_VLAN ? text.vlan : text.tunnel, name);
  uint32_t inner = engine_scope(d->headers->engine, text.vlan, text.tunnel);
  if (keep(cache, inner, &text))
    return inner;
  engine_lacks_memory(d->headers->engine);
  return outer;
}

void enter_scope(struct descent *d, enum scope_kind kind, uint32_t value)
{
  struct scope_cache *cache = d->headers->scopes;
  uint32_t outer = d->segment.scope;
  struct step_taken *step = cache->entries ? entry_of(cache, outer, (uint32_t)kind, value) : NULL;
  if (!step || !step->inner) {
    if (!make_room(cache)) { /* too many are kept apart already */
      if (cache->entries < MOST_ENTRIES)
        engine_lacks_memory(d->headers->engine);
      d->segment.scope = MOST_SCOPES - 1;
      return;
    }
    step = entry_of(cache, outer, (uint32_t)kind, value);
    *step = (struct step_taken){outer, (uint32_t)kind, value, made(d, outer, kind, value)};
    cache->taken += step->inner != 0;
  }
  d->segment.scope = step->inner;
}
