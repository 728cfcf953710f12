/* Environments: empty ones, and copies of others (reference 2.2). */
#ifndef TRAMWAY_CORE_DUPLICATE_H
#define TRAMWAY_CORE_DUPLICATE_H

#include "core/core.h"

struct duplication {
  const char *project_id, *name;
  const char *source_id; /* NULL or "": an empty environment */
  bool is_ephemeral;
  const json_t *meta;     /* of a pull request; NULL: none */
  bool without_variables; /* the copy is for strangers */
  /* Called with each instance's settings before they are stored; NULL: they are as the source's. */
  void (*adapt)(void *arg, struct service_settings *settings);
  void *arg;
};

/* An instance of every service, or of those that are in the source: with its settings, its variables but
 * the sealed ones, and a generated domain where it has one.  All or nothing.  ERR_NOT_FOUND: the source is in another
 * project. */
fallible duplicate_environment(core *c, const struct duplication *how, struct environment *ret_environment);

/* An instance of the service in the environment.  `settings` NULL: the defaults. */
fallible add_instance(core *c, const struct service *s, const char *environment_id,
                      const struct service_settings *settings, struct service_instance *ret_instance);

/* The instance's own variables for another service of its environment; sealed ones only where Tramway makes the same
 * thing again. */
fallible duplicate_variables(core *c, const struct service_instance *from, const char *service_id, bool with_sealed);

#endif
