#include "store/artifact.h"

#include "base/clock.h"
#include "store/row.h"

static const struct table snapshots = {"snapshots", &snapshot_shape};
static const struct table images = {"images", &image_shape};

/* What was just made counts as used. */
static void fill_used(int64_t created_us, int64_t *last_used_us) {
  if (!*last_used_us) *last_used_us = created_us ? created_us : clock_now_us();
}

err *snapshot_insert(db *d, struct snapshot *s) {
  fill_used(s->created_us, &s->last_used_us);
  return row_taken(row_insert(d, &snapshots, s), "the snapshot '%s' is there already", s->hash);
}

err *snapshot_get(db *d, const char *id, struct snapshot *ret_snapshot) {
  return row_get(d, &snapshots, "WHERE t.id = ?1", DB_BIND(db_text(id)), id, ret_snapshot);
}

err *snapshot_find_by_hash(db *d, const char *hash, bool *ret_found,
                           struct snapshot *ret_snapshot) {
  return row_find(d, &snapshots, "WHERE t.hash = ?1", DB_BIND(db_text(hash)), ret_found,
                  ret_snapshot);
}

err *snapshot_touch(db *d, const char *id, int64_t now_us) {
  return row_change(d, &snapshots, "UPDATE snapshots SET last_used_us = ?2 WHERE id = ?1",
                    DB_BIND(db_text(id), db_int(now_us)), id);
}

err *snapshot_delete(db *d, const char *id) {
  return row_change(d, &snapshots, "DELETE FROM snapshots WHERE id = ?1", DB_BIND(db_text(id)), id);
}

err *image_insert(db *d, struct image *i) {
  fill_used(i->created_us, &i->last_used_us);
  return row_taken(row_insert(d, &images, i), "an image with the build key '%s' is there already",
                   i->build_key);
}

err *image_get(db *d, const char *id, struct image *ret_image) {
  return row_get(d, &images, "WHERE t.id = ?1", DB_BIND(db_text(id)), id, ret_image);
}

err *image_find_by_build_key(db *d, const char *build_key, bool *ret_found,
                             struct image *ret_image) {
  return row_find(d, &images, "WHERE t.build_key = ?1", DB_BIND(db_text(build_key)), ret_found,
                  ret_image);
}

err *image_list(db *d, struct image_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &images, "ORDER BY t.seq DESC", DB_NONE, &rows_));
}

err *image_list_of_snapshot(db *d, const char *snapshot_id, struct image_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &images, "WHERE t.snapshot_id = ?1 ORDER BY t.seq DESC LIMIT 100",
                              DB_BIND(db_text(snapshot_id)), &rows_));
}

err *image_touch(db *d, const char *id, int64_t now_us) {
  return row_change(d, &images, "UPDATE images SET last_used_us = ?2 WHERE id = ?1",
                    DB_BIND(db_text(id), db_int(now_us)), id);
}

err *image_forget_key(db *d, const char *id) {
  return row_change(d, &images,
                    "UPDATE images SET build_key = build_key || '-' || id WHERE id = ?1",
                    DB_BIND(db_text(id)), id);
}

err *image_delete(db *d, const char *id) {
  return row_change(d, &images, "DELETE FROM images WHERE id = ?1", DB_BIND(db_text(id)), id);
}
