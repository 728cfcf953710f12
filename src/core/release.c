/* The record of what a deployment was when it went live: made from its row, its variables and its
 * domains, written in the transaction that makes it live. */
#include "core/release.h"

#include <stdlib.h>
#include <string.h>

#include "core/volume_private.h"
#include "core/variables.h"
#include "store/artifact.h"
#include "store/deployment.h"
#include "store/release.h"
#include "store/sealed.h"
#include "store/variable.h"

#define RELEASE_KEY "release_key" /* the sealed setting: of the digests */
enum { KEY_BYTES = 32, DIGEST_CHARACTERS = 32 };

/* ---- variables ---- */

err *release_key(core *c, char **ret_key) {
  TRY(sealed_setting_get(c->db, RELEASE_KEY, ret_key));
  if (*ret_key) return NULL;
  *ret_key = secret_random_hex(KEY_BYTES);
  return sealed_setting_set(c->db, RELEASE_KEY, *ret_key);
}

/* Bound to the name, so that equal values under two names do not show as equal. */
static void digest_of(const char *key, const char *name, const char *value,
                      char ret_digest[DIGEST_CHARACTERS + 1]) {
  char hex[SHA256_HEX_SIZE];
  size_t name_size = strlen(name) + 1, size = name_size + strlen(value);
  auto_free char *data = mem_alloc(size + 1);
  memcpy(data, name, name_size);
  memcpy(data + name_size, value, strlen(value) + 1);
  secret_hmac_sha256_hex(key, data, size, hex);
  secret_wipe(data, size);
  memcpy(ret_digest, hex, DIGEST_CHARACTERS);
  ret_digest[DIGEST_CHARACTERS] = '\0';
}

/* The names that are sealed today, those that held what was sealed when the deployment was made, and those that
 * were sealed in the release that is gone back to. */
static err *sealed_names(core *c, const struct deployment *d, struct strv *ret_names) {
  auto_variable_list list = {0};
  auto_release then = {0};
  bool found = false;
  TRY(variable_list(c->db, d->environment_id, d->service_id, &list));
  for (size_t i = 0; i < list.len; i++)
    if (list.items[i].is_sealed) strv_add(ret_names, list.items[i].name);
  const json_t *held = json_object_get(d->resolved, "sealed");
  for (size_t i = 0; i < json_array_size(held); i++) strv_add(ret_names, json_string_value(json_array_get(held, i)));
  if (*d->source_deployment_id) TRY(release_find(c->db, d->source_deployment_id, &found, &then));
  const char *name;
  json_t *variable;
  json_object_foreach(then.variables, name, variable)
    if (json_get_bool(variable, "sealed", false)) strv_add(ret_names, name);
  return NULL;
}

static json_t *digests_of(const json_t *values, const char *key, const struct strv *sealed) {
  json_t *variables = json_object(), *value;
  const char *name;
  json_object_foreach((json_t *)values, name, value) {
    char digest[DIGEST_CHARACTERS + 1];
    if (str_eq(name, "RAILWAY_DEPLOYMENT_ID")) continue; /* who it is, not what it is */
    digest_of(key, name, json_string_value(value), digest);
    json_t *variable = json_pack("{s:s}", "digest", digest);
    if (strv_has(sealed, name)) json_object_set_new(variable, "sealed", json_true());
    json_object_set_new(variables, name, variable);
  }
  return variables;
}

static err *take_variables(core *c, const struct deployment *d, struct release *r) {
  auto_json *values = NULL;
  auto_strv sealed = STRV_EMPTY;
  auto_free char *key = NULL;
  TRY(variables_of_deployment(c, d, &values));
  TRY(sealed_names(c, d, &sealed));
  TRY(release_key(c, &key));
  r->variables = digests_of(values, key, &sealed);
  secret_wipe(key, strlen(key));
  return NULL;
}

/* ---- the rest ---- */

static err *take_source(core *c, const struct deployment *d, struct release *r) {
  static const char *const of_meta[] = {"repo", "branch", "commitHash"};
  auto_snapshot snapshot = {0};
  auto_image image = {0};
  if (*d->snapshot_id) TRY(snapshot_get(c->db, d->snapshot_id, &snapshot));
  if (*d->image_id) TRY(image_get(c->db, d->image_id, &image));
  r->image_digest = str_dup(image.digest ? image.digest : "");
  r->source = json_object();
  if (snapshot.hash) json_set_text(r->source, "snapshot", snapshot.hash);
  for (size_t i = 0; i < ARRAY_LEN(of_meta); i++) {
    const char *text = json_get_text(d->meta, of_meta[i]);
    if (text) json_set_text(r->source, of_meta[i], text);
  }
  return NULL;
}

static err *take_routes(core *c, const struct deployment *d, struct release *r) {
  auto_domain_list domains = {0};
  TRY(rollback_domains(c, d, &domains));
  r->routes = json_array();
  for (size_t i = 0; i < domains.len; i++) {
    const struct domain *domain = &domains.items[i];
    json_array_append_new(r->routes, json_pack("{s:s, s:s, s:s?, s:i}", "host", domain->host, "kind",
                                               domain_kind_name(domain->kind), "suffix", domain->suffix,
                                               "targetPort", domain->target_port));
  }
  return NULL;
}

static err *take_volumes(core *c, const struct deployment *d, struct release *r) {
  auto_mount m = {0};
  bool mounts = false;
  TRY(mount_of_deployment(c, d, &mounts, &m));
  r->volumes = mount_facts(&m, mounts);
  return NULL;
}

static err *make(core *c, const struct deployment *d, struct release *r) {
  service_settings_copy(&d->settings, &r->settings);
  id_copy(r->deployment_id, d->id);
  r->version = str_dup(c->options.version);
  TRY(take_volumes(c, d, r));
  TRY(take_source(c, d, r));
  TRY(take_routes(c, d, r));
  TRY(take_variables(c, d, r));
  release_seal(r);
  return NULL;
}

err *release_record(core *c, const struct deployment *d) {
  auto_release r = {0};
  TRY(make(c, d, &r));
  return release_insert(c->db, &r);
}

err *core_release(core *c, const struct deployment *d, struct release *ret_release) {
  auto_release r = {0};
  bool found = false;
  TRY(release_find(c->db, d->id, &found, &r));
  if (!found) TRY(make(c, d, &r));
  *ret_release = r;
  r = (struct release){0};
  return NULL;
}

/* The user's values are kept, the platform's are made anew: one that is no longer what the record says
 * is not told. */
err *core_release_values(core *c, const struct deployment *d, const struct release *r, json_t **ret_values) {
  auto_json *values = NULL;
  auto_strv sealed = STRV_EMPTY;
  auto_free char *key = NULL;
  TRY(variables_of_deployment(c, d, &values));
  TRY(sealed_names(c, d, &sealed));
  TRY(release_key(c, &key));
  auto_json *now = digests_of(values, key, &sealed);
  secret_wipe(key, strlen(key));
  json_t *shown = json_object(), *variable;
  const char *name;
  json_object_foreach(r->variables, name, variable) {
    const char *then = json_get_text(variable, "digest");
    bool hidden = json_get_bool(variable, "sealed", false) || strv_has(&sealed, name);
    if (!hidden && str_eq(then, json_get_text(json_object_get(now, name), "digest")))
      json_object_set(shown, name, json_object_get(values, name));
  }
  *ret_values = shown;
  return NULL;
}
