/* railway.toml and railway.json: settings as code (reference 2.5).  Pure: text in, settings out.
 *
 * What a file says goes over the service's settings, for the deployment that it came with and no
 * longer.  From the strongest: the environment's own block, for an ephemeral environment then the
 * block "pr" and the block of the environment it was made from, then what stands outside of blocks.
 * null sets the default.
 *
 * Words may have any letter case, numbers may be text.  A key that nobody knows is a warning with its
 * line and the key that was probably meant; a wrong type or value is an error with its line.  What
 * Tramway cannot do is said in one warning. */
#ifndef TRAMWAY_CORE_CONFIG_FILE_H
#define TRAMWAY_CORE_CONFIG_FILE_H

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"
#include "build/source_view.h"
#include "model/service_settings.h"

#define CONFIG_FILE_BYTES_MAX (256 * 1024)
#define CONFIG_WARNINGS_MAX 20

/* "railway.toml", else "railway.json", whichever is in the folder; NULL: neither. */
const char *config_file_in(const struct source_view *folder);

struct config_source {
  const char *path; /* "backend/railway.toml", for messages; what does not end in .json is TOML */
  const char *text;
  size_t len;
  const char *environment;      /* its name; NULL: none, so no block applies */
  bool is_ephemeral;            /* of a pull request */
  const char *base_environment; /* the name of the one that an ephemeral one was made from, or NULL */
};

/* What it said, besides the settings.  All owned. */
struct config_result {
  json_t *manifest;  /* {"build": {…}, "deploy": {…}}: the settings that it made (Railway's fileServiceManifest) */
  json_t *mapping;   /* {"deploy.startCommand": "$.environments.staging.deploy.startCommand"}: where */
  json_t *variables; /* [env]: {name: text}; the service's own variables win over them */
  json_t *build_variables; /* [build.env] and [build.args], for the build only */
  struct strv warnings;
  json_t *registry; /* deploy.registryCredentials: {"username", "password"}, in no other part; or NULL.  A secret */
};

/* Changes `settings` (initialised).  ERR_INVALID, or ERR_LIMIT for a file that is too long: the
 * message begins with the path; `settings` may then be partly changed. */
fallible config_file_apply(const struct config_source *source, struct service_settings *settings,
                           struct config_result *ret_result);
void config_result_done(struct config_result *result);
#define auto_config_result __attribute__((cleanup(config_result_done))) struct config_result

#endif
