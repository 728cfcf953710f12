#include "model/service_settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

MODEL_ENUM_WORDS(source_kind, "source kind", "none", "upload", "repo", "image");
MODEL_ENUM_WORDS(builder, "builder", "RAILPACK", "DOCKERFILE", "NIXPACKS", "HEROKU", "PAKETO");
MODEL_ENUM_WORDS(restart_policy, "restart policy", "ON_FAILURE", "ALWAYS", "NEVER");

enum kind { KIND_TEXT, KIND_COMMAND, KIND_TEXTS, KIND_INT, KIND_CORES, KIND_WORD, KIND_SCHEDULE, KIND_BOOL };

struct setting {
  const char *path; /* keys in the JSON, with dots between */
  enum kind kind;
  size_t offset;
  int64_t otherwise; /* the default of a number or word; that of text is NULL */
  int64_t low, high; /* of a number; of text, `high` is the most bytes */
  const struct names *names;
};

#define AT(member) offsetof(struct service_settings, member)
#define RANGE(default_, low_, high_) .otherwise = (default_), .low = (low_), .high = (high_)
// clang-format off
static const struct setting settings[] = {
  {"source.kind",            KIND_WORD,    AT(source_kind),    .names = &source_kind_names},
  {"source.repo",            KIND_TEXT,    AT(source_repo),    .high = SETTING_PATH_LEN_MAX},
  {"source.branch",          KIND_TEXT,    AT(source_branch),  .high = 255},
  {"source.commitSha",       KIND_TEXT,    AT(source_commit),  .high = 64},
  {"source.image",           KIND_TEXT,    AT(source_image),   .high = 512},
  {"source.autoUpdates.type",     KIND_WORD,     AT(auto_updates), .names = &auto_updates_names},
  {"source.autoUpdates.schedule", KIND_SCHEDULE, AT(auto_update_schedule), .names = NULL},
  {"source.checkSuites",     KIND_BOOL,    AT(check_suites),   .otherwise = false},
  {"source.autoDeploy",      KIND_BOOL,    AT(auto_deploy),    .otherwise = true},
  {"source.rootDirectory",   KIND_TEXT,    AT(root_directory), .high = SETTING_PATH_LEN_MAX},
  {"configFile",             KIND_TEXT,    AT(config_file),    .high = SETTING_PATH_LEN_MAX},

  {"build.builder",          KIND_WORD,    AT(builder),         .names = &builder_names},
  {"build.buildCommand",     KIND_TEXT,    AT(build_command),   .high = COMMAND_LEN_MAX},
  {"build.dockerfilePath",   KIND_TEXT,    AT(dockerfile_path), .high = SETTING_PATH_LEN_MAX},
  {"build.watchPatterns",    KIND_TEXTS,   AT(watch_patterns),  .high = WATCH_PATTERNS_MAX},

  {"deploy.startCommand",      KIND_TEXT,    AT(start_command),      .high = COMMAND_LEN_MAX},
  {"deploy.preDeployCommand",  KIND_COMMAND, AT(pre_deploy_command), .high = COMMAND_LEN_MAX},
  {"deploy.healthcheckPath",   KIND_TEXT,    AT(healthcheck_path),   .high = SETTING_PATH_LEN_MAX},
  {"deploy.healthcheckTimeout", KIND_INT, AT(healthcheck_timeout_s),
   RANGE(HEALTHCHECK_TIMEOUT_S_DEFAULT, 1, HEALTHCHECK_TIMEOUT_S_MAX)},
  {"deploy.restartPolicyType", KIND_WORD,    AT(restart_policy),     .names = &restart_policy_names},
  {"deploy.restartPolicyMaxRetries", KIND_INT, AT(restart_max_retries),
   RANGE(RESTART_MAX_RETRIES_DEFAULT, 0, RESTART_MAX_RETRIES_MAX)},
  {"deploy.numReplicas",       KIND_INT,     AT(num_replicas), RANGE(NUM_REPLICAS_DEFAULT, 1, NUM_REPLICAS_MAX)},
  {"deploy.overlapSeconds",    KIND_INT,     AT(overlap_s),    RANGE(0, 0, OVERLAP_S_MAX)},
  {"deploy.requiredMountPath", KIND_TEXT,    AT(required_mount_path), .high = 512},
  {"deploy.drainingSeconds",   KIND_INT,     AT(draining_s),   RANGE(0, 0, DRAINING_S_MAX)},
  {"deploy.limitOverride.containers.memoryBytes", KIND_INT,   AT(memory_bytes), RANGE(0, 0, MEMORY_BYTES_MAX)},
  {"deploy.limitOverride.containers.cpu",         KIND_CORES, AT(cpu_millis),   RANGE(0, 0, CPU_MILLIS_MAX)},
};
// clang-format on

/* The members' types, which the table's kinds stand for. */
static void *member(const struct service_settings *s, const struct setting *at) {
  return (char *)s + at->offset;
}
static char **text_of(const struct service_settings *s, const struct setting *at) {
  return member(s, at);
}
static struct strv *texts_of(const struct service_settings *s, const struct setting *at) {
  return member(s, at);
}
static json_t **schedule_of(const struct service_settings *s, const struct setting *at) {
  return member(s, at);
}
static bool *bool_of(const struct service_settings *s, const struct setting *at) {
  return member(s, at);
}
static int64_t *number_of(const struct service_settings *s, const struct setting *at) {
  return member(s, at);
}
static bool is_text(const struct setting *at) {
  return at->kind == KIND_TEXT || at->kind == KIND_COMMAND;
}

static void set_default(struct service_settings *s, const struct setting *at) {
  if (is_text(at)) {
    str_replace_owned(text_of(s, at), NULL);
  } else if (at->kind == KIND_TEXTS) {
    strv_done(texts_of(s, at));
    *texts_of(s, at) = STRV_EMPTY;
  } else if (at->kind == KIND_WORD) {
    memset(member(s, at), 0, sizeof(unsigned));
  } else if (at->kind == KIND_SCHEDULE) {
    json_decref(*schedule_of(s, at));
    *schedule_of(s, at) = NULL;
  } else if (at->kind == KIND_BOOL) {
    *bool_of(s, at) = at->otherwise;
  } else {
    *number_of(s, at) = at->otherwise;
  }
}

void service_settings_init(struct service_settings *s) {
  memset(s, 0, sizeof *s);
  for (size_t i = 0; i < ARRAY_LEN(settings); i++)
    set_default(s, &settings[i]);
}

void service_settings_done(struct service_settings *s) {
  for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
    if (is_text(&settings[i])) free(*text_of(s, &settings[i]));
    if (settings[i].kind == KIND_TEXTS) strv_done(texts_of(s, &settings[i]));
    if (settings[i].kind == KIND_SCHEDULE) json_decref(*schedule_of(s, &settings[i]));
  }
  memset(s, 0, sizeof *s);
}

void service_settings_copy(const struct service_settings *s, struct service_settings *ret_copy) {
  memcpy(ret_copy, s, sizeof *s);
  for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
    const struct setting *at = &settings[i];
    if (is_text(at)) *text_of(ret_copy, at) = str_dup(*text_of(s, at));
    if (at->kind == KIND_SCHEDULE) json_incref(*schedule_of(ret_copy, at)); /* never changed, only replaced */
    if (at->kind != KIND_TEXTS) continue;
    *texts_of(ret_copy, at) = STRV_EMPTY;
    if (texts_of(s, at)->len)
      strv_add_all(texts_of(ret_copy, at), (const char *const *)texts_of(s, at)->items);
  }
}

/* --- to JSON --- */

static json_t *texts_to_json(const struct strv *texts) {
  json_t *array = json_array();
  for (size_t i = 0; i < texts->len; i++)
    json_array_append_new(array, json_string(texts->items[i]));
  return array;
}

/* NULL for a default, which is not written. */
static json_t *value_to_json(const struct service_settings *s, const struct setting *at) {
  unsigned word;
  switch (at->kind) {
  case KIND_TEXT:
  case KIND_COMMAND:
    return str_empty(*text_of(s, at)) ? NULL : json_string(*text_of(s, at));
  case KIND_TEXTS:
    return texts_of(s, at)->len ? texts_to_json(texts_of(s, at)) : NULL;
  case KIND_WORD:
    memcpy(&word, member(s, at), sizeof word);
    return word ? json_string(names_word(at->names, word)) : NULL;
  case KIND_INT:
    return *number_of(s, at) != at->otherwise ? json_integer(*number_of(s, at)) : NULL;
  case KIND_SCHEDULE:
    return json_array_size(*schedule_of(s, at)) ? json_deep_copy(*schedule_of(s, at)) : NULL;
  case KIND_CORES:
    return *number_of(s, at) ? json_real((double)*number_of(s, at) / 1000) : NULL;
  case KIND_BOOL:
    return *bool_of(s, at) != (bool)at->otherwise ? json_boolean(*bool_of(s, at)) : NULL;
  }
  return NULL;
}

json_t *service_settings_to_json(const struct service_settings *s) {
  json_t *object = json_object();
  for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
    json_t *value = value_to_json(s, &settings[i]);
    if (value) json_put(object, settings[i].path, value);
  }
  return object;
}

bool service_settings_equal(const struct service_settings *a, const struct service_settings *b) {
  auto_json *a_json = service_settings_to_json(a), *b_json = service_settings_to_json(b);
  return json_equal(a_json, b_json);
}

/* --- from JSON --- */

static err *wrong_type(const char *wanted) {
  return err_new(ERR_INVALID, "must be %s", wanted);
}

/* NUL bytes inside would cut the text silently. */
static const char *plain_text(const json_t *value) {
  const char *text = json_string_value(value);
  return text && strlen(text) == json_string_length(value) ? text : NULL;
}

static err *read_texts(const json_t *value, size_t limit, struct strv *ret_texts) {
  if (!json_is_array(value)) return wrong_type("a list of texts");
  if (json_array_size(value) > limit)
    return err_new(ERR_LIMIT, "has %zu entries; at most %zu are allowed", json_array_size(value),
                   limit);
  for (size_t i = 0; i < json_array_size(value); i++)
    if (!plain_text(json_array_get(value, i))) return wrong_type("a list of texts");
  for (size_t i = 0; i < json_array_size(value); i++)
    strv_add(ret_texts, json_string_value(json_array_get(value, i)));
  return NULL;
}

/* The commands of a list, as one; empty ones are left out. */
static err *read_commands(const json_t *value, char **text) {
  enum { COMMANDS_MAX = 64 };
  auto_strv listed = STRV_EMPTY, commands = STRV_EMPTY;
  TRY(read_texts(value, COMMANDS_MAX, &listed));
  for (size_t i = 0; i < listed.len; i++)
    if (*listed.items[i]) strv_add(&commands, listed.items[i]);
  free(*text);
  *text = commands.len ? strv_join(&commands, " && ") : NULL;
  return NULL;
}

static err *read_text(const struct setting *at, const json_t *value, char **text) {
  if (at->kind == KIND_COMMAND && json_is_array(value)) return read_commands(value, text);
  const char *given = plain_text(value);
  if (!given) return wrong_type(at->kind == KIND_COMMAND ? "text or a list of texts" : "text");
  str_replace_owned(text, *given ? given : NULL);
  return NULL;
}

static err *read_number(const json_t *value, int64_t *ret_number) {
  long long number;
  if (json_is_integer(value)) {
    *ret_number = json_integer_value(value);
    return NULL;
  }
  if (!str_to_int(json_string_value(value), INT64_MIN, INT64_MAX, &number))
    return wrong_type("a whole number");
  *ret_number = number;
  return NULL;
}

static err *read_cores(const json_t *value, int64_t *ret_millis) {
  if (!json_is_number(value)) return wrong_type("a number of cores");
  double millis = json_number_value(value) * 1000;
  if (!(millis >= 0 && millis <= CPU_MILLIS_MAX))
    return err_new(ERR_INVALID, "must be within 0 and %d", CPU_MILLIS_MAX / 1000);
  *ret_millis = (int64_t)(millis + 0.5);
  return NULL;
}

static err *read_word(const struct setting *at, const json_t *value, void *word) {
  unsigned found;
  TRY(names_find(at->names, plain_text(value), &found));
  memcpy(word, &found, sizeof found);
  return NULL;
}

static err *read_value(struct service_settings *s, const struct setting *at, const json_t *value) {
  auto_strv texts = STRV_EMPTY;
  switch (at->kind) {
  case KIND_TEXT:
  case KIND_COMMAND:
    return read_text(at, value, text_of(s, at));
  case KIND_INT:
    return read_number(value, number_of(s, at));
  case KIND_CORES:
    return read_cores(value, number_of(s, at));
  case KIND_WORD:
    return read_word(at, value, member(s, at));
  case KIND_SCHEDULE:
    TRY(schedule_check(value));
    json_decref(*schedule_of(s, at));
    *schedule_of(s, at) = json_deep_copy(value);
    return NULL;
  case KIND_BOOL:
    if (!json_is_boolean(value)) return wrong_type("true or false");
    *bool_of(s, at) = json_is_true(value);
    return NULL;
  case KIND_TEXTS:
    TRY(read_texts(value, WATCH_PATTERNS_MAX, &texts));
    strv_done(texts_of(s, at));
    *texts_of(s, at) = texts;
    texts = STRV_EMPTY;
    return NULL;
  }
  return NULL;
}

/* NULL in *ret_value: not there.  Null on the way resets all that is below it. */
static err *find_at_path(const json_t *object, const char *path, const json_t **ret_value) {
  for (const char *dot; (dot = strchr(path, '.')); path = dot + 1) {
    auto_free char *key = str_ndup(path, (size_t)(dot - path));
    const json_t *inner = json_object_get(object, key);
    if (!inner || json_is_null(inner)) {
      *ret_value = inner;
      return NULL;
    }
    if (!json_is_object(inner)) return err_new(ERR_INVALID, "'%s' must be an object", key);
    object = inner;
  }
  *ret_value = json_object_get(object, path);
  return NULL;
}

err *service_settings_apply_json(struct service_settings *s, const json_t *object) {
  if (!json_is_object(object)) return err_new(ERR_INVALID, "settings must be an object");
  for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
    const struct setting *at = &settings[i];
    const json_t *value = NULL;
    TRY(find_at_path(object, at->path, &value));
    if (json_is_null(value))
      set_default(s, at);
    else if (value)
      TRY(err_wrap(read_value(s, at, value), "setting '%s'", at->path));
  }
  return NULL;
}

bool service_settings_known_key(const char *path) {
  for (size_t i = 0; i < ARRAY_LEN(settings); i++)
    if (str_eq(settings[i].path, path)) return true;
  return false;
}

/* --- one by one --- */

size_t service_settings_count(void) {
  return ARRAY_LEN(settings);
}

const char *service_settings_path(size_t i) {
  return settings[i].path;
}

char *service_settings_text(const struct service_settings *s, size_t i) {
  const struct setting *at = &settings[i];
  unsigned word;
  switch (at->kind) {
  case KIND_TEXT:
  case KIND_COMMAND:
    return str_empty(*text_of(s, at)) ? NULL : str_dup(*text_of(s, at));
  case KIND_TEXTS:
    return texts_of(s, at)->len ? strv_join(texts_of(s, at), ", ") : NULL;
  case KIND_WORD:
    memcpy(&word, member(s, at), sizeof word);
    return str_dup(names_word(at->names, word));
  case KIND_INT:
    return *number_of(s, at) || at->otherwise ? str_format("%lld", (long long)*number_of(s, at)) : NULL;
  case KIND_SCHEDULE:
    return json_array_size(*schedule_of(s, at)) ? json_to_text(*schedule_of(s, at)) : NULL;
  case KIND_CORES:
    return *number_of(s, at) ? str_format("%g", (double)*number_of(s, at) / 1000) : NULL;
  case KIND_BOOL:
    return str_dup(*bool_of(s, at) ? "true" : "false");
  }
  return NULL;
}

/* --- checks --- */

static err *check_range(const struct service_settings *s, const struct setting *at) {
  int64_t number;
  const char *text;
  switch (at->kind) {
  case KIND_TEXT:
  case KIND_COMMAND:
    text = *text_of(s, at);
    if (text && strlen(text) > (size_t)at->high)
      return err_new(ERR_LIMIT, "has %zu bytes; at most %lld are allowed", strlen(text),
                     (long long)at->high);
    if (text && !str_is_utf8(text, strlen(text))) return err_new(ERR_INVALID, "is not UTF-8");
    return NULL;
  case KIND_INT:
  case KIND_CORES:
    number = *number_of(s, at);
    if (number < at->low || number > at->high)
      return err_new(ERR_INVALID, "%lld is not within %lld and %lld", (long long)number,
                     (long long)at->low, (long long)at->high);
    return NULL;
  case KIND_TEXTS:
  case KIND_WORD:
  case KIND_SCHEDULE:
  case KIND_BOOL:
    return NULL;
  }
  return NULL;
}

/* A path inside the source: no ".." that would lead out of it.  A leading '/' is its root. */
static err *check_inside(const char *name, const char *path) {
  auto_strv parts = STRV_EMPTY;
  if (path) strv_split(&parts, path, '/');
  if (strv_has(&parts, ".."))
    return err_new(ERR_INVALID, "setting '%s': '%.128s' must not have '..' in it", name, path);
  return NULL;
}

static err *check_source(const struct service_settings *s) {
  if (s->source_kind == SOURCE_REPO && str_empty(s->source_repo))
    return err_new(ERR_INVALID, "setting 'source.repo': a source of kind repo needs it");
  if (s->source_kind == SOURCE_IMAGE && str_empty(s->source_image))
    return err_new(ERR_INVALID, "setting 'source.image': a source of kind image needs it");
  return NULL;
}

err *service_settings_check(const struct service_settings *s) {
  for (size_t i = 0; i < ARRAY_LEN(settings); i++)
    TRY(err_wrap(check_range(s, &settings[i]), "setting '%s'", settings[i].path));
  if (s->memory_bytes && s->memory_bytes < MEMORY_BYTES_MIN)
    return err_new(ERR_INVALID, "the memory limit of %lld bytes is below the least of %lld",
                   (long long)s->memory_bytes, MEMORY_BYTES_MIN);
  if (s->healthcheck_path && s->healthcheck_path[0] != '/')
    return err_new(ERR_INVALID, "setting 'deploy.healthcheckPath': '%.128s' must begin with '/'",
                   s->healthcheck_path);
  TRY(check_inside("source.rootDirectory", s->root_directory));
  TRY(check_inside("build.dockerfilePath", s->dockerfile_path));
  TRY(check_inside("configFile", s->config_file));
  return check_source(s);
}
