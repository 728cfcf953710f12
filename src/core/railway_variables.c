#include "core/railway_variables.h"

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
  add(variables, "RAILWAY_SNAPSHOT_ID", f->snapshot_hash);
  add(variables, "RAILWAY_REPLICA_REGION", REGION_NAME);
  if (f->deployment) {
    add(variables, "RAILWAY_DEPLOYMENT_ID", f->deployment->id);
    if (f->deployment->meta) add_git(f->deployment->meta, variables);
  }
  auto_free char *port = str_format("%d", PORT_DEFAULT);
  add(variables, "PORT", port);
}

int railway_variables_port(const json_t *variables) {
  long long port;
  return str_to_int(json_get_text(variables, "PORT"), 1, 65535, &port) ? (int)port : PORT_DEFAULT;
}
