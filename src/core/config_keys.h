/* The keys of railway.toml and railway.json (reference 2.5), and what Tramway does with each.
 *
 * Whatever is a setting of a service (model/service_settings.h) below "build." or "deploy." is a key
 * by itself; the table of config_keys.c holds the others.  docs/config-as-code.md lists them all;
 * tests/unit/core/config_file_test keeps it complete. */
#ifndef TRAMWAY_CORE_CONFIG_KEYS_H
#define TRAMWAY_CORE_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>

enum config_kind {
  CONFIG_UNKNOWN,
  CONFIG_SECTION,   /* a table of keys */
  CONFIG_SETTING,   /* of the service: service_settings_apply_json knows its type */
  CONFIG_VARIABLES, /* a table of names and texts, as guides have it; Railway passes it over */
  CONFIG_REGIONS,   /* {"us-west2": {"numReplicas": 2}} */
  CONFIG_TEXT,
  CONFIG_BOOL,
  CONFIG_NUMBER,
  CONFIG_OBJECT,
};

struct config_key {
  const char *path;
  enum config_kind kind;
  const char *idle; /* why it has no effect; NULL: it has one, or needs none */
};

/* What `path` ("deploy.startCommand", without an environment's block) is. */
enum config_kind config_key_find(const char *path, const struct config_key **ret_key);

/* The known key that `path` was probably meant to be, or NULL. */
const char *config_key_nearest(const char *path);

/* All of them, those of the settings first; false past the last. */
bool config_key_at(size_t i, struct config_key *ret_key);

#endif
