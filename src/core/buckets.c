#include "core/bucket_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/str.h"
#include "core/template.h"
#include "core/variables.h"
#include "store/bucket.h"
#include "store/project.h"
#include "store/service.h"

#define STORAGE_IMAGE "tramway/s3" /* of the template's service, whatever its tag */
#define STORAGE_TEMPLATE "storage"

enum { ACCESS_KEY_RANDOM = 16, SECRET_LEN = 40, SUFFIX_BYTES = 4, NAME_TRIES = BUCKETS_MAX + 1 };

/* ---- names and keys ---- */

static char *random_text(const char *prefix, size_t len, const char *alphabet) {
  auto_str text = STR_EMPTY;
  size_t letters = strlen(alphabet);
  str_add(&text, prefix);
  while (text.len < strlen(prefix) + len) {
    unsigned char byte;
    secret_random(&byte, 1);
    if (byte < 256 / letters * letters) str_add_bytes(&text, &alphabet[byte % letters], 1); /* none more likely */
  }
  return str_take(&text);
}

void bucket_key_make(struct bucket_instance *i) {
  if (i->secret_access_key) secret_wipe(i->secret_access_key, strlen(i->secret_access_key));
  free(i->secret_access_key);
  free(i->access_key_id);
  i->access_key_id = random_text("TRAM", ACCESS_KEY_RANDOM, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
  i->secret_access_key =
      random_text("", SECRET_LEN, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
}

static err *free_name(core *c, const char *project_id, const char *wanted, char **ret_name) {
  bool taken = true;
  if (wanted) {
    TRY(bucket_name_check(wanted));
    *ret_name = str_dup(wanted);
    return NULL;
  }
  for (int i = 1; i <= NAME_TRIES && taken; i++) {
    auto_bucket other = {0};
    free(*ret_name);
    *ret_name = i == 1 ? str_dup("bucket") : str_format("bucket-%d", i);
    TRY(bucket_find_by_name(c->db, project_id, *ret_name, &taken, &other));
  }
  return taken ? err_new(ERR_LIMIT, "the project has too many buckets without a name: give one") : NULL;
}

/* ---- the storage service of an environment ---- */

static err *find_storage(core *c, const char *environment_id, char ret_service_id[ID_SIZE]) {
  auto_service_instance_list list = {0};
  ret_service_id[0] = '\0';
  TRY(service_instance_list_by_environment(c->db, environment_id, &list));
  for (size_t i = 0; i < list.len && !*ret_service_id; i++) {
    const char *image = list.items[i].settings.source_image;
    if (image && (str_eq(image, STORAGE_IMAGE) || str_starts(image, STORAGE_IMAGE ":")))
      id_copy(ret_service_id, list.items[i].service_id);
  }
  return NULL;
}

static err *storage_of(core *c, const char *environment_id, const char *user_id, char ret_service_id[ID_SIZE]) {
  auto_json *template = NULL;
  auto_strv made = STRV_EMPTY;
  char patch_id[ID_SIZE];
  TRY(find_storage(c, environment_id, ret_service_id));
  if (*ret_service_id) return NULL;
  TRY(template_find(STORAGE_TEMPLATE, &template));
  struct core_template_deploy request = {.environment_id = environment_id,
                                         .config = json_object_get(template, "serializedConfig"),
                                         .template_name = json_get_text(template, "name"),
                                         .user_id = user_id};
  TRY(core_template_deploy(c, &request, patch_id, &made));
  id_copy(ret_service_id, made.items[0]);
  return NULL;
}

/* ---- making ---- */

/* The project's of that name, or a new one; refuses what is in the environment already. */
static err *find_or_make(core *c, const char *project_id, const char *environment_id, const char *name,
                         struct bucket *ret_bucket) {
  bool found = false, is_here = false;
  auto_bucket_instance present = {0};
  TRY(bucket_find_by_name(c->db, project_id, name, &found, ret_bucket));
  if (found) TRY(bucket_instance_find(c->db, ret_bucket->id, environment_id, &is_here, &present));
  if (is_here && present.deleted_us)
    return err_new(ERR_CONFLICT, "the bucket '%s' was deleted and can be restored still: `tram bucket restore %s`", name, name);
  if (is_here) return err_new(ERR_CONFLICT, "the environment has a bucket '%s' already", name);
  if (found) return NULL;
  ret_bucket->name = str_dup(name);
  id_copy(ret_bucket->project_id, project_id);
  return bucket_insert(c->db, ret_bucket);
}

static err *add_instance(core *c, const struct bucket *b, const char *environment_id, const char *service_id) {
  auto_bucket_instance i = {0};
  auto_free char *suffix = secret_random_hex(SUFFIX_BYTES);
  i.bucket_name = str_format("%s-%s", b->name, suffix);
  bucket_key_make(&i);
  id_copy(i.bucket_id, b->id);
  id_copy(i.environment_id, environment_id);
  id_copy(i.service_id, service_id);
  return bucket_instance_insert(c->db, &i);
}

static err *record(core *c, const struct environment *e, const char *name, const char *service_id,
                   struct bucket *ret_bucket) {
  auto_db_transaction t = {0};
  TRY(db_begin(c->db, &t));
  TRY(find_or_make(c, e->project_id, e->id, name, ret_bucket));
  TRY(add_instance(c, ret_bucket, e->id, service_id));
  return db_commit(&t);
}

err *core_bucket_create(core *c, const struct core_bucket_create *request, struct bucket *ret_bucket) {
  auto_environment e = {0};
  auto_bucket_instance_list present = {0};
  auto_free char *name = NULL;
  char service_id[ID_SIZE];
  TRY(environment_get(c->db, request->environment_id, &e));
  TRY(bucket_instance_list_by_environment(c->db, e.id, &present));
  if (present.len >= BUCKETS_MAX) return err_new(ERR_LIMIT, "the environment has %d buckets already", BUCKETS_MAX);
  TRY(free_name(c, e.project_id, request->name, &name));
  TRY(storage_of(c, e.id, request->user_id, service_id));
  err *failed = record(c, &e, name, service_id, ret_bucket);
  if (failed) {
    bucket_done(ret_bucket);
    return failed;
  }
  buckets_tell(c, service_id, e.id);
  return NULL;
}

err *core_bucket_rename(core *c, const char *id, const char *name) {
  TRY(bucket_name_check(name));
  return bucket_rename(c->db, id, name, clock_now_us());
}

err *buckets_duplicate(core *c, const char *from_environment_id, const char *to_environment_id) {
  auto_bucket_instance_list list = {0};
  TRY(bucket_instance_list_by_environment(c->db, from_environment_id, &list));
  for (size_t i = 0; i < list.len; i++) {
    auto_bucket b = {0};
    if (list.items[i].deleted_us) continue;
    TRY(bucket_get(c->db, list.items[i].bucket_id, &b));
    TRY(add_instance(c, &b, to_environment_id, list.items[i].service_id));
  }
  return NULL;
}

/* ---- what they are reached by ---- */

void core_bucket_access_done(struct core_bucket_access *access) {
  bucket_instance_done(&access->instance);
  free(access->endpoint);
  free(access->public_host);
  *access = (struct core_bucket_access){0};
}

err *bucket_instance_of(core *c, const char *id, const char *environment_id, struct bucket_instance *ret_instance) {
  auto_bucket b = {0};
  bool found = false;
  TRY(bucket_get(c->db, id, &b));
  TRY(bucket_instance_find(c->db, id, environment_id, &found, ret_instance));
  return found ? NULL : err_new(ERR_NOT_FOUND, "the bucket '%s' is not in this environment", b.name);
}

static char *endpoint_of(const struct service *storage) {
  return str_format("http://%s.railway.internal:%d", storage->label, BUCKET_PORT);
}

err *core_bucket_access(core *c, const char *id, const char *environment_id, struct core_bucket_access *ret_access) {
  auto_service storage = {0};
  auto_domain_list domains = {0};
  TRY(bucket_instance_of(c, id, environment_id, &ret_access->instance));
  if (ret_access->instance.deleted_us) return err_new(ERR_NOT_FOUND, "the bucket is deleted: restore it first");
  err *gone = service_get(c->db, ret_access->instance.service_id, &storage);
  if (gone && err_code_of(gone) == ERR_NOT_FOUND) {
    err_free(gone);
    return err_new(ERR_CONFLICT, "the storage service that has the bucket was deleted: its volume may be in the trash");
  }
  TRY(gone);
  TRY(domain_list_by_environment(c->db, environment_id, &domains));
  ret_access->endpoint = endpoint_of(&storage);
  for (size_t i = 0; i < domains.len && !ret_access->public_host; i++)
    if (str_eq(domains.items[i].service_id, storage.id)) ret_access->public_host = str_dup(domains.items[i].host);
  return NULL;
}

err *buckets_keys(core *c, const char *service_id, const char *environment_id, struct str *ret_lines) {
  auto_bucket_instance_list list = {0};
  TRY(bucket_instance_list_by_service(c->db, service_id, environment_id, &list));
  for (size_t i = 0; i < list.len; i++) {
    const struct bucket_instance *b = &list.items[i];
    if (!b->deleted_us) str_addf(ret_lines, "%s %s %s\n", b->bucket_name, b->access_key_id, b->secret_access_key);
  }
  return NULL;
}

err *buckets_variables(core *c, const char *environment_id, struct bucket_list *ret_buckets, json_t **ret_variables) {
  auto_bucket_instance_list list = {0};
  *ret_variables = json_object();
  TRY(bucket_instance_list_by_environment(c->db, environment_id, &list));
  for (size_t i = 0; i < list.len; i++) {
    const struct bucket_instance *b = &list.items[i];
    auto_service storage = {0};
    if (b->deleted_us) continue;
    ret_buckets->items = mem_realloc_array(ret_buckets->items, ret_buckets->len + 1, sizeof *ret_buckets->items);
    ret_buckets->items[ret_buckets->len] = (struct bucket){0};
    TRY(bucket_get(c->db, b->bucket_id, &ret_buckets->items[ret_buckets->len]));
    ret_buckets->len++;
    auto_err *gone = service_get(c->db, b->service_id, &storage);
    if (gone) continue; /* a reference to it is told to be empty */
    auto_free char *endpoint = endpoint_of(&storage);
    json_object_set_new(*ret_variables, b->bucket_id,
                        json_pack("{s:s, s:s, s:s, s:s, s:s}", "BUCKET", b->bucket_name, "ACCESS_KEY_ID", b->access_key_id,
                                  "SECRET_ACCESS_KEY", b->secret_access_key, "REGION", BUCKET_REGION, "ENDPOINT", endpoint));
  }
  return NULL;
}

/* ---- another key ---- */

static err *deploy_those_that_refer(core *c, const char *id, const char *environment_id, const char *user_id) {
  auto_world w = {0};
  auto_strv affected = STRV_EMPTY;
  auto_json *names = json_pack("{s:n, s:n}", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY");
  TRY(world_load(c, environment_id, &w));
  TRY(world_load_variables(&w));
  struct reference_world world = world_of_references(&w);
  references_affected(&world, id, names, &affected);
  return core_deploy_changed(c, environment_id, &affected, user_id);
}

err *core_bucket_reset(core *c, const char *id, const char *environment_id, bool redeploys, const char *user_id) {
  auto_bucket_instance i = {0};
  TRY(bucket_instance_of(c, id, environment_id, &i));
  if (i.deleted_us) return err_new(ERR_NOT_FOUND, "the bucket is deleted: restore it first");
  bucket_key_make(&i);
  i.updated_us = clock_now_us();
  TRY(bucket_instance_replace(c->db, &i));
  buckets_tell(c, i.service_id, environment_id);
  return redeploys ? deploy_those_that_refer(c, id, environment_id, user_id) : NULL;
}

/* ---- what is in it ---- */

err *core_bucket_details(core *c, const char *id, const char *environment_id, core_bucket_fn *done, void *arg) {
  auto_bucket_instance i = {0};
  TRY(bucket_instance_of(c, id, environment_id, &i));
  return bucket_ask(c, i.service_id, environment_id, "stats", i.bucket_name, done, arg);
}
