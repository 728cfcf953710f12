#include "store/password_rotation.h"

#include <stdlib.h>

#include "base/mem.h"
#include "store/row.h"

static const struct table rotations = {"password_rotations", &password_rotation_shape};

err *password_rotation_begin(db *d, struct password_rotation *r) {
  TRY(db_run(d, "DELETE FROM password_rotations WHERE environment_id = ?1 AND service_id = ?2",
             DB_BIND(db_text(r->environment_id), db_text(r->service_id)), NULL));
  return row_insert(d, &rotations, r);
}

err *password_rotation_find(db *d, const char *environment_id, const char *service_id, bool *ret_found,
                            struct password_rotation *ret_rotation) {
  return row_find(d, &rotations, "WHERE t.environment_id = ?1 AND t.service_id = ?2",
                  DB_BIND(db_text(environment_id), db_text(service_id)), ret_found, ret_rotation);
}

err *password_rotation_list_open(db *d, struct password_rotation_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &rotations, "WHERE t.status IN ('PREPARING', 'WAITING') ORDER BY t.created_us", DB_NONE,
                              &rows_));
}

err *password_rotation_update(db *d, const struct password_rotation *r, int64_t now_us) {
  auto_free char *services = r->services ? json_dumps(r->services, JSON_COMPACT) : NULL;
  return row_change(d, &rotations,
                    "UPDATE password_rotations SET status = ?2, services = ?3, problem = ?4, keep_until_us = ?5,"
                    " switched_us = ?6, updated_us = ?7 WHERE id = ?1",
                    DB_BIND(db_text(r->id), db_text(password_rotation_status_name(r->status)), db_text(services),
                            db_text(r->problem), db_int(r->keep_until_us), db_int(r->switched_us), db_int(now_us)),
                    r->id);
}
