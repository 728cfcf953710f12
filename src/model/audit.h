/* Who did what: one row for every mutation, in a chain of hashes.  Railway's AuditLog. */
#ifndef TRAMWAY_MODEL_AUDIT_H
#define TRAMWAY_MODEL_AUDIT_H

#include "model/shape.h"

enum audit_outcome {
  AUDIT_STARTED,  /* under way; afterwards: tramd ended before it knew what came of it */
  AUDIT_DONE,
  AUDIT_ACCEPTED, /* goes on in the background; what came of it is told elsewhere (a deployment's status) */
  AUDIT_DENIED,
  AUDIT_FAILED,
};
MODEL_ENUM(audit_outcome);

struct audit_log {
  char id[ID_SIZE];
  char *event_type; /* the mutation's name */
  enum audit_outcome outcome;
  char actor_user_id[ID_SIZE];  /* "" when nobody was signed in, and for project tokens */
  char actor_token_id[ID_SIZE];
  char *address, *agent;        /* where from; NULL when unknown */
  char workspace_id[ID_SIZE], project_id[ID_SIZE], environment_id[ID_SIZE]; /* what it was about */
  char *payload; /* JSON object: the arguments without what may be secret */
  char *problem; /* the error's text */
  int64_t created_us;
  char *previous_hash, *hash; /* SHA-256; see store/audit.h */
};
MODEL_STRUCT(audit_log);
#define auto_audit_log MODEL_AUTO(audit_log)
#define auto_audit_log_list MODEL_AUTO(audit_log_list)

#endif
