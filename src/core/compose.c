#include "core/compose.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "core/compose_internal.h"
#include "core/interpolate.h"
#include "model/project.h"

void compose_note(const struct compose_service *s, const char *format, ...) {
  va_list args;
  va_start(args, format);
  auto_free char *text = str_vformat(format, args);
  va_end(args);
  strv_addf(&s->reading->plan->notes, "%s: %s", s->name, text);
}

void compose_refuse(const struct compose_service *s, int line, const char *format, ...) {
  va_list args;
  va_start(args, format);
  auto_free char *text = str_vformat(format, args);
  va_end(args);
  strv_addf(&s->reading->refused, "%s, line %d: services.%s.%s", s->reading->input->file, line, s->name, text);
}

void compose_put(const struct compose_service *s, const char *group, const char *key, json_t *value) {
  json_t *object = json_object_get(s->part, group);
  if (!object) json_object_set_new(s->part, group, object = json_object());
  json_object_set_new(object, key, value);
}

/* ---- ${VAR} ---- */

static err *interpolate_all(struct yml *y, const struct compose_input *input, struct strv *unset) {
  if (y->expanded) return NULL; /* reached by an alias before */
  y->expanded = true;
  if (y->kind == YML_SCALAR && strchr(y->text, '$')) {
    auto_str text = STR_EMPTY;
    TRY(err_wrap(interpolate(y->text, input->get_env, input->arg, &text, unset), "%s, line %d", input->file, y->line));
    free(y->text);
    y->text = str_take(&text);
    y->plain = false;
  }
  for (size_t i = 0; i < y->len; i++) TRY(interpolate_all(y->items[i].value, input, unset));
  return NULL;
}

/* ---- where the code comes from ---- */

static bool is_git_url(const char *context) {
  static const char *const starts[] = {"https://", "http://", "git://", "ssh://", "git@", "github.com/"};
  for (size_t i = 0; i < ARRAY_LEN(starts); i++)
    if (str_starts(context, starts[i])) return true;
  return false;
}

/* "https://host/repo.git#branch:folder" */
static void read_repository(const struct compose_service *s, const char *context) {
  size_t len = strcspn(context, "#");
  const char *branch = context[len] ? context + len + 1 : "";
  size_t branch_len = strcspn(branch, ":");
  compose_put(s, "source", "repo", json_stringn(context, len));
  if (branch_len) compose_put(s, "source", "branch", json_stringn(branch, branch_len));
  if (branch[branch_len] && branch[branch_len + 1])
    compose_put(s, "source", "rootDirectory", json_string(branch + branch_len + 1));
}

static void read_context(const struct compose_service *s, const char *context) {
  if (is_git_url(context))
    read_repository(s, context);
  else
    strv_addf(&s->reading->plan->uploads, "up %s --service %s --path-as-root", context, s->name);
}

static void read_build(const struct compose_service *s, const struct yml *build) {
  const char *context = build->kind == YML_SCALAR ? yml_text(build) : yml_text(yml_get(build, "context"));
  const char *dockerfile = yml_text(yml_get(build, "dockerfile"));
  static const char *const taken[] = {"context", "dockerfile", "args"};
  static const char *const dangerous[] = {"privileged", "network", "entitlements", "ssh", "secrets"};
  for (size_t i = 0; i < build->len; i++) {
    const struct yml_item *item = &build->items[i];
    bool known = false, refused = false;
    for (size_t n = 0; n < ARRAY_LEN(taken); n++) known |= str_eq(item->key, taken[n]);
    for (size_t n = 0; n < ARRAY_LEN(dangerous); n++) refused |= str_eq(item->key, dangerous[n]);
    if (refused) compose_refuse(s, item->line, "build.%s is not available: a build sees its own files only", item->key);
    if (!known && !refused) compose_note(s, "build.%s is left out", item->key);
  }
  if (dockerfile) compose_put(s, "build", "dockerfilePath", json_string(dockerfile));
  read_context(s, context ? context : ".");
}

/* Build arguments are variables here. */
static void read_build_args(const struct compose_service *s, const struct yml *args) {
  for (size_t i = 0; args && i < args->len; i++) {
    const struct yml_item *item = &args->items[i];
    const char *text = yml_text(item->value);
    auto_free char *name = item->key ? str_dup(item->key) : text ? str_ndup(text, strcspn(text, "=")) : NULL;
    const char *value = item->key ? text : text && strchr(text, '=') ? strchr(text, '=') + 1 : NULL;
    json_t *variables = json_object_get(s->part, "variables");
    if (!name || !value || json_object_get(variables, name)) continue;
    if (!variables) json_object_set_new(s->part, "variables", variables = json_object());
    json_object_set_new(variables, name, json_pack("{s:s}", "value", value));
  }
}

static void read_source(const struct compose_service *s) {
  const struct yml *build = yml_get(s->given, "build");
  const char *image = yml_text(yml_get(s->given, "image"));
  if (!yml_is_null(build)) {
    read_build(s, build);
    read_build_args(s, yml_get(build, "args"));
  } else if (image) {
    compose_put(s, "source", "image", json_string(image));
  } else {
    compose_refuse(s, s->given->line, "image: the service has neither an image nor a build");
  }
}

/* ---- how it runs ---- */

static void read_restart(const struct compose_service *s) {
  const struct yml *y = yml_get(s->given, "restart");
  const char *text = yml_text(y);
  long long retries;
  if (!text && y && y->kind == YML_SCALAR) text = y->text;
  if (str_empty(text)) return;
  const char *policy = str_eq(text, "always") || str_eq(text, "unless-stopped") ? "ALWAYS"
                       : str_starts(text, "on-failure")                        ? "ON_FAILURE"
                                                                                : "NEVER";
  compose_put(s, "deploy", "restartPolicyType", json_string(policy));
  if (str_starts(text, "on-failure:") && str_to_int(strchr(text, ':') + 1, 0, 1000000, &retries))
    compose_put(s, "deploy", "restartPolicyMaxRetries", json_integer(retries));
}

/* "512m", "1.5g", "1073741824"; 0 when it is none. */
static long long bytes_of(const char *text) {
  char *end;
  double number = strtod(text, &end);
  static const char units[] = "bkmgt";
  const char *unit = *end ? strchr(units, *end | 0x20) : units;
  if (end == text || !unit || !(number > 0 && number < 1e15)) return 0;
  for (const char *u = units; u < unit; u++) number *= 1024;
  return number < 1e15 ? (long long)number : 0;
}

static void put_limit(const struct compose_service *s, const char *key, json_t *value) {
  json_t *deploy = json_object_get(s->part, "deploy");
  if (!deploy) json_object_set_new(s->part, "deploy", deploy = json_object());
  json_t *limits = json_object_get(deploy, "limitOverride");
  if (!limits) json_object_set_new(deploy, "limitOverride", limits = json_pack("{s:{}}", "containers"));
  json_object_set_new(json_object_get(limits, "containers"), key, value);
}

static void read_limits(const struct compose_service *s, const char *memory, const char *cpus) {
  long long bytes = memory ? bytes_of(memory) : 0;
  double cores = cpus ? strtod(cpus, NULL) : 0;
  if (bytes > 0) put_limit(s, "memoryBytes", json_integer(bytes));
  if (cores > 0 && cores < 1e6) put_limit(s, "cpu", json_real(cores));
}

static void read_deploy(const struct compose_service *s) {
  const struct yml *deploy = yml_get(s->given, "deploy");
  const struct yml *limits = yml_get(yml_get(deploy, "resources"), "limits");
  const char *replicas = yml_text(yml_get(deploy, "replicas"));
  long long count;
  if (!replicas) replicas = yml_text(yml_get(s->given, "scale"));
  if (str_to_int(replicas, 1, 1000, &count)) compose_put(s, "deploy", "numReplicas", json_integer(count));
  read_limits(s, yml_text(yml_get(s->given, "mem_limit")), yml_text(yml_get(s->given, "cpus")));
  read_limits(s, yml_text(yml_get(limits, "memory")), yml_text(yml_get(limits, "cpus")));
}

/* "1m30s", "10s", "5": seconds; -1 when it is none. */
static long long seconds_of(const char *text) {
  double total = 0;
  for (char *end; *text; text = end) {
    double number = strtod(text, &end);
    if (end == text || !(number >= 0 && number < 1e6)) return -1;
    bool millis = str_starts(end, "ms");
    total += millis ? number / 1000 : *end == 'h' ? number * 3600 : *end == 'm' ? number * 60 : number;
    end += millis ? 2 : *end != '\0';
  }
  return (long long)(total + 0.999);
}

static void read_grace(const struct compose_service *s) {
  const char *text = yml_text(yml_get(s->given, "stop_grace_period"));
  long long seconds = text ? seconds_of(text) : 0;
  if (seconds > 0) compose_put(s, "deploy", "drainingSeconds", json_integer(seconds));
}

/* The order is known from what variables name; compose's word alone is not kept. */
static void read_dependencies(const struct compose_service *s) {
  const struct yml *needs = yml_get(s->given, "depends_on");
  auto_free char *variables = json_dumps(json_object_get(s->part, "variables"), JSON_ENCODE_ANY);
  for (size_t i = 0; needs && i < needs->len; i++) {
    const char *name = needs->kind == YML_MAP ? needs->items[i].key : yml_text(needs->items[i].value);
    if (name && !(variables && strstr(variables, name)))
      compose_note(s, "depends_on %s is left out: a service waits for those that its variables name, as in "
                      "http://%s.railway.internal", name, name);
  }
}

static err *read_service(struct compose_reading *reading, const struct yml_item *item) {
  json_t *services = json_object_get(reading->plan->patch, "services");
  struct compose_service s = {reading, item->key, item->value, json_pack("{s:b}", "isCreated", true)};
  json_object_set_new(services, item->key, s.part);
  if (s.given->kind != YML_MAP) {
    compose_refuse(&s, item->line, "it must be a map");
    return NULL;
  }
  auto_free char *label = label_from_name(item->key);
  if (!str_eq(label, item->key)) compose_note(&s, "its name on the private network is '%s'", label);
  compose_check_keys(&s);
  compose_check_volumes(&s);
  TRY(compose_read_environment(&s));
  read_source(&s);
  compose_read_command(&s);
  compose_read_ports(&s);
  compose_read_health(&s);
  read_restart(&s);
  read_deploy(&s);
  read_grace(&s);
  read_dependencies(&s);
  return NULL;
}

/* ---- the whole file ---- */

/* A named volume of compose's that is a folder of the host in disguise. */
static void check_named_volumes(struct compose_reading *reading, const struct yml *root) {
  const struct yml *volumes = yml_get(root, "volumes");
  for (size_t i = 0; volumes && volumes->kind == YML_MAP && i < volumes->len; i++) {
    const struct yml *options = yml_get(volumes->items[i].value, "driver_opts");
    if (!yml_is_null(options))
      strv_addf(&reading->refused, "%s, line %d: volumes.%s.driver_opts would mount what is the host's",
                reading->input->file, options->line, volumes->items[i].key);
  }
  const struct yml_item *include = yml_item(root, "include");
  if (include)
    strv_addf(&reading->refused, "%s, line %d: include is not available: import each file", reading->input->file,
              include->line);
}

static err *read_all(struct compose_reading *reading, struct yml *root) {
  const struct yml *services = yml_get(root, "services");
  auto_strv unset = STRV_EMPTY;
  if (!services || services->kind != YML_MAP || !services->len)
    return err_new(ERR_INVALID, "%s has no services: it is no compose file", reading->input->file);
  TRY(interpolate_all(root, reading->input, &unset));
  for (size_t i = 0; i < unset.len; i++)
    strv_addf(&reading->plan->notes, "the variable %s is not set: it is empty", unset.items[i]);
  check_named_volumes(reading, root);
  for (size_t i = 0; i < services->len; i++) TRY(read_service(reading, &services->items[i]));
  if (!reading->refused.len) return NULL;
  auto_free char *lines = strv_join(&reading->refused, "\n");
  return err_new(ERR_INVALID, "nothing was changed:\n%s", lines);
}

err *compose_read(struct yml *root, const struct compose_input *input, struct import_plan *ret_plan) {
  struct import_plan plan = {.patch = json_pack("{s:{}}", "services")};
  struct compose_reading reading = {.input = input, .plan = &plan};
  err *e = read_all(&reading, root);
  strv_done(&reading.refused);
  if (e) {
    import_plan_done(&plan);
    return e;
  }
  *ret_plan = plan;
  return NULL;
}
