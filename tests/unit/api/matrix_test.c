/* The authorization matrix, made from the schema: every field of Query, Mutation and Subscription × every
 * kind of caller, about things that belong to one workspace.  The wrong ones are told NOT_FOUND or DENIED
 * and nothing else, and nothing changes; the right ones are not refused.  A field that is added later is
 * in it by itself; an argument named …Id of a new kind of thing wants a row in matrix_world.h. */
#include "matrix_args.h"

#include "cli/queries.h"
#include "graphql/subscribe.h"

static const char *const roots[] = {"Query", "Mutation", "Subscription"};

/* ---- what ought to be, said again and otherwise than in access.c ---- */

/* '+' may, 'D' is told DENIED, 'N' is told NOT_FOUND. */
static char for_role(const char *role, enum standing s, bool of_environment) {
  static const struct {
    const char *role, *who; /* by standing: NOBODY … OTHER_TOKEN, about something of an environment */
    const char *wider;      /* … about something of the project */
  } rows[] = {
      /*                       nobody outside otoken operator viewer deployer member admin token staging's */
      {"ANYONE",             "++++++++++", "++++++++++"},
      {"USER",               "D+D+++++DD", "D+D+++++DD"},
      {"PROJECT_TOKEN",      "DD+DDDDD++", "DD+DDDDD++"},
      {"ADMIN",              "DDD+DDDDDD", "DDD+DDDDDD"},
      {"WORKSPACE_VIEWER",   "DNNN+++++N", "DNNN++++++"},
      {"WORKSPACE_LOGS",     "DNNN+D+++N", "DNNN+D++++"},
      {"WORKSPACE_DEPLOYER", "DNNND++++N", "DNNND+++DD"},
      {"WORKSPACE_MEMBER",   "DNNNDD+++N", "DNNNDD++DD"},
      {"WORKSPACE_ADMIN",    "DNNNDDD+DN", "DNNNDDD+DD"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++)
    if (str_eq(rows[i].role, role)) return of_environment ? rows[i].who[s] : rows[i].wider[s];
  TAP_FAIL("the matrix does not know the role %s", role);
}

/* Whether one of the arguments names something that only some callers reach. */
static bool names(json_t *args, const char *suffix) {
  const char *name;
  json_t *value;
  json_object_foreach(args, name, value)
    if ((ends_with_id(name, suffix) && (json_is_string(value) || json_is_array(value))) || (json_is_object(value) && names(value, suffix)))
      return true;
  return false;
}

static bool is_token(enum standing s) {
  return s == TOKEN || s == OTHER_TOKEN || s == OUTSIDE_TOKEN;
}

static char expected(const struct graphql_field *field, json_t *args, enum standing s) {
  const char *of = json_get_text(field->access, "of");
  bool in_workspace = str_eq(of, "WORKSPACE") || str_eq(of, "INVITATION");
  bool in_project = str_eq(of, "PROJECT") || str_eq(of, "SERVICE") || str_eq(of, "PROJECT_TOKEN") ||
                    str_eq(of, "WEBHOOK") || str_eq(of, "VOLUME") || str_eq(of, "BUCKET") ||
                    (str_eq(of, "SCOPE") && !names(args, "environmentId"));
  bool in_environment = of && !in_workspace && !in_project; /* or of something in it */
  if (in_workspace && is_token(s)) return 'N'; /* a project token belongs to no workspace */
  char by_role = for_role(field->role, s, in_environment);
  if (by_role != '+' || str_eq(field->role, "ANYONE")) return by_role;
  bool of_environment = names(args, "environmentId") || names(args, "deploymentId") || names(args, "serviceDomainId") ||
                        names(args, "volumeInstanceId");
  bool of_project = names(args, "projectId") || names(args, "serviceId") || names(args, "volumeId") ||
                    names(args, "bucketId");
  bool of_workspace = names(args, "workspaceId");
  bool outside = s == OUTSIDE || s == OPERATOR || s == OUTSIDE_TOKEN;
  if (outside && (of_environment || of_project || of_workspace)) return 'N';
  if (s == OTHER_TOKEN && of_environment) return 'N';
  if (is_token(s) && of_workspace) return 'N';
  return '+';
}

/* ---- what is ---- */

static char outcome(err *e) {
  char c = !e ? '+' : err_code_of(e) == ERR_DENIED ? 'D' : err_code_of(e) == ERR_NOT_FOUND ? 'N' : '?';
  err_free(e);
  return c;
}

/* The codes of an answer's errors: "D", "N", or "" when there are none; '?' for others. */
static char answered(const json_t *answer) {
  const json_t *error = json_array_get(json_object_get(answer, "errors"), 0);
  if (!error) return '+';
  const char *code = json_get_text(json_object_get(error, "extensions"), "code");
  return str_eq(code, "DENIED") ? 'D' : str_eq(code, "NOT_FOUND") ? 'N' : '?';
}

static json_t *execute(const struct party *p, const char *query, json_t *variables) {
  struct asking asking = {.api = &a, .caller = p->caller};
  struct graphql_limits limits = GRAPHQL_LIMITS_DEFAULT;
  struct graphql_request request = {.query = query, .query_len = strlen(query), .variables = variables};
  limits.max_cost = SIZE_MAX / 2;
  return graphql_execute(a.schema, &asking, &request, &limits);
}

/* What nobody outside may read: the town's ids but those that were asked about, and the canaries. */
static void check_tells_nothing(const char *what, const struct party *p, const json_t *answer) {
  auto_free char *text = json_to_text(answer);
  const char *subject;
  json_t *id;
  if (strstr(text, CANARY_VALUE) || strstr(text, CANARY_LOG)) TAP_FAIL("%s tells %s a secret: %s", what, p->name, text);
  json_object_foreach(ids, subject, id)
    if (strstr(text, json_string_value(id))) TAP_FAIL("%s tells %s the id of a %s: %s", what, p->name, subject, text);
}

static long long changes(void) {
  return sqlite3_total_changes64(db_handle(town_db));
}

/* A digest of what belongs to the town's workspace, for what may change other things. */
static void digest(char hex[SHA256_HEX_SIZE]) {
  static const char *const queries[] = {
      "SELECT user_id, role FROM workspace_members WHERE workspace_id = ?1",
      "SELECT id, name, deleted_us FROM projects WHERE workspace_id = ?1",
      "SELECT e.id, e.name, e.deleted_us FROM environments AS e JOIN projects AS p ON p.id = e.project_id WHERE p.workspace_id = ?1",
      "SELECT s.id, s.name, s.deleted_us FROM services AS s JOIN projects AS p ON p.id = s.project_id WHERE p.workspace_id = ?1",
      "SELECT v.name, v.value, v.is_sealed FROM variables AS v JOIN projects AS p ON p.id = v.project_id WHERE p.workspace_id = ?1",
      "SELECT d.id, d.status FROM deployments AS d JOIN projects AS p ON p.id = d.project_id WHERE p.workspace_id = ?1",
      "SELECT name FROM volumes WHERE workspace_id = ?1",
      "SELECT id, service_id, mount_path, size_bytes, deleted_us FROM volume_instances WHERE workspace_id = ?1",
      "SELECT t.id FROM project_tokens AS t JOIN projects AS p ON p.id = t.project_id WHERE p.workspace_id = ?1",
      "SELECT id FROM invitations WHERE workspace_id = ?1",
      "SELECT id, name FROM workspaces WHERE id = ?1",
  };
  auto_str text = STR_EMPTY;
  for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
    auto_db_stmt *s = NULL;
    CHECK_OK(db_query(town_db, queries[i], DB_BIND(db_text(workspace.id)), &s));
    for (bool row = true;;) {
      CHECK_OK(db_step(s, &row));
      if (!row) break;
      for (int c = 0; c < db_column_count(s); c++) str_addf(&text, "%s|", db_column_text(s, c));
    }
  }
  secret_sha256_hex(str_text(&text), text.len, hex);
}

/* What can be had of a field's type without more than the field itself asks for; "" of a leaf. */
static char *plain_selection(const struct graphql_field *field) {
  const struct graphql_type *type = graphql_named_type(field->type);
  auto_strv all = STRV_EMPTY;
  if (graphql_type_is_leaf(type)) return str_dup("");
  selections_for(type, 0, &all);
  return str_dup(all.items[all.len - 1]);
}

static char *name_of(const char *root, const struct graphql_field *field, const struct party *p) {
  return str_format("%s.%s for %s", root, field->name, p->name);
}

#define EACH_FIELD(root, field)                                                                            \
  for (size_t r_ = 0; r_ < ARRAY_LEN(roots); r_++)                                                         \
    for (const struct graphql_type *t_ = graphql_schema_type(a.schema, roots[r_]); t_; t_ = NULL)          \
      for (const struct graphql_field *field = t_->fields; field < t_->fields + t_->field_count; field++)  \
        for (const char *root = roots[r_]; root; root = NULL)

TEST(each_field_lets_in_whom_its_access_says_and_nobody_else) {
  world_open();
  int cells = 0;
  EACH_FIELD(root, field) {
    auto_json *args = args_for(field);
    for (size_t i = 0; i < party_count; i++) {
      const struct party *p = &parties[i];
      struct asking asking = {.api = &a, .caller = p->caller};
      struct graphql_call call = {.context = &asking, .type = root, .field = field->name, .role = field->role,
                                  .access = field->access, .args = args};
      char want = expected(field, args, p->standing), got = outcome(access_check(&asking, field->role, &call));
      if (got != want) TAP_FAIL("%s.%s for %s: %c, expected %c", root, field->name, p->name, got, want);
      cells++;
    }
  }
  printf("# %d cells\n", cells);
  world_close();
}

TEST(who_is_refused_learns_and_changes_nothing) {
  world_open();
  EACH_FIELD(root, field) {
    if (str_eq(root, "Subscription")) continue; /* below */
    auto_json *args = args_for(field);
    auto_free char *selection = plain_selection(field);
    auto_free char *query = query_for(str_eq(root, "Query") ? "query" : "mutation", field, args, selection);
    for (size_t i = 0; i < party_count; i++) {
      const struct party *p = &parties[i];
      char want = expected(field, args, p->standing);
      auto_free char *what = name_of(root, field, p);
      if (want == '+') continue;
      long long before = changes();
      auto_json *answer = execute(p, query, args);
      char got = answered(answer);
      if (got != want) TAP_FAIL("%s: answered %c, expected %c", what, got, want);
      if (changes() != before) TAP_FAIL("%s: something was written", what);
      check_tells_nothing(what, p, answer);
    }
  }
  world_close();
}

TEST(who_may_read_is_not_refused) {
  world_open();
  const struct graphql_type *type = graphql_schema_type(a.schema, "Query");
  for (const struct graphql_field *field = type->fields; field < type->fields + type->field_count; field++) {
    auto_json *args = args_for(field);
    auto_free char *selection = plain_selection(field);
    auto_free char *query = query_for("query", field, args, selection);
    for (size_t i = 0; i < party_count; i++) {
      if (expected(field, args, parties[i].standing) != '+') continue;
      auto_json *answer = execute(&parties[i], query, args);
      bool second_check = str_eq(field->name, "deploymentDiff"); /* with values it asks for more */
      if (answered(answer) == 'D' && !second_check) {
        auto_free char *text = json_to_text(answer);
        TAP_FAIL("Query.%s denies %s: %s", field->name, parties[i].name, text);
      }
    }
  }
  world_close();
}

/* Fields about what is the caller's own, with every id of somebody else's in place of theirs. */
TEST(nobody_gets_at_what_is_somebody_elses_by_its_id) {
  world_open();
  char before[SHA256_HEX_SIZE], after[SHA256_HEX_SIZE];
  digest(before);
  EACH_FIELD(root, field) {
    bool open = str_eq(field->role, "USER") || str_eq(field->role, "PROJECT_TOKEN") || str_eq(field->role, "ANYONE") ||
                str_eq(field->role, "ADMIN");
    if (!open || str_eq(root, "Subscription") || str_eq(field->name, "logout")) continue;
    const char *subject;
    json_t *id;
    json_object_foreach(ids, subject, id) {
      auto_json *args = args_for(field);
      if (json_get_text(args, "id")) json_object_set(args, "id", id);
      if (json_get_text(args, "code")) json_object_set(args, "code", id);
      auto_free char *selection = plain_selection(field);
      auto_free char *query = query_for(str_eq(root, "Query") ? "query" : "mutation", field, args, selection);
      for (size_t i = 0; i < party_count; i++) {
        enum standing s = parties[i].standing;
        if (s != NOBODY && s != OUTSIDE && s != OUTSIDE_TOKEN) continue;
        auto_free char *what = name_of(root, field, &parties[i]);
        auto_json *answer = execute(&parties[i], query, args);
        check_tells_nothing(what, &parties[i], answer);
      }
      if (!json_get_text(args, "id") && !json_get_text(args, "code")) break;
    }
  }
  digest(after);
  CHECK_TEXT(after, before);
  world_close();
}

/* ---- what lies below a field ---- */

/* Values of variables are for members, and for the project token of their own environment; what apps and
 * builds print is not for deployers. */
static void check_reads(const char *query, const struct party *p, const json_t *answer) {
  auto_free char *text = json_to_text(answer);
  bool may_value = p->standing == MEMBER || p->standing == ADMIN || p->standing == TOKEN;
  bool may_log = may_value || p->standing == VIEWER;
  if (!may_value && strstr(text, CANARY_VALUE)) TAP_FAIL("%s reads a variable's value by %s", p->name, query);
  if (!may_log && strstr(text, CANARY_LOG)) TAP_FAIL("%s reads a log by %s", p->name, query);
}

TEST(values_and_logs_are_for_their_roles_wherever_one_looks) {
  world_open();
  int asked = 0, seen_values = 0, seen_logs = 0;
  const struct graphql_type *type = graphql_schema_type(a.schema, "Query");
  for (const struct graphql_field *field = type->fields; field < type->fields + type->field_count; field++) {
    auto_json *args = args_for(field);
    auto_strv selections = STRV_EMPTY;
    if (graphql_type_is_leaf(graphql_named_type(field->type)))
      strv_add(&selections, "");
    else
      selections_for(graphql_named_type(field->type), 2, &selections);
    for (size_t s = 0; s < selections.len; s++) {
      auto_free char *query = query_for("query", field, args, selections.items[s]);
      for (size_t i = 0; i < party_count; i++) {
        if (parties[i].standing < VIEWER || parties[i].standing == ADMIN) continue;
        auto_json *answer = execute(&parties[i], query, args);
        auto_free char *text = json_to_text(answer);
        check_reads(query, &parties[i], answer);
        seen_values += strstr(text, CANARY_VALUE) != NULL;
        seen_logs += strstr(text, CANARY_LOG) != NULL;
        asked++;
      }
    }
  }
  printf("# %d queries, %d with the value, %d with the log\n", asked, seen_values, seen_logs);
  CHECK(seen_values > 2 && seen_logs > 2); /* the canaries are where they can be found */
  world_close();
}

static void never_ready(void *arg) {
  (void)arg;
}

TEST(subscriptions_are_refused_at_once_and_again_when_the_token_ends) {
  world_open();
  const struct graphql_type *type = graphql_schema_type(a.schema, "Subscription");
  for (const struct graphql_field *field = type->fields; field < type->fields + type->field_count; field++) {
    auto_json *args = args_for(field);
    auto_free char *selection = plain_selection(field);
    auto_free char *query = query_for("subscription", field, args, selection);
    for (size_t i = 0; i < party_count; i++) {
      struct asking asking = {.api = &a, .caller = parties[i].caller};
      struct graphql_limits limits = GRAPHQL_LIMITS_DEFAULT;
      struct graphql_request request = {.query = query, .query_len = strlen(query), .variables = args};
      graphql_subscription *subscription = NULL;
      auto_json *answer = graphql_subscribe(a.schema, &asking, &request, &limits, never_ready, NULL, &subscription);
      char want = expected(field, args, parties[i].standing), got = subscription ? '+' : answered(answer);
      graphql_subscription_free(subscription);
      if (got != want) TAP_FAIL("Subscription.%s for %s: %c, expected %c", field->name, parties[i].name, got, want);
      if (answer) check_tells_nothing(field->name, &parties[i], answer);
    }
  }
  world_close();
}

/* ---- what the schema may not say ---- */

TEST(only_what_is_listed_here_is_open) {
  static const char *const open_to_all[] = {"Query.systemInfo", "Mutation.setup", "Mutation.login",
                                            "Mutation.accountCreate", "Query.template", "Query.templates",
                                            "Query.templateSearch", "Query.templatesCount", NULL};
  static const char *const open_to_viewers[] = {"Mutation.workspaceLeave", NULL};
  world_open();
  EACH_FIELD(root, field) {
    auto_free char *name = str_format("%s.%s", root, field->name);
    auto_json *args = args_for(field);
    bool is_mutation = str_eq(root, "Mutation");
    struct strv all = {(char **)(uintptr_t)open_to_all, ARRAY_LEN(open_to_all) - 1, 0};
    struct strv viewers = {(char **)(uintptr_t)open_to_viewers, ARRAY_LEN(open_to_viewers) - 1, 0};
    if (str_eq(field->role, "ANYONE")) {
      if (!strv_has(&all, name)) TAP_FAIL("%s is open to all: is that meant? Then say so here", name);
      if (names(args, "Id")) TAP_FAIL("%s is open to all and takes an id", name);
    }
    bool for_viewers = str_eq(field->role, "WORKSPACE_VIEWER") || str_eq(field->role, "WORKSPACE_LOGS");
    if (is_mutation && for_viewers && !strv_has(&viewers, name)) TAP_FAIL("%s lets a viewer change something", name);
  }
  world_close();
}

/* ---- the verbs of the CLI ---- */

/* Variables for one of the CLI's documents: what the argument that takes each would be given. */
static json_t *variables_of(const char *query, const char *id) {
  static const char *const names_of[] = {"environmentId", "serviceId", "projectId", "workspaceId", "deploymentId"};
  json_t *v = json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", id, "from", id, "to", id, "code", "x", "name", "x");
  json_t *input = json_object();
  for (size_t i = 0; i < ARRAY_LEN(names_of); i++) {
    json_set_text(v, names_of[i], id_for(names_of[i]));
    if (strstr(query, "$input")) json_set_text(input, names_of[i], id_for(names_of[i]));
  }
  json_object_set_new(v, "input", input);
  return v;
}

TEST(no_verb_of_the_cli_gets_anything_of_somebody_elses) {
  world_open();
  char before[SHA256_HEX_SIZE], after[SHA256_HEX_SIZE];
  digest(before);
  int asked = 0;
  for (size_t q = 0; all_queries[q]; q++) {
    if (str_starts(all_queries[q], "mutation Logout")) continue;
    const char *subject;
    json_t *id;
    json_object_foreach(ids, subject, id) {
      auto_json *variables = variables_of(all_queries[q], json_string_value(id));
      for (size_t i = 0; i < party_count; i++) {
        enum standing s = parties[i].standing;
        if (s != NOBODY && s != OUTSIDE && s != OUTSIDE_TOKEN) continue;
        auto_json *answer = execute(&parties[i], all_queries[q], variables);
        check_tells_nothing(all_queries[q], &parties[i], answer);
        asked++;
      }
    }
  }
  printf("# %d requests\n", asked);
  digest(after);
  CHECK_TEXT(after, before);
  world_close();
}

TEST_MAIN
