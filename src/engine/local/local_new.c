#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "build/image_store.h"
#include "engine/local/instance.h"
#include "engine/local/oci_config.h"
#include "engine/local/rootfs.h"
#include "engine/local/runtime.h"
#include "engine/local/seccomp.h"
#include "engine/local/workload_file.h"

enum {
  RUN_DIR_MAX = 60,
  NAME_MAX_LEN = 8, /* "tramway-e255" must fit IFNAMSIZ */
  SECCOMP_LIMIT = 1024 * 1024,
  OWN_GROUPS_LIMIT = 65536,
  OPEN_FILES_MAX = 524288, /* systemd's default hard limit for services */
};

static const char *text_or(const char *text, const char *otherwise) {
  return str_empty(text) ? otherwise : text;
}

static int *dup_ports(const int *ports) {
  size_t len = 0;
  while (ports && ports[len])
    len++;
  int *copy = mem_zalloc((len + 1) * sizeof *copy);
  if (len) memcpy(copy, ports, len * sizeof *copy);
  return copy;
}

static void copy_config(struct local_engine *en, const struct local_config *c) {
  en->config = *c;
  en->config.data_dir = str_dup(c->data_dir);
  en->config.run_dir = str_dup(c->run_dir);
  en->config.exec_program = str_dup(c->exec_program);
  en->config.cgroup_parent = str_dup(text_or(c->cgroup_parent, ""));
  en->config.name = str_dup(text_or(c->name, "tramway"));
  en->config.ipv4_pool = str_dup(text_or(c->ipv4_pool, "10.213.0.0/16"));
  en->config.ipv6_pool = str_dup(text_or(c->ipv6_pool, "fd7a:7472:616d::/48"));
  en->config.edge_ports = dup_ports(c->edge_ports);
  en->config.seccomp_file = str_dup(text_or(c->seccomp_file, "/usr/share/containers/seccomp.json"));
  if (!c->pids) en->config.pids = 4096;
  if (!c->backoff_first_ms) en->config.backoff_first_ms = 100;
  if (!c->backoff_max_ms) en->config.backoff_max_ms = 10000;
  /* A dependency may be slow (a database that recovers) or broken.  After this the rest starts
   * without it, as it would have to if it broke later. */
  if (!c->comeback_max_ms) en->config.comeback_max_ms = 60000;
  if (!c->watch_ms) en->config.watch_ms = 2000;
  if (!c->layers) en->config.layers = image_layers;
}

static err *check_config(const struct local_config *c) {
  if (c->data_dir[0] != '/' || c->run_dir[0] != '/')
    return err_new(ERR_INVALID, "data_dir and run_dir must be absolute");
  if (strlen(c->run_dir) > RUN_DIR_MAX)
    return err_new(ERR_LIMIT, "run_dir '%s' is longer than %d bytes", c->run_dir, RUN_DIR_MAX);
  size_t len = strlen(c->name);
  if (len > NAME_MAX_LEN || strspn(c->name, "abcdefghijklmnopqrstuvwxyz") != len)
    return err_new(ERR_INVALID, "the name '%s' must be 1 to %d of a-z", c->name, NAME_MAX_LEN);
  if (geteuid() != 0) return err_new(ERR_DENIED, "running containers needs root");
  return NULL;
}

static err *find_program(const char *name, const char *package, char **ret_path) {
  static const char *const folders[] = {"/usr/local/bin", "/usr/bin",        "/usr/sbin",
                                        "/bin",           "/usr/lib/podman", "/usr/libexec/podman"};
  for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
    auto_free char *path = path_join(folders[i], name);
    if (access(path, X_OK) != 0) continue;
    str_replace_owned(ret_path, path);
    return NULL;
  }
  return err_new(ERR_NOT_FOUND, "the program '%s' is missing: apt-get install %s", name, package);
}

static err *find_programs(struct local_programs *p) {
  char *ignored = NULL;
  err *e = find_program("nft", "nftables", &ignored);
  if (!e) e = find_program("iptables", "iptables", &ignored);
  free(ignored);
  if (!e) e = find_program("crun", "crun", &p->crun);
  if (!e) e = find_program("conmon", "conmon", &p->conmon);
  if (!e) e = find_program("netavark", "netavark", &p->netavark);
  if (!e) e = find_program("aardvark-dns", "aardvark-dns", &p->aardvark);
  return e;
}

static char *workloads_folder(const char *data_dir) {
  return str_format("%s/engine/workloads", data_dir);
}

err *local_engine_reseal(const char *data_dir, const vault *v) {
  auto_free char *folder = workloads_folder(data_dir);
  return err_wrap(workload_reseal_all(folder, v), "encrypting what is recorded of workloads");
}

static void name_folders(struct local_engine *en) {
  const char *data = en->config.data_dir, *run = en->config.run_dir;
  en->folders = (struct local_folders){
      .workloads = workloads_folder(data),
      .instances = str_format("%s/engine/instances", data),
      .bundles = path_join(run, "bundles"),
      .exits = path_join(run, "exits"),
      .sockets = path_join(run, "attach"),
      .crun = path_join(run, "crun"),
      .layers = path_join(run, "l"),
      .volume = path_join(run, "volume"),
  };
}

/* The root of a container's user namespace is nobody in ours, and must come through to its files.
 */
static err *check_reachable(const char *path) {
  auto_free char *partial = str_dup(path);
  for (char *slash; (slash = strrchr(partial, '/')) && slash != partial; *slash = '\0') {
    struct stat info;
    if (stat(partial, &info) < 0) return err_errno(errno, "looking at '%s'", partial);
    if (!(info.st_mode & S_IXOTH))
      return err_new(ERR_INVALID,
                     "'%s' must be passable for others (chmod o+x), or run_dir be elsewhere",
                     partial);
  }
  return NULL;
}

err *local_make_folders(struct local_engine *en) {
  const struct local_folders *f = &en->folders;
  TRY(file_make_dirs(en->config.run_dir, 0755));
  TRY(check_reachable(en->config.run_dir));
  TRY(file_make_dirs(f->bundles, 0711));
  const char *const all[] = {f->workloads, f->instances, f->exits, f->sockets, f->crun, f->layers, f->volume};
  for (size_t i = 0; i < ARRAY_LEN(all); i++)
    TRY(file_make_dirs(all[i], 0700));
  TRY(volume_store_make_folders(&en->volumes));
  auto_free char *own = path_join(en->config.data_dir, "engine");
  return file_remove_unfinished(own);
}

/* Without the mount crun is slower, that is all. */
static void mount_runtime(struct local_engine *en) {
  auto_free char *point = path_join(en->config.run_dir, "crun-program");
  auto_err *e = runtime_mount(en->programs.crun, point);
  if (e) log_warn("engine", "%s", err_message(e));
  en->programs.runtime = str_dup(e ? en->programs.crun : point);
}

static void build_prefixes(struct local_engine *en) {
  auto_strv groups = STRV_EMPTY;
  auto_str own_groups = STR_EMPTY;
  err_ignore(file_read("/proc/self/cgroup", OWN_GROUPS_LIMIT, &own_groups));
  cgroups_add_monitor_options(&en->cgroups, str_text(&own_groups), &groups);
  if (groups.len) {
    strv_add(&en->monitor_argv, en->config.exec_program);
    strv_add_all(&en->monitor_argv, (const char *const *)groups.items);
    strv_add(&en->monitor_argv, "--");
  }
  if (en->cgroups.hybrid) /* crun 1.8 refuses hosts where a controller sits in the v2 tree */
    strv_add_all(&en->runtime_argv,
                 (const char *const[]){en->config.exec_program, "--hide-cgroup2", "--", NULL});
  strv_add(&en->runtime_argv, en->programs.runtime);
  strv_addf(&en->runtime_argv, "--root=%s", en->folders.crun);
  strv_add(&en->runtime_argv, "--cgroup-manager=cgroupfs");
}

static err *load_seccomp(struct local_engine *en) {
  const char *path = en->config.seccomp_file;
  auto_str text = STR_EMPTY;
  err *e = file_read(path, SECCOMP_LIMIT, &text);
  if (e)
    return err_wrap(e, "the seccomp profile (apt-get install golang-github-containers-common)");
  auto_json *profile = NULL;
  TRY(json_parse(text.data, text.len, path, &profile));
  struct seccomp_facts facts = {.capabilities = oci_capabilities};
  seccomp_host_facts(&facts);
  return err_wrap(seccomp_convert(profile, &facts, &en->seccomp), "'%s'", path);
}

/* Never above the host's own hard limit: raising it needs a capability that tramd may lack. */
static void find_limits(struct local_engine *en) {
  struct rlimit limit = {.rlim_max = 1024};
  getrlimit(RLIMIT_NOFILE, &limit);
  en->open_files = limit.rlim_max < OPEN_FILES_MAX ? limit.rlim_max : OPEN_FILES_MAX;
}

static void on_exit_file(uv_fs_event_t *watch, const char *filename, int events, int status) {
  (void)events;
  struct local_engine *en = watch->data;
  if (status < 0 || !filename) return;
  struct instance *inst = map_get(en->instances, filename);
  if (inst) instance_check_exit(inst);
}

err *local_watch_exits(struct local_engine *en) {
  if (en->exit_watch_open) uv_fs_event_stop(&en->exit_watch); /* the folder is another one now */
  else uv_fs_event_init(loop_uv(en->loop), &en->exit_watch);
  en->exit_watch.data = en;
  en->exit_watch_open = true;
  int failed = uv_fs_event_start(&en->exit_watch, on_exit_file, en->folders.exits, 0);
  if (failed) return err_errno(-failed, "watching '%s'", en->folders.exits);
  return NULL;
}

static err *set_up(struct local_engine *en) {
  TRY(check_config(&en->config));
  TRY(find_programs(&en->programs));
  TRY(local_make_folders(en));
  TRY(rootfs_own_mount(en->config.run_dir));
  mount_runtime(en);
  TRY(cgroups_detect(en->config.cgroup_parent, en->config.name, &en->cgroups));
  TRY(load_seccomp(en));
  auto_free char *ranges = str_format("%s/engine/ranges.json", en->config.data_dir);
  TRY(user_ranges_load(ranges, &en->ranges));
  build_prefixes(en);
  find_limits(en);
  return NULL;
}

static err *set_up_networks(struct local_engine *en) {
  auto_free char *state_file = str_format("%s/engine/networks.json", en->config.data_dir);
  struct networks_config config = {
      .name = en->config.name,
      .state_file = state_file,
      .run_dir = en->config.run_dir,
      .ipv4_pool = en->config.ipv4_pool,
      .ipv6_pool = en->config.ipv6_pool,
      .edge_ports = en->config.edge_ports,
      .netavark = en->programs.netavark,
      .aardvark = en->programs.aardvark,
      .monitor_argv = (const char *const *)en->monitor_argv.items,
  };
  return networks_new(en->loop, &config, &en->networks);
}

err *local_engine_new(loop *l, const struct local_config *config, engine_change_fn *on_change,
                      void *arg, engine **ret_engine) {
  struct local_engine *en = mem_zalloc(sizeof *en);
  en->base.ops = &local_engine_ops;
  en->loop = l;
  en->on_change = on_change;
  en->on_change_arg = arg;
  list_init(&en->execs);
  list_init(&en->streams);
  list_init(&en->volume_runs);
  en->workloads = map_new();
  en->instances = map_new();
  copy_config(en, config);
  name_folders(en);
  volumes_begin(en);
  err *e = set_up(en);
  if (!e) e = set_up_networks(en);
  if (!e) e = local_watch_exits(en);
  if (e) {
    local_free_parts(en);
    return err_wrap(e, "the local engine");
  }
  watch_begin(en);
  *ret_engine = &en->base;
  return NULL;
}

static void free_config(struct local_config *c) {
  free((char *)c->data_dir);
  free((char *)c->run_dir);
  free((char *)c->exec_program);
  free((char *)c->name);
  free((char *)c->cgroup_parent);
  free((char *)c->ipv4_pool);
  free((char *)c->ipv6_pool);
  free((int *)c->edge_ports);
  free((char *)c->seccomp_file);
}

static void free_folders(struct local_folders *f) {
  free(f->workloads);
  free(f->instances);
  free(f->bundles);
  free(f->exits);
  free(f->sockets);
  free(f->crun);
  free(f->layers);
  free(f->volume);
}

static void free_memory(struct local_engine *en) {
  networks_free(en->networks);
  user_ranges_free(en->ranges);
  map_free(en->workloads);
  map_free(en->instances);
  json_decref(en->seccomp);
  cgroups_done(&en->cgroups);
  volume_store_done(&en->volumes);
  strv_done(&en->monitor_argv);
  strv_done(&en->runtime_argv);
  strv_done(&en->renamed);
  free(en->programs.crun);
  free(en->programs.runtime);
  free(en->programs.conmon);
  free(en->programs.netavark);
  free(en->programs.aardvark);
  free_folders(&en->folders);
  free_config(&en->config);
  free(en);
}

static void on_watch_closed(uv_handle_t *handle) {
  free_memory(handle->data);
}

void local_free_parts(struct local_engine *en) {
  watch_end(en);
  timer_stop(en->comeback.tick);
  timer_stop(en->record_retry);
  timer_stop(en->leftovers.timer);
  if (en->exit_watch_open)
    uv_close((uv_handle_t *)&en->exit_watch, on_watch_closed);
  else
    free_memory(en);
}
