#include "model/account.h"

#include <string.h>

#define F(member) FIELD(struct workspace, member)
static const struct field workspace_fields[] = {F(id), F(name), F(created_us), F(updated_us)};
#undef F
const struct shape workspace_shape = SHAPE("workspace", struct workspace, workspace_fields);

#define F(member) FIELD(struct user, member)
static const struct field user_fields[] = {
    F(id), F(email), F(name), F(password_hash), F(is_admin), F(created_us), F(updated_us),
};
#undef F
const struct shape user_shape = SHAPE("user", struct user, user_fields);

MODEL_ENUM_WORDS(workspace_role, "workspace role", "ADMIN", "MEMBER", "DEPLOYER", "VIEWER");

#define F(member) FIELD(struct workspace_member, member)
static const struct field workspace_member_fields[] = {
    F(workspace_id),
    F(user_id),
    ENUM_FIELD(struct workspace_member, role, workspace_role_names),
    F(created_us),
};
#undef F
const struct shape workspace_member_shape =
    SHAPE("workspace member", struct workspace_member, workspace_member_fields);

MODEL_ENUM_WORDS(api_token_kind, "token kind", "ACCOUNT", "WORKSPACE", "SESSION");

#define F(member) FIELD(struct api_token, member)
static const struct field api_token_fields[] = {
    F(id),         ENUM_FIELD(struct api_token, kind, api_token_kind_names),
    F(user_id),    F(workspace_id),
    F(name),       F(secret_hash),
    F(created_us), F(last_used_us),
    F(expires_us), F(confirmed_us),
};
#undef F
const struct shape api_token_shape = SHAPE("token", struct api_token, api_token_fields);

#define F(member) FIELD(struct project_token, member)
static const struct field project_token_fields[] = {
    F(id),          F(project_id), F(environment_id), F(creator_user_id), F(name),
    F(secret_hash), F(created_us), F(last_used_us),   F(expires_us),
};
#undef F
const struct shape project_token_shape =
    SHAPE("project token", struct project_token, project_token_fields);

#define F(member) FIELD(struct invitation, member)
static const struct field invitation_fields[] = {
    F(id), F(workspace_id), F(creator_user_id), ENUM_FIELD(struct invitation, role, workspace_role_names),
    F(secret_hash), F(created_us), F(expires_us),
};
#undef F
const struct shape invitation_shape = SHAPE("invitation", struct invitation, invitation_fields);

err *email_check(const char *email) {
  const char *at = email ? strchr(email, '@') : NULL;
  bool ok = at && at != email && at[1] && !strchr(at + 1, '@');
  for (const char *p = email; ok && *p; p++)
    ok = (unsigned char)*p > ' ' && *p != 0x7f;
  if (!ok)
    return err_new(ERR_INVALID, "this is not an email address; use the form name@example.com");
  if (strlen(email) > EMAIL_LEN_MAX)
    return err_new(ERR_INVALID, "an email address has at most %d bytes", EMAIL_LEN_MAX);
  return NULL;
}

err *password_check(const char *password) {
  size_t len = password ? strlen(password) : 0;
  if (len < PASSWORD_LEN_MIN || len > PASSWORD_LEN_MAX)
    return err_new(ERR_INVALID, "a password has %d to %d bytes; this one has %zu", PASSWORD_LEN_MIN,
                   PASSWORD_LEN_MAX, len);
  return NULL;
}
