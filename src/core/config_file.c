#include "core/config_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/json_lines.h"
#include "base/mem.h"
#include "base/toml.h"
#include "core/config_keys.h"
#include "model/variable.h"

const char *config_file_in(const struct source_view *folder) {
  static const char *const names[] = {"railway.toml", "railway.json"};
  for (size_t i = 0; i < ARRAY_LEN(names); i++)
    if (source_has(folder, names[i])) return names[i];
  return NULL;
}

struct reading {
  const struct config_source *source;
  const char *text; /* without a byte order mark */
  size_t len;
  toml *doc; /* NULL: JSON */
  const json_t *root;
  struct service_settings *settings;
  struct config_result *out;
  struct strv idle; /* "deploy.region (line 3: everything runs on this machine)" */
  size_t unsaid;    /* warnings beyond the limit */
  int64_t regions, replicas; /* of the multiRegionConfig of the block that is being read */
  char *regions_at;
};

/* A key where it stands: `path` is what it means, `at` leads to it in the file. */
struct place {
  const char *path, *at;
};

static int line_of(const struct reading *r, const char *at) {
  if (r->doc) return toml_line_of(r->doc, at);
  return json_line_of(r->text, r->len, at);
}

static void warn_at(struct reading *r, const char *at, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void warn_at(struct reading *r, const char *at, const char *format, ...) {
  if (r->out->warnings.len >= CONFIG_WARNINGS_MAX) {
    r->unsaid++;
    return;
  }
  va_list args;
  va_start(args, format);
  auto_free char *text = str_vformat(format, args);
  va_end(args);
  strv_addf(&r->out->warnings, "%s: line %d: %s", r->source->path, line_of(r, at), text);
}

/* For a message: cut between characters, and on one line. */
static char *shown(const char *text) {
  enum { SHOWN = 80 };
  size_t len = strnlen(text, SHOWN);
  while (text[len] && len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80) len--;
  char *cut = str_format("%.*s%s", (int)len, text, text[len] ? "…" : "");
  for (char *c = cut; *c; c++)
    if ((unsigned char)*c < 0x20 || *c == 0x7F) *c = '?';
  return cut;
}

static err *wrong_at(const struct reading *r, const char *at, const json_t *value, const char *problem) {
  auto_free char *text = json_to_text(value);
  auto_free char *cut = shown(text);
  return err_new(ERR_INVALID, "%s: line %d: %s; it is %s", r->source->path, line_of(r, at), problem, cut);
}

/* ---- settings ---- */

static void note_place(struct reading *r, const struct place *place) {
  auto_free char *where = str_format("$.%s", place->at);
  json_set_text(r->out->mapping, place->path, where);
}

static void note_setting(struct reading *r, const struct place *place, json_t *value) {
  json_put(r->out->manifest, place->path, value);
  note_place(r, place);
}

/* A date, inf or nan of TOML, which comes here as text. */
static bool is_bare_word(const struct reading *r, const struct place *place, const json_t *value) {
  return r->doc && json_is_string(value) && !toml_is_string(r->doc, place->at);
}

static err *take_setting(struct reading *r, const struct place *place, const json_t *value) {
  if (is_bare_word(r, place, value)) {
    auto_free char *problem = str_format("setting '%s': text stands in quotes", place->path);
    return wrong_at(r, place->at, value, problem);
  }
  auto_json *one = json_object();
  json_put(one, place->path, json_deep_copy(value));
  err *e = service_settings_apply_json(r->settings, one);
  if (!e) e = service_settings_check(r->settings);
  if (!e) {
    note_setting(r, place, json_deep_copy(value));
    return NULL;
  }
  err *located = wrong_at(r, place->at, value, err_message(e));
  err_free(e);
  return located;
}

/* Every region is this machine: their replicas add up. */
static err *take_regions(struct reading *r, const struct place *place, const json_t *value) {
  const char *region;
  json_t *config;
  if (json_is_null(value)) return NULL;
  if (!json_is_object(value)) return wrong_at(r, place->at, value, "'deploy.multiRegionConfig' must be an object");
  json_object_foreach((json_t *)value, region, config) {
    const json_t *replicas = json_object_get(config, "numReplicas");
    if (json_is_null(config)) continue;
    if (!json_is_object(config) || (replicas && !json_is_integer(replicas)))
      return wrong_at(r, place->at, value, "'deploy.multiRegionConfig' must say {\"numReplicas\": <number>} for each region");
    r->regions++;
    r->replicas += replicas ? json_integer_value(replicas) : 1;
  }
  str_replace_owned(&r->regions_at, place->at);
  return NULL;
}

/* After its block, since it is stronger than numReplicas, wherever that stands. */
static err *settle_regions(struct reading *r) {
  if (r->regions == 0) return NULL;
  auto_json *replicas = json_integer(r->replicas);
  struct place place = {"deploy.numReplicas", r->regions_at};
  if (r->regions > 1)
    warn_at(r, r->regions_at, "everything runs on this machine: the replicas of the %lld regions are added up",
            (long long)r->regions);
  r->regions = r->replicas = 0;
  return take_setting(r, &place, replicas);
}

/* ---- the other kinds ---- */

static char *text_of(const json_t *value) {
  if (json_is_string(value)) {
    const char *text = json_string_value(value);
    return strlen(text) == json_string_length(value) ? str_dup(text) : NULL;
  }
  return json_is_number(value) || json_is_boolean(value) ? json_to_text(value) : NULL;
}

/* What is wrong in them is no error: to Railway they say nothing at all. */
static void take_variables(struct reading *r, const struct place *place, const json_t *value) {
  const char *name;
  json_t *item;
  bool of_build = str_starts(place->path, "build.");
  if (!json_is_object(value)) warn_at(r, place->at, "'%s' is not a table of variables and is passed over", place->path);
  json_object_foreach((json_t *)value, name, item) {
    auto_free char *at = toml_path_join(place->at, name);
    auto_free char *text = text_of(item);
    auto_err *e = variable_name_check(name);
    if (!e && text) e = variable_value_check(name, text, strlen(text));
    if (e || !text)
      warn_at(r, at, "%s: the variable is passed over", e ? err_message(e) : "its value is no text");
    else
      json_set_text(of_build ? r->out->build_variables : r->out->variables, name, text);
  }
}

static bool has_kind(const json_t *value, enum config_kind kind) {
  switch (kind) {
  case CONFIG_TEXT:
    return json_is_string(value);
  case CONFIG_BOOL:
    return json_is_boolean(value);
  case CONFIG_NUMBER:
    return json_is_number(value);
  default:
    return json_is_object(value);
  }
}

static const char *kind_words(enum config_kind kind) {
  return kind == CONFIG_TEXT ? "text" : kind == CONFIG_BOOL ? "true or false" : kind == CONFIG_NUMBER ? "a number" : "an object";
}

/* For the planner, by the names that it takes from variables. */
static void pass_to_planner(struct reading *r, const struct place *place, const json_t *value) {
  auto_free char *plan = json_is_object(value) ? json_to_text(value) : NULL;
  if (str_eq(place->path, "build.nixpacksConfigPath"))
    json_set_text(r->out->build_variables, "NIXPACKS_CONFIG_FILE", json_string_value(value));
  if (str_eq(place->path, "build.nixpacksPlan")) json_set_text(r->out->build_variables, "NIXPACKS_PLAN", plan);
}

/* It is in no part of the result but its own, nor in an error. */
static err *take_registry(struct reading *r, const struct place *place, const json_t *value) {
  if (!json_get_text(value, "username") || !json_get_text(value, "password"))
    return err_new(ERR_INVALID, "%s: line %d: '%s' must be an object with username and password, both texts",
                   r->source->path, line_of(r, place->at), place->path);
  json_decref(r->out->registry);
  r->out->registry = json_deep_copy(value);
  note_place(r, place);
  warn_at(r, place->at, "the password is kept encrypted with the service from now on: take it out of the file");
  return NULL;
}

static err *take_other(struct reading *r, const struct place *place, const struct config_key *key, const json_t *value) {
  if (json_is_null(value)) return NULL;
  if (str_eq(key->path, "deploy.registryCredentials")) return take_registry(r, place, value);
  if (!has_kind(value, key->kind) || is_bare_word(r, place, value)) {
    auto_free char *problem = str_format("'%s' must be %s", key->path, kind_words(key->kind));
    return wrong_at(r, place->at, value, problem);
  }
  if (key->idle && !json_is_false(value))
    strv_addf(&r->idle, "%s (line %d: %s)", key->path, line_of(r, place->at), key->idle);
  pass_to_planner(r, place, value);
  return NULL;
}

/* ---- walking ---- */

static err *read_section(struct reading *r, const struct place *section, const json_t *object, bool applies);

static void warn_unknown(struct reading *r, const struct place *place) {
  auto_free char *path = shown(place->path);
  const char *meant = config_key_nearest(path);
  if (meant)
    warn_at(r, place->at, "unknown key '%s': did you mean '%s'?", path, meant);
  else
    warn_at(r, place->at, "unknown key '%s' is passed over", path);
}

static err *read_key(struct reading *r, const struct place *place, const json_t *value, bool applies) {
  const struct config_key *key;
  enum config_kind kind = config_key_find(place->path, &key);
  if (kind == CONFIG_UNKNOWN) {
    warn_unknown(r, place);
    return NULL;
  }
  if (kind == CONFIG_SECTION) {
    if (json_is_null(value)) return NULL;
    if (!json_is_object(value)) return wrong_at(r, place->at, value, "a table of keys belongs here");
    return read_section(r, place, value, applies);
  }
  if (!applies) return NULL;
  if (kind == CONFIG_SETTING) return take_setting(r, place, value);
  if (kind == CONFIG_REGIONS) return take_regions(r, place, value);
  if (kind != CONFIG_VARIABLES) return take_other(r, place, key, value);
  take_variables(r, place, value);
  return NULL;
}

static err *read_section(struct reading *r, const struct place *section, const json_t *object, bool applies) {
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)object, name, value) {
    auto_free char *path = *section->path ? str_format("%s.%s", section->path, name) : str_dup(name);
    auto_free char *at = toml_path_join(section->at, name);
    struct place place = {path, at};
    bool is_blocks = !*section->at && str_eq(name, "environments");
    if (!is_blocks) TRY(read_key(r, &place, value, applies));
  }
  return settle_regions(r);
}

/* A block of `environments`; when there is none of that name nothing happens. */
static err *read_block(struct reading *r, const char *name, bool applies) {
  const json_t *block = name ? json_object_get(json_object_get(r->root, "environments"), name) : NULL;
  if (!block || json_is_null(block)) return NULL;
  auto_free char *at = toml_path_join("environments", name);
  struct place place = {"", at};
  if (!json_is_object(block)) return wrong_at(r, at, block, "an environment's block is a table with build and deploy");
  return read_section(r, &place, block, applies);
}

static err *read_blocks(struct reading *r) {
  const struct config_source *s = r->source;
  const char *layers[3] = {s->is_ephemeral ? s->base_environment : NULL, s->is_ephemeral ? "pr" : NULL, s->environment};
  const json_t *blocks = json_object_get(r->root, "environments");
  const char *name;
  json_t *block;
  if (blocks && !json_is_object(blocks) && !json_is_null(blocks))
    return wrong_at(r, "environments", blocks, "'environments' must be a table of environments");
  for (size_t i = 0; i < ARRAY_LEN(layers); i++)
    if (i == 0 || !str_eq(layers[i], layers[i - 1])) TRY(read_block(r, layers[i], true));
  json_object_foreach((json_t *)blocks, name, block) {
    bool applied = false;
    for (size_t i = 0; i < ARRAY_LEN(layers); i++) applied = applied || str_eq(name, layers[i]);
    if (!applied) TRY(read_block(r, name, false));
  }
  return NULL;
}

static void warn_of_the_rest(struct reading *r) {
  auto_free char *idle = r->idle.len ? strv_join(&r->idle, ", ") : NULL;
  if (idle) strv_addf(&r->out->warnings, "%s: without effect here: %s", r->source->path, idle);
  if (r->unsaid) strv_addf(&r->out->warnings, "%s: and %zu more warnings", r->source->path, r->unsaid);
}

static err *read_all(struct reading *r) {
  struct place top = {"", ""};
  TRY(read_section(r, &top, r->root, true));
  TRY(read_blocks(r));
  warn_of_the_rest(r);
  return NULL;
}

static err *parse(struct reading *r, json_t **ret_json) {
  const char *path = r->source->path;
  if (r->len > CONFIG_FILE_BYTES_MAX) return err_new(ERR_LIMIT, "%s: larger than %d bytes", path, CONFIG_FILE_BYTES_MAX);
  if (!str_ends(path, ".json")) {
    TRY(toml_parse(r->text, r->len, path, &r->doc));
    r->root = toml_root(r->doc);
    return NULL;
  }
  TRY(json_parse(r->text, r->len, path, ret_json));
  r->root = *ret_json;
  return json_is_object(r->root) ? NULL : err_new(ERR_INVALID, "%s: line 1: must be an object", path);
}

err *config_file_apply(const struct config_source *source, struct service_settings *settings,
                       struct config_result *ret_result) {
  struct config_result result = {json_object(), json_object(), json_object(), json_object(), STRV_EMPTY, NULL};
  /* What some editors put in front of a text, JSON's too. */
  size_t mark = source->len >= 3 && memcmp(source->text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
  struct reading r = {.source = source, .text = source->text + mark, .len = source->len - mark, .settings = settings, .out = &result};
  auto_json *json = NULL;
  err *e = parse(&r, &json);
  if (!e) e = read_all(&r);
  toml_free(r.doc);
  strv_done(&r.idle);
  free(r.regions_at);
  if (e)
    config_result_done(&result);
  else
    *ret_result = result;
  return e;
}

void config_result_done(struct config_result *result) {
  json_decref(result->manifest);
  json_decref(result->mapping);
  json_decref(result->variables);
  json_decref(result->build_variables);
  json_decref(result->registry);
  strv_done(&result->warnings);
  *result = (struct config_result){0};
}
