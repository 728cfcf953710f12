/* From a serializedConfig to a patch. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "core/template.h"
#include "model/project.h"
#include "model/volume.h"

struct planning {
  const json_t *config;
  const struct service_list *present;
  struct strv labels; /* that are taken */
  json_t *renamed;    /* {name in the template: name that it gets} */
  json_t *patch;
};

static void planning_done(struct planning *p) {
  strv_done(&p->labels);
  json_decref(p->renamed);
  json_decref(p->patch);
}
#define auto_planning __attribute__((cleanup(planning_done))) struct planning

/* ---- names ---- */

/* `name`, or with a number behind it, cut so that it stays within SERVICE_NAME_MAX characters. */
static char *name_with_number(const char *name, int number) {
  if (number < 2) return str_dup(name);
  auto_free char *suffix = str_format("-%d", number);
  size_t most = SERVICE_NAME_MAX - strlen(suffix), characters = 0, len = 0;
  for (; name[len]; len++) {
    bool starts = ((unsigned char)name[len] & 0xC0) != 0x80;
    if (starts && ++characters > most) break;
  }
  return str_format("%.*s%s", (int)len, name, suffix);
}

static err *free_name(struct planning *p, const char *wanted, char **ret_name) {
  TRY(service_name_check(wanted));
  for (int number = 1;; number++) {
    auto_free char *name = name_with_number(wanted, number), *label = label_from_name(name);
    if (strv_has(&p->labels, label)) continue;
    strv_add(&p->labels, label);
    *ret_name = str_dup(name);
    return NULL;
  }
}

static err *choose_names(struct planning *p) {
  const char *key;
  json_t *service;
  for (size_t i = 0; i < p->present->len; i++) strv_add(&p->labels, p->present->items[i].label);
  json_object_foreach(json_object_get(p->config, "services"), key, service) {
    const char *wanted = json_get_text(service, "name");
    char *name = NULL;
    if (!wanted) return err_new(ERR_INVALID, "template: the service '%.64s' has no name", key);
    if (json_object_get(p->renamed, wanted)) return err_new(ERR_INVALID, "template: two services are called '%s'", wanted);
    TRY(free_name(p, wanted, &name));
    json_object_set_new(p->renamed, wanted, json_string(name));
    free(name);
  }
  return NULL;
}

/* ---- variables ---- */

/* `text` with every ${{From. as ${{To. */
static char *follow_rename(const char *text, const char *from, const char *to) {
  auto_free char *mark = str_format("${{%s.", from);
  struct str out = STR_EMPTY;
  for (const char *found; (found = strstr(text, mark)); text = found + strlen(mark)) {
    str_add_bytes(&out, text, (size_t)(found - text));
    str_addf(&out, "${{%s.", to);
  }
  str_add(&out, text);
  return str_take(&out);
}

static char *follow_renames(const struct planning *p, const char *value) {
  char *text = str_dup(value);
  const char *from;
  json_t *to;
  json_object_foreach(p->renamed, from, to) {
    char *next = follow_rename(text, from, json_string_value(to));
    free(text);
    text = next;
  }
  return text;
}

static const char *value_of(const json_t *entry) {
  if (json_is_string(entry)) return json_string_value(entry);
  const char *value = json_get_text(entry, "value");
  return value ? value : json_get_text(entry, "defaultValue");
}

static err *plan_variables(const struct planning *p, const json_t *given, json_t *part) {
  const char *name;
  json_t *entry;
  auto_json *variables = json_object();
  json_object_foreach((json_t *)given, name, entry) {
    const char *value = value_of(entry);
    if (!value && json_get_bool(entry, "isOptional", false)) continue;
    if (!value) return err_new(ERR_INVALID, "the variable %.64s needs a value", name);
    auto_free char *text = follow_renames(p, value);
    json_object_set_new(variables, name, json_pack("{s:s}", "value", text));
    if (json_get_bool(entry, "isSealed", false))
      json_object_set_new(json_object_get(variables, name), "isSealed", json_true());
  }
  if (json_object_size(variables)) json_object_set(part, "variables", variables);
  return NULL;
}

/* ---- services ---- */

static err *plan_volumes(struct planning *p, const json_t *given, json_t *part) {
  const char *key;
  json_t *mount;
  if (json_object_size(given) > 1) return err_new(ERR_INVALID, "a service has one volume at most");
  json_object_foreach((json_t *)given, key, mount) {
    char id[ID_SIZE];
    auto_free char *path = NULL;
    int64_t size_mb = json_get_int(mount, "sizeMB", 0);
    id_new(id);
    TRY(volume_mount_path(json_get_text(mount, "mountPath"), &path));
    if (size_mb < 0 || size_mb > VOLUME_SIZE_BYTES_MAX / VOLUME_MB)
      return err_new(ERR_LIMIT, "a volume of %lld MB is too large", (long long)size_mb);
    auto_json *volume = json_pack("{s:b}", "isCreated", true);
    if (size_mb) json_object_set_new(volume, "sizeMB", json_integer(size_mb));
    json_object_set(json_object_get(p->patch, "volumes"), id, volume);
    json_object_set_new(part, "volumeMounts", json_pack("{s:{s:s}}", id, "mountPath", path));
  }
  return NULL;
}

/* Railway's documents say null for what is not set; in a patch that is a change. */
static json_t *without_nulls(const json_t *object) {
  json_t *copy = json_object(), *value;
  const char *key;
  json_object_foreach((json_t *)object, key, value) {
    if (json_is_null(value) || (json_is_object(value) && !json_object_size(value))) continue;
    json_object_set_new(copy, key, json_is_object(value) ? without_nulls(value) : json_incref(value));
  }
  return copy;
}

static err *plan_service(struct planning *p, const json_t *service) {
  static const char *const kept[] = {"source", "build", "deploy", "networking", "configFile"};
  char id[ID_SIZE];
  id_new(id);
  const char *name = json_string_value(json_object_get(p->renamed, json_get_text(service, "name")));
  auto_json *part = json_pack("{s:b, s:s}", "isCreated", true, "name", name);
  for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
    const json_t *given = json_object_get(service, kept[i]);
    auto_json *copy = json_is_object(given) ? without_nulls(given) : NULL;
    if (copy && json_object_size(copy)) json_object_set(part, kept[i], copy);
  }
  TRY(plan_variables(p, json_object_get(service, "variables"), part));
  TRY(plan_volumes(p, json_object_get(service, "volumeMounts"), part));
  json_object_set(json_object_get(p->patch, "services"), id, part);
  return NULL;
}

err *template_patch(const json_t *config, const struct service_list *present, json_t **ret_patch) {
  auto_planning p = {.config = config, .present = present, .renamed = json_object(),
                     .patch = json_pack("{s:{}, s:{}}", "services", "volumes")};
  const json_t *services = json_object_get(config, "services");
  const char *key;
  json_t *service;
  if (!json_is_object(services) || !json_object_size(services))
    return err_new(ERR_INVALID, "template: 'services' must be an object with at least one service");
  if (json_object_size(services) > TEMPLATE_SERVICES_MAX)
    return err_new(ERR_LIMIT, "template: more than %d services", TEMPLATE_SERVICES_MAX);
  TRY(choose_names(&p));
  json_object_foreach((json_t *)services, key, service)
    TRY(err_wrap(plan_service(&p, service), "template: service '%.64s'", json_get_text(service, "name")));
  if (!json_object_size(json_object_get(p.patch, "volumes"))) json_object_del(p.patch, "volumes");
  *ret_patch = json_incref(p.patch);
  return NULL;
}
