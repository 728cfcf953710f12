/* The control group of one build: <root><parent>/tramway-builds/<name>, with the caps of the build.  Two
 * leaves: `self` for buildah, `run` for the containers of RUN lines (crun kills whatever is in the
 * group that it removes, so they must not be one).  cgroup v1 (a tree per controller) and v2.
 *
 * `parent` is "" or, on v2, a group that systemd has delegated, "/a/b" (deploy.control_group); v1 takes
 * no notice of it.  Nothing outside of our folder is written, except that on v2 its controllers are
 * enabled in the parent's cgroup.subtree_control.  Blocking, a few small files. */
#ifndef TRAMWAY_BUILD_BUILD_CGROUP_H
#define TRAMWAY_BUILD_BUILD_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct build_limits {
  int64_t memory_bytes, cpu_millis; /* 0: none */
};

/* Makes the group.  A cap that the host cannot set is logged, not an error.  `name` is [a-z0-9-]+. */
fallible build_cgroup_make(const char *parent, const char *name, const struct build_limits *limits);

/* The folders to join ("--cgroup" of tramway-exec) and what buildah's --cgroup-parent gets. */
void build_cgroup_joins(const char *parent, const char *name, struct strv *ret_folders);
char *build_cgroup_parent(const char *parent, const char *name);

/* Whether the memory cap was ever hit. */
bool build_cgroup_was_full(const char *parent, const char *name);

/* SIGKILLs what is in it; whether anything was. */
bool build_cgroup_kill(const char *parent, const char *name);

/* Removes the group; ERR_BUSY while something still lives in it.  Nothing there is success. */
fallible build_cgroup_remove(const char *parent, const char *name);

/* The names of all groups whose name starts with `prefix`. */
void build_cgroup_list(const char *parent, const char *prefix, struct strv *ret_names);

#endif
