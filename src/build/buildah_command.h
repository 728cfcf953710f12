/* Argument vectors and environments for buildah.  Pure. */
#ifndef TRAMWAY_BUILD_BUILDAH_COMMAND_H
#define TRAMWAY_BUILD_BUILDAH_COMMAND_H

#include "build/buildah.h"

/* Paths that every command line needs. */
struct buildah_paths {
  char *root, *run_root, *tmp, *conf; /* conf: folder of our containers.conf and storage.conf */
  char *runtime;                      /* tramway-build-runtime */
};

/* "tramway-exec … -- buildah --root … ": what all commands start with. */
void buildah_command_begin(const struct builder_config *config, const struct buildah_paths *paths,
                           const struct strv *cgroups, const char *network, struct strv *ret_argv);

/* "build …" after that.  Values of build arguments are not in it: buildah takes them from its
 * environment. */
void buildah_command_build(const struct builder_config *config, const struct buildah_paths *paths,
                           const struct buildah_options *options, const char *network,
                           const char *cgroup_parent, const char *id_file, struct strv *ret_argv);

/* The environment of buildah itself: no variable of tramd's own. */
void buildah_command_env(const struct builder_config *config, const struct buildah_paths *paths,
                         const struct buildah_options *options, struct strv *ret_env);

/* The file for tramway-build-runtime: what RUN lines get ("NAME=value", NUL each). */
void buildah_command_run_env(const struct builder_config *config, const struct buildah_options *options,
                             struct str *ret_text);

#endif
