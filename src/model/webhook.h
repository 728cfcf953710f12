/* Webhooks that come in: a forge tells of pushes, checks and pull requests.  One belongs to a project,
 * has a secret of its own, and its URL is /webhooks/<provider>/<id>. */
#ifndef TRAMWAY_MODEL_WEBHOOK_H
#define TRAMWAY_MODEL_WEBHOOK_H

#include "model/shape.h"

enum webhook_provider {
  WEBHOOK_GITHUB,
  WEBHOOK_GITLAB,
  WEBHOOK_GITEA, /* and Forgejo */
  WEBHOOK_GENERIC,
};
MODEL_ENUM(webhook_provider);

/* webhook_provider_parse, which also knows "forgejo". */
fallible webhook_provider_of(const char *word, enum webhook_provider *ret_provider);

struct webhook {
  char id[ID_SIZE];
  char project_id[ID_SIZE];
  enum webhook_provider provider;
  char *secret; /* signatures are made with it, so it cannot be a hash */
  int64_t created_us;
  int64_t last_delivery_us; /* 0: none yet */
};
MODEL_STRUCT(webhook);
#define auto_webhook MODEL_AUTO(webhook)
#define auto_webhook_list MODEL_AUTO(webhook_list)

/* The journal of what came: written before the provider gets its answer, acted upon afterwards. */
struct webhook_delivery {
  char id[ID_SIZE];
  char webhook_id[ID_SIZE];
  char *replay_key;  /* unique among the hook's: what comes again is not taken again */
  char *provider_id; /* what the provider calls this delivery, or NULL */
  json_t *event;     /* source/hook_event.h; NULL once it is old */
  int64_t received_us;
  int64_t handled_us; /* 0: still to do */
  char *outcome;      /* in words */
};
MODEL_STRUCT(webhook_delivery);
#define auto_webhook_delivery MODEL_AUTO(webhook_delivery)
#define auto_webhook_delivery_list MODEL_AUTO(webhook_delivery_list)

enum check_state { CHECK_PENDING, CHECK_PASSED, CHECK_FAILED };
MODEL_ENUM(check_state);

/* What a provider said last of one check (workflow, pipeline, status) of a commit. */
struct commit_check {
  char id[ID_SIZE];
  char project_id[ID_SIZE];
  char *sha;
  char *name;      /* "workflow: build", unique among the commit's */
  int64_t ordinal; /* of what was said: higher is newer */
  enum check_state state;
  int64_t updated_us; /* when it was heard */
};
MODEL_STRUCT(commit_check);
#define auto_commit_check MODEL_AUTO(commit_check)
#define auto_commit_check_list MODEL_AUTO(commit_check_list)

#endif
