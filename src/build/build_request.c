#include "build/build_request.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"

static const char *keep(struct strv *texts, const char *text) {
  if (!text) return NULL;
  strv_add(texts, text);
  return texts->items[texts->len - 1];
}

static void copy_logins(struct build_request_copy *copy, const struct build_request *q) {
  if (!q->logins_len) return;
  copy->logins = mem_zalloc(q->logins_len * sizeof *copy->logins);
  for (size_t i = 0; i < q->logins_len; i++)
    copy->logins[i] = (struct registry_login){str_dup(q->logins[i].host), str_dup(q->logins[i].username),
                                              str_dup(q->logins[i].password)};
  copy->r.logins = copy->logins;
}

void build_request_copy_init(struct build_request_copy *copy, const struct build_request *q) {
  *copy = (struct build_request_copy){.r = *q};
  struct build_request *r = &copy->r;
  struct strv *t = &copy->texts;
  r->deployment_id = keep(t, q->deployment_id);
  r->service_id = keep(t, q->service_id);
  r->source_dir = keep(t, q->source_dir);
  r->snapshot_id = keep(t, q->snapshot_id);
  r->snapshot_id = keep(t, q->snapshot_id);
  r->image = str_empty(q->image) ? NULL : keep(t, q->image);
  r->root_directory = keep(t, q->root_directory ? q->root_directory : "");
  r->builder = keep(t, q->builder ? q->builder : "");
  r->dockerfile_path = keep(t, q->dockerfile_path);
  r->build_command = keep(t, q->build_command);
  r->start_command = keep(t, q->start_command);
  r->target = keep(t, q->target);
  r->reuse_image_id = keep(t, q->reuse_image_id);
  copy_logins(copy, q);
  r->digest_key = keep(t, q->digest_key);
  strv_add_all(&copy->secret_names, q->secret_names);
  r->secret_names = (const char *const *)copy->secret_names.items;
  strv_add_all(&copy->variables, q->variables);
  r->variables = (const char *const *)copy->variables.items;
  for (size_t i = 0; i < copy->variables.len; i++)
    if (str_eq(copy->variables.items[i], "NO_CACHE=1")) r->no_cache = true;
}

void build_request_copy_done(struct build_request_copy *copy) {
  for (size_t i = 0; i < copy->r.logins_len; i++) {
    free((char *)copy->logins[i].host);
    free((char *)copy->logins[i].username);
    secret_wipe((char *)copy->logins[i].password, strlen(copy->logins[i].password));
    free((char *)copy->logins[i].password);
  }
  free(copy->logins);
  strv_done(&copy->texts);
  strv_done(&copy->variables);
  strv_done(&copy->secret_names);
  *copy = (struct build_request_copy){0};
}

/* The texts of a configuration, in one place for copying and freeing. */
static void each_text(struct builder_config *c, void (*fn)(const char **slot)) {
  const char **const slots[] = {&c->data_dir,    &c->run_dir,       &c->images_dir,   &c->exec_program,
                                &c->debian_mirror, &c->debian_suite, &c->npm_registry, &c->http_proxy,
                                &c->https_proxy, &c->no_proxy,      &c->ca_bundle,    &c->build_subnet,
                                &c->debian_security, &c->private_pool, &c->cgroup_parent};
  for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) fn(slots[i]);
}

static void duplicate(const char **slot) {
  *slot = str_dup(*slot ? *slot : "");
}

static void release(const char **slot) {
  free((char *)*slot);
  *slot = NULL;
}

void builder_config_copy(const struct builder_config *config, struct builder_config *ret_copy) {
  *ret_copy = *config;
  each_text(ret_copy, duplicate);
}

void builder_config_set(const char **slot, const char *text) {
  free((char *)*slot);
  *slot = str_dup(text);
}

void builder_config_done(struct builder_config *copy) {
  each_text(copy, release);
}

void image_info_copy(const struct image_info *info, struct image_info *ret_copy) {
  struct image_info copy = {
      .id = str_dup(info->id),
      .working_dir = str_dup(info->working_dir),
      .user = str_dup(info->user),
      .stop_signal = str_dup(info->stop_signal),
      .start_command = str_dup(info->start_command),
      .size_bytes = info->size_bytes,
      .reused = info->reused,
  };
  strv_add_all(&copy.entrypoint, (const char *const *)info->entrypoint.items);
  strv_add_all(&copy.command, (const char *const *)info->command.items);
  strv_add_all(&copy.env, (const char *const *)info->env.items);
  strv_add_all(&copy.exposed_ports, (const char *const *)info->exposed_ports.items);
  *ret_copy = copy;
}
