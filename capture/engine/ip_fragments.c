/* IP fragments, put together again (RFC 791 §3.2, RFC 8200 §4.5).
 *
 * A packet counts where its last missing fragment was captured, as in Wireshark. What never became whole is counted.
 * Memory is bounded by packets and by bytes: the oldest packet that waits gives way.
 */
#include "headers.h"

#include <stdlib.h>
#include <string.h>

enum {
  MOST_PENDING = 1024,    /* packets that wait for fragments */
  BUCKETS = 1024,
  MOST_PARTS = 2048,      /* of one packet: one of 64 kB in pieces of 32 bytes */
  LARGEST = 0xFFFF + 8,   /* bytes of a packet that fragments can lead to */
  MOST_RECEIVED = 1 << 18, /* bytes of one packet's fragments, overlaps counted again */
  MOST_BYTES = 16 << 20,  /* of all that wait */
  UDP_PROTOCOL = 17,
};

struct part {
  struct part *next; /* at a higher offset */
  uint32_t offset, size;
  uint8_t bytes[];
};

struct key {
  uint8_t src[16], dst[16];
  uint32_t identification, scope;
  uint8_t protocol, family;
};

struct pending {
  struct key key;
  struct pending *next, *older, *newer; /* of its bucket; of all */
  struct part *first, *last;
  uint32_t parts, received, total;
  int has_total;
};

struct fragments {
  struct pending *buckets[BUCKETS], *oldest, *newest;
  uint32_t count;
  uint64_t bytes, given_up;
};

struct fragments *fragments_new(void) { return calloc(1, sizeof(struct fragments)); }

static uint32_t bucket_of(const struct key *key)
{
  uint32_t hash = key->identification * 0x9E3779B1u ^ key->protocol ^ key->scope * 0x85EBCA6Bu;
  for (int i = 0; i < 16; i++)
    hash = (hash ^ key->src[i] ^ (uint32_t)key->dst[i] << 8) * 0x01000193u;
  return (hash ^ hash >> 15) % BUCKETS;
}

static int same(const struct key *one, const struct key *other)
{
  return one->identification == other->identification && one->scope == other->scope &&
         one->protocol == other->protocol && one->family == other->family && !memcmp(one->src, other->src, 16) &&
         !memcmp(one->dst, other->dst, 16);
}

static struct pending *find(struct fragments *all, const struct key *key)
{
  struct pending *pending = all->buckets[bucket_of(key)];
  while (pending && !same(&pending->key, key))
    pending = pending->next;
  return pending;
}

static void forget(struct fragments *all, struct pending *pending)
{
  struct pending **link = &all->buckets[bucket_of(&pending->key)];
  while (*link != pending)
    link = &(*link)->next;
  *link = pending->next;
  *(pending->older ? &pending->older->newer : &all->oldest) = pending->newer;
  *(pending->newer ? &pending->newer->older : &all->newest) = pending->older;
  for (struct part *part = pending->first, *next; part; part = next) {
    next = part->next;
    all->bytes -= part->size;
    free(part);
  }
  all->count--;
  free(pending);
}

void fragments_free(struct fragments *all)
{
  while (all && all->oldest)
    forget(all, all->oldest);
  free(all);
}

uint64_t fragments_waiting(const struct fragments *all) { return all->count + all->given_up; }

static void give_up(struct fragments *all, struct pending *pending)
{
  forget(all, pending);
  all->given_up++;
}

static struct pending *begin(struct fragments *all, const struct key *key)
{
  if (all->count >= MOST_PENDING)
    give_up(all, all->oldest);
  struct pending *pending = calloc(1, sizeof *pending);
  if (!pending)
    return NULL;
  struct pending **bucket = &all->buckets[bucket_of(key)];
  pending->key = *key;
  pending->next = *bucket;
  *bucket = pending;
  pending->older = all->newest;
  *(all->newest ? &all->newest->newer : &all->oldest) = pending;
  all->newest = pending;
  all->count++;
  return pending;
}

/* Keep a fragment's bytes (0 without memory), zeros for what the snaplen cut off; at one offset, what came first stays. */
static int keep(struct fragments *all, struct pending *pending, const struct bytes *b, uint32_t offset, uint32_t size)
{
  struct part **link = &pending->first;
  if (pending->last && offset > pending->last->offset)
    link = &pending->last->next;
  while (*link && (*link)->offset < offset)
    link = &(*link)->next;
  if (*link && (*link)->offset == offset)
    return 1;
  struct part *part = malloc(sizeof *part + size);
  if (!part)
    return 0;
  uint32_t there = b->captured < size ? (uint32_t)b->captured : size;
  memcpy(part->bytes, b->at, there);
  memset(part->bytes + there, 0, size - there);
  part->offset = offset;
  part->size = size;
  part->next = *link;
  *link = part;
  if (!part->next)
    pending->last = part;
  pending->parts++;
  pending->received += size;
  all->bytes += size;
  return 1;
}

/* The whole payload into `out`, and its size; -1 while there is a hole. Where fragments overlap, the one at the lower
 * offset counts. */
static int64_t join(const struct pending *pending, uint8_t *out)
{
  uint32_t size = 0;
  for (const struct part *part = pending->first; part; part = part->next) {
    if (part->offset > size)
      return -1;
    uint32_t known = size - part->offset;
    if (known >= part->size)
      continue;
    memcpy(out + size, part->bytes + known, part->size - known);
    size = part->offset + part->size;
  }
  return size >= pending->total ? (int64_t)pending->total : -1;
}

/* Go on with a packet that became whole, past its IP header, in bytes of its own. */
static void whole(struct descent *d, const struct pending *pending, uint8_t *bytes, int64_t size)
{
  struct descent inner = *d;
  enum { BUDGET = 2 << 20 };
  inner.rest = (struct bytes){bytes, size, size, BUDGET - (int64_t)d->segment.offset};
  inner.depth = 0;
  inner.rounds = d->rounds + 1;
  inner.segment.marks |= MARK_FRAGMENT;
  inner.segment.ip_id = pending->key.family == 4 ? (uint16_t)pending->key.identification : 0;
  descend(&inner, protocol_layer(pending->key.protocol));
}

/* Of UDP, only datagrams to a tunnel's port are of interest, which the first fragment tells. */
static int to_a_tunnel(const struct bytes *b, uint32_t offset)
{
  return offset == 0 && udp_port_layer(u16(b, 2)) != LAYER_NONE;
}

void fragment_in(struct descent *d, const struct fragment *fragment)
{
  struct fragments *all = d->headers->fragments;
  const struct bytes *b = &d->rest;
  struct key key = {.identification = fragment->identification,
                    .scope = d->segment.scope,
                    .protocol = fragment->protocol,
                    .family = d->segment.family};
  memcpy(key.src, d->segment.src, 16);
  memcpy(key.dst, d->segment.dst, 16);
  struct pending *pending = find(all, &key);
  if (!pending && fragment->protocol == UDP_PROTOCOL && !to_a_tunnel(b, fragment->offset))
    return;
  if (!pending && !(pending = begin(all, &key))) {
    engine_lacks_memory(d->headers->engine);
    return;
  }
  int64_t size = b->limit > 0 ? b->limit : 0;
  if (size > LARGEST)
    size = LARGEST + 1;
  if (!fragment->more) {
    pending->has_total = 1;
    pending->total = fragment->offset + (uint32_t)size;
  }
  if (fragment->offset + size <= LARGEST && !keep(all, pending, b, fragment->offset, (uint32_t)size))
    engine_lacks_memory(d->headers->engine);
  if (pending->has_total && pending->received >= pending->total && pending->total <= LARGEST) {
    uint8_t *bytes = malloc(LARGEST + 1);
    int64_t joined = bytes ? join(pending, bytes) : -1;
    if (joined >= 0) {
      struct pending done = *pending;
      forget(all, pending);
      if (d->rounds + 1 < MOST_ROUNDS)
        whole(d, &done, bytes, joined);
      engine_flush(d->headers->engine); /* before its bytes go */
      free(bytes);
      return;
    }
    if (!bytes)
      engine_lacks_memory(d->headers->engine);
    free(bytes);
  }
  if (pending->parts > MOST_PARTS || pending->received > MOST_RECEIVED)
    give_up(all, pending);
  while (all->bytes > MOST_BYTES && all->oldest)
    give_up(all, all->oldest);
}
