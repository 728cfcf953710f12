#include "daemon/config.h"

#include "base/file.h"
#include "base/mem.h"
#include "tap.h"

static err *parse(const char *text, struct config **ret_config) {
  return config_parse(text, strlen(text), "tramway.toml", ret_config);
}

TEST(defaults_are_as_documented) {
  auto_config *c = config_new();
  CHECK_TEXT(c->server.listen, "127.0.0.1:4600");
  CHECK_TEXT(c->server.public_url, "");
  CHECK_INT(c->server.upload_limit_bytes, 1LL << 30);
  CHECK_TEXT(c->data.dir, "/var/lib/tramway");
  CHECK_TEXT(c->data.run_dir, "/run/tramway");
  CHECK_INT(c->edge.http_listen.len, 2);
  CHECK_TEXT(c->edge.http_listen.items[1], "[::1]:8080");
  CHECK_TEXT(c->edge.domain_suffix, "localhost");
  CHECK_INT(c->edge.public_port, 0);
  CHECK_INT(c->build.concurrency, 2);
  CHECK_INT(c->build.timeout_s, 1800);
  CHECK_INT(c->build.memory_bytes, 0);
  CHECK_INT(c->build.registry, CONFIG_REGISTRY_AUTO);
  CHECK_TEXT(c->build.debian_mirror, ""); /* the host's own */
  CHECK_TEXT(c->build.npm_registry, "");
  CHECK_TEXT(c->build.http_proxy, "");
  CHECK_TEXT(c->network.build_subnet, "10.214.0.0/24");
  CHECK_INT(c->deploy.healthcheck_timeout_s, 300);
  CHECK_INT(c->deploy.default_pids, 4096);
  CHECK_INT(c->deploy.drain_timeout_s, 30);
  CHECK_INT(c->deploy.stop_grace_s, 10);
  CHECK_INT(c->disk.budget_bytes, 0);
  CHECK_INT(c->disk.keep_images, 3);
  CHECK_INT(c->disk.keep_s, 5 * 86400);
  CHECK_INT(c->disk.log_bytes, 128 << 20);
  CHECK_INT(c->log.level, LOG_LEVEL_INFO);
  CHECK_INT(c->limits.requests_per_hour, 10000);
}

TEST(every_kind_of_value_is_read) {
  auto_config *c = NULL;
  CHECK_OK(parse("server.public_url = \"https://tramway.example.com/\"\n"
                 "server.upload_limit = \"512MiB\"\n"
                 "[edge]\n"
                 "http_listen = [\"0.0.0.0:80\"]\n"
                 "domain_suffix = \"Apps.Example.COM\"\n"
                 "public_port = 80\n"
                 "[build]\n"
                 "timeout = \"1h30m\"\n"
                 "memory = 2_000_000_000\n"
                 "cpu_millis = 1500\n"
                 "registry = \"never\"\n"
                 "debian_mirror = \"http://mirror.example.org/debian/\"\n"
                 "npm_registry = \"https://npm.example.org\"\n"
                 "https_proxy = \"http://u:p@proxy:3128\"\n"
                 "[network]\n"
                 "ipv6_pool = \"fd00::/56\"\n"
                 "[deploy]\n"
                 "stop_grace = 0\n"
                 "[log]\n"
                 "level = \"debug\"\n",
                 &c));
  CHECK_TEXT(c->server.public_url, "https://tramway.example.com");
  CHECK_INT(c->server.upload_limit_bytes, 512LL << 20);
  CHECK_INT(c->edge.http_listen.len, 1);
  CHECK_TEXT(c->edge.domain_suffix, "apps.example.com");
  CHECK_INT(c->edge.public_port, 80);
  CHECK_INT(c->build.timeout_s, 5400);
  CHECK_INT(c->build.memory_bytes, 2000000000);
  CHECK_INT(c->build.cpu_millis, 1500);
  CHECK_INT(c->build.registry, CONFIG_REGISTRY_NEVER);
  CHECK_TEXT(c->build.debian_mirror, "http://mirror.example.org/debian");
  CHECK_TEXT(c->build.npm_registry, "https://npm.example.org");
  CHECK_TEXT(c->build.https_proxy, "http://u:p@proxy:3128");
  CHECK_INT(c->deploy.stop_grace_s, 0);
  CHECK_INT(c->log.level, LOG_LEVEL_DEBUG);
  CHECK_TEXT(c->data.dir, "/var/lib/tramway"); /* what is not there keeps its default */
}

TEST(sizes_and_durations) {
  static const struct {
    const char *text;
    long long bytes;
  } sizes[] = {{"1MiB", 1 << 20},         {"1 GiB", 1 << 30},     {"2000kB", 2000000},
               {"3M", 3 << 20},           {"1TB", 1000000000000}, {"2097152B", 2 << 20},
               {"1048576KB", 1048576000}, {"2GB", 2000000000}};
  for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
    auto_config *c = NULL;
    auto_free char *text = str_format("server.upload_limit = \"%s\"", sizes[i].text);
    CHECK_OK(parse(text, &c));
    CHECK_INT(c->server.upload_limit_bytes, sizes[i].bytes);
  }
  static const struct {
    const char *text;
    long long seconds;
  } durations[] = {{"\"45s\"", 45},   {"\"2m\"", 120},      {"\"1h 1s\"", -1}, {"90", 90},
                   {"\"1d\"", 86400}, {"\"1h1m1s\"", 3661}, {"\"1 h\"", 3600}};
  for (size_t i = 0; i < ARRAY_LEN(durations); i++) {
    auto_config *c = NULL;
    auto_free char *text = str_format("build.timeout = %s", durations[i].text);
    if (durations[i].seconds < 0) {
      CHECK_ERR(parse(text, &c), ERR_INVALID, "must be a duration");
      continue;
    }
    CHECK_OK(parse(text, &c));
    CHECK_INT(c->build.timeout_s, durations[i].seconds);
  }
}

// clang-format off
static const struct { const char *text, *error; } wrong[] = {
    {"a = ", "tramway.toml: line 1, column 5: expected a value"},
    {"\n[server]\nlisen = 1", "tramway.toml: line 3: unknown key 'server.lisen'; the nearest known key is 'server.listen'"},
    {"build.timout = 1", "line 1: unknown key 'build.timout'; the nearest known key is 'build.timeout'"},
    {"listen = 1", "line 1: unknown key 'listen'; the nearest known key is 'server.listen'"},
    {"[biuld]\ntimeout = 1", "line 2: unknown key 'biuld.timeout'; the nearest known key is 'build.timeout'"},
    {"[biuld]", "line 1: unknown key 'biuld'"},
    {"[server.listen]", "line 1: server.listen: must be text in quotes"},
    {"server = 1", "line 1: 'server' is a section: write [server]"},
    {"[[server]]", "line 1: 'server' is a section: write [server]"},
    {"server.listen = 4600", "server.listen: must be text in quotes"},
    {"server.listen = \"4600\"", "server.listen: '4600' must be \"<IP address>:<port>\""},
    {"server.listen = \"localhost:4600\"", "must be \"<IP address>:<port>\""},
    {"server.public_url = \"tramway.example.com\"", "must be a URL"},
    {"server.public_url = \"http://\"", "must be a URL"},
    {"server.public_url = \"http://a b\"", "must be a URL"},
    {"server.upload_limit = 1", "must be 1 MiB to 1 TiB"},
    {"server.upload_limit = \"2TiB\"", "must be 1 MiB to 1 TiB"},
    {"server.upload_limit = \"1.5GiB\"", "must be a size"},
    {"server.upload_limit = \"GiB\"", "must be a size"},
    {"server.upload_limit = \"1GiB1MiB\"", "must be a size"},
    {"server.upload_limit = \"99999999999999999999B\"", "must be a size"},
    {"server.upload_limit = \"9999999999TiB\"", "must be a size"},
    {"server.upload_limit = true", "must be a size"},
    {"data.dir = \"var/lib\"", "must be an absolute path"},
    {"data.dir = \"\"", "must not be empty"},
    {"data.dir = \"/a\\nb\"", "must be one line"},
    {"data.dir = \"/a\\u0000b\"", "must be text in quotes"},
    {"edge.http_listen = []", "must be a list of 1 to 16 texts"},
    {"edge.http_listen = \"127.0.0.1:80\"", "must be a list of 1 to 16 texts"},
    {"edge.http_listen = [80]", "must be text in quotes"},
    {"edge.http_listen = [\"127.0.0.1:80\", \"x\"]", "'x' must be \"<IP address>:<port>\""},
    {"edge.domain_suffix = \"a b\"", "must be a host name"},
    {"edge.public_port = 65536", "must be 0, or 1 to 65535"},
    {"edge.public_port = -1", "must be 0, or 1 to 65535"},
    {"edge.public_port = \"80\"", "must be an integer"},
    {"build.concurrency = 0", "must be 1 to 32"},
    {"build.concurrency = 33", "must be 1 to 32"},
    {"build.concurrency = 2.0", "must be an integer"},
    {"build.timeout = 9", "must be 10 s to 86400 s"},
    {"build.timeout = \"2w\"", "must be a duration"},
    {"build.timeout = \"\"", "must be a duration"},
    {"build.timeout = \"10\"", "must be a duration"},
    {"build.memory = 1", "must be 0, or 128 MiB to 1024 TiB"},
    {"build.cpu_millis = 9", "must be 0, or 10 to 1000000"},
    {"build.registry = \"sometimes\"", "must be one of \"auto\", \"always\", \"never\""},
    {"build.registry = 1", "must be one of"},
    {"build.debian_mirror = \"mirror.example.org\"", "must be a URL"},
    {"build.debian_suite = \"a;b\"", "may only have letters"},
    {"network.ipv4_pool = \"10.0.0.1/16\"", "must be an IPv4 network of /8 to /22"},
    {"network.ipv4_pool = \"10.0.0.0/24\"", "must be an IPv4 network of /8 to /22"},
    {"network.ipv4_pool = \"fd00::/16\"", "must be an IPv4 network"},
    {"network.ipv6_pool = \"10.0.0.0/16\"", "must be an IPv6 network of /16 to /60"},
    {"[network]\nbuild_subnet = \"10.213.9.0/24\"", "line 2: network.build_subnet 10.213.9.0/24 overlaps network.ipv4_pool 10.213.0.0/16"},
    {"[network]\nipv4_pool = \"10.0.0.0/8\"", "line 2: network.build_subnet"},
    {"log.level = \"loud\"", "must be one of \"error\", \"warn\", \"info\", \"debug\""},
};
// clang-format on

TEST(each_mistake_is_named_with_its_line) {
  for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
    auto_config *c = NULL;
    auto_err *e = parse(wrong[i].text, &c);
    if (!e || err_code_of(e) != ERR_INVALID || !strstr(err_message(e), wrong[i].error))
      TAP_FAIL("%s: %s, expected: %s", wrong[i].text, e ? err_message(e) : "accepted",
               wrong[i].error);
    CHECK(str_starts(err_message(e), "tramway.toml: line "));
  }
}

TEST(a_value_given_twice_is_not_leaked_nor_repeated_in_an_error) {
  auto_config *c = NULL;
  auto_err *e = parse(
      "build.http_proxy = \"http://user:secret@host\"\nbuild.https_proxy = \"user:secret@host\"",
      &c);
  CHECK(e != NULL);
  CHECK(!strstr(err_message(e), "secret"));
}

/* Uncommenting every key of the default file gives the defaults again. */
TEST(the_default_file_says_what_the_defaults_are) {
  auto_free char *text = config_default_text();
  for (char *line = text; line; line = strchr(line, '\n')) {
    if (*line == '\n') line++;
    if (line[0] == '#' && line[1] != ' ' && line[1]) *line = ' ';
  }
  auto_config *c = NULL, *defaults = config_new();
  CHECK_OK(parse(text, &c));
  CHECK_HAS(text, "\n[build]\n# Builds that run at the same time.\n concurrency = 2\n");
  auto_strv changed = STRV_EMPTY;
  config_changes(defaults, c, &changed, NULL);
  CHECK_INT(changed.len, 0);
}

/* What `make install` puts there: the defaults, but for what systemd's units need. */
TEST(the_installed_file_names_the_units) {
  char folder[] = "/tmp/tramway-config-test.XXXXXX";
  CHECK(mkdtemp(folder) != NULL);
  auto_free char *path = path_join(folder, "tramway.toml");
  auto_config *c = NULL, *defaults = config_new();
  auto_strv changed = STRV_EMPTY;
  CHECK_OK(config_write_default(path));
  CHECK_OK(config_load(path, &c));
  CHECK_OK(file_remove_tree(folder));
  CHECK_TEXT(c->edge.unit, "tramway-edge.service");
  CHECK_TEXT(c->deploy.control_group, "/tramway.slice/tramway-instances.service");
  config_changes(defaults, c, &changed, NULL);
  CHECK_INT(changed.len, 2);
}

TEST(the_default_file_is_written_once) {
  char folder[] = "/tmp/tramway-config-test.XXXXXX";
  CHECK(mkdtemp(folder) != NULL);
  auto_free char *path = path_join(folder, "etc/tramway.toml");
  auto_config *c = NULL;
  CHECK_ERR(config_load(path, &c), ERR_NOT_FOUND, path);
  CHECK_OK(config_write_default(path));
  CHECK_OK(config_load(path, &c));
  CHECK_ERR(config_write_default(path), ERR_CONFLICT, "exists already");
  CHECK_OK(file_remove_tree(folder));
}

TEST(the_description_shows_values_without_passwords) {
  auto_config *c = NULL;
  CHECK_OK(parse("build.http_proxy = \"http://me:pw@proxy:1/x@y\"\nbuild.memory = \"1536MiB\"\n"
                 "log.level = \"warn\"",
                 &c));
  auto_free char *text = config_describe(c);
  CHECK_HAS(text, "build.http_proxy = \"http://***@proxy:1/x@y\"\n");
  CHECK(!strstr(text, "pw"));
  CHECK_HAS(text, "build.memory = 1536 MiB\n");
  CHECK_HAS(text, "build.timeout = 1800 s (default)\n");
  CHECK_HAS(text, "server.upload_limit = 1 GiB (default)\n");
  CHECK_HAS(text, "edge.http_listen = [\"127.0.0.1:8080\", \"[::1]:8080\"] (default)\n");
  CHECK_HAS(text, "log.level = \"warn\"\n");
}

TEST(changes_name_the_keys_and_which_need_a_restart) {
  auto_config *before = config_new(), *after = NULL;
  CHECK_OK(
      parse("data.dir = \"/srv\"\nbuild.concurrency = 3\nedge.http_listen = [\"127.0.0.1:8080\"]\n"
            "build.timeout = 1800\nlog.level = \"info\"",
            &after));
  auto_strv changed = STRV_EMPTY, restart = STRV_EMPTY;
  config_changes(before, after, &changed, &restart);
  auto_free char *changed_text = strv_join(&changed, " "), *restart_text = strv_join(&restart, " ");
  CHECK_TEXT(changed_text, "data.dir edge.http_listen build.concurrency");
  CHECK_TEXT(restart_text, "data.dir");
  config_changes(before, after, NULL, NULL);
}

TEST_MAIN
