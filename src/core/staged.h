/* Changes of an environment's configuration, as patches (core/environment_patch.h): staged, looked at,
 * committed in one transaction, then deployed.
 *
 * Documents and patches hold secrets: what leaves goes through environment_config_told. */
#ifndef TRAMWAY_CORE_STAGED_H
#define TRAMWAY_CORE_STAGED_H

#include "core/core.h"
#include "core/environment_config.h"
#include "model/environment_patch.h"

/* The environment as it is: rows, and the document made of them. */
struct environment_state {
  struct environment_rows rows;
  json_t *config;
};
fallible environment_state_load(core *c, const char *environment_id, struct environment_state *ret_state);
void environment_state_done(struct environment_state *state);
#define auto_environment_state __attribute__((cleanup(environment_state_done))) struct environment_state

/* The document after the patch, as environment_patch_apply says; one that brings the first bucket brings its storage
 * service, too.  The caller owns it. */
fallible environment_state_after(const struct environment_state *state, const json_t *patch, json_t **ret_config);

/* What guards against somebody else's change in between: of the configuration, and of `patch` (JSON text,
 * or NULL) on it.  Good until it changes or tramd ends. */
void core_config_etag(const core *c, const json_t *config, const char *patch, char ret_etag[SHA256_HEX_SIZE]);

/* The staged patch; its id is "" when nothing is staged. */
fallible core_staged(core *c, const char *environment_id, struct environment_patch *ret_patch);

/* Stages `input`, in addition to what is staged with `merge`, else in its place.  The result can be
 * committed now, else it is refused as environment_patch_read and _apply do.  When it changes nothing any
 * more, nothing is staged. */
fallible core_stage(core *c, const char *environment_id, const json_t *input, bool merge, const char *user_id,
                    struct environment_patch *ret_patch);

/* Discards what is staged at these paths (texts), or with NULL all of it. */
fallible core_unstage(core *c, const char *environment_id, const json_t *paths, struct environment_patch *ret_patch);

/* What a patch changes: of a staged one against the configuration of now, of another as it was recorded,
 * without the values of variables.  As environment_diff_json; the caller owns it. */
fallible core_patch_changes(core *c, const struct environment_patch *p, bool values, json_t **ret_changes);

/* A patch as it was sent, read as core_stage reads it, but neither staged nor recorded. */
fallible core_patch_preview(core *c, const char *environment_id, const json_t *input,
                            struct environment_patch *ret_patch);

#define PATCHES_KEPT 200 /* committed ones of an environment: its history */

struct core_patch_commit {
  const char *environment_id;
  const json_t *patch;  /* as it was sent; NULL: what is staged */
  const char *message;  /* or NULL */
  const char *user_id;  /* "" for a project token */
  const char *etag;     /* ERR_CONFLICT when it is another one now; NULL: whatever it is */
  bool skip_deploys;
  bool is_admin;        /* may delete services, and read repositories on this machine */
};

/* Records all of it in one transaction, or nothing.  What is affected is then deployed, each service once,
 * those that others need first; also when tramd ends in between.  ERR_NOT_FOUND: nothing is staged. */
fallible core_patch_commit(core *c, const struct core_patch_commit *request, char ret_patch_id[ID_SIZE]);

#endif
