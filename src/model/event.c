#include "model/event.h"

MODEL_ENUM_WORDS(event_severity, "event severity", "INFO", "NOTICE", "WARNING", "CRITICAL");

#define F(member) FIELD(struct event, member)
static const struct field event_fields[] = {
    F(id),
    F(project_id),
    F(environment_id),
    F(service_id),
    F(deployment_id),
    ENUM_FIELD(struct event, severity, event_severity_names),
    F(object),
    F(action),
    F(cause),
    F(outcome),
    F(payload),
    F(count),
    F(created_us),
    F(last_us),
};
#undef F
const struct shape event_shape = SHAPE("event", struct event, event_fields);
