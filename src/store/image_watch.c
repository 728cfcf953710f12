#include "store/image_watch.h"

#include "base/str.h"

err *image_watch_get(db *d, const char *service_instance_id, const char *reference, char **ret_digest) {
  auto_db_stmt *s = NULL;
  bool row;
  TRY(db_query(d, "SELECT digest FROM image_watches WHERE service_instance_id = ?1 AND reference = ?2",
               DB_BIND(db_text(service_instance_id), db_text(reference)), &s));
  TRY(db_step(s, &row));
  *ret_digest = row ? str_dup(db_column_text(s, 0)) : NULL;
  return NULL;
}

err *image_watch_set(db *d, const char *service_instance_id, const char *reference, const char *digest) {
  return db_run(d,
                "INSERT INTO image_watches (service_instance_id, reference, digest) VALUES (?1, ?2, ?3)"
                " ON CONFLICT (service_instance_id) DO UPDATE SET reference = excluded.reference, digest = excluded.digest",
                DB_BIND(db_text(service_instance_id), db_text(reference), db_text(digest)), NULL);
}
