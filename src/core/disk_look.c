#include "core/disk_look.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#define CACHES "buildah-cache"

static void things_done(struct disk_things *things) {
  for (size_t i = 0; i < things->len; i++) {
    free(things->items[i].name);
    free(things->items[i].path);
  }
  free(things->items);
  *things = (struct disk_things){0};
}

void disk_facts_done(struct disk_facts *facts) {
  stored_images_done(&facts->images);
  things_done(&facts->snapshots);
  things_done(&facts->mirrors);
  things_done(&facts->caches);
  things_done(&facts->scratch);
  log_use_list_done(&facts->logs);
  *facts = (struct disk_facts){0};
}

static int64_t changed_us(const char *path) {
  struct stat info;
  if (lstat(path, &info) < 0) return 0;
  return (int64_t)info.st_mtim.tv_sec * 1000000 + info.st_mtim.tv_nsec / 1000;
}

/* Takes the path. */
static void add(struct disk_things *things, const char *name, char *path, int64_t bytes) {
  things->items = mem_grow(things->items, &things->capacity, things->len + 1, sizeof *things->items);
  things->items[things->len++] =
      (struct disk_thing){.name = str_dup(name), .path = path, .bytes = bytes, .changed_us = changed_us(path)};
}

/* Counts a snapshot that is seen for the first time. */
static int64_t bytes_of_snapshot(map *known, const char *id, const char *path) {
  const void *kept = map_get(known, id);
  if (kept) return (int64_t)(intptr_t)kept - 1;
  int64_t bytes = usage_of_tree(path);
  map_set(known, id, (void *)(intptr_t)(bytes + 1));
  return bytes;
}

static err *look_at_snapshots(const struct disk_places *p, struct disk_facts *facts) {
  auto_strv ids = STRV_EMPTY, gone = STRV_EMPTY;
  TRY(snapshot_list(p->snapshots, &ids));
  for (size_t i = 0; i < ids.len; i++) {
    char *path = snapshot_path(p->snapshots, ids.items[i]);
    add(&facts->snapshots, ids.items[i], path, bytes_of_snapshot(p->known_snapshots, ids.items[i], path));
  }
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(p->known_snapshots, &cursor, &id, &value))
    if (!snapshot_has(p->snapshots, id)) strv_add(&gone, id);
  for (size_t i = 0; i < gone.len; i++) map_remove(p->known_snapshots, gone.items[i]);
  return NULL;
}

static err *look_at_mirrors(const struct disk_places *p, struct disk_facts *facts) {
  auto_strv names = STRV_EMPTY;
  TRY(git_mirror_list(p->git, &names));
  for (size_t i = 0; i < names.len; i++) {
    char *path = git_mirror_path(p->git, names.items[i]);
    add(&facts->mirrors, names.items[i], path, usage_of_tree(path));
  }
  return NULL;
}

/* Calls fn with each name in a folder; none when it is not there. */
typedef void entry_fn(struct disk_facts *facts, const char *path, const char *name);
static err *each_entry(const char *folder_path, entry_fn *fn, struct disk_facts *facts) {
  DIR *folder = opendir(folder_path);
  if (!folder && errno == ENOENT) return NULL;
  if (!folder) return err_errno(errno, "reading the folder '%s'", folder_path);
  for (struct dirent *entry; (entry = readdir(folder));) {
    if (str_eq(entry->d_name, ".") || str_eq(entry->d_name, "..")) continue;
    auto_free char *path = path_join(folder_path, entry->d_name);
    fn(facts, path, entry->d_name);
  }
  closedir(folder);
  return NULL;
}

static void add_cache(struct disk_facts *facts, const char *path, const char *name) {
  if (str_starts(name, "s-"))
    add(&facts->caches, name, str_dup(path), usage_of_tree(path));
  else
    facts->other_bytes += usage_of_tree(path);
}

static void add_build_file(struct disk_facts *facts, const char *path, const char *name) {
  if (str_starts(name, CACHES))
    err_ignore(each_entry(path, add_cache, facts)); /* gone meanwhile */
  else if (str_starts(name, "buildah"))
    add(&facts->scratch, name, str_dup(path), usage_of_tree(path));
  else
    facts->other_bytes += usage_of_tree(path);
}

/* What is not counted in detail. */
static void add_top(struct disk_facts *facts, const char *path, const char *name) {
  static const char *const detailed[] = {"snapshots", "containers", "build-tmp"};
  for (size_t i = 0; i < ARRAY_LEN(detailed); i++)
    if (str_eq(name, detailed[i])) return;
  bool is_log = str_eq(name, "logs") || str_starts(name, "access.log"); /* of instances; of the edge */
  int64_t *sum = is_log                           ? &facts->logs_bytes
                 : str_eq(name, "engine")         ? &facts->instances_bytes
                 : str_eq(name, "volumes")        ? &facts->volumes_bytes
                 : str_eq(name, "backups")        ? &facts->backups_bytes
                 : str_starts(name, "tramway.db") ? &facts->database_bytes
                                                  : &facts->other_bytes;
  *sum += usage_of_tree(path);
}

static err *look(const struct disk_places *p, struct disk_facts *facts) {
  auto_free char *logs = path_join(p->data_dir, "logs"), *build_files = image_store_cache_mounts(p->data_dir);
  TRY(usage_space_of(p->data_dir, &facts->space));
  TRY(look_at_snapshots(p, facts));
  TRY(image_store_measure(p->data_dir, p->known_layers, &facts->images));
  TRY(look_at_mirrors(p, facts));
  TRY(each_entry(build_files, add_build_file, facts));
  TRY(log_keep_list(logs, &facts->logs));
  TRY(each_entry(p->data_dir, add_top, facts));
  for (size_t i = 0; i < facts->mirrors.len; i++) facts->other_bytes -= facts->mirrors.items[i].bytes;
  facts->other_bytes += facts->images.other_bytes;
  return NULL;
}

err *disk_look(const struct disk_places *places, struct disk_facts *ret_facts) {
  struct disk_facts facts = {0};
  err *e = look(places, &facts);
  if (e) {
    disk_facts_done(&facts);
    return err_wrap(e, "looking at the disk");
  }
  *ret_facts = facts;
  return NULL;
}
