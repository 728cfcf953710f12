/* A Railway project's configuration (EnvironmentConfig as JSON: `railway environment config --json`, or
 * what `tram export` wrote) as a patch of another environment.  Pure. */
#ifndef TRAMWAY_CLI_RAILWAY_CONFIG_H
#define TRAMWAY_CLI_RAILWAY_CONFIG_H

#include "base/err.h"
#include "core/import_plan.h"

/* Services get the names that the document or `names` ({id: name}, may be NULL) gives their ids, else one
 * from their private name, repository or image.  Generated domains become ones of this installation.
 * Variables without a value (sealed, or of an export without secrets) and keys that Tramway does not have
 * are left out and noted.  ERR_INVALID: it is no such document. */
fallible railway_config_read(const json_t *document, const json_t *names, struct import_plan *ret_plan);

/* {id: name} of a document that lists services as {"id", "name"} somewhere, as `railway status --json`
 * prints it.  The caller owns it. */
json_t *railway_names_read(const json_t *status);

#endif
