/* What makes one environment like another, as a patch (core/environment_patch.h).  Pure.
 *
 * Services come, change and go; their settings and variables become the other's.  Left as they are:
 *   - domains; a service that comes gets a generated one when it has one there
 *   - the branch (and commit) of a service that deploys the same repository in both: that is what makes
 *     environments differ
 *   - sealed variables: the other's are handed on to nobody, and the own are not replaced */
#ifndef TRAMWAY_CORE_ENVIRONMENT_SYNC_H
#define TRAMWAY_CORE_ENVIRONMENT_SYNC_H

#include <jansson.h>

/* Both are whole documents (core/environment_config.h) of one project.  {} when nothing differs.  The caller
 * owns it; it holds values of variables. */
json_t *environment_sync_patch(const json_t *from, const json_t *to);

#endif
