#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "build/build_cgroup.h"
#include "build/buildah_internal.h"
#include "build/image_inspect.h"
#include "build/registry.h"
#include "loop/spawn.h"

enum { SHORT_DEADLINE_MS = 60000, OUTPUT_LIMIT = 4 * 1024 * 1024 };

#define RUNTIME_NAME "tramway-build-runtime"
#define DEFAULT_SUBNET "10.214.0.0/24"

/* --- the tool --- */

static err *write_text(const char *folder, const char *name, const char *text) {
  auto_free char *path = path_join(folder, name);
  return file_write_fast(path, text, strlen(text), 0644);
}

/* Own configuration files, so that what an administrator set for Podman changes nothing here. */
static err *write_conf(const buildah *b) {
  const char *conf = b->paths.conf;
  TRY(file_make_dirs(conf, 0755));
  TRY(write_text(conf, "containers.conf", "[engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"none\"\n"));
  TRY(write_text(conf, "storage.conf", "[storage]\ndriver = \"overlay\"\n"));
  TRY(write_text(conf, "auth.json", "{}\n"));
  TRY(write_text(conf, "apt.conf", "Acquire::https::CAInfo \"/dev/tramway/ca.crt\";\n"));
  return write_text(conf, "wgetrc", "ca_certificate = /dev/tramway/ca.crt\n");
}

static bool resolver_is_local(void) {
  auto_str text = STR_EMPTY;
  err_ignore(file_read("/etc/resolv.conf", 65536, &text));
  bool any = false;
  for (const char *p = str_text(&text); (p = strstr(p, "nameserver ")); p++) {
    const char *address = p + strlen("nameserver ");
    if (!str_starts(address, "127.") && !str_starts(address, "::1")) return false;
    any = true;
  }
  return any;
}

static void set_paths(buildah *b) {
  const struct builder_config *c = b->config;
  const char *slash = strrchr(c->exec_program, '/');
  b->paths = (struct buildah_paths){
      .root = image_store_root(c->data_dir),
      .run_root = path_join(c->run_dir, "containers"),
      .tmp = image_store_cache_mounts(c->data_dir),
      .conf = path_join(c->run_dir, "build-conf"),
      .runtime = str_format("%.*s" RUNTIME_NAME, slash ? (int)(slash + 1 - c->exec_program) : 0,
                            c->exec_program),
  };
}

static err *set_up(buildah *b) {
  TRY(file_make_dirs(b->paths.root, 0700));
  TRY(file_make_dirs(b->paths.run_root, 0700));
  TRY(file_make_dirs(b->paths.tmp, 0700));
  TRY(write_conf(b));
  if (!file_exists(b->paths.runtime))
    return err_new(ERR_NOT_FOUND, "'%s' is missing: it belongs beside tramway-exec", b->paths.runtime);
  auto_free char *state = path_join(b->config->run_dir, "build-network");
  const char *subnet = str_empty(b->config->build_subnet) ? DEFAULT_SUBNET : b->config->build_subnet;
  return build_networks_new(b->loop, b->config, subnet, b->tag, state, &b->networks);
}

err *buildah_new(loop *l, const struct builder_config *config, buildah **ret_buildah) {
  buildah *b = mem_zalloc(sizeof *b);
  b->loop = l;
  b->config = config;
  char hex[SHA256_HEX_SIZE];
  secret_sha256_hex(config->data_dir, strlen(config->data_dir), hex);
  memcpy(b->tag, hex, sizeof b->tag - 1);
  b->resolver_is_local = resolver_is_local();
  list_init(&b->waiting);
  set_paths(b);
  err *e = set_up(b);
  if (e) {
    buildah_free(b);
    return err_wrap(e, "setting up builds");
  }
  *ret_buildah = b;
  return NULL;
}

void buildah_free(buildah *b) {
  if (!b) return;
  build_networks_free(b->networks);
  free(b->paths.root);
  free(b->paths.run_root);
  free(b->paths.tmp);
  free(b->paths.conf);
  free(b->paths.runtime);
  free(b);
}

loop *buildah_loop(const buildah *b) {
  return b->loop;
}

const struct builder_config *buildah_config(const buildah *b) {
  return b->config;
}

/* --- short commands --- */

struct command {
  buildah *tools;
  void (*done)(void *arg, err *e);
  buildah_done_fn *done_image;
  buildah_inspect_fn *done_inspect;
  void *arg;
};

static err *run_command(buildah *b, const char *const *words, int64_t deadline_ms, spawn_done_fn *done,
                        void *arg, spawn **ret_child) {
  auto_strv argv = STRV_EMPTY, env = STRV_EMPTY, none = STRV_EMPTY;
  buildah_command_begin(b->config, &b->paths, &none, NULL, &argv);
  buildah_command_env(b->config, &b->paths, NULL, &env);
  strv_add_all(&argv, words);
  struct spawn_options options = {
      .argv = (const char *const *)argv.items,
      .env = (const char *const *)env.items,
      .deadline_ms = deadline_ms,
      .collect_limit = OUTPUT_LIMIT,
  };
  return spawn_start(b->loop, &options, done, arg, ret_child);
}

static struct command *command_new(buildah *b, void *arg) {
  struct command *c = mem_zalloc(sizeof *c);
  c->tools = b;
  c->arg = arg;
  return c;
}

static void on_inspected(void *arg, const struct spawn_result *result) {
  struct command *c = arg;
  struct image_info info = {0};
  err *e = spawn_result_err(result);
  if (!e) e = image_inspect_parse(result->output, result->output_len, &info);
  c->done_inspect(c->arg, e, e ? NULL : &info);
  image_info_done(&info);
  free(c);
}

void buildah_inspect(buildah *b, const char *image_id, buildah_inspect_fn *done, void *arg) {
  struct command *c = command_new(b, arg);
  c->done_inspect = done;
  const char *bare = str_starts(image_id, "sha256:") ? image_id + 7 : image_id;
  const char *words[] = {"inspect", "--type", "image", bare, NULL};
  err *e = run_command(b, words, SHORT_DEADLINE_MS, on_inspected, c, NULL);
  if (!e) return;
  done(arg, e, NULL);
  free(c);
}

static void on_pulled(void *arg, const struct spawn_result *result) {
  struct command *c = arg;
  err *e = spawn_result_err(result);
  auto_free char *copy = str_dup(result->output);
  char *id = str_trim(copy);
  char *last = strrchr(id, '\n');
  if (last) id = last + 1;
  if (!e && strlen(id) != 64) e = err_new(ERR_CORRUPT, "buildah pull answered no image id");
  auto_free char *full = str_format("sha256:%s", id);
  c->done_image(c->arg, e, e ? NULL : full);
  free(c);
}

void buildah_pull(buildah *b, const char *reference, const char *authfile, buildah_done_fn *done, void *arg,
                  spawn **ret_child) {
  *ret_child = NULL;
  struct command *c = command_new(b, arg);
  c->done_image = done;
  auto_free char *source = str_format("docker://%s", reference);
  auto_free char *none = path_join(b->paths.conf, "auth.json");
  const char *words[] = {"pull", "--quiet", "--policy", "always", "--authfile", authfile ? authfile : none,
                         registry_is_loopback(reference) ? "--tls-verify=false" : "--tls-verify=true", source, NULL};
  err *e = run_command(b, words, b->config->timeout_ms, on_pulled, c, ret_child);
  if (!e) return;
  done(arg, e, NULL);
  free(c);
}

/* --- cleaning --- */

struct store_leave {
  buildah *tools;
  loop_fn *then;
  void *arg;
};

void buildah_start_waiting(buildah *b) {
  while (!b->cleaning && !list_empty(&b->waiting)) buildah_run_begin(buildah_run_first(&b->waiting));
}

static void on_store_clean(void *arg, const struct spawn_result *result) {
  struct store_leave *leave = arg;
  buildah *b = leave->tools;
  auto_err *e = spawn_result_err(result);
  if (e) log_warn("build", "removing working containers of a stopped build: %s", err_message(e));
  b->cleaning = false;
  leave->then(leave->arg);
  free(leave);
  buildah_start_waiting(b);
}

void buildah_store_leave(buildah *b, bool killed, loop_fn *then, void *arg) {
  if (killed) b->dirty = true;
  if (--b->running > 0 || !b->dirty) {
    then(arg);
    return;
  }
  b->dirty = false;
  struct store_leave *leave = mem_zalloc(sizeof *leave);
  *leave = (struct store_leave){b, then, arg};
  const char *words[] = {"rm", "--all", NULL};
  err *e = run_command(b, words, SHORT_DEADLINE_MS, on_store_clean, leave, NULL);
  b->cleaning = !e;
  if (!e) return;
  log_warn("build", "removing working containers of a stopped build: %s", err_message(e));
  err_free(e);
  free(leave);
  then(arg);
}

static void on_all_removed(void *arg, const struct spawn_result *result) {
  struct command *c = arg;
  c->done(c->arg, spawn_result_err(result));
  free(c);
}

static void on_networks_clean(void *arg) {
  struct command *c = arg;
  auto_free char *prefix = str_format("%s-", c->tools->tag);
  auto_strv names = STRV_EMPTY;
  build_cgroup_list(c->tools->config->cgroup_parent, prefix, &names);
  for (size_t i = 0; i < names.len; i++) err_ignore(build_cgroup_remove(c->tools->config->cgroup_parent, names.items[i]));
  const char *words[] = {"rm", "--all", NULL};
  err *e = run_command(c->tools, words, SHORT_DEADLINE_MS, on_all_removed, c, NULL);
  if (!e) return;
  c->done(c->arg, e);
  free(c);
}

void buildah_clean(buildah *b, void (*done)(void *arg, err *e), void *arg) {
  struct command *c = command_new(b, arg);
  c->done = done;
  auto_free char *prefix = str_format("%s-", b->tag);
  auto_strv names = STRV_EMPTY;
  build_cgroup_list(b->config->cgroup_parent, prefix, &names);
  for (size_t i = 0; i < names.len; i++) build_cgroup_kill(b->config->cgroup_parent, names.items[i]);
  build_networks_clean(b->networks, on_networks_clean, c);
}
