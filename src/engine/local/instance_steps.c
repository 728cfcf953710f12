#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/local/conmon.h"
#include "engine/local/instance.h"
#include "engine/local/link.h"
#include "engine/local/names.h"
#include "engine/local/oci_config.h"
#include "engine/local/rootfs.h"
#include "engine/local/runtime.h"
#include "engine/local/volume_mount.h"
#include "loop/spawn.h"
#include "loop/work.h"

enum { START_DEADLINE_MS = 60000, DEFAULT_SHM_BYTES = 64 * 1024 * 1024, HOST_NAME_MAX_LEN = 63 };

/* What is wrong with the order itself does not get better by trying again.  A limit may (a disk is
 * full): who is new learns of it at once, and who ran before has nobody to learn it. */
static bool is_final(const struct instance *inst, const err *e) {
  enum err_code code = err_code_of(e);
  return code == ERR_INVALID || code == ERR_NOT_FOUND || (code == ERR_LIMIT && inst->run == 1);
}

/* Ends a step: `e` (taken) tells how. */
static void step_over(struct instance *inst, err *e) {
  inst->engine->pending--;
  if (e) {
    inst->problem_is_final = is_final(inst, e);
    str_replace_owned(&inst->problem, err_message(e));
    log_warn("engine", "instance '%s': %s", inst->id, err_message(e));
    err_free(e);
    instance_event(inst, EVENT_FAIL);
  } else {
    instance_event(inst, EVENT_OK);
  }
}

static void on_work_done(void *arg, err *e) {
  step_over(arg, e);
}

/* --- PREPARE: network, mounts, config.json --------------------------------------- */

static err *write_file(const struct instance *inst, const char *name, const char *text,
                       mode_t mode) {
  auto_free char *path = path_join(inst->bundle, name);
  return file_write_fast(path, text, strlen(text), mode);
}

static char *resolv_conf(const struct instance *inst) {
  if (!inst->network) return str_dup(""); /* nobody is asked but itself, who does not answer */
  auto_free char *gateway = network_address_text(inst->network, NETWORK_GATEWAY, AF_INET);
  auto_free char *gateway6 = network_address_text(inst->network, NETWORK_GATEWAY, AF_INET6);
  return names_resolv_conf(gateway, gateway6);
}

static err *write_network_files(const struct instance *inst, const char *hostname) {
  auto_free char *resolv = resolv_conf(inst);
  auto_free char *hosts = names_hosts(hostname, inst->network ? inst->address : "127.0.0.1", inst->network ? inst->address6 : "::1");
  auto_free char *line = str_format("%s\n", hostname);
  TRY(write_file(inst, "resolv.conf", resolv, 0644));
  TRY(write_file(inst, "hosts", hosts, 0644));
  return write_file(inst, "hostname", line, 0644);
}

static err *write_config(const struct instance *inst, const char *hostname,
                         const struct user *user) {
  const struct local_engine *en = inst->engine;
  const struct workload *w = inst->owner->w;
  auto_free char *cgroup = cgroups_oci_path(&en->cgroups, inst->id);
  auto_free char *hosts = path_join(inst->bundle, "hosts");
  auto_free char *resolv = path_join(inst->bundle, "resolv.conf");
  auto_free char *hostname_file = path_join(inst->bundle, "hostname");
  auto_strv env = STRV_EMPTY;
  strv_add_all(&env, w->env);
  strv_addf(&env, "RAILWAY_REPLICA_ID=%s", inst->id);
  struct oci_config config = {
      .rootfs = inst->rootfs,
      .hostname = hostname,
      .argv = w->argv,
      .env = (const char *const *)env.items,
      .working_dir = w->working_dir,
      .user = user,
      .first_host_id = inst->first_host_id,
      .cgroup = cgroup,
      .memory_bytes = w->memory_bytes,
      .limit_swap = en->cgroups.swap_limit,
      .cpu_millis = w->cpu_millis,
      .pids = w->pids ? w->pids : en->config.pids,
      .shm_bytes = w->shm_bytes ? w->shm_bytes : DEFAULT_SHM_BYTES,
      .open_files = en->open_files,
      .hosts_file = hosts,
      .resolv_file = resolv,
      .hostname_file = hostname_file,
      .seccomp = en->seccomp,
  };
  auto_json *object = oci_config_json(&config);
  auto_free char *text = json_to_text(object);
  return write_file(inst, "config.json", text, 0600);
}

static err *mount_volumes(const struct instance *inst, const struct user *user) {
  struct volume_store *store = &inst->engine->volumes;
  const struct workload *w = inst->owner->w;
  for (size_t i = 0; i < w->volumes_len; i++) {
    const struct workload_volume *v = &w->volumes[i];
    TRY(volume_store_mount(store, v->volume_id));
    auto_free char *files = volume_store_files(store, v->volume_id, NULL);
    struct volume_mount mount = {.files = files,
                                 .rootfs = inst->rootfs,
                                 .mount_path = v->mount_path,
                                 .first_host_id = inst->first_host_id,
                                 .user = user};
    TRY(err_wrap(volume_mount(&mount), "volume '%s'", v->volume_id));
  }
  return NULL;
}

/* On a pool thread; the instance rests meanwhile. */
static err *prepare(void *arg) {
  const struct instance *inst = arg;
  const struct local_engine *en = inst->engine;
  const struct workload *w = inst->owner->w;
  auto_strv layers = STRV_EMPTY;
  TRY(en->config.layers(en->config.data_dir, w->image_id, &layers));
  auto_free char *helper = str_format("%s/%u", en->folders.layers, inst->mount);
  TRY(file_make_dirs(inst->bundle, 0711)); /* passable for the container's root, see local_new.c */
  struct rootfs rootfs = {.helper_dir = helper,
                          .layers = &layers,
                          .writable_dir = inst->writable,
                          .target = inst->rootfs,
                          .first_host_id = inst->first_host_id};
  TRY(rootfs_mount(&rootfs));
  struct user user;
  TRY(user_resolve(inst->rootfs, w->user, &user));
  TRY(mount_volumes(inst, &user));
  auto_free char *hostname =
      str_ndup(w->service_label, strnlen(w->service_label, HOST_NAME_MAX_LEN));
  TRY(write_network_files(inst, hostname));
  return write_config(inst, hostname, &user);
}

static err *take_address(struct instance *inst) {
  if (inst->address) return NULL;
  TRY(network_take_host(inst->network, inst->host, &inst->host));
  inst->address = network_address_text(inst->network, inst->host, AF_INET);
  inst->address6 = network_address_text(inst->network, inst->host, AF_INET6);
  return NULL;
}

static void start_preparing(struct instance *inst) {
  instance_record(inst);
  work_start(inst->engine->loop, prepare, on_work_done, inst);
}

static void on_network(void *arg, err *e) {
  struct instance *inst = arg;
  if (!e) e = take_address(inst);
  if (e)
    step_over(inst, e);
  else
    start_preparing(inst);
}

void step_prepare(struct instance *inst) {
  struct local_engine *en = inst->engine;
  const struct workload *w = inst->owner->w;
  en->pending++;
  inst->mount = ++en->mounts;
  err *e = user_ranges_get(en->ranges, w->environment_id, w->service_id, &inst->first_host_id);
  if (!e && !w->isolated) e = networks_get(en->networks, w->environment_id, &inst->network);
  if (e)
    step_over(inst, e);
  else if (w->isolated)
    start_preparing(inst);
  else
    network_ensure(inst->network, on_network, inst);
}

/* --- CREATE ---------------------------------------------------------------------- */

static void on_created(void *arg, err *e, pid_t pid) {
  struct instance *inst = arg;
  if (!e) {
    inst->pid = pid;
    inst->pid_started = instance_start_time(pid);
    e = inst->pid_started ? instance_watch(inst)
                          : err_new(ERR_IO, "reading when process %d was started", (int)pid);
  }
  step_over(inst, e);
}

void step_create(struct instance *inst) {
  struct local_engine *en = inst->engine;
  instance_record(inst);
  en->pending++;
  auto_free char *exit_file = path_join(en->folders.exits, inst->id);
  unlink(exit_file);
  auto_free char *log_path = NULL;
  err *e = runtime_remount(en->programs.crun, en->programs.runtime);
  if (!e) e = en->config.log_path(en->config.log_arg, inst->owner->w->id, inst->id, &log_path);
  if (e) {
    step_over(inst, e);
    return;
  }
  struct conmon_request request = {
      .monitor_argv = (const char *const *)en->monitor_argv.items,
      .conmon = en->programs.conmon,
      .runtime_argv = (const char *const *)en->runtime_argv.items,
      .id = inst->id,
      .bundle_dir = inst->bundle,
      .exit_dir = en->folders.exits,
      .socket_dir = en->folders.sockets,
      .log_path = log_path,
  };
  conmon_create(en->loop, &request, on_created, inst);
}

/* --- CONNECT --------------------------------------------------------------------- */

struct link instance_link(const struct instance *inst) {
  const network *w = inst->network;
  struct link link = {
      .pid = inst->pid,
      .address = network_address(w, inst->host),
      .gateway = network_address(w, NETWORK_GATEWAY),
      .prefix = NETWORK_PREFIX,
      .address6 = network_address6(w, inst->host),
      .gateway6 = network_address6(w, NETWORK_GATEWAY),
      .prefix6 = NETWORK_PREFIX6,
  };
  snprintf(link.host_name, sizeof link.host_name, "%s", inst->link);
  snprintf(link.bridge, sizeof link.bridge, "%s", network_bridge(w));
  return link;
}

static err *connect_link(void *arg) {
  struct link link = instance_link(arg);
  return err_wrap(link_connect(&link), "connecting to the network");
}

static err *connect_nothing(void *arg) {
  const struct instance *inst = arg;
  return err_wrap(link_only_loopback(inst->pid), "its loopback");
}

/* The link's name changes with every run: the kernel takes the last one's away in its own time. */
void instance_name_link(struct instance *inst) {
  snprintf(inst->link, sizeof inst->link, LINK_PREFIX "%08x%03x",
           ntohl(network_address(inst->network, inst->host).s_addr), inst->run & 0xfffu);
}

void step_connect(struct instance *inst) {
  instance_record(inst);
  inst->engine->pending++;
  if (!inst->network) {
    work_start(inst->engine->loop, connect_nothing, on_work_done, inst);
    return;
  }
  instance_name_link(inst);
  inst->named = true;
  local_names_changed(inst->engine, inst->owner->w->environment_id);
  work_start(inst->engine->loop, connect_link, on_work_done, inst);
}

/* --- START ----------------------------------------------------------------------- */

static void on_started(void *arg, const struct spawn_result *result) {
  step_over(arg, spawn_result_err(result));
}

void step_start(struct instance *inst) {
  struct local_engine *en = inst->engine;
  instance_record(inst);
  en->pending++;
  if (runtime_open_gate(en->folders.crun, inst->id)) {
    step_over(inst, NULL);
    return;
  }
  auto_strv argv = STRV_EMPTY;
  strv_add_all(&argv, (const char *const *)en->runtime_argv.items);
  strv_add_all(&argv, (const char *const[]){"start", inst->id, NULL});
  struct spawn_options options = {.argv = (const char *const *)argv.items,
                                  .env = runtime_env,
                                  .deadline_ms = START_DEADLINE_MS};
  err *e = spawn_start(en->loop, &options, on_started, inst, NULL);
  if (e) step_over(inst, e);
}

/* --- CLEAN ----------------------------------------------------------------------- */

static void on_cleaned(void *arg, err *e) {
  struct instance *inst = arg;
  if (e) log_warn("engine", "%s", err_message(e));
  instance_event(inst, e ? EVENT_FAIL : EVENT_OK);
  err_free(e);
}

void step_clean(struct instance *inst) {
  instance_unwatch(inst);
  inst->pid = 0;
  if (inst->named) {
    inst->named = false;
    local_names_changed(inst->engine, inst->owner->w->environment_id);
  }
  instance_record(inst);
  container_clean(inst->engine, inst->id, inst->mount, on_cleaned, inst);
}
