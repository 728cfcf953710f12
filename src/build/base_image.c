#include "build/base_image.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "build/base_image_internal.h"
#include "build/base_recipe.h"
#include "build/fetch.h"
#include "build/registry.h"
#include "loop/spawn.h"
#include "loop/work.h"

enum { UNREACHABLE_MS = 5 * 60 * 1000 };

/* A registry that did not answer: until when that is believed, and why. */
struct unreachable {
  int64_t until_ms;
  char *why;
};

base_images *base_images_new(buildah *b) {
  base_images *images = mem_zalloc(sizeof *images);
  images->buildah = b;
  images->config = buildah_config(b);
  images->unreachable = map_new();
  list_init(&images->makings);
  return images;
}

void base_images_free(base_images *images) {
  if (!images) return;
  size_t cursor = 0;
  const char *key;
  void *value;
  while (map_next(images->unreachable, &cursor, &key, &value)) {
    free(((struct unreachable *)value)->why);
    free(value);
  }
  map_free(images->unreachable);
  free(images);
}

/* --- waiters --- */

void making_line(struct making *m, const char *format, ...) {
  va_list args;
  va_start(args, format);
  auto_free char *line = str_vformat(format, args);
  va_end(args);
  making_forward_line(m, line);
}

void making_forward_line(void *arg, const char *line) {
  struct making *m = arg;
  LIST_FOREACH(wait, &m->waits, base_wait, link) wait->on_line(wait->arg, line);
}

static void making_free(struct making *m) {
  list_remove(&m->link);
  free(m->key);
  reference_done(&m->reference);
  base_recipe_done(&m->recipe);
  free(m->suite);
  free(m->authfile);
  free(m->tag);
  free(m->work_dir);
  free(m->parent_id);
  free(m->detail);
  err_free(m->registry_error);
  free(m);
}

void making_finish(struct making *m, err *e, const char *image_id) {
  if (!e && m->cancelled) e = err_new(ERR_BUSY, "cancelled");
  if (m->work_dir) err_ignore(file_remove_tree(m->work_dir));
  list_remove(&m->link); /* nobody joins any more */
  auto_free char *id = str_dup(image_id);
  while (!list_empty(&m->waits)) {
    base_wait *wait = CONTAINER_OF(m->waits.next, base_wait, link);
    list_remove(&wait->link);
    wait->done(wait->arg, err_dup(e), e ? NULL : id);
    free(wait);
  }
  err_free(e);
  making_free(m);
}

static void finish_cancelled_wait(void *arg) {
  base_wait *wait = arg;
  wait->done(wait->arg, err_new(ERR_BUSY, "cancelled"), NULL);
  free(wait);
}

void base_image_cancel(base_wait *wait) {
  struct making *m = wait->making;
  bool alone = m->waits.next == m->waits.prev;
  if (!alone) {
    list_remove(&wait->link);
    loop_defer(buildah_loop(m->images->buildah), finish_cancelled_wait, wait);
    return;
  }
  m->cancelled = true;
  if (m->child) base_image_cancel(m->child);
  if (m->run) buildah_cancel(m->run);
  if (m->pull) spawn_cancel(m->pull, 1000);
}

/* --- references --- */

static const char *probe_host(const struct reference *r) {
  return str_eq(r->registry, "docker.io") ? "registry-1.docker.io" : r->registry;
}

static const struct unreachable *known_unreachable(const struct making *m) {
  const struct unreachable *u = map_get(m->images->unreachable, m->reference.registry);
  return u && u->until_ms > clock_monotonic_ms() ? u : NULL;
}

static void remember_unreachable(struct making *m, const err *e) {
  struct unreachable *u = map_remove(m->images->unreachable, m->reference.registry);
  if (!u) u = mem_zalloc(sizeof *u);
  u->until_ms = clock_monotonic_ms() + UNREACHABLE_MS;
  str_replace_owned(&u->why, err_message(e));
  map_set(m->images->unreachable, m->reference.registry, u);
}

static void on_recipe_made(void *arg, err *e, const char *image_id) {
  struct making *m = arg;
  m->child = NULL;
  auto_free char *contents = base_recipe_contents(&m->recipe);
  if (e) e = err_wrap(e, "making %s from %s", m->key, contents);
  making_finish(m, e, image_id);
}

static err *nothing_has_it(struct making *m) {
  auto_free char *full = reference_text(&m->reference);
  const char *why = m->registry_error ? err_message(m->registry_error) : "build.registry is \"never\"";
  auto_free char *versions = base_recipe_versions(&m->reference);
  if (versions && m->with_recipe)
    return err_new(ERR_NOT_FOUND, "the image %s cannot be pulled: %s; Tramway itself can make %s from Debian's packages: "
                   "use one of these, or let this machine reach %s", full, why, versions, m->reference.registry);
  if (!m->with_recipe)
    return err_new(ERR_NOT_FOUND, "the image %s cannot be pulled: %s; let this machine reach %s, or build "
                   "the service from source", full, why, m->reference.registry);
  return err_new(ERR_NOT_FOUND, "the image %s cannot be pulled: %s; Tramway itself can make %s from Debian's "
                 "packages: use one of these, or let this machine reach %s", full, why,
                 base_recipe_names(), m->reference.registry);
}

/* What somebody else pulled with credentials is not given to who has none, or none that are taken. */
static bool may_use_store(const struct making *m, const char *full) {
  bool is_private = true;
  enum err_code why = m->registry_error ? err_code_of(m->registry_error) : ERR_IO;
  auto_err *e = registry_is_private(m->images->config->data_dir, full, &is_private);
  return !e && (!is_private || (m->authfile && why != ERR_DENIED && why != ERR_NOT_FOUND));
}

static err *no_image(const char *full) {
  return err_new(ERR_NOT_FOUND, "%s is not here", full);
}

static void make_by_recipe(struct making *m, const char *why) {
  auto_free char *contents = base_recipe_contents(&m->recipe);
  making_line(m, "%s is %s: %s", m->key, contents, why);
  if (m->recipe.caution) making_line(m, "Note: %s", m->recipe.caution);
  m->child = making_resolve_recipe(m->images, &m->recipe, making_forward_line, on_recipe_made, m);
}

static void make_own(struct making *m) {
  if (base_recipe_find(&m->reference, m->images->config->debian_suite, m->suite, &m->recipe)) {
    make_by_recipe(m, "made from its packages");
    return;
  }
  auto_free char *versions = base_recipe_versions(&m->reference);
  making_finish(m, err_new(ERR_NOT_FOUND, "there is no image %s: Tramway can make %s from Debian's packages", m->key,
                           versions ? versions : base_recipe_names()), NULL);
}

/* No registry gave it: what was pulled earlier, then a recipe. */
static void use_what_is_here(struct making *m) {
  const struct builder_config *config = m->images->config;
  auto_free char *full = reference_text(&m->reference);
  auto_free char *id = NULL;
  if (config->registry == REGISTRY_ALWAYS) {
    making_finish(m, nothing_has_it(m), NULL);
    return;
  }
  auto_err *absent = may_use_store(m, full) ? image_find(config->data_dir, full, &id) : no_image(full);
  if (!absent) {
    making_line(m, "%s: using the image that was pulled earlier", m->key);
    making_finish(m, NULL, id);
    return;
  }
  if (!m->with_recipe || !base_recipe_find(&m->reference, config->debian_suite, m->suite, &m->recipe)) {
    making_finish(m, nothing_has_it(m), NULL);
    return;
  }
  make_by_recipe(m, config->registry == REGISTRY_NEVER ? "registries are turned off" : "no registry answers");
}

static err *note_private(const struct making *m) {
  auto_free char *full = reference_text(&m->reference);
  return registry_note_private(m->images->config->data_dir, full);
}

static void on_pulled(void *arg, err *e, const char *image_id) {
  struct making *m = arg;
  m->pull = NULL;
  e = registry_explain(e, m->reference.registry, m->authfile);
  if (!e && m->authfile) e = note_private(m);
  if (!e || m->cancelled) {
    making_finish(m, e, image_id);
    return;
  }
  making_line(m, "%s: %s", m->key, err_message(e));
  m->registry_error = e;
  use_what_is_here(m);
}

static err *probe(void *arg) {
  struct making *m = arg;
  const char *scheme = registry_is_loopback(m->reference.registry) ? "http" : "https";
  auto_free char *url = str_format("%s://%s/v2/", scheme, probe_host(&m->reference));
  return fetch_probe(m->images->config, url);
}

static void on_probed(void *arg, err *e) {
  struct making *m = arg;
  if (m->cancelled) {
    err_ignore(e);
    making_finish(m, NULL, NULL);
    return;
  }
  if (e) {
    remember_unreachable(m, e);
    m->registry_error = e;
    use_what_is_here(m);
    return;
  }
  auto_free char *full = reference_text(&m->reference);
  making_line(m, "Pulling %s", full);
  buildah_pull(m->images->buildah, full, m->authfile, on_pulled, m, &m->pull);
}

static void begin_reference(void *arg) {
  struct making *m = arg;
  if (m->cancelled) {
    making_finish(m, NULL, NULL);
    return;
  }
  err *e = reference_parse(m->key, &m->reference);
  if (!e && str_eq(m->reference.registry, "localhost"))
    e = err_new(ERR_INVALID, "'%s' names this machine's own store; name a registry", m->key);
  if (e) {
    making_finish(m, e, NULL);
    return;
  }
  if (base_recipe_is_own(&m->reference)) {
    make_own(m);
    return;
  }
  const struct unreachable *u = known_unreachable(m);
  if (u) m->registry_error = err_new(ERR_IO, "%s", u->why);
  if (u || m->images->config->registry == REGISTRY_NEVER)
    use_what_is_here(m);
  else
    work_start(buildah_loop(m->images->buildah), probe, on_probed, m);
}

/* --- joining --- */

static struct making *find_making(base_images *images, const struct making *like) {
  LIST_FOREACH(m, &images->makings, struct making, link) {
    if (!m->cancelled && str_eq(m->key, like->key) && str_eq(m->suite, like->suite) &&
        str_eq(m->authfile, like->authfile) &&
        m->with_recipe == like->with_recipe)
      return m;
  }
  return NULL;
}

base_wait *making_join(base_images *images, struct making *fresh, const struct base_request *request,
                       loop_fn *begin) {
  struct making *m = find_making(images, fresh);
  base_wait *wait = mem_zalloc(sizeof *wait);
  if (m) {
    making_free(fresh);
  } else {
    m = fresh;
    list_push(&images->makings, &m->link);
    loop_defer(buildah_loop(images->buildah), begin, m);
  }
  *wait = (base_wait){.making = m, .on_line = request->on_line, .done = request->done, .arg = request->arg};
  list_push(&m->waits, &wait->link);
  return wait;
}

struct making *making_new(base_images *images, const char *key) {
  struct making *m = mem_zalloc(sizeof *m);
  m->images = images;
  m->key = str_dup(key);
  list_init(&m->link);
  list_init(&m->waits);
  return m;
}

base_wait *base_image_resolve(base_images *images, const struct base_request *request) {
  struct making *m = making_new(images, request->reference);
  m->suite = str_dup(request->suite ? request->suite : "");
  m->authfile = str_dup(request->authfile);
  m->with_recipe = request->recipe;
  return making_join(images, m, request, begin_reference);
}
