#include "core/environment_apply_buckets.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "core/bucket_private.h"
#include "core/environment_buckets.h"
#include "store/bucket.h"

static void note_storage(struct environment_apply *a, const char *service_id) {
  if (!strv_has(&a->storages, service_id)) strv_add(&a->storages, service_id);
}

static err *take_away(struct environment_apply *a, const char *id) {
  auto_bucket_instance i = {0};
  bool found = false;
  int64_t now_us = clock_now_us();
  TRY(bucket_instance_find(a->core->db, id, a->environment_id, &found, &i));
  if (!found || i.deleted_us) return NULL;
  if (!a->is_admin)
    return err_new(ERR_DENIED, "Not Authorized: deleting a bucket needs the role admin in the workspace");
  note_storage(a, i.service_id);
  return bucket_instance_set_deleted(a->core->db, i.id, now_us, now_us);
}

/* The project's, or a new one under that id. */
static err *find_or_make(const struct environment_apply *a, const char *id, const json_t *entry, struct bucket *b) {
  err *missing = bucket_get(a->core->db, id, b);
  if (!missing)
    return str_eq(b->project_id, a->project_id) ? NULL : err_new(ERR_CONFLICT, "the id is taken");
  if (err_code_of(missing) != ERR_NOT_FOUND) return missing;
  err_free(missing);
  id_copy(b->id, id);
  id_copy(b->project_id, a->project_id);
  b->name = str_dup(json_get_text(entry, "name"));
  return bucket_insert(a->core->db, b);
}

static err *add(struct environment_apply *a, const char *id, const json_t *entry) {
  auto_bucket b = {0};
  const char *storage = environment_buckets_storage(a->after);
  if (!storage) return err_new(ERR_CONFLICT, "the environment has no storage service");
  TRY(find_or_make(a, id, entry, &b));
  TRY(bucket_add(a->core, &b, a->environment_id, storage));
  note_storage(a, storage);
  return bucket_users(a->core, b.id, a->environment_id, &a->affected);
}

err *environment_apply_buckets(struct environment_apply *a) {
  const json_t *had = json_object_get(a->before, "buckets"), *has = json_object_get(a->after, "buckets");
  const char *id;
  json_t *entry;
  json_object_foreach((json_t *)had, id, entry)
    if (!json_object_get(has, id)) TRY(err_wrap(take_away(a, id), "bucket '%s'", json_get_text(entry, "name")));
  json_object_foreach((json_t *)has, id, entry)
    if (!json_object_get(had, id)) TRY(err_wrap(add(a, id, entry), "bucket '%s'", json_get_text(entry, "name")));
  return NULL;
}
