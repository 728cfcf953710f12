#include "build/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "build/image_inspect.h"
#include "build/provider.h"

static const struct provider *const providers[] = {&provider_go,     &provider_python, &provider_node,
                                                   &provider_static, &provider_shell,  &provider_procfile};

/* --- overrides --- */

/* Replaces `list` by `commands` (a text or an array of texts or {cmd}); "..." stands for what was
 * there, as in nixpacks.toml and railpack.json. */
static void override_list(struct strv *list, const json_t *commands) {
  if (!commands || json_is_null(commands)) return;
  auto_strv detected = *list;
  *list = STRV_EMPTY;
  if (json_is_string(commands)) strv_add(list, json_string_value(commands));
  for (size_t i = 0; i < json_array_size(commands); i++) {
    const json_t *item = json_array_get(commands, i);
    const char *text = json_is_object(item) ? json_get_text(item, "cmd") : json_string_value(item);
    if (str_eq(text, "..."))
      strv_add_all(list, (const char *const *)detected.items);
    else if (!str_empty(text))
      strv_add(list, text);
  }
}

static const json_t *at(const json_t *object, const char *a, const char *b, const char *c) {
  const json_t *value = json_object_get(object, a);
  if (b) value = json_object_get(value, b);
  return c ? json_object_get(value, c) : value;
}

static void set_list(struct strv *list, const char *command) {
  if (str_empty(command)) return;
  strv_done(list);
  *list = STRV_EMPTY;
  strv_add(list, command);
}

static void override_start(struct draft *d, const char *start, const char *where) {
  if (str_empty(start)) return;
  draft_set(&d->start, "%s", start);
  draft_note(d, "start command from %s", where);
}

/* The weakest first. */
static void apply_overrides(struct draft *d) {
  override_list(&d->installs, at(d->nixpacks, "phases", "install", "cmds"));
  override_list(&d->builds, at(d->nixpacks, "phases", "build", "cmds"));
  override_list(&d->installs, at(d->railpack, "steps", "install", "commands"));
  override_list(&d->builds, at(d->railpack, "steps", "build", "commands"));
  set_list(&d->installs, draft_setting(d, "INSTALL_CMD"));
  set_list(&d->builds, draft_setting(d, "BUILD_CMD"));
  set_list(&d->builds, d->request->build_command);
  auto_free char *procfile = procfile_command(d->source, NULL);
  override_start(d, procfile, "Procfile");
  override_start(d, json_string_value(at(d->nixpacks, "start", "cmd", NULL)), "nixpacks configuration");
  override_start(d, json_string_value(at(d->railpack, "deploy", "startCommand", NULL)), "railpack.json");
  override_start(d, draft_setting(d, "START_CMD"), "a START_CMD variable");
  override_start(d, d->request->start_command, "the service's settings");
}

/* --- Dockerfile --- */

static void add_word_list(struct strv *packages, const char *words) {
  auto_free char *copy = str_dup(words ? words : "");
  for (char *save, *word = strtok_r(copy, " ,\t\n", &save); word; word = strtok_r(NULL, " ,\t\n", &save))
    if (!strv_has(packages, word)) strv_add(packages, word);
}

static void add_json_list(struct strv *packages, const json_t *array) {
  for (size_t i = 0; i < json_array_size(array); i++) {
    const char *text = json_string_value(json_array_get(array, i));
    if (text && !str_eq(text, "...") && !strv_has(packages, text)) strv_add(packages, text);
  }
}

static void write_packages(const struct draft *d, struct str *out) {
  auto_strv packages = STRV_EMPTY;
  static const char *const names[] = {"BUILD_APT_PACKAGES", "DEPLOY_APT_PACKAGES", "APT_PKGS"};
  for (size_t i = 0; i < ARRAY_LEN(names); i++) add_word_list(&packages, draft_setting(d, names[i]));
  add_json_list(&packages, at(d->nixpacks, "phases", "setup", "aptPkgs"));
  add_json_list(&packages, at(d->nixpacks, "aptPkgs", NULL, NULL));
  add_json_list(&packages, at(d->railpack, "buildAptPackages", NULL, NULL));
  add_json_list(&packages, at(d->railpack, "deploy", "aptPackages", NULL));
  if (!packages.len) return;
  str_add(out, "RUN apt-get update && apt-get install -y --no-install-recommends");
  for (size_t i = 0; i < packages.len; i++) {
    str_add_char(out, ' ');
    shell_quote(out, packages.items[i]);
  }
  str_add(out, " && rm -rf /var/lib/apt/lists/*\n");
}

static void write_variables(const struct draft *d, struct str *out) {
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)at(d->nixpacks, "variables", NULL, NULL), name, value) {
    if (!json_is_string(value)) continue;
    str_addf(out, "ENV %s=", name);
    json_quote(out, json_string_value(value));
    str_add_char(out, '\n');
  }
}

/* Lines of its own would end the instruction; the exec form keeps them. */
static void write_command(struct str *out, const char *command) {
  if (!strchr(command, '\n') && !strstr(command, "<<")) {
    str_addf(out, "%s\n", command);
    return;
  }
  str_add(out, "[\"/bin/sh\", \"-c\", ");
  json_quote(out, command);
  str_add(out, "]\n");
}

static void write_runs(const struct draft *d, struct str *out, const struct strv *commands) {
  for (size_t i = 0; i < commands->len; i++) {
    str_add(out, "RUN ");
    for (size_t k = 0; k < d->caches.len; k++)
      str_addf(out, "--mount=type=cache,id=s/%s-%s,target=%s ", d->request->service_id, d->caches.items[k],
               d->caches.items[k]);
    write_command(out, commands->items[i]);
  }
}

static void write_install(const struct draft *d, struct str *out) {
  bool some = d->install_files.len && d->installs.len;
  if (some) {
    str_add(out, "# What decides the dependencies comes first: as long as it stays the same, so does their layer.\nCOPY");
    for (size_t i = 0; i < d->install_files.len; i++) str_addf(out, " %s", d->install_files.items[i]);
    str_add(out, " ./\n");
  } else {
    str_add(out, "COPY . .\n");
  }
  write_runs(d, out, &d->installs);
  if (some) str_add(out, "COPY . .\n");
}

static void write_start(const struct draft *d, const struct provider *p, struct str *out) {
  str_addf(out, "LABEL " IMAGE_PLANNER_LABEL "=%s\n", p->name);
  str_add(out, "CMD [\"/bin/sh\", \"-c\", ");
  json_quote(out, d->start);
  str_add(out, "]\n");
}

static char *write_dockerfile(const struct draft *d, const struct provider *p) {
  auto_str out = STR_EMPTY;
  str_addf(&out, "# Written by Tramway's planner (%s). A Dockerfile of your own takes its place.\n", p->name);
  str_addf(&out, "FROM %s%s\n", d->image, d->final && strstr(d->final, "FROM ") ? " AS build" : "");
  str_add(&out, "WORKDIR /app\n");
  str_add(&out, d->setup);
  write_variables(d, &out);
  write_packages(d, &out);
  bool copied_by_final = d->static_site && !strstr(d->final, "FROM ");
  if (!copied_by_final) write_install(d, &out);
  if (d->builds.len) {
    str_add(&out, "# The service's variables are in the environment of these commands, but not in the image;\n"
                  "# this argument is their hash, so that a change of one builds again.\nARG TRAMWAY_VARIABLES\n");
    write_runs(d, &out, &d->builds);
  }
  str_add(&out, d->final);
  if (!d->static_site) write_start(d, p, &out);
  return str_take(&out);
}

/* --- making it --- */

static err *nothing_matched(const struct draft *d) {
  auto_str looked = STR_EMPTY;
  for (size_t i = 0; i < ARRAY_LEN(providers); i++)
    str_addf(&looked, "%s%s", i ? "; " : "", providers[i]->looks_for);
  auto_strv names = STRV_EMPTY;
  d->source->list(d->source->arg, "", &names);
  auto_str found = STR_EMPTY;
  for (size_t i = 0; i < names.len && i < 20; i++) str_addf(&found, "%s%s", i ? ", " : "", names.items[i]);
  if (names.len > 20) str_addf(&found, " and %zu more", names.len - 20);
  return err_new(ERR_NOT_FOUND, "no Dockerfile and nothing the planner knows. Looked for: %s. Found: %s. "
                 "Add a Dockerfile, or a start.sh, or set the root directory to the folder of the app",
                 str_text(&looked), found.len ? str_text(&found) : "(an empty folder)");
}

static err *no_start(const struct provider *p) {
  return err_new(ERR_INVALID, "nothing says how to start this %s app: set a start command, or add a Procfile "
                 "with a line 'web: <command>'%s", p->name,
                 str_eq(p->name, "node") ? ", or a \"start\" script in package.json" : "");
}

static void draft_done(struct draft *d) {
  json_decref(d->nixpacks);
  json_decref(d->railpack);
  strv_done(&d->notes);
  strv_done(&d->install_files);
  strv_done(&d->installs);
  strv_done(&d->builds);
  strv_done(&d->caches);
  free(d->image);
  free(d->setup);
  free(d->start);
  free(d->final);
}

static err *finish(struct draft *d, const struct provider *p, struct plan *ret_plan) {
  TRY(p->fill(d));
  apply_overrides(d);
  if (!*d->start && !d->static_site) return no_start(p);
  char *release = procfile_command(d->source, "release");
  if (release) draft_note(d, "Procfile has a release command, for before the deploy: %s", release);
  *ret_plan = (struct plan){
      .provider = str_dup(p->name),
      .dockerfile = write_dockerfile(d, p),
      .start_command = str_dup(d->static_site ? "" : d->start),
      .release = release ? release : str_dup(""),
      .notes = d->notes,
  };
  d->notes = STRV_EMPTY;
  return NULL;
}

err *plan_make(const struct plan_request *request, struct plan *ret_plan) {
  struct draft d = {
      .request = request,
      .source = request->source,
      .image = str_dup(""),
      .setup = str_dup(""),
      .start = str_dup(""),
      .final = str_dup(""),
  };
  err *e = draft_read_configuration(&d);
  const struct provider *found = NULL;
  bool go = !e && provider_go.detect(&d); /* first in both orders */
  if (!e && !go && str_ieq(request->builder, "NIXPACKS") && provider_node.detect(&d)) found = &provider_node;
  for (size_t i = 0; !e && i < ARRAY_LEN(providers) && !found; i++)
    if (providers[i]->detect(&d)) found = providers[i];
  if (!e) e = found ? finish(&d, found, ret_plan) : nothing_matched(&d);
  draft_done(&d);
  return e;
}

void plan_done(struct plan *plan) {
  free(plan->provider);
  free(plan->dockerfile);
  free(plan->start_command);
  free(plan->release);
  strv_done(&plan->notes);
  *plan = (struct plan){0};
}

char *plan_print(const struct plan *plan) {
  auto_str out = STR_EMPTY;
  str_addf(&out, "provider  %s\n", plan->provider);
  for (size_t i = 0; i < plan->notes.len; i++)
    str_addf(&out, "%-9s %s\n", i ? "" : "because", plan->notes.items[i]);
  if (*plan->start_command) str_addf(&out, "start     %s\n", plan->start_command);
  if (*plan->release) str_addf(&out, "release   %s\n", plan->release);
  str_addf(&out, "\n%s", plan->dockerfile);
  return str_take(&out);
}
