/* Control groups: one folder `/<name>` of our own at the top of every hierarchy, with a child per
 * instance (made and removed by crun) and one for the processes that must outlive tramd (conmon,
 * aardvark-dns).  Version 1, version 2 and hybrid hosts.
 *
 * On a version 2 host the top belongs to systemd, which may give a group away: the folder is then
 * made in that one, `parent` (packaging/tramway-instances.service; systemd's CGROUP_DELEGATION.md).
 * It must hold no process of its own.  A version 1 tree has no such owner, and `parent` no meaning. */
#ifndef TRAMWAY_ENGINE_LOCAL_CGROUP_H
#define TRAMWAY_ENGINE_LOCAL_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

struct cgroups {
  char *folder;            /* below each hierarchy: "tramway", "system.slice/x.service/tramway" */
  bool v2;                 /* the whole host is version 2 */
  bool hybrid;             /* version 1, with a version 2 tree beside it */
  bool swap_limit;         /* memory+swap can be limited */
  struct strv hierarchies; /* mount points, e.g. /sys/fs/cgroup/memory */
  char *memory;            /* the one with the memory controller; NULL: none */
  char *freezer;           /* the one that can freeze; NULL: none */
};

/* Looks at /proc/self/mountinfo.  `parent` is "/a/b", or "" (NULL) for the top.  ERR_NOT_FOUND when
 * nothing is mounted, or a version 2 host has no such parent. */
fallible cgroups_detect(const char *parent, const char *name, struct cgroups *ret_cgroups);
/* The same on a given text, for tests; whether `parent` is there is not looked at. */
fallible cgroups_parse(const char *parent, const char *name, const char *mountinfo,
                       struct cgroups *ret_cgroups);
void cgroups_done(struct cgroups *c);

/* Makes `<folder>/monitor` in the hierarchies where tramd is not in the root group (`own_groups` is
 * /proc/self/cgroup), and adds the options that make tramway-exec join it. */
void cgroups_add_monitor_options(const struct cgroups *c, const char *own_groups,
                                 struct strv *argv);

/* The cgroup of an instance as OCI wants it: "/<folder>/<instance>"; the caller owns it. */
char *cgroups_oci_path(const struct cgroups *c, const char *instance_id);

/* How many processes of the instance the kernel killed for want of memory. */
int cgroups_oom_kills(const struct cgroups *c, const char *instance_id);

/* Pids in the instance's cgroup, at most `size`; returns how many. */
size_t cgroups_pids(const struct cgroups *c, const char *instance_id, pid_t *pids, size_t size);

/* SIGKILL to every process of the instance that still lives. */
void cgroups_kill(const struct cgroups *c, const char *instance_id);

/* Freezes all processes of the instance, or lets them go on; returns when that is so.  ERR_BUSY: some did
 * not freeze in time, and all go on.  Blocking. */
fallible cgroups_freeze(const struct cgroups *c, const char *instance_id, bool frozen);
void cgroups_thaw(const struct cgroups *c, const char *instance_id); /* at once; nothing there is fine */

/* Removes the folder from every hierarchy; what has processes stays and is the error. */
fallible cgroups_remove(const struct cgroups *c);

#endif
