/* The values of variables with their references resolved (reference 2.6; docs/variables.md says it to users).
 * Pure but for the `platform` function, which tells what the platform gives to a service.
 *
 * - A name is looked for among the service's own variables, then among those of the platform.
 * - A reference to what does not exist is empty, as with Railway, and noted: the other service may come later.
 * - A variable that refers to the TCP proxy of its own service is not there while the service has none.
 * - A near miss is resolved, and noted, when what it names exists; else it is text.
 * - What refers to itself, by whatever way, is ERR_INVALID and names the way: "api.A -> web.B -> api.A".
 * - Beyond the limits it is ERR_LIMIT.  No error and no note holds a value. */
#ifndef TRAMWAY_CORE_VARIABLE_REFERENCES_H
#define TRAMWAY_CORE_VARIABLE_REFERENCES_H

#include <jansson.h>

#include "base/str.h"
#include "core/reference_syntax.h"

#define REFERENCE_DEPTH_MAX 32
#define REFERENCE_COUNT_MAX 20000             /* of all values that are looked at for one service */
#define REFERENCE_TOTAL_BYTES_MAX (8 << 20)   /* of the same; one value has VARIABLE_VALUE_LEN_MAX */
#define REFERENCE_NOTES_MAX 50

struct reference_world {
  const struct service_list *services;
  const json_t *variables; /* {service id: {name: text}} as users wrote them; at "" the shared ones */
  const json_t *sealed;    /* {service id: {name: true}} */
  fallible (*platform)(void *arg, const struct service *service, const json_t **ret_variables); /* borrowed */
  void *arg;
};

struct resolved_variables {
  json_t *values;         /* {name: text} of the service's own variables */
  struct strv sealed;     /* those of them that are sealed, or hold the value of one that is */
  struct strv services;   /* ids of the other services whose variables are in them */
  struct strv unknown;    /* notes: references to what does not exist */
  struct strv unknown_in; /* for each of them the service's own variable that leads there */
  struct strv hints;      /* notes: near misses */
};
void resolved_variables_done(struct resolved_variables *resolved);
#define auto_resolved_variables __attribute__((cleanup(resolved_variables_done))) struct resolved_variables

/* Of the service with that id, or with "" of the shared variables. */
fallible references_resolve(const struct reference_world *world, const char *service_id,
                            struct resolved_variables *ret_resolved);

/* Adds the ids of the services with a variable that refers, directly or through others, to one of `names`
 * ({name: anything}) of that service; not its own id. */
void references_affected(const struct reference_world *world, const char *service_id, const json_t *names,
                         struct strv *ret_ids);

#endif
