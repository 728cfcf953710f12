#include "core/template.h"

#include <string.h>

#include "base/embedded.h"
#include "base/json.h"
#include "core/internal.h"
#include "core/staged.h"
#include "store/project.h"
#include "store/service.h"

#define TEMPLATES_FOLDER "src/core/templates/"

/* ---- the catalogue ---- */

json_t *template_catalogue(void) {
  json_t *list = json_array();
  for (const struct embedded_file *file = embedded_files; file->name; file++) {
    json_t *template = NULL;
    if (!str_starts(file->name, TEMPLATES_FOLDER)) continue;
    auto_err *e = json_parse(file->text, strlen(file->text), file->name, &template);
    if (!e) json_array_append_new(list, template); /* tests/unit/core/template_test reads them all */
  }
  return list;
}

err *template_find(const char *code_or_id, json_t **ret_template) {
  auto_json *all = template_catalogue();
  auto_strv codes = STRV_EMPTY;
  size_t i;
  json_t *template;
  json_array_foreach(all, i, template) {
    const char *code = json_get_text(template, "code");
    strv_add(&codes, code);
    if (!str_ieq(code, code_or_id) && !str_ieq(json_get_text(template, "id"), code_or_id)) continue;
    *ret_template = json_incref(template);
    return NULL;
  }
  auto_free char *known = strv_join(&codes, ", ");
  return err_new(ERR_NOT_FOUND, "Template \"%.64s\" not found: there are %s", code_or_id, known);
}

/* ---- deploying one ---- */

err *core_template_deploy(core *c, const struct core_template_deploy *request, char ret_patch_id[ID_SIZE],
                          struct strv *ret_services) {
  auto_environment environment = {0};
  auto_service_list present = {0};
  auto_json *patch = NULL;
  const char *id;
  json_t *service;
  TRY(environment_get(c->db, request->environment_id, &environment));
  TRY(service_list_by_project(c->db, environment.project_id, NULL, &present));
  TRY(template_patch(request->config, &present, &patch));
  auto_free char *message = str_format("Template: %.100s", request->template_name);
  struct core_patch_commit commit = {.environment_id = request->environment_id,
                                     .patch = patch,
                                     .message = message,
                                     .user_id = request->user_id,
                                     .is_admin = request->is_admin};
  TRY(core_patch_commit(c, &commit, ret_patch_id));
  json_object_foreach(json_object_get(patch, "services"), id, service) strv_add(ret_services, id);
  return NULL;
}
