#include "build/image_inspect.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static void add_texts(struct strv *v, const json_t *array) {
  for (size_t i = 0; i < json_array_size(array); i++) {
    const char *text = json_string_value(json_array_get(array, i));
    if (text) strv_add(v, text);
  }
}

static char *text_or_empty(const json_t *object, const char *key) {
  const char *text = json_get_text(object, key);
  return str_dup(text ? text : "");
}

static char *start_command(const json_t *config) {
  const json_t *command = json_object_get(config, "Cmd");
  bool planned = json_get_text(json_object_get(config, "Labels"), IMAGE_PLANNER_LABEL) != NULL;
  const char *text = json_string_value(json_array_get(command, 2));
  return str_dup(planned && json_array_size(command) == 3 && text ? text : "");
}

static int64_t layers_size(const json_t *inspected) {
  auto_json *manifest = NULL;
  const char *text = json_get_text(inspected, "Manifest");
  if (!text) return 0;
  auto_err *e = json_parse(text, strlen(text), "manifest", &manifest);
  if (e) return 0;
  int64_t size = 0;
  const json_t *layers = json_object_get(manifest, "layers");
  for (size_t i = 0; i < json_array_size(layers); i++)
    size += json_get_int(json_array_get(layers, i), "size", 0);
  return size;
}

err *image_inspect_parse(const char *text, size_t len, struct image_info *ret_info) {
  auto_json *value = NULL;
  TRY(err_recode(json_parse(text, len, "buildah inspect", &value), ERR_CORRUPT));
  const char *id = json_get_text(value, "FromImageID");
  const json_t *docker = json_object_get(json_object_get(value, "Docker"), "config");
  if (str_empty(id) || !json_is_object(docker))
    return err_new(ERR_CORRUPT, "buildah inspect: no image in its answer");
  struct image_info info = {
      .id = str_format("sha256:%s", id),
      .working_dir = text_or_empty(docker, "WorkingDir"),
      .user = text_or_empty(docker, "User"),
      .stop_signal = text_or_empty(docker, "StopSignal"),
      .start_command = start_command(docker),
      .size_bytes = layers_size(value),
  };
  add_texts(&info.entrypoint, json_object_get(docker, "Entrypoint"));
  add_texts(&info.command, json_object_get(docker, "Cmd"));
  add_texts(&info.env, json_object_get(docker, "Env"));
  const char *port;
  json_t *unused;
  json_object_foreach(json_object_get(docker, "ExposedPorts"), port, unused)
    strv_add(&info.exposed_ports, port);
  *ret_info = info;
  return NULL;
}

void image_info_done(struct image_info *info) {
  free(info->id);
  strv_done(&info->arguments);
  strv_done(&info->entrypoint);
  strv_done(&info->command);
  strv_done(&info->env);
  strv_done(&info->exposed_ports);
  free(info->working_dir);
  free(info->user);
  free(info->stop_signal);
  free(info->start_command);
  *info = (struct image_info){0};
}
