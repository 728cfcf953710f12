/* Webhooks: what came is in the journal before its sender has an answer, and is acted upon afterwards, in
 * the order in which it came.  What an event leads to and that it was acted upon are one transaction, so
 * that a start of tramd in between loses nothing and does nothing twice. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "core/internal.h"
#include "core/pull_request.h"
#include "source/repo_name.h"
#include "store/service.h"
#include "store/webhook.h"

#define DAY_US (24LL * 60 * 60 * 1000000)
enum { CHECKS_KEPT_DAYS = 7, DELIVERIES_KEPT_DAYS = 90 };

err *core_take_delivery(core *c, const struct webhook *hook, const struct core_delivery *delivery, bool *ret_is_new) {
  auto_webhook_delivery row = {.event = json_incref((json_t *)delivery->event), .received_us = clock_now_us()};
  auto_db_transaction t = {0};
  id_copy(row.webhook_id, hook->id);
  row.replay_key = str_dup(delivery->replay_key);
  row.provider_id = str_dup(delivery->provider_id);
  if (c->stopping) return err_new(ERR_BUSY, "Tramway is stopping: send it again");
  TRY(db_begin(c->db, &t));
  TRY(webhook_delivery_insert(c->db, &row, ret_is_new));
  TRY(db_commit(&t));
  if (*ret_is_new) hooks_wake(c);
  return NULL;
}

/* ---- acting ---- */

/* One delivery under way. */
struct acting {
  core *core;
  const struct webhook *hook;
  const json_t *event;
  int64_t received_us;
  struct deployment_list made; /* to begin once it is committed */
  char *outcome;
};

static void acting_done(struct acting *a) {
  deployment_list_done(&a->made);
  free(a->outcome);
}

static bool is_of_repository(const struct acting *a, const char *repo) {
  const json_t *names = json_object_get(a->event, "repositories");
  for (size_t i = 0; i < json_array_size(names); i++)
    if (repo_same(json_string_value(json_array_get(names, i)), repo)) return true;
  return false;
}

static bool takes_branch(const struct acting *a, const struct service_settings *s) {
  const char *wanted = str_empty(s->source_branch) ? json_get_text(a->event, "defaultBranch") : s->source_branch;
  return wanted && str_eq(wanted, json_get_text(a->event, "branch"));
}

static err *deploy_one(struct acting *a, const struct service_instance *instance, size_t *declined) {
  struct branch_move move = {.branch = json_get_text(a->event, "branch"),
                             .after = json_get_text(a->event, "after"),
                             .before = json_get_text(a->event, "before"),
                             .author = json_get_text(a->event, "author"),
                             .message = json_get_text(a->event, "message")};
  auto_deployment d = {0};
  auto_free char *why_not = NULL;
  TRY(autodeploy_record(a->core, instance, &move, NULL, &d, &why_not));
  if (why_not) {
    str_replace_owned(&a->outcome, why_not);
    (*declined)++;
    return NULL;
  }
  a->made.items = mem_realloc_array(a->made.items, a->made.len + 1, sizeof *a->made.items);
  a->made.items[a->made.len++] = d;
  d = (struct deployment){0};
  return NULL;
}

static err *on_push(struct acting *a) {
  auto_service_instance_list all = {0};
  size_t connected = 0, declined = 0;
  TRY(service_instance_list_by_project(a->core->db, a->hook->project_id, &all));
  for (size_t i = 0; i < all.len; i++) {
    const struct service_settings *s = &all.items[i].settings;
    if (!core_deploys_pushes(&all.items[i]) || !is_of_repository(a, s->source_repo)) continue;
    connected++;
    if (takes_branch(a, s)) TRY(deploy_one(a, &all.items[i], &declined));
  }
  if (declined && !a->made.len) return NULL;
  const char *branch = json_get_text(a->event, "branch");
  auto_free char *outcome =
      a->made.len ? str_format("%zu deployment%s of '%s'", a->made.len, a->made.len == 1 ? "" : "s", branch)
      : connected ? str_format("no service deploys from the branch '%s'", branch)
                  : str_dup("no service of the project deploys from that repository");
  str_replace_owned(&a->outcome, outcome);
  return NULL;
}

static err *on_check(struct acting *a) {
  auto_commit_check check = {.ordinal = json_get_int(a->event, "ordinal", 0), .updated_us = a->received_us};
  id_copy(check.project_id, a->hook->project_id);
  check.sha = str_dup(json_get_text(a->event, "sha"));
  check.name = str_dup(json_get_text(a->event, "name"));
  if (!check.ordinal) check.ordinal = a->received_us;
  TRY(check_state_parse(json_get_text(a->event, "state"), &check.state));
  TRY(ci_heard(a->core, &check));
  a->outcome = str_format("'%s' %s", check.name, check_state_name(check.state));
  return NULL;
}

/* Not in the transaction, having its own: what comes twice changes nothing. */
static err *on_pull(struct acting *a) {
  auto_strv repositories = STRV_EMPTY;
  struct pull_request_answer answer = {0};
  const json_t *names = json_object_get(a->event, "repositories");
  for (size_t i = 0; i < json_array_size(names); i++)
    strv_add(&repositories, json_string_value(json_array_get(names, i)));
  struct pull_request pr = {.repositories = &repositories,
                            .number = json_get_int(a->event, "number", 0),
                            .title = json_get_text(a->event, "title"),
                            .branch = json_get_text(a->event, "headBranch"),
                            .base_branch = json_get_text(a->event, "baseBranch"),
                            .commit = json_get_text(a->event, "headSha"),
                            .is_fork = json_get_bool(a->event, "isFork", true),
                            .is_bot = json_get_bool(a->event, "isBot", false)};
  bool closed = str_eq(json_get_text(a->event, "action"), "closed");
  TRY((closed ? core_pr_closed : core_pr_opened)(a->core, a->hook->project_id, &pr, &answer));
  a->outcome = answer.said;
  return NULL;
}

static err *act(struct acting *a) {
  const char *kind = json_get_text(a->event, "kind");
  if (a->outcome) return NULL; /* it was acted upon already */
  if (str_eq(kind, "push")) return on_push(a);
  if (str_eq(kind, "check")) return on_check(a);
  a->outcome = str_dup("nothing to do");
  return NULL;
}

/* The disk was full, the database is read by somebody else: that passes.  Anything else would keep what
 * comes after it from being acted upon for ever. */
static bool may_pass(const err *e) {
  enum err_code code = err_code_of(e);
  return code == ERR_IO || code == ERR_LIMIT || code == ERR_BUSY;
}

static err *act_and_close(struct acting *a, const char *delivery_id) {
  auto_db_transaction t = {0};
  TRY(db_begin(a->core->db, &t));
  TRY(act(a));
  TRY(webhook_delivery_close(a->core->db, delivery_id, a->outcome, clock_now_us()));
  return db_commit(&t);
}

static err *handle(core *c, const struct webhook_delivery *d) {
  auto_webhook hook = {0};
  TRY(webhook_get(c->db, d->webhook_id, &hook));
  struct acting a = {.core = c, .hook = &hook, .event = d->event, .received_us = d->received_us};
  err *e = str_eq(json_get_text(d->event, "kind"), "pull_request") ? on_pull(&a) : NULL;
  if (!e) e = act_and_close(&a, d->id);
  for (size_t i = 0; !e && i < a.made.len; i++) begin_deployment(c, &a.made.items[i]);
  if (!e) log_info("webhook", "%s: %s", hook.id, a.outcome);
  acting_done(&a);
  if (!e || may_pass(e)) return e;
  auto_err *refused = e;
  log_error("webhook", "%s: %s", hook.id, err_message(refused));
  return webhook_delivery_close(c->db, d->id, err_message(refused), clock_now_us());
}

static err *sweep(core *c) {
  int64_t now_us = clock_now_us();
  if (now_us - c->hooks_swept_us < DAY_US / 4) return NULL;
  TRY(webhook_forget_old(c->db, now_us - CHECKS_KEPT_DAYS * DAY_US, now_us - DELIVERIES_KEPT_DAYS * DAY_US));
  c->hooks_swept_us = now_us;
  return NULL;
}

static err *handle_all(core *c) {
  auto_webhook_delivery_list open = {0};
  TRY(webhook_delivery_list_open(c->db, &open));
  for (size_t i = 0; i < open.len; i++) TRY(handle(c, &open.items[i]));
  if (open.len) hooks_wake(c); /* there may be more */
  if (open.len) ci_wake(c);
  return sweep(c);
}

static void look(void *arg) {
  core *c = arg;
  c->hooks_due = false;
  if (c->stopping || !c->started) return;
  auto_err *e = handle_all(c);
  if (!e) return;
  log_error("webhook", "acting upon what came: %s; trying again", err_message(e));
  core_retry_later(c);
}

void hooks_wake(core *c) {
  if (c->hooks_due || c->stopping) return;
  c->hooks_due = true;
  loop_defer(c->loop, look, c);
}
