/* Projects and their environments (reference section 1). */
#ifndef TRAMWAY_MODEL_PROJECT_H
#define TRAMWAY_MODEL_PROJECT_H

#include "model/shape.h"

struct project {
  char id[ID_SIZE];
  char workspace_id[ID_SIZE];
  char *name; /* not unique */
  char *description;
  bool pr_deploys;                   /* pull requests get environments of their own … */
  char base_environment_id[ID_SIZE]; /* … made from this one; "": the oldest that is no such */
  bool focused_pr_environments; /* … in which only what changed is deployed, and what that needs */
  bool bot_pr_environments;     /* … also those that programs open */
  int64_t created_us, updated_us;
  int64_t deleted_us; /* not 0: being removed, no longer shown */
};
MODEL_STRUCT(project);
#define auto_project MODEL_AUTO(project)
#define auto_project_list MODEL_AUTO(project_list)

struct environment {
  char id[ID_SIZE];
  char project_id[ID_SIZE];
  char *name; /* unique in the project */
  bool is_ephemeral;
  char source_environment_id[ID_SIZE]; /* what it was duplicated from, or "" */
  json_t *meta; /* of a pull request: core/pull_request_meta.h (object or NULL) */
  int64_t created_us, updated_us;
  int64_t deleted_us;
};
MODEL_STRUCT(environment);
#define auto_environment MODEL_AUTO(environment)
#define auto_environment_list MODEL_AUTO(environment_list)

#define ENVIRONMENT_NAME_DEFAULT "production"

/* Names are counted in characters (Unicode code points), not bytes. */
#define PROJECT_NAME_MAX 64
#define ENVIRONMENT_NAME_MAX 64 /* scripts name them after branches */
#define DESCRIPTION_MAX 1000

/* ERR_INVALID, naming `what`, unless `name` is UTF-8 of 1 to `max` characters without control
 * characters and without a space at either end. */
fallible name_check(const char *what, const char *name, size_t max);

fallible project_name_check(const char *name);
fallible environment_name_check(const char *name); /* must also have a label: see below */

/* The DNS label of a name: ASCII letters and digits, lower-cased; every run of anything else
 * becomes one '-'; none at the ends; at most 63 bytes (RFC 1035, 2.3.4).  "My API" → "my-api".
 * The caller owns it; "" when the name has no letter or digit. */
char *label_from_name(const char *name);

#endif
