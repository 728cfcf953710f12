/* A hash map from strings to pointers.  Keys are copied; values are the caller's.  The hash is
 * seeded per process, so keys chosen by a stranger cannot make it slow on purpose. */
#ifndef TRAMWAY_BASE_MAP_H
#define TRAMWAY_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>

typedef struct map map;

map *map_new(void);
void map_free(map *m); /* keys only; accepts NULL */
void map_set(map *m, const char *key, void *value);
void *map_get(const map *m, const char *key); /* NULL when absent */
bool map_has(const map *m, const char *key);
void *map_remove(map *m, const char *key); /* the value, or NULL */
size_t map_len(const map *m);

/* Walks all entries in no particular order.  `*cursor` starts at 0; false at the end.  The map must
 * not change meanwhile. */
bool map_next(const map *m, size_t *cursor, const char **ret_key, void **ret_value);

static inline void map_cleanup_(map **m) {
  map_free(*m);
}
#define auto_map __attribute__((cleanup(map_cleanup_))) map

#endif
