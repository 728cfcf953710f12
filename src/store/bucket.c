#include "store/bucket.h"

#include <string.h>

#include "store/row.h"

static const struct table buckets = {"buckets", &bucket_shape};
static const struct table instances = {"bucket_instances", &bucket_instance_shape};

#define IS_THERE                                                                                                       \
  "(NOT EXISTS (SELECT 1 FROM bucket_instances AS i WHERE i.bucket_id = t.id)"                                         \
  " OR EXISTS (SELECT 1 FROM bucket_instances AS i WHERE i.bucket_id = t.id AND i.deleted_us = 0))"

static err *name_taken(err *e, const char *name) {
  return row_taken(e, "the project has a bucket '%s' already", name);
}

err *bucket_insert(db *d, struct bucket *b) {
  return name_taken(row_insert(d, &buckets, b), b->name);
}

err *bucket_get(db *d, const char *id, struct bucket *ret_bucket) {
  return row_get(d, &buckets, "WHERE t.id = ?1", DB_BIND(db_text(id)), id, ret_bucket);
}

err *bucket_list_by_project(db *d, const char *project_id, const struct page *page, struct bucket_list *ret_list) {
  ROW_LIST(ret_list,
           row_list_page(d, &buckets, "t.project_id = ?1 AND " IS_THERE, DB_BIND(db_text(project_id)), page, &rows_));
}

err *bucket_list_all(db *d, const char *project_id, struct bucket_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &buckets, "WHERE t.project_id = ?1 ORDER BY t.seq", DB_BIND(db_text(project_id)), &rows_));
}

err *bucket_find_by_name(db *d, const char *project_id, const char *name, bool *ret_found, struct bucket *ret_bucket) {
  return row_find(d, &buckets, "WHERE t.project_id = ?1 AND lower(t.name) = lower(?2)",
                  DB_BIND(db_text(project_id), db_text(name)), ret_found, ret_bucket);
}

err *bucket_rename(db *d, const char *id, const char *name, int64_t now_us) {
  return name_taken(row_change(d, &buckets, "UPDATE buckets SET name = ?2, updated_us = ?3 WHERE id = ?1",
                               DB_BIND(db_text(id), db_text(name), db_int(now_us)), id),
                    name);
}

err *bucket_delete(db *d, const char *id) {
  return row_change(d, &buckets, "DELETE FROM buckets WHERE id = ?1", DB_BIND(db_text(id)), id);
}

err *bucket_instance_insert(db *d, struct bucket_instance *i) {
  return row_taken(row_insert(d, &instances, i), "the bucket is in this environment already");
}

err *bucket_instance_find(db *d, const char *bucket_id, const char *environment_id, bool *ret_found,
                          struct bucket_instance *ret_instance) {
  return row_find(d, &instances, "WHERE t.bucket_id = ?1 AND t.environment_id = ?2",
                  DB_BIND(db_text(bucket_id), db_text(environment_id)), ret_found, ret_instance);
}

err *bucket_instance_list_by_bucket(db *d, const char *bucket_id, struct bucket_instance_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &instances, "WHERE t.bucket_id = ?1 ORDER BY t.seq", DB_BIND(db_text(bucket_id)), &rows_));
}

err *bucket_instance_list_by_environment(db *d, const char *environment_id, struct bucket_instance_list *ret_list) {
  ROW_LIST(ret_list,
           row_list(d, &instances, "WHERE t.environment_id = ?1 ORDER BY t.seq", DB_BIND(db_text(environment_id)), &rows_));
}

err *bucket_instance_list_by_service(db *d, const char *service_id, const char *environment_id,
                                     struct bucket_instance_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &instances, "WHERE t.service_id = ?1 AND t.environment_id = ?2 ORDER BY t.seq",
                              DB_BIND(db_text(service_id), db_text(environment_id)), &rows_));
}

err *bucket_instance_list_deleted(db *d, int64_t before_us, struct bucket_instance_list *ret_list) {
  ROW_LIST(ret_list, row_list(d, &instances, "WHERE t.deleted_us > 0 AND t.deleted_us < ?1 ORDER BY t.seq",
                              DB_BIND(db_int(before_us)), &rows_));
}

err *bucket_instance_set_deleted(db *d, const char *id, int64_t deleted_us, int64_t now_us) {
  return row_change(d, &instances, "UPDATE bucket_instances SET deleted_us = ?2, updated_us = ?3 WHERE id = ?1",
                    DB_BIND(db_text(id), db_int(deleted_us), db_int(now_us)), id);
}

err *bucket_instance_delete(db *d, const char *id) {
  return row_change(d, &instances, "DELETE FROM bucket_instances WHERE id = ?1", DB_BIND(db_text(id)), id);
}

static err *replace(db *d, struct bucket_instance *i) {
  TRY(bucket_instance_delete(d, i->id));
  memset(i->id, 0, sizeof i->id);
  return bucket_instance_insert(d, i);
}

err *bucket_instance_replace(db *d, struct bucket_instance *i) {
  auto_db_transaction t = {0};
  if (db_in_transaction(d)) return replace(d, i);
  TRY(db_begin(d, &t));
  TRY(replace(d, i));
  return db_commit(&t);
}
