/* A service gets another name, which is its host name and what variables call it. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/internal.h"
#include "core/variables.h"
#include "store/deployment.h"
#include "store/service.h"
#include "store/variable.h"

/* ---- references ---- */

static bool names_it(const struct reference *r, const struct service_list *services, const char *id) {
  bool named = (r->form == REFERENCE || r->form == REFERENCE_NEAR_MISS) && r->service.at;
  if (!named || reference_is_shared(r->service)) return false;
  const struct service *s = reference_service(services, r->service);
  return s && str_eq(s->id, id);
}

/* The value with the new name in its references; NULL when it has none to that service.  `services`: as they were. */
static char *rewrite(const char *text, const struct service_list *services, const char *id, const char *name) {
  auto_str out = STR_EMPTY;
  struct reference r;
  size_t cursor = 0;
  const char *from = text;
  while (reference_next(text, &cursor, &r)) {
    if (!names_it(&r, services, id)) continue;
    str_add_bytes(&out, from, (size_t)(r.service.at - from));
    str_add(&out, name);
    from = r.service.at + r.service.len;
  }
  if (from == text) return NULL;
  str_add(&out, from);
  return str_take(&out);
}

static err *rewrite_all(core *c, const char *environment_id, const struct service_list *services, const char *id,
                        const char *name) {
  auto_variable_list list = {0};
  TRY(variable_list_by_environment(c->db, environment_id, &list));
  for (size_t i = 0; i < list.len; i++) {
    struct variable *v = &list.items[i];
    auto_free char *value = rewrite(v->value, services, id, name);
    if (!value) continue;
    TRY(variable_value_check(v->name, value, strlen(value)));
    str_replace_owned(&v->value, value);
    TRY(variable_set(c->db, v));
  }
  return NULL;
}

/* Those whose variables get other values, as their host or name is in them. */
static err *find_affected(core *c, const char *environment_id, const char *id, struct strv *ret_services) {
  auto_world w = {0};
  auto_json *changed = json_pack("{s:b, s:b}", "RAILWAY_PRIVATE_DOMAIN", true, "RAILWAY_SERVICE_NAME", true);
  TRY(world_load(c, environment_id, &w));
  TRY(world_load_variables(&w));
  struct reference_world world = world_of_references(&w);
  references_affected(&world, id, changed, ret_services);
  return NULL;
}

/* ---- what runs ---- */

static err *follow(core *c, const struct service *s) {
  struct deployment_filter filter = {.service_id = s->id};
  auto_deployment_list list = {0};
  for (unsigned status = 0; status < DEPLOYMENT_STATUS_COUNT; status++)
    if (!deployment_status_is_final(status)) filter.statuses |= DEPLOYMENT_STATUS_BIT(status);
  TRY(deployment_list(c->db, &filter, NULL, &list));
  for (size_t i = 0; i < list.len; i++) TRY(engine_rename(c->engine, list.items[i].id, s->label));
  return NULL;
}

static err *record(core *c, struct service *s, const char *name, const struct environment_list *environments) {
  auto_service_list services = {0};
  auto_db_transaction t = {0};
  TRY(db_begin(c->db, &t));
  TRY(service_list_by_project(c->db, s->project_id, NULL, &services));
  for (size_t i = 0; i < environments->len; i++)
    TRY(rewrite_all(c, environments->items[i].id, &services, s->id, name));
  TRY(service_set_name(s, name));
  TRY(service_update(c->db, s, clock_now_us()));
  return db_commit(&t);
}

err *core_service_rename(core *c, const char *id, const char *name, const char *user_id) {
  auto_service s = {0};
  auto_environment_list environments = {0};
  TRY(service_get(c->db, id, &s));
  TRY(environment_list_by_project(c->db, s.project_id, NULL, &environments));
  bool is_new = !str_eq(s.name, name);
  if (is_new) TRY(record(c, &s, name, &environments));
  TRY(follow(c, &s));
  if (!is_new) return NULL;
  for (size_t i = 0; i < environments.len; i++) {
    auto_strv affected = STRV_EMPTY;
    TRY(find_affected(c, environments.items[i].id, id, &affected));
    TRY(core_deploy_changed(c, environments.items[i].id, &affected, user_id));
  }
  return NULL;
}
