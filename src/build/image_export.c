#include "build/image_export.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "build/image_store.h"
#include "loop/spawn_wait.h"

/* In the store: what is being imported, of no meaning when left over. */
#define UNPACKED ".tramway-import"

enum { LAYERS_MAX = 500 };

static const json_t *with_id(const json_t *array, const char *id) {
  for (size_t i = 0; i < json_array_size(array); i++)
    if (str_eq(json_get_text(json_array_get(array, i), "id"), id)) return json_array_get(array, i);
  return NULL;
}

static err *read_or_empty(const char *root, const char *name, json_t **ret_value) {
  err *e = image_store_read(root, name, ret_value);
  if (!e && json_is_array(*ret_value)) return NULL;
  if (!e) return err_new(ERR_CORRUPT, "'%s/%s' is no list", root, name);
  if (err_code_of(e) != ERR_NOT_FOUND) return e;
  err_ignore(e);
  *ret_value = json_array();
  return NULL;
}

static err *write_json(const char *folder, const char *name, const json_t *value) {
  auto_free char *path = path_join(folder, name), *text = json_to_text(value);
  return file_write(path, text, strlen(text), 0600);
}

/* --- Out ----------------------------------------------------------------------------- */

struct export {
  char *root;
  json_t *all_images, *all_layers; /* of the store */
  json_t *images, *layers;         /* of the export; a layer comes after the one below it */
  struct str paths;                /* below the root, each ended by a NUL */
};

static void export_done(struct export *x) {
  free(x->root);
  json_decref(x->all_images);
  json_decref(x->all_layers);
  json_decref(x->images);
  json_decref(x->layers);
  str_done(&x->paths);
}

static void add_path(struct export *x, const char *folder, const char *id, const char *suffix) {
  auto_free char *name = str_format("%s/%s%s", folder, id, suffix), *path = path_join(x->root, name);
  if (!file_exists(path)) return;
  str_add_bytes(&x->paths, name, strlen(name) + 1);
}

static err *add_layer(struct export *x, const char *id, int depth) {
  if (str_empty(id) || with_id(x->layers, id)) return NULL;
  if (depth == LAYERS_MAX) return err_new(ERR_CORRUPT, "it has more than %d layers", LAYERS_MAX);
  const json_t *layer = with_id(x->all_layers, id);
  if (!layer) return err_new(ERR_CORRUPT, "the store has no layer '%s'", id);
  TRY(add_layer(x, json_get_text(layer, "parent"), depth + 1));
  auto_free char *link_path = str_format("%s/overlay/%s/link", x->root, id);
  auto_str link = STR_EMPTY;
  TRY(file_read(link_path, 256, &link));
  json_array_append(x->layers, (json_t *)layer);
  add_path(x, "overlay", id, "");
  add_path(x, "overlay/l", str_trim(link.data), "");
  add_path(x, "overlay-layers", id, ".tar-split.gz");
  return NULL;
}

/* One that was removed meanwhile is left out. */
static err *add_image(struct export *x, const char *id) {
  const json_t *image = with_id(x->all_images, image_id_bare(id));
  if (!image || with_id(x->images, image_id_bare(id))) return NULL;
  const json_t *mapped = json_object_get(image, "mapped-layers");
  TRY(add_layer(x, json_get_text(image, "layer"), 0));
  for (size_t i = 0; i < json_array_size(mapped); i++)
    TRY(add_layer(x, json_string_value(json_array_get(mapped, i)), 0));
  json_array_append(x->images, (json_t *)image);
  add_path(x, "overlay-images", image_id_bare(id), "");
  return NULL;
}

static err *pack(const struct export *x, const char *to) {
  auto_free char *file = path_join(to, IMAGE_EXPORT_FILES);
  const char *const argv[] = {"tar", "--create", "--zstd", "--file", file, "--directory", x->root,
                              "--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner", "--sparse",
                              "--one-file-system", "--null", "--files-from=-", NULL};
  return spawn_wait(&(struct spawn_options){.argv = argv, .input = x->paths.data, .input_len = x->paths.len});
}

static err *export_all(struct export *x, const struct strv *ids, const char *to) {
  TRY(read_or_empty(x->root, IMAGE_STORE_IMAGES, &x->all_images));
  TRY(read_or_empty(x->root, IMAGE_STORE_LAYERS, &x->all_layers));
  for (size_t i = 0; i < ids->len; i++)
    TRY(err_wrap(add_image(x, ids->items[i]), "image '%s'", ids->items[i]));
  if (!json_array_size(x->images)) return NULL;
  TRY(write_json(to, IMAGE_EXPORT_IMAGES, x->images));
  TRY(write_json(to, IMAGE_EXPORT_LAYERS, x->layers));
  return pack(x, to);
}

err *image_export(const char *data_dir, const struct strv *ids, const char *to, size_t *ret_count) {
  struct export x = {.root = image_store_root(data_dir), .images = json_array(), .layers = json_array()};
  err *e = export_all(&x, ids, to);
  size_t count = json_array_size(x.images);
  export_done(&x);
  if (!e) *ret_count = count;
  return err_wrap(e, "packing images");
}

/* --- In ------------------------------------------------------------------------------ */

struct import {
  char *root, *unpacked;
  const char *from;
};

static err *unpack(const struct import *m) {
  auto_free char *file = path_join(m->from, IMAGE_EXPORT_FILES);
  const char *const argv[] = {"tar", "--extract", "--zstd", "--file", file, "--directory", m->unpacked,
                              "--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner", "--same-owner",
                              "--preserve-permissions", NULL};
  TRY(file_remove_tree(m->unpacked));
  TRY(file_make_dirs(m->unpacked, 0700));
  return spawn_wait(&(struct spawn_options){.argv = argv});
}

/* What lies there without a record is left of an import that was interrupted, or of a build. */
static err *move_in(const struct import *m, const char *folder, const char *name) {
  auto_free char *from = str_format("%s/%s/%s", m->unpacked, folder, name);
  auto_free char *into = path_join(m->root, folder), *to = path_join(into, name);
  if (!file_exists(from)) return NULL;
  TRY(file_make_dirs(into, 0700));
  TRY(file_remove_tree(to));
  return rename(from, to) < 0 ? err_errno(errno, "moving '%s'", to) : NULL;
}

/* The short name of a layer, which becomes a path too. */
static err *check_link(struct str *link) {
  char *name = link->len ? str_trim(link->data) : NULL;
  if (name && *name && strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == strlen(name)) return NULL;
  return err_new(ERR_CORRUPT, "its short name is none");
}

static err *move_layer(const struct import *m, const json_t *layer) {
  const char *id = json_get_text(layer, "id");
  auto_free char *link_path = str_format("%s/overlay/%s/link", m->unpacked, id);
  auto_free char *split = str_format("%s.tar-split.gz", id);
  auto_str link = STR_EMPTY;
  TRY(file_read(link_path, 256, &link));
  TRY(check_link(&link));
  TRY(move_in(m, "overlay/l", str_trim(link.data)));
  TRY(move_in(m, "overlay", id));
  return move_in(m, "overlay-layers", split);
}

static err *move_image(const struct import *m, const json_t *image) {
  return move_in(m, "overlay-images", json_get_text(image, "id"));
}

/* Ids become names of files: nothing but hex digits. */
static bool is_id(const char *id) {
  return id && strlen(id) == 64 && id[strspn(id, "0123456789abcdef")] == '\0';
}

/* A record is written once all that it names is there. */
static err *add_records(const struct import *m, const char *name, const char *store_name,
                        err *(*move)(const struct import *m, const json_t *record)) {
  auto_json *fresh = NULL, *there = NULL;
  TRY(read_or_empty(m->from, name, &fresh));
  TRY(read_or_empty(m->root, store_name, &there));
  bool changed = false;
  for (size_t i = 0; i < json_array_size(fresh); i++) {
    json_t *record = json_array_get(fresh, i);
    const char *id = json_get_text(record, "id");
    if (!is_id(id)) return err_new(ERR_CORRUPT, "'%s' names what is no image", name);
    if (with_id(there, id)) continue;
    TRY(err_wrap(move(m, record), "'%s'", id));
    json_array_append(there, record);
    changed = true;
  }
  if (!changed) return NULL;
  auto_free char *path = path_join(m->root, store_name);
  *strrchr(path, '/') = '\0';
  TRY(file_make_dirs(path, 0700));
  return write_json(m->root, store_name, there);
}

static err *import_all(const struct import *m) {
  TRY(file_make_dirs(m->root, 0755));
  TRY(unpack(m));
  TRY(add_records(m, IMAGE_EXPORT_LAYERS, IMAGE_STORE_LAYERS, move_layer));
  TRY(add_records(m, IMAGE_EXPORT_IMAGES, IMAGE_STORE_IMAGES, move_image));
  return file_remove_tree(m->unpacked);
}

err *image_import(const char *data_dir, const char *from) {
  struct import m = {.root = image_store_root(data_dir), .from = from};
  m.unpacked = path_join(m.root, UNPACKED);
  err *e = import_all(&m);
  if (e) err_ignore(file_remove_tree(m.unpacked));
  free(m.root);
  free(m.unpacked);
  return err_wrap(e, "unpacking images");
}
