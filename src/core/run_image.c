/* Which image a deployment gets: one that equal inputs made before, or the one that its build gave. */
#include "base/clock.h"
#include "base/json.h"
#include "core/run.h"
#include "store/artifact.h"
#include "store/deployment.h"

static json_t *strings(const struct strv *v) {
  json_t *list = json_array();
  for (size_t i = 0; i < v->len; i++) json_array_append_new(list, json_string(v->items[i]));
  return list;
}

static json_t *image_config(const struct image_info *info) {
  json_t *config = json_pack("{s:o, s:o, s:o, s:o, s:s, s:s, s:s, s:s}", "entrypoint", strings(&info->entrypoint),
                             "command", strings(&info->command), "env", strings(&info->env), "exposedPorts",
                             strings(&info->exposed_ports), "workingDir", info->working_dir, "user", info->user,
                             "stopSignal", info->stop_signal, "startCommand", info->start_command);
  if (!info->planned) json_object_set_new(config, "arguments", strings(&info->arguments));
  return config;
}

/* The key that `request` would have if its Dockerfile declared what that of `image` did. */
static void key_as_of(const struct build_request *request, const struct image *image, char hex[65]) {
  const json_t *list = json_object_get(image->config, "arguments");
  auto_strv arguments = STRV_EMPTY;
  size_t i;
  json_t *name;
  json_array_foreach((json_t *)list, i, name) strv_add(&arguments, json_string_value(name));
  build_key(request, list ? &arguments : NULL, hex);
}

err *run_find_image(struct run *r, const struct build_request *request, char **ret_id) {
  auto_image_list images = {0};
  bool may_have_moved = request->image != NULL; /* a tag: the registry is asked */
  if (request->no_cache || may_have_moved) return NULL;
  TRY(image_list_of_snapshot(r->core->db, r->deployment.snapshot_id, &images));
  for (size_t i = 0; i < images.len && !*ret_id; i++) {
    key_as_of(request, &images.items[i], r->build_key);
    if (str_eq(r->build_key, images.items[i].build_key)) *ret_id = str_dup(images.items[i].digest);
  }
  return NULL;
}

/* The one with this key, or a new one. */
err *run_record_image(struct run *r, const struct image_info *info) {
  core *c = r->core;
  const char *key = info->reused ? r->build_key : info->build_key;
  auto_image image = {0};
  bool found = false;
  TRY(image_find_by_build_key(c->db, key, &found, &image));
  if (found && str_eq(image.digest, info->id)) {
    TRY(image_touch(c->db, image.id, clock_now_us()));
  } else {
    if (found) TRY(image_forget_key(c->db, image.id)); /* built again: older deployments keep theirs */
    image_done(&image);
    image.build_key = str_dup(key);
    image.reference = str_dup(info->id);
    image.digest = str_dup(info->id);
    image.size_bytes = info->size_bytes;
    image.config = image_config(info);
    id_copy(image.snapshot_id, r->deployment.snapshot_id);
    TRY(image_insert(c->db, &image));
  }
  id_copy(r->deployment.image_id, image.id);
  return deployment_set_image(c->db, r->deployment.id, image.id, clock_now_us());
}
