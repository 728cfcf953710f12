/* What the files of core/ share.  Nobody else includes this. */
#ifndef TRAMWAY_CORE_INTERNAL_H
#define TRAMWAY_CORE_INTERNAL_H

#include "base/list.h"
#include "base/map.h"
#include "build/image_index.h"
#include "core/core.h"
#include "core/deploy_table.h"
#include "http/client.h"
#include "loop/timer.h"
#include "model/event.h"
#include "model/webhook.h"
#include "source/git.h"
#include "source/pushed.h"
#include "source/snapshot.h"

/* A job that belongs to a deployment is the workload "<deployment id>-pre". */
#define JOB_SUFFIX "-pre"

struct run;
struct disk;
struct image_watch;
struct backups;
struct password_rotations;
struct database_upgrades;
struct log_scrubbing;

struct core_watch {
  struct list link;
  char id[ID_SIZE]; /* "": all */
  core_watch_fn *fn;
  void *arg;
};

struct core {
  loop *loop;
  db *db;
  builder *builder;
  engine *engine;
  edge *edge;
  log_store *logs;
  http_client *http;
  snapshot_store *snapshots;
  image_index *images;
  git *git;
  pushed_repos *pushed;
  struct disk *disk;
  struct image_watch *image_watch;
  struct backups *backups;
  struct password_rotations *password_rotations;
  struct database_upgrades *database_upgrades;
  struct core_options options; /* texts are owned */
  map *runs;                   /* deployment id → struct run: every deployment on its way to live */
  map *retiring;               /* deployment id → struct retirement: on its way out */
  map *scaling;                /* deployment id → struct scaling: its replicas become more or fewer */
  map *restarting;             /* deployment id → struct restart: its replicas start again, in turn */
  map *purging;                /* environment id → struct purge: its network is being removed */
  map *settling;               /* deployment id → struct settling: has replicas that are not ready */
  struct strv unremoved; /* files that could not be removed: tried again */
  map *missed; /* instance id → the report of it that could not be recorded */
  map *redactors; /* deployment id → struct kept_redactor; NULL: none yet */
  struct log_scrubbing *scrubbing;
  struct list watches;
  struct list looks; /* at what pull requests change */
  struct list database_sessions; /* core/database_client.h */
  struct list bucket_asks;       /* core/bucket_ask.c */
  timer *bucket_sweep;           /* of buckets that were deleted */
  struct list handovers; /* of volumes, from one deployment to the next */
  map *volume_works;     /* volume instance id → struct volume_work: the engine makes, grows or destroys it */
  timer *volume_timer;   /* when the next is due: volume_due_ms */
  int64_t volume_due_ms;
  struct volume_watch *volume_watch;
  timer *retry;
  size_t uploads;  /* that are being unpacked */
  size_t counting; /* receipts whose requests are being counted */
  char *etag_key; /* for core/staged.h */
  timer *ci_timer;        /* when somebody's wait for CI is over */
  int64_t hooks_swept_us; /* when the journal was last cleared of what is old */
  bool hooks_due, ci_due;
  bool routes_due, queue_due, removal_due, resume_due, waiting_due, handover_due, volumes_due, starting, cleaning, stopping, started;
};

/* ---- core.c ---- */

bool core_takes_sources(const core *c); /* an upload is being unpacked, or a commit fetched */

void core_retry_later(core *c); /* wakes queue, routes and removal after options.retry_ms */
/* The same, and goes on with every deployment that is on its way and that nobody works on. */
void core_resume_later(core *c);
void core_remove_file(core *c, const char *path); /* nothing there is success; tried until it succeeds */

/* ---- deploy.c: the only writer of a deployment's status ---- */

/* Applies `event`: records the new status, tells the watchers, logs.  `reason` in words, or NULL.
 * ERR_CONFLICT when the table has no such event; nothing is changed then. */
fallible deploy_apply(core *c, const char *deployment_id, enum deploy_event event, const char *reason);

/* The journal: a step is recorded before it is tried, and ended with its outcome.  Problems with the
 * database are returned: a step that cannot be recorded must not be tried. */
fallible deploy_step_begin(core *c, const char *deployment_id, enum deployment_step_kind step,
                           char ret_step_id[ID_SIZE]);
fallible deploy_step_end(core *c, const char *deployment_id, const char *step_id, const char *error);

/* A line in the deployment's build log, and in its deploy log. */
void deploy_build_line(core *c, const char *deployment_id, const char *severity, const char *text);
void deploy_log_line(core *c, const char *deployment_id, const char *severity, const char *text);

/* The last lines of the deploy log that say something, joined with " | "; "" when there are none.  The caller owns it. */
char *deploy_last_words(core *c, const char *deployment_id, int lines);

void watch_notify(core *c, const char *id);

/* ---- redaction.c: what is kept out of logs and reasons ---- */

/* For log_store_set_redaction; `core_` is the core. */
fallible redaction_find(void *core_, const char *deployment_id, redactor **ret_redactor);
char *redaction_text(core *c, const char *deployment_id, const char *text); /* a copy; NULL stays NULL */
/* The names of those `values` of the deployment that are secret. */
void redaction_names(const struct deployment *d, const json_t *values, struct strv *ret_names);
void redaction_forget(core *c, const char *deployment_id); /* its variables have changed */
void redaction_forget_old(core *c, int64_t now_ms); /* those that would be made anew anyway */
void redaction_forget_all(core *c);

/* ---- log_scrub.c: what is taken out of logs on disk ---- */

void log_scrubbing_start(core *c);
void log_scrubbing_note(core *c, const struct instance_report *report);
void log_scrubbing_stop(core *c);
bool log_scrubbing_is_quiet(const core *c);
void log_scrubbing_free(core *c);

/* ---- run.c, run_launch.c: one deployment from its creation to live or failed ---- */

fallible run_start(core *c, const char *deployment_id);  /* a new one, or one that was interrupted */
void run_instance_changed(struct run *r, const struct instance_report *report, bool is_job);
void run_cancel(struct run *r, const char *reason); /* ends in REMOVED */
void run_supersede(struct run *r, const char *by_id, const char *reason); /* the same; that one took its place */
void run_quiet(struct run *r); /* tramd ends: builds and fetches are ended, nothing is recorded */
bool run_is_quiet(const struct run *r);
void run_free(struct run *r);  /* after that; without a change of status */
struct run *run_find(core *c, const char *deployment_id);
bool run_is_launched(const struct run *r);  /* has an image: what follows ends in a switch */
bool run_is_switching(const struct run *r); /* healthy; the edge is being told */
bool run_is_building(const struct run *r);
bool run_is_fetching(const struct run *r);
bool run_wants_build(const struct run *r); /* waits for a place among the builds */
void run_build(struct run *r);             /* takes it */
void run_fail_with(struct run *r, const err *why); /* before it, or while it builds: ends in FAILED */
const char *run_service_instance(const struct run *r);
void run_set_replicas(struct run *r, int64_t replicas); /* as its row says now */

/* ---- run_wait.c: runs that wait for the services they need ---- */

void waiting_wake(core *c); /* a run has ended: who waited for it? */

/* ---- queue.c: which builds run now ---- */

bool queue_is_building(core *c); /* or what earlier builds left is being removed */
void queue_wake(core *c); /* looks, at the end of this turn, whether a build can start */

/* ---- retire.c: live deployments that are to go ---- */

/* Routes have left it (or are to): drain, stop, record.  Harmless when it is under way. */
fallible retire_start(core *c, const char *deployment_id, bool overlap);
/* Every older one of its service instance goes; those on their way to live are cancelled, so that
 * what was deployed last is what serves. */
void retire_older(core *c, const struct deployment *live);
void retire_quiet_all(core *c); /* tramd ends: nothing more is asked of edge and engine */
void retire_free_all(core *c);  /* after that */

/* ---- receipt.c: what happened in each cutover ---- */

void receipt_expected(core *c); /* a cutover may come soon: from here on every request is in the log */
void receipt_settled(core *c);  /* when none is under way or coming: no longer */
fallible receipt_begin(core *c, const struct deployment *d); /* before the edge is told of it */
void receipt_switched(core *c, const char *deployment_id);
void receipt_drained(core *c, const char *previous_id); /* it is told to end */
void receipt_gone(core *c, const char *previous_id);    /* ends the receipt */
void receipt_failed(core *c, const char *deployment_id); /* so does this: it was not switched to */
fallible receipt_resume(core *c); /* at the start: ends those whose end nobody saw */

/* ---- scale.c: the number of replicas of what is live ---- */

void scale_follow(core *c, const char *deployment_id); /* what its row says; again and again until it is so */
void scale_stop_all(core *c);

/* Records the settings of an instance, and their number of replicas in its deployments, in a transaction of
 * the caller's; when that is committed, those that were touched follow. */
fallible scale_record(core *c, const char *service_instance_id, const struct service_settings *settings,
                      struct deployment_list *ret_touched);
void scale_follow_list(core *c, const struct deployment_list *touched, int64_t replicas);

/* ---- patch_deploys.c: what patches that were committed want deployed ---- */

void patch_deploys_go(core *c); /* makes those deployments; harmless when there are none */

/* ---- readiness.c: replicas that are started while their deployment is live ---- */

/* Whether one that starts is to be checked: its deployment is live, and visited. */
fallible readiness_applies(core *c, const char *deployment_id, bool *ret_applies);
void readiness_started(core *c, const char *deployment_id, const char *instance_id);
void readiness_changed(core *c, const char *deployment_id); /* something of it was reported */
bool readiness_holds_back(core *c, const char *deployment_id, const char *instance_id);
void readiness_forget(core *c, const char *deployment_id); /* it is on its way out */
void readiness_forget_all(core *c);

/* ---- database_client.c ---- */

void database_sessions_stop(core *c); /* tramd ends: what is asked is answered with ERR_BUSY */

/* ---- restart.c: in place, one replica after another ---- */

bool restart_holds_back(core *c, const char *deployment_id, int replica);
void restart_changed(core *c, const char *deployment_id); /* something of it was reported, or is ready */
void restart_forget(core *c, const char *deployment_id); /* it is on its way out */
void restart_forget_all(core *c);

/* ---- routes.c ---- */

void routes_changed(core *c); /* recomputes and sends, at the end of this turn */

/* The same now; `done` when it is live.  A run that is switching counts as live for its service. */
fallible routes_send(core *c, edge_done_fn *done, void *arg);

/* ---- instances.c ---- */

fallible instances_close_missing(core *c); /* at the start: rows of what the engine does not have */
void instances_take_missed(core *c); /* what the engine reported and the database did not take */
void instances_forget_missed(core *c);

/* What is known of a workload's replicas, counted. */
struct instance_counts {
  int running, crashed, exited, other;
  int exit_code; /* of a crashed one */
  bool oom_killed;
};
void instances_count(core *c, const char *workload_id, struct instance_counts *ret_counts);

/* ---- event.c ---- */

void event_tell(core *c, struct event *e); /* records it; in the log of its deployment, too */

/* An instance's row as it was, and what is reported of it now: ends that nobody asked for are events. */
void event_of_instance(core *c, const struct deployment_instance *before, const struct instance_report *report);

/* ---- removal.c: deleted projects, environments, services ---- */

void removal_wake(core *c); /* goes on with what is marked deleted, at the end of this turn */

/* ---- desired.c: a deployment as a workload ---- */

struct desired { /* not to be copied */
  struct workload workload; /* points into what follows */
  struct workload_volume volume;
  struct strv argv, env;
  char *id, *image_id, *environment_id, *service_id, *label, *former_label, *working_dir, *user, *volume_id, *mount_path;
  struct strv exposed, depends_on;
  int port; /* value of PORT */
};
fallible desired_make(core *c, const struct deployment *d, const char *job_command,
                      struct desired *ret_desired);
void desired_done(struct desired *desired);
int64_t desired_health_timeout_ms(const core *c, const struct deployment *d);
int64_t desired_stop_grace_ms(const core *c, const struct service_settings *s);

/* The services that the deployment's variables name: ids. */
fallible desired_dependencies(core *c, const struct deployment *d, struct strv *ret_services);

/* ---- push.c: repositories that are pushed to Tramway ---- */

/* The path of the repository that a deployment's source names; NULL when it names another's.  The caller
 * owns it. */
char *push_repository(const core *c, const struct deployment *d);
void push_forget(core *c, const char *id); /* its project or service is gone */

/* ---- credentials.c: what signs in where the code or the image is ---- */

struct build_logins { /* point into the list */
  struct credential_list list;
  struct registry_login *items;
  size_t len;
};
fallible credentials_for_build(core *c, const struct deployment *d, struct build_logins *ret_logins);
void build_logins_done(struct build_logins *l);
#define auto_build_logins __attribute__((cleanup(build_logins_done))) struct build_logins

/* For the host of `url`; *ret_found tells. */
fallible credentials_for_repository(core *c, const char *project_id, const char *url, bool *ret_found,
                                    struct credential *ret_credential);

/* ---- create.c ---- */

/* The row of a snapshot that is in the store now: the one with its hash, or a new one. */
fallible snapshot_record(core *c, const struct snapshot_info *info, const json_t *meta,
                         char ret_id[ID_SIZE]);

/* As core_deploy_instance, with a message. */
fallible deploy_instance(core *c, const struct service_instance *instance, const char *message,
                         const char *user_id, char ret_id[ID_SIZE]);
fallible instance_has_source(core *c, const struct service_instance *instance, bool *ret_has); /* to deploy from */

/* What a deployment is made of; what is not set is none. */
struct deployment_request {
  enum deployment_cause cause;
  const struct deployment *template; /* that it repeats */
  const char *snapshot_id, *image_id, *message, *user_id;
  const json_t *meta;  /* what is known of its commit; of a repetition the template's */
  const char *skipped; /* it is recorded and not done, for this reason */
  const char *waits;   /* it waits for the checks of its commit (core/ci.c): says so */
};

/* With the settings and variables of now (of a rollback: of then), and begins it, unless it has to be
 * approved first (core/approval.c). */
fallible create_deployment(core *c, const struct service_instance *instance,
                           const struct deployment_request *request, char ret_id[ID_SIZE]);

/* The same in two: inside a transaction of the caller's, and once that is committed. */
fallible record_deployment(core *c, const struct service_instance *instance,
                           const struct deployment_request *request, struct deployment *ret_deployment);
void begin_deployment(core *c, const struct deployment *d);

/* ---- autodeploy.c: a branch moved; what that means for the services that deploy from it ---- */

struct branch_move {
  const char *branch, *after;            /* the commit that it is at now: its whole name */
  const char *before, *author, *message; /* may be NULL */
  bool to_us; /* it was pushed to Tramway: none comes late, nobody checks it, and what its commit says is
                 known when it is fetched */
};

/* In the caller's transaction.  A deployment that begins, waits for CI, or is SKIPPED because its commit
 * asks for that; none, with `ret_why_not` (owned by the caller), when a newer push was taken already. */
fallible autodeploy_record(core *c, const struct service_instance *instance, const struct branch_move *move,
                           const char *user_id, struct deployment *ret_deployment, char **ret_why_not);

bool autodeploy_is_push(const struct deployment *d); /* made by autodeploy_record */
#define DEPLOYMENT_PR_NUMBER "prNumber" /* in its meta, as in its environment's: it is of a pull request's commit */
#define AUTODEPLOY_OPTED_OUT "the commit says %s" /* why it is SKIPPED */

/* The commit that a push's is compared with, for its watch paths: what was deployed, or begun, last from
 * that branch; else where the branch was before.  NULL: not known. */
fallible autodeploy_base(core *c, const struct deployment *d, char **ret_sha);

/* ---- supersede.c: of what waits for its build, what a newer one makes needless ---- */

/* `d` is ready for its build.  What has not begun and is contained in it (core/supersede_plan.h) is cancelled, and
 * gives it its place in the queue.  `ret_by`: the newer one that `d` itself is contained in, or "". */
fallible supersede(core *c, struct deployment *d, char ret_by[ID_SIZE]);
char *supersede_reason(const struct deployment *newer); /* the caller owns it */

/* ---- ci.c: deployments that wait for the checks of their commit ---- */

void ci_wake(core *c); /* looks at all of them, at the end of this turn and when one's time is up */
fallible ci_heard(core *c, const struct commit_check *check); /* in the caller's transaction; then ci_wake */
void ci_stop(core *c);

/* ---- hooks.c: the journal of webhooks ---- */

void hooks_wake(core *c); /* acts upon what came and was not acted upon, at the end of this turn */

/* ---- pull_request_look.c: what pull requests change ---- */

fallible pull_request_resume(core *c); /* goes on with what was being asked */
void pull_request_stop(core *c);

/* ---- approval.c: strangers' code ---- */

/* Whether it is to wait for a member who approves of its commit; the reason is static. */
fallible approval_is_needed(core *c, const struct deployment *d, bool *ret_needed);
/* Of a stranger's pull request nothing was approved yet. */
fallible approval_holds_all(core *c, const char *environment_id, bool *ret_holds);
extern const char approval_reason[];

#endif
