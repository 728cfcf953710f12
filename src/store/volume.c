#include "store/volume.h"

#include "store/row.h"

static const struct table volumes = {"volumes", &volume_shape};
static const struct table instances = {"volume_instances", &volume_instance_shape};

/* --- volumes --- */

#define SHOWN                                                                                                        \
  "EXISTS (SELECT 1 FROM projects AS p WHERE p.id = t.project_id AND p.deleted_us = 0)"                              \
  " AND (EXISTS (SELECT 1 FROM volume_instances AS i WHERE i.volume_id = t.id AND i.deleted_us = 0)"                 \
  " OR NOT EXISTS (SELECT 1 FROM volume_instances AS i WHERE i.volume_id = t.id))"

err *volume_insert(db *d, struct volume *v) {
  return row_insert(d, &volumes, v);
}

err *volume_get(db *d, const char *id, struct volume *ret_volume) {
  return row_get(d, &volumes, "WHERE t.id = ?1", DB_BIND(db_text(id)), id, ret_volume);
}

err *volume_list_by_project(db *d, const char *project_id, const struct page *page, struct volume_list *ret_list) {
  ROW_LIST(ret_list,
           row_list_page(d, &volumes, "t.project_id = ?1 AND " SHOWN, DB_BIND(db_text(project_id)), page, &rows_));
}

err *volume_name_exists(db *d, const char *project_id, const char *name, bool *ret_exists) {
  int64_t exists;
  TRY(db_query_int(d, "SELECT 1 FROM volumes AS t WHERE t.project_id = ?1 AND t.name = ?2 AND " SHOWN,
                   DB_BIND(db_text(project_id), db_text(name)), 0, &exists));
  *ret_exists = exists != 0;
  return NULL;
}

err *volume_rename(db *d, const char *id, const char *name, int64_t now_us) {
  return row_change(d, &volumes, "UPDATE volumes SET name = ?2, updated_us = ?3 WHERE id = ?1",
                    DB_BIND(db_text(id), db_text(name), db_int(now_us)), id);
}

err *volume_purge(db *d, const char *id) {
  return db_run(d,
                "DELETE FROM volumes WHERE id = ?1"
                " AND NOT EXISTS (SELECT 1 FROM volume_instances WHERE volume_id = ?1)",
                DB_BIND(db_text(id)), NULL);
}

/* --- volume instances --- */

static err *place_taken(err *e) {
  return row_taken(e, "the service has a volume already, or the volume is in this environment already: a service has "
                      "one volume, and a volume one place in an environment");
}

err *volume_instance_insert(db *d, struct volume_instance *v) {
  return place_taken(row_insert(d, &instances, v));
}

err *volume_instance_get(db *d, const char *id, struct volume_instance *ret_instance) {
  return row_get(d, &instances, "WHERE t.id = ?1", DB_BIND(db_text(id)), id, ret_instance);
}

err *volume_instance_find(db *d, const char *volume_id, const char *environment_id, bool *ret_found,
                          struct volume_instance *ret_instance) {
  return row_find(d, &instances, "WHERE t.volume_id = ?1 AND t.environment_id = ?2 AND t.deleted_us = 0",
                  DB_BIND(db_text(volume_id), db_text(environment_id)), ret_found, ret_instance);
}

err *volume_instance_find_by_service(db *d, const char *service_id, const char *environment_id, bool *ret_found,
                                     struct volume_instance *ret_instance) {
  return row_find(d, &instances, "WHERE t.service_id = ?1 AND t.environment_id = ?2 AND t.deleted_us = 0",
                  DB_BIND(db_text(service_id), db_text(environment_id)), ret_found, ret_instance);
}

err *volume_instance_list(db *d, struct volume_instance_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &instances, "WHERE t.deleted_us = 0 ORDER BY t.seq", DB_NONE, &rows_));
}

err *volume_instance_list_by_volume(db *d, const char *volume_id, struct volume_instance_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &instances, "WHERE t.volume_id = ?1 AND t.deleted_us = 0 ORDER BY t.seq",
                              DB_BIND(db_text(volume_id)), &rows_));
}

err *volume_instance_list_by_environment(db *d, const char *environment_id, struct volume_instance_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &instances, "WHERE t.environment_id = ?1 AND t.deleted_us = 0 ORDER BY t.seq",
                              DB_BIND(db_text(environment_id)), &rows_));
}

err *volume_instance_list_by_service(db *d, const char *service_id, struct volume_instance_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &instances, "WHERE t.service_id = ?1 AND t.deleted_us = 0 ORDER BY t.seq",
                              DB_BIND(db_text(service_id)), &rows_));
}

err *volume_instance_list_by_project(db *d, const char *project_id, struct volume_instance_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &instances, "WHERE t.project_id = ?1 AND t.deleted_us = 0 ORDER BY t.seq",
                              DB_BIND(db_text(project_id)), &rows_));
}

err *volume_instance_list_trashed(db *d, struct volume_instance_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &instances, "WHERE t.deleted_us > 0 ORDER BY t.deleted_us DESC", DB_NONE, &rows_));
}

err *volume_instance_list_trashed_of_workspace(db *d, const char *workspace_id,
                                               struct volume_instance_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &instances, "WHERE t.workspace_id = ?1 AND t.deleted_us > 0 ORDER BY t.deleted_us DESC",
                              DB_BIND(db_text(workspace_id)), &rows_));
}

err *volume_instance_update(db *d, const struct volume_instance *v, int64_t now_us) {
  return place_taken(row_change(
      d, &instances,
      "UPDATE volume_instances SET project_id = ?2, environment_id = ?3, service_id = ?4, mount_path = ?5,"
      " size_bytes = ?6, state = ?7, problem = ?8, origin = ?9, trashed_service_id = ?10, deleted_us = ?11,"
      " updated_us = ?12, volume_id = ?13 WHERE id = ?1",
      DB_BIND(db_text(v->id), db_text(v->project_id), db_text(v->environment_id), db_id(v->service_id),
              db_text(v->mount_path), db_int(v->size_bytes), db_text(volume_state_name(v->state)),
              db_text(v->problem), db_text(v->origin), db_id(v->trashed_service_id), db_int(v->deleted_us),
              db_int(now_us), db_text(v->volume_id)),
      v->id));
}

err *volume_instance_set_usage(db *d, const char *id, int64_t used_bytes, int alerted_percent, int64_t now_us) {
  return row_change(d, &instances,
                    "UPDATE volume_instances SET used_bytes = ?2, alerted_percent = ?3, measured_us = ?4 WHERE id = ?1",
                    DB_BIND(db_text(id), db_int(used_bytes), db_int(alerted_percent), db_int(now_us)), id);
}

err *volume_instance_purge(db *d, const char *id) {
  return row_change(d, &instances, "DELETE FROM volume_instances WHERE id = ?1 AND deleted_us > 0",
                    DB_BIND(db_text(id)), id);
}
