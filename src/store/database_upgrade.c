#include "store/database_upgrade.h"

#include <stdlib.h>

#include "base/mem.h"
#include "store/row.h"

static const struct table upgrades = {"database_upgrades", &database_upgrade_shape};

err *database_upgrade_begin(db *d, struct database_upgrade *u) {
  TRY(db_run(d, "DELETE FROM database_upgrades WHERE environment_id = ?1 AND service_id = ?2",
             DB_BIND(db_text(u->environment_id), db_text(u->service_id)), NULL));
  return row_insert(d, &upgrades, u);
}

err *database_upgrade_find(db *d, const char *environment_id, const char *service_id, bool *ret_found,
                           struct database_upgrade *ret_upgrade) {
  return row_find(d, &upgrades, "WHERE t.environment_id = ?1 AND t.service_id = ?2",
                  DB_BIND(db_text(environment_id), db_text(service_id)), ret_found, ret_upgrade);
}

err *database_upgrade_list_open(db *d, struct database_upgrade_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &upgrades, "WHERE t.status IN ('COPYING', 'COMPARING', 'SWAPPING', 'RETURNING') ORDER BY t.created_us",
                              DB_NONE, &rows_));
}

err *database_upgrade_find_by_former_volume(db *d, const char *volume_instance_id, bool *ret_found,
                                            struct database_upgrade *ret_upgrade) {
  return row_find(d, &upgrades, "WHERE t.former_volume_id = ?1 AND t.status = 'DONE' AND NOT t.is_rehearsal",
                  DB_BIND(db_text(volume_instance_id)), ret_found, ret_upgrade);
}

err *database_upgrade_update(db *d, const struct database_upgrade *u, int64_t now_us) {
  auto_free char *report = u->report ? json_dumps(u->report, JSON_COMPACT) : NULL;
  return row_change(d, &upgrades,
                    "UPDATE database_upgrades SET sibling_id = ?2, volume_id = ?3, status = ?4, report = ?5, problem = ?6,"
                    " deployment_id = ?7, frozen_us = ?8, updated_us = ?9 WHERE id = ?1",
                    DB_BIND(db_text(u->id), db_id(u->sibling_id), db_id(u->volume_id),
                            db_text(database_upgrade_status_name(u->status)), db_text(report), db_text(u->problem),
                            db_id(u->deployment_id), db_int(u->frozen_us), db_int(now_us)),
                    u->id);
}

err *database_upgrade_delete(db *d, const char *id) {
  return db_run(d, "DELETE FROM database_upgrades WHERE id = ?1", DB_BIND(db_text(id)), NULL);
}

err *database_upgrade_forget(db *d) {
  return db_run(d,
                "DELETE FROM database_upgrades WHERE status IN ('DONE', 'FAILED', 'RETURNED') AND NOT (EXISTS (SELECT 1 FROM"
                " services WHERE id = service_id) AND EXISTS (SELECT 1 FROM environments WHERE id = environment_id))",
                DB_NONE, NULL);
}
