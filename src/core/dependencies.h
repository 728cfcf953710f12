/* What a service needs before it can start: the services of its environment that its variables name.
 *
 * Pure.  Railway knows dependencies from reference variables (reference 2.2, deploy ordering); an
 * address on the private network says the same thing, so it counts too. */
#ifndef TRAMWAY_CORE_DEPENDENCIES_H
#define TRAMWAY_CORE_DEPENDENCIES_H

#include <jansson.h>

#include "base/str.h"
#include "model/service.h"

/* Adds the ids of the `services` that a value of `variables` ({name: text}) names, `self_id` left
 * out, each once, in the order of `services`:
 *   ${{Name.VAR}} and near misses     by name or label (core/reference_syntax)
 *   label.railway.internal            as a whole name
 *   scheme://…@label:port/…           as a URL's host, also one of several (mongodb://a:1,b:2) */
void dependencies_find(const json_t *variables, const char *self_id, const struct service_list *services,
                       struct strv *ret_ids);

#endif
