/* A whole core with a database in memory, a fake engine, builder and edge, one project and in it one
 * service from an image, with a domain.  For the tests of what core/ does. */
#ifndef TRAMWAY_TESTS_CORE_TOWN_H
#define TRAMWAY_TESTS_CORE_TOWN_H

#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "core/core.h"
#include "fake_engine.h"
#include "fake_parts.h"
#include "fresh_db.h"
#include "store/account.h"
#include "store/artifact.h"
#include "store/deployment.h"
#include "store/domain.h"
#include "store/project.h"
#include "store/service.h"
#include "store/variable.h"
#include "tap.h"

enum { TOWN_DEADLINE_MS = 8000 };

static loop *town_loop;
static struct fake_engine *en;
static builder *bld;
static edge *gate;
static core *town;
static db *town_db;
static log_store *town_logs;
static restic *town_restic; /* NULL: there are no backups */
static char town_folder[64];
static struct user user;
static struct workspace workspace;
static struct project project;
static struct service service;
static struct service_instance instance; /* of `service` in "production" */
static struct domain domain;

static inline void turn(void) {
  loop_turn(town_loop, 2);
}

static inline void turns(int count) {
  while (count--) turn();
}

#define WAIT(condition) TAP_WAIT_FOR(condition, TOWN_DEADLINE_MS, turn())

/* ---- the start and the end ---- */

static inline void town_on_started(void *arg, err *e) {
  if (e) printf("# core_start: %s\n", err_message(e));
  *(int *)arg = e ? 2 : 1;
  err_free(e);
}

static inline struct core_options town_options(void) {
  return (struct core_options){.data_dir = town_folder, .domain_suffix = "localhost", .version = "1.2.3",
                               .tcp_first_port = 20000, .tcp_last_port = 20099,
                               .build_concurrency = 2, .healthcheck_timeout_ms = 600, .drain_timeout_ms = 30000,
                               .stop_grace_ms = 100, .retry_ms = 20, .keep_images = 1, .log_keep_ms = 86400000, .log_bytes = 1 << 20};
}

static inline void town_start_with(const struct core_options *options) {
  struct core_parts parts = {.loop = town_loop, .db = town_db, .builder = bld, .edge = gate, .logs = town_logs,
                             .restic = town_restic};
  int started = 0;
  gate->gone = false;
  CHECK_OK(core_new(&parts, options, &town));
  core_set_engine(town, &en->base);
  en->on_change = core_instance_changed;
  en->change_arg = town;
  core_start(town, town_on_started, &started);
  WAIT(started);
  CHECK_INT(started, 1);
}

static inline void town_start(void) {
  struct core_options options = town_options();
  town_start_with(&options);
}

/* In the order of daemon.c; freeing the engine turns the loop, too. */
static inline void town_stop(void) {
  core_stop(town);
  WAIT(core_is_quiet(town));
  fake_edge_disconnect(gate);
  fake_engine_disconnect(en);
  turn();
  core_free(town);
  town = NULL;
}

/* tramd ends, however suddenly, and comes back: what ran runs on, what is live stays live. */
static inline void town_restart(void) {
  town_stop();
  town_start();
}

static inline void town_make_service(const char *name, struct service *ret_service,
                                     struct service_instance *ret_instance) {
  auto_service_settings settings = {0};
  struct environment_list environments = {0};
  bool found = false;
  service_settings_init(&settings);
  settings.source_kind = SOURCE_IMAGE;
  settings.source_image = str_dup("registry.example/app:1");
  CHECK_OK(core_service_create(town, project.id, name, &settings, ret_service));
  CHECK_OK(environment_list_by_project(town_db, project.id, NULL, &environments));
  CHECK_OK(service_instance_find(town_db, ret_service->id, environments.items[environments.len - 1].id, &found,
                                 ret_instance));
  environment_list_done(&environments);
  CHECK(found);
}

static inline void town_open(void) {
  log_set_level(LOG_LEVEL_ERROR);
  fake_images_gone = false;
  bool has_memory = access("/dev/shm", W_OK) == 0; /* each town is some fsyncs */
  snprintf(town_folder, sizeof town_folder, "%s/tramway-core-XXXXXX", has_memory ? "/dev/shm" : "/tmp");
  CHECK(mkdtemp(town_folder));
  auto_free char *logs = path_join(town_folder, "logs");
  town_loop = loop_new();
  en = fake_engine_new(town_loop);
  bld = fake_builder_new(town_loop);
  gate = fake_edge_new(town_loop);
  CHECK_OK(fresh_db(&town_db));
  CHECK_OK(log_store_new(town_loop, logs, &town_logs));
  town_start();
  user = (struct user){.email = str_dup("ada@example.com")};
  workspace = (struct workspace){.name = str_dup("Ada's")};
  CHECK_OK(user_insert(town_db, &user));
  CHECK_OK(workspace_insert(town_db, &workspace));
  CHECK_OK(core_project_create(town, workspace.id, "shop", NULL, &project));
  town_make_service("api", &service, &instance);
  CHECK_OK(core_domain_create(town, &instance, 0, &domain));
}

static inline void town_close(void) {
  if (town) town_stop();
  log_store_free(town_logs);
  db_close(town_db);
  loop_free(town_loop);
  fake_engine_free(en);
  fake_builder_free(bld);
  fake_edge_free(gate);
  err_ignore(file_remove_tree(town_folder));
  user_done(&user);
  workspace_done(&workspace);
  project_done(&project);
  service_done(&service);
  service_instance_done(&instance);
  domain_done(&domain);
}

/* ---- what is so ---- */

static inline enum deployment_status status_of(const char *id) {
  auto_deployment d = {0};
  CHECK_OK(deployment_get(town_db, id, &d));
  return d.status;
}

static inline bool is_final(const char *id) {
  return deployment_status_is_final(status_of(id));
}

/* Static: valid until the next call. */
static inline const char *reason_of(const char *id) {
  static char text[1000];
  auto_deployment d = {0};
  CHECK_OK(deployment_get(town_db, id, &d));
  snprintf(text, sizeof text, "%s", d.status_reason ? d.status_reason : "");
  return text;
}

#define CHECK_STATUS(id, name) CHECK_TEXT(deployment_status_name(status_of(id)), #name)
#define WAIT_STATUS(id, name)                                                                      \
  do {                                                                                             \
    WAIT(is_final(id) || str_eq(deployment_status_name(status_of(id)), #name));                    \
    CHECK_STATUS(id, name);                                                                        \
  } while (0)

/* The deployment whose running instances the edge sends the domain's visitors to; NULL: to nobody,
 * or to an instance that does not run. */
static inline const char *served_by(void) {
  json_t *targets = json_object_get(json_object_get(gate->live, domain.host), "targets");
  const char *found = NULL;
  for (size_t n = 0; n < json_array_size(targets); n++) {
    const char *target = json_string_value(json_array_get(targets, n));
    const char *of = NULL;
    LIST_FOREACH(i, &en->instances, struct fake_instance, link) {
      size_t len = strlen(i->address);
      if (strncmp(target, i->address, len) == 0 && target[len] == ':' && i->app.status == INSTANCE_RUNNING)
        of = i->workload_id;
    }
    if (!of || (found && !str_eq(found, of))) return NULL;
    found = of;
  }
  return found;
}

/* ---- deploying ---- */

static inline void deploy(char id[ID_SIZE]) {
  CHECK_OK(core_deploy_instance(town, &instance, "", id));
}

/* Deploys, and waits until the edge sends visitors there. */
static inline void deploy_live(char id[ID_SIZE]) {
  deploy(id);
  WAIT_STATUS(id, SUCCESS);
  CHECK_TEXT(served_by(), id);
}

static inline void change_settings(void) {
  CHECK_OK(service_instance_set_settings(town_db, instance.id, &instance.settings, 1));
}

static inline void put_variable(const char *name, const char *value, bool is_sealed) {
  struct variable v = {.name = (char *)name, .value = (char *)value, .is_sealed = is_sealed};
  id_copy(v.project_id, project.id);
  id_copy(v.environment_id, instance.environment_id);
  id_copy(v.service_id, service.id);
  CHECK_OK(variable_set(town_db, &v));
}

static inline void set_variable(const char *name, const char *value) {
  put_variable(name, value, false);
}

static inline void seal_variable(const char *name, const char *value) {
  put_variable(name, value, true);
}

/* Nothing of the deployment is left in the engine, neither instances nor its job. */
static inline void check_nothing_left(const char *id) {
  auto_free char *job = str_format("%s-pre", id);
  CHECK_INT(fake_count(en, id), 0);
  CHECK_INT(fake_count(en, job), 0);
}

#endif
