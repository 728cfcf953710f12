/* Desired workloads as files: <dir>/<id>.json, readable by root only.  Their variables are encrypted with
 * the installation's key (NULL, in tests: in clear).  Written whole and synced, so that what engine_apply
 * accepted survives a power loss. */
#ifndef TRAMWAY_ENGINE_LOCAL_WORKLOAD_FILE_H
#define TRAMWAY_ENGINE_LOCAL_WORKLOAD_FILE_H

#include "base/err.h"
#include "base/json.h"
#include "base/vault.h"
#include "engine/engine.h"

/* A copy that owns all its texts. */
struct workload *workload_dup(const struct workload *w);
void workload_free(struct workload *w); /* only what workload_dup or workload_from_json made */

json_t *workload_to_json(const struct workload *w); /* the caller owns it */
fallible workload_from_json(const json_t *object, struct workload **ret_workload);

fallible workload_save(const char *dir, const struct workload *w, const vault *v);
fallible workload_save_fast(const char *dir, const struct workload *w, const vault *v); /* may be lost with the power */
fallible workload_delete(const char *dir, const char *workload_id);

/* Calls fn for every file; fn owns the workload.  A file that cannot be read is logged and left
 * where it is: one bad file must not keep the others from running. */
typedef void workload_loaded_fn(void *arg, struct workload *w);
fallible workload_load_all(const char *dir, const vault *v, workload_loaded_fn *fn, void *arg);

/* Writes anew what is in clear, or encrypted with an older key. */
fallible workload_reseal_all(const char *dir, const vault *v);

#endif
