/* Between provider_node.c and provider_node_spa.c. */
#ifndef TRAMWAY_BUILD_PROVIDER_NODE_H
#define TRAMWAY_BUILD_PROVIDER_NODE_H

#include "build/provider.h"

struct node_manager {
  const char *name, *lock, *locked_install, *install, *run, *cache;
};

const char *node_script(const json_t *package, const char *name); /* NULL when it has none */
bool node_depends_on(const json_t *package, const char *name);    /* also for development */

/* The folder into which a single-page app is built, when the source is one: a framework that makes
 * static files, and no server of its own to start.  NULL otherwise; owned, as is *ret_framework. */
char *node_spa_folder(const struct draft *d, const json_t *package, char **ret_framework);

#endif
