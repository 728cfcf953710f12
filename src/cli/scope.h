/* What a verb is about: which project, environment and service.  In this order, per part: the flags
 * --project, --environment, --service; RAILWAY_TOKEN (it belongs to one environment); the variables
 * RAILWAY_PROJECT_ID, …; the folder's link; and where only one can be meant, that one. */
#ifndef TRAMWAY_CLI_SCOPE_H
#define TRAMWAY_CLI_SCOPE_H

#include "base/err.h"
#include "base/str.h"
#include "cli/cli.h"

enum scope_need {
  SCOPE_PROJECT,
  SCOPE_ENVIRONMENT,
  SCOPE_SERVICE_IF_ANY, /* an environment; the service is NULL when none is named or linked */
  SCOPE_SERVICE,        /* both; a sole service is taken unasked */
};

struct scope {
  json_t *project;  /* id, name, environments and services, as the API gives it */
  struct link link; /* the folder's link, empty when there was none or a flag named the project */
  const char *project_id, *project_name;         /* borrowed from `project` … */
  const char *environment_id, *environment_name; /* … NULL with SCOPE_PROJECT */
  const char *service_id, *service_name;
};

/* ERR_NOT_FOUND names what there is instead; ERR_INVALID asks for a flag where several can be
 * meant. */
fallible scope_find(struct cli *cli, const struct args *args, enum scope_need need,
                    struct scope *ret_scope);
void scope_done(struct scope *scope);
static inline void scope_cleanup_(struct scope *scope) {
  scope_done(scope);
}
#define auto_scope __attribute__((cleanup(scope_cleanup_))) struct scope

/* The project with that id or name. */
fallible scope_fetch_project(struct cli *cli, const char *name_or_id, json_t **ret_project);

/* All projects that the caller sees, as an array of {id, name, workspace…}. */
fallible scope_fetch_projects(struct cli *cli, json_t **ret_projects);

/* The service instances of an environment, as a connection: settings, domains, newest deployment.
 */
fallible scope_fetch_instances(struct cli *cli, const char *project_id, const char *environment_id,
                               json_t **ret_instances);

/* The node of a connection ({"edges":[{"node":…}]}) with that id or name, in any letter case, or
 * NULL.  Borrowed. */
json_t *scope_node(const json_t *connection, const char *name_or_id);

/* The same, but it has to be there: names_not_found else.  `what`: "Service".  Borrowed. */
fallible scope_named(const json_t *connection, const char *what, const char *name_or_id, json_t **ret_node);

/* The i-th node, or NULL past the last. */
json_t *scope_node_at(const json_t *connection, size_t i);
size_t scope_node_count(const json_t *connection);

/* The names of all, in their order, added to `names`; and as "api, web, worker", which the caller owns. */
void scope_add_names(const json_t *connection, struct strv *names);
char *scope_names(const json_t *connection);

/* The current folder; the caller owns it. */
fallible scope_folder(char **ret_folder);

/* Links the current folder (or the folder that has the link already) and saves. */
fallible scope_save_link(struct cli *cli, const struct scope *scope);

/* "http://web-production-1a2b.localhost:8080": the service's domain with the edge's scheme and
 * port. */
fallible scope_url_of_domain(struct cli *cli, const char *domain, char **ret_url);

#endif
