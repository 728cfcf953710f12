#include "store/service.h"

#include "base/json.h"
#include "base/mem.h"
#include "store/row.h"

static const struct table services = {"services", &service_shape};
static const struct table instances = {"service_instances", &service_instance_shape};
static const struct table live_instances = {"live_service_instances", &service_instance_shape};

/* --- services --- */

/* A service lives while its project does. */
#define LIVE_SERVICE                                                                               \
  "t.deleted_us = 0"                                                                               \
  " AND EXISTS (SELECT 1 FROM projects AS p WHERE p.id = t.project_id AND p.deleted_us = 0)"

static err *label_taken(err *e, const struct service *s) {
  return row_taken(e, "the project has a service with the host name '%s' already", s->label);
}

err *service_insert(db *d, struct service *s) {
  return label_taken(row_insert(d, &services, s), s);
}

err *service_get(db *d, const char *id, struct service *ret_service) {
  return row_get(d, &services, "WHERE t.id = ?1 AND " LIVE_SERVICE, DB_BIND(db_text(id)), id,
                 ret_service);
}

err *service_find_by_label(db *d, const char *project_id, const char *label, bool *ret_found,
                           struct service *ret_service) {
  return row_find(d, &services, "WHERE t.project_id = ?1 AND t.label = ?2 AND " LIVE_SERVICE,
                  DB_BIND(db_text(project_id), db_text(label)), ret_found, ret_service);
}

err *service_list_by_project(db *d, const char *project_id, const struct page *page,
                             struct service_list *ret_list) {
  ROW_LIST(ret_list, row_list_page(d, &services, "t.project_id = ?1 AND " LIVE_SERVICE,
                                   DB_BIND(db_text(project_id)), page, &rows_));
}

err *service_update(db *d, const struct service *s, int64_t now_us) {
  err *e = row_change(d, &services,
                      "UPDATE services SET name = ?2, label = ?3, icon = ?4, updated_us = ?5"
                      " WHERE id = ?1 AND deleted_us = 0",
                      DB_BIND(db_text(s->id), db_text(s->name), db_text(s->label), db_text(s->icon),
                              db_int(now_us)),
                      s->id);
  return label_taken(e, s);
}

err *service_mark_deleted(db *d, const char *id, int64_t now_us) {
  return row_change(d, &services,
                    "UPDATE services SET deleted_us = ?2 WHERE id = ?1 AND deleted_us = 0",
                    DB_BIND(db_text(id), db_int(now_us)), id);
}

err *service_list_deleted(db *d, struct service_list *ret_list) {
  ROW_LIST(ret_list,
           row_list(d, &services, "WHERE t.deleted_us > 0 ORDER BY t.deleted_us", DB_NONE, &rows_));
}

err *service_purge(db *d, const char *id) {
  return row_change(d, &services, "DELETE FROM services WHERE id = ?1 AND deleted_us > 0",
                    DB_BIND(db_text(id)), id);
}

/* --- service instances --- */

err *service_instance_insert(db *d, struct service_instance *i) {
  return row_taken(row_insert(d, &instances, i), "the service is in this environment already");
}

err *service_instance_get(db *d, const char *id, struct service_instance *ret_instance) {
  return row_get(d, &live_instances, "WHERE t.id = ?1", DB_BIND(db_text(id)), id, ret_instance);
}

err *service_instance_find(db *d, const char *service_id, const char *environment_id,
                           bool *ret_found, struct service_instance *ret_instance) {
  return row_find(d, &live_instances, "WHERE t.service_id = ?1 AND t.environment_id = ?2",
                  DB_BIND(db_text(service_id), db_text(environment_id)), ret_found, ret_instance);
}

err *service_instance_list_by_service(db *d, const char *service_id,
                                      struct service_instance_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &live_instances, "WHERE t.service_id = ?1 ORDER BY t.seq DESC",
                              DB_BIND(db_text(service_id)), &rows_));
}

err *service_instance_list_by_environment(db *d, const char *environment_id,
                                          struct service_instance_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &live_instances, "WHERE t.environment_id = ?1 ORDER BY t.seq DESC",
                              DB_BIND(db_text(environment_id)), &rows_));
}

err *service_instance_list_by_project(db *d, const char *project_id,
                                      struct service_instance_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &live_instances, "WHERE t.project_id = ?1 ORDER BY t.seq DESC",
                              DB_BIND(db_text(project_id)), &rows_));
}

err *service_instance_list(db *d, struct service_instance_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &live_instances, "ORDER BY t.seq DESC", DB_NONE, &rows_));
}

err *service_instance_list_deleted(db *d, struct service_instance_list *ret_list) {
  /* From the few that are marked to their instances: nothing else is looked at. */
  ROW_LIST(ret_list,
           row_list(d, &instances,
                    "WHERE t.service_id IN (SELECT id FROM services WHERE deleted_us > 0)"
                    " OR t.environment_id IN (SELECT id FROM environments WHERE deleted_us > 0)"
                    " OR t.project_id IN (SELECT id FROM projects WHERE deleted_us > 0)"
                    " OR t.deleted_us > 0"
                    " ORDER BY t.seq",
                    DB_NONE, &rows_));
}

err *service_instance_set_settings(db *d, const char *id, const struct service_settings *s,
                                   int64_t now_us) {
  auto_json *object = service_settings_to_json(s);
  auto_free char *text = json_to_text(object);
  return row_change(d, &instances,
                    "UPDATE service_instances SET settings = ?2, updated_us = ?3 WHERE id = ?1",
                    DB_BIND(db_text(id), db_text(text), db_int(now_us)), id);
}

err *service_instance_mark_deleted(db *d, const char *id, int64_t now_us) {
  return row_change(d, &instances,
                    "UPDATE service_instances SET deleted_us = ?2 WHERE id = ?1 AND deleted_us = 0",
                    DB_BIND(db_text(id), db_int(now_us)), id);
}

err *service_instance_purge(db *d, const struct service_instance *i) {
  auto_db_transaction t = {0};
  TRY(db_begin(d, &t));
  TRY(db_run(d, "DELETE FROM variables WHERE environment_id = ?1 AND service_id = ?2",
             DB_BIND(db_text(i->environment_id), db_text(i->service_id)), NULL));
  TRY(row_change(d, &instances, "DELETE FROM service_instances WHERE id = ?1 AND deleted_us > 0",
                 DB_BIND(db_text(i->id)), i->id));
  return db_commit(&t);
}
