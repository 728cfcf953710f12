/* Who may call what: the schema against its resolvers, and the access function against the roles. */
#include "api/internal.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "fresh_db.h"
#include "store/account.h"
#include "store/deployment.h"
#include "store/project.h"
#include "store/service.h"
#include "tap.h"

TEST(every_field_declares_who_may_call_it_and_is_bound) {
  graphql_schema *schema = NULL;
  CHECK_OK(api_schema_new(&schema));
  CHECK_OK(graphql_schema_check_reachable(schema));
  graphql_schema_free(schema);
}

/* Two workspaces; one project with two environments in the first. */
struct world {
  db *db;
  api api;
  char workspace[ID_SIZE], other_workspace[ID_SIZE], project[ID_SIZE], environment[ID_SIZE],
      other_environment[ID_SIZE];
  struct caller nobody, stranger, viewer, deployer, member, admin, token;
};

static void add_user(struct world *w, const char *workspace_id, enum workspace_role role, struct caller *ret_caller) {
  static int count;
  auto_user user = {.email = str_format("u%d@example.org", ++count), .name = str_dup("U")};
  CHECK_OK(user_insert(w->db, &user));
  struct workspace_member member = {.role = role, .created_us = 1};
  id_copy(member.user_id, user.id);
  id_copy(member.workspace_id, workspace_id);
  CHECK_OK(workspace_member_set(w->db, &member));
  *ret_caller = (struct caller){.kind = CALLER_USER};
  id_copy(ret_caller->user_id, user.id);
}

static void add_environment(struct world *w, const char *name, char ret_id[ID_SIZE]) {
  auto_environment environment = {.name = str_dup(name)};
  id_copy(environment.project_id, w->project);
  CHECK_OK(environment_insert(w->db, &environment));
  id_copy(ret_id, environment.id);
}

static struct world *world_new(void) {
  struct world *w = mem_zalloc(sizeof *w);
  CHECK_OK(fresh_db(&w->db));
  auto_workspace a = {.name = str_dup("A")}, b = {.name = str_dup("B")};
  CHECK_OK(workspace_insert(w->db, &a));
  CHECK_OK(workspace_insert(w->db, &b));
  id_copy(w->workspace, a.id);
  id_copy(w->other_workspace, b.id);
  auto_project project = {.name = str_dup("P")};
  id_copy(project.workspace_id, a.id);
  CHECK_OK(project_insert(w->db, &project));
  id_copy(w->project, project.id);
  add_environment(w, "production", w->environment);
  add_environment(w, "staging", w->other_environment);
  add_user(w, b.id, WORKSPACE_ADMIN, &w->stranger);
  add_user(w, a.id, WORKSPACE_VIEWER, &w->viewer);
  add_user(w, a.id, WORKSPACE_DEPLOYER, &w->deployer);
  add_user(w, a.id, WORKSPACE_MEMBER, &w->member);
  add_user(w, a.id, WORKSPACE_ADMIN, &w->admin);
  w->token = (struct caller){.kind = CALLER_PROJECT};
  id_copy(w->token.project_id, w->project);
  id_copy(w->token.environment_id, w->environment);
  w->api.parts.db = w->db;
  CHECK_OK(api_schema_new(&w->api.schema));
  return w;
}

static void world_free(struct world *w) {
  graphql_schema_free(w->api.schema);
  db_close(w->db);
  free(w);
}

/* "+" allowed, "D" denied, "N" not found. */
static char outcome_of(err *e) {
  char result = !e ? '+' : err_code_of(e) == ERR_DENIED ? 'D' : err_code_of(e) == ERR_NOT_FOUND ? 'N' : '?';
  err_free(e);
  return result;
}

static char outcome(struct world *w, const struct caller *caller, const char *role, const char *of,
                    const char *by, json_t *args) {
  struct asking asking = {.api = &w->api, .caller = *caller};
  auto_json *access = json_pack("{s:s, s:s?, s:s?}", "role", role, "of", of, "by", by);
  struct graphql_call call = {.context = &asking, .type = "Query", .field = "systemInfo", .role = role,
                              .access = access, .args = args};
  return outcome_of(access_check(&asking, role, &call));
}

TEST(roles_by_subject_are_as_declared) {
  struct world *w = world_new();
  auto_json *args = json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s}}", "p", w->project, "e", w->environment, "o",
                              w->other_environment, "w", w->workspace, "input", "projectId", w->project,
                              "environmentId", w->environment);
  /* clang-format off */
  static const struct {
    const char *role, *of, *by;
    const char *expected; /* nobody, stranger, viewer, deployer, member, admin, project token */
  } rows[] = {
    { "ANYONE",             NULL,          NULL,              "+++++++" },
    { "USER",               NULL,          NULL,              "D+++++D" },
    { "PROJECT_TOKEN",      NULL,          NULL,              "DDDDDD+" },
    { "ADMIN",              NULL,          NULL,              "DDDDDDD" }, /* of a workspace is not of the installation */
    { "WORKSPACE_VIEWER",   "WORKSPACE",   "w",               "DN++++N" },
    { "WORKSPACE_VIEWER",   "PROJECT",     "p",               "DN+++++" },
    { "WORKSPACE_LOGS",     "PROJECT",     "p",               "DN+D+++" },
    { "WORKSPACE_DEPLOYER", "PROJECT",     "p",               "DND+++D" },
    { "WORKSPACE_MEMBER",   "PROJECT",     "input.projectId", "DNDD++D" },
    { "WORKSPACE_ADMIN",    "PROJECT",     "p",               "DNDDD+D" },
    { "WORKSPACE_VIEWER",   "ENVIRONMENT", "e",               "DN+++++" },
    { "WORKSPACE_LOGS",     "ENVIRONMENT", "e",               "DN+D+++" },
    { "WORKSPACE_DEPLOYER", "ENVIRONMENT", "e",               "DND++++" },
    { "WORKSPACE_MEMBER",   "ENVIRONMENT", "e",               "DNDD+++" },
    { "WORKSPACE_MEMBER",   "ENVIRONMENT", "o",               "DNDD++N" },
    { "WORKSPACE_ADMIN",    "ENVIRONMENT", "e",               "DNDDD+D" },
    { "WORKSPACE_MEMBER",   "SCOPE",       "input",           "DNDD+++" },
    { "WORKSPACE_VIEWER",   "DEPLOYMENT",  "p",               "DNNNNNN" },
    { "WORKSPACE_VIEWER",   "WORKSPACE",   "absent",          "D+++++D" },
    { "SOMETHING_ELSE",     "PROJECT",     "p",               "DDDDDDD" },
  };
  /* clang-format on */
  const struct caller *callers[] = {&w->nobody, &w->stranger, &w->viewer, &w->deployer, &w->member, &w->admin, &w->token};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    char seen[ARRAY_LEN(callers) + 1] = "";
    for (size_t c = 0; c < ARRAY_LEN(callers); c++)
      seen[c] = outcome(w, callers[c], rows[i].role, rows[i].of, rows[i].by, args);
    printf("# %s %s %s\n", rows[i].role, rows[i].of ? rows[i].of : "-", rows[i].by ? rows[i].by : "-");
    CHECK_TEXT(seen, rows[i].expected);
  }
  world_free(w);
}

TEST(a_workspace_token_reaches_its_own_workspace_only) {
  struct world *w = world_new();
  auto_json *args = json_pack("{s:s}", "p", w->project);
  struct caller here = w->admin, elsewhere = w->admin;
  id_copy(here.workspace_id, w->workspace);
  id_copy(elsewhere.workspace_id, w->other_workspace);
  CHECK_INT(outcome(w, &here, "WORKSPACE_ADMIN", "PROJECT", "p", args), '+');
  CHECK_INT(outcome(w, &elsewhere, "WORKSPACE_VIEWER", "PROJECT", "p", args), 'N');
  world_free(w);
}

/* A deployment of a new service in that environment. */
static void add_deployment(struct world *w, const char *environment_id, const char *name, char ret_id[ID_SIZE]) {
  auto_service service = {0};
  auto_service_instance instance = {0};
  auto_deployment d = {.status = DEPLOYMENT_SUCCESS};
  id_copy(service.project_id, w->project);
  CHECK_OK(service_set_name(&service, name));
  CHECK_OK(service_insert(w->db, &service));
  id_copy(instance.project_id, w->project);
  id_copy(instance.environment_id, environment_id);
  id_copy(instance.service_id, service.id);
  service_settings_init(&instance.settings);
  CHECK_OK(service_instance_insert(w->db, &instance));
  id_copy(d.project_id, w->project);
  id_copy(d.environment_id, environment_id);
  id_copy(d.service_id, service.id);
  id_copy(d.service_instance_id, instance.id);
  CHECK_OK(deployment_insert(w->db, &d));
  id_copy(ret_id, d.id);
}

TEST(a_second_deployment_is_checked_as_the_first) {
  struct world *w = world_new();
  char here[ID_SIZE], elsewhere[ID_SIZE];
  add_deployment(w, w->environment, "here", here);
  add_deployment(w, w->other_environment, "elsewhere", elsewhere);
  static const struct {
    bool elsewhere;
    enum workspace_role least;
    const char *expected; /* nobody, stranger, viewer, member, admin, project token */
  } rows[] = {
    {false, WORKSPACE_VIEWER, "DN++++"},
    {false, WORKSPACE_MEMBER, "DND+++"}, /* values of variables */
    {true, WORKSPACE_VIEWER, "DN+++N"},
    {true, WORKSPACE_MEMBER, "DND++N"},
  };
  const struct caller *callers[] = {&w->nobody, &w->stranger, &w->viewer, &w->member, &w->admin, &w->token};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    char seen[ARRAY_LEN(callers) + 1] = "";
    for (size_t c = 0; c < ARRAY_LEN(callers); c++)
      seen[c] = outcome_of(access_deployment(&w->api, callers[c], rows[i].elsewhere ? elsewhere : here, rows[i].least));
    CHECK_TEXT(seen, rows[i].expected);
  }
  world_free(w);
}

TEST(the_setup_token_is_made_once_and_works_once) {
  struct world *w = world_new();
  db *fresh = NULL;
  bool needed = false;
  char folder[] = "/tmp/tramway-setup.XXXXXX";
  CHECK(mkdtemp(folder) != NULL);
  auto_free char *path = path_join(folder, "setup-token");
  CHECK_OK(fresh_db(&fresh));
  CHECK_OK(api_prepare_setup(fresh, path, &needed));
  CHECK(needed && file_exists(path));
  CHECK_OK(api_prepare_setup(w->db, path, &needed)); /* has accounts: the file goes */
  CHECK(!needed && !file_exists(path));
  CHECK_OK(file_remove_tree(folder));
  db_close(fresh);
  world_free(w);
}

static json_t *nodes(int count) {
  json_t *list = json_array();
  for (int i = 0; i < count; i++) {
    auto_free char *id = str_format("n%d", i);
    json_array_append_new(list, json_pack("{s:s}", "id", id));
  }
  return list;
}

TEST(connections_are_cut_by_first_after_last_before) {
  static const struct {
    const char *args, *expected;
  } rows[] = {
      {"{}", "n0 n1 n2 n3 n4 next=0 previous=0"},
      {"{\"first\":2}", "n0 n1 next=1 previous=0"},
      {"{\"first\":2,\"after\":\"n1\"}", "n2 n3 next=1 previous=1"},
      {"{\"last\":2}", "n3 n4 next=0 previous=1"},
      {"{\"last\":1,\"before\":\"n2\"}", "n1 next=1 previous=1"},
      {"{\"first\":0}", "next=1 previous=0"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_json *args = json_loads(rows[i].args, 0, NULL), *connection = NULL;
    CHECK_OK(relay_connection(nodes(5), args, false, &connection));
    auto_str seen = STR_EMPTY;
    size_t n;
    json_t *row;
    json_array_foreach(json_object_get(connection, "edges"), n, row)
      str_addf(&seen, "%s ", json_get_text(json_object_get(row, "node"), "id"));
    const json_t *info = json_object_get(connection, "pageInfo");
    str_addf(&seen, "next=%d previous=%d", json_get_bool(info, "hasNextPage", false),
             json_get_bool(info, "hasPreviousPage", false));
    CHECK_TEXT(str_text(&seen), rows[i].expected);
  }
  auto_json *bad = json_loads("{\"after\":\"x\"}", 0, NULL);
  json_t *none = NULL;
  CHECK_ERR(relay_connection(nodes(2), bad, false, &none), ERR_INVALID, "no cursor");
}

TEST_MAIN
