/* Runs buildah: one Dockerfile → one image in <data_dir>/containers.  Each run has a network and a
 * control group of its own (build_network.h, build_cgroup.h), ends with its process group, and leaves
 * nothing but the image and its layer cache.
 *
 * RUN lines run as root of the container with buildah's reduced capabilities, the default seccomp
 * profile and private pid, ipc, uts, mount and network namespaces.  Not in a user namespace: buildah
 * 1.28 writes layers of a mapped build with the mapped owners (measured: a file of root is 100000's
 * in the image), and then fails on the next cached layer.
 *
 * The host's CA bundle is at /dev/tramway/ca.crt during RUN lines, with the variables that the usual
 * programs read; /dev is a tmpfs of the container, so not even the mount point ends in a layer. */
#ifndef TRAMWAY_BUILD_BUILDAH_H
#define TRAMWAY_BUILD_BUILDAH_H

#include "build/build.h"
#include "build/build_network.h"
#include "build/dockerfile.h"
#include "build/image_store.h"
#include "loop/spawn.h"

typedef struct buildah buildah;         /* the tool and its store */
typedef struct buildah_run buildah_run; /* one build */

/* `config` is borrowed for as long as the buildah lives. */
fallible buildah_new(loop *l, const struct builder_config *config, buildah **ret_buildah);
void buildah_free(buildah *b); /* after the last run has ended */

struct buildah_options {
  const char *name;       /* unique among running builds, [a-z0-9-]{1,64} */
  const char *work_dir;   /* existing; its small files are put here; the caller removes it */
  const char *context;    /* folder, only read */
  const char *dockerfile; /* path of the (rewritten) file; outside of the context is fine */
  const char *file_name;  /* what errors call it */
  const struct dockerfile_steps *steps; /* for errors; borrowed until done.  NULL */
  const char *ignore_file;              /* NULL: the context's .dockerignore */
  const char *target, *tag;             /* NULL or "": the last stage; no name */
  const char *const *args;    /* "NAME=value": build arguments, already chosen */
  const char *const *run_env; /* "NAME=value": what RUN lines find in their environment; NULL */
  bool no_cache;
};

typedef void buildah_done_fn(void *arg, err *e, const char *image_id); /* "sha256:…"; owns e */

/* Copies `options` (but for steps and file_name, which must live until done).  Lines and the end come
 * with `arg`. */
void buildah_start(buildah *b, const struct buildah_options *options, build_line_fn *on_line,
                   buildah_done_fn *done, void *arg, buildah_run **ret_run);
void buildah_cancel(buildah_run *run); /* done follows with ERR_BUSY */

/* Pulls a full reference, with the credentials in the file `authfile` (registry.h) or, with NULL, none;
 * `done` gets the image id.  `ret_child` is NULL when it could not start. */
void buildah_pull(buildah *b, const char *reference, const char *authfile, buildah_done_fn *done, void *arg,
                  spawn **ret_child);

/* Fills `info` from the image's configuration. */
typedef void buildah_inspect_fn(void *arg, err *e, const struct image_info *info); /* owns e; info borrowed */
void buildah_inspect(buildah *b, const char *image_id, buildah_inspect_fn *done, void *arg);

/* buildah_remove.c: see builder_remove_images. */
void buildah_stop_removing(buildah *b);
void buildah_remove_images(buildah *b, const struct strv *image_ids, void (*done)(void *arg, err *e), void *arg);

/* Ends what a former process left: its processes, working containers, networks. */
void buildah_clean(buildah *b, void (*done)(void *arg, err *e), void *arg);

/* Runs a program of the host in a control group with the build's caps: mmdebstrap. */
struct buildah_host_options {
  const char *name;
  const char *const *argv;
  build_line_fn *on_line; /* of both outputs */
};
void buildah_run_host(buildah *b, const struct buildah_host_options *options,
                      void (*done)(void *arg, err *e), void *arg, buildah_run **ret_run);

loop *buildah_loop(const buildah *b);
const struct builder_config *buildah_config(const buildah *b);

#endif
