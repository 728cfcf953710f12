/* Real builds: buildah, crun, a network, base images made from Debian's packages.  Needs root and
 * Debian's mirror and the npm registry; no image registry and no Python index (with them it works
 * too).  Base images are kept in TRAMWAY_TEST_CACHE, by default /var/cache/tramway-test: the first
 * run takes minutes, a later one about half a minute. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/secret.h"
#include "build/build.h"
#include "build/image_store.h"
#include "loop/spawn.h"
#include "tap.h"

enum { BUILD_DEADLINE_MS = 500000, SHORT_MS = 60000 };

static struct {
  loop *loop;
  builder *builder;
  char *cache, *source;
  struct str lines;
  struct image_info info; /* of the last build */
  char *error;            /* of the last build, or NULL */
  enum err_code code;
  build *current; /* set while a build runs */
  bool ended;
} t;

static void on_line(void *arg, const char *line) {
  (void)arg;
  str_addf(&t.lines, "%s\n", line);
}

static void on_done(void *arg, err *e, const struct image_info *info) {
  (void)arg;
  t.ended = true;
  t.current = NULL;
  if (e) {
    t.code = err_code_of(e);
    t.error = str_dup(err_message(e));
    err_free(e);
    return;
  }
  t.info = (struct image_info){
      .id = str_dup(info->id),
      .start_command = str_dup(info->start_command),
      .working_dir = str_dup(info->working_dir),
      .user = str_dup(info->user),
      .stop_signal = str_dup(info->stop_signal),
      .reused = info->reused,
  };
  strv_add_all(&t.info.command, (const char *const *)info->command.items);
  strv_add_all(&t.info.env, (const char *const *)info->env.items);
  strv_add_all(&t.info.exposed_ports, (const char *const *)info->exposed_ports.items);
}

/* Runs with different caches may go on at a time: names and networks are derived from its path. */
static struct {
  char bridge[16], other_bridge[16], subnet[24], gateway[24], other_address[24], other_host[24];
} own;

static void derive_names(void) {
  char hex[SHA256_HEX_SIZE];
  secret_sha256_hex(t.cache, strlen(t.cache), hex);
  int number = hex[0] + hex[1];
  snprintf(own.bridge, sizeof own.bridge, "twb-%.6s", hex);
  snprintf(own.other_bridge, sizeof own.other_bridge, "two-%.6s", hex);
  snprintf(own.subnet, sizeof own.subnet, "10.215.%u.0/24", number);
  snprintf(own.gateway, sizeof own.gateway, "10.215.%u.1", number);
  snprintf(own.other_address, sizeof own.other_address, "10.216.%u.1", number);
  snprintf(own.other_host, sizeof own.other_host, "10.216.%u.9", number);
}

/* One run at a time: builder_clean of another would end our containers. */
static void lock_cache(void) {
  static int fd = -1;
  auto_free char *path = path_join(t.cache, "lock");
  if (fd < 0) fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  CHECK(fd >= 0 && flock(fd, LOCK_EX) == 0);
}

static void open_builder(int64_t timeout_ms) {
  const char *cache = getenv("TRAMWAY_TEST_CACHE");
  auto_free char *program = realpath("build/tramway-exec", NULL);
  auto_free char *images = realpath("images", NULL);
  if (!program) TAP_FAIL("build/tramway-exec is missing: make all");
  t.cache = str_dup(cache ? cache : "/var/cache/tramway-test");
  derive_names();
  CHECK_OK(file_make_dirs(t.cache, 0700));
  lock_cache();
  auto_free char *run = path_join(t.cache, "run");
  struct builder_config config = {
      .data_dir = t.cache,
      .run_dir = run,
      .images_dir = images,
      .exec_program = program,
      .timeout_ms = timeout_ms,
      .memory_bytes = 4LL << 30,
      .cpu_millis = 2000,
      .debian_suite = "bookworm",
      .ca_bundle = "/etc/ssl/certs/ca-certificates.crt",
      .build_subnet = own.subnet,
      .private_pool = "10.213.0.0/16",
  };
  t.loop = loop_new();
  CHECK_OK(builder_new(t.loop, &config, &t.builder));
}

static void make_source(void) {
  char folder[] = "/tmp/tramway-build-XXXXXX";
  CHECK(mkdtemp(folder) != NULL);
  t.source = str_dup(folder);
}

static void forget_result(void) {
  image_info_done(&t.info);
  free(t.error);
  t.error = NULL;
  t.ended = false;
  str_clear(&t.lines);
}

static void on_removed(void *arg, err *e) {
  err_ignore(e);
  *(bool *)arg = true;
}

/* Runs a program of the host; whether it succeeded.  Its outputs are appended to *ret_output. */
struct tool {
  struct str *output;
  bool ended, ok;
};

static void on_tool_done(void *arg, const struct spawn_result *result) {
  struct tool *tool = arg;
  if (tool->output) str_addf(tool->output, "%s%s", result->output, result->error_tail);
  tool->ok = result->exit_status == 0;
  tool->ended = true;
}

static bool run_tool(const char *const *argv, struct str *ret_output) {
  struct tool tool = {.output = ret_output};
  struct spawn_options options = {.argv = argv, .deadline_ms = SHORT_MS, .collect_limit = 1 << 20};
  CHECK_OK(spawn_start(t.loop, &options, on_tool_done, &tool, NULL));
  TAP_WAIT_FOR(tool.ended, SHORT_MS, loop_turn(t.loop, 50));
  return tool.ok;
}

/* As a user of buildah would: with the steps that nothing else needs, so that the next run makes them. */
static void remove_image(void) {
  auto_free char *root = image_store_root(t.cache), *run_root = path_join(t.cache, "run/containers");
  (void)run_tool((const char *const[]){"buildah", "--root", root, "--runroot", run_root, "--storage-driver", "overlay", "rmi", t.info.id + strlen("sha256:"), NULL}, NULL);
}

static void end(void) {
  if (t.info.id) remove_image();
  forget_result();
  builder_free(t.builder);
  loop_free(t.loop);
  err_ignore(file_remove_tree(t.source));
  str_done(&t.lines);
  free(t.source);
  free(t.cache);
  memset(&t, 0, sizeof t);
}

/* A failed CHECK leaves its test at once; the next one tidies up after it. */
static void end_failed_test(void) {
  if (t.current) build_cancel(t.current);
  TAP_WAIT_FOR(!t.current, SHORT_MS, loop_turn(t.loop, 50));
  end();
}

static void begin_with(int64_t timeout_ms) {
  if (t.loop) end_failed_test();
  open_builder(timeout_ms);
  make_source();
}

static void begin(void) {
  begin_with(BUILD_DEADLINE_MS);
}

static void put(const char *name, const char *text) {
  auto_free char *path = path_join(t.source, name);
  auto_free char *folder = str_ndup(path, (size_t)(strrchr(path, '/') - path));
  CHECK_OK(file_make_dirs(folder, 0755));
  CHECK_OK(file_write_fast(path, text, strlen(text), 0644));
}

static build *start(const struct build_request *request) {
  struct build_request r = *request;
  r.deployment_id = "test-build";
  r.service_id = "test-service";
  if (!r.image) r.source_dir = t.source;
  build *b = NULL;
  CHECK_OK(build_start(t.builder, &r, on_line, on_done, NULL, &b));
  t.current = b;
  return b;
}

static void wait_for_end(void) {
  TAP_WAIT_FOR(t.ended, BUILD_DEADLINE_MS, loop_turn(t.loop, 50));
}

static void run(const struct build_request *request) {
  start(request);
  wait_for_end();
}

static void run_ok(const struct build_request *request) {
  run(request);
  if (t.error) TAP_FAIL("the build failed: %s\n%s", t.error, str_text(&t.lines));
}

/* Nothing of ours is left: network namespaces, control groups, work folders, the firewall. */
static size_t leftovers(void) {
  static const char *const folders[] = {"/run/netns", "/sys/fs/cgroup/pids/tramway-builds",
                                        "/sys/fs/cgroup/tramway-builds"};
  size_t found = 0;
  for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
    DIR *dir = opendir(folders[i]);
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) found += strstr(entry->d_name, own.bridge + strlen("twb-")) != NULL;
    if (dir) closedir(dir);
  }
  auto_free char *work = path_join(t.cache, "builds/test-build");
  static const char *const list[] = {"nft", "list", "tables", NULL};
  auto_str tables = STR_EMPTY;
  CHECK(run_tool(list, &tables));
  return found + file_exists(work) + (strstr(str_text(&tables), own.bridge) != NULL);
}

TEST(dockerfile_with_the_traps) {
  begin();
  put("app/Dockerfile", "ARG VERSION=bookworm\n"
                        "FROM debian:${VERSION}-slim as Build\n"
                        "ARG GREETING\nARG UNSET\n"
                        "RUN <<EOF\nset -e\necho \"$GREETING$HIDDEN\" >/greeting\nEOF\n"
                        "RUN --mount=type=cache,id=../../../../tmp/escaped,target=/c touch /c/x\n"
                        "FROM nothing.invalid/never:1 AS unneeded\n"
                        "FROM debian:bookworm-slim\n"
                        "COPY --link --from=build /greeting /greeting\nCOPY . /src\n"
                        "RUN cd /src && find . -type f | sort && cat /greeting\n"
                        "EXPOSE $PORT\nHEALTHCHECK CMD true\nUSER nobody\nCMD [\"cat\", \"/greeting\"]\n");
  put(".dockerignore", "node_modules\n**/*.log\n!docs/keep.log\n");
  put("docs/keep.log", "");
  put("docs/drop.log", "");
  put("a/b/deep.log", "");
  put("node_modules/x/y.js", "");
  static const char *const variables[] = {"GREETING=hello", "HIDDEN=secret", "PORT=", NULL};
  run_ok(&(struct build_request){.dockerfile_path = "app/Dockerfile", .variables = variables});
  CHECK_HAS(str_text(&t.lines), "./.dockerignore\n./app/Dockerfile\n./docs/keep.log\nhello\n");
  CHECK_INT(t.info.exposed_ports.len, 0);
  CHECK_TEXT(t.info.user, "nobody");
  CHECK_TEXT(t.info.command.items[1], "/greeting");
  CHECK(!file_exists("/tmp/escaped"));
  CHECK_INT(leftovers(), 0);
  end();
}

TEST(neither_ca_nor_planner_variables_end_in_the_image) {
  begin();
  put("start.sh", "#!/bin/sh\necho hi\n");
  static const char *const variables[] = {"RAILPACK_BUILD_CMD=test -s $SSL_CERT_FILE && test $SECRET_WORD = xyzzy && echo seen",
                                          "SECRET_WORD=xyzzy", NULL};
  run_ok(&(struct build_request){.variables = variables});
  CHECK_HAS(str_text(&t.lines), "seen\n");
  CHECK_TEXT(t.info.start_command, "exec sh start.sh");
  for (size_t i = 0; i < t.info.env.len; i++)
    CHECK(!strstr(t.info.env.items[i], "/dev/tramway") && !strstr(t.info.env.items[i], "xyzzy"));
  auto_free char *config = str_format("%s/containers/overlay-images/%s", t.cache, t.info.id + strlen("sha256:"));
  DIR *dir = opendir(config);
  CHECK(dir != NULL);
  struct dirent *entry;
  while ((entry = readdir(dir))) { /* configuration with history, manifest */
    auto_free char *path = path_join(config, entry->d_name);
    auto_str text = STR_EMPTY;
    if (entry->d_name[0] == '.') continue;
    CHECK_OK(file_read(path, 1 << 20, &text));
    CHECK(!strstr(str_text(&text), "/dev/tramway"));
    /* the build command names the word, its value comes from the environment only */
    CHECK(!strstr(str_text(&text), "SECRET_WORD=xyzzy"));
  }
  closedir(dir);
  auto_strv layers = STRV_EMPTY;
  CHECK_OK(image_layers(t.cache, t.info.id, &layers));
  for (size_t i = 0; i < layers.len; i++) {
    auto_free char *leaked = path_join(layers.items[i], "dev/tramway");
    CHECK(!file_exists(leaked));
  }
  end();
}

/* A server of the host on every address of it, IPv4 and IPv6. */
static int listen_everywhere(int *ret_port) {
  int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = in6addr_any};
  socklen_t len = sizeof address;
  CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0 && listen(fd, 4) == 0);
  CHECK(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
  *ret_port = ntohs(address.sin6_port);
  return fd;
}

/* The address that this machine has towards the Internet. */
static char *public_address(void) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(0xC6336401)};
  struct sockaddr_in here = {0};
  socklen_t len = sizeof here;
  CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&there, sizeof there) == 0); /* sends nothing */
  CHECK(getsockname(fd, (struct sockaddr *)&here, &len) == 0);
  close(fd);
  char text[INET_ADDRSTRLEN];
  return str_dup(inet_ntop(AF_INET, &here.sin_addr, text, sizeof text));
}

/* A bridge as an environment or another container engine has, outside of the private pool. */
static void set_other_bridge(bool wanted) {
  const char *name = own.other_bridge;
  auto_free char *address = str_format("%s/24", own.other_address);
  const char *const drop[] = {"ip", "link", "delete", name, NULL};
  const char *const make[][7] = {{"ip", "link", "add", name, "type", "bridge"},
                                 {"ip", "addr", "add", address, "dev", name},
                                 {"ip", "link", "set", name, "up"}};
  run_tool(drop, NULL);
  for (size_t i = 0; wanted && i < ARRAY_LEN(make); i++) CHECK(run_tool(make[i], NULL));
}

/* bash's /dev/tcp; "refused" means at once, not after a timeout. */
#define TRY_IT "try() { r=reached; timeout 5 bash -c \"exec 3<>/dev/tcp/$1/$2\" 2>/dev/null || r=refused-$?; echo $1 $r; }; "

TEST(host_and_other_networks_are_out_of_reach) {
  begin();
  int port, fd = listen_everywhere(&port);
  auto_free char *public = public_address();
  set_other_bridge(true);
  auto_free char *text = str_format(
      "FROM debian:bookworm-slim\nSHELL [\"/bin/bash\", \"-c\"]\n"
      "RUN " TRY_IT "try 127.0.0.1 %d; try %s %d; try %s %d; try %s %d; try %s 80; "
      "try 10.213.0.1 53; try 10.213.250.9 80; try 169.254.169.254 80; try fd7a::1 80\n"
      "RUN apt-get -qq update && cd /tmp && apt-get -qq download hello && echo downloaded\n",
      port, own.gateway, port, public, port, own.other_address, port, own.other_host);
  put("Dockerfile", text);
  run_ok(&(struct build_request){.no_cache = true});
  set_other_bridge(false);
  close(fd);
  const char *lines = str_text(&t.lines);
  if (strstr(lines, " reached") || strstr(lines, " refused-124")) TAP_FAIL("%s", lines);
  CHECK_HAS(lines, "169.254.169.254 refused-1\n");
  CHECK_HAS(lines, "\ndownloaded\n");
  CHECK_INT(leftovers(), 0);
  end();
}

/* "fe80::…%eth0" of the build bridge. */
static void bridge_link_local(char *ret_address, size_t size) {
  auto_str text = STR_EMPTY;
  CHECK_OK(file_read("/proc/net/if_inet6", 1 << 20, &text));
  char *at = strstr(text.data, own.bridge);
  CHECK(at != NULL);
  while (at > text.data && at[-1] != '\n') at--;
  snprintf(ret_address, size, "fe80::%.4s:%.4s:%.4s:%.4s%%eth0", at + 16, at + 20, at + 24, at + 28);
}

/* Builds get no IPv6 address, but the kernel gives both ends of the bridge a link-local one. */
TEST(host_is_out_of_reach_by_link_local_addresses) {
  begin();
  int port, fd = listen_everywhere(&port);
  put("Dockerfile", "FROM debian:bookworm-slim\nRUN echo started; sleep 271830\n");
  build *b = start(&(struct build_request){.no_cache = true});
  TAP_WAIT_FOR(strstr(str_text(&t.lines), "\nstarted"), SHORT_MS, loop_turn(t.loop, 50));
  char address[64];
  bridge_link_local(address, sizeof address);
  auto_free char *ns = str_format("%s-0", own.bridge);
  auto_free char *script = str_format("exec 3<>/dev/tcp/%s/%d", address, port);
  const char *const argv[] = {"ip", "netns", "exec", ns, "bash", "-c", script, NULL};
  auto_str output = STR_EMPTY; /* other errors as long as the addresses are new */
  TAP_WAIT_FOR(strstr(str_text(&output), "Permission denied"), 15000, CHECK(!run_tool(argv, &output)));
  close(fd);
  build_cancel(b);
  wait_for_end();
  CHECK_INT(leftovers(), 0);
  end();
}

TEST(failing_command_is_explained) {
  begin();
  put("Dockerfile", "FROM debian:bookworm-slim\n# a comment\nRUN echo before && \\\n    sh -c 'echo why >&2; exit 7'\n");
  run(&(struct build_request){0});
  CHECK_HAS(t.error, "(line 3 of Dockerfile) failed with exit status 7");
  CHECK_HAS(t.error, "why");
  CHECK_INT(t.code, ERR_INVALID);
  CHECK_INT(leftovers(), 0);
  end();
}

TEST(cancel_leaves_nothing) {
  begin();
  put("Dockerfile", "FROM debian:bookworm-slim\nRUN echo started; sleep 271828 & sleep 271828\n");
  build *b = start(&(struct build_request){.no_cache = true});
  TAP_WAIT_FOR(strstr(str_text(&t.lines), "\nstarted"), SHORT_MS, loop_turn(t.loop, 50));
  build_cancel(b);
  int64_t from = clock_monotonic_ms();
  wait_for_end();
  CHECK(clock_monotonic_ms() - from < 15000);
  CHECK_INT(t.code, ERR_BUSY);
  CHECK_TEXT(t.error, "cancelled");
  CHECK_INT(leftovers(), 0);
  end();
}

TEST(timeout_names_itself) {
  begin_with(3000);
  put("Dockerfile", "FROM debian:bookworm-slim\nRUN sleep 271829\n");
  run(&(struct build_request){.no_cache = true});
  CHECK_HAS(t.error, "took longer than 3 s");
  CHECK_INT(leftovers(), 0);
  end();
}

TEST(memory_cap_is_named) {
  begin();
  put("Dockerfile", "FROM debian:bookworm-slim\nRUN head -c 5G /dev/zero | tail -c 5G >/dev/null\n");
  run(&(struct build_request){.no_cache = true});
  CHECK_HAS(t.error, "used all of its 4096 MiB");
  end();
}

TEST(same_inputs_reuse_the_image) {
  begin();
  put("Dockerfile", "FROM debian:bookworm-slim\nCMD [\"x\"]\n");
  run_ok(&(struct build_request){0});
  auto_free char *id = str_dup(t.info.id);
  forget_result();
  run_ok(&(struct build_request){.reuse_image_id = id});
  CHECK(t.info.reused);
  CHECK_TEXT(t.info.id, id);
  CHECK_HAS(str_text(&t.lines), "Using cached image (same source, same inputs)");
  end();
}

TEST(many_files) {
  begin();
  put("Dockerfile", "FROM debian:bookworm-slim\nCOPY . /src\nRUN find /src -name '*.txt' | wc -l\n");
  put(".dockerignore", "skipped/**\n");
  for (int i = 0; i < 25000; i++) {
    auto_free char *name = str_format("%s/%d/%d.txt", i % 2 ? "skipped" : "kept", i / 500, i);
    put(name, "x");
  }
  run_ok(&(struct build_request){0});
  CHECK_HAS(str_text(&t.lines), "\n12500\n");
  end();
}

TEST(node_with_a_dependency) {
  begin();
  put("package.json", "{\"name\":\"n\",\"dependencies\":{\"ms\":\"2.1.3\"},\"scripts\":{\"start\":\"node index.js\",\"build\":\"node -e 'require(`ms`)' && echo built\"}}");
  put("index.js", "require('ms')");
  run_ok(&(struct build_request){0});
  CHECK_TEXT(t.info.start_command, "npm run start");
  CHECK_TEXT(t.info.working_dir, "/app");
  CHECK_HAS(str_text(&t.lines), "\nbuilt\n");
  end();
}

TEST(python_with_flask_and_gunicorn) {
  begin();
  put("requirements.txt", "Flask>=2\ngunicorn\n");
  put("app.py", "from flask import Flask\napp = Flask(__name__)\n");
  static const char *const variables[] = {"RAILPACK_BUILD_CMD=gunicorn --version && python -c 'import app' && echo imported", NULL};
  run_ok(&(struct build_request){.variables = variables});
  CHECK_HAS(t.info.start_command, "gunicorn --bind 0.0.0.0:${PORT:-8000} app:app");
  CHECK_HAS(str_text(&t.lines), "\nimported\n");
  end();
}

TEST(requirements_that_cannot_be_met_are_named) {
  begin();
  put("requirements.txt", "Flask>=99\nno-such-thing-at-all\nrequests==1.0\nclick\n");
  put("main.py", "");
  run(&(struct build_request){0});
  if (strstr(str_text(&t.lines), "No package index answers")) {
    CHECK_HAS(str_text(&t.lines), "Flask>=99: Debian's is");
    CHECK_HAS(str_text(&t.lines), "no-such-thing-at-all: Debian has no package of it");
    CHECK_HAS(str_text(&t.lines), "requests==1.0: Debian's is");
  }
  CHECK_HAS(t.error, "failed with exit status 1");
  end();
}

TEST(wheels_and_virtual_environments) {
  begin();
  put("requirements.txt", "click>=8\n");
  put("Dockerfile", "FROM python:3.13-slim as w\nCOPY requirements.txt .\nRUN pip wheel --wheel-dir /wheels -r requirements.txt\n"
                    "FROM python:3.13-slim\nCOPY --from=w /wheels /wheels\nRUN pip install --no-cache /wheels/* && python -c 'import click'\n"
                    "RUN python -m venv /v && /v/bin/pip install itsdangerous && /v/bin/python -c 'import itsdangerous' && echo fine\n");
  run_ok(&(struct build_request){0});
  CHECK_HAS(str_text(&t.lines), "\nfine\n");
  end();
}

TEST(static_site) {
  begin();
  put("index.html", "<h1>hi</h1>");
  run_ok(&(struct build_request){0});
  CHECK_TEXT(t.info.command.items[0], "caddy");
  CHECK_TEXT(t.info.start_command, "");
  static const char text[] = ("FROM caddy:2\nCOPY Caddyfile /app/\nRUN PORT=81 caddy validate --config /app/Caddyfile --adapter caddyfile\n");
  auto_strv layers = STRV_EMPTY;
  CHECK_OK(image_layers(t.cache, t.info.id, &layers));
  auto_str caddyfile = STR_EMPTY; /* what the planner wrote is what this Caddy understands */
  for (size_t i = 0; i < layers.len && !caddyfile.len; i++) {
    auto_free char *path = path_join(layers.items[i], "app/Caddyfile");
    if (file_exists(path)) CHECK_OK(file_read(path, 65536, &caddyfile));
  }
  CHECK(caddyfile.len > 0);
  remove_image();
  forget_result();
  put("Caddyfile", str_text(&caddyfile));
  put("Dockerfile", text);
  run_ok(&(struct build_request){0});
  end();
}

TEST(go_program) {
  begin();
  put("go.mod", "module example\n\ngo 1.21\n");
  put("main.go", "package main\n\nfunc main() { println(\"hi\") }\n");
  run_ok(&(struct build_request){0});
  CHECK_TEXT(t.info.start_command, "./out");
  auto_strv layers = STRV_EMPTY;
  CHECK_OK(image_layers(t.cache, t.info.id, &layers));
  bool found = false;
  for (size_t i = 0; i < layers.len; i++) {
    auto_free char *out = path_join(layers.items[i], "app/out");
    found |= file_exists(out);
  }
  CHECK(found);
  end();
}

TEST(procfile_and_alpine_names) {
  begin();
  put("Procfile", "web: python3 -m http.server $PORT\n");
  run_ok(&(struct build_request){0});
  CHECK_TEXT(t.info.start_command, "python3 -m http.server $PORT");
  remove_image();
  forget_result();
  put("Dockerfile", "FROM alpine:3.20\nRUN apk add --no-cache libc6-compat && addgroup -g 1001 -S nodejs && adduser -S nodejs -u 1001 && id nodejs\n");
  run_ok(&(struct build_request){0});
  CHECK_HAS(str_text(&t.lines), "uid=1001(nodejs)");
  end();
}

TEST(images_that_nobody_has) {
  begin();
  run(&(struct build_request){.image = "registry.invalid/some/thing:1"});
  CHECK_HAS(t.error, "registry.invalid/some/thing:1 cannot be pulled");
  CHECK_HAS(t.error, "let this machine reach registry.invalid");
  CHECK_INT(t.code, ERR_NOT_FOUND);
  end();
}

TEST(nothing_to_build_lists_what_is_there) {
  begin();
  put("README.md", "");
  run(&(struct build_request){0});
  CHECK_HAS(t.error, "Found: README.md");
  forget_result();
  run(&(struct build_request){.dockerfile_path = "missing/Dockerfile"});
  CHECK_HAS(t.error, "there is no file 'missing/Dockerfile' in the source");
  forget_result();
  run(&(struct build_request){.root_directory = "../.."});
  CHECK_HAS(t.error, "root directory");
  end();
}

TEST(cleaning_after_a_crash) {
  begin();
  bool cleaned = false;
  builder_clean(t.builder, on_removed, &cleaned);
  TAP_WAIT_FOR(cleaned, SHORT_MS, loop_turn(t.loop, 50));
  CHECK_INT(leftovers(), 0);
  end();
}

TEST_MAIN
