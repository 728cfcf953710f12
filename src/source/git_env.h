/* The environment in which git.c runs git: nothing of tramd's user or of the machine's
 * configuration, except proxies and CA bundles. */
#ifndef TRAMWAY_SOURCE_GIT_ENV_H
#define TRAMWAY_SOURCE_GIT_ENV_H

#include "base/str.h"
#include "source/git_url.h"

/* Makes <dir>/ssh and writes <dir>/config; removes keys that a killed tramd has left. */
fallible git_env_prepare(const char *dir);

/* A repository's own attributes must not decide what is deployed. */
#define GIT_ATTRIBUTES "* -export-ignore -export-subst\n"

/* Adds the variables; credentials of `url` (NULL: no remote is asked) go with requests to its own host
 * only.  `ssh_key` is the path of a private key, or NULL: Tramway's own. */
void git_env_add(struct strv *env, const char *dir, const struct git_url *url, const char *ssh_key, bool allow_local);

/* A key for one job, in a file (mode 0600) that the caller removes when git has ended. */
fallible git_env_write_key(const char *dir, const char *key, char **ret_path);

#endif
