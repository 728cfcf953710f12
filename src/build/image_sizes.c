/* What the images of containers/storage take on disk.  See image_store.h. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/usage.h"
#include "build/image_store.h"

enum { MAX_LAYERS = 500, STORE_FILE_LIMIT = 64 * 1024 * 1024 };

struct measuring {
  const char *root;
  map *known;
  map *parents;   /* layer id → its entry in layers.json, borrowed */
  map *places;    /* layer id → place + 1 in layer_bytes */
  struct stored_images *to;
  size_t items_capacity, layers_capacity;
};

void stored_images_done(struct stored_images *images) {
  for (size_t i = 0; i < images->len; i++) {
    free(images->items[i].id);
    free(images->items[i].name);
    free(images->items[i].layers);
  }
  free(images->items);
  free(images->layer_bytes);
  *images = (struct stored_images){0};
}

/* A store that holds nothing yet has no file. */
static err *read_array(const char *root, const char *name, json_t **ret_array) {
  auto_free char *path = path_join(root, name);
  auto_str text = STR_EMPTY;
  err *e = file_read(path, STORE_FILE_LIMIT, &text);
  if (e && err_code_of(e) == ERR_NOT_FOUND) {
    err_free(e);
    *ret_array = json_array();
    return NULL;
  }
  TRY(e);
  return json_parse(str_text(&text), text.len, path, ret_array);
}

static int64_t measure_layer(const struct measuring *m, const char *id) {
  const void *kept = map_get(m->known, id);
  if (kept) return (int64_t)(intptr_t)kept - 1;
  auto_free char *folder = str_format("%s/overlay/%s", m->root, id);
  auto_free char *split = str_format("%s/overlay-layers/%s.tar-split.gz", m->root, id);
  int64_t bytes = usage_of_tree(folder) + usage_of_tree(split);
  map_set(m->known, id, (void *)(intptr_t)(bytes + 1));
  return bytes;
}

static size_t place_of(struct measuring *m, const char *id) {
  size_t place = (size_t)(uintptr_t)map_get(m->places, id);
  if (place) return place - 1;
  struct stored_images *to = m->to;
  to->layer_bytes = mem_grow(to->layer_bytes, &m->layers_capacity, to->layers_len + 1, sizeof *to->layer_bytes);
  to->layer_bytes[to->layers_len++] = measure_layer(m, id);
  map_set(m->places, id, (void *)(uintptr_t)to->layers_len);
  return to->layers_len - 1;
}

static void add_layers(struct measuring *m, const char *top, struct stored_image *image) {
  size_t capacity = 0;
  for (const char *id = top; !str_empty(id) && image->layers_len < MAX_LAYERS;) {
    const json_t *entry = map_get(m->parents, id);
    if (!entry) return; /* a damaged store: what is there counts as other */
    image->layers = mem_grow(image->layers, &capacity, image->layers_len + 1, sizeof *image->layers);
    image->layers[image->layers_len++] = place_of(m, id);
    id = json_get_text(entry, "parent");
  }
}

static void add_image(struct measuring *m, const json_t *entry) {
  const char *id = json_get_text(entry, "id"), *created = json_get_text(entry, "created");
  if (str_empty(id)) return;
  auto_free char *folder = str_format("%s/overlay-images/%s", m->root, id);
  struct stored_image image = {.id = str_format("sha256:%s", id),
                               .name = str_dup(json_string_value(json_array_get(json_object_get(entry, "names"), 0))),
                               .bytes = usage_of_tree(folder)};
  if (!created || !clock_parse(created, &image.created_us)) image.created_us = clock_now_us();
  add_layers(m, json_get_text(entry, "layer"), &image);
  m->to->items = mem_grow(m->to->items, &m->items_capacity, m->to->len + 1, sizeof image);
  m->to->items[m->to->len++] = image;
}

/* Layers that are being built or were left, and the lists themselves. */
static int64_t measure_others(const struct measuring *m) {
  auto_free char *overlay = path_join(m->root, "overlay"), *lists = path_join(m->root, "overlay-layers/layers.json");
  auto_free char *images = path_join(m->root, "overlay-images/images.json");
  int64_t bytes = usage_of_tree(lists) + usage_of_tree(images);
  DIR *folder = opendir(overlay);
  if (!folder) return bytes;
  for (struct dirent *entry; (entry = readdir(folder));) {
    if (entry->d_name[0] == '.' || map_has(m->places, entry->d_name)) continue;
    auto_free char *path = path_join(overlay, entry->d_name);
    bytes += usage_of_tree(path);
  }
  closedir(folder);
  return bytes;
}

/* What is gone from the store is no longer known. */
static void forget_gone(struct measuring *m) {
  auto_strv gone = STRV_EMPTY;
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(m->known, &cursor, &id, &value))
    if (!map_has(m->places, id)) strv_add(&gone, id);
  for (size_t i = 0; i < gone.len; i++) map_remove(m->known, gone.items[i]);
}

err *image_store_measure(const char *data_dir, map *known, struct stored_images *ret_images) {
  auto_free char *root = image_store_root(data_dir);
  auto_json *images = NULL, *layers = NULL;
  auto_map *parents = map_new(), *places = map_new();
  auto_stored_images found = {0};
  TRY(read_array(root, "overlay-images/images.json", &images));
  TRY(read_array(root, "overlay-layers/layers.json", &layers));
  struct measuring m = {.root = root, .known = known, .parents = parents, .places = places, .to = &found};
  for (size_t i = 0; i < json_array_size(layers); i++) {
    json_t *entry = json_array_get(layers, i);
    if (json_get_text(entry, "id")) map_set(parents, json_get_text(entry, "id"), entry);
  }
  for (size_t i = 0; i < json_array_size(images); i++) add_image(&m, json_array_get(images, i));
  found.other_bytes = measure_others(&m);
  forget_gone(&m);
  *ret_images = found;
  found = (struct stored_images){0};
  return NULL;
}
