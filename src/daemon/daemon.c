#include "daemon/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/api.h"
#include "backup/restic.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"
#include "build/build.h"
#include "build/image_store.h"
#include "core/core.h"
#include "daemon/backup.h"
#include "daemon/lock.h"
#include "daemon/memory.h"
#include "daemon/notify.h"
#include "daemon/secrets.h"
#include "daemon/sshd.h"
#include "edge/edge.h"
#include "engine/local/local.h"
#include "loop/timer.h"
#include "observe/log_store.h"
#include "store/account.h"
#include "store/migrate.h"

struct paths { /* of what is installed with us */
  char *exec_program, *images_dir, *git_ssh;
};

struct daemon {
  const char *config_path;
  struct config *config;
  struct paths paths;
  loop *loop;
  db *db;
  log_store *logs;
  builder *builder;
  edge *edge;
  engine *engine;
  restic *restic;
  core *core;
  api *api;
  sshd *sshd;
  err *failure; /* why the start failed */
  bool ended;
};

/* ---- where things are ---- */

static err *find_paths(struct paths *p) {
  char self[4096];
  ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
  if (len < 0) return err_errno(errno, "reading /proc/self/exe");
  self[len] = '\0';
  *strrchr(self, '/') = '\0';
  p->exec_program = path_join(self, "tramway-exec");
  bool built = access(p->exec_program, X_OK) == 0; /* run from the source tree */
  if (!built) {
    free(p->exec_program);
    p->exec_program = str_format("%s/../libexec/tramway/tramway-exec", self);
  }
  const char *slash = strrchr(p->exec_program, '/');
  p->git_ssh = str_format("%.*s/tramway-git-ssh", (int)(slash - p->exec_program), p->exec_program);
  p->images_dir = str_format("%s/../%simages", self, built ? "" : "share/tramway/");
  if (access(p->exec_program, X_OK) == 0) return NULL;
  return err_new(ERR_NOT_FOUND, "'%s' is missing: it is built and installed together with tramd", p->exec_program);
}

static void paths_done(struct paths *p) {
  free(p->exec_program);
  free(p->images_dir);
  free(p->git_ssh);
}

/* ---- the parts ---- */

static err *log_path(void *arg, const char *workload_id, const char *instance_id, char **ret_path) {
  auto_free char *deployment_id = str_ndup(workload_id, strnlen(workload_id, ID_SIZE - 1));
  return log_store_instance_path(arg, deployment_id, instance_id, ret_path);
}

static err *open_store(struct daemon *d) {
  auto_free char *path = path_join(d->config->data.dir, "tramway.db");
  auto_free char *logs = path_join(d->config->data.dir, "logs");
  TRY(file_make_dirs(d->config->data.dir, 0700));
  TRY(file_make_dirs(d->config->data.run_dir, 0755));
  TRY(backup_finish_restore(d->config->data.dir));
  TRY(store_open(path, &d->db));
  secrets_settle(d->db, d->config->data.dir);
  return log_store_new(d->loop, logs, &d->logs);
}

static err *open_builder(struct daemon *d) {
  const struct config *c = d->config;
  struct builder_config config = {
      .data_dir = c->data.dir,
      .run_dir = c->data.run_dir,
      .images_dir = d->paths.images_dir,
      .exec_program = d->paths.exec_program,
      .timeout_ms = c->build.timeout_s * 1000,
      .memory_bytes = c->build.memory_bytes,
      .cpu_millis = c->build.cpu_millis,
      .registry = (enum registry_policy)c->build.registry,
      .debian_mirror = c->build.debian_mirror,
      .debian_suite = c->build.debian_suite,
      .npm_registry = c->build.npm_registry,
      .http_proxy = c->build.http_proxy,
      .https_proxy = c->build.https_proxy,
      .no_proxy = c->build.no_proxy,
      .ca_bundle = c->build.ca_bundle,
      .cgroup_parent = c->deploy.control_group,
      .build_subnet = c->network.build_subnet,
      .private_pool = c->network.ipv4_pool,
  };
  return builder_new(d->loop, &config, &d->builder);
}

static err *open_edge(struct daemon *d) {
  auto_free char *run_dir = path_join(d->config->data.run_dir, "edge");
  auto_free char *access_log = path_join(d->config->data.dir, "access.log");
  struct edge_options options = {.run_dir = run_dir,
                                 .access_log = access_log,
                                 .unit = d->config->edge.unit,
                                 .tcp_listen = (const char *const *)d->config->edge.tcp_listen.items,
                                 .tcp_listen_len = d->config->edge.tcp_listen.len,
                                 .listen = (const char *const *)d->config->edge.http_listen.items,
                                 .listen_len = d->config->edge.http_listen.len};
  return edge_new(d->loop, &options, &d->edge);
}

static int port_of(const char *address) {
  const char *colon = strrchr(address, ':');
  return colon ? atoi(colon + 1) : 0;
}

static err *open_engine(struct daemon *d, engine_change_fn *on_change, void *arg) {
  enum { PORTS_MAX = 16 };
  int ports[PORTS_MAX + 1] = {0};
  const struct strv *listen = &d->config->edge.http_listen;
  for (size_t i = 0; i < listen->len && i < PORTS_MAX; i++) ports[i] = port_of(listen->items[i]);
  struct local_config config = {.data_dir = d->config->data.dir,
                                .run_dir = d->config->data.run_dir,
                                .exec_program = d->paths.exec_program,
                                .cgroup_parent = d->config->deploy.control_group,
                                .name = d->config->network.name,
                                .ipv4_pool = d->config->network.ipv4_pool,
                                .ipv6_pool = d->config->network.ipv6_pool,
                                .edge_ports = ports,
                                .pids = d->config->deploy.default_pids,
                                .disk_reserve_bytes = d->config->disk.reserve_bytes,
                                .log_path = log_path,
                                .log_arg = d->logs,
                                .layers = image_layers,
                                .vault = db_vault(d->db)};
  return local_engine_new(d->loop, &config, on_change, arg, &d->engine);
}

static int public_port(const struct config *c) {
  if (c->edge.public_port) return c->edge.public_port;
  return c->edge.http_listen.len ? port_of(c->edge.http_listen.items[0]) : 0;
}

/* A wildcard record of the suffix covers "proxy.<suffix>", but not the suffix itself. */
static char *tcp_domain_of(const struct config *c) {
  if (!str_empty(c->edge.tcp_domain)) return str_dup(c->edge.tcp_domain);
  bool here = str_eq(c->edge.domain_suffix, "localhost");
  return here ? str_dup("localhost") : str_format("proxy.%s", c->edge.domain_suffix);
}

static struct core_options core_options_of(const struct config *c, const char *tcp_domain) {
  bool has_tcp = c->edge.tcp_listen.len > 0;
  return (struct core_options){.tcp_domain = tcp_domain,
                               .tcp_first_port = has_tcp ? c->edge.tcp_first_port : 0,
                               .tcp_last_port = c->edge.tcp_last_port,
                               .data_dir = c->data.dir,
                               .domain_suffix = c->edge.domain_suffix,
                               .version = tramway_version,
                               .build_concurrency = c->build.concurrency,
                               .healthcheck_timeout_ms = c->deploy.healthcheck_timeout_s * 1000,
                               .ci_timeout_ms = c->deploy.ci_timeout_s * 1000,
                               .ci_settle_ms = c->deploy.ci_settle_s * 1000,
                               .default_memory_bytes = c->deploy.default_memory_bytes,
                               .default_cpu_millis = c->deploy.default_cpu_millis,
                               .default_pids = c->deploy.default_pids,
                               .drain_timeout_ms = c->deploy.drain_timeout_s * 1000,
                               .stop_grace_ms = c->deploy.stop_grace_s * 1000,
                               .disk_budget_bytes = c->disk.budget_bytes,
                               .disk_reserve_bytes = c->disk.reserve_bytes,
                               .keep_images = c->disk.keep_images,
                               .disk_keep_ms = c->disk.keep_s * 1000,
                               .log_keep_ms = c->disk.log_keep_s * 1000,
                               .log_bytes = c->disk.log_bytes,
                               .volume_size_bytes = c->volumes.size_bytes,
                               .volume_trash_ms = c->volumes.trash_s * 1000,
                               .volume_poll_ms = c->volumes.poll_s * 1000,
                               .image_poll_ms = c->build.image_poll_s * 1000,
                               .backup_location = c->backup.location,
                               .backup_region = c->backup.region,
                               .backup_ca_bundle = c->backup.ca_bundle,
                               .backup_quota_bytes = c->backup.quota_bytes};
}

static struct restic_config restic_config_of(const struct daemon *d) {
  return (struct restic_config){.exec_program = d->paths.exec_program, .data_dir = d->config->data.dir,
                                .cgroup_parent = d->config->deploy.control_group,
                                .memory_bytes = d->config->backup.memory_bytes};
}

/* Without them everything else goes on. */
static void open_backups(struct daemon *d) {
  struct restic_config config = restic_config_of(d);
  auto_err *e = restic_new(d->loop, &config, &d->restic);
  if (e) log_error("backup", "%s", err_message(e));
}

static err *open_core(struct daemon *d) {
  auto_free char *tcp_domain = tcp_domain_of(d->config);
  struct core_options options = core_options_of(d->config, tcp_domain);
  open_backups(d);
  struct core_parts parts = {.loop = d->loop, .db = d->db, .builder = d->builder, .edge = d->edge, .logs = d->logs,
                             .restic = d->restic};
  TRY(core_new(&parts, &options, &d->core));
  TRY(open_engine(d, core_instance_changed, d->core));
  core_set_engine(d->core, d->engine);
  return NULL;
}

static err *announce_setup(struct daemon *d) {
  auto_free char *path = path_join(d->config->data.dir, "setup-token");
  bool needed = false;
  TRY(api_prepare_setup(d->db, path, &needed));
  if (needed) log_info("tramd", "no account yet: the one-time token for the first one is in %s", path);
  return NULL;
}

static struct sshd_options sshd_options_of(const struct daemon *d, const char *dir, const char *socket) {
  return (struct sshd_options){.program = d->config->ssh.program, .exec_program = d->paths.exec_program,
                               .helper = d->paths.git_ssh, .listen = d->config->ssh.listen, .user = d->config->ssh.user,
                               .dir = dir, .run_dir = d->config->data.run_dir, .socket = socket};
}

/* The API serves without it: what is wrong with it is told, and to be mended there. */
static void open_ssh(struct daemon *d) {
  auto_free char *dir = path_join(d->config->data.dir, "ssh"), *socket = path_join(d->config->data.run_dir, "api.sock");
  struct sshd_options options = sshd_options_of(d, dir, socket);
  if (str_empty(d->config->ssh.listen)) return;
  auto_err *e = sshd_start(d->loop, &options, &d->sshd);
  if (e) log_error("ssh", "%s", err_message(e));
}

/* Whom the helper runs as; 0 when there is no SSH, or its user is not as it must be. */
static int64_t ssh_uid(struct daemon *d) {
  struct sshd_options options = sshd_options_of(d, "", "");
  int64_t uid = 0;
  if (str_empty(d->config->ssh.listen)) return 0;
  auto_err *e = sshd_find_user(&options, &uid);
  if (e) log_error("ssh", "%s", err_message(e));
  return e ? 0 : uid;
}

static err *open_api(struct daemon *d) {
  const struct config *c = d->config;
  auto_free char *upload_dir = path_join(c->data.dir, "uploads");
  int port = public_port(c);
  auto_free char *edge_url = port == 80 ? str_format("http://%s", c->edge.domain_suffix)
                                        : str_format("http://%s:%d", c->edge.domain_suffix, port);
  int64_t uid = ssh_uid(d);
  auto_free char *socket = str_format("unix:%s/api.sock", c->data.run_dir);
  const char *listen[] = {c->server.listen, uid ? socket : NULL, NULL};
  struct api_parts parts = {d->loop, d->db, d->core, d->engine, d->logs};
  struct api_options options = {.listen = listen,
                                .version = tramway_version,
                                .public_url = c->server.public_url,
                                .edge_url = edge_url,
                                .domain_suffix = c->edge.domain_suffix,
                                .upload_dir = upload_dir,
                                .ssh_uid = uid,
                                .upload_limit_bytes = c->server.upload_limit_bytes,
                                .requests_per_hour = c->limits.requests_per_hour,
                                .requests_per_second = c->limits.requests_per_second};
  TRY(api_start(&parts, &options, &d->api));
  if (uid) open_ssh(d);
  return NULL;
}

/* ---- the start ---- */

static void give_up(struct daemon *d, err *e) {
  err_free(d->failure);
  d->failure = e;
  loop_stop(d->loop);
}

/* Whether nobody has ever used this Tramway: who starts it is there to read what is wrong. */
static bool is_first_start(struct daemon *d) {
  int64_t users = 0;
  err_ignore(user_count(d->db, &users));
  return users == 0;
}

static err *open_for_users(struct daemon *d) {
  TRY(announce_setup(d));
  return open_api(d);
}

/* After an upgrade or a boot an edge that does not come up must not take the API away, with which
 * one finds out why; it is tried again for as long as tramd runs. */
static void on_edge_started(void *arg, err *e) {
  struct daemon *d = arg;
  if (e && is_first_start(d)) {
    give_up(d, err_wrap(e, "edge"));
    return;
  }
  if (e) log_error("edge", "%s; the API serves, and the edge is tried again", err_message(e));
  err_free(e);
  e = open_for_users(d);
  if (e) {
    give_up(d, e);
    return;
  }
  log_info("tramd", "version %s serves the API at http://%s", tramway_version, d->config->server.listen);
  notify_systemd("READY=1");
}

/* The edge comes after core knows the routes: a HAProxy that has to be started begins with them. */
static void on_core_started(void *arg, err *e) {
  struct daemon *d = arg;
  if (e)
    give_up(d, e);
  else
    edge_start(d->edge, on_edge_started, d);
}

static void on_reload(void *arg) {
  struct daemon *d = arg;
  auto_strv changed = STRV_EMPTY, restart = STRV_EMPTY;
  struct config *fresh = NULL;
  err *e = config_load(d->config_path, &fresh);
  if (e) {
    log_error("tramd", "the configuration stays as it was: %s", err_message(e));
    err_free(e);
    return;
  }
  config_changes(d->config, fresh, &changed, &restart);
  auto_free char *names = strv_join(&changed, ", "), *later = strv_join(&restart, ", ");
  log_info("tramd", "configuration read again: %s%s%s", changed.len ? names : "no change",
           restart.len ? "; after a restart: " : "", later);
  log_set_level(fresh->log.level);
  auto_free char *tcp_domain = tcp_domain_of(fresh);
  struct core_options options = core_options_of(fresh, tcp_domain);
  core_set_options(d->core, &options);
  config_free(d->config); /* the parts keep copies of what they were given */
  d->config = fresh;
}

static void on_end(void *arg) {
  struct daemon *d = arg;
  if (d->ended) return;
  d->ended = true;
  log_info("tramd", "ending; what runs is left running");
  notify_systemd("STOPPING=1");
  loop_stop(d->loop);
}

static err *open_all(struct daemon *d) {
  TRY(find_paths(&d->paths));
  TRY(lock_take(d->config->data.run_dir));
  TRY(open_store(d));
  TRY(open_builder(d));
  TRY(open_edge(d));
  TRY(open_core(d));
  TRY(loop_on_signal(d->loop, SIGTERM, on_end, d));
  TRY(loop_on_signal(d->loop, SIGINT, on_end, d));
  return loop_on_signal(d->loop, SIGHUP, on_reload, d);
}

/* Builds and fetches that were cancelled end before the parts they use are freed. */
static void quiet_core(struct daemon *d) {
  enum { WAIT_MS = 15000, TURN_MS = 50 };
  core_stop(d->core);
  int64_t end_ms = clock_monotonic_ms() + WAIT_MS;
  while (!core_is_quiet(d->core) && clock_monotonic_ms() < end_ms) loop_turn(d->loop, TURN_MS);
  if (core_is_quiet(d->core)) return;
  log_warn("tramd", "an upload or a build has not ended within %d s: ending without it", WAIT_MS / 1000);
  _exit(0); /* it still uses what would be freed; all that counts is in the database */
}

static void free_all(struct daemon *d) {
  sshd_stop(d->sshd);
  api_stop(d->api);
  if (d->core) quiet_core(d);
  edge_free(d->edge);
  if (d->engine) engine_free(d->engine);
  if (d->builder) builder_free(d->builder);
  core_free(d->core);
  restic_free(d->restic);
  if (d->logs) log_store_free(d->logs);
  db_close(d->db);
  loop_free(d->loop);
  paths_done(&d->paths);
  config_free(d->config);
}

static void on_trim(void *arg) {
  struct daemon *d = arg;
  core_trim(d->core);
  db_trim(d->db);
  memory_trim();
}

err *daemon_run(const char *config_path) {
  struct daemon d = {.config_path = config_path};
  signal(SIGPIPE, SIG_IGN);
  memory_init();
  err *e = config_load(config_path, &d.config);
  if (e) return e;
  log_set_level(d.config->log.level);
  d.loop = loop_new();
  e = open_all(&d);
  if (!e) {
    timer *trim = timer_start(d.loop, MEMORY_TRIM_MS, MEMORY_TRIM_MS, on_trim, &d);
    core_start(d.core, on_core_started, &d);
    loop_run(d.loop);
    timer_stop(trim);
    e = d.failure;
  }
  free_all(&d);
  return e;
}

/* ---- the halt ---- */

static void on_halted(void *arg, err *e) {
  struct daemon *d = arg;
  if (e) give_up(d, e);
  loop_stop(d->loop);
}

static void on_edge_halted(void *arg, err *e) {
  struct daemon *d = arg;
  if (e) {
    log_error("tramd", "ending the edge: %s", err_message(e));
    err_free(e);
  }
  engine_halt(d->engine, on_halted, d);
}

static void ignore_change(void *arg, const struct instance_report *report) {
  (void)arg, (void)report;
}

static err *open_for_halt(struct daemon *d) {
  TRY(find_paths(&d->paths));
  TRY(lock_take(d->config->data.run_dir));
  TRY(open_store(d));
  TRY(open_builder(d));
  TRY(open_edge(d));
  return open_engine(d, ignore_change, NULL);
}

static void on_builds_ended(void *arg, err *e) {
  struct daemon *d = arg;
  if (e) {
    log_error("tramd", "ending builds: %s", err_message(e));
    err_free(e);
  }
  edge_stop(d->edge, 2000, on_edge_halted, d);
}

err *daemon_halt(const struct config *config) {
  enum { WAIT_MS = 60000 };
  TRY(lock_stop_holder(config->data.run_dir, WAIT_MS));
  struct daemon d = {.config = (struct config *)config};
  d.loop = loop_new();
  err *e = open_for_halt(&d);
  if (!e) {
    struct restic_config backups = restic_config_of(&d);
    auto_err *left = restic_halt(&backups);
    if (left) log_error("tramd", "ending %s", err_message(left));
    builder_clean(d.builder, on_builds_ended, &d);
    loop_run(d.loop);
    e = d.failure;
  }
  d.config = NULL; /* the caller's */
  free_all(&d);
  return e;
}
