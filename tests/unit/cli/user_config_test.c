#include "cli/user_config.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

static char home[64];

/* A home of our own, and none of the caller's variables. */
static void begin(void) {
  static const char *const names[] = {
      "SERVER", "API", "CONFIG", "TOKEN", "API_TOKEN", "PROJECT_ID", "ENVIRONMENT_ID", "SERVICE_ID",
  };
  for (size_t i = 0; i < ARRAY_LEN(names); i++) {
    auto_free char *tram = str_format("TRAM_%s", names[i]);
    auto_free char *railway = str_format("RAILWAY_%s", names[i]);
    unsetenv(tram);
    unsetenv(railway);
  }
  if (*home) CHECK_OK(file_remove_tree(home));
  snprintf(home, sizeof home, "/tmp/tram-config-test-XXXXXX");
  CHECK(mkdtemp(home) != NULL);
  setenv("HOME", home, 1);
}

static void end(void) {
  CHECK_OK(file_remove_tree(home));
  *home = '\0';
}

static void put(const char *name, const char *text) {
  auto_free char *path = path_join(home, name);
  auto_free char *folder = str_dup(path);
  *strrchr(folder, '/') = '\0';
  CHECK_OK(file_make_dirs(folder, 0700));
  CHECK_OK(file_write(path, text, strlen(text), 0600));
}

TEST(no_file_is_an_empty_configuration) {
  begin();
  auto_user_config config = {0};
  CHECK_OK(user_config_load(&config));
  const char *token;
  CHECK_TEXT(user_config_server(&config), CONFIG_DEFAULT_SERVER);
  CHECK_INT(user_config_token(&config, &token), TOKEN_NONE);
  CHECK_HAS(config.path, "/.tramway/config.json");
  end();
}

TEST(round_trip_with_private_modes) {
  begin();
  auto_user_config config = {0}, again = {0};
  CHECK_OK(user_config_load(&config));
  json_set_text(config.root, "server", "https://tramway.example.org");
  json_set_text(config.root, "token", "secret");
  auto_link link = {.folder = str_dup("/srv/shop"),
                    .project = str_dup("p"),
                    .name = str_dup("shop"),
                    .environment = str_dup("e"),
                    .environment_name = str_dup("production")};
  user_config_set_link(&config, &link);
  CHECK_OK(user_config_save(&config));
  struct stat info;
  auto_free char *folder = path_join(home, ".tramway");
  CHECK(stat(config.path, &info) == 0);
  CHECK_INT(info.st_mode & 0777, 0600);
  CHECK(stat(folder, &info) == 0);
  CHECK_INT(info.st_mode & 0777, 0700);

  CHECK_OK(user_config_load(&again));
  auto_link found = {0};
  const char *token;
  CHECK_TEXT(user_config_server(&again), "https://tramway.example.org");
  CHECK_INT(user_config_token(&again, &token), TOKEN_BEARER);
  CHECK_TEXT(token, "secret");
  CHECK_OK(user_config_find_link(&again, "/srv/shop/src/deep", &found));
  CHECK_TEXT(found.folder, "/srv/shop");
  CHECK_TEXT(found.project, "p");
  CHECK_TEXT(found.environment_name, "production");
  CHECK_TEXT(found.service, NULL);
  end();
}

TEST(a_corrupt_file_says_which_and_what_to_do) {
  static const char *const texts[] = {"", "{", "[]", "{\"a\":1,\"a\":2}", "nonsense"};
  for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
    begin();
    struct user_config config;
    put(".tramway/config.json", texts[i]);
    CHECK_ERR(user_config_load(&config), ERR_CORRUPT, "mend or remove");
    end();
  }
}

TEST(tokens_have_an_order) {
  begin();
  put(".tramway/config.json", "{\"token\": \"stored\"}");
  auto_user_config config = {0};
  const char *token;
  CHECK_OK(user_config_load(&config));
  CHECK_INT(user_config_token(&config, &token), TOKEN_BEARER);
  CHECK_TEXT(token, "stored");
  setenv("RAILWAY_API_TOKEN", "account", 1);
  CHECK_INT(user_config_token(&config, &token), TOKEN_BEARER);
  CHECK_TEXT(token, "account");
  setenv("TRAM_API_TOKEN", "ours", 1);
  CHECK_INT(user_config_token(&config, &token), TOKEN_BEARER);
  CHECK_TEXT(token, "ours");
  setenv("RAILWAY_TOKEN", "project", 1);
  CHECK_INT(user_config_token(&config, &token), TOKEN_PROJECT);
  CHECK_TEXT(token, "project");
  setenv("RAILWAY_TOKEN", "", 1);
  CHECK_INT(user_config_token(&config, &token), TOKEN_BEARER);
  end();
}

TEST(the_server_has_an_order) {
  begin();
  put(".tramway/config.json", "{\"server\": \"http://stored\"}");
  auto_user_config config = {0};
  CHECK_OK(user_config_load(&config));
  CHECK_TEXT(user_config_server(&config), "http://stored");
  setenv("TRAM_API", "http://api", 1);
  CHECK_TEXT(user_config_server(&config), "http://api");
  setenv("TRAM_SERVER", "http://server", 1);
  CHECK_TEXT(user_config_server(&config), "http://server");
  end();
}

TEST(the_nearest_link_upward_counts) {
  begin();
  put(".tramway/config.json", "{\"projects\": {\"/a\": {\"project\": \"far\"},"
                              " \"/a/b\": {\"project\": \"near\", \"service\": \"s\"},"
                              " \"/\": {\"project\": \"root\"}, \"/broken\": {}}}");
  static const struct {
    const char *folder, *project;
  } rows[] = {
      {"/a/b", "near"}, {"/a/b/c/d", "near"}, {"/a", "far"},       {"/a/bc", "far"},
      {"/ab", "root"},  {"/", "root"},        {"/broken", "root"},
  };
  auto_user_config config = {0};
  CHECK_OK(user_config_load(&config));
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_link link = {0};
    CHECK_OK(user_config_find_link(&config, rows[i].folder, &link));
    CHECK_TEXT(link.project, rows[i].project);
  }
  end();
}

TEST(no_link_says_what_to_do) {
  begin();
  auto_user_config config = {0};
  struct link link;
  CHECK_OK(user_config_load(&config));
  CHECK_ERR(user_config_find_link(&config, home, &link), ERR_NOT_FOUND, "No linked project found");
  end();
}

TEST(railways_links_are_read) {
  begin();
  auto_free char *config_text =
      str_format("{\"projects\": {\"%s/app\": {\"projectPath\": \"%s/app\", \"name\": \"n\","
                 " \"project\": \"from-railway\", \"environment\": \"e\", \"service\": null}}}",
                 home, home);
  put(".railway/config.json", config_text);
  put("repo/.railway/project.json", "{\"projectId\": \"committed\", \"environmentId\": \"env\"}");
  auto_user_config config = {0};
  auto_link link = {0}, committed = {0};
  auto_free char *app = path_join(home, "app/sub"), *repo = path_join(home, "repo/backend");
  CHECK_OK(user_config_load(&config));
  CHECK_OK(user_config_find_link(&config, app, &link));
  CHECK_TEXT(link.project, "from-railway");
  CHECK_OK(user_config_find_link(&config, repo, &committed));
  CHECK_TEXT(committed.project, "committed");
  CHECK_TEXT(committed.environment, "env");
  CHECK_HAS(committed.folder, "/repo");
  auto_link same = {0};
  put("app/.railway/project.json", "{\"projectId\": \"committed\"}");
  CHECK_OK(user_config_find_link(&config, app, &same));
  CHECK_TEXT(same.project, "from-railway"); /* one's own link is stronger than the repository's */
  end();
}

TEST(a_broken_project_file_is_named) {
  static const char *const texts[] = {"{", "{}", "{\"projectId\": 5}"};
  for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
    begin();
    put("repo/.railway/project.json", texts[i]);
    auto_user_config config = {0};
    struct link link;
    auto_free char *repo = path_join(home, "repo");
    CHECK_OK(user_config_load(&config));
    CHECK_ERR(user_config_find_link(&config, repo, &link), ERR_CORRUPT, ".railway/project.json");
    end();
  }
}

TEST(variables_come_before_links) {
  begin();
  put(".tramway/config.json", "{\"projects\": {\"/\": {\"project\": \"linked\"}}}");
  auto_user_config config = {0};
  auto_link link = {0};
  struct link none;
  CHECK_OK(user_config_load(&config));
  setenv("RAILWAY_ENVIRONMENT_ID", "e", 1);
  CHECK_ERR(user_config_find_link(&config, "/", &none), ERR_INVALID, "without RAILWAY_PROJECT_ID");
  setenv("RAILWAY_PROJECT_ID", "p", 1);
  setenv("TRAM_SERVICE_ID", "s", 1);
  CHECK_OK(user_config_find_link(&config, "/", &link));
  CHECK_TEXT(link.project, "p");
  CHECK_TEXT(link.environment, "e");
  CHECK_TEXT(link.service, "s");
  CHECK(link.folder == NULL);
  end();
}

TEST(unlinking_removes_the_nearest) {
  begin();
  put(".tramway/config.json",
      "{\"projects\": {\"/a\": {\"project\": \"far\"}, \"/a/b\": {\"project\": \"near\"}}}");
  auto_user_config config = {0};
  CHECK_OK(user_config_load(&config));
  CHECK(user_config_remove_link(&config, "/a/b/c"));
  CHECK(user_config_remove_link(&config, "/a/b/c"));
  CHECK(!user_config_remove_link(&config, "/a/b/c"));
  end();
}

TEST_MAIN
