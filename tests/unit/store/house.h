/* A database in a folder of its own, with one of everything that most tests need.
 *
 * Closing it asks SQLite for the plan of every statement that the test has used: one that reads a
 * whole table without being in `plans_allowed` ends the program.  So a query without its index is
 * found by whichever test runs it first. */
#ifndef TRAMWAY_TESTS_STORE_HOUSE_H
#define TRAMWAY_TESTS_STORE_HOUSE_H

#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "fresh_db.h"
#include "store/account.h"
#include "store/deployment.h"
#include "store/project.h"
#include "store/service.h"
#include "tap.h"

struct house {
  char *folder;
  char *path;
  db *d;
  struct user user;
  struct workspace workspace;
  struct project project;
  struct environment environment;
  struct service service;
  struct service_instance instance;
};

/* A setup step that must not fail: tests of it are elsewhere. */
static inline void must(err *e) {
  if (!e) return;
  printf("Bail out! %s\n", err_message(e));
  abort();
}

static inline void house_empty(struct house *h) {
  char in_memory[] = "/dev/shm/tramway-store-XXXXXX", on_disk[] = "/tmp/tramway-store-XXXXXX";
  char *folder = access("/dev/shm", W_OK) == 0 ? in_memory : on_disk; /* each house is some fsyncs */
  *h = (struct house){0};
  if (!mkdtemp(folder)) abort();
  h->folder = str_dup(folder);
  h->path = path_join(folder, "state.db");
  must(fresh_db_file(h->path, &h->d));
}

static inline void house_service(struct house *h, const char *name, struct service *ret_service,
                                 struct service_instance *ret_instance) {
  *ret_service = (struct service){0};
  memcpy(ret_service->project_id, h->project.id, ID_SIZE);
  must(service_set_name(ret_service, name));
  must(service_insert(h->d, ret_service));
  *ret_instance = (struct service_instance){0};
  service_settings_init(&ret_instance->settings);
  memcpy(ret_instance->project_id, h->project.id, ID_SIZE);
  memcpy(ret_instance->environment_id, h->environment.id, ID_SIZE);
  memcpy(ret_instance->service_id, ret_service->id, ID_SIZE);
  must(service_instance_insert(h->d, ret_instance));
}

static inline void house_open(struct house *h) {
  house_empty(h);
  h->user.email = str_dup("ada@example.com");
  must(user_insert(h->d, &h->user));
  h->workspace.name = str_dup("Ada's");
  must(workspace_insert(h->d, &h->workspace));
  struct workspace_member member = {.role = WORKSPACE_ADMIN};
  memcpy(member.workspace_id, h->workspace.id, ID_SIZE);
  memcpy(member.user_id, h->user.id, ID_SIZE);
  must(workspace_member_set(h->d, &member));
  h->project.name = str_dup("shop");
  memcpy(h->project.workspace_id, h->workspace.id, ID_SIZE);
  must(project_insert(h->d, &h->project));
  h->environment.name = str_dup(ENVIRONMENT_NAME_DEFAULT);
  memcpy(h->environment.project_id, h->project.id, ID_SIZE);
  must(environment_insert(h->d, &h->environment));
  house_service(h, "api", &h->service, &h->instance);
}

/* A deployment of `instance`, not yet inserted. */
static inline void house_deployment(struct service_instance *instance, struct deployment *ret) {
  *ret = (struct deployment){.status = DEPLOYMENT_QUEUED, .cause = DEPLOYMENT_CAUSE_UP};
  memcpy(ret->project_id, instance->project_id, ID_SIZE);
  memcpy(ret->environment_id, instance->environment_id, ID_SIZE);
  memcpy(ret->service_id, instance->service_id, ID_SIZE);
  memcpy(ret->service_instance_id, instance->id, ID_SIZE);
  service_settings_copy(&instance->settings, &ret->settings);
}

/* Inserts one with this status and gives its id. */
static inline void house_deploy(struct house *h, enum deployment_status status, char id[ID_SIZE]) {
  auto_deployment made = {0};
  house_deployment(&h->instance, &made);
  made.status = status;
  must(deployment_insert(h->d, &made));
  memcpy(id, made.id, ID_SIZE);
}

/* The head of each statement that may read a whole table, and why. */
static const char *const plans_allowed[] = {
    "SELECT count(*) FROM users",                     /* asked at the start, and there are few */
    "SELECT number, name, checksum FROM schema_migr", /* all of them, at the start */
    "SELECT t.host, t.target_port, t.service_instan", /* every route, for the edge */
    "SELECT t.id, t.project_id, t.environment_id, t.service_id, t.settings", /* every instance */
    "SELECT t.id, t.build_key, t.reference",                                 /* every image */
    NULL,
};

static inline bool plan_allowed(const char *sql) {
  for (size_t i = 0; plans_allowed[i]; i++)
    if (str_starts(sql, plans_allowed[i])) return true;
  return false;
}

static inline void check_plan(sqlite3 *handle, const char *sql) {
  auto_free char *explain = str_format("EXPLAIN QUERY PLAN %s", sql);
  sqlite3_stmt *plan;
  if (sqlite3_prepare_v2(handle, explain, -1, &plan, NULL) != SQLITE_OK) abort();
  bool of_schema = strstr(sql, "sqlite_schema") || strstr(sql, "pragma_");
  while (!of_schema && sqlite3_step(plan) == SQLITE_ROW) {
    const char *detail = (const char *)sqlite3_column_text(plan, 3);
    bool whole_table = str_starts(detail, "SCAN ") && !strstr(detail, "USING ") &&
                       !strstr(detail, "VIRTUAL TABLE") && !strstr(detail, "CONSTANT ROW");
    if (!whole_table || plan_allowed(sql)) continue;
    printf("Bail out! %s\n#   has the plan %s\n", sql, detail);
    abort();
  }
  sqlite3_finalize(plan);
}

static inline void check_plans(db *d) {
  auto_strv texts = STRV_EMPTY; /* first all, as explaining makes statements too */
  for (sqlite3_stmt *s = NULL; (s = sqlite3_next_stmt(db_handle(d), s));)
    if (str_starts(sqlite3_sql(s), "SELECT ") || str_starts(sqlite3_sql(s), "UPDATE ") ||
        str_starts(sqlite3_sql(s), "DELETE "))
      strv_add(&texts, sqlite3_sql(s));
  for (size_t i = 0; i < texts.len; i++)
    check_plan(db_handle(d), texts.items[i]);
}

static inline void house_close(struct house *h) {
  if (h->d) check_plans(h->d);
  db_close(h->d);
  user_done(&h->user);
  workspace_done(&h->workspace);
  project_done(&h->project);
  environment_done(&h->environment);
  service_done(&h->service);
  service_instance_done(&h->instance);
  err_ignore(file_remove_tree(h->folder));
  free(h->folder);
  free(h->path);
}
#define auto_house __attribute__((cleanup(house_close))) struct house

static inline long long house_count(struct house *h, const char *table) {
  auto_free char *sql = str_format("SELECT count(*) FROM %s", table);
  int64_t count;
  sqlite3_stmt *s; /* not through db_query: it reads whole tables */
  if (sqlite3_prepare_v2(db_handle(h->d), sql, -1, &s, NULL) != SQLITE_OK) abort();
  if (sqlite3_step(s) != SQLITE_ROW) abort();
  count = sqlite3_column_int64(s, 0);
  sqlite3_finalize(s);
  return count;
}

#endif
