/* What Tramway does: deployments are made, built, started, checked, switched to and removed here.
 *
 * core owns the meaning; the parts it is given own the doing.  It keeps no state that is not in the
 * database or observable in the engine: after a SIGKILL core_start picks up what was begun.
 *
 * Order: core_new → core_set_engine → core_start (adopts, resumes) → everything else → core_stop →
 * freeing the engine, the edge and the builder → core_free.  What runs is left running.  All on the loop thread.  Ids are 36-character UUIDs. */
#ifndef TRAMWAY_CORE_CORE_H
#define TRAMWAY_CORE_CORE_H

#include <stdint.h>

#include "backup/restic.h"
#include "base/err.h"
#include "build/build.h"
#include "edge/edge.h"
#include "engine/engine.h"
#include "loop/loop.h"
#include "model/credential.h"
#include "model/deployment.h"
#include "model/domain.h"
#include "model/project.h"
#include "model/repair.h"
#include "model/release.h"
#include "model/service.h"
#include "model/tcp_proxy.h"
#include "model/webhook.h"
#include "observe/log_store.h"
#include "source/pushed.h"
#include "store/db.h"

typedef struct core core;

/* Borrowed; all must outlive the core.  The engine is made after the core, because it reports to
 * core_instance_changed: core_set_engine. */
struct core_parts {
  loop *loop;
  db *db;
  builder *builder;
  edge *edge;
  log_store *logs;
  restic *restic; /* NULL: there are no backups */
};

struct core_options {
  const char *data_dir;      /* snapshots and git mirrors live below it */
  const char *domain_suffix; /* "localhost" */
  const char *tcp_domain;    /* the host name of TCP proxies; NULL: domain_suffix */
  int tcp_first_port, tcp_last_port; /* of TCP proxies; 0: there are none */
  const char *version;       /* of Tramway, for the releases */
  int build_concurrency;
  int64_t healthcheck_timeout_ms; /* when a service sets none */
  int64_t default_memory_bytes, default_cpu_millis, default_pids; /* of one replica; 0: no limit */
  int64_t drain_timeout_ms; /* how long a replaced deployment may finish its requests */
  int64_t stop_grace_ms; /* when a service sets no draining seconds */
  int64_t disk_budget_bytes, disk_reserve_bytes; /* 0: by the disk's size */
  int keep_images;                               /* former ones of each service */
  int64_t disk_keep_ms, log_keep_ms, log_bytes;  /* the last: of one service's logs */
  int64_t image_poll_ms; /* how often registries are asked for newer images; 0: never */
  int64_t ci_timeout_ms, ci_settle_ms; /* core/checks.h; 0: an hour, and 10 s */
  int64_t volume_size_bytes; /* of a new volume that says none; 0: 1 GB */
  int64_t volume_trash_ms;   /* how long what is deleted can be restored; 0: 48 h */
  int64_t volume_poll_ms;    /* how often it is looked how full they are; 0: never */
  const char *backup_location, *backup_region; /* backup/restic.h; NULL or "": a folder in data_dir */
  const char *backup_ca_bundle; /* NULL or "": the system's */
  int64_t backup_quota_bytes; /* of one volume's; 0: none */
  int64_t retry_ms; /* what failed for a reason that may pass (the disk was full) is tried again; 0: 1000 */
};

fallible core_new(const struct core_parts *parts, const struct core_options *options, core **ret_core);
void core_set_engine(core *c, engine *en);
void core_trim(core *c); /* lets go of what can be made again */
void core_set_options(core *c, const struct core_options *options); /* after SIGHUP */
void core_start(core *c, engine_done_fn *done, void *arg);
void core_stop(core *c); /* nothing new is begun from here on; what is being built is cancelled */
bool core_is_quiet(const core *c); /* after core_stop: the last build, fetch and upload have ended,
                                      and nothing is put off to the end of a turn: turn the loop
                                      until then, before core_free */
void core_free(core *c);

/* An engine_change_fn: give it to the engine with the core as its `arg`. */
void core_instance_changed(void *core_, const struct instance_report *report);

/* A repair_fn: core gives it to the edge and the engine; each repair becomes an event. */
void core_repaired(void *core_, const struct repair *repair);

/* ---- deployments ---- */

typedef void core_deployed_fn(void *arg, err *e, const char *deployment_id); /* owns e */

struct core_upload {
  const char *project_id, *environment_id;
  const char *service_id;   /* NULL or "": the project's only service, or a new one named after it */
  const char *archive_path; /* tar.gz; taken: removed when done */
  const char *message;
  const char *user_id; /* "" for a project token */
};

/* Unpacks the archive into a snapshot and queues a deployment of it.  A bad archive is ERR_INVALID
 * or ERR_LIMIT, and nothing was made. */
void core_deploy_upload(core *c, const struct core_upload *upload, core_deployed_fn *done, void *arg);

/* Deploys from the service instance's source: its image, its repository, or its newest upload. */
fallible core_deploy_instance(core *c, const struct service_instance *instance, const char *user_id,
                              char ret_id[ID_SIZE]);

/* A new deployment with the snapshot of `id` and today's settings and variables; builds again (which
 * finds the image when nothing changed), or with `same_image` does not.  ERR_CONFLICT when what it needs
 * of `id` is no longer kept. */
fallible core_redeploy(core *c, const char *id, bool same_image, const char *user_id, char ret_id[ID_SIZE]);

/* A new deployment with the image, settings, variables and routes (core/rollback.c) of `id`; does not
 * build.  ERR_CONFLICT when `id` never was live, is live now, or its image is gone. */
fallible core_rollback(core *c, const char *id, const char *user_id, char ret_id[ID_SIZE]);

fallible core_restart(core *c, const char *id); /* in place, one replica after
                                                   another; ERR_CONFLICT unless it runs */
fallible core_cancel(core *c, const char *id);  /* ERR_CONFLICT once it is live */
fallible core_remove(core *c, const char *id, bool stopped); /* stops it and lets it go to the history */

/* Lets a deployment of a fork's commit go on, and with it what waits for the same commit in that
 * environment.  ERR_CONFLICT unless it waits for that. */
fallible core_approve(core *c, const char *id, const char *user_id);

/* Deploys what was SKIPPED when its environment came to be, and what it needs and was skipped, too.
 * ERR_CONFLICT when its newest deployment is not SKIPPED. */
fallible core_unskip(core *c, const struct service_instance *instance, const char *user_id);

bool core_can_redeploy(core *c, const struct deployment *d);
bool core_can_rollback(core *c, const struct deployment *d);

/* What the deployment was when it went live; for one that never was, what it would have been. */
fallible core_release(core *c, const struct deployment *d, struct release *ret_release);

/* {name: value} of the variables of its release, as far as they are known and may be told at all: not
 * what is or was sealed.  Secrets: for who may read variables. */
fallible core_release_values(core *c, const struct deployment *d, const struct release *r, json_t **ret_values);

/* Calls fn(arg, id) after each change of a deployment, or of what is staged in an environment (of all, with NULL). */
typedef struct core_watch core_watch;
typedef void core_watch_fn(void *arg, const char *id);
core_watch *core_watch_start(core *c, const char *id, core_watch_fn *fn, void *arg);
void core_watch_stop(core_watch *w); /* NULL is accepted */

/* ---- credentials (core/credentials.c) ---- */

/* Of a project: the id's place is filled, host and user name are put in order.  In the place of an earlier one. */
fallible core_credential_set(core *c, struct credential *credential);

/* Railway's registryCredentials of a service instance; without a password there are none any more. */
fallible core_registry_credentials(core *c, const struct service_instance *instance, const char *username,
                                   const char *password);

/* ---- git push (core/push.c) ---- */

struct core_push {
  const char *project_id;
  const char *service_id;     /* NULL or "": it went to the project's repository, not to a service's own */
  const char *environment_id; /* NULL or "": any; a project token deploys to its own only */
  const char *user_id;        /* "" for a project token */
};

struct core_pushed {
  struct strv deployments; /* ids */
  struct strv remarks;     /* for the pusher: what was not deployed, and what to do */
};
void core_pushed_done(struct core_pushed *p);

pushed_repos *core_pushed_repos(core *c);
const char *core_push_repository(const struct core_push *push); /* its id there; borrowed */

/* After git has taken a push: deploys each branch of `updates` (those that did not happen are taken off)
 * to the service instances that are connected to it.  An instance without a source is connected first:
 * in the environment that is called like the branch, or with the default branch in "production", when it
 * is clear which service is meant.  A project without a service gets one. */
fallible core_push_deploy(core *c, const struct core_push *push, struct ref_updates *updates,
                          struct core_pushed *ret_pushed);

/* ---- webhooks (core/hooks.c) ---- */

struct core_delivery {
  const char *replay_key;  /* source/hook_signature.h */
  const char *provider_id; /* what the provider calls it, or NULL */
  const json_t *event;     /* source/hook_event.h */
};

/* An event whose signature was right.  It is in the journal when this returns, and acted upon later,
 * also when tramd ends now.  Not new: it is there already, and nothing happens. */
fallible core_take_delivery(core *c, const struct webhook *hook, const struct core_delivery *delivery, bool *ret_is_new);

/* The instance deploys when its branch is pushed to: it has a repository, pins no commit, and nobody
 * switched that off. */
bool core_deploys_pushes(const struct service_instance *instance);

/* It deploys what is pushed to Tramway itself, and nothing was yet. */
bool core_waits_for_push(const core *c, const struct service_instance *instance);

/* ---- projects, environments, services (core/catalog.c) ---- */

/* With the environment "production". */
fallible core_project_create(core *c, const char *workspace_id, const char *name,
                             const char *description, struct project *ret_project);
/* With an instance of every service; a copy of `source_id`'s settings, unsealed variables and
 * generated domains (under new names) when that is not NULL or "". */
fallible core_environment_create(core *c, const char *project_id, const char *name,
                                 const char *source_id, bool ephemeral,
                                 struct environment *ret_environment);
/* With an instance in every environment.  `settings` may be NULL. */
fallible core_service_create(core *c, const char *project_id, const char *name,
                             const struct service_settings *settings, struct service *ret_service);
/* "<name>-copy", in the instance's environment alone: with its settings and its variables but the sealed
 * ones, without domains, and not deployed.  ERR_LIMIT: there are too many copies. */
fallible core_service_duplicate(core *c, const struct service_instance *source, struct service *ret_service);

/* Gives a service another name, and with it another host name; what runs answers to both until its next deployment.
 * Variables that refer to it are rewritten, and the services whose values change by it are deployed again.
 * ERR_CONFLICT: the host name is taken. */
fallible core_service_rename(core *c, const char *id, const char *name, const char *user_id);

/* Stops everything of it, then forgets it: returns when that is recorded. */
fallible core_project_delete(core *c, const char *id);
fallible core_environment_delete(core *c, const char *id);
fallible core_service_delete(core *c, const char *id);
fallible core_service_instance_delete(core *c, const char *id); /* from its environment */

/* Generates a host name for the instance.  ERR_CONFLICT when it has one: Railway allows one. */
fallible core_domain_create(core *c, const struct service_instance *instance, int target_port,
                            struct domain *ret_domain);
fallible core_domain_delete(core *c, const char *id);
fallible core_domain_set_port(core *c, const char *id, int target_port);

/* ---- TCP proxies (core/tcp_proxy.c) ---- */

#define TCP_PROXIES_MAX 20 /* of one service instance: one for each of its ports */

/* On a port of the edge's that nobody has.  `allow`: model/tcp_proxy.h, or NULL.  ERR_CONFLICT: there is one to that
 * port; ERR_INVALID; ERR_LIMIT: the service has too many, or all ports are taken. */
fallible core_tcp_proxy_create(core *c, const struct service_instance *instance, int application_port,
                               const json_t *allow, struct tcp_proxy *ret_proxy);
fallible core_tcp_proxy_allow(core *c, const char *id, const json_t *allow);
fallible core_tcp_proxy_delete(core *c, const char *id); /* closes its connections, too */
enum sync_status core_tcp_proxy_status(const core *c, const struct tcp_proxy *p); /* CREATING: not open yet, or its
                                                                                     port is taken by another program */
const char *core_tcp_domain(const core *c);

/* Records the settings.  The number of replicas is followed at once, without a deployment, by what is
 * live and what is on its way there; everything else takes effect with the next deployment. */
fallible core_set_settings(core *c, const char *service_instance_id, const struct service_settings *settings);
/* Of one replica: the settings' own, else the installation's; 0: no limit. */
void core_limits(const core *c, const struct service_settings *s, int64_t *ret_memory_bytes, int64_t *ret_cpu_millis);

/* ---- variables (core/variables.c, variable_change.c) ---- */

/* {name: value} of what users set for a service (with "": shared by the environment), references resolved, but not
 * what is sealed or holds a sealed value; with the platform's RAILWAY_* if asked for.  Secrets. */
fallible core_variables(core *c, const char *environment_id, const char *service_id, bool with_platform,
                        json_t **ret_variables);

/* References in them that name no service or variable, and are empty therefore, as a deployment would find now:
 * [{"variable", "problem"}], without values.  The caller owns it. */
fallible core_unresolved_references(core *c, const char *environment_id, const char *service_id, json_t **ret_list);

/* The one way to set and delete variables of a service, or with NULL or "" shared ones.  `changes`: {name: text},
 * {name: {"value": text, "isSealed": bool}} or {name: null}, which deletes it if it is there; with `replace` all
 * others go.  Functions are evaluated; names, values and their number are checked, and that no variable refers to
 * itself.  Adds the ids of the services whose variables get other values by it: the service itself first, then
 * those that refer to it.  _apply goes into the caller's transaction, which does not survive an error of it;
 * _change has its own. */
fallible core_variables_apply(core *c, const char *environment_id, const char *service_id, const json_t *changes,
                              bool replace, struct strv *ret_services);
fallible core_variables_change(core *c, const char *environment_id, const char *service_id, const json_t *changes,
                               bool replace, struct strv *ret_services);

/* Deploys those of the services again that are deployed; tries all, and returns the first error. */
fallible core_deploy_changed(core *c, const char *environment_id, const struct strv *services, const char *user_id);

/* The engine's name of the running replica of a deployment to run a command in: that number, or
 * with -1 any.  The caller owns it.  ERR_CONFLICT when it does not run. */
fallible core_running_instance(core *c, const char *deployment_id, int replica, char **ret_engine_id);

/* ---- the disk (core/disk.c) ---- */

#define CORE_DISK_KINDS 11

struct core_disk {
  int64_t runs;       /* looks that are over; while 0 the rest is empty */
  int64_t looked_us;
  int64_t total_bytes, free_bytes; /* of the file system */
  int64_t reserve_bytes;           /* what builds and uploads leave free */
  int64_t budget_bytes;            /* what may be kept of what could be made again */
  int64_t used_bytes;              /* by all kinds */
  struct core_disk_kind {
    const char *name;
    int64_t count, bytes, reclaimable_bytes; /* the last: not needed by what runs or is kept */
  } kinds[CORE_DISK_KINDS];
  int64_t collected_us, removed, freed_bytes; /* by the last run that collected; 0: none yet */
  char *problem;                              /* of the last run, or "" */
};
const struct core_disk *core_disk(const core *c); /* as the last look found it; borrowed */

/* Looks again, and with `collects` removes what is not needed: answers the number of runs that there
 * will have been when that is done. */
int64_t core_disk_look(core *c, bool collects);

/* ERR_LIMIT, with what to do, when the disk is too full to take an upload or to fetch; else how many
 * bytes it may have, so that half of the reserve is left at the worst.  `ret_room_bytes` may be NULL. */
fallible core_disk_admits_source(core *c, int64_t *ret_room_bytes);

#endif
