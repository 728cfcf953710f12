/* Images in a backup of the whole machine: those that run or that can be rolled back to. */
#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "build/image_export.h"
#include "daemon/backup_internal.h"
#include "daemon/config.h"
#include "store/artifact.h"

/* What the disk would keep (core/disk_items): the one that is live, and so many before it. */
static err *choose(const struct config *c, const char *database, struct strv *ret_ids) {
  auto_db *d = NULL;
  auto_artifact_use_list uses = {0};
  TRY(db_open(database, &d));
  TRY(image_list_uses(d, &uses));
  for (size_t i = 0; i < uses.len; i++) {
    const struct artifact_use *use = &uses.items[i];
    bool goes_back = use->newest_place && use->newest_place <= c->disk.keep_images + 1;
    if (use->is_running || goes_back) strv_add(ret_ids, use->key);
  }
  return NULL;
}

static err *add_file(backup_writer *w, const char *folder, const char *file) {
  auto_free char *path = path_join(folder, file), *name = path_join(BACKUP_IMAGES, file);
  return backup_add_file(w, path, name);
}

static err *add(backup_writer *w, const struct config *c, const struct strv *ids, const char *folder, json_t *about) {
  size_t count;
  TRY(image_export(c->data.dir, ids, folder, &count));
  json_object_set_new(about, "images", json_integer((json_int_t)count));
  if (!count) return NULL;
  TRY(add_file(w, folder, IMAGE_EXPORT_IMAGES));
  TRY(add_file(w, folder, IMAGE_EXPORT_LAYERS));
  return add_file(w, folder, IMAGE_EXPORT_FILES);
}

err *backup_add_images(backup_writer *w, const struct config *c, const char *database, const char *scratch,
                       json_t *about) {
  auto_strv ids = STRV_EMPTY;
  TRY(choose(c, database, &ids));
  TRY(file_remove_tree(scratch));
  TRY(file_make_dirs(scratch, 0700));
  err *e = add(w, c, &ids, scratch, about);
  err *left = file_remove_tree(scratch);
  if (!e) return left;
  err_ignore(left);
  return e;
}
