#include "core/database_add.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "core/internal.h"
#include "core/staged.h"
#include "core/template.h"
#include "core/variables.h"
#include "store/project.h"
#include "store/service.h"
#include "store/variable.h"

void core_database_added_done(struct core_database_added *added) {
  free(added->name);
  free(added->image);
  *added = (struct core_database_added){0};
}

/* ---- the link ---- */

/* That the variable is not there, or says the same. */
static err *check_free(core *c, const char *environment_id, const struct core_database_link *link, const char *variable,
                       const char *value) {
  auto_service service = {0};
  auto_json *present = NULL;
  auto_service_instance instance = {0};
  bool found = false;
  TRY(service_get(c->db, link->service_id, &service));
  TRY(service_instance_find(c->db, link->service_id, environment_id, &found, &instance));
  if (!found) return err_new(ERR_NOT_FOUND, "Service \"%s\" is not in this environment", service.name);
  if (link->overwrite) return NULL;
  TRY(variables_of_user(c, &instance, &present));
  const char *says = json_get_text(present, variable);
  if (!says || str_eq(says, value)) return NULL;
  return err_new(ERR_CONFLICT, "'%s' has a variable %s that says something else: choose another name for it, or overwrite it",
                 service.name, variable);
}

/* Adds to `patch` that the variable is a reference to the database called `name`. */
static err *add_link(core *c, const char *environment_id, const struct core_database_link *link, enum database_kind kind,
                     const char *name, json_t *patch) {
  if (str_empty(link->service_id)) return NULL;
  const struct database_facts *facts = database_facts(kind);
  const char *variable = link->variable ? link->variable : facts->url_variable;
  auto_free char *value = str_format("${{%s.%s}}", name, facts->url_variable);
  TRY(variable_name_check(variable));
  TRY(check_free(c, environment_id, link, variable, value));
  json_object_set_new(json_object_get(patch, "services"), link->service_id,
                      json_pack("{s:{s:{s:s}}}", "variables", variable, "value", value));
  return NULL;
}

static err *find_kind(core *c, const char *environment_id, const struct service *database, enum database_kind *ret_kind) {
  auto_service_instance instance = {0};
  bool found = false;
  TRY(service_instance_find(c->db, database->id, environment_id, &found, &instance));
  if (!found) return err_new(ERR_NOT_FOUND, "Service \"%s\" is not in this environment", database->name);
  *ret_kind = database_kind_of_image(instance.settings.source_image);
  if (*ret_kind != DATABASE_NONE) return NULL;
  return err_new(ERR_INVALID, "'%s' is not a database: its source is %s", database->name,
                 instance.settings.source_image ? instance.settings.source_image : "no image");
}

err *core_database_link(core *c, const char *environment_id, const char *database_service_id,
                        const struct core_database_link *link, const char *user_id, char **ret_variable) {
  auto_service database = {0};
  auto_json *patch = json_pack("{s:{}}", "services");
  enum database_kind kind = DATABASE_NONE;
  char patch_id[ID_SIZE];
  if (str_eq(database_service_id, link->service_id))
    return err_new(ERR_INVALID, "a database is not linked to itself: it has its variables");
  TRY(service_get(c->db, database_service_id, &database));
  TRY(find_kind(c, environment_id, &database, &kind));
  TRY(add_link(c, environment_id, link, kind, database.name, patch));
  auto_free char *message = str_format("Link %.100s", database.name);
  struct core_patch_commit commit = {.environment_id = environment_id, .patch = patch, .message = message,
                                     .user_id = user_id};
  TRY(core_patch_commit(c, &commit, patch_id));
  *ret_variable = str_dup(link->variable ? link->variable : database_facts(kind)->url_variable);
  return NULL;
}

/* ---- a new one ---- */

/* What Tramway's own images do by themselves, others are told by the start command. */
static bool is_own_image(const char *image) {
  return str_starts(image, "tramway/");
}

static json_t *only_service(const json_t *config) {
  const char *key;
  json_t *service;
  json_object_foreach(json_object_get(config, "services"), key, service) return service;
  return NULL;
}

/* By its code.  The catalogue has other templates, too: they are none of these. */
static err *find_database(const char *code, json_t **ret_template, enum database_kind *ret_kind) {
  auto_json *all = template_catalogue();
  auto_strv codes = STRV_EMPTY;
  size_t i;
  json_t *template;
  json_array_foreach(all, i, template) {
    const json_t *service = only_service(json_object_get(template, "serializedConfig"));
    enum database_kind kind = database_kind_of_image(json_get_text(json_object_get(service, "source"), "image"));
    if (kind == DATABASE_NONE) continue;
    strv_add(&codes, json_get_text(template, "code"));
    if (!str_ieq(json_get_text(template, "code"), code)) continue;
    *ret_template = json_incref(template);
    *ret_kind = kind;
    return NULL;
  }
  auto_free char *known = strv_join(&codes, ", ");
  return err_new(ERR_NOT_FOUND, "there is no database \"%.64s\": there are %s; any other image is a service (`tram add --image`)",
                 code, known);
}

/* The catalogue's service with another name and image. */
static err *adapt(const json_t *template, json_t *service, const struct core_database_add *request, enum database_kind kind) {
  json_t *source = json_object_get(service, "source");
  const char *start = json_get_text(template, "startCommandOfOtherImages");
  if (request->image && database_kind_of_image(request->image) != kind)
    return err_new(ERR_INVALID, "the image '%.200s' does not look like %s: for any other image, `tram add --image`",
                   request->image, database_facts(kind)->label);
  if (request->image) json_object_set_new(source, "image", json_string(request->image));
  if (request->image && start && !is_own_image(request->image))
    json_put(service, "deploy.startCommand", json_string(start));
  if (request->name) json_object_set_new(service, "name", json_string(request->name));
  return NULL;
}

static void set_size(json_t *service, int64_t size_mb) {
  const char *key;
  json_t *mount;
  json_object_foreach(json_object_get(service, "volumeMounts"), key, mount)
    if (size_mb) json_object_set_new(mount, "sizeMB", json_integer(size_mb));
}

static err *find_template(const struct core_database_add *request, json_t **ret_config, enum database_kind *ret_kind) {
  auto_json *template = NULL;
  TRY(find_database(request->code, &template, ret_kind));
  json_t *config = json_object_get(template, "serializedConfig");
  TRY(adapt(template, only_service(config), request, *ret_kind));
  set_size(only_service(config), request->size_mb);
  *ret_config = json_incref(config);
  return NULL;
}

/* What the patch makes, as the caller is told. */
static void tell(const json_t *patch, enum database_kind kind, struct core_database_added *added) {
  const char *id;
  json_t *service;
  json_object_foreach(json_object_get(patch, "services"), id, service) {
    if (!json_get_bool(service, "isCreated", false)) continue;
    id_copy(added->service_id, id);
    added->name = str_dup(json_get_text(service, "name"));
    added->image = str_dup(json_get_text(json_object_get(service, "source"), "image"));
  }
  added->kind = kind;
}

err *core_database_add(core *c, const struct core_database_add *request, struct core_database_added *ret_added) {
  auto_environment environment = {0};
  auto_service_list present = {0};
  auto_core_database_added added = {0};
  auto_json *config = NULL, *patch = NULL;
  enum database_kind kind = DATABASE_NONE;
  TRY(environment_get(c->db, request->environment_id, &environment));
  TRY(service_list_by_project(c->db, environment.project_id, NULL, &present));
  TRY(find_template(request, &config, &kind));
  TRY(template_patch(config, &present, &patch));
  tell(patch, kind, &added);
  TRY(add_link(c, request->environment_id, &request->link, kind, added.name, patch));
  auto_free char *message = str_format("Add %s", added.name);
  struct core_patch_commit commit = {.environment_id = request->environment_id, .patch = patch, .message = message,
                                     .user_id = request->user_id};
  TRY(core_patch_commit(c, &commit, added.patch_id));
  *ret_added = added;
  added = (struct core_database_added){0};
  return NULL;
}
