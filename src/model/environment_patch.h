/* A change of an environment's configuration: staged, being applied, or in the history (reference
 * section 1, "Changes are patches"). */
#ifndef TRAMWAY_MODEL_ENVIRONMENT_PATCH_H
#define TRAMWAY_MODEL_ENVIRONMENT_PATCH_H

#include "model/shape.h"

/* Railway's EnvironmentPatchStatus. */
enum environment_patch_status {
  PATCH_STAGED,    /* at most one of an environment */
  PATCH_APPLYING,  /* recorded; not all of its deployments are made yet */
  PATCH_COMMITTED,
};
MODEL_ENUM(environment_patch_status);

struct environment_patch {
  char id[ID_SIZE];
  char environment_id[ID_SIZE];
  enum environment_patch_status status;
  char *message;
  char *patch;      /* JSON (core/environment_patch.h): secret; in the history without sealed values */
  json_t *changes;  /* what it changed (core/environment_diff.h), without values of variables; NULL: staged */
  char creator_user_id[ID_SIZE]; /* who staged or committed it first; "" for a project token */
  char applied_user_id[ID_SIZE];
  char *last_applied_error;
  int64_t created_us, updated_us;
  int64_t applied_us; /* 0: staged */
};
MODEL_STRUCT(environment_patch);
#define auto_environment_patch MODEL_AUTO(environment_patch)
#define auto_environment_patch_list MODEL_AUTO(environment_patch_list)

#define COMMIT_MESSAGE_MAX 1000 /* characters */

#endif
