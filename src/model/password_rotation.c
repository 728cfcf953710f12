#include "model/password_rotation.h"

MODEL_ENUM_WORDS(password_rotation_status, "password rotation status", "PREPARING", "WAITING", "DONE", "FAILED");

#define F(member) FIELD(struct password_rotation, member)
static const struct field password_rotation_fields[] = {
    F(id),
    F(environment_id),
    F(service_id),
    ENUM_FIELD(struct password_rotation, status, password_rotation_status_names),
    F(old_user),
    F(services),
    F(problem),
    F(keep_until_us),
    F(switched_us),
    F(created_us),
    F(updated_us),
};
#undef F
const struct shape password_rotation_shape = SHAPE("password rotation", struct password_rotation, password_rotation_fields);
