#include "model/deployment.h"

// clang-format off
MODEL_ENUM_WORDS(deployment_status, "deployment status",
                 "QUEUED", "WAITING", "NEEDS_APPROVAL", "INITIALIZING", "BUILDING", "DEPLOYING",
                 "SUCCESS", "FAILED", "CRASHED", "SLEEPING", "SKIPPED", "REMOVING", "REMOVED");
MODEL_ENUM_WORDS(deployment_cause, "deployment cause",
                 "UP", "REPO", "IMAGE", "REDEPLOY", "ROLLBACK", "RESTART", "VARIABLES");
MODEL_ENUM_WORDS(deployment_step_kind, "deployment step",
                 "SNAPSHOT_CODE", "BUILD_IMAGE", "PUBLISH_IMAGE", "WAIT_FOR_DEPENDENCIES",
                 "PRE_DEPLOY_COMMAND", "MIGRATE_VOLUMES", "CREATE_CONTAINER", "CONFIGURE_NETWORK",
                 "HEALTHCHECK", "DRAIN_INSTANCES");
MODEL_ENUM_WORDS(instance_status, "instance status",
                 "CREATED", "INITIALIZING", "RUNNING", "RESTARTING", "EXITED", "STOPPED",
                 "CRASHED", "SKIPPED", "REMOVING", "REMOVED");
MODEL_ENUM_WORDS(instance_role, "instance role", "REPLICA", "PRE_DEPLOY", "TASK");
// clang-format on

bool deployment_status_is_final(enum deployment_status status) {
  return status == DEPLOYMENT_FAILED || status == DEPLOYMENT_SKIPPED ||
         status == DEPLOYMENT_REMOVED;
}

bool deployment_status_is_active(enum deployment_status status) {
  return status == DEPLOYMENT_SUCCESS || status == DEPLOYMENT_CRASHED ||
         status == DEPLOYMENT_SLEEPING;
}

#define F(member) FIELD(struct deployment, member)
static const struct field deployment_fields[] = {
    F(id),
    F(project_id),
    F(environment_id),
    F(service_id),
    F(service_instance_id),
    ENUM_FIELD(struct deployment, status, deployment_status_names),
    F(status_reason),
    F(status_updated_us),
    ENUM_FIELD(struct deployment, cause, deployment_cause_names),
    F(source_deployment_id),
    F(superseded_by_id),
    F(snapshot_id),
    F(image_id),
    F(settings),
    F(meta),
    F(message),
    F(creator_user_id),
    F(resolved),
    F(sockets),
    F(detected_port),
    F(stopped),
    F(queued_us),
    F(created_us),
    F(updated_us),
};
#undef F
const struct shape deployment_shape = SHAPE("deployment", struct deployment, deployment_fields);

#define F(member) FIELD(struct deployment_step, member)
static const struct field deployment_step_fields[] = {
    F(id),
    F(deployment_id),
    ENUM_FIELD(struct deployment_step, step, deployment_step_kind_names),
    F(attempt),
    F(started_us),
    F(completed_us),
    F(error),
    F(payload),
};
#undef F
const struct shape deployment_step_shape =
    SHAPE("deployment step", struct deployment_step, deployment_step_fields);

#define F(member) FIELD(struct deployment_instance, member)
static const struct field deployment_instance_fields[] = {
    F(id),
    F(deployment_id),
    ENUM_FIELD(struct deployment_instance, role, instance_role_names),
    F(replica_index),
    ENUM_FIELD(struct deployment_instance, status, instance_status_names),
    F(address),
    F(exit_code),
    F(restarts),
    F(state),
    F(created_us),
    F(updated_us),
};
#undef F
const struct shape deployment_instance_shape =
    SHAPE("deployment instance", struct deployment_instance, deployment_instance_fields);
