/* What is kept out of a deployment's logs and of what is said about it. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/internal.h"
#include "core/secret_rule.h"
#include "core/variables.h"
#include "store/deployment.h"
#include "store/variable.h"

/* A deployment's own variables do not change; what is sealed in its environment may. */
enum { KEPT_MS = 30000, KEPT_MAX = 256 };

#define PROVIDED "RAILWAY_" /* by Tramway, and no secret */

struct kept_redactor {
  redactor *redactor;
  int64_t made_ms;
};

static void kept_free(void *value) {
  struct kept_redactor *kept = value;
  redactor_free(kept->redactor);
  free(kept);
}

void redaction_forget_all(core *c) {
  if (!c->redactors) return;
  const char *id;
  void *value;
  for (size_t cursor = 0; map_next(c->redactors, &cursor, &id, &value);) kept_free(value);
  map_free(c->redactors);
  c->redactors = NULL;
}

static bool is_old(const struct kept_redactor *kept, int64_t now_ms) {
  return now_ms - kept->made_ms >= KEPT_MS;
}

void redaction_forget_old(core *c, int64_t now_ms) {
  auto_strv old = STRV_EMPTY;
  const char *id;
  void *value;
  for (size_t cursor = 0; c->redactors && map_next(c->redactors, &cursor, &id, &value);)
    if (is_old(value, now_ms)) strv_add(&old, id);
  for (size_t i = 0; i < old.len; i++) redaction_forget(c, old.items[i]);
}

/* Whether the deployment's variable of that name holds a sealed value, by itself or by reference. */
static bool holds_sealed(const struct deployment *d, const char *name) {
  const json_t *names = json_object_get(d->resolved, "sealed");
  for (size_t i = 0; i < json_array_size(names); i++)
    if (str_eq(json_string_value(json_array_get(names, i)), name)) return true;
  return false;
}

/* What its instances and its build get, and all that is sealed in its environment. */
static err *make(core *c, const char *id, redactor *r) {
  auto_deployment d = {0};
  auto_variable_list list = {0};
  auto_json *values = NULL;
  TRY(deployment_get(c->db, id, &d));
  TRY(variable_list_by_environment(c->db, d.environment_id, &list));
  for (size_t i = 0; i < list.len; i++)
    if (list.items[i].is_sealed) secret_rule_add(r, list.items[i].name, list.items[i].value, true);
  TRY(variables_of_deployment(c, &d, &values));
  const char *name;
  json_t *value;
  json_object_foreach(values, name, value)
    if (!str_starts(name, PROVIDED)) secret_rule_add(r, name, json_string_value(value), holds_sealed(&d, name));
  return NULL;
}

void redaction_names(const struct deployment *d, const json_t *values, struct strv *ret_names) {
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)values, name, value)
    if (!str_starts(name, PROVIDED) && secret_rule_is_secret(name, json_string_value(value), holds_sealed(d, name)))
      strv_add(ret_names, name);
}

void redaction_forget(core *c, const char *id) {
  struct kept_redactor *kept = c->redactors ? map_remove(c->redactors, id) : NULL;
  if (kept) kept_free(kept);
}

/* One that is deleted meanwhile has no secrets any more. */
err *redaction_find(void *core_, const char *id, redactor **ret_redactor) {
  core *c = core_;
  if (!c->redactors) c->redactors = map_new();
  struct kept_redactor *kept = map_get(c->redactors, id);
  int64_t now_ms = clock_monotonic_ms();
  if (kept && !is_old(kept, now_ms)) {
    *ret_redactor = redactor_ref(kept->redactor);
    return NULL;
  }
  auto_redactor *r = redactor_new();
  err *e = make(c, id, r);
  if (e && err_code_of(e) != ERR_NOT_FOUND) return err_wrap(e, "the secrets of deployment '%s'", id);
  err_ignore(e);
  redactor_ready(r);
  if (map_len(c->redactors) >= KEPT_MAX) {
    redaction_forget_all(c);
    c->redactors = map_new();
    kept = NULL;
  }
  if (kept) kept_free(kept);
  kept = mem_zalloc(sizeof *kept);
  *kept = (struct kept_redactor){redactor_ref(r), now_ms};
  map_set(c->redactors, id, kept);
  *ret_redactor = redactor_ref(r);
  return NULL;
}

char *redaction_text(core *c, const char *id, const char *text) {
  if (!text) return NULL;
  auto_redactor *r = NULL;
  auto_str out = STR_EMPTY;
  auto_err *e = redaction_find(c, id, &r);
  if (e) return str_dup("(not shown: what of it is secret could not be read)");
  return redact(r, text, strlen(text), &out) ? str_take(&out) : str_dup(text);
}
