#include "core/disk_items.h"

#include <stdlib.h>
#include <string.h>

#include "source/repo_name.h"
#include "store/artifact.h"
#include "store/deployment.h"
#include "store/service.h"

struct joining {
  core *c;
  const struct disk_facts *facts;
  struct disk_items *to;
  bool builds_busy, sources_busy;
};

static struct disk_item *add(struct joining *j, enum disk_kind kind, const char *name, int64_t used_us,
                             int64_t bytes) {
  struct disk_items *to = j->to;
  to->items = mem_grow(to->items, &to->capacity, to->len + 1, sizeof *to->items);
  struct disk_item *item = &to->items[to->len++];
  *item = (struct disk_item){.kind = kind, .name = name, .last_used_us = used_us, .bytes = bytes};
  return item;
}

/* Two rows may have the same image: what one needs, both keep. */
static map *uses_by_key(const struct artifact_use_list *uses) {
  map *by_key = map_new();
  for (size_t i = 0; i < uses->len; i++) {
    struct artifact_use *use = &uses->items[i], *same = use->key ? map_get(by_key, use->key) : NULL;
    if (!use->key) continue;
    if (!same) {
      map_set(by_key, use->key, use);
      continue;
    }
    same->is_running |= use->is_running;
    if (use->last_used_us > same->last_used_us) same->last_used_us = use->last_used_us;
    bool newer = use->newest_place && (!same->newest_place || use->newest_place < same->newest_place);
    if (newer) same->newest_place = use->newest_place;
  }
  return by_key;
}

/* Among the newest of a service: the one that runs, and those that come back with a rollback. */
static bool is_kept(const struct joining *j, const struct artifact_use *use) {
  return use && use->newest_place && use->newest_place <= j->c->options.keep_images + 1;
}

static enum disk_pin pin_of_image(const struct joining *j, const struct artifact_use *use) {
  if (use && use->is_running) return DISK_RUNNING;
  if (is_kept(j, use)) return DISK_ROLLBACK;
  return j->builds_busy ? DISK_IN_USE : DISK_UNPINNED;
}

static err *add_images(struct joining *j) {
  auto_artifact_use_list uses = {0};
  TRY(image_list_uses(j->c->db, &uses));
  auto_map *by_digest = uses_by_key(&uses);
  for (size_t i = 0; i < j->facts->images.len; i++) {
    const struct stored_image *image = &j->facts->images.items[i];
    const struct artifact_use *use = map_get(by_digest, image->id);
    enum disk_kind kind = use ? DISK_IMAGE : image->name ? DISK_BASE : DISK_STEP;
    struct disk_item *item = add(j, kind, image->id, use ? use->last_used_us : image->created_us, image->bytes);
    item->layers = image->layers;
    item->layers_len = image->layers_len;
    item->pin = pin_of_image(j, use);
  }
  return NULL;
}

static err *add_snapshots(struct joining *j) {
  auto_artifact_use_list uses = {0};
  TRY(snapshot_list_uses(j->c->db, &uses));
  auto_map *by_hash = uses_by_key(&uses);
  for (size_t i = 0; i < j->facts->snapshots.len; i++) {
    const struct disk_thing *thing = &j->facts->snapshots.items[i];
    const struct artifact_use *use = map_get(by_hash, thing->name);
    struct disk_item *item =
        add(j, DISK_SNAPSHOT, thing->name, use ? use->last_used_us : thing->changed_us, thing->bytes);
    item->is_leftover = !use;
    item->pin = use && use->is_running  ? DISK_RUNNING
                : is_kept(j, use)       ? DISK_SOURCE
                : j->sources_busy       ? DISK_IN_USE
                                        : DISK_UNPINNED;
  }
  return NULL;
}

static void add_mirrors(struct joining *j, const struct service_instance_list *instances) {
  auto_map *wanted = map_new();
  for (size_t i = 0; i < instances->len; i++) {
    char name[SHA256_HEX_SIZE];
    auto_free char *url = repo_url(instances->items[i].settings.source_repo);
    if (!str_empty(url) && git_mirror_of(url, name)) map_set(wanted, name, NULL);
  }
  for (size_t i = 0; i < j->facts->mirrors.len; i++) {
    const struct disk_thing *thing = &j->facts->mirrors.items[i];
    struct disk_item *item = add(j, DISK_MIRROR, thing->name, thing->changed_us, thing->bytes);
    item->is_leftover = !map_has(wanted, thing->name);
    item->pin = j->sources_busy ? DISK_IN_USE : DISK_UNPINNED;
  }
}

static void add_caches(struct joining *j, const struct service_instance_list *instances) {
  auto_map *services = map_new();
  for (size_t i = 0; i < instances->len; i++) map_set(services, instances->items[i].service_id, NULL);
  for (size_t i = 0; i < j->facts->caches.len; i++) {
    const struct disk_thing *thing = &j->facts->caches.items[i];
    auto_free char *service_id = str_ndup(thing->name + 2, strnlen(thing->name + 2, ID_SIZE - 1)); /* "s-…" */
    struct disk_item *item = add(j, DISK_CACHE, thing->path, thing->changed_us, thing->bytes);
    item->is_leftover = !map_has(services, service_id);
    item->pin = j->builds_busy ? DISK_IN_USE : DISK_UNPINNED;
  }
  for (size_t i = 0; i < j->facts->scratch.len; i++) {
    const struct disk_thing *thing = &j->facts->scratch.items[i];
    struct disk_item *item = add(j, DISK_CACHE, thing->path, thing->changed_us, thing->bytes);
    item->is_leftover = true;
    item->pin = j->builds_busy ? DISK_IN_USE : DISK_UNPINNED;
  }
}

static err *join(struct joining *j) {
  auto_service_instance_list instances = {0};
  TRY(service_instance_list(j->c->db, &instances));
  TRY(add_images(j));
  TRY(add_snapshots(j));
  add_mirrors(j, &instances);
  add_caches(j, &instances);
  return NULL;
}

err *disk_items_make(core *c, const struct disk_facts *facts, struct disk_items *ret_items) {
  struct disk_items items = {0};
  struct joining j = {
      .c = c, .facts = facts, .to = &items, .builds_busy = queue_is_building(c), .sources_busy = core_takes_sources(c)};
  err *e = join(&j);
  if (e)
    free(items.items);
  else
    *ret_items = items;
  return e;
}

/* ---- logs ---- */

struct owning {
  const struct disk_facts *facts;
  map *places; /* deployment id → place in the facts + 1 */
  bool *known;
  struct disk_logs *to;
};

static struct disk_log *add_log(struct disk_logs *to, const struct log_use *use) {
  to->items = mem_grow(to->items, &to->capacity, to->len + 1, sizeof *to->items);
  struct disk_log *log = &to->items[to->len++];
  *log = (struct disk_log){.deployment_id = use->deployment_id, .bytes = use->bytes};
  return log;
}

static void own(void *arg, const struct deployment_age *age) {
  struct owning *o = arg;
  size_t place = (size_t)(uintptr_t)map_get(o->places, age->id);
  if (!place) return;
  o->known[place - 1] = true;
  struct disk_log *log = add_log(o->to, &o->facts->logs.items[place - 1]);
  log->owner = str_dup(age->service_instance_id);
  log->is_over = age->is_over;
  log->ended_us = age->status_updated_us;
}

static bool is_uuid(const char *name) {
  return strlen(name) == ID_SIZE - 1 && strspn(name, "0123456789abcdef-") == ID_SIZE - 1;
}

err *disk_logs_make(core *c, const struct disk_facts *facts, struct disk_logs *ret_logs) {
  auto_map *places = map_new();
  auto_free bool *known = mem_zalloc(facts->logs.len + 1);
  struct disk_logs logs = {0};
  struct owning o = {.facts = facts, .places = places, .known = known, .to = &logs};
  for (size_t i = 0; i < facts->logs.len; i++)
    map_set(places, facts->logs.items[i].deployment_id, (void *)(uintptr_t)(i + 1));
  err *e = deployment_each_age(c->db, own, &o);
  if (e) {
    disk_logs_done(&logs);
    return e;
  }
  for (size_t i = 0; i < facts->logs.len; i++)
    if (!known[i] && is_uuid(facts->logs.items[i].deployment_id)) add_log(&logs, &facts->logs.items[i]);
  *ret_logs = logs;
  return NULL;
}

void disk_logs_done(struct disk_logs *logs) {
  for (size_t i = 0; i < logs->len; i++) free((char *)logs->items[i].owner);
  free(logs->items);
  *logs = (struct disk_logs){0};
}
