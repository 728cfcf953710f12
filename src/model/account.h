/* Who may do things: users, the workspaces they belong to, and tokens (reference 2.1, 2.14).
 * A token's secret is shown once and never kept; the row has its SHA-256. */
#ifndef TRAMWAY_MODEL_ACCOUNT_H
#define TRAMWAY_MODEL_ACCOUNT_H

#include "model/shape.h"

struct workspace {
  char id[ID_SIZE];
  char *name;
  int64_t created_us, updated_us;
};
MODEL_STRUCT(workspace);
#define auto_workspace MODEL_AUTO(workspace)
#define auto_workspace_list MODEL_AUTO(workspace_list)

struct user {
  char id[ID_SIZE];
  char *email; /* unique; letter case is ignored */
  char *name;
  char *password_hash; /* yescrypt (base/secret.h); NULL: cannot sign in with a password */
  bool is_admin;       /* of the installation; a workspace's admin is none */
  int64_t created_us, updated_us;
};
MODEL_STRUCT(user);
#define auto_user MODEL_AUTO(user)
#define auto_user_list MODEL_AUTO(user_list)

/* What each may do stands in api/access.c.  A deployer may push code but read neither variables nor
 * logs; a viewer reads logs but changes nothing: neither includes the other. */
enum workspace_role { WORKSPACE_ADMIN, WORKSPACE_MEMBER, WORKSPACE_DEPLOYER, WORKSPACE_VIEWER };
MODEL_ENUM(workspace_role);

struct workspace_member {
  char workspace_id[ID_SIZE];
  char user_id[ID_SIZE];
  enum workspace_role role;
  int64_t created_us;
};
MODEL_STRUCT(workspace_member);
#define auto_workspace_member MODEL_AUTO(workspace_member)
#define auto_workspace_member_list MODEL_AUTO(workspace_member_list)

enum api_token_kind {
  API_TOKEN_ACCOUNT,   /* everything the user may do */
  API_TOKEN_WORKSPACE, /* one workspace, as an admin of it */
  API_TOKEN_SESSION,   /* made by signing in; expires; listed among the sessions, not the tokens */
};
MODEL_ENUM(api_token_kind);

struct api_token {
  char id[ID_SIZE];
  enum api_token_kind kind;
  char user_id[ID_SIZE];      /* who made it; for ACCOUNT and SESSION also who it speaks for */
  char workspace_id[ID_SIZE]; /* of WORKSPACE, else "" */
  char *name;
  char *secret_hash; /* SHA-256 of the secret, 64 lower-case hex digits */
  int64_t created_us, last_used_us;
  int64_t expires_us;   /* 0: never */
  int64_t confirmed_us; /* of SESSION: when a second factor was last shown */
};
MODEL_STRUCT(api_token);
#define auto_api_token MODEL_AUTO(api_token)
#define auto_api_token_list MODEL_AUTO(api_token_list)

/* Speaks for one environment of one project: header Project-Access-Token, RAILWAY_TOKEN. */
struct project_token {
  char id[ID_SIZE];
  char project_id[ID_SIZE];
  char environment_id[ID_SIZE];
  char creator_user_id[ID_SIZE]; /* "" when that user is gone */
  char *name;
  char *secret_hash;
  int64_t created_us, last_used_us;
  int64_t expires_us; /* 0: never */
};
MODEL_STRUCT(project_token);
#define auto_project_token MODEL_AUTO(project_token)
#define auto_project_token_list MODEL_AUTO(project_token_list)

/* A link that makes whoever has it a member, once.  Its code is kept as SHA-256 only. */
struct invitation {
  char id[ID_SIZE];
  char workspace_id[ID_SIZE];
  char creator_user_id[ID_SIZE]; /* it is worth nothing any more once they are no admin there */
  enum workspace_role role;
  char *secret_hash;
  int64_t created_us, expires_us;
};
MODEL_STRUCT(invitation);
#define auto_invitation MODEL_AUTO(invitation)
#define auto_invitation_list MODEL_AUTO(invitation_list)

#define EMAIL_LEN_MAX 254    /* RFC 5321: a path is at most 256 octets with its angle brackets */
#define PASSWORD_LEN_MIN 8   /* NIST SP 800-63B, 5.1.1.1 */
#define PASSWORD_LEN_MAX 512 /* yescrypt reads no more (crypt(5)) */

/* ERR_INVALID unless it is "something@something" without spaces or control characters. */
fallible email_check(const char *email);
fallible password_check(const char *password);

#endif
