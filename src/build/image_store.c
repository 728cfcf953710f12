#include "build/image_store.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

enum { MAX_LAYERS = 500, STORE_FILE_LIMIT = 64 * 1024 * 1024 };

char *image_store_root(const char *data_dir) {
  return path_join(data_dir, "containers");
}

char *image_store_cache_mounts(const char *data_dir) {
  return path_join(data_dir, "build-tmp");
}

err *image_store_read(const char *root, const char *name, json_t **ret_value) {
  auto_free char *path = path_join(root, name);
  auto_str text = STR_EMPTY;
  TRY(file_read(path, STORE_FILE_LIMIT, &text));
  return json_parse(str_text(&text), text.len, path, ret_value);
}

static const json_t *with_id(const json_t *array, const char *id) {
  for (size_t i = 0; i < json_array_size(array); i++) {
    const json_t *item = json_array_get(array, i);
    if (str_eq(json_get_text(item, "id"), id)) return item;
  }
  return NULL;
}

const char *image_id_bare(const char *image_id) {
  return str_starts(image_id, "sha256:") ? image_id + strlen("sha256:") : image_id;
}

/* A store that holds nothing yet has no file. */
static err *read_images(const char *root, json_t **ret_images) {
  err *e = image_store_read(root, IMAGE_STORE_IMAGES, ret_images);
  if (!e || err_code_of(e) != ERR_NOT_FOUND) return e;
  err_ignore(e);
  *ret_images = json_array();
  return NULL;
}

static bool has_name(const json_t *image, const char *name) {
  const json_t *names = json_object_get(image, "names");
  for (size_t i = 0; i < json_array_size(names); i++)
    if (str_eq(json_string_value(json_array_get(names, i)), name)) return true;
  return false;
}

err *image_find(const char *data_dir, const char *name, char **ret_image_id) {
  auto_free char *root = image_store_root(data_dir);
  auto_json *images = NULL;
  TRY(read_images(root, &images));
  for (size_t i = 0; i < json_array_size(images); i++) {
    const json_t *image = json_array_get(images, i);
    if (!has_name(image, name)) continue;
    *ret_image_id = str_format("sha256:%s", json_get_text(image, "id"));
    return NULL;
  }
  return err_new(ERR_NOT_FOUND, "there is no image '%s' in the store '%s'", name, root);
}

static err *top_layer(const char *root, const char *image_id, char **ret_layer) {
  auto_json *images = NULL;
  TRY(read_images(root, &images));
  const json_t *image = with_id(images, image_id_bare(image_id));
  if (!image) return err_new(ERR_NOT_FOUND, "the image %s is not in the store '%s'", image_id, root);
  *ret_layer = str_dup(json_get_text(image, "layer"));
  return NULL;
}

err *image_layers(const char *data_dir, const char *image_id, struct strv *ret_layer_dirs) {
  auto_free char *root = image_store_root(data_dir);
  auto_free char *layer = NULL;
  TRY(top_layer(root, image_id, &layer));
  auto_json *layers = NULL;
  TRY(image_store_read(root, IMAGE_STORE_LAYERS, &layers));
  auto_strv found = STRV_EMPTY;
  for (const char *id = layer; !str_empty(id);) {
    const json_t *entry = with_id(layers, id);
    if (!entry || found.len >= MAX_LAYERS)
      return err_new(ERR_CORRUPT, "the image %s names the layer %s, which the store '%s' lacks", image_id,
                     id, root);
    strv_addf(&found, "%s/overlay/%s/diff", root, id);
    bool there = file_exists(found.items[found.len - 1]);
    if (!there && errno != ENOENT) return err_errno(errno, "looking at '%s'", found.items[found.len - 1]);
    if (!there)
      return err_new(ERR_CORRUPT, "the image %s lacks its layer folder '%s'", image_id,
                     found.items[found.len - 1]);
    id = json_get_text(entry, "parent");
  }
  strv_add_all(ret_layer_dirs, (const char *const *)found.items);
  return NULL;
}

err *image_exists(const char *data_dir, const char *image_id, bool *ret_exists) {
  auto_strv layers = STRV_EMPTY;
  err *e = image_layers(data_dir, image_id, &layers);
  bool missing = e && (err_code_of(e) == ERR_NOT_FOUND || err_code_of(e) == ERR_CORRUPT);
  *ret_exists = !e;
  if (!missing) return e;
  err_free(e);
  return NULL;
}
