#include "model/environment_patch.h"

MODEL_ENUM_WORDS(environment_patch_status, "patch status", "STAGED", "APPLYING", "COMMITTED");

#define F(member) FIELD(struct environment_patch, member)
static const struct field environment_patch_fields[] = {
    F(id),
    F(environment_id),
    ENUM_FIELD(struct environment_patch, status, environment_patch_status_names),
    F(message),
    F(patch),
    F(changes),
    F(creator_user_id),
    F(applied_user_id),
    F(last_applied_error),
    F(created_us),
    F(updated_us),
    F(applied_us),
};
#undef F
const struct shape environment_patch_shape =
    SHAPE("environment patch", struct environment_patch, environment_patch_fields);
