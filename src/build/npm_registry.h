/* The npm registry that this machine itself uses: what its npm says, or without an npm what an npmrc
 * says.  Node images and the builds of Node projects use the same. */
#ifndef TRAMWAY_BUILD_NPM_REGISTRY_H
#define TRAMWAY_BUILD_NPM_REGISTRY_H

#include "loop/loop.h"

/* Given when no registry is known: says what to do. */
#define NPM_REGISTRY_UNKNOWN                                                                                 \
  "no npm registry is known: this machine has no npm and no npmrc that names one; "                         \
  "set build.npm_registry in tramway.toml"

/* The `registry` of an npmrc's text, when it is an http(s) URL without a password; the caller owns it.
 * NULL when it has none.  Pure. */
char *npm_registry_in(const char *npmrc);

/* `url` is borrowed; NULL when none is known. */
typedef void npm_registry_fn(void *arg, const char *url);

/* Asks `npm config get registry`; without an answer reads the npmrc of root and of the machine.  `done`
 * is called after this returns. */
void npm_registry_find(loop *l, npm_registry_fn *done, void *arg);

#endif
