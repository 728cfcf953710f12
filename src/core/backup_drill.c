/* A drill: the newest backup is restored into a volume of its own; where it is a database's, the same image runs
 * with it, and all that is in it is read.  Then everything of it is removed.
 *
 * It runs isolated: what is in a database may act by itself (a cron extension, a subscription, a foreign server, a
 * replica's master), and would act twice.
 *
 * That what was restored is what was backed up is seen by restic, which reads the files again and compares their
 * hashes.  What the instance is given of the service's variables are the database's own. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "core/backup_private.h"
#include "core/database_program.h"
#include "store/artifact.h"
#include "store/backup.h"
#include "store/deployment.h"
#include "store/release.h"
#include "store/service.h"
#include "store/volume.h"

enum { POLL_MS = 500, START_MS = 900000, ASK_MS = 30000, DUMP_MS = 4 * 3600 * 1000, TAIL_MAX = 2000, GRACE_MS = 10000 };
#define ROOM_BYTES (512LL << 20)
/* What a dump may have of each byte that was backed up (databases compress), and whatever there is. */
#define DUMP_TIMES 64
#define DUMP_BYTES_MIN (4LL << 30)

struct drill {
  backup_task *task;
  struct deployment deployment;
  struct desired desired;
  struct strv env;
  struct database_program program;
  char *instance_id;
  engine_exec *exec;
  struct str output, errors;
  sha256 *hash;          /* over what is read of it */
  struct str line;
  int64_t started_ms, read_bytes;
  err *problem;
  bool has_workload, has_volume, abandoned, crashed;
};

void drill_free(struct drill *d) {
  if (!d) return;
  if (d->exec) { /* its end is still told */
    d->abandoned = true;
    d->task = NULL;
    engine_exec_kill(d->exec);
    return;
  }
  deployment_done(&d->deployment);
  desired_done(&d->desired);
  strv_done(&d->env);
  database_program_done(&d->program);
  free(d->instance_id);
  str_done(&d->output);
  str_done(&d->errors);
  str_done(&d->line);
  sha256_free(d->hash);
  err_free(d->problem);
  free(d);
}

/* ---- the end: everything goes, whatever came of it ---- */

static err *record(struct drill *d) {
  backup_task *t = d->task;
  auto_backup b = {0};
  TRY(backup_get(t->core->db, t->backup.id, &b));
  b.drilled_us = clock_now_us();
  b.drill_ms = clock_monotonic_ms() - t->begun_ms;
  str_replace_owned(&b.drill_problem, d->problem ? err_message(d->problem) : NULL);
  str_replace_owned(&b.drill_checksum, d->problem ? NULL : t->backup.drill_checksum ? t->backup.drill_checksum : b.checksum);
  return backup_update(t->core->db, &b);
}

static void tell(struct drill *d) {
  backup_task *t = d->task;
  auto_volume_instance v = {0};
  char when[CLOCK_TEXT_SIZE];
  auto_err *gone = volume_instance_get(t->core->db, t->volume_instance_id, &v);
  if (gone || !d->problem) return;
  clock_format(t->backup.taken_us, when);
  when[19] = '\0';
  bool damaged = err_code_of(d->problem) == ERR_CORRUPT;
  auto_free char *cause = str_format("backup %s of %s UTC %s: %s", t->backup.id, when,
                                     damaged ? "is damaged" : "could not be restored", err_message(d->problem));
  backup_event(t->core, &v, EVENT_CRITICAL, damaged ? "damaged" : "failed", cause,
               "what lives was not touched; take another one: `tram backup create`");
}

static void finish(struct drill *d) {
  backup_task *t = d->task;
  auto_err *failed = record(d);
  if (failed && err_code_of(failed) != ERR_NOT_FOUND) log_error("backup", "drill: %s", err_message(failed));
  tell(d);
  err *e = d->problem ? err_dup(d->problem) : NULL;
  t->drill = NULL;
  drill_free(d);
  backup_restore_end(t, e);
}

static void on_volume_gone(void *arg, err *e) {
  struct drill *d = arg;
  if (backup_task_stopped(d->task, NULL)) {
    err_free(e);
    return;
  }
  if (e) log_warn("backup", "the volume of a drill: %s", err_message(e));
  err_free(e);
  finish(d);
}

static void on_network_gone(void *arg, err *e) {
  struct drill *d = arg;
  err_ignore(e); /* the engine removes what is left when it starts */
  if (!backup_task_stopped(d->task, NULL)) engine_volume_remove(d->task->core->engine, d->task->restore.id, on_volume_gone, d);
}

static void on_workload_gone(void *arg, err *e) {
  struct drill *d = arg;
  err_ignore(e);
  if (!backup_task_stopped(d->task, NULL))
    engine_remove_environment(d->task->core->engine, d->task->restore.id, on_network_gone, d);
}

/* What its instance printed is in no deployment's log, where its service's secrets would be found. */
static err *without_secrets(const struct drill *d, err *e) {
  if (!e || !*d->deployment.id) return e;
  auto_free char *text = redaction_text(d->task->core, d->deployment.id, err_message(e));
  err *told = err_new(err_code_of(e), "%s", text);
  err_free(e);
  return told;
}

/* Takes e. */
static void end(struct drill *d, err *e) {
  backup_task *t = d->task;
  if (!d->problem)
    d->problem = without_secrets(d, e);
  else
    err_free(e);
  if (d->has_workload)
    engine_remove(t->core->engine, t->restore.id, on_workload_gone, d);
  else if (d->has_volume)
    engine_volume_remove(t->core->engine, t->restore.id, on_volume_gone, d);
  else
    finish(d);
}

static void fail(backup_task *t, err *e) {
  end(t->drill, e);
}

/* ---- reading all that is in it ---- */

/* Of a dump that is the same each time: neither its time nor psql's \restrict keys. */
static void hash_line(struct drill *d, const char *line, size_t len) {
  static const char *const passing[] = {"\\restrict ", "\\unrestrict ", "-- Dump completed on ", "-- Started on ", "-- Completed on "};
  for (size_t i = 0; i < ARRAY_LEN(passing); i++)
    if (len >= strlen(passing[i]) && memcmp(line, passing[i], strlen(passing[i])) == 0) return;
  sha256_add(d->hash, line, len);
}

enum { LINE_MAX_BYTES = 65536 };

static void hash_output(struct drill *d, const char *data, size_t len) {
  while (len) {
    const char *end_of_line = memchr(data, '\n', len);
    size_t part = end_of_line ? (size_t)(end_of_line - data) + 1 : len;
    str_add_bytes(&d->line, data, part);
    if (end_of_line || d->line.len > LINE_MAX_BYTES) {
      hash_line(d, d->line.data, d->line.len);
      str_clear(&d->line);
    }
    data += part;
    len -= part;
  }
}

/* The program is the image's: it could print for hours. */
static bool is_endless(const struct drill *d) {
  return d->read_bytes - DUMP_BYTES_MIN > d->task->backup.size_bytes * DUMP_TIMES;
}

static void on_output(void *arg, int fd, const char *data, size_t len) {
  struct drill *d = arg;
  if (d->abandoned) return;
  struct str *s = fd == 1 ? &d->output : &d->errors;
  d->read_bytes += (int64_t)len;
  if (fd == 1 && d->hash && is_endless(d))
    engine_exec_kill(d->exec); /* on_read says why */
  else if (fd == 1 && d->hash)
    hash_output(d, data, len);
  else if (s->len + len <= TAIL_MAX)
    str_add_bytes(s, data, len);
}

static void on_deadline(void *arg) {
  struct drill *d = arg;
  if (d->exec) engine_exec_kill(d->exec);
}

static err *run(struct drill *d, const char *const *argv, const char *input, int64_t deadline_ms,
                void (*on_exit)(void *arg, err *e, int exit_code)) {
  backup_task *t = d->task;
  str_clear(&d->output);
  str_clear(&d->errors);
  struct exec_options o = {.instance_id = d->instance_id, .argv = argv, .env = (const char *const *)d->program.env.items,
                           .on_output = on_output, .on_exit = on_exit, .arg = d};
  TRY(engine_exec_start(t->core->engine, &o, &d->exec));
  if (input) engine_exec_write(d->exec, input, strlen(input));
  engine_exec_close_input(d->exec);
  timer_stop(t->timer);
  t->timer = timer_start(t->core->loop, deadline_ms, 0, on_deadline, d);
  return NULL;
}

/* Whether the drill goes on: tramd may be ending. */
static bool heard(struct drill *d, err **e) {
  d->exec = NULL;
  if (d->abandoned) {
    err_free(*e);
    drill_free(d);
    return false;
  }
  timer_stop(d->task->timer);
  d->task->timer = NULL;
  if (backup_task_stopped(d->task, *e)) return false;
  return true;
}

static void on_read(void *arg, err *e, int exit_code) {
  struct drill *d = arg;
  char hex[SHA256_HEX_SIZE];
  if (!heard(d, &e)) return;
  if (is_endless(d)) {
    err_free(e);
    e = err_new(ERR_LIMIT, "reading all of it gave %lld MB and no end", (long long)(d->read_bytes / 1000000));
  }
  if (!e && exit_code) e = err_recode(err_new(ERR_IO, "reading all of it: %.1000s", str_text(&d->errors)), ERR_CORRUPT);
  if (!e && d->line.len) hash_line(d, d->line.data, d->line.len);
  sha256_hex(d->hash, hex);
  sha256_free(d->hash);
  d->hash = NULL;
  if (!e) str_replace_owned(&d->task->backup.drill_checksum, hex);
  end(d, e);
}

static void read_all(struct drill *d) {
  static const char *const postgres[] = {"pg_dumpall", "-w", NULL};
  static const char *const mariadb[] = {"mariadb-dump", "--user=root", "--protocol=socket", "--all-databases", "--single-transaction",
                                        "--skip-dump-date", NULL};
  static const char *const mysql[] = {"mysqldump", "--user=root", "--protocol=socket", "--all-databases", "--single-transaction",
                                      "--skip-dump-date", NULL};
  if (d->program.kind == DATABASE_REDIS) { /* it has read all of it when it answers */
    end(d, NULL);
    return;
  }
  d->hash = sha256_new();
  bool is_mariadb = strcmp(d->program.argv.items[0], "mariadb") == 0;
  err *e = run(d, d->program.kind == DATABASE_POSTGRES ? postgres : is_mariadb ? mariadb : mysql, NULL, DUMP_MS, on_read);
  if (e) end(d, e);
}

/* ---- waiting until it has replayed its log, or loaded its file ---- */

static void ask(void *arg);

static const char *question(const struct drill *d) {
  switch (d->program.kind) {
  case DATABASE_POSTGRES: return "SELECT pg_is_in_recovery();\n";
  case DATABASE_MYSQL: return "SELECT 'f';\n";
  default: return "DBSIZE\n";
  }
}

static bool is_up(const struct drill *d, err *e, int exit_code) {
  const char *said = str_text(&d->output);
  if (e || exit_code) return false;
  return d->program.kind == DATABASE_REDIS ? *said >= '0' && *said <= '9' : *said == 'f';
}

static void again(struct drill *d, const char *why) {
  backup_task *t = d->task;
  if (d->crashed || clock_monotonic_ms() - d->started_ms > START_MS) {
    auto_free char *words = deploy_last_words(t->core, t->restore.id, 5);
    end(d, err_new(d->crashed ? ERR_CORRUPT : ERR_BUSY, "the database does not come up from it: %s; %s", words, why));
    return;
  }
  timer_stop(t->timer);
  t->timer = timer_start(t->core->loop, POLL_MS, 0, ask, d);
}

static void on_answer(void *arg, err *e, int exit_code) {
  struct drill *d = arg;
  if (!heard(d, &e)) return;
  bool up = is_up(d, e, exit_code);
  auto_free char *why = str_format("%.300s", e ? err_message(e) : str_text(&d->errors));
  err_free(e);
  if (up)
    read_all(d);
  else
    again(d, why);
}

static void note_instance(void *arg, const struct instance_report *report) {
  struct drill *d = arg;
  if (report->status == INSTANCE_CRASHED || report->status == INSTANCE_EXITED) d->crashed = true;
  if (report->status == INSTANCE_RUNNING) str_replace_owned(&d->instance_id, report->instance_id);
}

static void ask(void *arg) {
  struct drill *d = arg;
  backup_task *t = d->task;
  timer_stop(t->timer);
  t->timer = NULL;
  engine_each(t->core->engine, t->restore.id, note_instance, d);
  err *e = d->instance_id && !d->crashed ? run(d, (const char *const *)d->program.argv.items, question(d), ASK_MS, on_answer)
                                         : err_new(ERR_BUSY, "it does not run yet");
  if (!e) return;
  again(d, err_message(e));
  err_free(e);
}

/* ---- the instance ---- */

static bool is_databases_own(const char *variable) {
  static const char *const prefixes[] = {"POSTGRES", "PG", "MYSQL", "MARIADB", "REDIS", "VALKEY", "TZ="};
  for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
    if (str_starts(variable, prefixes[i])) return true;
  return false;
}

/* What the image itself sets, and the service may have set otherwise. */
static bool is_images_own(const json_t *image_config, const char *variable) {
  const json_t *env = json_object_get(image_config, "env");
  size_t len = strcspn(variable, "=") + 1;
  for (size_t i = 0; i < json_array_size(env); i++)
    if (strncmp(json_string_value(json_array_get(env, i)), variable, len) == 0) return true;
  return false;
}

static json_t *take_env(struct drill *d, const json_t *image_config) {
  json_t *variables = json_object();
  for (size_t i = 0; i < d->desired.env.len; i++) {
    const char *variable = d->desired.env.items[i], *equals = strchr(variable, '=');
    if (!equals || !(is_databases_own(variable) || is_images_own(image_config, variable))) continue;
    auto_free char *name = str_ndup(variable, (size_t)(equals - variable));
    strv_add(&d->env, variable);
    json_object_set_new(variables, name, json_string_nocheck(equals + 1));
  }
  return variables;
}

static err *apply(struct drill *d, const char *mount_path) {
  backup_task *t = d->task;
  struct workload_volume mount = {.volume_id = t->restore.id, .mount_path = mount_path};
  struct workload w = d->desired.workload;
  auto_image image = {0};
  TRY(image_get(t->core->db, d->deployment.image_id, &image));
  auto_json *variables = take_env(d, image.config);
  struct database_program_question q = {.image = d->deployment.settings.source_image, .variables = variables};
  TRY(database_program_find(&q, &d->program));
  w.id = w.environment_id = w.service_id = t->restore.id;
  w.service_label = "drill";
  w.depends_on = NULL;
  w.isolated = true;
  w.env = (const char *const *)d->env.items;
  w.replicas = 1;
  w.restart = WORKLOAD_RESTART_NEVER;
  w.stop_grace_ms = GRACE_MS;
  w.volumes = &mount;
  w.volumes_len = 1;
  d->has_workload = true;
  d->started_ms = clock_monotonic_ms();
  return engine_apply(t->core->engine, &w);
}

/* The newest that ran with the volume: the service may run another version since, with another one. */
static err *find_with_volume(core *c, const char *service_instance_id, const char *volume_instance_id, bool *ret_found,
                             struct deployment *ret_deployment) {
  auto_deployment_list list = {0};
  struct deployment_filter filter = {.service_instance_id = service_instance_id};
  TRY(deployment_list(c->db, &filter, NULL, &list));
  for (size_t i = 0; i < list.len && !*ret_found; i++) {
    auto_release release = {0};
    bool was_live = false;
    TRY(release_find(c->db, list.items[i].id, &was_live, &release));
    *ret_found = was_live && str_eq(json_get_text(json_array_get(release.volumes, 0), "id"), volume_instance_id);
    if (*ret_found) deployment_copy(&list.items[i], ret_deployment);
  }
  return NULL;
}

static err *is_kept(core *c, const struct deployment *d, bool *ret_kept) {
  auto_image image = {0};
  *ret_kept = false;
  if (*d->image_id) TRY(image_get(c->db, d->image_id, &image));
  return *d->image_id ? image_index_has(c->images, image.digest, ret_kept) : NULL;
}

/* The deployment of the service that has the volume: the image that goes with the data.  Without it only the files are tried. */
static err *find_deployment(struct drill *d, const struct volume_instance *v, bool *ret_found) {
  backup_task *t = d->task;
  auto_service_instance instance = {0};
  const char *service_id = *v->service_id ? v->service_id : t->backup.service_id;
  *ret_found = false;
  if (!*service_id) return NULL;
  TRY(service_instance_find(t->core->db, service_id, v->environment_id, ret_found, &instance));
  if (!*ret_found) return NULL;
  *ret_found = false;
  TRY(find_with_volume(t->core, instance.id, t->volume_instance_id, ret_found, &d->deployment));
  if (*ret_found)
    TRY(is_kept(t->core, &d->deployment, ret_found));
  else
    TRY(deployment_find_active(t->core->db, instance.id, ret_found, &d->deployment));
  if (!*ret_found) return NULL;
  enum database_kind kind = database_kind_of_image(d->deployment.settings.source_image);
  *ret_found = kind != DATABASE_NONE && kind != DATABASE_MONGO;
  return *ret_found ? desired_make(t->core, &d->deployment, NULL, &d->desired) : NULL;
}

static err *start(struct drill *d, bool *ret_asks) {
  auto_volume_instance v = {0};
  TRY(volume_instance_get(d->task->core->db, d->task->volume_instance_id, &v));
  TRY(find_deployment(d, &v, ret_asks));
  return *ret_asks ? apply(d, v.mount_path) : NULL;
}

static void on_filled(backup_task *t) {
  bool asks = false;
  err *e = start(t->drill, &asks);
  if (e || !asks)
    end(t->drill, e);
  else
    ask(t->drill);
}

static void on_volume_made(void *arg, err *e) {
  struct drill *d = arg;
  if (backup_task_stopped(d->task, e)) return;
  if (e)
    end(d, err_wrap(e, "a volume to try it in"));
  else
    backup_fill(d->task, d->task->restore.id, on_filled, fail);
}

void backup_drill(backup_task *t) {
  struct drill *d = mem_zalloc(sizeof *d);
  int64_t size = t->backup.size_bytes + t->backup.size_bytes / 4 + ROOM_BYTES;
  *d = (struct drill){.task = t, .has_volume = true};
  t->drill = d;
  engine_volume_apply(t->core->engine, &(struct engine_volume){.id = t->restore.id, .size_bytes = size}, on_volume_made, d);
}
