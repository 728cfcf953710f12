#include "model/receipt.h"

#define F(member) FIELD(struct receipt, member)
static const struct field receipt_fields[] = {
    F(id),         F(deployment_id), F(previous_id), F(service_instance_id), F(log_from),
    F(log_to),     F(began_us),      F(switched_us), F(drained_us),          F(ended_us),
    F(counted),    F(complete),      F(served),      F(streams),             F(failed),
    F(aborted),    F(app_errors),    F(slowest_ms),  F(drained),             F(cut),
};
#undef F
const struct shape receipt_shape = SHAPE("receipt", struct receipt, receipt_fields);
