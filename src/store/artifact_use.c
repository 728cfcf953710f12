/* Who needs which image and snapshot. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/artifact.h"

void artifact_use_list_done(struct artifact_use_list *list) {
  for (size_t i = 0; i < list->len; i++) free(list->items[i].key);
  free(list->items);
  *list = (struct artifact_use_list){0};
}

/* `newest`: per service instance and artifact the newest deployment; `placed`: their order.  A
 * deployment that FAILED was never what anybody went back to. */
#define USES(table, key, column, counts)                                                           \
  "WITH newest AS (SELECT d." column " AS artifact, d.service_instance_id AS instance,"            \
  " max(d.seq) AS seq FROM deployments AS d WHERE d." column " IS NOT NULL AND " counts            \
  " GROUP BY 1, 2),"                                                                               \
  " placed AS (SELECT artifact, row_number() OVER (PARTITION BY instance ORDER BY seq DESC)"       \
  " AS place FROM newest)"                                                                         \
  " SELECT t.id, t." key ", max(t.last_used_us,"                                                   \
  "  ifnull((SELECT max(d.status_updated_us) FROM deployments AS d WHERE d." column " = t.id), 0))," \
  " EXISTS (SELECT 1 FROM deployments AS d WHERE d." column " = t.id"                              \
  "  AND d.status NOT IN ('FAILED', 'SKIPPED', 'REMOVED')),"                                       \
  " ifnull((SELECT min(place) FROM placed WHERE artifact = t.id), 0)"                              \
  " FROM " table " AS t"

static err *list(db *d, const char *sql, struct artifact_use_list *ret_list) {
  auto_db_stmt *s = NULL;
  auto_artifact_use_list found = {0};
  TRY(db_query(d, sql, DB_NONE, &s));
  for (bool row;;) {
    TRY(db_step(s, &row));
    if (!row) break;
    found.items = mem_grow(found.items, &found.capacity, found.len + 1, sizeof *found.items);
    struct artifact_use *use = &found.items[found.len++];
    *use = (struct artifact_use){.key = str_dup(db_column_text(s, 1)),
                                 .last_used_us = db_column_int(s, 2),
                                 .is_running = db_column_int(s, 3),
                                 .newest_place = db_column_int(s, 4)};
    id_copy(use->id, db_column_text(s, 0));
  }
  *ret_list = found;
  found = (struct artifact_use_list){0};
  return NULL;
}

err *image_list_uses(db *d, struct artifact_use_list *ret_list) {
  return list(d,
              USES("images", "digest", "image_id",
                   "(d.status NOT IN ('FAILED', 'SKIPPED', 'REMOVED')"
                   " OR EXISTS (SELECT 1 FROM releases AS r WHERE r.deployment_id = d.id))"),
              ret_list);
}

err *snapshot_list_uses(db *d, struct artifact_use_list *ret_list) {
  return list(d, USES("snapshots", "hash", "snapshot_id", "true"), ret_list);
}

err *image_forget(db *d, const char *digest) {
  return db_run(d, "DELETE FROM images WHERE digest = ?1", DB_BIND(db_text(digest)), NULL);
}

err *snapshot_forget(db *d, const char *hash) {
  return db_run(d, "DELETE FROM snapshots WHERE hash = ?1", DB_BIND(db_text(hash)), NULL);
}
