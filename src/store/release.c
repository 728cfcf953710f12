#include "store/release.h"

#include "store/row.h"

static const struct table releases = {"releases", &release_shape};

err *release_insert(db *d, struct release *r) {
  return row_taken(row_insert(d, &releases, r), "deployment '%s' has a release already",
                   r->deployment_id);
}

err *release_find(db *d, const char *deployment_id, bool *ret_found, struct release *ret_release) {
  return row_find(d, &releases, "WHERE t.deployment_id = ?1", DB_BIND(db_text(deployment_id)),
                  ret_found, ret_release);
}

err *release_exists(db *d, const char *deployment_id, bool *ret_exists) {
  int64_t exists;
  TRY(db_query_int(d, "SELECT 1 FROM releases WHERE deployment_id = ?1",
                   DB_BIND(db_text(deployment_id)), 0, &exists));
  *ret_exists = exists != 0;
  return NULL;
}
