#include "core/environment_buckets.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/bucket.h"

#define STORAGE_IMAGE "tramway/s3" /* of the storage template's service, whatever its tag */

/* ---- from the rows ---- */

static const struct bucket *row_of(const struct environment_rows *rows, const char *key) {
  for (size_t i = 0; i < rows->buckets.len; i++)
    if (str_eq(rows->buckets.items[i].id, key) || str_ieq(rows->buckets.items[i].name, key)) return &rows->buckets.items[i];
  return NULL;
}

/* Also one in the trash. */
static const struct bucket_instance *instance_of(const struct environment_rows *rows, const char *bucket_id) {
  for (size_t i = 0; i < rows->bucket_instances.len; i++)
    if (str_eq(rows->bucket_instances.items[i].bucket_id, bucket_id)) return &rows->bucket_instances.items[i];
  return NULL;
}

json_t *environment_buckets_make(const struct environment_rows *rows) {
  json_t *buckets = json_object();
  for (size_t i = 0; i < rows->bucket_instances.len; i++) {
    const struct bucket_instance *instance = &rows->bucket_instances.items[i];
    const struct bucket *b = row_of(rows, instance->bucket_id);
    if (b && !instance->deleted_us)
      json_object_set_new(buckets, b->id, json_pack("{s:s, s:s}", "name", b->name, "region", BUCKET_REGION));
  }
  return buckets;
}

/* ---- reading a patch ---- */

struct reading {
  const struct environment_rows *rows;
  const json_t *staged; /* its buckets */
  json_t *buckets;      /* what was read so far */
};

/* The id of one that a patch brings. */
static const char *made_by(const json_t *buckets, const char *key) {
  const char *id;
  json_t *bucket;
  json_object_foreach((json_t *)buckets, id, bucket)
    if (str_eq(id, key) || str_ieq(json_get_text(bucket, "name"), key)) return id;
  return NULL;
}

static err *check_region(const json_t *given) {
  static const char *const known[] = {BUCKET_REGION, "sjc", "iad", "ams", "sin"};
  const json_t *region = json_object_get(given, "region");
  const char *text = json_string_value(region);
  if (!region || json_is_null(region)) return NULL;
  for (size_t i = 0; i < ARRAY_LEN(known); i++)
    if (str_eq(text, known[i])) return NULL;
  if (!text) return err_new(ERR_INVALID, "region must be text");
  return err_new(ERR_INVALID, "region: there is no region '%.32s': there is one, " BUCKET_REGION ", which sjc, iad, ams and "
                              "sin stand for", text);
}

static err *read_new(const char *key, const json_t *given, json_t *part, char ret_id[ID_SIZE]) {
  const char *name = json_get_text(given, "name");
  if (!name && !id_valid(key)) name = key;
  if (!name) return err_new(ERR_INVALID, "name: a new bucket needs one");
  TRY(bucket_name_check(name));
  if (id_valid(key))
    id_copy(ret_id, key);
  else
    id_new(ret_id);
  json_set_text(part, "name", name);
  json_object_set_new(part, "isCreated", json_true());
  return NULL;
}

static err *read_present(const struct reading *r, const struct bucket *row, const json_t *given, json_t *part) {
  const struct bucket_instance *instance = instance_of(r->rows, row->id);
  const char *name = json_get_text(given, "name");
  bool created = json_get_bool(given, "isCreated", false);
  if (name && !str_eq(name, row->name)) return err_new(ERR_INVALID, "name: a patch cannot rename it; bucketUpdate does");
  if (instance && instance->deleted_us && created)
    return err_new(ERR_CONFLICT, "it was deleted and can be restored still: `tram bucket restore %s`", row->name);
  if (instance && !instance->deleted_us) return NULL;
  if (!created && !made_by(r->staged, row->id))
    return err_new(ERR_NOT_FOUND, "the bucket '%s' is not in this environment: \"isCreated\": true adds it, empty", row->name);
  json_set_text(part, "name", row->name);
  json_object_set_new(part, "isCreated", json_true());
  return NULL;
}

/* Of one that is there, or staged. */
static err *read_deletion(const struct reading *r, const struct bucket *row, const char *id) {
  const struct bucket_instance *instance = row ? instance_of(r->rows, row->id) : NULL;
  bool is_here = instance && !instance->deleted_us;
  if (!is_here && !made_by(r->staged, id)) return err_new(ERR_NOT_FOUND, "there is no such bucket in this environment");
  json_object_set_new(r->buckets, id, json_pack("{s:b, s:s*}", "isDeleted", true, "name", row ? row->name : NULL));
  return NULL;
}

static err *read_bucket(const struct reading *r, const char *key, const json_t *given) {
  char id[ID_SIZE];
  auto_json *part = json_object();
  const char *name = json_get_text(given, "name");
  const struct bucket *row = row_of(r->rows, key);
  if (!row && name && id_valid(key)) row = row_of(r->rows, name);
  const char *present = row ? row->id : made_by(r->staged, key);
  bool deleted = json_is_null(given) || json_get_bool(given, "isDeleted", false);
  if (!json_is_null(given) && !json_is_object(given)) return err_new(ERR_INVALID, "must be an object or null");
  if (made_by(r->buckets, present ? present : name ? name : key)) return err_new(ERR_INVALID, "it is there twice");
  if (deleted) return read_deletion(r, row, present ? present : key);
  if (!present && !json_get_bool(given, "isCreated", false))
    return err_new(ERR_NOT_FOUND, "there is no such bucket: \"isCreated\": true makes it");
  TRY(check_region(given));
  if (present) id_copy(id, present);
  if (row) TRY(read_present(r, row, given, part));
  if (!present) TRY(read_new(key, given, part, id));
  if (json_object_size(part)) json_object_set(r->buckets, id, part);
  return NULL;
}

err *environment_buckets_read(const struct environment_rows *rows, const json_t *staged, const json_t *given,
                              json_t **ret_buckets) {
  auto_json *buckets = json_object();
  struct reading r = {.rows = rows, .staged = json_object_get(staged, "buckets"), .buckets = buckets};
  const char *key;
  json_t *part;
  if (given && !json_is_object(given)) return err_new(ERR_INVALID, "'buckets' must be an object");
  json_object_foreach((json_t *)given, key, part) TRY(err_wrap(read_bucket(&r, key, part), "buckets.%.64s", key));
  *ret_buckets = json_object_size(buckets) ? json_incref(buckets) : NULL;
  return NULL;
}

/* ---- a patch on a document ---- */

err *environment_buckets_apply(json_t *config, const json_t *patch) {
  json_t *buckets = json_object_get(config, "buckets"), *part;
  const char *id;
  json_object_foreach(json_object_get(patch, "buckets"), id, part) {
    if (json_get_bool(part, "isDeleted", false))
      json_object_del(buckets, id);
    else if (!json_object_get(buckets, id))
      json_object_set_new(buckets, id, json_pack("{s:s*, s:s}", "name", json_get_text(part, "name"), "region", BUCKET_REGION));
  }
  if (json_object_size(buckets) > BUCKETS_MAX) return err_new(ERR_LIMIT, "buckets: an environment has %d at most", BUCKETS_MAX);
  return NULL;
}

/* ---- what serves them ---- */

bool environment_buckets_is_storage(const json_t *service) {
  const char *image = json_get_text(json_object_get(service, "source"), "image");
  return image && (str_eq(image, STORAGE_IMAGE) || str_starts(image, STORAGE_IMAGE ":"));
}

const char *environment_buckets_storage(const json_t *config) {
  const char *id;
  json_t *service;
  json_object_foreach(json_object_get(config, "services"), id, service)
    if (environment_buckets_is_storage(service)) return id;
  return NULL;
}

bool environment_buckets_need_storage(const json_t *before, const json_t *after) {
  const json_t *had = json_object_get(before, "buckets");
  const char *id;
  json_t *bucket;
  json_object_foreach(json_object_get(after, "buckets"), id, bucket)
    if (!json_object_get(had, id)) return !environment_buckets_storage(after);
  return false;
}
