#include "cli/changes.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/variables.h"
#include "cli/volume.h"

enum { VALUE_SHOWN = 60 };

/* ---- how they are told ---- */

static char *shown(const json_t *change, const char *key) {
  const char *text = json_get_text(change, key);
  if (!text) return NULL;
  size_t len = strcspn(text, "\n"), most = VALUE_SHOWN;
  bool cut = text[len] || len > most;
  auto_free char *start = str_ndup(text, len < most ? len : most);
  auto_free char *whole = str_format("%s%s", start, cut ? "…" : "");
  return format_printable(whole);
}

static char *values_of(const json_t *change) {
  auto_free char *from = shown(change, "from"), *to = shown(change, "to");
  if (json_get_bool(change, "isSealed", false)) return str_dup("(sealed)");
  if (!from && !to) return str_dup("");
  if (str_eq(json_get_text(change, "kind"), "UPDATED")) return str_format("%s → %s", from ? from : "?", to ? to : "?");
  return str_dup(to ? to : from);
}

static void add_row(struct table *table, const struct output *o, const json_t *change) {
  const char *kind = json_get_text(change, "kind");
  bool created = str_eq(kind, "CREATED"), deleted = str_eq(kind, "DELETED");
  enum style style = created ? STYLE_GREEN : deleted ? STYLE_RED : STYLE_YELLOW;
  auto_free char *path = format_printable(json_get_text(change, "path"));
  auto_free char *marked = str_format("  %s%s%s %s", out_style(o, style), created ? "+" : deleted ? "-" : "~",
                                      out_reset(o), path);
  auto_free char *values = values_of(change);
  table_add(table, marked, values, NULL);
}

/* Of the service itself: the row with the empty path, if there is one. */
static const char *note_on(const json_t *change) {
  if (*json_get_text(change, "path")) return "";
  return str_eq(json_get_text(change, "kind"), "CREATED") ? " (new)" : " (is deleted)";
}

/* Those of one service, from `at`; returns where the next one's begin. */
static size_t print_group(struct output *o, const json_t *changes, size_t at) {
  const json_t *change = json_array_get(changes, at);
  const char *id = json_get_text(change, "serviceId");
  auto_free char *name = format_printable(id ? json_get_text(change, "serviceName") : "The environment");
  auto_table table;
  table_init(&table, 2);
  out_line(o, "%s%s%s%s", out_style(o, STYLE_BOLD), name, out_reset(o), note_on(change));
  for (; (change = json_array_get(changes, at)) && str_eq(json_get_text(change, "serviceId"), id); at++)
    if (*json_get_text(change, "path")) add_row(&table, o, change);
  out_table(o, &table);
  return at;
}

void changes_print(struct output *o, const json_t *changes) {
  for (size_t at = 0; at < json_array_size(changes);) at = print_group(o, changes, at);
}

char *changes_sum(const json_t *changes) {
  auto_strv services = STRV_EMPTY;
  size_t i;
  const json_t *change;
  json_array_foreach(changes, i, change) {
    const char *id = json_get_text(change, "serviceId");
    if (id && !strv_has(&services, id)) strv_add(&services, id);
  }
  if (!i) return str_dup("no change");
  auto_free char *where = services.len ? str_format(" in %zu service%s", services.len, services.len == 1 ? "" : "s") : NULL;
  return str_format("%zu change%s%s", i, i == 1 ? "" : "s", where ? where : "");
}

/* "volumeMounts.<id>.mountPath" with the volume's name; the text itself when it is about none of them. */
static char *with_names(const char *path, const json_t *volumes) {
  for (size_t i = 0; i < json_array_size(volumes); i++) {
    const json_t *v = json_array_get(volumes, i);
    const char *id = json_get_text(v, "volumeId"), *at = strstr(path, id);
    if (at) return str_format("%.*s%s%s", (int)(at - path), path, json_get_text(v, "volumeName"), at + strlen(id));
  }
  return str_dup(path);
}

static bool about_volumes(const json_t *changes) {
  size_t i;
  const json_t *change;
  json_array_foreach((json_t *)changes, i, change)
    if (strstr(json_get_text(change, "path"), "volume")) return true;
  return false;
}

err *changes_show(struct cli *cli, const struct scope *scope, const json_t *changes) {
  auto_json *volumes = NULL, *shown = json_deep_copy(changes);
  size_t i;
  json_t *change;
  if (about_volumes(changes)) TRY(volume_fetch(cli, scope, &volumes));
  json_array_foreach(shown, i, change) {
    auto_free char *path = with_names(json_get_text(change, "path"), volumes);
    json_set_text(change, "path", path);
  }
  changes_print(&cli->out, shown);
  return NULL;
}

err *changes_tell_staged(struct cli *cli, const struct args *args, const struct scope *scope, const json_t *patch) {
  const json_t *changes = json_object_get(patch, "changes");
  auto_free char *sum = changes_sum(changes);
  if (args_has(args, "json")) {
    out_json(&cli->out, patch);
  } else if (!json_array_size(changes)) {
    out_line(&cli->out, "Nothing is staged in %s", scope->environment_name);
  } else {
    TRY(changes_show(cli, scope, changes));
    out_line(&cli->out, "Staged in %s: %s. `%s environment commit` applies and deploys them", scope->environment_name, sum,
             cli->program);
  }
  return NULL;
}

/* ---- where they come from ---- */

err *changes_read_stdin(json_t **ret_patch) {
  auto_str text = STR_EMPTY;
  TRY(variables_read_stdin(&text));
  return json_parse(str_text(&text), text.len, "standard input", ret_patch);
}

static err *read_value(const char *path, const char *text, json_t **ret_value) {
  bool variable = str_starts(path, "variables.") && !str_ends(path, ".isSealed");
  bool number = str_ends(path, ".port") || str_ends(path, ".cpu");
  bool word = str_eq(text, "null") || (!variable && (str_eq(text, "true") || str_eq(text, "false")));
  bool json = !variable && *text && strchr("{[\"", *text);
  if (word || json || number) return json_parse(text, strlen(text), path, ret_value);
  *ret_value = json_string(text);
  return *ret_value ? NULL : err_new(ERR_INVALID, "%s: the value is not UTF-8", path);
}

/* The key that the path begins with: up to a dot, but a host name is one key. */
static size_t key_length(const char *path, bool host) {
  size_t len = strlen(path);
  if (!host) return strcspn(path, ".");
  return str_ends(path, ".port") ? len - strlen(".port") : len;
}

err *changes_put(json_t *service, const char *path, const char *text) {
  json_t *value = NULL, *object = service;
  const char *at = path;
  TRY(read_value(path, text, &value));
  for (bool host = false;;) {
    size_t len = key_length(at, host);
    auto_free char *key = str_ndup(at, len);
    host = str_eq(key, "serviceDomains") || str_eq(key, "customDomains");
    if (!at[len]) {
      json_object_set_new(object, key, value);
      return NULL;
    }
    json_t *inner = json_object_get(object, key);
    if (!json_is_object(inner)) json_object_set_new(object, key, inner = json_object());
    object = inner;
    at += len + 1;
  }
}

static json_t *part_of(json_t *services, const char *service) {
  json_t *part = json_object_get(services, service);
  if (!part) json_object_set_new(services, service, part = json_object());
  return part;
}

err *changes_read_flags(const struct args *args, json_t **ret_patch) {
  auto_json *services = json_object();
  const char *service;
  size_t cursor = 0;
  while ((service = args_next(args, "service-config", &cursor))) {
    const char *path = args_next(args, "service-config", &cursor), *value = args_next(args, "service-config", &cursor);
    TRY(changes_put(part_of(services, service), path, value));
  }
  for (cursor = 0; (service = args_next(args, "service-variable", &cursor));) {
    const char *pair = args_next(args, "service-variable", &cursor);
    size_t len = strcspn(pair, "=");
    auto_free char *path = str_format("variables.%.*s", (int)len, pair);
    if (!len || !pair[len]) return err_new(ERR_INVALID, "'%.*s' should look like NAME=value", (int)len, pair);
    TRY(changes_put(part_of(services, service), path, pair + len + 1));
  }
  *ret_patch = json_object_size(services) ? json_pack("{s:O}", "services", services) : NULL;
  return NULL;
}
