/* How full the volumes are: looked at now and then, one after the other, and told to their owner before they are
 * full. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/volume_private.h"
#include "store/deployment.h"
#include "store/service.h"
#include "store/volume.h"

static const int thresholds[] = {80, 95, 100};
enum { CALM_PERCENT = 5 }; /* below a threshold by so much, it may be told again */

struct volume_watch {
  core *core;
  timer *timer;    /* NULL: it is never looked */
  int64_t poll_ms; /* that it runs with */
  struct strv ids; /* that are still to be looked at in this round */
  size_t at;
  bool asking, ended;
};

/* ---- telling ---- */

static err *find_deployment(core *c, const struct volume_instance *v, char ret_id[ID_SIZE]) {
  auto_service_instance instance = {0};
  auto_deployment live = {0};
  bool found = false;
  TRY(service_instance_find(c->db, v->service_id, v->environment_id, &found, &instance));
  if (found) TRY(deployment_find_active(c->db, instance.id, &found, &live));
  if (found) id_copy(ret_id, live.id);
  return NULL;
}

static err *tell(core *c, const struct volume_instance *v, int percent) {
  auto_volume volume = {0};
  bool full = percent >= 100;
  auto_event e = {.severity = full ? EVENT_CRITICAL : EVENT_WARNING};
  TRY(volume_get(c->db, v->volume_id, &volume));
  if (*v->service_id) TRY(find_deployment(c, v, e.deployment_id));
  id_copy(e.project_id, v->project_id);
  id_copy(e.environment_id, v->environment_id);
  id_copy(e.service_id, v->service_id);
  e.object = str_dup("volume");
  e.action = str_dup(full ? "full" : "filling");
  e.cause = str_format("volume '%s' is %d %% full (of %lld MB)", volume.name, percent, (long long)(v->size_bytes / VOLUME_MB));
  e.outcome = str_format("%s`tram volume update -v %s --size MB` lets it grow while it is in use",
                         full ? "writing to it fails; " : "", volume.name);
  e.payload = json_pack("{s:s, s:s, s:i, s:I}", "volumeId", v->volume_id, "volumeInstanceId", v->id, "percent", percent,
                        "sizeMB", (json_int_t)(v->size_bytes / VOLUME_MB));
  event_tell(c, &e);
  return NULL;
}

/* ---- looking ---- */

static int percent_of(int64_t used, int64_t all) {
  return all > 0 ? (int)((used * 1000 / all + 5) / 10) : 0;
}

/* By bytes or by files, whichever there is less of. */
static int fullness(const struct volume_usage *u) {
  int bytes = percent_of(u->used_bytes, u->size_bytes), files = percent_of(u->files_used, u->files);
  return bytes > files ? bytes : files;
}

static int threshold_of(int percent, int told) {
  int reached = 0;
  for (size_t i = 0; i < ARRAY_LEN(thresholds); i++) {
    bool still_told = told >= thresholds[i] && percent > thresholds[i] - CALM_PERCENT;
    if (percent >= thresholds[i] || still_told) reached = thresholds[i];
  }
  return reached;
}

static err *take(core *c, const char *id, const struct volume_usage *u) {
  auto_volume_instance v = {0};
  TRY(volume_instance_get(c->db, id, &v));
  int percent = fullness(u), reached = threshold_of(percent, v.alerted_percent);
  if (volume_is_trashed(&v) || (v.measured_us && v.used_bytes == u->used_bytes && reached == v.alerted_percent)) return NULL;
  auto_db_relaxed relaxed = db_relax(c->db); /* looked at again */
  TRY(volume_instance_set_usage(c->db, id, u->used_bytes, reached, clock_now_us()));
  return reached > v.alerted_percent ? tell(c, &v, percent) : NULL;
}

static void look_at_next(struct volume_watch *w);

static void on_usage(void *arg, err *e, const struct volume_usage *usage) {
  struct volume_watch *w = arg;
  w->asking = false;
  if (w->ended) {
    err_free(e);
    strv_done(&w->ids);
    free(w);
    return;
  }
  if (!e) e = take(w->core, w->ids.items[w->at], usage);
  if (e && err_code_of(e) != ERR_NOT_FOUND)
    log_warn("core", "volume %s: how full it is: %s", w->ids.items[w->at], err_message(e));
  err_free(e);
  w->at++;
  look_at_next(w);
}

static void look_at_next(struct volume_watch *w) {
  if (w->at >= w->ids.len) return;
  w->asking = true;
  engine_volume_usage(w->core->engine, w->ids.items[w->at], on_usage, w);
}

static void on_timer(void *arg) {
  struct volume_watch *w = arg;
  auto_volume_instance_list list = {0};
  if (w->asking) return;
  auto_err *e = volume_instance_list(w->core->db, &list);
  if (e) log_warn("core", "volumes: %s", err_message(e));
  strv_done(&w->ids);
  w->ids = STRV_EMPTY;
  w->at = 0;
  for (size_t i = 0; i < list.len; i++)
    if (volume_has_data(&list.items[i])) strv_add(&w->ids, list.items[i].id);
  look_at_next(w);
}

static void start_timer(struct volume_watch *w) {
  int64_t poll_ms = w->core->options.volume_poll_ms;
  timer_stop(w->timer);
  w->poll_ms = poll_ms;
  w->timer = poll_ms ? timer_start(w->core->loop, poll_ms, poll_ms, on_timer, w) : NULL;
}

void volume_watch_start(core *c) {
  struct volume_watch *w = mem_zalloc(sizeof *w);
  w->core = c;
  c->volume_watch = w;
  start_timer(w);
}

void volume_watch_retime(core *c) {
  struct volume_watch *w = c->volume_watch;
  if (w && w->poll_ms != c->options.volume_poll_ms) start_timer(w);
}

/* An answer that is still to come ends it. */
void volume_watch_stop(core *c) {
  struct volume_watch *w = c->volume_watch;
  c->volume_watch = NULL;
  if (!w) return;
  timer_stop(w->timer);
  w->timer = NULL;
  w->ended = true;
  if (w->asking) return;
  strv_done(&w->ids);
  free(w);
}
