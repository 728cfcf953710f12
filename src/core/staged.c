#include "core/staged.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "core/environment_diff.h"
#include "core/environment_patch.h"
#include "core/environment_buckets.h"
#include "core/internal.h"
#include "core/template.h"
#include "store/backup.h"
#include "store/bucket.h"
#include "store/credential.h"
#include "store/domain.h"
#include "store/environment_patch.h"
#include "store/project.h"
#include "store/service.h"
#include "store/tcp_proxy.h"
#include "store/variable.h"
#include "store/volume.h"

#define STORAGE_TEMPLATE "storage"

/* ---- the environment as it is ---- */

void environment_state_done(struct environment_state *state) {
  environment_rows_done(&state->rows);
  json_decref(state->config);
  *state = (struct environment_state){0};
}

static err *load_rows(core *c, const struct environment *environment, struct environment_rows *rows) {
  TRY(service_list_by_project(c->db, environment->project_id, NULL, &rows->services));
  TRY(service_instance_list_by_environment(c->db, environment->id, &rows->instances));
  TRY(variable_list_by_environment(c->db, environment->id, &rows->variables));
  TRY(credential_list_by_project(c->db, environment->project_id, &rows->credentials));
  TRY(volume_list_by_project(c->db, environment->project_id, NULL, &rows->volumes));
  TRY(volume_instance_list_by_environment(c->db, environment->id, &rows->volume_instances));
  TRY(tcp_proxy_list_by_environment(c->db, environment->id, &rows->tcp_proxies));
  TRY(bucket_list_all(c->db, environment->project_id, &rows->buckets));
  TRY(bucket_instance_list_by_environment(c->db, environment->id, &rows->bucket_instances));
  TRY(backup_schedule_list_by_environment(c->db, environment->id, &rows->backup_schedules));
  return domain_list_by_environment(c->db, environment->id, &rows->domains);
}

err *environment_state_load(core *c, const char *environment_id, struct environment_state *ret_state) {
  auto_environment environment = {0};
  struct environment_state state = {0};
  TRY(environment_get(c->db, environment_id, &environment));
  err *e = load_rows(c, &environment, &state.rows);
  if (e) {
    environment_state_done(&state);
    return e;
  }
  state.config = environment_config_make(&state.rows);
  *ret_state = state;
  return NULL;
}

/* ---- with a patch ---- */

/* The services that are there and those that the patch makes, whose names are taken. */
static struct service_list services_after(const struct environment_state *state, const json_t *after) {
  const struct service_list *present = &state->rows.services;
  json_t *services = json_object_get(after, "services"), *service;
  const char *id;
  struct service_list all = {.items = mem_zalloc((present->len + json_object_size(services) + 1) * sizeof *all.items)};
  for (size_t i = 0; i < present->len; i++) service_copy(&present->items[i], &all.items[all.len++]);
  json_object_foreach(services, id, service) {
    const char *name = json_get_text(service, "name");
    if (environment_rows_service(&state->rows, id) || !name) continue;
    err_ignore(service_set_name(&all.items[all.len++], name)); /* was checked */
  }
  return all;
}

/* The first bucket of an environment brings what serves it. */
static err *add_storage(const struct environment_state *state, const json_t *after, json_t **ret_config) {
  auto_json *template = NULL, *given = NULL, *patch = NULL;
  struct service_list services = services_after(state, after);
  err *e = template_find(STORAGE_TEMPLATE, &template);
  if (!e) e = template_patch(json_object_get(template, "serializedConfig"), &services, &given);
  if (!e) e = environment_patch_read(&state->rows, NULL, given, &patch);
  if (!e) e = environment_patch_apply(after, patch, ret_config);
  service_list_done(&services);
  return e;
}

err *environment_state_after(const struct environment_state *state, const json_t *patch, json_t **ret_config) {
  auto_json *after = NULL;
  TRY(environment_patch_apply(state->config, patch, &after));
  if (environment_buckets_need_storage(state->config, after)) return add_storage(state, after, ret_config);
  *ret_config = json_incref(after);
  return NULL;
}

void core_config_etag(const core *c, const json_t *config, const char *patch, char ret_etag[SHA256_HEX_SIZE]) {
  auto_json *both = json_pack("{s:O, s:s?}", "config", config, "patch", patch);
  environment_config_etag(both, c->etag_key, ret_etag);
}

/* ---- staging ---- */

static err *parse_patch(const struct environment_patch *p, json_t **ret_patch) {
  if (!p->patch) {
    *ret_patch = json_object();
    return NULL;
  }
  return err_recode(json_parse(p->patch, strlen(p->patch), "stored patch", ret_patch), ERR_CORRUPT);
}

err *core_staged(core *c, const char *environment_id, struct environment_patch *ret_patch) {
  bool found = false;
  TRY(environment_patch_find_staged(c->db, environment_id, &found, ret_patch));
  if (!found) *ret_patch = (struct environment_patch){0};
  id_copy(ret_patch->environment_id, environment_id);
  return NULL;
}

static err *count_changes(const struct environment_state *state, const json_t *patch, size_t *ret_count) {
  auto_environment_diff diff = {0};
  auto_json *after = NULL;
  TRY(environment_state_after(state, patch, &after));
  environment_diff_make(state->config, after, false, &diff);
  *ret_count = diff.len;
  return NULL;
}

/* Puts `patch` in the place of what `p` has; without anything to change the row goes. */
static err *keep(core *c, struct environment_patch *p, const json_t *patch, size_t changes) {
  free(p->patch);
  p->patch = json_to_text(patch);
  if (strlen(p->patch) > PATCH_BYTES_MAX)
    return err_new(ERR_LIMIT, "what is staged has %zu bytes; at most %d are allowed", strlen(p->patch), PATCH_BYTES_MAX);
  p->updated_us = clock_now_us();
  if (changes) return environment_patch_set(c->db, p);
  if (*p->id) TRY(environment_patch_delete(c->db, p->id));
  environment_patch_done(p);
  return NULL;
}

err *core_stage(core *c, const char *environment_id, const json_t *input, bool merge, const char *user_id,
                struct environment_patch *ret_patch) {
  auto_environment_state state = {0};
  auto_environment_patch staged = {0};
  auto_json *present = NULL, *patch = NULL;
  size_t changes;
  TRY(environment_state_load(c, environment_id, &state));
  TRY(core_staged(c, environment_id, &staged));
  if (merge) TRY(parse_patch(&staged, &present));
  TRY(environment_patch_read(&state.rows, present, input, &patch));
  auto_json *merged = merge ? environment_patch_merge(present, patch) : json_incref(patch);
  TRY(count_changes(&state, merged, &changes));
  if (!*staged.id) id_copy(staged.creator_user_id, user_id);
  TRY(keep(c, &staged, merged, changes));
  watch_notify(c, environment_id);
  environment_patch_copy(&staged, ret_patch);
  id_copy(ret_patch->environment_id, environment_id);
  return NULL;
}

static err *discard(const struct environment_state *state, json_t *patch, const json_t *paths) {
  size_t i;
  json_t *path;
  json_array_foreach(paths, i, path) TRY(environment_patch_discard(patch, &state->rows, json_string_value(path)));
  return NULL;
}

err *core_unstage(core *c, const char *environment_id, const json_t *paths, struct environment_patch *ret_patch) {
  auto_environment_state state = {0};
  auto_environment_patch staged = {0};
  auto_json *patch = NULL;
  TRY(environment_state_load(c, environment_id, &state));
  TRY(core_staged(c, environment_id, &staged));
  TRY(parse_patch(&staged, &patch));
  TRY(discard(&state, patch, paths));
  if (!paths) json_object_clear(patch);
  TRY(keep(c, &staged, patch, json_object_size(patch)));
  watch_notify(c, environment_id);
  environment_patch_copy(&staged, ret_patch);
  id_copy(ret_patch->environment_id, environment_id);
  return NULL;
}

/* ---- what changes ---- */

err *core_patch_changes(core *c, const struct environment_patch *p, bool values, json_t **ret_changes) {
  auto_environment_state state = {0};
  auto_environment_diff diff = {0};
  auto_json *patch = NULL, *after = NULL;
  if (p->changes) {
    *ret_changes = json_incref(p->changes);
    return NULL;
  }
  TRY(environment_state_load(c, p->environment_id, &state));
  TRY(parse_patch(p, &patch));
  TRY(environment_state_after(&state, patch, &after));
  environment_diff_make(state.config, after, values, &diff);
  *ret_changes = environment_diff_json(&diff);
  return NULL;
}

err *core_patch_preview(core *c, const char *environment_id, const json_t *input,
                        struct environment_patch *ret_patch) {
  auto_environment_state state = {0};
  auto_json *patch = NULL;
  TRY(environment_state_load(c, environment_id, &state));
  TRY(environment_patch_read(&state.rows, NULL, input, &patch));
  *ret_patch = (struct environment_patch){.status = PATCH_STAGED, .patch = json_to_text(patch)};
  id_copy(ret_patch->environment_id, environment_id);
  return NULL;
}
