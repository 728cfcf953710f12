/* Templates: services, their variables and volumes made from one document, Railway's serializedConfig:
 *
 *   {"services": {<any key>: {"name": "Postgres", "source": {"image": …}, "deploy": {…}, "build": {…}, "networking": {…},
 *       "variables": {"KEY": {"defaultValue": "…", "value": "…", "isOptional": true} | "…"},
 *       "volumeMounts": {<any key>: {"mountPath": "/data", "sizeMB": 5000}}}}}
 *
 * Of a variable the value counts, else the default; functions in it (${{secret(32)}}) are evaluated when it is set.  A
 * name that is taken gets a number ("Postgres-2"), and references within the template follow it.
 *
 * The catalogue is in src/core/templates/, a file per template, and compiled in. */
#ifndef TRAMWAY_CORE_TEMPLATE_H
#define TRAMWAY_CORE_TEMPLATE_H

#include "core/core.h"

#define TEMPLATE_SERVICES_MAX 20

/* Every template of the catalogue, as in its file: code, id, name, description, category, tags, readme, createdAt,
 * serializedConfig.  The caller owns it. */
json_t *template_catalogue(void);

/* By its code, or by its id.  ERR_NOT_FOUND names those that there are.  The caller owns it. */
fallible template_find(const char *code_or_id, json_t **ret_template);

/* What becomes of a serializedConfig: a patch (core/environment_patch.h) that makes its services and volumes under new
 * ids.  Pure.  `present`: the services of the project, whose names are taken.  ERR_INVALID: what is wrong with it, also
 * a variable that needs a value.  The caller owns it. */
fallible template_patch(const json_t *config, const struct service_list *present, json_t **ret_patch);

struct core_template_deploy {
  const char *environment_id;
  const json_t *config;
  const char *template_name; /* for the history of the environment */
  const char *user_id;       /* "" for a project token */
  bool is_admin;             /* may read repositories on this machine */
};

/* Makes it all in one transaction, or nothing; then deploys, as core_patch_commit does.  `ret_services`: their ids. */
fallible core_template_deploy(core *c, const struct core_template_deploy *request, char ret_patch_id[ID_SIZE],
                              struct strv *ret_services);

#endif
