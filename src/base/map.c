#include "base/map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "base/str.h"

struct entry {
  char *key; /* NULL: never used; TOMBSTONE: removed */
  void *value;
};

struct map {
  struct entry *entries;
  size_t capacity; /* a power of two */
  size_t used;     /* live entries and tombstones */
  size_t len;
};

static char tombstone[] = "";
#define TOMBSTONE tombstone

static uint64_t seed;

/* FNV-1a over the key, started from a random seed and finished with a 64-bit mix. */
static uint64_t hash(const char *key) {
  uint64_t h = seed ^ 0xcbf29ce484222325u;
  for (; *key; key++) h = (h ^ (unsigned char)*key) * 0x100000001b3u;
  h ^= h >> 32;
  h *= 0x9fb21c651e98df25u;
  return h ^ (h >> 28);
}

map *map_new(void) {
  if (seed == 0) secret_random(&seed, sizeof seed);
  map *m = mem_zalloc(sizeof *m);
  m->capacity = 16;
  m->entries = mem_zalloc(m->capacity * sizeof *m->entries);
  return m;
}

void map_free(map *m) {
  if (!m) return;
  for (size_t i = 0; i < m->capacity; i++)
    if (m->entries[i].key != TOMBSTONE) free(m->entries[i].key);
  free(m->entries);
  free(m);
}

/* The entry of `key`, or the place where it would go. */
static struct entry *lookup(const map *m, const char *key) {
  struct entry *free_place = NULL;
  for (size_t i = (size_t)hash(key);; i++) {
    struct entry *entry = &m->entries[i & (m->capacity - 1)];
    if (!entry->key) return free_place ? free_place : entry;
    if (entry->key == TOMBSTONE) {
      if (!free_place) free_place = entry;
    } else if (strcmp(entry->key, key) == 0) {
      return entry;
    }
  }
}

static bool live(const struct entry *entry) {
  return entry->key && entry->key != TOMBSTONE;
}

static void rehash(map *m) {
  struct entry *old = m->entries;
  size_t old_capacity = m->capacity;
  while (m->len * 4 >= m->capacity) m->capacity *= 2;
  m->entries = mem_zalloc(m->capacity * sizeof *m->entries);
  m->used = m->len;
  for (size_t i = 0; i < old_capacity; i++)
    if (live(&old[i])) *lookup(m, old[i].key) = old[i];
  free(old);
}

void map_set(map *m, const char *key, void *value) {
  if ((m->used + 1) * 4 >= m->capacity * 3) rehash(m);
  struct entry *entry = lookup(m, key);
  if (!live(entry)) {
    if (!entry->key) m->used++;
    entry->key = str_dup(key);
    m->len++;
  }
  entry->value = value;
}

void *map_get(const map *m, const char *key) {
  const struct entry *entry = lookup(m, key);
  return live(entry) ? entry->value : NULL;
}

bool map_has(const map *m, const char *key) {
  return live(lookup(m, key));
}

void *map_remove(map *m, const char *key) {
  struct entry *entry = lookup(m, key);
  if (!live(entry)) return NULL;
  free(entry->key);
  entry->key = TOMBSTONE;
  m->len--;
  return entry->value;
}

size_t map_len(const map *m) {
  return m->len;
}

bool map_next(const map *m, size_t *cursor, const char **ret_key, void **ret_value) {
  while (*cursor < m->capacity) {
    const struct entry *entry = &m->entries[(*cursor)++];
    if (!live(entry)) continue;
    *ret_key = entry->key;
    if (ret_value) *ret_value = entry->value;
    return true;
  }
  return false;
}
