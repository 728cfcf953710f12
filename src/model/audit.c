#include "model/audit.h"

MODEL_ENUM_WORDS(audit_outcome, "outcome", "STARTED", "DONE", "ACCEPTED", "DENIED", "FAILED");

#define F(member) FIELD(struct audit_log, member)
static const struct field audit_log_fields[] = {
    F(id),
    F(event_type),
    ENUM_FIELD(struct audit_log, outcome, audit_outcome_names),
    F(actor_user_id),
    F(actor_token_id),
    F(address),
    F(agent),
    F(workspace_id),
    F(project_id),
    F(environment_id),
    F(payload),
    F(problem),
    F(created_us),
    F(previous_hash),
    F(hash),
};
#undef F
const struct shape audit_log_shape = SHAPE("audit log", struct audit_log, audit_log_fields);
