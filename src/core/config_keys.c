#include "core/config_keys.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "model/service_settings.h"

/* clang-format off */
static const struct config_key others[] = {
  {"$schema",                       CONFIG_TEXT,      NULL},
  {"env",                           CONFIG_VARIABLES, NULL},
  {"build.env",                     CONFIG_VARIABLES, NULL},
  {"build.args",                    CONFIG_VARIABLES, NULL},
  {"build.nixpacksConfigPath",      CONFIG_TEXT,      NULL},
  {"build.nixpacksPlan",            CONFIG_OBJECT,    NULL},
  {"build.nixpacksVersion",         CONFIG_TEXT,      "the planner is Tramway's own"},
  {"build.railpackVersion",         CONFIG_TEXT,      "the planner is Tramway's own"},
  {"build.buildEnvironment",        CONFIG_TEXT,      "there is one kind of build"},
  {"build.buildContext",            CONFIG_TEXT,      "the context is the service's root directory"},
  {"deploy.multiRegionConfig",      CONFIG_REGIONS,   NULL},
  {"deploy.region",                 CONFIG_TEXT,      "everything runs on this machine"},
  {"deploy.cronSchedule",           CONFIG_TEXT,      "there are no schedules yet: the service runs all the time"},
  {"deploy.sleepApplication",       CONFIG_BOOL,      "services do not sleep yet"},
  {"deploy.ipv6EgressEnabled",      CONFIG_BOOL,      "the machine decides it for all services"},
  {"deploy.limitOverride.containers.diskBytes", CONFIG_NUMBER, "disk space is not limited per service yet"},
  {"deploy.registryCredentials",    CONFIG_OBJECT,    NULL},
  {"deploy.runtime",                CONFIG_TEXT,      "there is one runtime"},
  {"deploy.useLegacyStacker",       CONFIG_BOOL,      "there is one runtime"},
};
/* clang-format on */

/* Of the settings: a file cannot say where it comes from itself. */
static bool is_of_a_file(const char *path) {
  return str_starts(path, "build.") || str_starts(path, "deploy.");
}

bool config_key_at(size_t i, struct config_key *ret_key) {
  for (size_t k = 0; k < service_settings_count(); k++) {
    const char *path = service_settings_path(k);
    if (!is_of_a_file(path)) continue;
    *ret_key = (struct config_key){path, CONFIG_SETTING, NULL};
    if (i-- == 0) return true;
  }
  if (i >= ARRAY_LEN(others)) return false;
  *ret_key = others[i];
  return true;
}

static bool is_inside(const char *path, const char *section) {
  size_t len = strlen(section);
  return strncmp(path, section, len) == 0 && path[len] == '.';
}

static bool is_section(const char *path) {
  struct config_key key;
  for (size_t i = 0; config_key_at(i, &key); i++)
    if (is_inside(key.path, path)) return true;
  return false;
}

enum config_kind config_key_find(const char *path, const struct config_key **ret_key) {
  *ret_key = NULL;
  if (is_of_a_file(path) && service_settings_known_key(path)) return CONFIG_SETTING;
  for (size_t i = 0; i < ARRAY_LEN(others); i++) {
    if (!str_eq(others[i].path, path)) continue;
    *ret_key = &others[i];
    return others[i].kind;
  }
  return is_section(path) ? CONFIG_SECTION : CONFIG_UNKNOWN;
}

static const char *last_part(const char *path) {
  const char *dot = strrchr(path, '.');
  return dot ? dot + 1 : path;
}

/* A key in the wrong place or letter case is that key; otherwise few letters may differ. */
static size_t distance(const char *path, const char *known) {
  return str_ieq(last_part(path), last_part(known)) ? 0 : str_distance(path, known);
}

const char *config_key_nearest(const char *path) {
  static const char *const sections[] = {"build", "deploy", "environments"};
  const char *best = NULL;
  size_t least = strlen(path) / 4 + 1;
  struct config_key key;
  for (size_t i = 0; config_key_at(i, &key); i++) {
    size_t d = distance(path, key.path);
    if (d >= least) continue;
    least = d;
    best = key.path;
  }
  for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
    size_t d = distance(path, sections[i]);
    if (d >= least) continue;
    least = d;
    best = sections[i];
  }
  return best;
}
