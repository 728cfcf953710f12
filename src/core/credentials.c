/* Credentials of a project and of its services: which of them a build or a fetch is given. */
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "build/reference.h"
#include "core/internal.h"
#include "store/credential.h"

/* ---- keeping them ---- */

static err *check_count(core *c, const char *project_id) {
  auto_credential_list list = {0};
  TRY(credential_list_by_project(c->db, project_id, &list));
  return list.len < CREDENTIALS_MAX ? NULL
                                    : err_new(ERR_LIMIT, "a project has at most %d credentials", CREDENTIALS_MAX);
}

err *core_credential_set(core *c, struct credential *credential) {
  auto_free char *host = credential_host(credential->host ? credential->host : "");
  if (!host && !*credential->service_instance_id)
    return err_new(ERR_INVALID, "'%.64s' is no host: give one such as ghcr.io or git.example.org:3000", credential->host);
  str_replace_owned(&credential->host, host ? host : "");
  if (!credential->username) credential->username = str_dup("");
  TRY(credential_check(credential));
  TRY(check_count(c, credential->project_id));
  return credential_set(c->db, credential);
}

err *core_registry_credentials(core *c, const struct service_instance *instance, const char *username,
                               const char *password) {
  auto_credential credential = {.kind = CREDENTIAL_REGISTRY, .host = str_dup("")};
  if (str_empty(password)) {
    err *e = credential_delete(c->db, instance->project_id, instance->id, CREDENTIAL_REGISTRY, "");
    if (!e || err_code_of(e) != ERR_NOT_FOUND) return e;
    err_ignore(e);
    return NULL;
  }
  id_copy(credential.project_id, instance->project_id);
  id_copy(credential.service_instance_id, instance->id);
  credential.username = str_dup(username);
  credential.secret = str_dup(password);
  return core_credential_set(c, &credential);
}

/* ---- giving them ---- */

/* Of a service's own: its image's. */
static err *registry_of(const struct deployment *d, char **ret_host) {
  struct reference reference = {0};
  if (str_empty(d->settings.source_image)) return NULL;
  TRY(reference_parse(d->settings.source_image, &reference));
  *ret_host = str_dup(reference.registry);
  reference_done(&reference);
  return NULL;
}

static bool is_for(const struct credential *credential, const struct deployment *d, bool own) {
  if (credential->kind != CREDENTIAL_REGISTRY) return false;
  return own ? str_eq(credential->service_instance_id, d->service_instance_id) : !*credential->service_instance_id;
}

static void add_logins(struct build_logins *l, const struct deployment *d, bool own) {
  for (size_t i = 0; i < l->list.len; i++) {
    const struct credential *credential = &l->list.items[i];
    if (is_for(credential, d, own) && *credential->host)
      l->items[l->len++] = (struct registry_login){credential->host, credential->username, credential->secret};
  }
}

/* A service's own come last: of two for a registry that one counts. */
err *credentials_for_build(core *c, const struct deployment *d, struct build_logins *ret_logins) {
  struct build_logins l = {0};
  TRY(credential_list_by_project(c->db, d->project_id, &l.list));
  l.items = mem_zalloc((l.list.len + 1) * sizeof *l.items);
  for (size_t i = 0; i < l.list.len; i++) {
    struct credential *credential = &l.list.items[i];
    if (*credential->host || !is_for(credential, d, true)) continue;
    free(credential->host);
    credential->host = NULL;
    err *e = registry_of(d, &credential->host);
    if (!credential->host) credential->host = str_dup("");
    err_ignore(e); /* the build says what is wrong with the reference */
  }
  add_logins(&l, d, false);
  add_logins(&l, d, true);
  *ret_logins = l;
  return NULL;
}

void build_logins_done(struct build_logins *l) {
  free(l->items);
  for (size_t i = 0; i < l->list.len; i++) secret_wipe(l->list.items[i].secret, strlen(l->list.items[i].secret));
  credential_list_done(&l->list);
  *l = (struct build_logins){0};
}

err *credentials_for_repository(core *c, const char *project_id, const char *url, bool *ret_found,
                                struct credential *ret_credential) {
  bool over_http = str_starts(url, "http://") || str_starts(url, "https://");
  auto_free char *host = credential_host(url);
  *ret_found = false;
  if (!host || *url == '/') return NULL;
  return credential_find(c->db, project_id, NULL, over_http ? CREDENTIAL_REPOSITORY : CREDENTIAL_DEPLOY_KEY, host,
                         ret_found, ret_credential);
}
