#include "store/environment_patch.h"

#include "store/row.h"

static const struct table patches = {"environment_patches", &environment_patch_shape};

err *environment_patch_set(db *d, struct environment_patch *p) {
  return row_taken(row_upsert(d, &patches,
                              "ON CONFLICT (id) DO UPDATE SET status = excluded.status,"
                              " message = excluded.message, format = excluded.format,"
                              " patch = excluded.patch, changes = excluded.changes,"
                              " applied_user_id = excluded.applied_user_id,"
                              " last_applied_error = excluded.last_applied_error,"
                              " updated_us = excluded.updated_us, applied_us = excluded.applied_us",
                              p),
                   "changes are staged in this environment already");
}

err *environment_patch_get(db *d, const char *id, struct environment_patch *ret_patch) {
  return row_get(d, &patches, "WHERE t.id = ?1", DB_BIND(db_text(id)), id, ret_patch);
}

err *environment_patch_find_staged(db *d, const char *environment_id, bool *ret_found,
                                   struct environment_patch *ret_patch) {
  return row_find(d, &patches, "WHERE t.environment_id = ?1 AND t.status = 'STAGED'",
                  DB_BIND(db_text(environment_id)), ret_found, ret_patch);
}

err *environment_patch_list(db *d, const char *environment_id, const struct page *page,
                            struct environment_patch_list *ret_list) {
  ROW_LIST(ret_list, row_list_page(d, &patches, "t.environment_id = ?1 AND t.status <> 'STAGED'",
                                   DB_BIND(db_text(environment_id)), page, &rows_));
}

err *environment_patch_list_applying(db *d, struct environment_patch_list *ret_list) {
  ROW_LIST(ret_list,
           row_list(d, &patches, "WHERE t.status = 'APPLYING' ORDER BY t.seq", DB_NONE, &rows_));
}

err *environment_patch_delete(db *d, const char *id) {
  return row_change(d, &patches, "DELETE FROM environment_patches WHERE id = ?1",
                    DB_BIND(db_text(id)), id);
}

err *environment_patch_forget_old(db *d, const char *environment_id, int64_t kept) {
  return db_run(d,
                "DELETE FROM environment_patches WHERE environment_id = ?1 AND status = 'COMMITTED'"
                " AND seq <= (SELECT seq FROM environment_patches WHERE environment_id = ?1"
                "  AND status = 'COMMITTED' ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
                DB_BIND(db_text(environment_id), db_int(kept)), NULL);
}

/* --- deployments to be made --- */

err *environment_patch_add_deploy(db *d, const char *patch_id, const char *service_instance_id) {
  return db_run(d,
                "INSERT INTO environment_patch_deploys (patch_id, service_instance_id)"
                " VALUES (?1, ?2)",
                DB_BIND(db_text(patch_id), db_text(service_instance_id)), NULL);
}

err *environment_patch_list_deploys(db *d, const char *patch_id, struct strv *ret_service_instances) {
  auto_db_stmt *s = NULL;
  TRY(db_query(d,
               "SELECT service_instance_id FROM environment_patch_deploys WHERE patch_id = ?1"
               " ORDER BY seq",
               DB_BIND(db_text(patch_id)), &s));
  for (;;) {
    bool row;
    TRY(db_step(s, &row));
    if (!row) return NULL;
    strv_add(ret_service_instances, db_column_text(s, 0));
  }
}

err *environment_patch_drop_deploy(db *d, const char *patch_id, const char *service_instance_id) {
  return db_run(d,
                "DELETE FROM environment_patch_deploys WHERE patch_id = ?1"
                " AND service_instance_id = ?2",
                DB_BIND(db_text(patch_id), db_text(service_instance_id)), NULL);
}

err *environment_patch_settle_deploys(db *d, const char *service_instance_id) {
  return db_run(d, "DELETE FROM environment_patch_deploys WHERE service_instance_id = ?1",
                DB_BIND(db_text(service_instance_id)), NULL);
}
