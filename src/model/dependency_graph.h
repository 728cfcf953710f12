/* Which service needs which: ids and the edges between them.  Services that need one another in a
 * circle do not wait for each other: no edge of a cycle counts, so that the answer depends neither
 * on the order of adding nor on where one begins. */
#ifndef TRAMWAY_MODEL_DEPENDENCY_GRAPH_H
#define TRAMWAY_MODEL_DEPENDENCY_GRAPH_H

#include <stdbool.h>

typedef struct dependency_graph dependency_graph;

dependency_graph *dependency_graph_new(void);
void dependency_graph_free(dependency_graph *g); /* NULL is accepted */

/* `from` needs `to`; saying it twice is harmless. */
void dependency_graph_add(dependency_graph *g, const char *from, const char *to);

/* Whether `from` needs `to`, by whatever way. */
bool dependency_graph_needs(const dependency_graph *g, const char *from, const char *to);

/* Whether `from`, which needs `to`, waits for it: unless `to` needs `from` in turn, by whatever way. */
bool dependency_graph_waits(const dependency_graph *g, const char *from, const char *to);

static inline void dependency_graph_cleanup_(dependency_graph **g) {
  dependency_graph_free(*g);
}
#define auto_dependency_graph __attribute__((cleanup(dependency_graph_cleanup_))) dependency_graph

#endif
