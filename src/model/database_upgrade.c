#include "model/database_upgrade.h"

MODEL_ENUM_WORDS(database_upgrade_status, "database upgrade status", "COPYING", "COMPARING", "SWAPPING", "DONE", "FAILED",
                 "RETURNING", "RETURNED");

#define F(member) FIELD(struct database_upgrade, member)
static const struct field database_upgrade_fields[] = {
    F(id),
    F(environment_id),
    F(service_id),
    F(sibling_id),
    F(deployment_id),
    F(image),
    F(former_image),
    F(former_volume_id),
    F(volume_id),
    F(is_rehearsal),
    ENUM_FIELD(struct database_upgrade, status, database_upgrade_status_names),
    F(report),
    F(problem),
    F(frozen_us),
    F(created_us),
    F(updated_us),
};
#undef F
const struct shape database_upgrade_shape = SHAPE("database upgrade", struct database_upgrade, database_upgrade_fields);
