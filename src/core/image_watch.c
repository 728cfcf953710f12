/* Services from an image that follow its tag (Railway's autoUpdates): registries are asked now and then, and
 * what has a newer image is deployed again.
 *
 * A tag that is a version goes on to the newest that may be: the service's source is rewritten.  Of any
 * other tag the digest is compared with what it was at the last look; a look that found nothing to compare
 * with only remembers.  Services are asked about one after another.  A registry that wants to be asked less
 * often is left alone for a while, longer each time. */
#include "core/image_watch.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "build/base_recipe.h"
#include "build/reference.h"
#include "model/tag_update.h"
#include "store/deployment.h"
#include "store/image_watch.h"
#include "store/service.h"

enum { REST_MS = 15 * 60 * 1000, REST_MAX_MS = 6 * 3600 * 1000 };

struct rest { /* of a registry */
  int64_t until_ms, length_ms;
};

struct image_watch {
  core *core;
  timer *timer;
  map *rests;        /* host → struct rest */
  struct strv queue; /* service instances still to be asked about in this round */
  char id[ID_SIZE];  /* which is asked about; "": none */
  char *image;       /* its source_image then */
  registry_asking *asking;
  bool stopped;
};

/* ---- what came of it ---- */

static err *deploy(image_watch *w, struct service_instance *i, const char *message) {
  char id[ID_SIZE];
  log_info("core", "%s: %s", i->id, message);
  return deploy_instance(w->core, i, message, NULL, id);
}

static err *take_tags(image_watch *w, struct service_instance *i, const struct strv *tags) {
  struct reference r = {0};
  TRY(reference_parse(i->settings.source_image, &r));
  const char *newer = tag_newer(r.tag, tags, i->settings.auto_updates);
  size_t kept = strlen(i->settings.source_image) - strlen(r.tag); /* as the user wrote it, up to the tag */
  auto_free char *image = newer ? str_format("%.*s%s", (int)kept, i->settings.source_image, newer) : NULL;
  reference_done(&r);
  if (!image) return NULL;
  auto_free char *message = str_format("Image update: %s → %s", i->settings.source_image, image);
  str_replace_owned(&i->settings.source_image, image);
  TRY(core_set_settings(w->core, i->id, &i->settings));
  return deploy(w, i, message);
}

static err *take_digest(image_watch *w, struct service_instance *i, const char *digest) {
  auto_free char *known = NULL;
  TRY(image_watch_get(w->core->db, i->id, i->settings.source_image, &known));
  if (str_eq(known, digest)) return NULL;
  TRY(image_watch_set(w->core->db, i->id, i->settings.source_image, digest));
  if (!known) return NULL;
  auto_free char *message = str_format("Image update: %s is %.19s now", i->settings.source_image, digest);
  return deploy(w, i, message);
}

static bool is_own(const char *image) {
  struct reference r = {0};
  auto_err *e = reference_parse(image, &r);
  bool own = !e && base_recipe_is_own(&r);
  reference_done(&r);
  return own;
}

/* Of an image that is made here no registry knows anything. */
static bool is_followed(const struct service_instance *i) {
  const struct service_settings *s = &i->settings;
  if (s->source_kind != SOURCE_IMAGE || is_own(s->source_image)) return false;
  return s->auto_updates != AUTO_UPDATES_DISABLED && !strchr(s->source_image, '@');
}

static err *take_answer(image_watch *w, const struct strv *answer, bool tags) {
  auto_service_instance i = {0};
  TRY(service_instance_get(w->core->db, w->id, &i));
  if (!is_followed(&i) || !str_eq(i.settings.source_image, w->image)) return NULL; /* it has changed meanwhile */
  if (tags) return take_tags(w, &i, answer);
  return answer->len ? take_digest(w, &i, answer->items[0]) : NULL;
}

/* ---- asking ---- */

static void ask_next(void *arg);

static char *host_of(const char *image) {
  struct reference r = {0};
  auto_err *e = reference_parse(image, &r);
  char *host = e ? NULL : str_dup(r.registry);
  reference_done(&r);
  return host;
}

static void let_rest(image_watch *w, const char *host) {
  struct rest *rest = map_get(w->rests, host);
  if (!rest) map_set(w->rests, host, rest = mem_zalloc(sizeof *rest));
  rest->length_ms = rest->length_ms ? rest->length_ms * 2 : REST_MS;
  if (rest->length_ms > REST_MAX_MS) rest->length_ms = REST_MAX_MS;
  rest->until_ms = clock_monotonic_ms() + rest->length_ms;
}

static bool rests(const image_watch *w, const char *host) {
  const struct rest *rest = host ? map_get(w->rests, host) : NULL;
  return rest && rest->until_ms > clock_monotonic_ms();
}

static void on_answer(image_watch *w, err *e, const struct strv *answer, bool tags) {
  auto_free char *host = host_of(w->image);
  w->asking = NULL;
  if (!w->stopped) {
    if (e && err_code_of(e) == ERR_BUSY && host)
      let_rest(w, host);
    else if (!e && host)
      free(map_remove(w->rests, host));
    if (!e) e = take_answer(w, answer, tags);
    if (e) log_warn("core", "looking for a newer '%s': %s", w->image, err_message(e));
    loop_defer(w->core->loop, ask_next, w);
  }
  err_free(e);
}

static void on_tags(void *arg, err *e, const struct strv *answer) {
  on_answer(arg, e, answer, true);
}

static void on_digest(void *arg, err *e, const struct strv *answer) {
  on_answer(arg, e, answer, false);
}

static bool names_version(const char *image) {
  struct reference r = {0};
  auto_err *e = reference_parse(image, &r);
  bool is = !e && tag_is_version(r.tag);
  reference_done(&r);
  return is;
}

/* *ret_asked: an answer will come. */
static err *ask_about(image_watch *w, const char *id, bool *ret_asked) {
  auto_service_instance i = {0};
  auto_deployment live = {0};
  auto_build_logins logins = {0};
  bool found = false;
  TRY(service_instance_get(w->core->db, id, &i));
  if (!is_followed(&i) || !schedule_allows(i.settings.auto_update_schedule, clock_now_us())) return NULL;
  auto_free char *host = host_of(i.settings.source_image);
  TRY(deployment_find_active(w->core->db, id, &found, &live));
  if (!found || rests(w, host)) return NULL;
  service_settings_done(&live.settings);
  service_settings_copy(&i.settings, &live.settings); /* its image may be another since */
  TRY(credentials_for_build(w->core, &live, &logins));
  id_copy(w->id, id);
  str_replace_owned(&w->image, i.settings.source_image);
  struct registry_question question = {.reference = w->image, .tags = names_version(w->image), .logins = logins.items,
                                       .logins_len = logins.len};
  TRY(builder_ask_registry(w->core->builder, &question, question.tags ? on_tags : on_digest, w, &w->asking));
  *ret_asked = true;
  return NULL;
}

static void ask_next(void *arg) {
  image_watch *w = arg;
  bool asked = false;
  while (!w->stopped && !asked && w->queue.len) {
    auto_free char *id = w->queue.items[--w->queue.len];
    w->queue.items[w->queue.len] = NULL;
    auto_err *e = ask_about(w, id, &asked);
    if (e) log_warn("core", "looking for a newer image of %s: %s", id, err_message(e));
  }
  if (!asked) *w->id = '\0';
}

/* ---- rounds ---- */

static err *collect(image_watch *w) {
  auto_service_instance_list all = {0};
  TRY(service_instance_list(w->core->db, &all));
  for (size_t i = 0; i < all.len; i++)
    if (is_followed(&all.items[i])) strv_add(&w->queue, all.items[i].id);
  return NULL;
}

static void schedule_round(image_watch *w);

static void on_round(void *arg) {
  image_watch *w = arg;
  schedule_round(w);
  if (*w->id) return; /* the last round is not over */
  auto_err *e = collect(w);
  if (e) log_warn("core", "looking for newer images: %s", err_message(e));
  ask_next(w);
}

/* Up to a tenth later than asked for, so that many Tramways do not ask at the same second. */
static void schedule_round(image_watch *w) {
  int64_t every_ms = w->core->options.image_poll_ms;
  uint32_t random;
  timer_stop(w->timer);
  w->timer = NULL;
  if (every_ms <= 0) return;
  secret_random(&random, sizeof random);
  w->timer = timer_start(w->core->loop, every_ms + every_ms / 10 * (random % 1000) / 1000, 0, on_round, w);
}

image_watch *image_watch_new(core *c) {
  image_watch *w = mem_zalloc(sizeof *w);
  w->core = c;
  w->rests = map_new();
  return w;
}

void image_watch_start(image_watch *w) {
  schedule_round(w);
}

void image_watch_stop(image_watch *w) {
  w->stopped = true;
  timer_stop(w->timer);
  w->timer = NULL;
  if (w->asking) registry_asking_cancel(w->asking);
}

bool image_watch_is_quiet(const image_watch *w) {
  return !w->asking;
}

void image_watch_free(image_watch *w) {
  if (!w) return;
  size_t cursor = 0;
  const char *host;
  void *rest;
  timer_stop(w->timer);
  while (map_next(w->rests, &cursor, &host, &rest)) free(rest);
  map_free(w->rests);
  strv_done(&w->queue);
  free(w->image);
  free(w);
}
