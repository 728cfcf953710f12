#include "core/duplicate.h"

#include "base/mem.h"
#include "core/internal.h"
#include "store/db.h"
#include "store/domain.h"
#include "store/project.h"
#include "store/service.h"
#include "store/variable.h"

err *add_instance(core *c, const struct service *s, const char *environment_id,
                  const struct service_settings *settings, struct service_instance *ret_instance) {
  struct service_instance *i = ret_instance;
  id_copy(i->project_id, s->project_id);
  id_copy(i->service_id, s->id);
  id_copy(i->environment_id, environment_id);
  if (settings)
    service_settings_copy(settings, &i->settings);
  else
    service_settings_init(&i->settings);
  return service_instance_insert(c->db, i);
}

static err *copy_variables(core *c, const char *from_id, const struct environment *to) {
  auto_variable_list list = {0};
  TRY(variable_list_by_environment(c->db, from_id, &list));
  for (size_t n = 0; n < list.len; n++) {
    if (list.items[n].is_sealed) continue; /* write-only: not even we hand them on (reference 2.2) */
    auto_variable copy = {0};
    variable_copy(&list.items[n], &copy);
    id_copy(copy.environment_id, to->id);
    copy.id[0] = '\0';
    copy.created_us = copy.updated_us = 0;
    TRY(variable_set(c->db, &copy));
  }
  return NULL;
}

/* A generated domain for a generated one.  Custom ones lead to one place only. */
static err *copy_domain(core *c, const struct service_instance *from, const struct service_instance *to) {
  auto_domain_list list = {0};
  auto_domain made = {0};
  TRY(domain_list_by_instance(c->db, from->id, &list));
  for (size_t n = 0; n < list.len; n++)
    if (list.items[n].kind == DOMAIN_SERVICE) return core_domain_create(c, to, list.items[n].target_port, &made);
  return NULL;
}

static err *copy_instance(core *c, const struct duplication *how, const struct service *s,
                          const struct environment *to) {
  auto_service_instance source = {0}, made = {0};
  bool found = false;
  if (!str_empty(how->source_id)) TRY(service_instance_find(c->db, s->id, how->source_id, &found, &source));
  if (!found && !str_empty(how->source_id)) return NULL; /* it is not in the source either */
  if (found && how->adapt) how->adapt(how->arg, &source.settings);
  TRY(add_instance(c, s, to->id, found ? &source.settings : NULL, &made));
  return found ? copy_domain(c, &source, &made) : NULL;
}

static err *copy_all(core *c, const struct duplication *how, const struct environment *to) {
  auto_service_list services = {0};
  TRY(service_list_by_project(c->db, how->project_id, NULL, &services));
  for (size_t n = services.len; n-- > 0;) TRY(copy_instance(c, how, &services.items[n], to));
  return str_empty(how->source_id) || how->without_variables ? NULL : copy_variables(c, how->source_id, to);
}

static err *insert(core *c, const struct duplication *how, struct environment *made) {
  auto_db_transaction t = {0};
  TRY(db_begin(c->db, &t));
  TRY(environment_insert(c->db, made));
  TRY(copy_all(c, how, made));
  return db_commit(&t);
}

static err *check_source(core *c, const struct duplication *how) {
  auto_environment source = {0};
  if (str_empty(how->source_id)) return NULL;
  TRY(environment_get(c->db, how->source_id, &source));
  return str_eq(source.project_id, how->project_id)
             ? NULL
             : err_new(ERR_NOT_FOUND, "the environment to duplicate is not in this project");
}

err *duplicate_environment(core *c, const struct duplication *how, struct environment *ret_environment) {
  TRY(environment_name_check(how->name));
  TRY(check_source(c, how));
  struct environment made = {.name = str_dup(how->name), .is_ephemeral = how->is_ephemeral};
  made.meta = how->meta ? json_deep_copy(how->meta) : NULL;
  id_copy(made.project_id, how->project_id);
  id_copy(made.source_environment_id, how->source_id);
  err *e = insert(c, how, &made);
  if (e) {
    environment_done(&made);
    return e;
  }
  *ret_environment = made;
  return NULL;
}

err *core_environment_create(core *c, const char *project_id, const char *name, const char *source_id,
                             bool ephemeral, struct environment *ret_environment) {
  struct duplication how = {.project_id = project_id, .name = name, .source_id = source_id,
                            .is_ephemeral = ephemeral};
  return duplicate_environment(c, &how, ret_environment);
}
