/* The deployments that a patch wants, made after it is committed.
 *
 * They are rows, written in the transaction of the commit; each goes in the transaction that makes a
 * deployment of its instance.  So whenever tramd ends, none is lost and none is made twice. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/internal.h"
#include "store/environment_patch.h"
#include "store/service.h"

/* What trying again does not change is told in the patch. */
static bool is_final(const err *e) {
  switch (err_code_of(e)) {
  case ERR_INVALID:
  case ERR_NOT_FOUND:
  case ERR_CONFLICT:
  case ERR_DENIED: return true;
  default: return false;
  }
}

static err *give_up(core *c, struct environment_patch *p, const char *service_instance_id, const err *why) {
  str_replace_owned(&p->last_applied_error, err_message(why));
  return environment_patch_drop_deploy(c->db, p->id, service_instance_id);
}

static err *deploy_one(core *c, struct environment_patch *p, const char *service_instance_id) {
  auto_service_instance instance = {0};
  char id[ID_SIZE];
  auto_err *e = service_instance_get(c->db, service_instance_id, &instance);
  if (!e) e = deploy_instance(c, &instance, p->message, p->applied_user_id, id);
  if (!e) return NULL;
  return is_final(e) ? give_up(c, p, service_instance_id, e) : err_dup(e);
}

static err *deploy_all(core *c, struct environment_patch *p) {
  auto_strv instances = STRV_EMPTY;
  TRY(environment_patch_list_deploys(c->db, p->id, &instances));
  for (size_t i = 0; i < instances.len; i++) TRY(deploy_one(c, p, instances.items[i]));
  p->status = PATCH_COMMITTED;
  p->updated_us = clock_now_us();
  return environment_patch_set(c->db, p);
}

static err *go(core *c) {
  auto_environment_patch_list applying = {0};
  TRY(environment_patch_list_applying(c->db, &applying));
  for (size_t i = 0; i < applying.len; i++)
    TRY(err_wrap(deploy_all(c, &applying.items[i]), "patch %s", applying.items[i].id));
  return NULL;
}

void patch_deploys_go(core *c) {
  auto_err *e = go(c);
  if (!e) return;
  log_warn("deploy", "%s; trying again", err_message(e));
  core_resume_later(c);
}
