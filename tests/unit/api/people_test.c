/* Workspaces, members, invitations, tokens, sessions, and what the audit log says of all that. */
#include "matrix_world.h"

#include "base/clock.h"
#include "base/totp.h"
#include "store/audit.h"
#include "store/two_factor.h"

static struct caller *caller_of(const char *name) {
  for (size_t i = 0; i < party_count; i++)
    if (str_eq(parties[i].name, name)) return &parties[i].caller;
  TAP_FAIL("nobody is called %s", name);
}

/* The answer as text; the caller owns it. */
static char *ask(const char *who, const char *query, json_t *variables) {
  struct asking asking = {.api = &a, .caller = *caller_of(who)};
  auto_json *owned = variables;
  struct graphql_request request = {.query = query, .query_len = strlen(query), .variables = owned};
  auto_json *answer = graphql_execute(a.schema, &asking, &request, &GRAPHQL_LIMITS_DEFAULT);
  return json_to_text(answer);
}

#define CHECK_ASK(who, query, variables, part)                                                     \
  do {                                                                                             \
    auto_free char *said_ = ask(who, query, variables);                                            \
    CHECK_HAS(said_, part);                                                                        \
  } while (0)

/* The text that a mutation of the type String gives. */
static char *text_of(const char *who, const char *query, json_t *variables) {
  auto_free char *said = ask(who, query, variables);
  auto_json *answer = json_loads(said, 0, NULL);
  json_t *data = json_object_get(answer, "data");
  const char *text = json_string_value(json_object_iter_value(json_object_iter(data)));
  if (!text) TAP_FAIL("%s", said);
  return str_dup(text);
}

#define INVITE "mutation($w: String!, $r: String!) { workspaceInviteCodeCreate(workspaceId: $w, input: {role: $r}) }"
#define USE "mutation($c: String!) { workspaceInviteCodeUse(code: $c) { id name } }"
#define ROLE "mutation($w: String!, $u: String!, $r: TeamRole!) { workspacePermissionChange(input: {workspaceId: $w, userId: $u, role: $r}) }"
#define REMOVE "mutation($w: String!, $u: String!) { workspaceUserRemove(workspaceId: $w, input: {userId: $u}) }"

static char *invite(const char *who, const char *role) {
  return text_of(who, INVITE, json_pack("{s:s, s:s}", "w", workspace.id, "r", role));
}

TEST(an_invitation_makes_one_member_once) {
  world_open();
  auto_free char *code = invite("admin", "deployer");
  CHECK_INT(strlen(code), 48);
  CHECK_ASK("stranger", USE, json_pack("{s:s}", "c", code), "Ada's");
  bool found = false;
  auto_workspace_member member = {0};
  CHECK_OK(workspace_member_find(town_db, workspace.id, caller_of("stranger")->user_id, &found, &member));
  CHECK(found && member.role == WORKSPACE_DEPLOYER);
  CHECK_ASK("removed", USE, json_pack("{s:s}", "c", code), "was used already");
  world_close();
}

TEST(an_invitation_of_somebody_who_is_no_admin_any_more_is_worth_nothing) {
  world_open();
  auto_free char *code = invite("admin", "ADMIN");
  CHECK_OK(workspace_add_member(town_db, workspace.id, caller_of("member")->user_id, WORKSPACE_ADMIN));
  CHECK_ASK("member", ROLE,
            json_pack("{s:s, s:s, s:s}", "w", workspace.id, "u", caller_of("admin")->user_id, "r", "MEMBER"), "true");
  CHECK_ASK("stranger", USE, json_pack("{s:s}", "c", code), "NOT_FOUND");
  world_close();
}

TEST(only_admins_invite_and_nobody_joins_twice) {
  world_open();
  CHECK_ASK("member", INVITE, json_pack("{s:s, s:s}", "w", workspace.id, "r", "VIEWER"), "DENIED");
  CHECK_ASK("admin", INVITE, json_pack("{s:s, s:s}", "w", workspace.id, "r", "OWNER"), "INVALID");
  auto_free char *code = invite("admin", "ADMIN");
  CHECK_ASK("viewer", USE, json_pack("{s:s}", "c", code), "CONFLICT"); /* and is no admin by it */
  CHECK_ASK("stranger's workspace token", USE, json_pack("{s:s}", "c", code), "DENIED");
  world_close();
}

#define ACCOUNT "mutation($c: String!, $e: String!, $p: String!) { accountCreate(input: {code: $c, name: \"New\", email: $e, password: $p}) }"

TEST(an_account_by_invitation_is_in_that_workspace_and_administers_nothing) {
  world_open();
  auto_free char *code = invite("admin", "VIEWER");
  CHECK_ASK("nobody", ACCOUNT, json_pack("{s:s, s:s, s:s}", "c", code, "e", "new@example.org", "p", "short"), "INVALID");
  CHECK_ASK("nobody", ACCOUNT, json_pack("{s:s, s:s, s:s}", "c", "guess", "e", "new@example.org", "p", "long enough"), "NOT_FOUND");
  CHECK_ASK("nobody", ACCOUNT, json_pack("{s:s, s:s, s:s}", "c", code, "e", "VIEWER@example.org", "p", "long enough"), "CONFLICT");
  auto_free char *secret = text_of("nobody", ACCOUNT, json_pack("{s:s, s:s, s:s}", "c", code, "e", "new@example.org", "p", "long enough"));
  CHECK_INT(strlen(secret), 64);
  auto_user made = {0};
  auto_workspace_member member = {0};
  bool found = false;
  CHECK_OK(user_find_by_email(town_db, "new@example.org", &found, &made));
  CHECK(found && !made.is_admin);
  CHECK_OK(workspace_member_find(town_db, workspace.id, made.id, &found, &member));
  CHECK(found && member.role == WORKSPACE_VIEWER);
  CHECK_ASK("nobody", ACCOUNT, json_pack("{s:s, s:s, s:s}", "c", code, "e", "more@example.org", "p", "long enough"), "NOT_FOUND");
  world_close();
}

TEST(the_last_admin_stays_one) {
  world_open();
  const char *admin = caller_of("admin")->user_id;
  CHECK_ASK("admin", ROLE, json_pack("{s:s, s:s, s:s}", "w", workspace.id, "u", admin, "r", "MEMBER"), "only admin");
  CHECK_ASK("admin", REMOVE, json_pack("{s:s, s:s}", "w", workspace.id, "u", admin), "only admin");
  CHECK_ASK("admin", "mutation($w: String!) { workspaceLeave(id: $w) }", json_pack("{s:s}", "w", workspace.id), "only admin");
  CHECK_ASK("admin", ROLE, json_pack("{s:s, s:s, s:s}", "w", workspace.id, "u", caller_of("viewer")->user_id, "r", "ADMIN"), "true");
  CHECK_ASK("viewer", REMOVE, json_pack("{s:s, s:s}", "w", workspace.id, "u", admin), "true");
  CHECK_ASK("admin", "query($w: String!) { workspace(workspaceId: $w) { name } }", json_pack("{s:s}", "w", workspace.id), "NOT_FOUND");
  CHECK_ASK("workspace token", "query($w: String!) { workspace(workspaceId: $w) { name } }", json_pack("{s:s}", "w", workspace.id), "NOT_FOUND");
  world_close();
}

TEST(who_is_no_member_cannot_be_given_a_role) {
  world_open();
  CHECK_ASK("admin", ROLE, json_pack("{s:s, s:s, s:s}", "w", workspace.id, "u", caller_of("stranger")->user_id, "r", "ADMIN"), "NOT_FOUND");
  CHECK_ASK("admin", REMOVE, json_pack("{s:s, s:s}", "w", workspace.id, "u", caller_of("stranger")->user_id), "NOT_FOUND");
  world_close();
}

TEST(a_new_workspace_makes_no_admin_of_the_installation) {
  world_open();
  CHECK_ASK("viewer", "mutation { workspaceCreate(input: {name: \"Mine\"}) { id members { email role } } }", NULL,
            "{\"email\":\"viewer@example.org\",\"role\":\"ADMIN\"}");
  CHECK_ASK("viewer", "{ tramwayDisk { runs } }", NULL, "DENIED");
  CHECK_ASK("viewer", "{ me { isAdmin workspaces { name } } }", NULL, "Mine");
  CHECK_ASK("workspace token", "mutation { workspaceCreate(input: {name: \"More\"}) { id } }", NULL, "DENIED");
  CHECK_ASK("admin", "mutation($w: String!) { workspaceDelete(id: $w) }", json_pack("{s:s}", "w", workspace.id), "still has projects");
  world_close();
}

TEST(a_project_without_a_workspace_goes_where_its_maker_may_make_one) {
  world_open();
  CHECK_ASK("viewer", "mutation { projectCreate(input: {name: \"x\"}) { id } }", NULL, "DENIED");
  CHECK_ASK("member", "mutation { projectCreate(input: {name: \"x\"}) { workspace { name } } }", NULL, "Ada's");
  CHECK_ASK("removed", "mutation { projectCreate(input: {name: \"x\"}) { id } }", NULL, "DENIED");
  world_close();
}

TEST(tokens_are_shown_once_expire_and_stay_within_their_workspace) {
  world_open();
  auto_free char *secret = text_of("member", "mutation { apiTokenCreate(input: {name: \"ci\", expiresInSeconds: 60}) }", NULL);
  auto_free char *listed = ask("member", "{ apiTokens { edges { node { id name displayToken expiresAt lastUsedAt } } } }", NULL);
  CHECK_HAS(listed, "\"name\":\"ci\"");
  CHECK(!strstr(listed, secret) && !strstr(listed, "\"expiresAt\":null"));
  CHECK_ASK("stranger", "{ apiTokens { edges { node { name } } } }", NULL, "\"edges\":[]");
  CHECK_ASK("member", "mutation { apiTokenCreate(input: {name: \"x\", expiresInSeconds: -1}) }", NULL, "INVALID");
  CHECK_ASK("member", "mutation($w: String!) { apiTokenCreate(input: {name: \"x\", workspaceId: $w}) }", json_pack("{s:s}", "w", workspace.id), "DENIED");
  CHECK_ASK("workspace token", "mutation { apiTokenCreate(input: {name: \"x\"}) }", NULL, "DENIED");
  char hash[SHA256_HEX_SIZE];
  auto_api_token row = {0};
  bool found = false;
  secret_sha256_hex(secret, strlen(secret), hash);
  CHECK_OK(api_token_find_by_hash(town_db, hash, row.created_us, &found, &row));
  CHECK(found);
  auto_api_token late = {0};
  CHECK_OK(api_token_find_by_hash(town_db, hash, row.expires_us, &found, &late));
  CHECK(!found);
  world_close();
}

TEST(a_session_is_listed_and_ended_by_its_owner) {
  world_open();
  auto_free char *listed = ask("member", "{ sessions { edges { node { id isCurrent type } } } }", NULL);
  CHECK_HAS(listed, "\"isCurrent\":true");
  json_t *id = json_pack("{s:s}", "id", caller_of("member")->token_id);
  json_incref(id);
  CHECK_ASK("admin", "mutation($id: String!) { sessionDelete(id: $id) }", id, "NOT_FOUND");
  CHECK_ASK("member", "mutation($id: String!) { sessionDelete(id: $id) }", id, "true");
  CHECK_ASK("member", "{ me { email } }", NULL, "the token is unknown or has expired"); /* an open WebSocket */
  world_close();
}

/* ---- the second factor ---- */

#define VALIDATE "mutation($t: String!) { twoFactorInfoValidate(input: {token: $t}) }"
#define DELETE "mutation($e: String!) { environmentDelete(id: $e) }"
#define LOGIN "mutation($p: String!, $c: String) { login(input: {email: \"admin@example.org\", password: $p, twoFactorCode: $c}) }"

/* A code that was not used: of the step after the one used last. */
static char *fresh_code(const char *who) {
  auto_two_factor f = {0};
  bool found = false;
  char code[TOTP_DIGITS + 1];
  CHECK_OK(two_factor_find(town_db, caller_of(who)->user_id, &found, &f));
  CHECK(found);
  int64_t now = clock_now_us() / 1000000 / TOTP_STEP_S;
  CHECK(totp_code(f.secret, f.last_step >= now ? f.last_step + 1 : now, code));
  return str_dup(code);
}

/* Turns it on; the recovery codes are the caller's. */
static json_t *turn_on(const char *who) {
  caller_of(who)->is_session = true;
  CHECK_ASK(who, "mutation { twoFactorInfoSecret { secret uri } }", NULL, "otpauth://totp/Tramway:");
  auto_free char *code = fresh_code(who);
  auto_free char *said = ask(who, "mutation($t: String!) { twoFactorInfoCreate(input: {token: $t}) { recoveryCodes } }", json_pack("{s:s}", "t", code));
  auto_json *answer = json_loads(said, 0, NULL);
  json_t *codes = json_object_get(json_object_get(json_object_get(answer, "data"), "twoFactorInfoCreate"), "recoveryCodes");
  if (json_array_size(codes) != 10) TAP_FAIL("%s", said);
  return json_incref(codes);
}

static void forget_confirmation(const char *who) {
  CHECK_OK(api_token_confirm(town_db, caller_of(who)->token_id, 1));
}

TEST(what_cannot_be_undone_asks_a_session_for_a_code_and_a_token_not) {
  world_open();
  auto_json *codes = turn_on("admin");
  const char *recovery = json_string_value(json_array_get(codes, 0));
  CHECK_ASK("admin", "{ twoFactorInfo { isVerified hasRecoveryCodes } }", NULL, "\"isVerified\":true,\"hasRecoveryCodes\":true");
  forget_confirmation("admin");
  CHECK_ASK("admin", DELETE, json_pack("{s:s}", "e", staging), "\"message\":\"Two Factor Authentication Required\"");
  CHECK_ASK("admin", "mutation { twoFactorInfoDelete }", NULL, "Two Factor Authentication Required");
  CHECK_ASK("admin", VALIDATE, json_pack("{s:s}", "t", "000000"), "false");
  CHECK_ASK("admin", DELETE, json_pack("{s:s}", "e", staging), "Two Factor Authentication Required");
  auto_free char *code = fresh_code("admin");
  CHECK_ASK("admin", VALIDATE, json_pack("{s:s}", "t", code), "true");
  CHECK_ASK("admin", VALIDATE, json_pack("{s:s}", "t", code), "false"); /* was used */
  CHECK_ASK("admin", DELETE, json_pack("{s:s}", "e", staging), "true");
  forget_confirmation("admin");
  CHECK_ASK("admin", "mutation($c: String!) { recoveryCodeValidate(input: {code: $c}) }", json_pack("{s:s}", "c", recovery), "true");
  CHECK_ASK("admin", "mutation($c: String!) { recoveryCodeValidate(input: {code: $c}) }", json_pack("{s:s}", "c", recovery), "false");
  CHECK_ASK("admin", "mutation { twoFactorInfoDelete }", NULL, "true");
  CHECK_ASK("admin", "{ twoFactorInfo { isVerified hasRecoveryCodes } }", NULL, "\"isVerified\":false,\"hasRecoveryCodes\":false");
  world_close();
}

TEST(a_token_needs_no_code_and_cannot_touch_the_second_factor) {
  world_open();
  json_decref(turn_on("admin"));
  forget_confirmation("admin");
  caller_of("admin")->is_session = false; /* as with RAILWAY_API_TOKEN */
  CHECK_ASK("admin", "mutation { twoFactorInfoDelete }", NULL, "DENIED");
  CHECK_ASK("admin", "mutation { recoveryCodeGenerate { recoveryCodes } }", NULL, "DENIED");
  CHECK_ASK("admin", "mutation { twoFactorInfoSecret { secret } }", NULL, "DENIED");
  CHECK_ASK("admin", DELETE, json_pack("{s:s}", "e", staging), "true");
  world_close();
}

TEST(signing_in_asks_for_the_code_and_takes_each_once) {
  auto_free char *hash = NULL;
  world_open();
  CHECK_OK(password_hash("correct horse", &hash));
  CHECK_OK(user_set_password_hash(town_db, caller_of("admin")->user_id, hash, 1));
  auto_json *codes = turn_on("admin");
  CHECK_ASK("nobody", LOGIN, json_pack("{s:s}", "p", "correct horse"), "Two Factor Authentication Required");
  CHECK_ASK("nobody", LOGIN, json_pack("{s:s}", "p", "wrong"), "do not belong together"); /* and says no more */
  CHECK_ASK("nobody", LOGIN, json_pack("{s:s, s:s}", "p", "correct horse", "c", "123456"), "the code is wrong");
  auto_free char *code = fresh_code("admin");
  auto_free char *session = text_of("nobody", LOGIN, json_pack("{s:s, s:s}", "p", "correct horse", "c", code));
  CHECK_INT(strlen(session), 64);
  CHECK_ASK("nobody", LOGIN, json_pack("{s:s, s:s}", "p", "correct horse", "c", code), "the code is wrong");
  auto_free char *typed = str_dup(json_string_value(json_array_get(codes, 3)));
  for (char *p = typed; *p; p++)
    if (*p >= 'a' && *p <= 'z') *p = (char)(*p - 32);
  auto_free char *by_recovery = text_of("nobody", LOGIN, json_pack("{s:s, s:s}", "p", "correct horse", "c", typed));
  CHECK_INT(strlen(by_recovery), 64);
  world_close();
}

TEST(the_secret_is_not_in_the_database_in_clear_nor_codes_in_the_audit_log) {
  world_open();
  auto_json *codes = turn_on("admin");
  auto_two_factor f = {0};
  bool found = false;
  int64_t in_clear = 0;
  CHECK_OK(two_factor_find(town_db, caller_of("admin")->user_id, &found, &f));
  CHECK_OK(db_query_int(town_db, "SELECT count(*) FROM two_factors WHERE instr(secret, ?1)", DB_BIND(db_text(f.secret)), 0, &in_clear));
  CHECK_INT(in_clear, 0);
  CHECK_OK(db_query_int(town_db, "SELECT count(*) FROM audit_logs WHERE payload LIKE '%' || ?1 || '%' OR payload LIKE '%' || ?2 || '%'",
                        DB_BIND(db_text(f.secret), db_text(json_string_value(json_array_get(codes, 0)))), 0, &in_clear));
  CHECK_INT(in_clear, 0);
  world_close();
}

TEST(guesses_of_a_code_are_bounded) {
  world_open();
  json_decref(turn_on("admin"));
  for (int i = 0; i < 5; i++) CHECK_ASK("admin", VALIDATE, json_pack("{s:s}", "t", "000000"), "false");
  CHECK_ASK("admin", VALIDATE, json_pack("{s:s}", "t", "000000"), "BUSY");
  world_close();
}

/* ---- the audit log ---- */

#define AUDIT "query($w: String!) { auditLogs(workspaceId: $w) { edges { node { eventType context payload workspaceId projectId environmentId } } } }"

TEST(each_mutation_leaves_a_row_with_its_outcome_and_no_secret) {
  world_open();
  json_t *ids_of = json_pack("{s:s, s:s, s:s}", "p", project.id, "e", instance.environment_id, "s", service.id);
  json_incref(ids_of);
  CHECK_ASK("member",
            "mutation($p: String!, $e: String!, $s: String!) { variableUpsert(input: {projectId: $p, environmentId: $e,"
            " serviceId: $s, name: \"KEY\", value: \"hidden-c0ffee\", skipDeploys: true}) }",
            ids_of, "true");
  CHECK_ASK("member",
            "mutation($p: String!, $e: String!, $s: String!) { variableCollectionUpsert(input: {projectId: $p, environmentId: $e,"
            " serviceId: $s, variables: {TOKEN: \"hidden-c0ffee\"}, skipDeploys: true}) }",
            ids_of, "true");
  CHECK_ASK("admin", "mutation($e: String!) { environmentRename(id: $e, input: {name: \"staging\"}) { id } }",
            json_pack("{s:s}", "e", instance.environment_id), "CONFLICT");
  auto_free char *log = ask("admin", AUDIT, json_pack("{s:s}", "w", workspace.id));
  CHECK_HAS(log, "\"eventType\":\"variableUpsert\"");
  CHECK_HAS(log, "\"name\":\"KEY\",\"value\":\"…\"");
  CHECK_HAS(log, "\"variables\":{\"TOKEN\":\"…\"}");
  CHECK_HAS(log, "\"eventType\":\"environmentRename\"");
  CHECK_HAS(log, "\"outcome\":\"FAILED\",\"problem\":\"");
  CHECK_HAS(log, caller_of("member")->user_id);
  CHECK_HAS(log, instance.environment_id);
  CHECK(!strstr(log, "hidden-c0ffee"));
  CHECK_ASK("member", AUDIT, json_pack("{s:s}", "w", workspace.id), "DENIED");
  world_close();
}

TEST(a_variable_may_have_a_name_that_looks_like_an_id) {
  world_open();
  CHECK_ASK("member",
            "mutation($p: String!, $e: String!) { variableCollectionUpsert(input: {projectId: $p, environmentId: $e,"
            " variables: {OTHERPROJECTID: \"x\", serviceId: \"y\"}, skipDeploys: true}) }",
            json_pack("{s:s, s:s}", "p", project.id, "e", instance.environment_id), "true");
  world_close();
}

TEST(who_makes_what_is_found_in_the_workspace_it_came_to_be_in) {
  world_open();
  CHECK_ASK("member", "mutation { projectCreate(input: {name: \"made\"}) { id } }", NULL, "\"id\"");
  auto_free char *log = ask("admin", AUDIT, json_pack("{s:s}", "w", workspace.id));
  CHECK_HAS(log, "projectCreate");
  CHECK_HAS(log, "resultId");
  world_close();
}

TEST(a_mutation_whose_row_cannot_be_written_does_not_run) {
  world_open();
  for (int nth = 1; nth <= 40; nth++) {
    int64_t before = 0, after = 0, rows = 0;
    CHECK_OK(db_query_int(town_db, "SELECT count(*) FROM workspaces", DB_NONE, 0, &before));
    db_fail_after(town_db, nth);
    auto_free char *said = ask("viewer", "mutation { workspaceCreate(input: {name: \"W\"}) { id } }", NULL);
    db_fail_after(town_db, 0);
    CHECK_OK(db_query_int(town_db, "SELECT count(*) FROM workspaces", DB_NONE, 0, &after));
    CHECK_OK(db_query_int(town_db, "SELECT count(*) FROM audit_logs WHERE event_type = 'workspaceCreate' AND outcome IN ('DONE', 'STARTED')", DB_NONE, 0, &rows));
    int64_t made = 0;
    CHECK_OK(db_query_int(town_db, "SELECT count(*) FROM workspaces WHERE name = 'W'", DB_NONE, 0, &made));
    if (rows < made) TAP_FAIL("statement %d: %lld workspaces, %lld rows", nth, (long long)made, (long long)rows);
    bool failed = strstr(said, "injected failure") != NULL;
    if (failed && after != before && !strstr(said, "\"id\"")) TAP_FAIL("statement %d: it failed and was done: %s", nth, said);
    CHECK(!db_in_transaction(town_db));
  }
  auto_audit_verdict v = {0};
  CHECK_OK(audit_verify(town_db, 0, AUDIT_VERIFY_MAX, &v));
  CHECK_TEXT(v.problem, NULL);
  world_close();
}

TEST(the_operator_verifies_and_finds_who_signed_in) {
  world_open();
  CHECK_ASK("nobody", "mutation { login(input: {email: \"viewer@example.org\", password: \"wrong\"}) }", NULL, "do not belong together");
  CHECK_ASK("operator", AUDIT, json_pack("{s:s}", "w", other_workspace), "\"eventType\":\"login\"");
  auto_free char *log = ask("stranger", AUDIT, json_pack("{s:s}", "w", other_workspace));
  CHECK(!strstr(log, "login"));
  CHECK_ASK("operator", "{ tramwayAuditVerify { rows next brokenId problem } }", NULL, "\"rows\":1,\"next\":null,\"brokenId\":null,\"problem\":null");
  CHECK_OK(db_run(town_db, "UPDATE audit_logs SET address = 'x'", DB_NONE, NULL));
  CHECK_ASK("operator", "{ tramwayAuditVerify { problem } }", NULL, "was changed after it was written");
  world_close();
}

TEST_MAIN
