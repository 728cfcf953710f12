/* Shared by buildah.c (the tool and its short commands) and buildah_run.c (builds). */
#ifndef TRAMWAY_BUILD_BUILDAH_INTERNAL_H
#define TRAMWAY_BUILD_BUILDAH_INTERNAL_H

#include "base/list.h"
#include "build/buildah.h"
#include "build/buildah_command.h"

struct buildah {
  loop *loop;
  const struct builder_config *config;
  struct buildah_paths paths;
  build_networks *networks;
  char tag[7];             /* makes names unique among the tramds of this machine */
  bool resolver_is_local;  /* /etc/resolv.conf names 127.x only: useless in another network */
  int running;             /* builds that use the store */
  bool dirty;              /* a killed buildah left working containers */
  bool cleaning;           /* they, or images, are being removed: new builds wait */
  bool stop_removing;      /* images, after the one that is going */
  struct list waiting;     /* struct buildah_run.link */
};

/* A build has ended: calls then(arg) when the store is fit for others, which is at once unless
 * `killed` and nothing else is running. */
void buildah_store_leave(buildah *b, bool killed, loop_fn *then, void *arg);

/* The store is free again: those that waited for it begin. */
void buildah_start_waiting(buildah *b);

/* Starts `run` when the store is free (buildah_run.c). */
void buildah_run_begin(buildah_run *run);
void buildah_run_link(buildah_run *run, struct list *waiting);
buildah_run *buildah_run_first(struct list *waiting);

#endif
