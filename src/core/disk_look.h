/* What lies on the disk: facts, without a meaning.  disk_look blocks and runs on a pool thread, one at
 * a time; it asks neither database nor engine.  Only what Tramway makes is named here: what else lies
 * in the data folder is counted as other, and nobody ever deletes it. */
#ifndef TRAMWAY_CORE_DISK_LOOK_H
#define TRAMWAY_CORE_DISK_LOOK_H

#include "base/map.h"
#include "base/usage.h"
#include "build/image_store.h"
#include "observe/log_keep.h"
#include "source/git.h"
#include "source/snapshot.h"

struct disk_thing { /* a snapshot, a mirror, a cache mount, a leftover of a build */
  char *name, *path;
  int64_t bytes, changed_us;
};
struct disk_things {
  struct disk_thing *items;
  size_t len, capacity;
};

struct disk_facts {
  struct usage_space space;
  struct stored_images images;
  struct disk_things snapshots, mirrors;
  struct disk_things caches;  /* cache mounts of builds, named "s-<service id>-…" */
  struct disk_things scratch; /* what ended builds may have left */
  struct log_use_list logs;
  int64_t logs_bytes;      /* the whole folder, and the edge's access log */
  int64_t database_bytes, instances_bytes, other_bytes;
  int64_t volumes_bytes; /* as they are set aside, however full */
  int64_t backups_bytes; /* of them, in the data folder */
};

/* Where to look. */
struct disk_places {
  const char *data_dir;
  snapshot_store *snapshots;
  git *git;
  map *known_layers, *known_snapshots; /* they never change, and are counted once: kept from look to
                                          look, begin empty */
};

fallible disk_look(const struct disk_places *places, struct disk_facts *ret_facts);
void disk_facts_done(struct disk_facts *facts);

#endif
