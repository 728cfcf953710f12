/* A patch is committed: recorded with what is to be deployed in one transaction, then deployed. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "core/dependencies.h"
#include "core/environment_apply.h"
#include "core/environment_diff.h"
#include "core/environment_patch.h"
#include "core/staged.h"
#include "model/dependency_graph.h"
#include "store/environment_patch.h"
#include "store/project.h"
#include "store/service.h"

struct commit {
  core *core;
  const struct core_patch_commit *request;
  struct environment environment;
  struct environment_state state;
  struct environment_patch row;
  struct environment_diff diff;
  struct environment_apply apply;
  json_t *patch, *after;
};

static void commit_done(struct commit *m) {
  environment_apply_done(&m->apply);
  environment_diff_done(&m->diff);
  environment_patch_done(&m->row);
  environment_state_done(&m->state);
  environment_done(&m->environment);
  json_decref(m->patch);
  json_decref(m->after);
}
#define auto_commit __attribute__((cleanup(commit_done))) struct commit

/* ---- what is committed ---- */

static err *take_patch(struct commit *m) {
  const struct core_patch_commit *request = m->request;
  if (request->patch) {
    id_copy(m->row.environment_id, m->environment.id);
    id_copy(m->row.creator_user_id, request->user_id);
    return environment_patch_read(&m->state.rows, NULL, request->patch, &m->patch);
  }
  TRY(core_staged(m->core, m->environment.id, &m->row));
  if (!*m->row.id) return err_new(ERR_NOT_FOUND, "nothing is staged in the environment '%s'", m->environment.name);
  return err_recode(json_parse(m->row.patch, strlen(m->row.patch), "stored patch", &m->patch), ERR_CORRUPT);
}

static err *check_etag(const struct commit *m) {
  char etag[SHA256_HEX_SIZE];
  core_config_etag(m->core, m->state.config, m->request->patch ? NULL : m->row.patch, etag);
  if (!m->request->etag || str_eq(m->request->etag, etag)) return NULL;
  return err_new(ERR_CONFLICT, "the configuration was changed in the meantime: look at the changes again");
}

static err *check_message(const char *message) {
  if (!message) return NULL;
  if (!str_is_utf8(message, strlen(message))) return err_new(ERR_INVALID, "the message is not UTF-8");
  size_t size = strlen(message), most = COMMIT_MESSAGE_MAX * 4; /* bytes of a character */
  return size <= most ? NULL : err_new(ERR_LIMIT, "the message has %zu bytes; at most %zu are allowed", size, most);
}

/* ---- what is to be deployed, in which order ---- */

static json_t *values_of(const json_t *service) {
  json_t *values = json_object(), *entry;
  const char *name;
  json_object_foreach(json_object_get(service, "variables"), name, entry)
    json_object_set(values, name, json_object_get(entry, "value"));
  return values;
}

static void find_needs(const struct commit *m, const struct service_list *services, dependency_graph *needs) {
  const char *id;
  json_t *service;
  json_object_foreach(json_object_get(m->after, "services"), id, service) {
    auto_json *values = values_of(service);
    auto_strv needed = STRV_EMPTY;
    dependencies_find(values, id, services, &needed);
    for (size_t i = 0; i < needed.len; i++) dependency_graph_add(needs, id, needed.items[i]);
  }
}

/* Takes from `ids` one that waits for none of the others; there is one, as no edge of a circle counts. */
static char *take_next(struct strv *ids, const dependency_graph *needs) {
  size_t chosen = 0;
  for (size_t i = 0; i < ids->len; i++) {
    bool waits = false;
    for (size_t n = 0; n < ids->len && !waits; n++)
      waits = n != i && dependency_graph_needs(needs, ids->items[i], ids->items[n]) &&
              dependency_graph_waits(needs, ids->items[i], ids->items[n]);
    chosen = i;
    if (!waits) break;
  }
  char *id = ids->items[chosen];
  memmove(&ids->items[chosen], &ids->items[chosen + 1], (ids->len - chosen) * sizeof *ids->items);
  ids->len--;
  return id;
}

/* Instances that have something to deploy from. */
static err *find_deploys(const struct commit *m, struct strv *ret_instances) {
  auto_dependency_graph *needs = dependency_graph_new();
  auto_service_list services = {0};
  auto_strv ids = STRV_EMPTY;
  environment_diff_affected(&m->diff, &ids);
  for (size_t i = 0; i < m->apply.affected.len; i++)
    if (!strv_has(&ids, m->apply.affected.items[i])) strv_add(&ids, m->apply.affected.items[i]);
  TRY(service_list_by_project(m->core->db, m->environment.project_id, NULL, &services));
  find_needs(m, &services, needs);
  while (ids.len) {
    auto_free char *id = take_next(&ids, needs);
    auto_service_instance instance = {0};
    bool found = false, has_source = false;
    TRY(service_instance_find(m->core->db, id, m->environment.id, &found, &instance));
    if (found) TRY(instance_has_source(m->core, &instance, &has_source));
    if (has_source) strv_add(ret_instances, instance.id);
  }
  return NULL;
}

/* ---- the record ---- */

static err *write_row(struct commit *m, const struct strv *deploys) {
  environment_patch_forget_sealed(m->patch, m->after);
  free(m->row.patch);
  m->row.patch = json_to_text(m->patch);
  json_decref(m->row.changes);
  m->row.changes = environment_diff_json(&m->diff);
  m->row.status = deploys->len ? PATCH_APPLYING : PATCH_COMMITTED;
  m->row.applied_us = m->row.updated_us = clock_now_us();
  str_replace_owned(&m->row.message, m->request->message);
  id_copy(m->row.applied_user_id, m->request->user_id);
  TRY(environment_patch_forget_old(m->core->db, m->environment.id, PATCHES_KEPT));
  TRY(environment_patch_set(m->core->db, &m->row));
  for (size_t i = 0; i < deploys->len; i++)
    TRY(environment_patch_add_deploy(m->core->db, m->row.id, deploys->items[i]));
  return NULL;
}

static err *apply(struct commit *m) {
  environment_diff_make(m->state.config, m->after, false, &m->diff);
  m->apply = (struct environment_apply){.core = m->core,
                                        .project_id = m->environment.project_id,
                                        .environment_id = m->environment.id,
                                        .rows = &m->state.rows,
                                        .before = m->state.config,
                                        .after = m->after,
                                        .is_admin = m->request->is_admin};
  return environment_apply(&m->apply);
}

static err *record(struct commit *m) {
  auto_db_transaction t = {0};
  auto_strv deploys = STRV_EMPTY;
  TRY(environment_get(m->core->db, m->request->environment_id, &m->environment));
  TRY(db_begin(m->core->db, &t));
  TRY(environment_state_load(m->core, m->environment.id, &m->state));
  TRY(take_patch(m));
  TRY(check_etag(m));
  TRY(environment_state_after(&m->state, m->patch, &m->after));
  TRY(apply(m));
  if (!m->request->skip_deploys) TRY(find_deploys(m, &deploys));
  TRY(write_row(m, &deploys));
  return db_commit(&t);
}

err *core_patch_commit(core *c, const struct core_patch_commit *request, char ret_patch_id[ID_SIZE]) {
  auto_commit m = {.core = c, .request = request};
  TRY(check_message(request->message));
  TRY(record(&m));
  environment_apply_follow(&m.apply);
  watch_notify(c, m.environment.id);
  id_copy(ret_patch_id, m.row.id);
  patch_deploys_go(c);
  return NULL;
}
