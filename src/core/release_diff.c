#include "core/release_diff.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

MODEL_ENUM_WORDS(release_part, "part of a release", "SOURCE", "SETTINGS", "VARIABLES", "ROUTES", "VOLUMES");

void release_diff_done(struct release_diff *diff) {
  for (size_t i = 0; i < diff->len; i++) {
    free(diff->items[i].name);
    free(diff->items[i].from);
    free(diff->items[i].to);
  }
  free(diff->items);
  *diff = (struct release_diff){0};
}

static struct release_difference *add(struct release_diff *diff, enum release_part part, const char *name) {
  diff->items = mem_grow(diff->items, &diff->capacity, diff->len + 1, sizeof *diff->items);
  struct release_difference *item = &diff->items[diff->len++];
  *item = (struct release_difference){.part = part, .name = str_dup(name)};
  return item;
}

/* Empty is not there. */
static void compare(struct release_diff *diff, enum release_part part, const char *name, const char *from,
                    const char *to) {
  if (str_empty(from)) from = NULL;
  if (str_empty(to)) to = NULL;
  if (str_eq(from, to)) return;
  struct release_difference *item = add(diff, part, name);
  item->in_from = from != NULL;
  item->in_to = to != NULL;
  item->from = str_dup(from);
  item->to = str_dup(to);
}

static void compare_settings(struct release_diff *diff, const struct release *from, const struct release *to) {
  for (size_t i = 0; i < service_settings_count(); i++) {
    auto_free char *a = service_settings_text(&from->settings, i);
    auto_free char *b = service_settings_text(&to->settings, i);
    compare(diff, RELEASE_SETTINGS, service_settings_path(i), a, b);
  }
}

/* Objects of texts: those of `from` in their order, then what only `to` has. */
static void compare_texts(struct release_diff *diff, enum release_part part, const json_t *from, const json_t *to) {
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)from, name, value)
    compare(diff, part, name, json_string_value(value), json_get_text(to, name));
  json_object_foreach((json_t *)to, name, value)
    if (!json_object_get(from, name)) compare(diff, part, name, NULL, json_string_value(value));
}

static bool is_told_by_the_source(const char *name) {
  return str_starts(name, "RAILWAY_GIT_") || str_eq(name, "RAILWAY_SNAPSHOT_ID");
}

static void compare_variable(struct release_diff *diff, const char *name, const json_t *from, const json_t *to) {
  if (str_eq(json_get_text(from, "digest"), json_get_text(to, "digest"))) return;
  if (is_told_by_the_source(name)) return;
  struct release_difference *item = add(diff, RELEASE_VARIABLES, name);
  item->in_from = from != NULL;
  item->in_to = to != NULL;
  item->sealed = json_get_bool(from, "sealed", false) || json_get_bool(to, "sealed", false);
}

static void compare_variables(struct release_diff *diff, const json_t *from, const json_t *to) {
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)from, name, value) compare_variable(diff, name, value, json_object_get(to, name));
  json_object_foreach((json_t *)to, name, value)
    if (!json_object_get(from, name)) compare_variable(diff, name, NULL, value);
}

/* {host: "port 3000"} */
static json_t *ports_by_host(const json_t *routes) {
  json_t *ports = json_object();
  size_t i;
  const json_t *route;
  json_array_foreach(routes, i, route) {
    long long port = json_get_int(route, "targetPort", 0);
    auto_free char *text = port ? str_format("port %lld", port) : str_dup("the app's port");
    json_set_text(ports, json_get_text(route, "host"), text);
  }
  return ports;
}

static json_t *paths_by_volume(const json_t *volumes) {
  json_t *paths = json_object();
  size_t i;
  const json_t *volume;
  json_array_foreach(volumes, i, volume)
    json_set_text(paths, json_get_text(volume, "name"), json_get_text(volume, "mountPath"));
  return paths;
}

void release_diff_make(const struct release *from, const struct release *to, struct release_diff *ret_diff) {
  auto_json *from_ports = ports_by_host(from->routes), *to_ports = ports_by_host(to->routes);
  auto_json *from_paths = paths_by_volume(from->volumes), *to_paths = paths_by_volume(to->volumes);
  *ret_diff = (struct release_diff){0};
  compare(ret_diff, RELEASE_SOURCE, "image", from->image_digest, to->image_digest);
  compare_texts(ret_diff, RELEASE_SOURCE, from->source, to->source);
  compare_settings(ret_diff, from, to);
  compare_variables(ret_diff, from->variables, to->variables);
  compare_texts(ret_diff, RELEASE_ROUTES, from_ports, to_ports);
  compare_texts(ret_diff, RELEASE_VOLUMES, from_paths, to_paths);
}
