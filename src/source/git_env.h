/* The environment in which git.c runs git: nothing of tramd's user or of the machine's
 * configuration, except proxies and CA bundles. */
#ifndef TRAMWAY_SOURCE_GIT_ENV_H
#define TRAMWAY_SOURCE_GIT_ENV_H

#include "base/str.h"
#include "source/git_url.h"

/* Makes <dir>/ssh and writes <dir>/config. */
fallible git_env_prepare(const char *dir);

/* Adds the variables; credentials of `url` go with requests to its own host only. */
void git_env_add(struct strv *env, const char *dir, const struct git_url *url, bool allow_local);

#endif
