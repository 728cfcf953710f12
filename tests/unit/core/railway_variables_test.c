#include "core/railway_variables.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

TEST(every_known_fact_becomes_a_variable_and_the_users_own_win) {
  struct project project = {.id = "p", .name = (char[]){"Shop"}};
  struct environment environment = {.id = "e", .name = (char[]){"production"}};
  struct service service = {.id = "s", .name = (char[]){"My API"}, .label = (char[]){"my-api"}};
  struct deployment deployment = {.id = "d"};
  deployment.meta = json_pack("{s:s, s:s}", "commitHash", "abc", "branch", "main");
  json_set_text(deployment.meta, "repo", "https://git.example/team/shop.git");
  auto_json *hosts = json_pack("{s:s, s:s}", "My API", "api.localhost", "web", "web.localhost");
  auto_json *variables = json_pack("{s:s, s:s}", "PORT", "3000", "RAILWAY_SERVICE_NAME", "mine");
  struct railway_facts facts = {.project = &project, .environment = &environment, .service = &service,
                                .deployment = &deployment, .snapshot_hash = "hash", .public_domain = "api.localhost",
                                .hosts = hosts, .volume_name = "db-volume", .volume_mount_path = "/data", .tcp_domain = "tcp.localhost", .tcp_port = 20001,
                                .tcp_application_port = 5432};
  railway_variables_add(&facts, variables);
  /* clang-format off */
  static const struct { const char *name, *value; } rows[] = {
    { "RAILWAY_VOLUME_NAME", "db-volume" }, { "RAILWAY_VOLUME_MOUNT_PATH", "/data" },
    { "PORT", "3000" }, { "RAILWAY_SERVICE_NAME", "mine" }, { "RAILWAY_PROJECT_NAME", "Shop" },
    { "RAILWAY_PROJECT_ID", "p" }, { "RAILWAY_ENVIRONMENT_NAME", "production" }, { "RAILWAY_ENVIRONMENT", "production" },
    { "RAILWAY_ENVIRONMENT_ID", "e" }, { "RAILWAY_SERVICE_ID", "s" }, { "RAILWAY_DEPLOYMENT_ID", "d" },
    { "RAILWAY_PRIVATE_DOMAIN", "my-api.railway.internal" }, { "RAILWAY_PUBLIC_DOMAIN", "api.localhost" },
    { "RAILWAY_SNAPSHOT_ID", "hash" }, { "RAILWAY_GIT_COMMIT_SHA", "abc" }, { "RAILWAY_GIT_BRANCH", "main" },
    { "RAILWAY_REPLICA_REGION", "local" }, { "RAILWAY_STATIC_URL", "api.localhost" },
    { "RAILWAY_GIT_REPO_NAME", "shop" }, { "RAILWAY_GIT_REPO_OWNER", "team" },
    { "RAILWAY_SERVICE_MY_API_URL", "api.localhost" }, { "RAILWAY_SERVICE_WEB_URL", "web.localhost" },
  };
  /* clang-format on */
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) CHECK_TEXT(json_get_text(variables, rows[i].name), rows[i].value);
  CHECK(!json_object_get(variables, "RAILWAY_GIT_AUTHOR"));
  CHECK_INT(railway_variables_port(variables), 3000);
  json_decref(deployment.meta);
}

TEST(a_repository_has_a_name_and_often_an_owner) {
  /* clang-format off */
  static const struct { const char *repo, *name, *owner; } rows[] = {
    { "team/shop",                      "shop", "team" },
    { "https://host/team/shop",         "shop", "team" },
    { "https://host/team/shop.git/",    "shop", "team" },
    { "git@host:team/shop.git",         "shop", "team" },
    { "ssh://git@host:22/a/team/shop",  "shop", "team" },
    { "/srv/git/shop.git",              "shop", NULL },
    { "file:///srv/git/shop",           "shop", NULL },
    { "shop",                           "shop", NULL },
    { "",                               NULL,   NULL },
    { "/",                              NULL,   NULL },
  };
  /* clang-format on */
  struct project project = {.id = "p", .name = (char[]){"P"}};
  struct environment environment = {.id = "e", .name = (char[]){"E"}};
  struct service service = {.id = "s", .name = (char[]){"S"}, .label = (char[]){"s"}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_json *variables = json_object(), *meta = json_pack("{s:s}", "repo", rows[i].repo);
    struct deployment deployment = {.id = "d", .meta = meta};
    struct railway_facts facts = {.project = &project, .environment = &environment, .service = &service, .deployment = &deployment};
    railway_variables_add(&facts, variables);
    CHECK_TEXT(json_get_text(variables, "RAILWAY_GIT_REPO_NAME"), rows[i].name);
    CHECK_TEXT(json_get_text(variables, "RAILWAY_GIT_REPO_OWNER"), rows[i].owner);
  }
}

/* Every row of docs/variables.md, "What Tramway gives": it is given, or said to be not. */
TEST(the_document_tells_what_is_given) {
  struct project project = {.id = "p", .name = (char[]){"P"}};
  struct environment environment = {.id = "e", .name = (char[]){"E"}};
  struct service service = {.id = "s", .name = (char[]){"S"}, .label = (char[]){"s"}};
  auto_json *meta = json_pack("{s:s, s:s, s:s, s:s, s:s}", "commitHash", "1", "branch", "2", "commitAuthor", "3",
                              "commitMessage", "4", "repo", "o/r"), *hosts = json_pack("{s:s}", "<name>", "h");
  struct deployment deployment = {.id = "d", .meta = meta};
  struct railway_facts facts = {.project = &project, .environment = &environment, .service = &service,
                                .deployment = &deployment, .snapshot_hash = "hash", .public_domain = "host",
                                .hosts = hosts, .volume_name = "v", .volume_mount_path = "/v",
                                .tcp_domain = "t", .tcp_port = 1, .tcp_application_port = 2};
  auto_json *given = json_object();
  auto_str text = STR_EMPTY;
  auto_strv lines = STRV_EMPTY;
  size_t rows = 0;
  railway_variables_add(&facts, given);
  CHECK_OK(file_read("docs/variables.md", 1 << 20, &text));
  strv_split(&lines, strstr(str_text(&text), "## What Tramway gives"), '\n');
  for (size_t i = 1; i < lines.len && !str_starts(lines.items[i], "## "); i++) {
    char name[64], state[32];
    if (sscanf(lines.items[i], "| `%63[^`]` | %31[^|]|", name, state) != 2) continue;
    bool is_given = str_starts(state, "works");
    if (str_eq(name, "RAILWAY_SERVICE_<NAME>_URL")) snprintf(name, sizeof name, "RAILWAY_SERVICE__NAME__URL");
    if ((json_object_get(given, name) != NULL) != is_given) TAP_FAIL("docs/variables.md: %s: %s", name, state);
    rows++;
    json_object_del(given, name);
  }
  const char *left = json_object_iter_key(json_object_iter(given));
  if (left) TAP_FAIL("docs/variables.md does not have %s", left);
  CHECK(rows > 20);
}

TEST(port_has_a_default_and_survives_nonsense) {
  struct project project = {.id = "p", .name = (char[]){"P"}};
  struct environment environment = {.id = "e", .name = (char[]){"E"}};
  struct service service = {.id = "s", .name = (char[]){"S"}, .label = (char[]){"s"}};
  auto_json *variables = json_object();
  struct railway_facts facts = {.project = &project, .environment = &environment, .service = &service};
  railway_variables_add(&facts, variables);
  CHECK_TEXT(json_get_text(variables, "PORT"), "8080");
  CHECK(!json_object_get(variables, "RAILWAY_PUBLIC_DOMAIN"));
  json_set_text(variables, "PORT", "eighty");
  CHECK_INT(railway_variables_port(variables), PORT_DEFAULT);
}

TEST_MAIN
