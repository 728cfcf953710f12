/* A builder and an edge without programs, for the tests of core/: they define the functions of
 * build/build.h, build/image_store.h, build/image_index.h and edge/edge.h that core calls, so that the linker takes none
 * of the real ones out of the library. */
#ifndef TRAMWAY_TESTS_CORE_FAKE_PARTS_H
#define TRAMWAY_TESTS_CORE_FAKE_PARTS_H

#include <jansson.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/list.h"
#include "base/mem.h"
#include "build/build.h"
#include "build/image_index.h"
#include "build/image_store.h"
#include "edge/edge.h"

/* ---- registries: an answer that the test gives ---- */

struct registry_asking {
  loop *loop;
  registry_answer_fn *done;
  void *arg;
};
static struct strv fake_registry_answer;
static const char *fake_registry_error; /* of ERR_BUSY */
static int fake_registry_asked;
static char fake_registry_reference[256];
static bool fake_registry_tags;

/* ---- builder ---- */

struct image_builder {
  loop *loop;
  struct list builds;
  bool hold;              /* builds go on until the test lets them go */
  const char *fail;       /* they end with this error */
  const char *fail_start; /* they do not even begin */
  const char *image;      /* id of the image that they make */
  int started, running, most_running, cancelled;
  struct strv variables; /* of the last request */
  char *reused;          /* its reuse_image_id */
  struct strv arguments; /* that the Dockerfile declares; none: it is a planned build */
  bool no_cache;         /* likewise */
};

struct build {
  struct list link;
  builder *owner;
  char *deployment_id;
  char key[65];
  bool reuses, cancelled;
  build_line_fn *on_line;
  build_done_fn *on_done;
  void *arg;
};

static bool fake_images_gone; /* from the store */

/* What the store holds on top of the images that builds made: each takes FAKE_IMAGE_BYTES in a layer of
 * its own. */
enum { FAKE_IMAGE_BYTES = 10 * 1000 * 1000 };
static struct strv fake_store;
static struct strv fake_removed;  /* from it, in order */
static bool fake_removal_fails;
static void (*fake_on_removal)(void); /* called once, when it has room */

static inline void fake_end_build(struct build *b) {
  builder *owner = b->owner;
  list_remove(&b->link);
  owner->running--;
  char *entrypoint[] = {(char *)"/app", NULL};
  struct image_info info = {.id = (char *)owner->image,
                            .entrypoint = {.items = entrypoint, .len = 1},
                            .working_dir = (char *)"/srv",
                            .user = (char *)"",
                            .stop_signal = (char *)"",
                            .start_command = (char *)"",
                            .reused = b->reuses,
                            .planned = !owner->arguments.len};
  memcpy(info.build_key, b->key, sizeof b->key);
  if (!b->reuses) info.arguments = owner->arguments; /* stay the owner's */
  err *e = b->cancelled  ? err_new(ERR_BUSY, "cancelled")
           : owner->fail ? err_new(ERR_INVALID, "%s", owner->fail)
                         : NULL;
  if (!e && !strv_has(&fake_store, owner->image)) strv_add(&fake_store, owner->image);
  b->on_line(b->arg, e ? "it did not work" : "it worked");
  b->on_done(b->arg, e, e ? NULL : &info);
  free(b->deployment_id);
  free(b);
}

static inline void fake_end_builds(void *owner_) {
  builder *owner = owner_;
  LIST_FOREACH(b, &owner->builds, struct build, link)
    if (!owner->hold || b->cancelled) fake_end_build(b);
}

static inline struct build *fake_build_of(builder *owner, const char *deployment_id) {
  LIST_FOREACH(b, &owner->builds, struct build, link)
    if (str_eq(b->deployment_id, deployment_id)) return b;
  return NULL;
}

err *build_start(builder *owner, const struct build_request *request, build_line_fn *on_line,
                 build_done_fn *on_done, void *arg, build **ret_build) {
  if (owner->fail_start) return err_new(ERR_INVALID, "%s", owner->fail_start);
  struct build *b = mem_zalloc(sizeof *b);
  *b = (struct build){.owner = owner, .on_line = on_line, .on_done = on_done, .arg = arg};
  b->deployment_id = str_dup(request->deployment_id);
  strv_done(&owner->variables);
  strv_add_all(&owner->variables, request->variables);
  str_replace_owned(&owner->reused, request->reuse_image_id);
  b->reuses = request->reuse_image_id && str_eq(request->reuse_image_id, owner->image);
  build_key(request, owner->arguments.len ? &owner->arguments : NULL, b->key);
  owner->no_cache = request->no_cache;
  list_push(&owner->builds, &b->link);
  owner->started++;
  if (++owner->running > owner->most_running) owner->most_running = owner->running;
  loop_defer(owner->loop, fake_end_builds, owner);
  *ret_build = b;
  return NULL;
}

static inline void fake_answer_registry(void *asking_) {
  registry_asking *a = asking_;
  err *e = fake_registry_error ? err_new(ERR_BUSY, "%s", fake_registry_error) : NULL;
  a->done(a->arg, e, &fake_registry_answer);
  free(a);
}

err *builder_ask_registry(builder *owner, const struct registry_question *question, registry_answer_fn *done,
                          void *arg, registry_asking **ret_asking) {
  registry_asking *a = mem_zalloc(sizeof *a);
  *a = (registry_asking){owner->loop, done, arg};
  fake_registry_asked++;
  fake_registry_tags = question->tags;
  snprintf(fake_registry_reference, sizeof fake_registry_reference, "%s", question->reference);
  loop_defer(owner->loop, fake_answer_registry, a);
  *ret_asking = a;
  return NULL;
}

void registry_asking_cancel(registry_asking *a) {
  (void)a;
}

void build_cancel(build *b) {
  b->cancelled = true;
  b->owner->cancelled++;
  loop_defer(b->owner->loop, fake_end_builds, b->owner);
}

void builder_clean(builder *b, void (*done)(void *arg, err *e), void *arg) {
  (void)b;
  done(arg, NULL);
}

void builder_remove_images(builder *b, const struct strv *ids, void (*done)(void *arg, err *e), void *arg) {
  (void)b;
  struct strv left = STRV_EMPTY;
  for (size_t i = 0; i < fake_store.len && !fake_removal_fails; i++)
    if (!strv_has(ids, fake_store.items[i])) strv_add(&left, fake_store.items[i]);
  if (!fake_removal_fails) {
    strv_add_all(&fake_removed, (const char *const *)ids->items);
    strv_done(&fake_store);
    fake_store = left;
  }
  if (fake_on_removal) fake_on_removal();
  fake_on_removal = NULL;
  done(arg, fake_removal_fails ? err_new(ERR_IO, "skopeo: no luck") : NULL);
}

void builder_stop_removing(builder *b) {
  (void)b; /* it takes no time */
}

char *image_store_cache_mounts(const char *data_dir) {
  return path_join(data_dir, "build-tmp");
}

/* Names that begin with "base" have a name, too; times are those of the store's beginning. */
err *image_store_measure(const char *data_dir, map *known, struct stored_images *ret_images) {
  (void)data_dir, (void)known;
  size_t len = fake_store.len;
  *ret_images = (struct stored_images){.items = mem_zalloc((len + 1) * sizeof *ret_images->items),
                                       .len = len,
                                       .layer_bytes = mem_zalloc((len + 1) * sizeof(int64_t)),
                                       .layers_len = len};
  for (size_t i = 0; i < len; i++) {
    struct stored_image *image = &ret_images->items[i];
    image->id = str_dup(fake_store.items[i]);
    image->name = str_starts(image->id, "base") ? str_dup(image->id) : NULL;
    image->created_us = (int64_t)i + 1;
    image->layers = mem_zalloc(sizeof *image->layers);
    image->layers[0] = i;
    image->layers_len = 1;
    ret_images->layer_bytes[i] = FAKE_IMAGE_BYTES;
  }
  return NULL;
}

void stored_images_done(struct stored_images *images) {
  for (size_t i = 0; i < images->len; i++) {
    free(images->items[i].id);
    free(images->items[i].name);
    free(images->items[i].layers);
  }
  free(images->items);
  free(images->layer_bytes);
  *images = (struct stored_images){0};
}

image_index *image_index_new(const char *data_dir) {
  (void)data_dir;
  return NULL;
}

void image_index_free(image_index *x) {
  (void)x;
}

err *image_index_has(image_index *x, const char *image_id, bool *ret_has) {
  (void)x;
  *ret_has = !fake_images_gone && !str_empty(image_id) && !strv_has(&fake_removed, image_id);
  return NULL;
}

static inline builder *fake_builder_new(loop *l) {
  builder *b = mem_zalloc(sizeof *b);
  b->loop = l;
  b->image = "sha256:1";
  list_init(&b->builds);
  return b;
}

static inline void fake_builder_free(builder *b) {
  strv_done(&fake_store);
  strv_done(&fake_removed);
  fake_removal_fails = false;
  strv_done(&b->variables);
  free(b->reused);
  strv_done(&b->arguments);
  free(b);
}

/* ---- edge ---- */

struct fake_telling {
  struct list link;
  edge_done_fn *done;
  void *arg;
};

struct fake_drain {
  struct list link;
  edge_sessions_fn *fn;
  void *arg;
};

struct edge {
  loop *loop;
  json_t *wanted, *live; /* {host: {"state": n, "targets": ["address:port"]}} */
  struct list tellings, drains;
  json_t *proxies; /* {key: {"port", "allow": […], "targets": […]}} */
  bool gone;        /* freed, as far as core knows: asking it for something is a bug */
  bool hold;        /* what is wanted does not become live until the test lets it */
  const char *fail; /* it does not become live, with this error */
  unsigned sessions, streams;
  bool logs_some;
  bool deaf; /* does not answer when asked for them */
  struct edge_tally tally; /* of every cutover */
  int tallied;             /* how often that was asked for */
  int asked; /* how often for sessions */
  repair_fn *on_repair;
  void *repair_arg;
};

static inline void fake_go_live(void *g_) {
  edge *g = g_;
  if (g->hold) return;
  if (!g->fail) {
    json_decref(g->live);
    g->live = json_incref(g->wanted);
  }
  struct list now;
  list_init(&now);
  LIST_FOREACH(t, &g->tellings, struct fake_telling, link) {
    list_remove(&t->link);
    list_push(&now, &t->link);
  }
  while (!list_empty(&now)) {
    struct fake_telling *t = CONTAINER_OF(now.next, struct fake_telling, link);
    list_remove(&t->link);
    if (t->done) t->done(t->arg, g->fail ? err_new(ERR_IO, "%s", g->fail) : NULL);
    free(t);
  }
}

void edge_on_repair(edge *g, repair_fn *fn, void *arg) {
  g->on_repair = fn;
  g->repair_arg = arg;
}

err *edge_set_routes(edge *g, const struct edge_route *routes, size_t len, edge_done_fn *done, void *arg) {
  if (g->gone) abort();
  json_decref(g->wanted);
  g->wanted = json_object();
  for (size_t i = 0; i < len; i++) {
    json_t *targets = json_array();
    for (size_t n = 0; n < routes[i].targets_len; n++) {
      auto_free char *text = str_format("%s:%d", routes[i].targets[n].address, routes[i].targets[n].port);
      json_array_append_new(targets, json_string(text));
    }
    for (size_t n = 0; n < routes[i].hosts_len; n++)
      json_object_set_new(g->wanted, routes[i].hosts[n],
                          json_pack("{s:i, s:O}", "state", (int)routes[i].state, "targets", targets));
    json_decref(targets);
  }
  struct fake_telling *t = mem_zalloc(sizeof *t);
  t->done = done;
  t->arg = arg;
  list_push(&g->tellings, &t->link);
  loop_defer(g->loop, fake_go_live, g);
  return NULL;
}

static inline json_t *fake_texts(const char *const *items, size_t len) {
  json_t *list = json_array();
  for (size_t i = 0; i < len; i++) json_array_append_new(list, json_string(items[i]));
  return list;
}

err *edge_set_proxies(edge *g, const struct edge_proxy *proxies, size_t len) {
  json_decref(g->proxies);
  g->proxies = json_object();
  for (size_t i = 0; i < len; i++) {
    json_t *targets = json_array();
    for (size_t n = 0; n < proxies[i].targets_len; n++) {
      auto_free char *text = str_format("%s:%d", proxies[i].targets[n].address, proxies[i].targets[n].port);
      json_array_append_new(targets, json_string(text));
    }
    json_object_set_new(g->proxies, proxies[i].key,
                        json_pack("{s:i, s:o, s:o}", "port", (int)proxies[i].port, "allow",
                                  fake_texts(proxies[i].allow, proxies[i].allow_len), "targets", targets));
  }
  return NULL;
}

bool edge_proxy_is_open(const edge *g, const char *key) {
  return !g->hold && json_object_get(g->proxies, key) != NULL;
}

static uint16_t fake_taken_port; /* somebody of this machine listens on it */

bool edge_port_is_free(uint16_t port) {
  return port != fake_taken_port;
}

static inline void fake_answer_drains(void *g_) {
  edge *g = g_;
  struct list now;
  list_init(&now);
  LIST_FOREACH(d, &g->drains, struct fake_drain, link) {
    list_remove(&d->link);
    list_push(&now, &d->link);
  }
  while (!list_empty(&now)) {
    struct fake_drain *d = CONTAINER_OF(now.next, struct fake_drain, link);
    list_remove(&d->link);
    d->fn(d->arg, g->deaf ? err_new(ERR_IO, "no answer") : NULL,
          g->deaf ? (struct edge_sessions){0} : (struct edge_sessions){.requests = g->sessions, .streams = g->streams});
    free(d);
  }
}

void edge_drained(edge *g, const char *service, const struct strv *addresses, edge_sessions_fn *fn, void *arg) {
  (void)service, (void)addresses;
  if (g->gone) abort();
  struct fake_drain *d = mem_zalloc(sizeof *d);
  d->fn = fn;
  d->arg = arg;
  g->asked++;
  list_push(&g->drains, &d->link);
  loop_defer(g->loop, fake_answer_drains, g);
}

void edge_log_requests(edge *g, bool all) {
  g->logs_some = !all;
}

int64_t edge_log_position(const edge *g) {
  return g->asked;
}

struct fake_tally {
  edge *edge;
  edge_tally_fn *fn;
  void *arg;
};

static inline void fake_answer_tally(void *arg) {
  struct fake_tally t = *(struct fake_tally *)arg;
  free(arg);
  t.fn(t.arg, NULL, &t.edge->tally);
}

void edge_tally(edge *g, const struct edge_tally_question *question, edge_tally_fn *fn, void *arg) {
  (void)question;
  struct fake_tally *t = mem_zalloc(sizeof *t);
  *t = (struct fake_tally){g, fn, arg};
  g->tallied++;
  loop_defer(g->loop, fake_answer_tally, t);
}

static inline edge *fake_edge_new(loop *l) {
  edge *g = mem_zalloc(sizeof *g);
  g->loop = l;
  g->wanted = json_object();
  g->live = json_object();
  list_init(&g->tellings);
  list_init(&g->drains);
  return g;
}

/* What edge_free does: open callbacks are called with ERR_BUSY; what is live stays so. */
static inline void fake_edge_disconnect(edge *g) {
  g->gone = true;
  LIST_FOREACH(t, &g->tellings, struct fake_telling, link) {
    list_remove(&t->link);
    if (t->done) t->done(t->arg, err_new(ERR_BUSY, "the edge ends"));
    free(t);
  }
  LIST_FOREACH(d, &g->drains, struct fake_drain, link) {
    list_remove(&d->link);
    d->fn(d->arg, err_new(ERR_BUSY, "the edge ends"), (struct edge_sessions){0});
    free(d);
  }
}

static inline void fake_edge_free(edge *g) {
  fake_edge_disconnect(g);
  json_decref(g->wanted);
  json_decref(g->proxies);
  json_decref(g->live);
  free(g);
}

#endif
