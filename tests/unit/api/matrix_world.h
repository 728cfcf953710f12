/* Two tenants, and everybody who may come to the API: for the authorization matrix.  The town's workspace
 * ("theirs" for the wrong callers) has one of each thing that has an id; what must not be seen is a canary. */
#ifndef TRAMWAY_TESTS_API_MATRIX_WORLD_H
#define TRAMWAY_TESTS_API_MATRIX_WORLD_H

#include "api/internal.h"
#include "api/rate.h"
#include "api/sign_in_guard.h"
#include "core/town.h"
#include "core/volume.h"
#include "store/bucket.h"
#include "store/environment_patch.h"
#include "store/volume.h"
#include "store/webhook.h"

#define CANARY_VALUE "canary-value-c0ffee"
#define CANARY_LOG "canary-log-c0ffee"

/* What a caller is to the town's workspace. */
enum standing {
  NOBODY,
  OUTSIDE,       /* an account, but not in the workspace by this token */
  OUTSIDE_TOKEN, /* another project's token */
  OPERATOR,      /* outside, but administers the installation */
  VIEWER,
  DEPLOYER,
  MEMBER,
  ADMIN,
  TOKEN,         /* the project's token for production */
  OTHER_TOKEN,   /* … for staging */
};

struct party {
  const char *name;
  enum standing standing;
  struct caller caller;
};

enum { PARTIES_MAX = 16 };
static struct party parties[PARTIES_MAX];
static size_t party_count;

static struct api a;
static json_t *ids; /* subject → id of the town's: ENVIRONMENT, … */
static char other_workspace[ID_SIZE], staging[ID_SIZE], other_project[ID_SIZE], other_environment[ID_SIZE];

static inline void add_user(const char *name, bool is_admin, char ret_id[ID_SIZE]) {
  auto_user u = {.email = str_format("%s@example.org", name), .name = str_dup(name), .is_admin = is_admin};
  CHECK_OK(user_insert(town_db, &u));
  id_copy(ret_id, u.id);
}

static inline struct party *add_party(const char *name, enum standing standing, enum caller_kind kind) {
  struct party *p = &parties[party_count++];
  *p = (struct party){.name = name, .standing = standing, .caller = {.kind = kind, .is_long_lived = true}};
  return p;
}

/* An account with a role in a workspace, or in none. */
static inline struct party *add_person(const char *name, enum standing standing, const char *workspace_id,
                                       enum workspace_role role) {
  struct party *p = add_party(name, standing, CALLER_USER);
  add_user(name, standing == OPERATOR, p->caller.user_id);
  if (workspace_id) CHECK_OK(workspace_add_member(town_db, workspace_id, p->caller.user_id, role));
  auto_free char *hash = secret_random_hex(32);
  struct api_token token = {.kind = API_TOKEN_SESSION, .name = (char *)"session", .secret_hash = hash,
                            .expires_us = INT64_MAX};
  id_copy(token.user_id, p->caller.user_id);
  CHECK_OK(api_token_insert(town_db, &token));
  id_copy(p->caller.token_id, token.id);
  return p;
}

static inline void add_workspace_token(const char *name, enum standing standing, const struct party *of,
                                       const char *workspace_id) {
  struct party *p = add_party(name, standing, CALLER_USER);
  p->caller = of->caller;
  id_copy(p->caller.workspace_id, workspace_id);
}

static inline void add_project_token(const char *name, enum standing standing, const char *project_id,
                                     const char *environment_id) {
  struct party *p = add_party(name, standing, CALLER_PROJECT);
  auto_free char *hash = secret_random_hex(32);
  struct project_token token = {.name = (char *)name, .secret_hash = hash};
  id_copy(token.project_id, project_id);
  id_copy(token.environment_id, environment_id);
  CHECK_OK(project_token_insert(town_db, &token));
  id_copy(p->caller.token_id, token.id);
  id_copy(p->caller.project_id, project_id);
  id_copy(p->caller.environment_id, environment_id);
  if (standing == TOKEN) json_set_text(ids, "PROJECT_TOKEN", token.id);
}

static inline void add_environment(const char *project_id, const char *name, char ret_id[ID_SIZE]) {
  auto_environment environment = {.name = str_dup(name)};
  id_copy(environment.project_id, project_id);
  CHECK_OK(environment_insert(town_db, &environment));
  id_copy(ret_id, environment.id);
}

static inline void add_other_tenant(void) {
  auto_workspace w = {.name = str_dup("Other")};
  auto_project p = {.name = str_dup("other")};
  CHECK_OK(workspace_insert(town_db, &w));
  id_copy(other_workspace, w.id);
  id_copy(p.workspace_id, w.id);
  CHECK_OK(project_insert(town_db, &p));
  id_copy(other_project, p.id);
  add_environment(p.id, "production", other_environment);
}

static inline void add_parties(void) {
  add_party("nobody", NOBODY, CALLER_NOBODY);
  const struct party *stranger = add_person("stranger", OUTSIDE, other_workspace, WORKSPACE_ADMIN);
  add_workspace_token("stranger's workspace token", OUTSIDE, stranger, other_workspace);
  add_person("removed", OUTSIDE, NULL, WORKSPACE_VIEWER);
  add_person("operator", OPERATOR, other_workspace, WORKSPACE_ADMIN);
  add_project_token("other project's token", OUTSIDE_TOKEN, other_project, other_environment);
  add_person("viewer", VIEWER, workspace.id, WORKSPACE_VIEWER);
  add_person("deployer", DEPLOYER, workspace.id, WORKSPACE_DEPLOYER);
  add_person("member", MEMBER, workspace.id, WORKSPACE_MEMBER);
  const struct party *admin = add_person("admin", ADMIN, workspace.id, WORKSPACE_ADMIN);
  CHECK_OK(workspace_add_member(town_db, other_workspace, admin->caller.user_id, WORKSPACE_ADMIN));
  add_workspace_token("workspace token", ADMIN, admin, workspace.id);
  add_workspace_token("admin's token of another workspace", OUTSIDE, admin, other_workspace);
  add_project_token("project token", TOKEN, project.id, instance.environment_id);
  add_project_token("project token of staging", OTHER_TOKEN, project.id, staging);
}

static inline void add_invitation(void) {
  auto_free char *hash = secret_random_hex(32);
  struct invitation i = {.secret_hash = hash, .expires_us = INT64_MAX, .role = WORKSPACE_MEMBER};
  id_copy(i.workspace_id, workspace.id);
  id_copy(i.creator_user_id, user.id);
  CHECK_OK(invitation_insert(town_db, &i));
  json_set_text(ids, "INVITATION", i.id);
}

/* A committed one: a staged one would be changed by what is tried. */
static inline void add_patch(void) {
  struct environment_patch p = {.status = PATCH_COMMITTED, .applied_us = 1};
  p.patch = str_dup("{\"sharedVariables\":{\"CANARY\":{\"value\":\"" CANARY_VALUE "\"}}}");
  id_copy(p.environment_id, instance.environment_id);
  CHECK_OK(environment_patch_set(town_db, &p));
  json_set_text(ids, "ENVIRONMENT_PATCH", p.id);
  json_set_text(ids, "WORKFLOW", p.id);
  environment_patch_done(&p);
}

static inline void add_webhook(void) {
  struct webhook hook = {.provider = WEBHOOK_GITHUB, .secret = str_dup(CANARY_VALUE)};
  id_copy(hook.project_id, project.id);
  CHECK_OK(webhook_insert(town_db, &hook));
  json_set_text(ids, "WEBHOOK", hook.id);
  webhook_done(&hook);
}

static inline void add_volume(void) {
  struct volume v = {.name = str_dup("data")};
  struct volume_instance i = {.mount_path = str_dup("/data"), .size_bytes = 1000 * VOLUME_MB};
  id_copy(v.workspace_id, workspace.id);
  id_copy(v.project_id, project.id);
  CHECK_OK(volume_insert(town_db, &v));
  id_copy(i.volume_id, v.id);
  id_copy(i.workspace_id, workspace.id);
  id_copy(i.project_id, project.id);
  id_copy(i.environment_id, instance.environment_id);
  CHECK_OK(volume_instance_insert(town_db, &i));
  json_set_text(ids, "VOLUME", v.id);
  json_set_text(ids, "VOLUME_INSTANCE", i.id);
  volume_done(&v);
  volume_instance_done(&i);
}

/* One that can be deleted and restored, on a storage service that is the town's. */
static inline void add_bucket(void) {
  struct bucket b = {.name = str_dup("uploads")};
  struct bucket_instance i = {.bucket_name = str_dup("uploads-1"), .access_key_id = str_dup("TRAM1"),
                              .secret_access_key = str_dup(CANARY_VALUE)};
  id_copy(b.project_id, project.id);
  CHECK_OK(bucket_insert(town_db, &b));
  id_copy(i.bucket_id, b.id);
  id_copy(i.environment_id, instance.environment_id);
  id_copy(i.service_id, service.id);
  CHECK_OK(bucket_instance_insert(town_db, &i));
  json_set_text(ids, "BUCKET", b.id);
  bucket_done(&b);
  bucket_instance_done(&i);
}

static inline void add_tcp_proxy(void) {
  auto_tcp_proxy made = {0};
  CHECK_OK(core_tcp_proxy_create(town, &instance, 5432, NULL, &made));
  json_set_text(ids, "TCP_PROXY", made.id);
}

static inline void world_open(void) {
  char deployment_id[ID_SIZE];
  town_open();
  a = (struct api){.parts = {.loop = town_loop, .db = town_db, .core = town, .logs = town_logs, .engine = &en->base},
                   .version = (char *)"1", .public_url = (char *)"http://x", .edge_url = (char *)"http://y",
                   .domain_suffix = (char *)"localhost"};
  a.sign_in_guard = sign_in_guard_new();
  a.rate = rate_new((struct rate_limits){0});
  CHECK_OK(api_schema_new(&a.schema));
  party_count = 0;
  ids = json_object();
  set_variable("CANARY", CANARY_VALUE);
  add_environment(project.id, "staging", staging);
  add_other_tenant();
  add_parties();
  add_invitation();
  add_patch();
  add_webhook();
  add_volume();
  add_bucket();
  add_tcp_proxy();
  deploy_live(deployment_id);
  CHECK_OK(log_store_add_build_line(town_logs, deployment_id, "info", CANARY_LOG));
  CHECK_OK(log_store_add_deploy_line(town_logs, deployment_id, "info", CANARY_LOG));
  json_set_text(ids, "WORKSPACE", workspace.id);
  json_set_text(ids, "PROJECT", project.id);
  json_set_text(ids, "ENVIRONMENT", instance.environment_id);
  json_set_text(ids, "SERVICE", service.id);
  json_set_text(ids, "DEPLOYMENT", deployment_id);
  json_set_text(ids, "SERVICE_DOMAIN", domain.id);
  json_set_text(ids, "DEPLOYMENT_TRIGGER", instance.id);
  json_set_text(ids, "USER", user.id);
}

static inline void world_close(void) {
  json_decref(ids);
  sign_in_guard_free(a.sign_in_guard);
  rate_free(a.rate);
  graphql_schema_free(a.schema);
  town_close();
}

#endif
