#include "core/railway_variables.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

/* The user's own value wins; nothing is set for what is not known. */
static void add(json_t *variables, const char *name, const char *value) {
  if (str_empty(value) || json_object_get(variables, name)) return;
  json_t *text = json_string(value);
  if (text) json_object_set_new(variables, name, text);
}

static void add_git(const json_t *meta, json_t *variables) {
  /* clang-format off */
  static const struct { const char *name, *key; } rows[] = {
    { "RAILWAY_GIT_COMMIT_SHA",     "commitHash" },
    { "RAILWAY_GIT_AUTHOR",         "commitAuthor" },
    { "RAILWAY_GIT_BRANCH",         "branch" },
    { "RAILWAY_GIT_REPO_NAME",      "repoName" },
    { "RAILWAY_GIT_REPO_OWNER",     "repoOwner" },
    { "RAILWAY_GIT_COMMIT_MESSAGE", "commitMessage" },
  };
  /* clang-format on */
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) add(variables, rows[i].name, json_get_text(meta, rows[i].key));
}

/* "owner/name", "https://host/owner/name.git", "git@host:owner/name", "/srv/git/name.git". */
static void add_repository(const char *repo, json_t *variables) {
  if (str_empty(repo)) return;
  auto_free char *path = str_dup(repo);
  size_t len = strlen(path);
  while (len && path[len - 1] == '/') path[--len] = '\0';
  if (str_ends(path, ".git")) path[len - 4] = '\0';
  char *slash = strrchr(path, '/');
  add(variables, "RAILWAY_GIT_REPO_NAME", slash ? slash + 1 : path);
  if (!slash || *repo == '/' || str_starts(repo, "file:")) return; /* a folder is nobody's */
  *slash = '\0';
  char *owner = path + strlen(path);
  while (owner > path && owner[-1] != '/' && owner[-1] != ':') owner--;
  add(variables, "RAILWAY_GIT_REPO_OWNER", owner);
}

/* "My API" → RAILWAY_SERVICE_MY_API_URL, which has no scheme. */
static void add_hosts(const json_t *hosts, json_t *variables) {
  const char *service;
  json_t *host;
  json_object_foreach((json_t *)hosts, service, host) {
    auto_str name = STR_EMPTY;
    str_add(&name, "RAILWAY_SERVICE_");
    for (const char *p = service; *p; p++) str_add_char(&name, isalnum((unsigned char)*p) ? (char)toupper((unsigned char)*p) : '_');
    str_add(&name, "_URL");
    add(variables, str_text(&name), json_string_value(host));
  }
}

static void add_tcp_proxy(const struct railway_facts *f, json_t *variables) {
  if (!f->tcp_domain) return;
  auto_free char *port = str_format("%d", f->tcp_port), *application_port = str_format("%d", f->tcp_application_port);
  add(variables, "RAILWAY_TCP_PROXY_DOMAIN", f->tcp_domain);
  add(variables, "RAILWAY_TCP_PROXY_PORT", port);
  add(variables, "RAILWAY_TCP_APPLICATION_PORT", application_port);
}

void railway_variables_add(const struct railway_facts *f, json_t *variables) {
  auto_free char *private_domain = str_format("%s.railway.internal", f->service->label);
  add(variables, "RAILWAY_PROJECT_NAME", f->project->name);
  add(variables, "RAILWAY_PROJECT_ID", f->project->id);
  add(variables, "RAILWAY_ENVIRONMENT", f->environment->name);
  add(variables, "RAILWAY_ENVIRONMENT_NAME", f->environment->name);
  add(variables, "RAILWAY_ENVIRONMENT_ID", f->environment->id);
  add(variables, "RAILWAY_SERVICE_NAME", f->service->name);
  add(variables, "RAILWAY_SERVICE_ID", f->service->id);
  add(variables, "RAILWAY_PRIVATE_DOMAIN", private_domain);
  add(variables, "RAILWAY_PUBLIC_DOMAIN", f->public_domain);
  add(variables, "RAILWAY_STATIC_URL", f->public_domain);
  add_tcp_proxy(f, variables);
  add(variables, "RAILWAY_SNAPSHOT_ID", f->snapshot_hash);
  add(variables, "RAILWAY_REPLICA_REGION", REGION_NAME);
  add(variables, "RAILWAY_VOLUME_NAME", f->volume_name);
  add(variables, "RAILWAY_VOLUME_MOUNT_PATH", f->volume_mount_path);
  if (f->deployment) {
    add(variables, "RAILWAY_DEPLOYMENT_ID", f->deployment->id);
    add_git(f->deployment->meta, variables);
    add_repository(json_get_text(f->deployment->meta, "repo"), variables);
  }
  add_hosts(f->hosts, variables);
  auto_free char *port = str_format("%d", PORT_DEFAULT);
  add(variables, "PORT", port);
}

int railway_variables_port(const json_t *variables) {
  long long port;
  return str_to_int(json_get_text(variables, "PORT"), 1, 65535, &port) ? (int)port : PORT_DEFAULT;
}
