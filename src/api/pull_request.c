/* Environments of pull requests, and what copies of environments lack. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/deployment.h"
#include "store/domain.h"
#include "store/project.h"
#include "store/service.h"
#include "store/variable.h"

RESOLVER(mutation_approve) {
  TRY(core_approve(core_of(call), arg_text(call, "id"), asking_of(call)->caller.user_id));
  *ret_value = json_true();
  return NULL;
}

RESOLVER(mutation_unskip) {
  auto_service_instance instance = {0};
  TRY(find_instance(call, arg_text(call, "serviceId"), arg_text(call, "environmentId"), &instance));
  TRY(core_unskip(core_of(call), &instance, asking_of(call)->caller.user_id));
  *ret_value = json_true();
  return NULL;
}

/* ---- the comment ---- */

static err *add_urls(const struct graphql_call *call, const struct service_instance *instance, struct str *text) {
  auto_domain_list domains = {0};
  TRY(domain_list_by_instance(db_of(call), instance->id, &domains));
  for (size_t i = 0; i < domains.len; i++) {
    auto_free char *url = url_at_edge(asking_of(call)->api, domains.items[i].host);
    str_addf(text, "%s%s", i ? " " : "", url);
  }
  return NULL;
}

/* A row of the table; a name cannot end its cell. */
static err *add_row(const struct graphql_call *call, const struct service_instance *instance, struct str *text) {
  auto_service service = {0};
  auto_deployment latest = {0};
  bool found = false;
  TRY(service_get(db_of(call), instance->service_id, &service));
  TRY(deployment_find_latest(db_of(call), instance->id, &found, &latest));
  str_add(text, "| ");
  for (const char *p = service.name; *p; p++) str_add_char(text, *p == '|' ? '/' : *p);
  str_addf(text, " | %s | ", found ? deployment_status_name(latest.status) : "not deployed");
  TRY(add_urls(call, instance, text));
  str_add(text, " |\n");
  return NULL;
}

RESOLVER(environment_comment) {
  auto_environment environment = {0};
  auto_service_instance_list list = {0};
  auto_str text = STR_EMPTY;
  TRY(environment_get(db_of(call), parent_text(call, "id"), &environment));
  const char *commit = json_get_text(environment.meta, "commit");
  if (!json_get_int(environment.meta, "prNumber", 0)) return NULL;
  TRY(service_instance_list_by_environment(db_of(call), environment.id, &list));
  str_addf(&text, "Environment `%s`, commit %.7s\n\n| Service | Deployment | Preview |\n|---|---|---|\n",
           environment.name, commit ? commit : "");
  for (size_t i = list.len; i-- > 0;) TRY(add_row(call, &list.items[i], &text));
  *ret_value = json_string(str_text(&text));
  return NULL;
}

/* ---- sealed variables ---- */

static bool is_in(const struct variable_list *list, const struct variable *v) {
  for (size_t i = 0; i < list->len; i++)
    if (str_eq(list->items[i].name, v->name) && str_eq(list->items[i].service_id, v->service_id)) return true;
  return false;
}

/* "backend.API_KEY", "shared.API_KEY" */
static err *add_name(const struct graphql_call *call, const struct variable *v, json_t *names) {
  auto_service service = {0};
  if (*v->service_id) {
    err *e = service_get(db_of(call), v->service_id, &service);
    bool gone = e && err_code_of(e) == ERR_NOT_FOUND;
    if (e && !gone) return e;
    err_ignore(e);
    if (gone) return NULL;
  }
  json_array_append_new(names, json_sprintf("%s.%s", *v->service_id ? service.name : "shared", v->name));
  return NULL;
}

RESOLVER(environment_missing_sealed) {
  const char *source_id = parent_text(call, "sourceEnvironmentId");
  auto_variable_list theirs = {0}, ours = {0};
  *ret_value = json_array();
  if (!source_id) return NULL;
  TRY(variable_list_by_environment(db_of(call), source_id, &theirs));
  TRY(variable_list_by_environment(db_of(call), parent_text(call, "id"), &ours));
  for (size_t i = 0; i < theirs.len; i++)
    if (theirs.items[i].is_sealed && !is_in(&ours, &theirs.items[i])) TRY(add_name(call, &theirs.items[i], *ret_value));
  return NULL;
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Mutation",    "deploymentApprove",        mutation_approve,           NULL },
  { "Mutation",    "environmentUnskipService", mutation_unskip,            NULL },
  { "Environment", "pullRequestComment",       environment_comment,        NULL },
  { "Environment", "missingSealedVariables",   environment_missing_sealed, NULL },
};
/* clang-format on */
const struct bindings bindings_pull_request = {rows, ARRAY_LEN(rows)};
