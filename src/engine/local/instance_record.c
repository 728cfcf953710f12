#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/local/instance.h"

enum { RECORD_LIMIT = 65536, RECORD_RETRY_MS = 1000 };

enum instance_status instance_status_of(const struct instance *inst) {
  if (inst->gone) return INSTANCE_REMOVED;
  if (inst->stop_wanted) return inst->restart_wanted ? INSTANCE_RESTARTING : INSTANCE_REMOVING;
  if (inst->phase == PHASE_RUN) return INSTANCE_RUNNING;
  bool resting = inst->phase == PHASE_CLEAN || inst->phase == PHASE_DONE;
  if (resting && inst->ended) return inst->exit_code == 0 ? INSTANCE_EXITED : INSTANCE_CRASHED;
  return inst->again || resting ? INSTANCE_RESTARTING : INSTANCE_CREATED;
}

void instance_fill_report(const struct instance *inst, struct instance_report *report) {
  *report = (struct instance_report){
      .workload_id = inst->owner->w->id,
      .instance_id = inst->id,
      .replica = inst->replica,
      .status = instance_status_of(inst),
      .address = inst->address ? inst->address : "",
      .address6 = inst->address6 ? inst->address6 : "",
      .exit_code = inst->exit_code,
      .oom_killed = inst->oom_killed,
      .restarts = inst->restarts,
      .problem = inst->problem ? inst->problem : "",
  };
}

/* The rest of a report changes only together with the status. */
void instance_report(struct instance *inst) {
  enum instance_status status = instance_status_of(inst);
  if (inst->engine->closing || (inst->reported && status == inst->reported_status)) return;
  inst->reported = true;
  inst->reported_status = status;
  struct instance_report report;
  instance_fill_report(inst, &report);
  inst->engine->on_change(inst->engine->on_change_arg, &report);
  comeback_wake(inst->engine);
}

/* Changes with every start of the machine. */
static char *boot_id(void) {
  auto_str text = STR_EMPTY;
  auto_err *e = file_read("/proc/sys/kernel/random/boot_id", 128, &text);
  return str_dup(e ? "" : str_trim((char *)str_text(&text)));
}

static err *write_record(const struct instance *inst) {
  auto_free char *boot = boot_id();
  auto_free char *path = path_join(inst->state_dir, "state.json");
  auto_json *object = json_object();
  json_set_text(object, "phase", instance_phase_name(inst->phase));
  json_set_text(object, "boot", boot);
  json_object_set_new(object, "host", json_integer(inst->host));
  json_object_set_new(object, "pid", json_integer(inst->pid));
  json_object_set_new(object, "pid_started", json_integer((json_int_t)inst->pid_started));
  json_object_set_new(object, "run", json_integer((json_int_t)inst->run));
  json_object_set_new(object, "restarts", json_integer(inst->restarts));
  json_object_set_new(object, "failures", json_integer(inst->failures));
  json_object_set_new(object, "exit_code", json_integer(inst->exit_code));
  json_object_set_new(object, "oom_killed", json_boolean(inst->oom_killed));
  json_object_set_new(object, "ended", json_boolean(inst->ended));
  json_object_set_new(object, "listened", json_boolean(inst->listened));
  json_set_text(object, "problem", inst->problem ? inst->problem : "");
  auto_free char *text = json_to_text(object);
  TRY(file_make_dirs(inst->state_dir, 0700));
  /* What ended must stay ended after a power loss; what runs does not survive one anyway. */
  return inst->phase == PHASE_DONE ? file_write(path, text, strlen(text), 0600)
                                   : file_write_fast(path, text, strlen(text), 0600);
}

static void record_all_again(void *arg) {
  struct local_engine *en = arg;
  timer_stop(en->record_retry);
  en->record_retry = NULL;
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(en->instances, &cursor, &id, &value))
    if (((struct instance *)value)->unrecorded) instance_record(value);
}

/* What cannot be recorded (the disk is full) still happens: an app that could be started again shall
 * not stay down for it.  But the record must become true, or the next start takes what lives for
 * something half made. */
void instance_record(struct instance *inst) {
  struct local_engine *en = inst->engine;
  if (inst->gone) return;
  auto_err *e = write_record(inst);
  bool first = e && !inst->unrecorded;
  inst->unrecorded = e != NULL;
  if (first) log_error("engine", "recording instance '%s': %s", inst->id, err_message(e));
  if (e && !en->record_retry && !en->closing)
    en->record_retry = timer_start(en->loop, RECORD_RETRY_MS, 0, record_all_again, en);
}

static enum phase phase_of(const char *name) {
  for (int i = 0; i < PHASE_COUNT; i++)
    if (str_eq(name, instance_phase_name((enum phase)i))) return (enum phase)i;
  return PHASE_CLEAN; /* unknown: undo whatever it was */
}

err *instance_read_record(struct instance *inst, enum phase *ret_phase, bool *ret_same_boot) {
  auto_free char *path = path_join(inst->state_dir, "state.json");
  *ret_phase = PHASE_IDLE;
  *ret_same_boot = true;
  if (!file_exists(path)) return NULL;
  auto_str text = STR_EMPTY;
  TRY(file_read(path, RECORD_LIMIT, &text));
  auto_json *object = NULL;
  TRY(json_parse(text.data, text.len, path, &object));
  auto_free char *boot = boot_id();
  inst->host = (int)json_get_int(object, "host", 0);
  inst->pid = (pid_t)json_get_int(object, "pid", 0);
  inst->pid_started = (uint64_t)json_get_int(object, "pid_started", 0);
  inst->run = (unsigned)json_get_int(object, "run", 0);
  inst->restarts = (int)json_get_int(object, "restarts", 0);
  inst->failures = (int)json_get_int(object, "failures", 0);
  inst->exit_code = (int)json_get_int(object, "exit_code", EXIT_CODE_NONE);
  inst->oom_killed = json_get_bool(object, "oom_killed", false);
  inst->ended = json_get_bool(object, "ended", false);
  inst->listened = json_get_bool(object, "listened", false);
  const char *problem = json_get_text(object, "problem");
  if (!str_empty(problem)) str_replace_owned(&inst->problem, problem);
  *ret_phase = phase_of(json_get_text(object, "phase"));
  *ret_same_boot = str_eq(boot, json_get_text(object, "boot"));
  return NULL;
}
