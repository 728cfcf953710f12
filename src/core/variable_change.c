/* Setting and deleting variables, and whom that affects. */
#include <string.h>

#include "base/json.h"
#include "core/internal.h"
#include "core/variable_functions.h"
#include "core/variables.h"
#include "store/deployment.h"
#include "store/service.h"
#include "store/variable.h"

enum {
  VARIABLES_MAX = 1000,          /* of one service */
  VARIABLES_BYTES_MAX = 1 << 20, /* the kernel gives a process 2 MiB for them and its arguments */
};

struct change {
  core *core;
  const struct environment *environment;
  const char *service_id;
  json_t *names; /* of those that got another value */
};

static const char *value_of(const json_t *wanted, bool *ret_sealed) {
  *ret_sealed = json_get_bool(wanted, "isSealed", false);
  return json_is_object(wanted) ? json_get_text(wanted, "value") : json_string_value(wanted);
}

static err *set_one(struct change *ch, const char *name, const json_t *wanted, const struct variable *before) {
  bool is_sealed;
  const char *text = value_of(wanted, &is_sealed);
  auto_variable v = {.name = str_dup(name), .is_sealed = is_sealed};
  TRY(variable_name_check(name));
  if (!text) return err_new(ERR_INVALID, "variable '%s': the value is no text", name);
  if (json_is_string(wanted)) TRY(variable_value_check(name, text, json_string_length(wanted)));
  TRY(variable_functions_evaluate(name, text, &v.value));
  TRY(variable_value_check(name, v.value, strlen(v.value)));
  if (before && str_eq(before->value, v.value) && (before->is_sealed || !is_sealed)) return NULL;
  id_copy(v.project_id, ch->environment->project_id);
  id_copy(v.environment_id, ch->environment->id);
  id_copy(v.service_id, ch->service_id);
  json_object_set_new(ch->names, name, json_true());
  return variable_set(ch->core->db, &v);
}

static err *delete_one(struct change *ch, const char *name) {
  json_object_set_new(ch->names, name, json_true());
  return variable_delete(ch->core->db, ch->environment->id, ch->service_id, name);
}

static struct variable *find(const struct variable_list *list, const char *name) {
  for (size_t i = 0; i < list->len; i++)
    if (str_eq(list->items[i].name, name)) return &list->items[i];
  return NULL;
}

static err *apply(struct change *ch, const json_t *changes, bool replace) {
  auto_variable_list list = {0};
  const char *name;
  json_t *wanted;
  TRY(variable_list(ch->core->db, ch->environment->id, ch->service_id, &list));
  json_object_foreach((json_t *)changes, name, wanted) {
    const struct variable *before = find(&list, name);
    if (!json_is_null(wanted))
      TRY(set_one(ch, name, wanted, before));
    else if (before)
      TRY(delete_one(ch, name));
  }
  for (size_t i = 0; replace && i < list.len; i++)
    if (!json_object_get(changes, list.items[i].name)) TRY(delete_one(ch, list.items[i].name));
  return NULL;
}

static err *check_size(const json_t *variables) {
  size_t bytes = 0;
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)variables, name, value) bytes += strlen(name) + json_string_length(value) + 2;
  if (json_object_size(variables) > VARIABLES_MAX) return err_new(ERR_LIMIT, "more than %d variables", VARIABLES_MAX);
  if (bytes > VARIABLES_BYTES_MAX)
    return err_new(ERR_LIMIT, "the variables of a service have more than %d bytes together", VARIABLES_BYTES_MAX);
  return NULL;
}

static err *try_resolving(struct world *w, const json_t *variables, const char *service_id) {
  auto_resolved_variables resolved = {0};
  struct reference_world world = world_of_references(w);
  world.variables = variables;
  return references_resolve(&world, service_id, &resolved);
}

/* What refers to itself cannot be meant; what does not exist yet can.  Where it was so before, for another reason,
 * nobody is kept from changing something. */
static err *check(struct world *w, const json_t *before, struct change *ch) {
  TRY(check_size(json_object_get(w->variables, ch->service_id)));
  err *e = try_resolving(w, w->variables, ch->service_id);
  auto_err *former = e ? try_resolving(w, before, ch->service_id) : NULL;
  if (!former) return e;
  err_ignore(e);
  return NULL;
}

err *core_variables_apply(core *c, const char *environment_id, const char *service_id, const json_t *changes,
                          bool replace, struct strv *ret_services) {
  auto_world w = {0};
  auto_json *names = json_object();
  TRY(world_load(c, environment_id, &w));
  TRY(world_load_variables(&w));
  struct change ch = {.core = c, .environment = &w.environment, .service_id = service_id ? service_id : "", .names = names};
  TRY(apply(&ch, changes, replace));
  if (!json_object_size(names)) return NULL;
  auto_json *before = json_incref(w.variables);
  TRY(world_load_variables(&w));
  TRY(check(&w, before, &ch));
  struct reference_world world = world_of_references(&w);
  auto_strv affected = STRV_EMPTY;
  if (*ch.service_id) strv_add(&affected, ch.service_id);
  references_affected(&world, ch.service_id, names, &affected);
  for (size_t i = 0; i < affected.len; i++)
    if (!strv_has(ret_services, affected.items[i])) strv_add(ret_services, affected.items[i]);
  return NULL;
}

err *core_variables_change(core *c, const char *environment_id, const char *service_id, const json_t *changes,
                           bool replace, struct strv *ret_services) {
  auto_db_transaction t = {0};
  TRY(db_begin(c->db, &t));
  TRY(core_variables_apply(c, environment_id, service_id, changes, replace, ret_services));
  return db_commit(&t);
}

/* It got the values of before, and has not come to an end that somebody asked for. */
static bool wants_other_values(enum deployment_status status) {
  switch (status) {
  case DEPLOYMENT_INITIALIZING:
  case DEPLOYMENT_QUEUED:
  case DEPLOYMENT_BUILDING:
  case DEPLOYMENT_DEPLOYING:
  case DEPLOYMENT_FAILED: return true; /* most often for the lack of a variable */
  default: return deployment_status_is_active(status);
  }
}

static err *deploy_one(core *c, const char *environment_id, const char *service_id, const char *user_id) {
  auto_service_instance instance = {0};
  auto_deployment active = {0}, latest = {0};
  bool found = false, active_found = false, latest_found = false;
  char id[ID_SIZE];
  TRY(service_instance_find(c->db, service_id, environment_id, &found, &instance));
  if (!found) return NULL;
  TRY(deployment_find_active(c->db, instance.id, &active_found, &active));
  TRY(deployment_find_latest(c->db, instance.id, &latest_found, &latest));
  bool wanted = active_found || (latest_found && wants_other_values(latest.status));
  return wanted ? core_deploy_instance(c, &instance, user_id, id) : NULL;
}

err *core_deploy_changed(core *c, const char *environment_id, const struct strv *services, const char *user_id) {
  err *first = NULL;
  for (size_t i = 0; i < services->len; i++) {
    err *e = deploy_one(c, environment_id, services->items[i], user_id);
    if (e && !first)
      first = e;
    else
      err_free(e);
  }
  return first;
}
