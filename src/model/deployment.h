/* Deployments, their steps and their running instances (reference section 1; words as there). */
#ifndef TRAMWAY_MODEL_DEPLOYMENT_H
#define TRAMWAY_MODEL_DEPLOYMENT_H

#include "model/service_settings.h"
#include "model/shape.h"

enum deployment_status {
  DEPLOYMENT_QUEUED,
  DEPLOYMENT_WAITING,
  DEPLOYMENT_NEEDS_APPROVAL,
  DEPLOYMENT_INITIALIZING,
  DEPLOYMENT_BUILDING,
  DEPLOYMENT_DEPLOYING,
  DEPLOYMENT_SUCCESS, /* shown as "Active", or "Completed" when it exited 0 */
  DEPLOYMENT_FAILED,
  DEPLOYMENT_CRASHED,
  DEPLOYMENT_SLEEPING,
  DEPLOYMENT_SKIPPED,
  DEPLOYMENT_REMOVING,
  DEPLOYMENT_REMOVED,
};
#define DEPLOYMENT_STATUS_COUNT (DEPLOYMENT_REMOVED + 1)
MODEL_ENUM(deployment_status);

/* Nothing happens to it any more: FAILED SKIPPED REMOVED. */
bool deployment_status_is_final(enum deployment_status status);

/* It is the one that its service instance serves with (or would): SUCCESS CRASHED SLEEPING. */
bool deployment_status_is_active(enum deployment_status status);

/* What made the deployment. */
enum deployment_cause {
  DEPLOYMENT_CAUSE_UP,       /* an upload */
  DEPLOYMENT_CAUSE_REPO,     /* a push, or "deploy the latest commit" */
  DEPLOYMENT_CAUSE_IMAGE,    /* an image source */
  DEPLOYMENT_CAUSE_REDEPLOY, /* same snapshot and settings, built anew */
  DEPLOYMENT_CAUSE_ROLLBACK, /* image, variables and settings of an earlier one */
  DEPLOYMENT_CAUSE_RESTART,
  DEPLOYMENT_CAUSE_VARIABLES, /* variables or settings changed */
};
MODEL_ENUM(deployment_cause);

/* Its frozen variables hold secrets and are large, so they are not a member: see
 * deployment_variables_get in store/deployment.h.  Begin with service_settings_init(&d.settings)
 * or a copy of the instance's. */
struct deployment {
  char id[ID_SIZE];
  char project_id[ID_SIZE];
  char environment_id[ID_SIZE];
  char service_id[ID_SIZE];
  char service_instance_id[ID_SIZE];
  enum deployment_status status;
  char *status_reason; /* in words, for the user; NULL while there is nothing to say */
  int64_t status_updated_us;
  enum deployment_cause cause;
  char source_deployment_id[ID_SIZE]; /* what a redeploy or rollback copies, or "" */
  char superseded_by_id[ID_SIZE]; /* the newer one that took its place before it was live, or "" */
  char snapshot_id[ID_SIZE];
  char image_id[ID_SIZE];
  struct service_settings settings; /* frozen */
  json_t *meta;                     /* Railway's `meta` object: commitHash, branch, … or NULL */
  char *message;                    /* of `up --message`, or the commit's */
  char creator_user_id[ID_SIZE];    /* "" for a webhook, or when that user is gone */
  json_t *resolved; /* of its variables' references: {"services": [ids of those they name], "sealed": [names of
                       those that hold a sealed value]}; NULL: not resolved yet, the variables are as written */
  json_t *sockets;                  /* array of {port, ipv6, processName}, or NULL */
  int detected_port;                /* where it really listens; 0: unknown */
  bool stopped;      /* Railway's deploymentStopped: ended by the user, or exited 0 */
  int64_t queued_us; /* orders the build queue; 0: never queued */
  int64_t created_us, updated_us;
};
MODEL_STRUCT(deployment);
#define auto_deployment MODEL_AUTO(deployment)
#define auto_deployment_list MODEL_AUTO(deployment_list)

/* Railway's DeploymentEventStep. */
enum deployment_step_kind {
  STEP_SNAPSHOT_CODE,
  STEP_BUILD_IMAGE,
  STEP_PUBLISH_IMAGE,
  STEP_WAIT_FOR_DEPENDENCIES,
  STEP_PRE_DEPLOY_COMMAND,
  STEP_MIGRATE_VOLUMES,
  STEP_CREATE_CONTAINER,
  STEP_CONFIGURE_NETWORK,
  STEP_HEALTHCHECK,
  STEP_DRAIN_INSTANCES,
};
MODEL_ENUM(deployment_step_kind);

struct deployment_step {
  char id[ID_SIZE];
  char deployment_id[ID_SIZE];
  enum deployment_step_kind step;
  int attempt; /* from 1 */
  int64_t started_us;
  int64_t completed_us; /* 0: still going */
  char *error;          /* NULL unless it failed */
  json_t *payload;      /* maxAttempts, reason, skipped, … (object or NULL) */
};
MODEL_STRUCT(deployment_step);
#define auto_deployment_step MODEL_AUTO(deployment_step)
#define auto_deployment_step_list MODEL_AUTO(deployment_step_list)

/* Railway's DeploymentInstanceStatus. */
enum instance_status {
  INSTANCE_CREATED,
  INSTANCE_INITIALIZING,
  INSTANCE_RUNNING,
  INSTANCE_RESTARTING,
  INSTANCE_EXITED,
  INSTANCE_STOPPED,
  INSTANCE_CRASHED,
  INSTANCE_SKIPPED,
  INSTANCE_REMOVING,
  INSTANCE_REMOVED,
};
MODEL_ENUM(instance_status);

enum instance_role {
  INSTANCE_REPLICA,    /* takes traffic */
  INSTANCE_PRE_DEPLOY, /* runs the pre-deploy command */
  INSTANCE_TASK,       /* one-off: `tram run` in a new instance */
};
MODEL_ENUM(instance_role);

#define EXIT_CODE_NONE (-1)

struct deployment_instance {
  char id[ID_SIZE];
  char deployment_id[ID_SIZE];
  enum instance_role role;
  int replica_index; /* from 0; one live REPLICA per index */
  enum instance_status status;
  char *address; /* in the environment's network, or NULL */
  int exit_code; /* of the last run; EXIT_CODE_NONE before the first end; 128 + n for signal n */
  int restarts;
  json_t *state; /* what the engine needs to adopt it: uid range, pids, paths (object or NULL) */
  int64_t created_us, updated_us;
};
MODEL_STRUCT(deployment_instance);
#define auto_deployment_instance MODEL_AUTO(deployment_instance)
#define auto_deployment_instance_list MODEL_AUTO(deployment_instance_list)

#endif
