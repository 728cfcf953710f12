#include "cli/user_config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#define CONFIG_LIMIT (4 << 20) /* some ten thousand links */
#define LINK_LIMIT 65536

static const char *home(void) {
  const char *folder = getenv("HOME");
  return str_empty(folder) ? "/root" : folder;
}

const char *user_config_env(const char *name) {
  static const char *const prefixes[] = {"TRAM_", "RAILWAY_"};
  for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
    auto_free char *variable = str_format("%s%s", prefixes[i], name);
    const char *value = getenv(variable);
    if (!str_empty(value)) return value;
  }
  return NULL;
}

/* The object in the file; NULL in *ret_root when there is no file. */
static err *read_object(const char *path, size_t limit, json_t **ret_root) {
  *ret_root = NULL;
  auto_str text = STR_EMPTY;
  err *e = file_read(path, limit, &text);
  if (e && err_code_of(e) == ERR_NOT_FOUND) {
    err_ignore(e);
    return NULL;
  }
  if (e) return e;
  json_t *root = NULL;
  e = json_parse(str_text(&text), text.len, path, &root);
  if (e) return err_recode(e, ERR_CORRUPT);
  if (json_is_object(root)) {
    *ret_root = root;
    return NULL;
  }
  json_decref(root);
  return err_new(ERR_CORRUPT, "%s: not a JSON object", path);
}

err *user_config_load(struct user_config *ret_config) {
  const char *named = getenv("TRAM_CONFIG");
  struct user_config config = {0};
  config.path = str_empty(named) ? str_format("%s/.tramway/config.json", home()) : str_dup(named);
  err *e = read_object(config.path, CONFIG_LIMIT, &config.root);
  if (e) {
    e = err_wrap(e, "reading the configuration (mend or remove %s, then sign in again)",
                 config.path);
    user_config_done(&config);
    return e;
  }
  if (!config.root) config.root = json_object();
  *ret_config = config;
  return NULL;
}

err *user_config_save(const struct user_config *config) {
  auto_free char *folder = str_dup(config->path);
  char *slash = strrchr(folder, '/');
  if (slash && slash != folder) {
    *slash = '\0';
    TRY(file_make_dirs(folder, 0700));
  }
  auto_free char *text = json_to_pretty_text(config->root);
  return file_write(config->path, text, strlen(text), 0600);
}

void user_config_done(struct user_config *config) {
  free(config->path);
  json_decref(config->root);
  *config = (struct user_config){0};
}

const char *user_config_server(const struct user_config *config) {
  const char *server = getenv("TRAM_SERVER");
  if (str_empty(server)) server = getenv("TRAM_API");
  if (str_empty(server)) server = json_get_text(config->root, "server");
  return str_empty(server) ? CONFIG_DEFAULT_SERVER : server;
}

enum token_kind user_config_token(const struct user_config *config, const char **ret_token) {
  *ret_token = user_config_env("TOKEN");
  if (*ret_token) return TOKEN_PROJECT;
  *ret_token = user_config_env("API_TOKEN");
  if (*ret_token) return TOKEN_BEARER;
  *ret_token = json_get_text(config->root, "token");
  return str_empty(*ret_token) ? TOKEN_NONE : TOKEN_BEARER;
}

void link_done(struct link *link) {
  free(link->folder);
  free(link->project);
  free(link->name);
  free(link->environment);
  free(link->environment_name);
  free(link->service);
  *link = (struct link){0};
}

/* Cuts the last part off; false at "/". */
static bool go_up(char *folder) {
  char *slash = strrchr(folder, '/');
  if (!slash || !slash[1]) return false;
  slash[slash == folder ? 1 : 0] = '\0';
  return true;
}

static void link_from_entry(const json_t *entry, const char *folder, struct link *ret_link) {
  *ret_link = (struct link){
      .folder = str_dup(folder),
      .project = str_dup(json_get_text(entry, "project")),
      .name = str_dup(json_get_text(entry, "name")),
      .environment = str_dup(json_get_text(entry, "environment")),
      .environment_name = str_dup(json_get_text(entry, "environmentName")),
      .service = str_dup(json_get_text(entry, "service")),
  };
}

static const json_t *entry_of(const json_t *root, const char *folder) {
  const json_t *entry = json_object_get(json_object_get(root, "projects"), folder);
  return json_get_text(entry, "project") ? entry : NULL;
}

/* A committed .railway/project.json, as older Railway CLIs wrote it. */
static err *link_from_project_file(const char *folder, struct link *ret_link, bool *ret_found) {
  auto_free char *path = path_join(folder, ".railway/project.json");
  auto_json *root = NULL;
  TRY(read_object(path, LINK_LIMIT, &root));
  *ret_found = root != NULL;
  if (!root) return NULL;
  const char *project = json_get_text(root, "projectId");
  if (!project) return err_new(ERR_CORRUPT, "%s: \"projectId\" is missing", path);
  *ret_link = (struct link){
      .folder = str_dup(folder),
      .project = str_dup(project),
      .environment = str_dup(json_get_text(root, "environmentId")),
      .service = str_dup(json_get_text(root, "serviceId")),
  };
  return NULL;
}

static err *link_from_environment(struct link *ret_link, bool *ret_found) {
  const char *project = user_config_env("PROJECT_ID");
  const char *environment = user_config_env("ENVIRONMENT_ID");
  *ret_found = project != NULL;
  if (!project && environment)
    return err_new(ERR_INVALID, "RAILWAY_ENVIRONMENT_ID is set without RAILWAY_PROJECT_ID: "
                                "set both or neither");
  if (!project) return NULL;
  *ret_link = (struct link){
      .project = str_dup(project),
      .environment = str_dup(environment),
      .service = str_dup(user_config_env("SERVICE_ID")),
  };
  return NULL;
}

err *user_config_find_link(const struct user_config *config, const char *folder, struct link *ret_link) {
  bool found;
  TRY(link_from_environment(ret_link, &found));
  if (found) return NULL;
  auto_free char *railway_path = str_format("%s/.railway/config.json", home());
  auto_json *railway = NULL;
  err_ignore(read_object(railway_path, CONFIG_LIMIT, &railway)); /* not ours to complain about */
  auto_free char *at = str_dup(folder);
  do {
    const json_t *entry = entry_of(config->root, at);
    if (!entry) entry = entry_of(railway, at);
    if (entry) {
      link_from_entry(entry, at, ret_link);
      return NULL;
    }
    TRY(link_from_project_file(at, ret_link, &found));
    if (found) return NULL;
  } while (go_up(at));
  return err_new(ERR_NOT_FOUND, "No linked project found. Run `tram link` to connect to a project, "
                                "or `tram init` to make one");
}

void user_config_set_link(struct user_config *config, const struct link *link) {
  json_t *projects = json_object_get(config->root, "projects");
  if (!json_is_object(projects)) {
    projects = json_object();
    json_object_set_new(config->root, "projects", projects);
  }
  json_t *entry = json_object();
  json_set_text(entry, "projectPath", link->folder);
  json_set_text(entry, "name", link->name);
  json_set_text(entry, "project", link->project);
  json_set_text(entry, "environment", link->environment);
  json_set_text(entry, "environmentName", link->environment_name);
  json_set_text(entry, "service", link->service);
  json_object_set_new(projects, link->folder, entry);
}

bool user_config_remove_link(struct user_config *config, const char *folder) {
  json_t *projects = json_object_get(config->root, "projects");
  auto_free char *at = str_dup(folder);
  do {
    if (json_object_get(projects, at)) return json_object_del(projects, at) == 0;
  } while (go_up(at));
  return false;
}
