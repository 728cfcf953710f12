/* Buckets: the storage service, what it is told, and what references see. */
#include "core/bucket.h"

#include "core/environment_patch.h"
#include "core/staged.h"
#include "store/bucket.h"
#include "store/volume.h"
#include "town.h"

/* ---- the storage service's program ---- */

static char told[1000], emptied[80];
static int tells;
static const char *refusal; /* NULL: it does what it is told */

static void storage_program(struct fake_exec *x) {
  const char *command = x->argv.items[1];
  CHECK_TEXT(x->argv.items[0], "tramway-s3");
  if (refusal) {
    fake_exec_say(x, 2, refusal);
    fake_exec_exit(x, NULL, 1);
    return;
  }
  if (str_eq(command, "keys")) {
    snprintf(told, sizeof told, "%s", str_text(&x->input));
    tells++;
  }
  if (str_eq(command, "empty")) snprintf(emptied, sizeof emptied, "%s", x->argv.items[2]);
  fake_exec_say(x, 1, str_eq(command, "stats") ? "{\"objectCount\": 3, \"sizeBytes\": 70}" : "{}");
}

/* ---- a town whose service is the storage service ---- */

static void open_storage(void) {
  char id[ID_SIZE];
  town_open();
  fake_exec_closed = storage_program;
  *told = *emptied = '\0';
  tells = 0;
  refusal = NULL;
  str_replace_owned(&instance.settings.source_image, "tramway/s3:2");
  change_settings();
  deploy_live(id);
}

static void close_storage(void) {
  WAIT(!fake_execs_alive);
  fake_exec_closed = NULL;
  town_close();
}

static err *create(const char *name, struct bucket *ret_bucket) {
  struct core_bucket_create request = {.project_id = project.id, .environment_id = instance.environment_id, .name = name,
                                       .user_id = user.id};
  return core_bucket_create(town, &request, ret_bucket);
}

static void access_to(const struct bucket *b, struct core_bucket_access *ret_access) {
  CHECK_OK(core_bucket_access(town, b->id, instance.environment_id, ret_access));
}

static bool is_told(const struct core_bucket_access *access) {
  auto_free char *line = str_format("%s %s %s\n", access->instance.bucket_name, access->instance.access_key_id,
                                    access->instance.secret_access_key);
  return strstr(told, line);
}

static char *variable_of(const char *service_id, const char *name) {
  auto_json *variables = NULL;
  CHECK_OK(core_variables(town, instance.environment_id, service_id, true, &variables));
  const char *value = json_get_text(variables, name);
  return str_dup(value ? value : "");
}

/* ---- */

TEST(the_first_one_makes_the_storage_service_and_the_second_does_not) {
  auto_bucket first = {0}, second = {0}, third = {0};
  auto_core_bucket_access access = {0};
  auto_service_list services = {0};
  auto_volume_instance volume = {0};
  bool found = false;
  town_open();
  CHECK_OK(create("uploads", &first));
  CHECK_OK(create(NULL, &second));
  CHECK_OK(create(NULL, &third));
  CHECK_TEXT(second.name, "bucket");
  CHECK_TEXT(third.name, "bucket-2");
  CHECK_OK(service_list_by_project(town_db, project.id, NULL, &services));
  CHECK_INT(services.len, 2);
  access_to(&first, &access);
  CHECK_TEXT(access.endpoint, "http://object-storage.railway.internal:9000");
  CHECK(!access.public_host);
  CHECK_OK(volume_instance_find_by_service(town_db, access.instance.service_id, instance.environment_id, &found, &volume));
  CHECK(found);
  CHECK_TEXT(volume.mount_path, "/data");
  auto_free char *keys = variable_of(access.instance.service_id, "S3_KEYS");
  CHECK_HAS(keys, access.instance.secret_access_key);
  CHECK_HAS(keys, "\nbucket-2-");
  auto_free char *none = variable_of(service.id, "S3_KEYS");
  CHECK_TEXT(none, "");
  town_close();
}

TEST(what_cannot_be_is_refused) {
  auto_bucket b = {0}, other = {0};
  auto_core_bucket_access access = {0};
  open_storage();
  CHECK_ERR(create("No_Bucket", &other), ERR_INVALID, "is no name for a bucket");
  CHECK_OK(create("uploads", &b));
  CHECK_ERR(create("Uploads", &other), ERR_INVALID, "is no name for a bucket");
  CHECK_ERR(create("uploads", &other), ERR_CONFLICT, "has a bucket 'uploads' already");
  CHECK_OK(create("images", &other));
  CHECK_ERR(core_bucket_rename(town, other.id, "uploads"), ERR_CONFLICT, "already");
  CHECK_OK(core_bucket_rename(town, other.id, "pictures"));
  CHECK_ERR(core_bucket_restore(town, b.id, instance.environment_id), ERR_CONFLICT, "is not deleted");
  char elsewhere[ID_SIZE];
  id_copy(elsewhere, project.id);
  CHECK_ERR(core_bucket_access(town, b.id, elsewhere, &access), ERR_NOT_FOUND, "is not in this environment");
  close_storage();
}

TEST(a_running_one_is_told_each_key_and_each_of_its_instances_again) {
  auto_bucket first = {0}, second = {0};
  auto_core_bucket_access one = {0}, two = {0};
  auto_deployment active = {0};
  bool found = false;
  open_storage();
  CHECK_OK(create("uploads", &first));
  access_to(&first, &one);
  CHECK(is_told(&one));
  CHECK_TEXT(one.public_host, domain.host);
  CHECK_OK(create("images", &second));
  access_to(&second, &two);
  CHECK(is_told(&one) && is_told(&two));
  int before = tells;
  CHECK_OK(deployment_find_active(town_db, instance.id, &found, &active));
  CHECK_OK(core_restart(town, active.id));
  WAIT(tells > before);
  CHECK(is_told(&one) && is_told(&two));
  refusal = "no room";
  CHECK_OK(core_bucket_reset(town, first.id, instance.environment_id, false, user.id)); /* told when it starts next */
  close_storage();
}

TEST(references_find_it_and_another_key_deploys_them) {
  auto_bucket b = {0};
  auto_core_bucket_access before = {0}, after = {0};
  auto_service web = {0};
  auto_service_instance web_instance = {0};
  char id[ID_SIZE];
  open_storage();
  CHECK_OK(create("uploads", &b));
  access_to(&b, &before);
  town_make_service("web", &web, &web_instance);
  auto_json *changes = json_pack("{s:s, s:s, s:s}", "NAME", "${{uploads.BUCKET}}", "KEY", "${{ uploads.SECRET_ACCESS_KEY }}",
                                 "AT", "${{uploads.ENDPOINT}}/${{uploads.BUCKET}}");
  auto_strv affected = STRV_EMPTY;
  CHECK_OK(core_variables_change(town, instance.environment_id, web.id, changes, false, &affected));
  auto_free char *name = variable_of(web.id, "NAME"), *at = variable_of(web.id, "AT"), *key = variable_of(web.id, "KEY");
  auto_free char *expected = str_format("http://api.railway.internal:9000/%s", before.instance.bucket_name);
  CHECK_TEXT(name, before.instance.bucket_name);
  CHECK_TEXT(at, expected);
  CHECK_TEXT(key, before.instance.secret_access_key);
  CHECK_OK(core_deploy_instance(town, &web_instance, "", id));
  WAIT_STATUS(id, SUCCESS);
  CHECK_OK(core_bucket_reset(town, b.id, instance.environment_id, true, user.id));
  access_to(&b, &after);
  CHECK(is_told(&after) && !is_told(&before));
  CHECK(!str_eq(after.instance.secret_access_key, before.instance.secret_access_key));
  WAIT_STATUS(id, REMOVED); /* another one took its place */
  auto_free char *now = variable_of(web.id, "KEY");
  CHECK_TEXT(now, after.instance.secret_access_key);
  close_storage();
}

TEST(a_deleted_one_comes_back_with_another_key_or_ends) {
  auto_bucket b = {0}, again = {0}, gone = {0};
  auto_core_bucket_access before = {0}, after = {0}, none = {0};
  open_storage();
  CHECK_OK(create("uploads", &b));
  access_to(&b, &before);
  CHECK_OK(core_bucket_delete(town, b.id, instance.environment_id));
  CHECK(!is_told(&before));
  CHECK_ERR(create("uploads", &again), ERR_CONFLICT, "can be restored still");
  CHECK_ERR(core_bucket_access(town, b.id, instance.environment_id, &none), ERR_NOT_FOUND, "deleted: restore it first");
  CHECK_ERR(core_bucket_reset(town, b.id, instance.environment_id, false, ""), ERR_NOT_FOUND, "restore it first");
  CHECK_OK(core_bucket_restore(town, b.id, instance.environment_id));
  access_to(&b, &after);
  CHECK_TEXT(after.instance.bucket_name, before.instance.bucket_name);
  CHECK(is_told(&after) && !is_told(&before));
  CHECK_OK(core_bucket_delete(town, b.id, instance.environment_id));
  CHECK_OK(bucket_instance_set_deleted(town_db, after.instance.id, 1, 1)); /* long ago */
  WAIT(!fake_execs_alive);
  refusal = "it is in use";
  town_restart();
  turns(5);
  CHECK_OK(bucket_get(town_db, b.id, &again)); /* tried again later */
  refusal = NULL;
  town_restart();
  WAIT(*emptied);
  WAIT(!fake_execs_alive);
  CHECK_TEXT(emptied, after.instance.bucket_name);
  CHECK_ERR(bucket_get(town_db, b.id, &gone), ERR_NOT_FOUND, "bucket '");
  close_storage();
}

TEST(without_its_storage_service_a_deleted_one_is_forgotten) {
  auto_bucket b = {0}, gone = {0};
  auto_core_bucket_access access = {0}, none = {0};
  open_storage();
  CHECK_OK(create("uploads", &b));
  access_to(&b, &access);
  WAIT(!fake_execs_alive);
  CHECK_OK(core_service_delete(town, service.id));
  WAIT(fake_count(en, NULL) == 0);
  CHECK_ERR(core_bucket_access(town, b.id, instance.environment_id, &none), ERR_CONFLICT, "was deleted");
  CHECK_OK(core_bucket_delete(town, b.id, instance.environment_id));
  CHECK_OK(bucket_instance_set_deleted(town_db, access.instance.id, 1, 1));
  town_restart();
  turns(5);
  CHECK_ERR(bucket_get(town_db, b.id, &gone), ERR_NOT_FOUND, "bucket '");
  CHECK_TEXT(emptied, "");
  close_storage();
}

/* Done at the nth statement and on; true when it was done although the database failed there, or not any more. */
static bool does_it(err *(*act)(const struct bucket *b), const struct bucket *b, int nth) {
  db_fail_after(town_db, nth);
  err *e = act(b);
  db_fail_after(town_db, 0);
  if (e) CHECK_HAS(err_message(e), "injected failure");
  bool done = !e;
  err_free(e);
  return done;
}

static err *create_images(const struct bucket *b) {
  auto_bucket made = {0};
  (void)b;
  return create("images", &made);
}

static err *reset_it(const struct bucket *b) {
  return core_bucket_reset(town, b->id, instance.environment_id, true, user.id);
}

static err *delete_it(const struct bucket *b) {
  return core_bucket_delete(town, b->id, instance.environment_id);
}

static err *restore_it(const struct bucket *b) {
  return core_bucket_restore(town, b->id, instance.environment_id);
}

TEST(what_the_database_refuses_is_told_and_can_be_done_again) {
  err *(*const acts[])(const struct bucket *b) = {create_images, reset_it, delete_it, restore_it};
  auto_bucket b = {0};
  auto_core_bucket_access access = {0};
  open_storage();
  CHECK_OK(create("uploads", &b));
  for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
    int nth = 1;
    while (nth < 100 && !does_it(acts[i], &b, nth)) nth++;
    CHECK(nth > 1 && nth < 100);
  }
  access_to(&b, &access);
  CHECK_OK(core_bucket_reset(town, b.id, instance.environment_id, false, user.id)); /* all that is recorded is told */
  core_bucket_access_done(&access);
  access_to(&b, &access);
  CHECK(is_told(&access) && strstr(told, "images-"));
  close_storage();
}

TEST(a_copy_of_its_environment_has_an_empty_one) {
  auto_bucket b = {0}, trashed = {0};
  auto_core_bucket_access here = {0}, there = {0}, none = {0};
  auto_environment copy = {0};
  open_storage();
  CHECK_OK(create("uploads", &b));
  CHECK_OK(create("old", &trashed));
  CHECK_OK(core_bucket_delete(town, trashed.id, instance.environment_id));
  CHECK_OK(core_environment_create(town, project.id, "staging", instance.environment_id, false, &copy));
  access_to(&b, &here);
  CHECK_OK(core_bucket_access(town, b.id, copy.id, &there));
  CHECK(!str_eq(here.instance.bucket_name, there.instance.bucket_name));
  CHECK(!str_eq(here.instance.secret_access_key, there.instance.secret_access_key));
  CHECK_ERR(core_bucket_access(town, trashed.id, copy.id, &none), ERR_NOT_FOUND, "is not in this environment");
  close_storage();
}

/* ---- by the environment's document ---- */

static char committed[ID_SIZE];

static err *commit_as(const char *text, bool is_admin) {
  json_t *patch = NULL;
  CHECK_OK(json_parse(text, strlen(text), "patch", &patch));
  struct core_patch_commit request = {.environment_id = instance.environment_id, .patch = patch, .user_id = user.id,
                                      .is_admin = is_admin};
  err *e = core_patch_commit(town, &request, committed);
  json_decref(patch);
  return e;
}

static char *changes_now(const char *patch_text) {
  auto_environment_patch staged = {0};
  auto_json *patch = NULL, *changes = NULL;
  auto_str text = STR_EMPTY;
  size_t i;
  const json_t *change;
  str_init(&text);
  CHECK_OK(json_parse(patch_text, strlen(patch_text), "patch", &patch));
  CHECK_OK(core_stage(town, instance.environment_id, patch, false, user.id, &staged));
  CHECK_OK(core_patch_changes(town, &staged, false, &changes));
  json_array_foreach(changes, i, change) {
    const char *name = json_get_text(change, "serviceName"), *to = json_get_text(change, "to");
    str_addf(&text, "%s%s %s", i ? " | " : "", name ? name : json_get_text(change, "kind"), to ? to : "");
  }
  return str_take(&text);
}

TEST(the_first_of_a_patch_brings_its_storage_service_all_or_nothing) {
  auto_bucket b = {0};
  auto_core_bucket_access access = {0};
  auto_service_list services = {0};
  auto_volume_instance volume = {0};
  bool found = false;
  char id[ID_SIZE];
  town_open();
  auto_free char *changes = changes_now("{\"buckets\":{\"uploads\":{\"isCreated\":true,\"region\":\"sjc\"}}}");
  CHECK_HAS(changes, "Object Storage  | Object Storage tramway/s3:2");
  CHECK_HAS(changes, "CREATED uploads");
  CHECK_OK(service_list_by_project(town_db, project.id, NULL, &services));
  CHECK_INT(services.len, 1); /* it is staged only */
  struct core_patch_commit request = {.environment_id = instance.environment_id, .user_id = user.id};
  CHECK_OK(core_patch_commit(town, &request, committed));
  CHECK_OK(bucket_find_by_name(town_db, project.id, "uploads", &found, &b));
  CHECK(found);
  access_to(&b, &access);
  CHECK_TEXT(access.endpoint, "http://object-storage.railway.internal:9000");
  CHECK_OK(volume_instance_find_by_service(town_db, access.instance.service_id, instance.environment_id, &found, &volume));
  CHECK(found);
  auto_service_instance storage = {0};
  auto_deployment latest = {0};
  CHECK_OK(service_instance_find(town_db, access.instance.service_id, instance.environment_id, &found, &storage));
  CHECK_OK(deployment_find_latest(town_db, storage.id, &found, &latest));
  CHECK(found); /* and is deployed */
  auto_json *config = NULL;
  auto_environment_state state = {0};
  CHECK_OK(environment_state_load(town, instance.environment_id, &state));
  config = json_incref(json_object_get(state.config, "buckets"));
  auto_free char *text = json_to_text(config), *wanted = str_format("{\"%s\":{\"name\":\"uploads\",\"region\":\"us-east-1\"}}", b.id);
  CHECK_TEXT(text, wanted);
  id_copy(id, latest.id);
  CHECK_OK(commit_as("{\"buckets\":{\"images\":{\"isCreated\":true}},\"services\":{\"Object Storage\":{\"variables\":{\"A\":\"1\"}}}}", true));
  service_list_done(&services);
  services = (struct service_list){0};
  CHECK_OK(service_list_by_project(town_db, project.id, NULL, &services));
  CHECK_INT(services.len, 2);
  town_close();
}

/* bucketCreate without an environment, and then a patch: as Railway's CLI does. */
TEST(one_of_the_project_comes_by_its_id_and_deploys_who_refers_to_it) {
  auto_bucket b = {0}, same = {0};
  auto_core_bucket_access access = {0};
  auto_service web = {0};
  auto_service_instance web_instance = {0};
  auto_deployment latest = {0};
  auto_strv affected = STRV_EMPTY;
  bool found = false;
  char id[ID_SIZE];
  struct core_bucket_create request = {.project_id = project.id, .name = "uploads"};
  open_storage();
  request.project_id = project.id;
  CHECK_OK(core_bucket_create(town, &request, &b));
  CHECK_OK(core_bucket_create(town, &request, &same));
  CHECK_TEXT(same.id, b.id);
  CHECK_ERR(core_bucket_access(town, b.id, instance.environment_id, &access), ERR_NOT_FOUND, "is not in this environment");
  town_make_service("web", &web, &web_instance);
  auto_json *changes = json_pack("{s:s}", "NAME", "${{uploads.BUCKET}}");
  CHECK_OK(core_variables_change(town, instance.environment_id, web.id, changes, false, &affected));
  CHECK_OK(core_deploy_instance(town, &web_instance, "", id));
  WAIT_STATUS(id, SUCCESS);
  auto_free char *patch = str_format("{\"buckets\":{\"%s\":{\"isCreated\":true,\"region\":\"ams\"}}}", b.id);
  CHECK_OK(commit_as(patch, false));
  access_to(&b, &access);
  CHECK(is_told(&access));
  CHECK_OK(deployment_find_latest(town_db, web_instance.id, &found, &latest));
  CHECK(!str_eq(latest.id, id));
  CHECK_OK(commit_as(patch, false)); /* it is there */
  close_storage();
}

TEST(a_patch_deletes_it_as_an_admin_and_its_key_ends) {
  auto_bucket b = {0};
  auto_core_bucket_access access = {0}, none = {0}, after = {0};
  open_storage();
  CHECK_OK(create("uploads", &b));
  access_to(&b, &access);
  CHECK_ERR(commit_as("{\"buckets\":{\"uploads\":null}}", false), ERR_DENIED, "deleting a bucket");
  CHECK_OK(commit_as("{\"buckets\":{\"uploads\":{\"isDeleted\":true}}}", true));
  CHECK(!is_told(&access));
  CHECK_ERR(core_bucket_access(town, b.id, instance.environment_id, &none), ERR_NOT_FOUND, "deleted: restore it first");
  CHECK_ERR(commit_as("{\"buckets\":{\"uploads\":{\"isCreated\":true}}}", true), ERR_CONFLICT, "tram bucket restore uploads");
  CHECK_OK(core_bucket_restore(town, b.id, instance.environment_id));
  access_to(&b, &after);
  CHECK(is_told(&after));
  close_storage();
}

/* ---- what is in it ---- */

struct answer {
  bool there;
  err *e;
  json_t *value;
};

static void on_details(void *arg, err *e, json_t *value) {
  *(struct answer *)arg = (struct answer){true, e, value};
}

TEST(it_tells_how_much_is_in_it) {
  auto_bucket b = {0};
  struct answer full = {0}, refused = {0}, ended = {0};
  open_storage();
  CHECK_OK(create("uploads", &b));
  CHECK_OK(core_bucket_details(town, b.id, instance.environment_id, on_details, &full));
  WAIT(full.there);
  CHECK_OK(full.e);
  CHECK_INT(json_get_int(full.value, "objectCount", 0), 3);
  json_decref(full.value);
  refusal = "there is no bucket";
  CHECK_OK(core_bucket_details(town, b.id, instance.environment_id, on_details, &refused));
  WAIT(refused.there);
  CHECK_ERR(refused.e, ERR_CONFLICT, "says: there is no bucket");
  CHECK_OK(core_bucket_details(town, b.id, instance.environment_id, on_details, &ended));
  town_stop();
  CHECK(ended.there);
  CHECK_ERR(ended.e, ERR_BUSY, "tramd ends");
  close_storage();
}

TEST(one_that_does_not_run_cannot_be_asked) {
  auto_bucket b = {0};
  struct answer a = {0};
  town_open();
  CHECK_OK(create("uploads", &b));
  CHECK_ERR(core_bucket_details(town, b.id, instance.environment_id, on_details, &a), ERR_CONFLICT, "does not run in this environment");
  CHECK(!a.there);
  town_close();
}

TEST_MAIN
