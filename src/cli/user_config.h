/* ~/.tramway/config.json (mode 0600 in a folder of mode 0700, replaced whole):
 *
 *     { "server": "http://127.0.0.1:4600", "token": "…", "user": {"name": …, "email": …},
 *       "projects": { "/abs/folder": { "project": id, "name": …, "environment": id,
 *                                      "environmentName": …, "service": id or null } } }
 *
 * A folder's link is that of the nearest folder upward that has one.  Links that were made with
 * Railway are understood too: ~/.railway/config.json (same shape below "projects") and a committed
 * `.railway/project.json` {"projectId", "environmentId"}; they are read, never written.
 *
 * Every name TRAM_X may also be spelled RAILWAY_X; TRAM_X wins. */
#ifndef TRAMWAY_CLI_USER_CONFIG_H
#define TRAMWAY_CLI_USER_CONFIG_H

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"

#define CONFIG_DEFAULT_SERVER "http://127.0.0.1:4600"

struct user_config {
  char *path;   /* $TRAM_CONFIG, else ~/.tramway/config.json */
  json_t *root; /* an object */
};

/* Reads the file; none is an empty configuration.  ERR_CORRUPT names the file and says that it can
 * be removed. */
fallible user_config_load(struct user_config *ret_config);
fallible user_config_save(const struct user_config *config);
void user_config_done(struct user_config *config);
static inline void user_config_cleanup_(struct user_config *config) {
  user_config_done(config);
}
#define auto_user_config __attribute__((cleanup(user_config_cleanup_))) struct user_config

/* The environment variable TRAM_<name>, else RAILWAY_<name>; empty counts as unset. */
const char *user_config_env(const char *name);

/* TRAM_SERVER (or TRAM_API), else the file's, else CONFIG_DEFAULT_SERVER.  Borrowed. */
const char *user_config_server(const struct user_config *config);

enum token_kind {
  TOKEN_NONE,
  TOKEN_BEARER,  /* a person's or workspace's: RAILWAY_API_TOKEN, or signed in */
  TOKEN_PROJECT, /* of one environment of one project: RAILWAY_TOKEN */
};
/* RAILWAY_TOKEN, else RAILWAY_API_TOKEN, else the file's.  Borrowed. */
enum token_kind user_config_token(const struct user_config *config, const char **ret_token);

/* Which project a folder belongs to.  Texts are owned; what is not known is NULL. */
struct link {
  char *folder; /* where the link was found; NULL when it came from the environment variables */
  char *project, *name, *environment, *environment_name, *service;
};
void link_done(struct link *link);
static inline void link_cleanup_(struct link *link) {
  link_done(link);
}
#define auto_link __attribute__((cleanup(link_cleanup_))) struct link

/* RAILWAY_PROJECT_ID (with _ENVIRONMENT_ID, _SERVICE_ID), else the nearest link upward of `folder`.
 * ERR_NOT_FOUND with advice when there is none; ERR_INVALID for an environment id without a
 * project id; ERR_CORRUPT for a broken .railway/project.json. */
fallible user_config_find_link(const struct user_config *config, const char *folder, struct link *ret_link);

/* Links `link->folder`.  user_config_save makes it last. */
void user_config_set_link(struct user_config *config, const struct link *link);

/* Removes the nearest link upward of `folder`; false when there is none. */
bool user_config_remove_link(struct user_config *config, const char *folder);

#endif
