/* Variables with what their references need; core/variable_references resolves them.  Inside core/ only. */
#ifndef TRAMWAY_CORE_VARIABLES_H
#define TRAMWAY_CORE_VARIABLES_H

#include "core/core.h"
#include "core/variable_references.h"
#include "model/domain.h"
#include "model/project.h"
#include "store/domain.h"
#include "store/project.h"

/* An environment as references see it.  Begin with {0}. */
struct world {
  core *core;
  struct project project;
  struct environment environment;
  struct service_list services;
  struct service_list namespaces; /* what references may name: the services, and buckets as if they were some; loaded
                                     with the variables */
  struct domain_list domains;
  struct tcp_proxy_list tcp_proxies;
  json_t *variables, *sealed; /* as in struct reference_world; NULL until they are loaded */
  json_t *platforms;          /* {service id: RAILWAY_*}, as far as asked for */
};
fallible world_load(core *c, const char *environment_id, struct world *w);
fallible world_load_variables(struct world *w); /* what references look into; again after a change */
struct reference_world world_of_references(struct world *w); /* points into `w` */
void world_done(struct world *w);
#define auto_world __attribute__((cleanup(world_done))) struct world

/* {name: value} of the user's variables of an instance as they are now, references not resolved. */
fallible variables_of_user(core *c, const struct service_instance *instance, json_t **ret_variables);

/* Resolves the references in the deployment's variables, once: records the values, the services that are in them
 * and the settings that control variables stand for, and says in its build log what was not found.  After this they
 * do not change any more, whatever is set. */
fallible variables_settle(core *c, struct deployment *d);

/* {name: value} of everything its instances and its build get: the user's (resolved once it is settled) and
 * RAILWAY_*. */
fallible variables_of_deployment(core *c, const struct deployment *d, json_t **ret_variables);

/* The services that its variables name, by reference or address: ids. */
fallible variables_dependencies(core *c, const struct deployment *d, const struct service_list *services,
                                struct strv *ret_ids);

#endif
