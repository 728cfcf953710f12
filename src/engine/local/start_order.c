#include "engine/local/start_order.h"

#include "base/mem.h"
#include "model/dependency_graph.h"

/* A service has instances in several environments; these have nothing to do with each other. */
static char *node_of(const struct workload *w, const char *service_id) {
  return str_format("%s/%s", w->environment_id, service_id);
}

static void add_edges(const struct workload *w, dependency_graph *g) {
  auto_free char *from = node_of(w, w->service_id);
  for (size_t i = 0; w->depends_on && w->depends_on[i]; i++) {
    auto_free char *to = node_of(w, w->depends_on[i]);
    dependency_graph_add(g, from, to);
  }
}

/* What is recorded of `service_id` in the environment of `w`, when none of it is ready. */
static const struct workload *find_unready(const struct start_item *items, size_t len,
                                           const struct workload *w, const char *service_id) {
  const struct workload *unready = NULL;
  for (size_t i = 0; i < len; i++) {
    const struct workload *other = items[i].w;
    if (!str_eq(other->service_id, service_id) || !str_eq(other->environment_id, w->environment_id))
      continue;
    if (items[i].ready) return NULL;
    unready = other;
  }
  return unready;
}

static const char *find_missing(const struct start_item *items, size_t len,
                                const struct workload *w, const dependency_graph *g) {
  auto_free char *from = node_of(w, w->service_id);
  for (size_t i = 0; w->depends_on && w->depends_on[i]; i++) {
    const struct workload *unready = find_unready(items, len, w, w->depends_on[i]);
    if (!unready) continue;
    auto_free char *to = node_of(w, w->depends_on[i]);
    if (dependency_graph_waits(g, from, to)) return unready->service_label;
  }
  return NULL;
}

void start_order(const struct start_item *items, size_t len, const char **ret_missing) {
  auto_dependency_graph *g = dependency_graph_new();
  for (size_t i = 0; i < len; i++)
    add_edges(items[i].w, g);
  for (size_t i = 0; i < len; i++)
    ret_missing[i] = find_missing(items, len, items[i].w, g);
}
