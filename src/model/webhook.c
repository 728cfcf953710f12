#include "model/webhook.h"

#include "base/str.h"

MODEL_ENUM_WORDS(webhook_provider, "provider", "github", "gitlab", "gitea", "generic");
MODEL_ENUM_WORDS(check_state, "state of a check", "PENDING", "PASSED", "FAILED");

#define F(member) FIELD(struct webhook, member)
static const struct field webhook_fields[] = {
    F(id),     F(project_id), ENUM_FIELD(struct webhook, provider, webhook_provider_names),
    F(secret), F(created_us), F(last_delivery_us),
};
#undef F
const struct shape webhook_shape = SHAPE("webhook", struct webhook, webhook_fields);

#define F(member) FIELD(struct webhook_delivery, member)
static const struct field webhook_delivery_fields[] = {
    F(id),    F(webhook_id),  F(replay_key), F(provider_id),
    F(event), F(received_us), F(handled_us), F(outcome),
};
#undef F
const struct shape webhook_delivery_shape =
    SHAPE("webhook delivery", struct webhook_delivery, webhook_delivery_fields);

#define F(member) FIELD(struct commit_check, member)
static const struct field commit_check_fields[] = {
    F(id),      F(project_id), F(sha), F(name),
    F(ordinal), ENUM_FIELD(struct commit_check, state, check_state_names),
    F(updated_us),
};
#undef F
const struct shape commit_check_shape = SHAPE("check", struct commit_check, commit_check_fields);

err *webhook_provider_of(const char *word, enum webhook_provider *ret_provider) {
  if (word && str_ieq(word, "forgejo")) word = "gitea";
  return webhook_provider_parse(word, ret_provider);
}
