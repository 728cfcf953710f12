/* The configuration files of Nixpacks and Railpack: what the planner takes from them, and what not. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "build/provider.h"

enum { UNUSED_NOTES_MAX = 10 };

/* What plan.c uses; or what needs no word, since it changes nothing here. */
/* clang-format off */
static const char *const of_nixpacks[] = {
  "start.cmd", "variables", "aptPkgs", "phases.setup.aptPkgs", "phases.setup.nixPkgs", "phases.install.cmds",
  "phases.build.cmds", "phases.install.dependsOn", "phases.build.dependsOn", "phases.install.cacheDirectories",
  "phases.build.cacheDirectories",
};
static const char *const of_railpack[] = {
  "$schema", "deploy.startCommand", "deploy.aptPackages", "buildAptPackages", "steps.install.commands",
  "steps.build.commands",
};
/* clang-format on */

static bool is_part_of(const char *known, const char *path) {
  size_t len = strlen(path);
  return strncmp(known, path, len) == 0 && known[len] == '.';
}

struct walk {
  struct draft *draft;
  const char *file;
  const char *const *known;
  size_t known_count;
  int noted;
};

static void note_unused(struct walk *w, const json_t *object, const char *prefix);

static void look_at(struct walk *w, const char *path, const json_t *value) {
  bool holds_known = false;
  for (size_t i = 0; i < w->known_count; i++) {
    if (str_eq(w->known[i], path)) return;
    holds_known = holds_known || is_part_of(w->known[i], path);
  }
  if (holds_known && json_is_object(value))
    note_unused(w, value, path);
  else if (w->noted++ < UNUSED_NOTES_MAX)
    draft_note(w->draft, "%s: '%s' is not used", w->file, path);
}

static void note_unused(struct walk *w, const json_t *object, const char *prefix) {
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)object, key, value) {
    auto_free char *path = *prefix ? str_format("%s.%s", prefix, key) : str_dup(key);
    look_at(w, path, value);
  }
}

static err *read_nixpacks(struct draft *d) {
  const char *named = draft_variable(d, "NIXPACKS_CONFIG_FILE");
  const char *files[] = {named ? source_path(named) : NULL, "nixpacks.toml", "nixpacks.json"};
  struct walk w = {.draft = d, .known = of_nixpacks, .known_count = ARRAY_LEN(of_nixpacks)};
  for (size_t i = 0; i < ARRAY_LEN(files) && !d->nixpacks; i++) {
    if (files[i]) TRY(draft_read_object(d, files[i], &d->nixpacks));
    w.file = files[i];
  }
  const char *plan = draft_variable(d, "NIXPACKS_PLAN");
  auto_json *given = NULL;
  if (plan) TRY(json_parse(plan, strlen(plan), "the Nixpacks plan", &given));
  if (given && !json_is_object(given)) return err_new(ERR_INVALID, "the Nixpacks plan: expected an object");
  if (given && !d->nixpacks) w.file = "the Nixpacks plan";
  if (given && !d->nixpacks) d->nixpacks = json_object();
  if (given) {
    json_t *merged = json_deep_copy(d->nixpacks); /* a TOML document's own is not to be changed */
    json_object_update_recursive(merged, given);
    json_decref(d->nixpacks);
    d->nixpacks = merged;
  }
  note_unused(&w, d->nixpacks, "");
  return NULL;
}

static err *read_railpack(struct draft *d) {
  const char *named = draft_variable(d, "RAILPACK_CONFIG_FILE");
  struct walk w = {.draft = d, .file = named ? source_path(named) : "railpack.json", .known = of_railpack,
                   .known_count = ARRAY_LEN(of_railpack)};
  TRY(draft_read_object(d, w.file, &d->railpack));
  note_unused(&w, d->railpack, "");
  return NULL;
}

err *draft_read_configuration(struct draft *d) {
  TRY(read_nixpacks(d));
  TRY(read_railpack(d));
  const json_t *setup = json_object_get(json_object_get(d->nixpacks, "phases"), "setup");
  if (json_object_get(setup, "nixPkgs"))
    draft_note(d, "nixPkgs are not used: name Debian packages in phases.setup.aptPkgs");
  if (draft_setting(d, "PACKAGES"))
    draft_note(d, "RAILPACK_PACKAGES is not used: name Debian packages in RAILPACK_BUILD_APT_PACKAGES");
  return NULL;
}
