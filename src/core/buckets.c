#include "core/bucket_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/str.h"
#include "core/staged.h"
#include "core/variables.h"
#include "store/bucket.h"
#include "store/project.h"
#include "store/service.h"

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

/* ---- making ---- */

err *bucket_add(core *c, const struct bucket *b, const char *environment_id, const char *service_id) {
  auto_bucket_instance i = {0};
  auto_free char *suffix = secret_random_hex(SUFFIX_BYTES);
  i.bucket_name = str_format("%s-%s", b->name, suffix);
  bucket_key_make(&i);
  id_copy(i.bucket_id, b->id);
  id_copy(i.environment_id, environment_id);
  id_copy(i.service_id, service_id);
  return bucket_instance_insert(c->db, &i);
}

/* The project's of that name, or one that is not recorded yet. */
static err *find_or_name(core *c, const struct core_bucket_create *request, bool *ret_found, struct bucket *b) {
  auto_free char *name = NULL;
  TRY(free_name(c, request->project_id, request->name, &name));
  TRY(bucket_find_by_name(c->db, request->project_id, name, ret_found, b));
  if (*ret_found) return NULL;
  *b = (struct bucket){.name = str_dup(name), .created_us = clock_now_us()};
  b->updated_us = b->created_us;
  id_new(b->id);
  id_copy(b->project_id, request->project_id);
  return NULL;
}

/* What is there cannot be made: a patch would change nothing, and say nothing. */
static err *check_new(core *c, const struct bucket *b, const char *environment_id) {
  auto_bucket_instance present = {0};
  bool found = false;
  TRY(bucket_instance_find(c->db, b->id, environment_id, &found, &present));
  return found && !present.deleted_us ? err_new(ERR_CONFLICT, "the environment has a bucket '%s' already", b->name) : NULL;
}

static err *commit(core *c, const struct core_bucket_create *request, bool found, const struct bucket *b) {
  auto_free char *message = str_format("Bucket: %s", b->name);
  auto_json *patch = json_pack("{s:{s:{s:b, s:s, s:s*}}}", "buckets", found ? b->name : b->id, "isCreated", true, "name",
                               b->name, "region", request->region);
  struct core_patch_commit commit = {.environment_id = request->environment_id, .patch = patch, .message = message,
                                     .user_id = request->user_id};
  char patch_id[ID_SIZE];
  return core_patch_commit(c, &commit, patch_id);
}

err *core_bucket_create(core *c, const struct core_bucket_create *request, struct bucket *ret_bucket) {
  auto_bucket b = {0};
  bool found = false;
  TRY(find_or_name(c, request, &found, &b));
  if (request->environment_id) {
    TRY(check_new(c, &b, request->environment_id));
    TRY(commit(c, request, found, &b));
  } else if (!found) {
    TRY(bucket_insert(c->db, &b));
  }
  *ret_bucket = b;
  b = (struct bucket){0};
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
    TRY(bucket_add(c, &b, to_environment_id, list.items[i].service_id));
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

err *bucket_users(core *c, const char *id, const char *environment_id, struct strv *ret_services) {
  auto_world w = {0};
  auto_json *names = json_pack("{s:n, s:n, s:n, s:n, s:n}", "BUCKET", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "REGION", "ENDPOINT");
  TRY(world_load(c, environment_id, &w));
  TRY(world_load_variables(&w));
  struct reference_world world = world_of_references(&w);
  references_affected(&world, id, names, ret_services);
  return NULL;
}

static err *deploy_users(core *c, const char *id, const char *environment_id, const char *user_id) {
  auto_strv users = STRV_EMPTY;
  TRY(bucket_users(c, id, environment_id, &users));
  return core_deploy_changed(c, environment_id, &users, user_id);
}

err *core_bucket_reset(core *c, const char *id, const char *environment_id, bool redeploys, const char *user_id) {
  auto_bucket_instance i = {0};
  TRY(bucket_instance_of(c, id, environment_id, &i));
  if (i.deleted_us) return err_new(ERR_NOT_FOUND, "the bucket is deleted: restore it first");
  bucket_key_make(&i);
  i.updated_us = clock_now_us();
  TRY(bucket_instance_replace(c->db, &i));
  buckets_tell(c, i.service_id, environment_id);
  return redeploys ? deploy_users(c, id, environment_id, user_id) : NULL;
}

/* ---- what is in it ---- */

err *core_bucket_details(core *c, const char *id, const char *environment_id, core_bucket_fn *done, void *arg) {
  auto_bucket_instance i = {0};
  TRY(bucket_instance_of(c, id, environment_id, &i));
  return bucket_ask(c, i.service_id, environment_id, "stats", i.bucket_name, done, arg);
}
