#include "store/deployment_instance.h"

#include "base/json.h"
#include "base/mem.h"
#include "store/row.h"

static const struct table instances = {"deployment_instances", &deployment_instance_shape};

err *deployment_instance_insert(db *d, struct deployment_instance *i) {
  return row_taken(row_insert(d, &instances, i), "replica %d of deployment '%s' exists already",
                   i->replica_index, i->deployment_id);
}

err *deployment_instance_get(db *d, const char *id, struct deployment_instance *ret_instance) {
  return row_get(d, &instances, "WHERE t.id = ?1", DB_BIND(db_text(id)), id, ret_instance);
}

err *deployment_instance_list(db *d, const char *deployment_id,
                              struct deployment_instance_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &instances, "WHERE t.deployment_id = ?1 ORDER BY t.seq",
                              DB_BIND(db_text(deployment_id)), &rows_));
}

err *deployment_instance_list_live(db *d, struct deployment_instance_list *ret_list) {
  ROW_LIST(ret_list,
           row_list(d, &instances, "WHERE t.status <> 'REMOVED' ORDER BY t.seq", DB_NONE, &rows_));
}

err *deployment_instance_update(db *d, const struct deployment_instance *i, int64_t now_us) {
  auto_free char *state = i->state ? json_to_text(i->state) : NULL;
  return row_change(d, &instances,
                    "UPDATE deployment_instances SET status = ?2, address = ?3, exit_code = ?4,"
                    " restarts = ?5, state = ?6, updated_us = ?7 WHERE id = ?1",
                    DB_BIND(db_text(i->id), db_text(instance_status_name(i->status)),
                            db_text(i->address), db_int(i->exit_code), db_int(i->restarts),
                            db_text(state), db_int(now_us)),
                    i->id);
}

err *deployment_instance_delete(db *d, const char *id) {
  return row_change(d, &instances, "DELETE FROM deployment_instances WHERE id = ?1",
                    DB_BIND(db_text(id)), id);
}
