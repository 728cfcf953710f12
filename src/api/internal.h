/* What the files of api/ share.  Nobody else includes this. */
#ifndef TRAMWAY_API_INTERNAL_H
#define TRAMWAY_API_INTERNAL_H

#include "api/api.h"
#include "base/json.h"
#include "graphql/execute.h"
#include "graphql/schema.h"
#include "graphql/subscribe.h"
#include "http/server.h"
#include "model/receipt.h"
#include "model/account.h"

struct api {
  struct api_parts parts;
  graphql_schema *schema;
  http_server *server;
  char *version, *public_url, *edge_url, *domain_suffix, *upload_dir;
  int64_t upload_limit_bytes;
  int64_t attempts_since_us; /* of signing in: a stranger may not keep us hashing passwords */
  int attempts;
};

enum caller_kind { CALLER_NOBODY, CALLER_USER, CALLER_PROJECT };

/* Who is asking, from the request's token. */
struct caller {
  enum caller_kind kind;
  char user_id[ID_SIZE];        /* USER */
  char token_id[ID_SIZE];
  char workspace_id[ID_SIZE];   /* of a workspace token: it reaches no other; else "" */
  char project_id[ID_SIZE];     /* PROJECT */
  char environment_id[ID_SIZE]; /* PROJECT */
};

/* The context of a GraphQL request. */
struct asking {
  api *api;
  struct caller caller;
};

static inline struct asking *asking_of(const struct graphql_call *call) {
  return call->context;
}
static inline core *core_of(const struct graphql_call *call) {
  return asking_of(call)->api->parts.core;
}
static inline db *db_of(const struct graphql_call *call) {
  return asking_of(call)->api->parts.db;
}

/* ---- auth.c ---- */

/* A bad or expired token is ERR_DENIED; none at all is CALLER_NOBODY. */
fallible auth_caller(api *a, const http_request *r, struct caller *ret_caller);
/* Counts an attempt to sign in; ERR_BUSY when there were too many. */
fallible auth_attempt(api *a);
/* A new secret and its row; the secret is shown once. */
fallible auth_issue_token(db *d, const char *user_id, enum api_token_kind kind, const char *name,
                          const char *workspace_id, char **ret_secret);

/* ---- access.c ---- */

fallible access_check(void *context, const char *role, const struct graphql_call *call);
fallible access_is_admin(db *d, const char *user_id, bool *ret_admin); /* of the installation */
/* For the parts that are not GraphQL: may the caller deploy to (change) that environment? */
fallible access_environment(api *a, const struct caller *caller, const char *environment_id,
                            enum workspace_role least);
/* For a second deployment among the arguments, and for what needs more than its field does. */
fallible access_deployment(api *a, const struct caller *caller, const char *deployment_id,
                           enum workspace_role least);

/* ---- json.c: rows as objects of the API ---- */

json_t *user_json(const struct user *u);
json_t *workspace_json(const struct workspace *w);
json_t *project_json(const struct project *p);
json_t *environment_json(const struct environment *e);
json_t *service_json(const struct service *s);
json_t *service_instance_json(const struct service_instance *i);
json_t *deployment_json(const struct deployment *d);
json_t *deployment_event_json(const struct deployment_step *s);
json_t *receipt_json(const struct receipt *r);
json_t *domain_json(const struct domain *d);
json_t *log_json(const struct log_entry *entry, const char *deployment_id);
json_t *time_json(int64_t time_us); /* RFC 3339, null for 0 */

/* ---- relay.c ---- */

/* A connection over `nodes` (array of objects with "id"; taken), cut by first/after/last/before of
 * `args`.  `has_more` when the array itself was cut at its end. */
fallible relay_connection(json_t *nodes, const json_t *args, bool has_more, json_t **ret_connection);
#define RELAY_FIRST_MAX 500

/* ---- the resolvers, a table per file ---- */

struct bindings {
  const struct graphql_binding *rows;
  size_t len;
};
extern const struct bindings bindings_account, bindings_project, bindings_service, bindings_deployment,
    bindings_variable, bindings_domain, bindings_log, bindings_subscription, bindings_event, bindings_release,
    bindings_disk, bindings_environment_patch, bindings_pull_request;

#define RESOLVER(name) static err *name(struct graphql_call *call, json_t **ret_value)

/* The text argument, or the member of the argument `input`; NULL when absent or null. */
const char *arg_text(const struct graphql_call *call, const char *name);
const char *input_text(const struct graphql_call *call, const char *name);
json_t *input_of(const struct graphql_call *call);
const char *parent_text(const struct graphql_call *call, const char *name);

/* The instance of a service in an environment; ERR_NOT_FOUND when it is not there. */
fallible find_instance(const struct graphql_call *call, const char *service_id,
                       const char *environment_id, struct service_instance *ret_instance);

/* Deploys again after a change of variables, unless asked not to or nothing was deployed yet. */
fallible deploy_after_change(const struct graphql_call *call, const char *service_id,
                             const char *environment_id);

/* ---- http: graphql_http.c, upload.c, exec.c ---- */

void handle_graphql(http_request *r, void *api_);
void handle_graphql_socket(http_request *r, void *api_);
void handle_upload_begin(http_request *r, void *api_);
void handle_upload(http_request *r, void *api_);
void handle_exec(http_request *r, void *api_);

#endif
