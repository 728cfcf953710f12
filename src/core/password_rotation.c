#include "core/password_rotation.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/database_client.h"
#include "core/internal.h"
#include "core/password_plan.h"
#include "core/password_rotations.h"
#include "core/variables.h"
#include "store/deployment.h"
#include "store/password_rotation.h"
#include "store/service.h"

enum { PASSWORD_BYTES = 16 };

struct password_rotations {
  core *core;
  timer *timer;
  int asking; /* databases */
};

/* One database, while it is asked. */
struct exchange {
  password_rotations *of;
  struct password_rotation rotation;
  struct password_plan plan; /* of the beginning */
  char *password;
  char user_id[ID_SIZE];
};

static void exchange_free(struct exchange *x) {
  x->of->asking--;
  if (x->password) secret_wipe(x->password, strlen(x->password));
  free(x->password);
  password_plan_done(&x->plan);
  password_rotation_done(&x->rotation);
  free(x);
}

static struct exchange *exchange_new(password_rotations *of, const struct password_rotation *r) {
  struct exchange *x = mem_zalloc(sizeof *x);
  x->of = of;
  of->asking++;
  password_rotation_copy(r, &x->rotation);
  return x;
}

/* Records how it stands; what cannot be recorded is looked at again. */
static void record(struct exchange *x, enum password_rotation_status status, const err *problem) {
  struct password_rotation *r = &x->rotation;
  r->status = status;
  str_replace_owned(&r->problem, problem ? err_message(problem) : NULL);
  auto_err *e = password_rotation_update(x->of->core->db, r, clock_now_us());
  if (e) log_warn("core", "the rotation of a password: %s", err_message(e));
}

static err *ask(struct exchange *x, const char *text, database_answer_fn *done) {
  struct database_target target = {.environment_id = x->rotation.environment_id, .service_id = x->rotation.service_id};
  struct database_statement statement = {.text = text, .is_secret = true};
  return database_run(x->of->core, &target, &statement, done, x);
}

/* Redis answers with an error and goes on; without a file for them its users cannot be saved, which is well. */
static err *refusal(const struct exchange *x, const char *output) {
  bool refused = x->plan.kind == DATABASE_REDIS && str_starts(output, "ERROR");
  return refused ? err_new(ERR_INVALID, "the database refused the new password") : NULL;
}

/* ---- from the old one to the new one ---- */

static err *is_sealed(struct world *w, const char *service_id, const char *name, bool *ret_sealed) {
  TRY(world_load_variables(w));
  *ret_sealed = json_object_get(json_object_get(w->sealed, service_id), name) != NULL;
  return NULL;
}

/* The variable of Postgres' first user refers to another one, as in the template. */
static json_t *user_value(const struct password_plan *plan) {
  bool is_base = plan->kind == DATABASE_POSTGRES && str_eq(plan->new_user, plan->base_user);
  return json_string(is_base ? "${{POSTGRES_USER}}" : plan->new_user);
}

static err *set_variables(struct exchange *x, struct strv *ret_services) {
  const struct password_rotation *r = &x->rotation;
  auto_world w = {0};
  bool sealed = false;
  TRY(world_load(x->of->core, r->environment_id, &w));
  TRY(is_sealed(&w, r->service_id, x->plan.password_variable, &sealed));
  auto_json *changes = json_pack("{s:{s:s, s:b}}", x->plan.password_variable, "value", x->password, "isSealed", sealed);
  if (x->plan.user_variable) json_object_set_new(changes, x->plan.user_variable, user_value(&x->plan));
  return core_variables_apply(x->of->core, r->environment_id, r->service_id, changes, false, ret_services);
}

static err *switch_over(struct exchange *x, struct strv *ret_users) {
  struct password_rotation *r = &x->rotation;
  db *d = x->of->core->db;
  auto_strv services = STRV_EMPTY;
  auto_db_transaction t = {0};
  TRY(db_begin(d, &t));
  TRY(set_variables(x, &services));
  json_decref(r->services);
  r->services = json_array();
  for (size_t i = 0; i < services.len; i++) {
    if (str_eq(services.items[i], r->service_id)) continue;
    strv_add(ret_users, services.items[i]);
    json_array_append_new(r->services, json_string(services.items[i]));
  }
  r->status = PASSWORD_ROTATION_WAITING;
  r->switched_us = clock_now_us();
  TRY(password_rotation_update(d, r, r->switched_us));
  return db_commit(&t);
}

static void on_prepared(void *arg, err *e, const char *output) {
  struct exchange *x = arg;
  auto_strv users = STRV_EMPTY;
  if (!e) e = refusal(x, output);
  if (!e) e = switch_over(x, &users);
  if (e) {
    log_warn("core", "the password of a database stays: %s", err_message(e));
    record(x, PASSWORD_ROTATION_FAILED, e);
  } else {
    e = core_deploy_changed(x->of->core, x->rotation.environment_id, &users, x->user_id);
    if (e) log_warn("core", "deploying with a new password: %s", err_message(e));
  }
  err_free(e);
  password_rotations_wake(x->of);
  exchange_free(x);
}

/* ---- beginning ---- */

static err *resolve(struct world *w, const char *service_id, struct resolved_variables *ret_resolved) {
  TRY(world_load_variables(w));
  struct reference_world world = world_of_references(w);
  return references_resolve(&world, service_id, ret_resolved);
}

/* Who would get the new password with the old user's name. */
static err *check_users(struct world *w, const char *service_id, const struct password_plan *plan) {
  auto_json *password = json_pack("{s:b}", plan->password_variable, true);
  auto_json *user = json_pack("{s:b}", plan->user_variable ? plan->user_variable : "", true);
  auto_strv with_password = STRV_EMPTY, with_user = STRV_EMPTY;
  struct reference_world world = world_of_references(w);
  if (!plan->user_variable) return NULL;
  references_affected(&world, service_id, password, &with_password);
  references_affected(&world, service_id, user, &with_user);
  for (size_t i = 0; i < with_password.len; i++) {
    if (strv_has(&with_user, with_password.items[i])) continue;
    for (size_t n = 0; n < w->services.len; n++)
      if (str_eq(w->services.items[n].id, with_password.items[i]))
        return err_new(ERR_CONFLICT, "'%s' uses the database's password without its %s, which changes too: refer to its "
                       "URL, or to both", w->services.items[n].name, plan->user_variable);
  }
  return NULL;
}

static err *make_plan(core *c, const struct core_password_rotate *request, struct password_plan *ret_plan) {
  auto_world w = {0};
  auto_resolved_variables resolved = {0};
  auto_service_instance instance = {0};
  auto_password_plan plan = {0};
  bool found = false;
  TRY(service_instance_find(c->db, request->service_id, request->environment_id, &found, &instance));
  if (!found) return err_new(ERR_NOT_FOUND, "there is no such service in this environment");
  TRY(world_load(c, request->environment_id, &w));
  TRY(resolve(&w, request->service_id, &resolved));
  TRY(password_plan_make(database_kind_of_image(instance.settings.source_image), resolved.values, &plan));
  TRY(check_users(&w, request->service_id, &plan));
  *ret_plan = plan;
  plan = (struct password_plan){0};
  return NULL;
}

static err *check_none_open(core *c, const struct core_password_rotate *request) {
  auto_password_rotation former = {0};
  bool found = false;
  TRY(password_rotation_find(c->db, request->environment_id, request->service_id, &found, &former));
  bool open = found && (former.status == PASSWORD_ROTATION_PREPARING || former.status == PASSWORD_ROTATION_WAITING);
  return open ? err_new(ERR_CONFLICT, "its password is being changed already, and the old one is still good: wait, or end that "
                        "at once (`tram database rotate-password --end-now`)") : NULL;
}

err *core_password_rotate(core *c, const struct core_password_rotate *request) {
  auto_password_plan plan = {0};
  auto_password_rotation r = {.status = PASSWORD_ROTATION_PREPARING};
  if (request->keep_old_ms < 0 || request->keep_old_ms > PASSWORD_KEEP_MAX_MS)
    return err_new(ERR_INVALID, "the old password can be kept for 30 days at most");
  TRY(check_none_open(c, request));
  TRY(make_plan(c, request, &plan));
  id_copy(r.environment_id, request->environment_id);
  id_copy(r.service_id, request->service_id);
  r.old_user = str_dup(plan.old_user);
  if (request->keep_old_ms) r.keep_until_us = clock_now_us() + request->keep_old_ms * 1000;
  TRY(password_rotation_begin(c->db, &r));
  struct exchange *x = exchange_new(c->password_rotations, &r);
  x->plan = plan;
  plan = (struct password_plan){0};
  x->password = secret_random_hex(PASSWORD_BYTES);
  id_copy(x->user_id, request->user_id);
  char *text = password_plan_begin(&x->plan, x->password);
  err *e = ask(x, text, on_prepared);
  secret_wipe(text, strlen(text));
  free(text);
  if (!e) return NULL;
  record(x, PASSWORD_ROTATION_FAILED, e);
  exchange_free(x);
  return e;
}

/* ---- who runs with the old one ---- */

static err *runs_with_old(core *c, const struct password_rotation *r, const char *service_id, bool *ret_runs) {
  auto_service_instance instance = {0};
  auto_deployment_list list = {0};
  bool found = false;
  *ret_runs = false;
  TRY(service_instance_find(c->db, service_id, r->environment_id, &found, &instance));
  if (!found) return NULL;
  struct deployment_filter filter = {.service_instance_id = instance.id};
  TRY(deployment_list(c->db, &filter, NULL, &list));
  for (size_t i = 0; i < list.len; i++) {
    const struct deployment *d = &list.items[i];
    *ret_runs |= d->created_us < r->switched_us && !deployment_status_is_final(d->status);
  }
  return NULL;
}

static err *waits_for(core *c, const struct password_rotation *r, struct strv *ret_names) {
  for (size_t i = 0; i < json_array_size(r->services); i++) {
    const char *id = json_string_value(json_array_get(r->services, i));
    auto_service service = {0};
    bool runs = false;
    TRY(runs_with_old(c, r, id, &runs));
    if (!runs) continue;
    TRY(service_get(c->db, id, &service));
    strv_add(ret_names, service.name);
  }
  return NULL;
}

err *core_password_rotation(core *c, const char *environment_id, const char *service_id, bool *ret_found,
                            struct password_rotation *ret_rotation, struct strv *ret_waits_for) {
  TRY(password_rotation_find(c->db, environment_id, service_id, ret_found, ret_rotation));
  if (!*ret_found || ret_rotation->status != PASSWORD_ROTATION_WAITING) return NULL;
  return waits_for(c, ret_rotation, ret_waits_for);
}

/* ---- the end ---- */

static void on_ended(void *arg, err *e, const char *output) {
  struct exchange *x = arg;
  (void)output;
  bool known = e && str_eq(x->rotation.problem, err_message(e)); /* it is tried every second or two */
  if (e && !known) log_warn("core", "locking a database's old password: %s", err_message(e));
  record(x, e ? PASSWORD_ROTATION_WAITING : PASSWORD_ROTATION_DONE, e);
  err_free(e);
  exchange_free(x);
}

static err *end_one(password_rotations *all, const struct password_rotation *r) {
  auto_service_instance instance = {0};
  bool found = false;
  TRY(service_instance_find(all->core->db, r->service_id, r->environment_id, &found, &instance));
  enum database_kind kind = found ? database_kind_of_image(instance.settings.source_image) : DATABASE_NONE;
  struct exchange *x = exchange_new(all, r);
  auto_free char *text = r->old_user ? password_plan_end(kind, r->old_user) : NULL;
  err *e = text ? ask(x, text, on_ended) : NULL;
  if (e || !text) on_ended(x, e, NULL);
  return NULL;
}

static err *look_at(password_rotations *all, const struct password_rotation *r) {
  auto_strv names = STRV_EMPTY;
  if (r->status != PASSWORD_ROTATION_WAITING || r->keep_until_us > clock_now_us()) return NULL;
  TRY(waits_for(all->core, r, &names));
  return names.len ? NULL : end_one(all, r);
}

static void on_look(void *arg) {
  password_rotations *all = arg;
  auto_password_rotation_list open = {0};
  timer_stop(all->timer);
  all->timer = NULL;
  auto_err *e = all->asking ? NULL : password_rotation_list_open(all->core->db, &open);
  for (size_t i = 0; !e && i < open.len; i++) {
    auto_err *problem = look_at(all, &open.items[i]);
    if (problem) log_warn("core", "a database's old password is still good: %s", err_message(problem));
  }
  if (e || all->asking || open.len) password_rotations_wake(all);
}

void password_rotations_wake(password_rotations *all) {
  int64_t every_ms = all->core->options.retry_ms * 2;
  if (!all->timer && !all->core->stopping) all->timer = timer_start(all->core->loop, every_ms, 0, on_look, all);
}

err *core_password_rotation_end_now(core *c, const char *environment_id, const char *service_id) {
  auto_password_rotation r = {0};
  bool found = false;
  TRY(password_rotation_find(c->db, environment_id, service_id, &found, &r));
  if (!found || r.status != PASSWORD_ROTATION_WAITING)
    return err_new(ERR_CONFLICT, "no old password of this database is waiting to be locked");
  json_decref(r.services);
  r.services = json_array();
  r.keep_until_us = 0;
  TRY(password_rotation_update(c->db, &r, clock_now_us()));
  password_rotations_wake(c->password_rotations);
  return NULL;
}

/* ---- with tramd ---- */

password_rotations *password_rotations_new(core *c) {
  password_rotations *all = mem_zalloc(sizeof *all);
  all->core = c;
  return all;
}

/* One that was being prepared had switched nothing. */
err *password_rotations_resume(password_rotations *all) {
  auto_password_rotation_list open = {0};
  TRY(password_rotation_list_open(all->core->db, &open));
  for (size_t i = 0; i < open.len; i++) {
    struct password_rotation *r = &open.items[i];
    if (r->status != PASSWORD_ROTATION_PREPARING) continue;
    r->status = PASSWORD_ROTATION_FAILED;
    str_replace_owned(&r->problem, "tramd ended meanwhile: begin again");
    TRY(password_rotation_update(all->core->db, r, clock_now_us()));
  }
  if (open.len) password_rotations_wake(all);
  return NULL;
}

void password_rotations_stop(password_rotations *all) {
  timer_stop(all->timer);
  all->timer = NULL;
}

bool password_rotations_are_quiet(const password_rotations *all) {
  return !all->asking;
}

void password_rotations_free(password_rotations *all) {
  free(all);
}
