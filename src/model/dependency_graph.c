#include "model/dependency_graph.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"

struct dependency_graph {
  map *edges; /* id → struct strv of what it needs */
};

dependency_graph *dependency_graph_new(void) {
  dependency_graph *g = mem_zalloc(sizeof *g);
  g->edges = map_new();
  return g;
}

void dependency_graph_free(dependency_graph *g) {
  if (!g) return;
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(g->edges, &cursor, &id, &value)) {
    strv_done(value);
    free(value);
  }
  map_free(g->edges);
  free(g);
}

void dependency_graph_add(dependency_graph *g, const char *from, const char *to) {
  struct strv *needed = map_get(g->edges, from);
  if (!needed) {
    needed = mem_zalloc(sizeof *needed);
    map_set(g->edges, from, needed);
  }
  if (!strv_has(needed, to)) strv_add(needed, to);
}

/* Breadth first; `seen` grows by what is new. */
static bool reaches(const dependency_graph *g, const char *from, const char *to) {
  auto_strv seen = STRV_EMPTY;
  auto_map *known = map_new();
  strv_add(&seen, from);
  map_set(known, from, g->edges);
  for (size_t i = 0; i < seen.len; i++) {
    if (str_eq(seen.items[i], to)) return true;
    const struct strv *needed = map_get(g->edges, seen.items[i]);
    for (size_t n = 0; needed && n < needed->len; n++) {
      if (map_has(known, needed->items[n])) continue;
      map_set(known, needed->items[n], g->edges);
      strv_add(&seen, needed->items[n]);
    }
  }
  return false;
}

bool dependency_graph_needs(const dependency_graph *g, const char *from, const char *to) {
  return reaches(g, from, to);
}

bool dependency_graph_waits(const dependency_graph *g, const char *from, const char *to) {
  return !reaches(g, to, from);
}
