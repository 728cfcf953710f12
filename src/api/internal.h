/* What the files of api/ share.  Nobody else includes this. */
#ifndef TRAMWAY_API_INTERNAL_H
#define TRAMWAY_API_INTERNAL_H

#include "api/api.h"
#include "base/json.h"
#include "base/list.h"
#include "base/map.h"
#include "graphql/execute.h"
#include "graphql/schema.h"
#include "graphql/subscribe.h"
#include "http/server.h"
#include "model/receipt.h"
#include "model/bucket.h"
#include "model/volume.h"
#include "model/account.h"

struct api {
  struct api_parts parts;
  graphql_schema *schema;
  http_server *server;
  char *version, *public_url, *edge_url, *domain_suffix, *upload_dir;
  int64_t upload_limit_bytes, ssh_uid;
  int64_t incoming_bytes; /* of upload.c: that may be sent yet by those who are sending */
  struct sign_in_guard *sign_in_guard;
  struct rate *rate;
  struct devices *devices; /* programs that wait to be signed in */
  char concerned_workspace_id[ID_SIZE]; /* audit_concerns, of the mutation that runs */
  struct list pushes; /* of git_push.c: what is being taken or followed */
  map *hook_rates; /* webhook id → what it has sent in this minute */
  struct late_all *late_all; /* late.h */
  struct list tunnels; /* of tunnel.c: that are open */
};

enum { CALLER_ADDRESS_SIZE = 64, CALLER_AGENT_SIZE = 80 };
enum caller_kind { CALLER_NOBODY, CALLER_USER, CALLER_PROJECT };

/* Who is asking, from the request's token. */
struct caller {
  enum caller_kind kind;
  char user_id[ID_SIZE];        /* USER */
  char token_id[ID_SIZE];
  char workspace_id[ID_SIZE];   /* of a workspace token: it reaches no other; else "" */
  char project_id[ID_SIZE];     /* PROJECT */
  char environment_id[ID_SIZE]; /* PROJECT */
  bool is_session;              /* USER who signed in, rather than a token made for a program */
  bool is_long_lived;           /* a WebSocket: the token may have ended since it was opened */
  char address[CALLER_ADDRESS_SIZE]; /* where the request came from */
  char agent[CALLER_AGENT_SIZE];     /* the program it named itself as */
};

/* What something belongs to; ids that do not apply are "". */
struct place {
  char workspace_id[ID_SIZE], project_id[ID_SIZE], environment_id[ID_SIZE];
};

/* The context of a GraphQL request. */
struct asking {
  api *api;
  struct caller caller;
  struct late *late; /* late.h; NULL over a WebSocket */
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
/* The same for a bare secret: an account's token, or a project's. */
fallible auth_caller_of_secret(api *a, const http_request *r, const char *secret, struct caller *ret_caller);
/* Whether the connection comes from this machine. */
bool auth_peer_is_local(const http_request *r);
/* ERR_DENIED when the caller's token has ended since. */
fallible auth_check_alive(api *a, const struct caller *caller);
/* Address and agent of a request. */
void auth_origin(const http_request *r, struct caller *ret_caller);
/* Who has these credentials.  ERR_DENIED, also "Two Factor Authentication Required" when the account has
 * a second factor and `code` is empty; ERR_BUSY after too many attempts. */
struct credentials {
  const char *email, *password;
  const char *code; /* of the second factor, or a recovery code; "" or NULL */
};
fallible auth_sign_in(api *a, const char *address, const struct credentials *given, struct user *ret_user);
/* A new secret and its row; the secret is shown once. */
struct token_wish {
  enum api_token_kind kind;
  const char *user_id, *name;
  const char *workspace_id; /* of WORKSPACE, else NULL */
  int64_t expires_us;       /* 0: never */
};
fallible auth_issue_token(db *d, const struct token_wish *wish, char **ret_secret);
/* The token of somebody who has signed in, named after the program and the address they came from. */
fallible auth_issue_session(db *d, const char *user_id, const struct caller *from, char **ret_secret);

/* ---- two_factor.c ---- */

#define TWO_FACTOR_REQUIRED "Two Factor Authentication Required"
/* For signing in: ERR_DENIED when the account has a second factor and this is no code of it. */
fallible two_factor_check(api *a, const char *user_id, const char *code);
/* For what a session must confirm: ERR_DENIED unless it showed a code within the last minutes, or the
 * account has no second factor.  Tokens are let through. */
fallible two_factor_check_session(api *a, const struct caller *caller);

/* ---- rate_http.c ---- */

/* Before every request: counts it, and answers 429 when there were too many. */
void handle_before(http_request *r, void *api_);
/* For the messages of a WebSocket: whether those of this request count at all, and whether there may be
 * one more. */
bool rate_counts(const http_request *r);
bool rate_admits(api *a, const struct caller *caller);

/* ---- access.c ---- */

fallible access_check(void *context, const char *role, const struct graphql_call *call);
fallible access_workspace(api *a, const struct caller *caller, const char *workspace_id,
                          enum workspace_role least);
/* Where the subject of a root field is. */
fallible access_place(const struct graphql_call *call, struct place *ret_place);
char *absent_field(const char *type, const char *field); /* a graphql_absent */
/* For the parts that are not GraphQL: may the caller deploy to (change) that environment? */
fallible access_environment(api *a, const struct caller *caller, const char *environment_id,
                            enum workspace_role least);
fallible access_project(api *a, const struct caller *caller, const char *project_id, enum workspace_role least);
/* For a second deployment among the arguments, and for what needs more than its field does. */
fallible access_deployment(api *a, const struct caller *caller, const char *deployment_id,
                           enum workspace_role least);

/* ---- audit.c ---- */

/* Around every mutation: its row in the audit log. */
fallible audit_mutation(struct graphql_call *call, graphql_resolver *resolve, json_t **ret_value);
/* A resolver says which workspace the mutation turned out to be about. */
void audit_concerns(const struct graphql_call *call, const char *workspace_id);
/* For what is no mutation (uploads, commands in instances, pushes): that it was accepted.  `detail`
 * is an object without secrets, taken, or NULL.  `environment_id` NULL: it is about the detail's projectId, or
 * about neither. */
fallible audit_accepted(api *a, const struct caller *caller, const char *event_type, const char *environment_id,
                        json_t *detail);

/* ---- domain.c ---- */

/* "http://web.localhost:8080": the edge's scheme and port, with the domain as the host; the caller owns it. */
char *url_at_edge(const api *a, const char *host);

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
json_t *tcp_proxy_json(const struct tcp_proxy *p, const char *domain, enum sync_status status);
json_t *volume_json(const struct volume *v);
json_t *bucket_json(const struct bucket *b);
json_t *log_json(const struct log_entry *entry, const char *deployment_id);
json_t *time_json(int64_t time_us); /* RFC 3339, null for 0 */

/* ---- workspace.c ---- */

fallible workspace_add_member(db *d, const char *workspace_id, const char *user_id, enum workspace_role role);
/* ERR_NOT_FOUND unless the code is of an invitation that may be used. */
fallible invitation_check_code(db *d, const char *code);
/* Makes the user a member, and ends the invitation; inside the caller's transaction. */
fallible invitation_use(db *d, const char *code, const char *user_id, struct workspace *ret_workspace);

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
extern const struct bindings bindings_account, bindings_token, bindings_workspace, bindings_audit, bindings_two_factor, bindings_project, bindings_service, bindings_deployment,
    bindings_variable, bindings_domain, bindings_tcp_proxy, bindings_log, bindings_subscription, bindings_event, bindings_release,
    bindings_credential, bindings_ssh_key, bindings_disk, bindings_environment_patch, bindings_pull_request,
    bindings_trigger, bindings_webhook, bindings_machine, bindings_template, bindings_database, bindings_database_password, bindings_database_upgrade, bindings_backup, bindings_volume,
    bindings_bucket;

#define RESOLVER(name) static err *name(struct graphql_call *call, json_t **ret_value)

/* The text argument, or the member of the argument `input`; NULL when absent or null. */
const char *arg_text(const struct graphql_call *call, const char *name);
const char *input_text(const struct graphql_call *call, const char *name);
json_t *input_of(const struct graphql_call *call);
const char *parent_text(const struct graphql_call *call, const char *name);

/* The instance of a service in an environment; ERR_NOT_FOUND when it is not there. */
fallible find_instance(const struct graphql_call *call, const char *service_id,
                       const char *environment_id, struct service_instance *ret_instance);

/* A repository on this machine is read with tramd's rights, so only an admin may name one. */
fallible check_local_source(const struct graphql_call *call, const char *repo, const char *environment_id);

/* ---- http: graphql_http.c, upload.c, exec.c, git_http.c, webhook_http.c ---- */

void handle_graphql(http_request *r, void *api_);
void handle_graphql_socket(http_request *r, void *api_);
/* A body that goes to the disk: first the context with its caller, then, once that may send it, a file of it.  What
 * several send at once is counted together, so that it cannot be more than there is room for. */
struct caller *upload_sender(api *a, http_request *r);
fallible upload_take(api *a, http_request *r, const char *ending);
void handle_upload_begin(http_request *r, void *api_);
void handle_upload(http_request *r, void *api_);
void handle_exec(http_request *r, void *api_);
void handle_tunnel(http_request *r, void *api_);

/* Of /exec and /tunnel. */
enum {
  STREAM_QUEUE_BYTES = 1024 * 1024, /* what the instance has not taken yet: beyond it the client is not read from */
  STREAM_HOLD_BYTES = 256 * 1024,   /* what the client has not taken yet: beyond it the instance is held back */
  STREAM_INPUT_LOOK_MS = 10,
  STREAM_ACCESS_LOOK_MS = 10000,    /* whoever lost the right to be there is out after that */
};

/* The deployment that a request for /exec or /tunnel names, and that the caller may change; which replica, or -1. */
fallible exec_find_deployment(api *a, const http_request *r, const struct caller *caller,
                              struct deployment *ret_deployment, int *ret_replica);
bool exec_may_stay(api *a, struct caller *caller, const char *environment_id); /* still has the right to be there */
void handle_git_get(http_request *r, void *api_);
void handle_git_begin(http_request *r, void *api_);
void handle_git_post(http_request *r, void *api_);
void handle_ssh_key(http_request *r, void *api_);
void handle_device_auth(http_request *r, void *api_); /* oauth.c … */
void handle_oauth_token(http_request *r, void *api_);
void handle_device_page(http_request *r, void *api_);
void handle_device_form(http_request *r, void *api_);
void handle_invitation(http_request *r, void *api_);
void handle_webhook_begin(http_request *r, void *api_); /* webhook_http.c */
void handle_webhook(http_request *r, void *api_);
void webhook_rates_free(api *a);
void handle_volume_list(http_request *r, void *api_); /* volume_http.c */
void handle_volume_read(http_request *r, void *api_);
void handle_volume_write_begin(http_request *r, void *api_);
void handle_volume_write(http_request *r, void *api_);
void handle_volume_remove(http_request *r, void *api_);
void handle_volume_rename(http_request *r, void *api_);
void handle_volume_folder(http_request *r, void *api_);

/* Every path that is answered. */
extern const struct http_route api_routes[];
extern const size_t api_routes_len;

#endif
