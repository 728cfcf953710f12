/* Every path that the server answers × who asks, over HTTP: uploads, commands in instances, sockets; bad,
 * expired and missing tokens; and the parts of HTTP that are not GraphQL: rate limits, the device flow. */
#include "http/raw.h"
#include "matrix_world.h"

/* Paths that need no token, and why; a new one fails below until it is here or refuses strangers. */
static const struct {
  const char *path, *why;
} open_paths[] = {
    {"/healthz", "says only that tramd is there"},
    {"/graphql/v2", "each field decides: matrix_test"},
    {"/oauth/device/auth", "begins what a person must allow"},
    {"/oauth/token", "wants a device code, which is a secret"},
    {"/device", "the page takes a password"},
    {"/invite/{code}", "the same page for every code"},
    {"/ssh/key", "answers sshd's helper alone, whom the kernel names"},
    {"/webhooks/{provider}/{hook}", "wants a signature: webhook_test"},
};

static struct api *served;
static int port;

static void serve(struct rate_limits limits) {
  static const char *const listen[] = {"127.0.0.1:0", NULL};
  world_open();
  raw_loop = town_loop;
  auto_free char *folder = path_join(town_folder, "uploads");
  struct api_options options = {.listen = listen, .version = "1", .public_url = "", .edge_url = "http://y",
                                .domain_suffix = "localhost", .upload_dir = folder, .upload_limit_bytes = 1 << 20,
                                .requests_per_hour = limits.per_hour, .requests_per_second = limits.per_second};
  CHECK_OK(api_start(&a.parts, &options, &served));
  port = http_server_port(served->server, 0);
}

static void stop(void) {
  api_stop(served);
  world_close();
}

/* Status and whole answer of a request; the caller owns the text. */
static char *ask(const char *method, const char *path, const char *headers, const char *body, int *ret_status) {
  auto_free char *request = str_format("%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%sContent-Length: %zu\r\n\r\n%s",
                                       method, path, headers, strlen(body), body);
  struct str answer;
  str_init(&answer);
  int fd = raw_connect(port);
  raw_send(fd, request);
  raw_expect_end(fd, &answer);
  close(fd);
  *ret_status = 0;
  sscanf(str_text(&answer), "HTTP/1.1 %d", ret_status);
  return str_take(&answer);
}

/* The header of a token that is really in the database. */
static char *bearer(const char *user_id, const char *workspace_id, int64_t expires_us) {
  auto_free char *secret = NULL;
  struct token_wish wish = {.user_id = user_id, .name = "t", .workspace_id = workspace_id, .expires_us = expires_us,
                            .kind = workspace_id ? API_TOKEN_WORKSPACE : API_TOKEN_ACCOUNT};
  CHECK_OK(auth_issue_token(town_db, &wish, &secret));
  return str_format("Authorization: Bearer %s\r\n", secret);
}

static char *project_header(const char *project_id, const char *environment_id, int64_t expires_us) {
  auto_free char *secret = secret_random_hex(32);
  char hash[SHA256_HEX_SIZE];
  secret_sha256_hex(secret, strlen(secret), hash);
  struct project_token token = {.name = (char *)"t", .secret_hash = hash, .expires_us = expires_us};
  id_copy(token.project_id, project_id);
  id_copy(token.environment_id, environment_id);
  CHECK_OK(project_token_insert(town_db, &token));
  return str_format("Project-Access-Token: %s\r\n", secret);
}

static const char *user_of(const char *name) {
  for (size_t i = 0; i < party_count; i++)
    if (str_eq(parties[i].name, name)) return parties[i].caller.user_id;
  TAP_FAIL("nobody is called %s", name);
}

struct asker {
  const char *name;
  char *headers;
  int status; /* that it must be answered with */
};

enum { ASKERS = 10 };

static void make_askers(struct asker askers[ASKERS]) {
  const int64_t long_ago = 1;
  struct asker made[ASKERS] = {
      {"nobody", str_dup(""), 403},
      {"an unknown token", str_dup("Authorization: Bearer 0123456789\r\n"), 403},
      {"no bearer", str_dup("Authorization: Basic eDp5\r\n"), 403},
      {"an expired token", bearer(user_of("admin"), NULL, long_ago), 403},
      {"an expired project token", project_header(project.id, instance.environment_id, long_ago), 403},
      {"stranger", bearer(user_of("stranger"), NULL, 0), 404},
      {"admin's token of another workspace", bearer(user_of("admin"), other_workspace, 0), 404},
      {"token of staging", project_header(project.id, staging, 0), 404},
      {"viewer", bearer(user_of("viewer"), NULL, 0), 403},
      {"deployer", bearer(user_of("deployer"), NULL, 0), 403},
  };
  memcpy(askers, made, sizeof made);
}

/* The route's path with the town's ids in it, and in the query whatever may name something. */
static char *path_of(const struct http_route *route, const char *query) {
  auto_str path = STR_EMPTY;
  for (const char *p = route->path; *p; p++) {
    const char *end = *p == '{' ? strchr(p, '}') : NULL;
    if (!end) {
      str_add_char(&path, *p);
      continue;
    }
    auto_free char *name = str_ndup(p + 1, (size_t)(end - p - 1));
    auto_free char *git = str_format("%s.git/%s", project.id, str_eq(route->method, "GET") ? "info/refs" : "git-receive-pack");
    const char *id = str_eq(name, "environment") ? instance.environment_id
                     : str_eq(name, "path...")   ? git
                     : str_eq(name, "project")   ? project.id
                     : str_eq(name, "service")   ? service.id
                     : str_eq(name, "instance")  ? json_get_text(ids, "VOLUME_INSTANCE")
                                                 : "x";
    str_add(&path, id);
    p = end;
  }
  str_addf(&path, "?service=git-receive-pack&%s", query);
  return str_take(&path);
}

/* Deployers push, and a project's token pushes to its own environment, whichever that is. */
static bool may_push(const struct http_route *route, const struct asker *asker) {
  return str_starts(route->path, "/git/") && (str_eq(asker->name, "deployer") || str_eq(asker->name, "token of staging"));
}

static bool is_open(const char *path) {
  for (size_t i = 0; i < ARRAY_LEN(open_paths); i++)
    if (str_eq(open_paths[i].path, path)) return true;
  return false;
}

TEST(every_other_path_refuses_whoever_has_no_business_there) {
  serve((struct rate_limits){0});
  struct asker askers[ASKERS];
  make_askers(askers);
  auto_free char *by_deployment = str_format("deploymentId=%s", json_get_text(ids, "DEPLOYMENT"));
  auto_free char *by_service = str_format("serviceId=%s&environmentId=%s", service.id, instance.environment_id);
  const char *const queries[] = {by_deployment, by_service};
  int asked = 0;
  for (size_t r = 0; r < api_routes_len; r++) {
    if (is_open(api_routes[r].path)) continue;
    for (size_t q = 0; q < ARRAY_LEN(queries); q++) {
      auto_free char *path = path_of(&api_routes[r], queries[q]);
      for (size_t i = 0; i < ASKERS; i++) {
        int status;
        if (may_push(&api_routes[r], &askers[i])) continue;
        auto_free char *answer = ask(api_routes[r].method, path, askers[i].headers, "", &status);
        if (status != askers[i].status && !(status == 401 && askers[i].status == 403))
          TAP_FAIL("%s %s for %s: %d, expected %d\n# %s", api_routes[r].method, path, askers[i].name, status,
                   askers[i].status, answer);
        asked++;
      }
    }
  }
  printf("# %d requests\n", asked);
  for (size_t i = 0; i < ASKERS; i++) free(askers[i].headers);
  stop();
}

static void check_push(const char *path, const struct asker *asker, int expected) {
  int status;
  auto_free char *answer = ask("GET", path, asker->headers, "", &status);
  if (status != expected) TAP_FAIL("%s for %s: %d, expected %d\n# %s", path, asker->name, status, expected, answer);
}

TEST(who_may_push) {
  serve((struct rate_limits){0});
  struct asker askers[ASKERS];
  make_askers(askers);
  auto_free char *path = str_format("/git/%s.git/info/refs?service=git-receive-pack", project.id);
  auto_free char *reading = str_format("/git/%s.git/info/refs?service=git-upload-pack", project.id);
  for (size_t i = 0; i < ASKERS; i++) {
    int status = askers[i].status == 403 ? 401 : askers[i].status;
    if (str_eq(askers[i].name, "viewer")) status = 403;
    if (str_eq(askers[i].name, "deployer")) status = 200;
    if (str_eq(askers[i].name, "token of staging")) status = 200; /* to its own environment */
    check_push(path, &askers[i], status);
    check_push(reading, &askers[i], status == 401 ? 401 : 403); /* nobody reads */
    check_push("/git/nowhere.git/info/refs?service=git-receive-pack", &askers[i], status == 401 ? 401 : 404);
  }
  int64_t rows = 0;
  int status;
  auto_free char *pack = str_format("/git/%s.git/git-receive-pack", project.id);
  auto_free char *deployer = bearer(user_of("deployer"), NULL, 0);
  free(ask("POST", pack, deployer, "0000", &status));
  CHECK_OK(db_query_int(town_db, "SELECT count(*) FROM audit_logs WHERE event_type = 'push' AND workspace_id = ?1",
                        DB_BIND(db_text(workspace.id)), 0, &rows));
  CHECK_INT(rows, 1);
  for (size_t i = 0; i < ASKERS; i++) free(askers[i].headers);
  stop();
}

TEST(an_instance_of_somebody_elses_is_told_as_one_that_is_not_there) {
  serve((struct rate_limits){0});
  auto_free char *stranger = bearer(user_of("stranger"), NULL, 0);
  auto_deployment_instance_list replicas = {0};
  CHECK_OK(deployment_instance_list(town_db, json_get_text(ids, "DEPLOYMENT"), &replicas));
  CHECK(replicas.len > 0);
  auto_free char *real = str_format("/exec?instanceId=%s", replicas.items[0].id);
  int status_of_real, status_of_none;
  auto_free char *of_real = ask("GET", real, stranger, "", &status_of_real);
  auto_free char *of_none = ask("GET", "/exec?instanceId=11111111-2222-4333-8444-555555555555", stranger, "", &status_of_none);
  CHECK_INT(status_of_real, 404);
  CHECK_INT(status_of_none, 404);
  CHECK_TEXT(strstr(of_real, "{\"message"), strstr(of_none, "{\"message"));
  stop();
}

TEST(a_tunnel_is_for_whom_a_command_is) {
  serve((struct rate_limits){0});
  auto_free char *stranger = bearer(user_of("stranger"), NULL, 0), *viewer = bearer(user_of("viewer"), NULL, 0);
  auto_free char *member = bearer(user_of("member"), NULL, 0);
  auto_free char *path = str_format("/tunnel?port=5432&deploymentId=%s", json_get_text(ids, "DEPLOYMENT"));
  auto_free char *no_port = str_format("/tunnel?port=0&deploymentId=%s", json_get_text(ids, "DEPLOYMENT"));
  int status;
  free(ask("GET", path, "", "", &status));
  CHECK_INT(status, 403);
  free(ask("GET", path, stranger, "", &status));
  CHECK_INT(status, 404);
  free(ask("GET", path, viewer, "", &status));
  CHECK_INT(status, 403);
  free(ask("GET", no_port, member, "", &status));
  CHECK_INT(status, 400);
  auto_free char *answer = ask("GET", path, member, "", &status);
  CHECK_INT(status, 400);
  CHECK_HAS(answer, "tramway-tunnel.v1");
  stop();
}

TEST(an_upload_reaches_its_own_project_only) {
  serve((struct rate_limits){0});
  auto_free char *member = bearer(user_of("member"), NULL, 0);
  auto_free char *path = str_format("/project/%s/environment/%s/up?serviceId=", other_project, instance.environment_id);
  int status;
  free(ask("POST", path, member, "x", &status));
  CHECK(status == 400 || status == 404);
  stop();
}

/* The disk's room is everybody's: who begins while others are sending does not get it a second time. */
TEST(what_is_sent_at_once_is_counted_together) {
  serve((struct rate_limits){0});
  auto_free char *member = bearer(user_of("member"), NULL, 0);
  auto_free char *code = str_format("/project/%s/environment/%s/up?serviceId=", project.id, instance.environment_id);
  auto_free char *file = str_format("/volume/%s/files?path=f", json_get_text(ids, "VOLUME_INSTANCE"));
  const char *const methods[] = {"POST", "PUT"}, *const paths[] = {code, file};
  int status;
  for (int i = 0; i < 2; i++) {
    served->incoming_bytes = INT64_MAX;
    auto_free char *refused = ask(methods[i], paths[i], member, "x", &status);
    CHECK_HAS(refused, "others are sending");
    CHECK(served->incoming_bytes == INT64_MAX);
    served->incoming_bytes = 0;
    auto_free char *taken = ask(methods[i], paths[i], member, "x", &status);
    CHECK(!strstr(taken, "others are sending"));
    WAIT(served->incoming_bytes == 0);
  }
  stop();
}

#define WHO "{\"query\":\"{ me { email } }\"}"

TEST(requests_beyond_the_limit_are_told_when_to_come_back) {
  serve((struct rate_limits){.per_hour = 2});
  int status;
  auto_free char *member = bearer(user_of("member"), NULL, 0), *viewer = bearer(user_of("viewer"), NULL, 0);
  auto_free char *proxied = str_format("%sX-Forwarded-For: 192.0.2.9\r\n", member);
  auto_free char *other = str_format("%sX-Forwarded-For: 192.0.2.9\r\n", viewer);
  auto_free char *first = ask("POST", "/graphql/v2", proxied, WHO, &status);
  CHECK_INT(status, 200);
  CHECK_HAS(first, "X-RateLimit-Limit: 2\r\n");
  CHECK_HAS(first, "X-RateLimit-Remaining: 1\r\n");
  CHECK_HAS(first, "X-RateLimit-Reset: ");
  free(ask("POST", "/graphql/v2", proxied, WHO, &status));
  CHECK_INT(status, 200);
  auto_free char *refused = ask("POST", "/graphql/v2", proxied, WHO, &status);
  CHECK_INT(status, 429);
  CHECK_HAS(refused, "Retry-After: ");
  CHECK_HAS(refused, "\"code\":\"BUSY\"");
  free(ask("POST", "/graphql/v2", other, WHO, &status)); /* another account from the same address */
  CHECK_INT(status, 200);
  for (int i = 0; i < 5; i++) { /* and whoever is on the host */
    free(ask("POST", "/graphql/v2", member, WHO, &status));
    CHECK_INT(status, 200);
  }
  static const int expected[] = {401, 401, 429}; /* bad tokens count by their address */
  for (int i = 0; i < 3; i++) {
    auto_free char *guess = str_format("Authorization: Bearer guess%d\r\nX-Forwarded-For: 192.0.2.77\r\n", i);
    free(ask("POST", "/graphql/v2", guess, WHO, &status));
    CHECK_INT(status, expected[i]);
  }
  stop();
}

/* ---- the device flow ---- */

#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"

static json_t *json_of(const char *answer) {
  const char *body = strstr(answer, "\r\n\r\n");
  json_t *value = body ? json_loads(body + 4, 0, NULL) : NULL;
  if (!value) TAP_FAIL("no JSON: %s", answer);
  return value;
}

static char *poll_token(const char *device_code) {
  auto_free char *body = str_format("grant_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Agrant-type%%3Adevice_code&device_code=%s&client_id=tram", device_code);
  int status;
  return ask("POST", "/oauth/token", FORM, body, &status);
}

/* Fills the page's form in; gives the answer. */
static char *fill_in(const char *user_code, const char *password, const char *answer, bool with_cookie, int *ret_status) {
  int status;
  auto_free char *page = ask("GET", "/device", "", "", &status);
  CHECK_INT(status, 200);
  CHECK_HAS(page, "frame-ancestors 'none'");
  const char *csrf_at = strstr(page, "name=csrf value=");
  CHECK(csrf_at != NULL);
  auto_free char *csrf = str_ndup(csrf_at + strlen("name=csrf value="), 32);
  auto_free char *headers = with_cookie ? str_format(FORM "Cookie: a=b; tramway_csrf=%s\r\n", csrf) : str_dup(FORM);
  auto_free char *body = str_format("csrf=%s&user_code=%s&email=ada%%40example.com&password=%s&code=&answer=%s", csrf, user_code, password, answer);
  return ask("POST", "/device", headers, body, ret_status);
}

TEST(a_program_is_signed_in_by_a_person_with_a_password) {
  int status;
  auto_free char *hash = NULL;
  serve((struct rate_limits){0});
  CHECK_OK(password_hash("correct horse", &hash));
  CHECK_OK(user_set_password_hash(town_db, user.id, hash, 1));
  auto_free char *begun = ask("POST", "/oauth/device/auth", FORM "User-Agent: CLI 9\r\n", "client_id=tram", &status);
  CHECK_INT(status, 200);
  auto_json *device = json_of(begun);
  const char *user_code = json_get_text(device, "user_code"), *device_code = json_get_text(device, "device_code");
  auto_free char *pending = poll_token(device_code);
  CHECK_HAS(pending, "authorization_pending");
  free(fill_in(user_code, "correct+horse", "allow", false, &status));
  CHECK_INT(status, 403);
  auto_free char *wrong = fill_in(user_code, "wrong", "allow", true, &status);
  CHECK_INT(status, 403);
  CHECK_HAS(wrong, "do not belong together");
  CHECK_HAS(wrong, "CLI 9 at 127.0.0.1");
  free(fill_in(user_code, "correct+horse", "allow", true, &status));
  CHECK_INT(status, 200);
  auto_free char *given = poll_token(device_code);
  auto_json *token = json_of(given);
  auto_free char *headers = str_format("Authorization: Bearer %s\r\n", json_get_text(token, "access_token"));
  auto_free char *me = ask("POST", "/graphql/v2", headers, WHO, &status);
  CHECK_HAS(me, "ada@example.com");
  auto_free char *again = poll_token(device_code);
  CHECK_HAS(again, "expired_token");
  stop();
}

TEST(the_page_escapes_what_it_shows) {
  int status;
  serve((struct rate_limits){0});
  auto_free char *page = ask("GET", "/device?user_code=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "", "", &status);
  CHECK(!strstr(page, "<script"));
  CHECK_HAS(page, "&lt;script&gt;");
  auto_free char *begun = ask("POST", "/oauth/device/auth", FORM "User-Agent: <img src=x>\r\n", "", &status);
  auto_json *device = json_of(begun);
  auto_free char *path = str_format("/device?user_code=%s", json_get_text(device, "user_code"));
  auto_free char *shown = ask("GET", path, "", "", &status);
  CHECK(!strstr(shown, "<img"));
  CHECK_HAS(shown, "&lt;img src=x&gt; at 127.0.0.1");
  auto_free char *other = ask("POST", "/oauth/token", FORM, "grant_type=password&username=a&password=b", &status);
  CHECK_INT(status, 400);
  CHECK_HAS(other, "unsupported_grant_type");
  stop();
}

TEST_MAIN
