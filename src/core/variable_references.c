#include "core/variable_references.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "model/variable.h"

struct value {
  bool done; /* false: it is being resolved */
  bool absent; /* refers to its service's TCP proxy, and there is none */
  bool is_sealed;
  struct str text;
};

struct place { /* a variable on the way to the one that is being resolved */
  const struct service *owner; /* NULL: the environment */
  const char *name;
};

struct resolver {
  const struct reference_world *world;
  struct resolved_variables *out;
  const char *self_id;
  map *values; /* "<service id> <name>" → struct value */
  map *told;   /* "<service id> <name> <reference>" of what was noted as unknown */
  struct place way[REFERENCE_DEPTH_MAX];
  size_t depth, count, bytes;
};

static const char *id_of(const struct service *owner) {
  return owner ? owner->id : "";
}

static const char *name_of(const struct service *owner) {
  return owner ? owner->name : REFERENCE_SHARED;
}

static const json_t *own_variables(const struct reference_world *world, const struct service *owner) {
  return json_object_get(world->variables, id_of(owner));
}

/* ---- what is told ---- */

static char *way_from(const struct resolver *r, size_t first, const char *owner, const char *name) {
  auto_str text = STR_EMPTY;
  for (size_t i = first; i < r->depth; i++)
    str_addf(&text, "%s.%s -> ", name_of(r->way[i].owner), r->way[i].name);
  str_addf(&text, "%s.%s", owner, name);
  return str_take(&text);
}

static err *circle(const struct resolver *r, const struct service *owner, const char *name) {
  size_t first = 0;
  while (r->way[first].owner != owner || !str_eq(r->way[first].name, name)) first++;
  auto_free char *way = way_from(r, first, name_of(owner), name);
  return err_new(ERR_INVALID, "variables refer to each other in a circle: %s", way);
}

static err *too_deep(const struct resolver *r) {
  auto_free char *way = way_from(r, r->depth - 3, name_of(r->way[r->depth - 1].owner), "…");
  return err_new(ERR_LIMIT, "variables refer to each other over more than %d steps: … -> %s", REFERENCE_DEPTH_MAX, way);
}

static err *too_large(const struct resolver *r, const char *what, long limit) {
  const struct place *last = &r->way[r->depth - 1];
  return err_new(ERR_LIMIT, "variable %s.%s: with its references resolved, %s %ld", name_of(last->owner), last->name,
                 what, limit);
}

static void take_if_nearer(const char *wanted, const char *candidate, size_t *best, const char **ret_nearest) {
  size_t distance = str_distance(wanted, candidate);
  if (distance >= *best) return;
  *best = distance;
  *ret_nearest = candidate;
}

static size_t tolerance(const char *wanted) {
  return 2 + strlen(wanted) / 4;
}

static const char *nearest_service(const struct reference_world *world, const char *wanted) {
  const char *nearest = NULL;
  size_t best = tolerance(wanted);
  for (size_t i = 0; i < world->services->len; i++)
    take_if_nearer(wanted, world->services->items[i].name, &best, &nearest);
  return nearest;
}

static const char *nearest_variable(const json_t *own, const json_t *platform, const char *wanted) {
  const json_t *both[] = {own, platform};
  const char *nearest = NULL, *name;
  size_t best = tolerance(wanted);
  json_t *value;
  for (size_t i = 0; i < ARRAY_LEN(both); i++)
    json_object_foreach((json_t *)both[i], name, value) take_if_nearer(wanted, name, &best, &nearest);
  return nearest;
}

static void note(struct strv *notes, char *text) {
  if (notes->len < REFERENCE_NOTES_MAX && !strv_has(notes, text))
    strv_add_take(notes, text);
  else
    free(text);
}

/* With the service's own variable that leads there. */
static void note_unknown(struct resolver *r, char *text) {
  size_t before = r->out->unknown.len;
  note(&r->out->unknown, text);
  if (r->out->unknown.len > before) strv_add(&r->out->unknown_in, r->way[0].name);
}

static void note_unknown_service(struct resolver *r, const char *service, const char *name) {
  auto_free char *way = way_from(r, 0, service, name);
  const char *nearest = nearest_service(r->world, service);
  note_unknown(r,
       str_format("${{%s.%s}} is empty: there is no service '%s'%s%s%s (%s)", service, name, service,
                  nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "", way));
}

static err *note_unknown_variable(struct resolver *r, const struct service *owner, const char *name) {
  const struct place *last = &r->way[r->depth - 1];
  const json_t *platform = NULL, *shared = own_variables(r->world, NULL);
  if (owner) TRY(r->world->platform(r->world->arg, owner, &platform));
  const char *nearest = nearest_variable(own_variables(r->world, owner), platform, name);
  bool is_shared = owner && json_object_get(shared, name);
  const char *where = is_shared ? REFERENCE_SHARED : owner == last->owner ? "" : name_of(owner);
  if (is_shared) nearest = name;
  if (!is_shared && json_object_get(own_variables(r->world, owner), name)) {
    note_unknown(r, str_format("${{%s.%s}} is empty: %s has no TCP proxy, of which that variable tells",
                                      name_of(owner), name, name_of(owner)));
    return NULL;
  }
  auto_free char *way = way_from(r, 0, name_of(owner), name);
  auto_free char *better = str_format("; did you mean ${{%s%s%s}}?", where, *where ? "." : "", nearest ? nearest : "");
  note_unknown(r,
       str_format("${{%s%s%s}} is empty: %s has no variable %s%s (%s)", owner == last->owner ? "" : name_of(owner),
                  owner == last->owner ? "" : ".", name, owner ? name_of(owner) : "the environment", name,
                  nearest ? better : "", way));
  return NULL;
}

static void note_near_miss(struct resolver *r, const struct reference *reference) {
  const struct place *last = &r->way[r->depth - 1];
  note(&r->out->hints, str_format("Variable %s.%s: %.*s was taken for ${{%.*s.%.*s}}: write it like that",
                                  name_of(last->owner), last->name, (int)reference->whole.len, reference->whole.at,
                                  (int)reference->service.len, reference->service.at, (int)reference->name.len,
                                  reference->name.at));
}

/* A near miss that names a service, but no variable of it: text that was hardly meant as text. */
static err *note_stays(struct resolver *r, const struct reference *reference, const struct service *owner, const char *name) {
  const struct place *last = &r->way[r->depth - 1];
  const json_t *platform = NULL;
  TRY(r->world->platform(r->world->arg, owner, &platform));
  const char *nearest = nearest_variable(own_variables(r->world, owner), platform, name);
  note(&r->out->hints,
       str_format("Variable %s.%s: %.*s stays as it is: %s has no variable %s; did you mean ${{%s.%s}}?", name_of(last->owner),
                  last->name, (int)reference->whole.len, reference->whole.at, owner->name, name, owner->name,
                  nearest ? nearest : "RAILWAY_PRIVATE_DOMAIN"));
  return NULL;
}

static void note_unreadable(struct resolver *r, const struct reference *reference) {
  const struct place *last = &r->way[r->depth - 1];
  note(&r->out->hints, str_format("Variable %s.%s: a ${{ %s: it stays as it is", name_of(last->owner), last->name,
                                  reference->whole.len == 3 ? "has no }}" : "names no variable"));
}

/* ---- resolving ---- */

static err *resolve(struct resolver *r, const struct service *owner, const char *name, const struct value **ret_value);

static err *add_text(struct resolver *r, struct value *value, const char *text, size_t len) {
  if (value->text.len + len > VARIABLE_VALUE_LEN_MAX)
    return too_large(r, "its value has more bytes than", VARIABLE_VALUE_LEN_MAX);
  r->bytes += len;
  if (r->bytes > REFERENCE_TOTAL_BYTES_MAX)
    return too_large(r, "all values have more bytes than", REFERENCE_TOTAL_BYTES_MAX);
  str_add_bytes(&value->text, text, len);
  return NULL;
}

static err *unknown(struct resolver *r, const struct reference *reference, const struct service *owner,
                    bool has_owner, const char *name, struct value *value) {
  const struct place *last = &r->way[r->depth - 1];
  auto_free char *service = str_ndup(reference->service.at ? reference->service.at : "", reference->service.len);
  auto_free char *key = str_format("%s %s %s.%s", id_of(last->owner), last->name, service, name);
  if (reference->form == REFERENCE_NEAR_MISS) {
    if (owner) TRY(note_stays(r, reference, owner, name));
    return add_text(r, value, reference->whole.at, reference->whole.len);
  }
  if (map_has(r->told, key) || r->out->unknown.len >= REFERENCE_NOTES_MAX) return NULL;
  map_set(r->told, key, (void *)"");
  if (has_owner) return note_unknown_variable(r, owner, name);
  note_unknown_service(r, service, name);
  return NULL;
}

/* So that a database's DATABASE_PUBLIC_URL is there only while it is public. */
static bool is_of_tcp_proxy(const char *name) {
  return str_starts(name, "RAILWAY_TCP_PROXY_") || str_eq(name, "RAILWAY_TCP_APPLICATION_PORT");
}

static err *add_reference(struct resolver *r, const struct service *self, const struct reference *reference,
                          struct value *value) {
  bool is_shared = reference_is_shared(reference->service), is_named = reference->service.at && !is_shared;
  const struct service *owner = is_shared ? NULL : self;
  const struct value *found = NULL;
  auto_free char *name = str_ndup(reference->name.at, reference->name.len);
  if (is_named) owner = reference_service(r->world->services, reference->service);
  bool has_owner = !is_named || owner;
  if (++r->count > REFERENCE_COUNT_MAX) return too_large(r, "there are more references than", REFERENCE_COUNT_MAX);
  if (owner && !str_eq(owner->id, r->self_id) && !strv_has(&r->out->services, owner->id) && reference->form == REFERENCE)
    strv_add(&r->out->services, owner->id);
  if (has_owner) TRY(resolve(r, owner, name, &found));
  if (!found && owner && owner == self && is_of_tcp_proxy(name)) {
    value->absent = true;
    return NULL;
  }
  if (!found) return unknown(r, reference, owner, has_owner, name, value);
  if (reference->form == REFERENCE_NEAR_MISS) {
    note_near_miss(r, reference);
    if (owner && !str_eq(owner->id, r->self_id) && !strv_has(&r->out->services, owner->id))
      strv_add(&r->out->services, owner->id);
  }
  value->is_sealed |= found->is_sealed;
  return add_text(r, value, str_text(&found->text), found->text.len);
}

static err *expand(struct resolver *r, const struct service *owner, const char *text, struct value *value) {
  size_t cursor = 0, copied = 0;
  struct reference reference;
  while (reference_next(text, &cursor, &reference)) {
    size_t start = (size_t)(reference.whole.at - text);
    TRY(add_text(r, value, text + copied, start - copied));
    copied = cursor;
    if (reference.form == REFERENCE || reference.form == REFERENCE_NEAR_MISS) {
      TRY(add_reference(r, owner, &reference, value));
    } else {
      note_unreadable(r, &reference);
      TRY(add_text(r, value, reference.whole.at, reference.whole.len));
    }
  }
  return add_text(r, value, text + copied, strlen(text + copied));
}

static struct value *begin_value(struct resolver *r, const struct service *owner, const char *name, const char *key) {
  struct value *value = mem_zalloc(sizeof *value);
  str_init(&value->text);
  value->is_sealed = json_object_get(json_object_get(r->world->sealed, id_of(owner)), name) != NULL;
  map_set(r->values, key, value);
  return value;
}

/* *ret_value is NULL when there is no such variable. */
static err *resolve(struct resolver *r, const struct service *owner, const char *name, const struct value **ret_value) {
  auto_free char *key = str_format("%s %s", id_of(owner), name);
  struct value *value = map_get(r->values, key);
  const json_t *platform = NULL;
  if (value && !value->done) return circle(r, owner, name);
  *ret_value = value && !value->absent ? value : NULL;
  if (value) return NULL;
  const char *text = json_string_value(json_object_get(own_variables(r->world, owner), name));
  bool is_own = text != NULL;
  if (!is_own && owner) {
    TRY(r->world->platform(r->world->arg, owner, &platform));
    text = json_string_value(json_object_get(platform, name));
  }
  if (!text) return NULL;
  if (r->depth == REFERENCE_DEPTH_MAX) return too_deep(r);
  value = begin_value(r, owner, name, key);
  r->way[r->depth++] = (struct place){owner, name};
  if (is_own)
    TRY(expand(r, owner, text, value));
  else
    TRY(add_text(r, value, text, strlen(text)));
  r->depth--;
  value->done = true;
  *ret_value = value->absent ? NULL : value;
  return NULL;
}

static const struct service *service_of(const struct reference_world *world, const char *id) {
  for (size_t i = 0; i < world->services->len; i++)
    if (str_eq(world->services->items[i].id, id)) return &world->services->items[i];
  return NULL;
}

static err *resolve_all(struct resolver *r, const struct service *self) {
  const char *name;
  json_t *text;
  json_object_foreach((json_t *)own_variables(r->world, self), name, text) {
    const struct value *value = NULL;
    TRY(resolve(r, self, name, &value));
    if (!value) continue;
    json_object_set_new(r->out->values, name, json_stringn(str_text(&value->text), value->text.len));
    if (value->is_sealed) strv_add(&r->out->sealed, name);
  }
  return NULL;
}

static void free_values(map *values) {
  size_t cursor = 0;
  const char *key;
  void *value;
  while (map_next(values, &cursor, &key, &value)) {
    str_done(&((struct value *)value)->text);
    free(value);
  }
  map_free(values);
}

err *references_resolve(const struct reference_world *world, const char *service_id,
                        struct resolved_variables *ret_resolved) {
  struct resolved_variables out = {.values = json_object()};
  struct resolver r = {.world = world, .out = &out, .self_id = service_id, .values = map_new(),
                       .told = map_new()};
  err *e = resolve_all(&r, service_of(world, service_id));
  free_values(r.values);
  map_free(r.told);
  if (e)
    resolved_variables_done(&out);
  else
    *ret_resolved = out;
  return e;
}

void resolved_variables_done(struct resolved_variables *resolved) {
  json_decref(resolved->values);
  strv_done(&resolved->sealed);
  strv_done(&resolved->services);
  strv_done(&resolved->unknown);
  strv_done(&resolved->unknown_in);
  strv_done(&resolved->hints);
  *resolved = (struct resolved_variables){0};
}

/* ---- who is affected ---- */

static char *key_of(const struct reference_world *world, const char *owner_id, const struct reference *reference) {
  const char *id = owner_id;
  if (reference_is_shared(reference->service)) {
    id = "";
  } else if (reference->service.at) {
    const struct service *s = reference_service(world->services, reference->service);
    if (!s) return NULL;
    id = s->id;
  }
  return str_format("%s %.*s", id, (int)reference->name.len, reference->name.at);
}

static bool refers_to(const struct reference_world *world, const char *owner_id, const char *text, const map *changed) {
  size_t cursor = 0;
  struct reference reference;
  while (text && reference_next(text, &cursor, &reference)) {
    if (reference.form != REFERENCE && reference.form != REFERENCE_NEAR_MISS) continue;
    auto_free char *key = key_of(world, owner_id, &reference);
    if (key && map_has(changed, key)) return true;
  }
  return false;
}

/* One step further; whether anything was added. */
static bool spread(const struct reference_world *world, map *changed, const char *self_id, struct strv *ids) {
  const char *owner_id, *name;
  json_t *variables, *text;
  bool grown = false;
  json_object_foreach((json_t *)world->variables, owner_id, variables) {
    json_object_foreach(variables, name, text) {
      auto_free char *key = str_format("%s %s", owner_id, name);
      if (map_has(changed, key) || !refers_to(world, owner_id, json_string_value(text), changed)) continue;
      map_set(changed, key, (void *)"");
      grown = true;
      if (*owner_id && !str_eq(owner_id, self_id) && !strv_has(ids, owner_id)) strv_add(ids, owner_id);
    }
  }
  return grown;
}

void references_affected(const struct reference_world *world, const char *service_id, const json_t *names,
                         struct strv *ret_ids) {
  auto_map *changed = map_new();
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)names, name, value) {
    auto_free char *key = str_format("%s %s", service_id, name);
    map_set(changed, key, (void *)"");
  }
  for (int step = 0; step < REFERENCE_DEPTH_MAX && spread(world, changed, service_id, ret_ids); step++) {
  }
}
