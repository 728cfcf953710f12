/* What happened in each cutover.  Its row is made before the edge is told, and every stage is
 * recorded when it is reached, so that a killed tramd goes on with it; the requests themselves are
 * counted from the access log that HAProxy writes, whoever was away. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/internal.h"
#include "store/deployment.h"
#include "store/deployment_instance.h"
#include "store/receipt.h"

err *receipt_begin(core *c, const struct deployment *d) {
  auto_deployment serving = {0};
  bool found = false;
  TRY(deployment_find_active(c->db, d->service_instance_id, &found, &serving));
  auto_receipt r = {.log_from = edge_log_position(c->edge), .began_us = clock_now_us()};
  id_copy(r.deployment_id, d->id);
  id_copy(r.service_instance_id, d->service_instance_id);
  if (found && !str_eq(serving.id, d->id)) id_copy(r.previous_id, serving.id);
  return receipt_insert(c->db, &r);
}

/* ---- what is logged ---- */

void receipt_expected(core *c) {
  edge_log_requests(c->edge, true);
}

static err *is_any_open(core *c, bool *ret_any) {
  auto_receipt_list open = {0};
  size_t cursor = 0;
  const char *id;
  void *run;
  *ret_any = false;
  while (!*ret_any && map_next(c->runs, &cursor, &id, &run)) *ret_any = run_is_launched(run);
  if (*ret_any) return NULL;
  TRY(receipt_list_open(c->db, &open));
  *ret_any = open.len > 0;
  return NULL;
}

void receipt_settled(core *c) {
  bool any = true;
  err_ignore(is_any_open(c, &any)); /* who does not know logs all of them */
  if (!any) edge_log_requests(c->edge, false);
}

/* ---- counting ---- */

struct counting {
  core *core;
  struct receipt receipt;
};

static char *in_words(const struct receipt *r) {
  struct str text;
  str_init(&text);
  str_addf(&text, "Cutover: %lld requests served, %lld failed, slowest %lld ms", (long long)r->served,
           (long long)r->failed, (long long)r->slowest_ms);
  if (r->aborted) str_addf(&text, ", %lld given up by their clients", (long long)r->aborted);
  str_addf(&text, "; the former deployment's connections: %lld finished, %lld cut",
           (long long)r->drained, (long long)r->cut);
  if (r->switched_us)
    str_addf(&text, "; switched in %.1f ms", (double)(r->switched_us - r->began_us) / 1000);
  if (!r->complete) str_add(&text, " (a part of the access log is missing)");
  return str_take(&text);
}

static err *take_tally(struct counting *k, const struct edge_tally *tally) {
  struct receipt *r = &k->receipt;
  r->complete = tally->complete;
  r->served = tally->served;
  r->streams = tally->streams;
  r->failed = tally->failed;
  r->aborted = tally->aborted;
  r->app_errors = tally->app_errors;
  r->slowest_ms = tally->slowest_ms;
  r->drained = tally->drained;
  r->cut = tally->cut;
  TRY(receipt_set_counts(k->core->db, r));
  auto_free char *words = in_words(r);
  if (*r->previous_id)
    deploy_build_line(k->core, r->deployment_id, r->failed || r->cut ? "warn" : "info", words);
  watch_notify(k->core, r->deployment_id);
  return NULL;
}

static void on_tally(void *arg, err *e, const struct edge_tally *tally) {
  struct counting *k = arg;
  k->core->counting--;
  if (!e) e = take_tally(k, tally);
  if (e && err_code_of(e) != ERR_NOT_FOUND)
    log_warn("deploy", "%s: counting its cutover: %s", k->receipt.deployment_id, err_message(e));
  err_free(e);
  receipt_settled(k->core);
  receipt_done(&k->receipt);
  free(k);
}

/* From when on the end of a replica's process cut what it held: a process that a signal ended did
 * not close its connections itself.  0: it did. */
static int64_t killed_at(core *c, const struct deployment *d, const struct receipt *r,
                         const struct deployment_instance *replica) {
  enum { BY_SIGTERM = 128 + 15, BY_SIGKILL = 128 + 9, CLEANING_US = 200000 };
  int64_t told_us = r->drained_us ? r->drained_us : r->began_us;
  if (replica->exit_code == BY_SIGTERM) return told_us;
  if (replica->exit_code != BY_SIGKILL) return 0;
  int64_t grace_over_us = told_us + desired_stop_grace_ms(c, &d->settings) * 1000;
  int64_t known_us = replica->updated_us - CLEANING_US; /* its variables may have set another grace */
  return known_us < grace_over_us ? known_us : grace_over_us;
}

static err *find_leavers(core *c, const struct receipt *r, struct edge_leaver **ret_leavers,
                         size_t *ret_len) {
  auto_deployment previous = {0};
  auto_deployment_instance_list rows = {0};
  TRY(deployment_get(c->db, r->previous_id, &previous));
  TRY(deployment_instance_list(c->db, r->previous_id, &rows));
  struct edge_leaver *leavers = mem_zalloc((rows.len + 1) * sizeof *leavers);
  size_t len = 0;
  for (size_t i = 0; i < rows.len; i++)
    if (rows.items[i].address)
      leavers[len++] = (struct edge_leaver){str_dup(rows.items[i].address),
                                            killed_at(c, &previous, r, &rows.items[i])};
  *ret_leavers = leavers;
  *ret_len = len;
  return NULL;
}

static void count(core *c, const struct receipt *r) {
  struct edge_leaver *leavers = NULL;
  size_t len = 0;
  err *e = *r->previous_id ? find_leavers(c, r, &leavers, &len) : NULL;
  err_ignore(e); /* it was deleted meanwhile: the requests are counted all the same */
  struct edge_tally_question question = {.service = r->service_instance_id,
                                         .from = r->log_from,
                                         .to = r->log_to,
                                         .began_us = r->began_us,
                                         .leavers = leavers,
                                         .leavers_len = len};
  struct counting *k = mem_zalloc(sizeof *k);
  k->core = c;
  receipt_copy(r, &k->receipt);
  c->counting++;
  edge_tally(c->edge, &question, on_tally, k);
  for (size_t i = 0; i < len; i++) free((char *)leavers[i].address);
  free(leavers);
}

static err *end_one(core *c, struct receipt *r) {
  if (!r->ended_us) {
    r->ended_us = clock_now_us();
    r->log_to = edge_log_position(c->edge);
    TRY(receipt_set_ended(c->db, r->id, r->log_to, r->ended_us));
  }
  count(c, r);
  return NULL;
}

/* ---- the stages ---- */

static void logged(err *e, const char *id, const char *what) {
  if (!e) return;
  log_warn("deploy", "%s: the receipt of its cutover: %s: %s", id, what, err_message(e));
  err_free(e);
}

static err *end_where(core *c, const char *deployment_id, const char *previous_id) {
  auto_receipt_list open = {0};
  TRY(receipt_list_open(c->db, &open));
  for (size_t i = 0; i < open.len; i++) {
    struct receipt *r = &open.items[i];
    bool is_it = deployment_id ? str_eq(r->deployment_id, deployment_id) : str_eq(r->previous_id, previous_id);
    if (is_it && !r->ended_us) TRY(end_one(c, r));
  }
  return NULL;
}

static err *switched(core *c, const char *deployment_id) {
  TRY(receipt_set_switched(c->db, deployment_id, clock_now_us()));
  auto_receipt r = {0};
  bool found = false;
  TRY(receipt_find(c->db, deployment_id, &found, &r));
  return found && !*r.previous_id && !r.counted ? end_one(c, &r) : NULL;
}

void receipt_switched(core *c, const char *deployment_id) {
  logged(switched(c, deployment_id), deployment_id, "the switch");
}

void receipt_drained(core *c, const char *previous_id) {
  logged(receipt_set_drained(c->db, previous_id, clock_now_us()), previous_id, "the drain");
}

void receipt_gone(core *c, const char *previous_id) {
  logged(end_where(c, NULL, previous_id), previous_id, "its end");
}

void receipt_failed(core *c, const char *deployment_id) {
  logged(end_where(c, deployment_id, NULL), deployment_id, "its end");
}

/* Whether what would have ended it did so while nobody looked. */
static err *is_over(core *c, const struct receipt *r, bool *ret_over) {
  auto_deployment d = {0};
  *ret_over = true;
  if (r->ended_us) return NULL;
  TRY(deployment_get(c->db, r->deployment_id, &d));
  if (d.status == DEPLOYMENT_DEPLOYING) *ret_over = false; /* it will be switched to again */
  if (!*ret_over || !r->switched_us || !*r->previous_id) return NULL;
  deployment_done(&d);
  d = (struct deployment){0};
  auto_err *e = deployment_get(c->db, r->previous_id, &d);
  *ret_over = e || deployment_status_is_final(d.status);
  return NULL;
}

err *receipt_resume(core *c) {
  auto_receipt_list open = {0};
  TRY(receipt_list_open(c->db, &open));
  for (size_t i = 0; i < open.len; i++) {
    bool over = false;
    TRY(is_over(c, &open.items[i], &over));
    if (over) TRY(end_one(c, &open.items[i]));
  }
  receipt_settled(c);
  return NULL;
}
