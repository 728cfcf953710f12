/* A patch: a part of the document of an environment (core/environment_config.h) that says what shall
 * change.  What it does not name stays; null at a setting is its default, null at a variable or domain
 * deletes it.  Pure.
 *
 *   {"services": {<id or name>: {"isCreated": true, "name": "web", …} | {"isDeleted": true} | {…}},
 *    "volumes": …, as core/environment_volumes.h says, and "buckets": …, as core/environment_buckets.h does,
 *    "sharedVariables": {"KEY": {"value": "…", "isSealed": true} | "…" | null}}
 *
 * A key of "services" that is no id is a name.  At a variable, text stands for {"value": text}; without a
 * value it keeps the one it has.  At networking.serviceDomains the host "<hasDomain>" stands for the
 * service's generated domain, which it gets when it has none.  At networking.tcpProxies {} keeps the allow list that
 * a proxy has. */
#ifndef TRAMWAY_CORE_ENVIRONMENT_PATCH_H
#define TRAMWAY_CORE_ENVIRONMENT_PATCH_H

#include "core/environment_config.h"

#define HAS_DOMAIN "<hasDomain>"
#define PATCH_BYTES_MAX (1 << 20) /* as compact JSON */
#define PATCH_SERVICES_MAX 200
#define PATCH_VARIABLES_MAX 1000 /* of one service, or shared */

/* What somebody sent, in the one form that the functions below take: services by id, new ones with
 * isCreated and name, every value checked.  It may name services that `staged` (or NULL) makes.  ERR_INVALID says what is wrong with which key, also "not
 * available in Tramway yet: …"; ERR_NOT_FOUND: a service that is not there; ERR_LIMIT.  The caller owns it. */
fallible environment_patch_read(const struct environment_rows *rows, const json_t *staged, const json_t *input,
                                json_t **ret_patch);

/* The document after the patch.  ERR_CONFLICT: it names a service that is no longer there; ERR_INVALID:
 * the settings make no sense together.  The caller owns it. */
fallible environment_patch_apply(const json_t *config, const json_t *patch, json_t **ret_config);

/* `patch`, and then `more`, as one.  The caller owns it. */
json_t *environment_patch_merge(const json_t *patch, const json_t *more);

/* Takes out of `patch` what is at that path: a change's service and path ("<service>.variables.KEY"), or
 * a beginning of it.  The service by id or by its name in `patch` or `rows`.  ERR_NOT_FOUND. */
fallible environment_patch_discard(json_t *patch, const struct environment_rows *rows, const char *path);

/* Takes the values of what is sealed, in the patch or in `config`, and passwords out of it: for the history. */
void environment_patch_forget_sealed(json_t *patch, const json_t *config);

#endif
