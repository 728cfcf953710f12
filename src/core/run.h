/* The inside of a run, shared by run.c (source, queue, build), run_image.c (which image), run_config.c (settings as code), run_wait.c (dependencies) and
 * run_launch.c (pre-deploy command, instances, health, switch). */
#ifndef TRAMWAY_CORE_RUN_H
#define TRAMWAY_CORE_RUN_H

#include "core/handover.h"
#include "core/health.h"
#include "core/internal.h"

enum run_phase { /* in this order; launched from RUN_WAITING on */
  RUN_NEW,
  RUN_SOURCE,
  RUN_CONFIG,
  RUN_QUEUED,
  RUN_BUILDING,
  RUN_WAITING, /* for the services that it needs */
  RUN_PRE_DEPLOY,
  RUN_HANDOVER, /* whoever has its volume is stopped */
  RUN_STARTING,
  RUN_CHECKING,
  RUN_SWITCHING,
  RUN_ENDING,
};

struct run {
  core *core;
  struct deployment deployment; /* as the row is; kept up to date by the run */
  enum run_phase phase;
  char step_id[ID_SIZE]; /* of the step that is under way */
  char build_key[65]; /* of the image that its build is offered */
  build *build;
  git_job *git_job;
  struct config_job *config_job;
  json_t *build_variables; /* {name: value} that only the build gets, from the config file; or NULL */
  handover *handover;
  char volume_id[ID_SIZE]; /* that was handed over to it, or is being; "" */
  health *health;
  timer *deadline;
  struct strv changed; /* files that a push changed, when knows_changes */
  bool knows_changes;
  bool cancelled;
  char superseded_by_id[ID_SIZE]; /* why it was cancelled, when that is the reason */
  err *stopped; /* why its build was ended, when it is to fail for that */
  bool telling_edge; /* routes were sent for this run, and the edge has not answered yet */
  engine_done_fn *on_removed;
  enum deploy_event end_event;
  char *end_reason;
};

void run_fail(struct run *r, err *e); /* takes e; ends the run with FAILED */
bool run_wants_config(const struct run *r);
fallible run_read_config(struct run *r); /* from the source on; then run_configured */
void run_configured(struct run *r);      /* to the queue, or with an image to run_launch */
void run_leave_config(struct run *r);    /* the run ends: what is read is for nobody */

/* An image that equal inputs made before: its id in the store, which the caller owns; NULL when there is none, or
 * `request` wants none. */
fallible run_find_image(struct run *r, const struct build_request *request, char **ret_id);
/* The row of the image that the build gave, which becomes the deployment's. */
fallible run_record_image(struct run *r, const struct image_info *info);
void run_launch(struct run *r);       /* from the image on */
fallible run_wait(struct run *r);     /* for what it needs, then run_start_instances */
void run_start_instances(struct run *r); /* from the pre-deploy command on */

/* Removes the run's instances and its job; `done` is called with the run. */
void run_remove_instances(struct run *r, engine_done_fn *done);

/* The same for a run that the edge was told of: visitors are sent back first. */
void run_leave_edge(struct run *r, engine_done_fn *done);

#endif
