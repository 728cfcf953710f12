#include "build/image_index.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "build/image_store.h"

enum { MAX_LAYERS = 500 };

/* One of the store's files as {id: the text of one of its members}. */
struct listing {
  const char *file, *member;
  struct stat as_read; /* what the file was when it was read; zeroes: never */
  json_t *by_id;
};

struct image_index {
  char *root;
  struct listing images; /* image → its topmost layer */
  struct listing layers; /* layer → the one below, "" for none */
};

image_index *image_index_new(const char *data_dir) {
  image_index *x = mem_zalloc(sizeof *x);
  x->root = image_store_root(data_dir);
  x->images = (struct listing){.file = IMAGE_STORE_IMAGES, .member = "layer", .by_id = json_object()};
  x->layers = (struct listing){.file = IMAGE_STORE_LAYERS, .member = "parent", .by_id = json_object()};
  return x;
}

void image_index_free(image_index *x) {
  if (!x) return;
  json_decref(x->images.by_id);
  json_decref(x->layers.by_id);
  free(x->root);
  free(x);
}

/* Its writers replace the file: another one has another inode, or at least another time. */
static bool is_as_read(const struct stat *a, const struct stat *b) {
  return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
         a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static json_t *by_id(const json_t *items, const char *member) {
  json_t *object = json_object();
  for (size_t i = 0; i < json_array_size(items); i++) {
    const json_t *item = json_array_get(items, i);
    const char *id = json_get_text(item, "id"), *text = json_get_text(item, member);
    if (id) json_object_set_new(object, id, json_string(text ? text : ""));
  }
  return object;
}

/* The state is taken before the file is read: what is replaced in between is read again next time. */
static err *refresh(const image_index *x, struct listing *l) {
  auto_free char *path = path_join(x->root, l->file);
  struct stat now = {0};
  auto_json *items = NULL;
  bool there = stat(path, &now) == 0;
  if (!there && errno != ENOENT) return err_errno(errno, "looking at '%s'", path);
  if (there && is_as_read(&now, &l->as_read)) return NULL;
  if (there) TRY(image_store_read(x->root, l->file, &items));
  json_decref(l->by_id);
  l->by_id = by_id(items, l->member);
  l->as_read = now;
  return NULL;
}

static err *has_layers(const image_index *x, const char *top, bool *ret_has) {
  int depth = 0;
  for (const char *id = top; *id; id = json_get_text(x->layers.by_id, id)) {
    auto_free char *folder = str_format("%s/overlay/%s/diff", x->root, id);
    if (++depth > MAX_LAYERS || !json_object_get(x->layers.by_id, id)) return NULL;
    if (file_exists(folder)) continue;
    return errno == ENOENT ? NULL : err_errno(errno, "looking at '%s'", folder);
  }
  *ret_has = true;
  return NULL;
}

err *image_index_has(image_index *x, const char *image_id, bool *ret_has) {
  *ret_has = false;
  if (str_empty(image_id)) return NULL;
  TRY(refresh(x, &x->images));
  TRY(refresh(x, &x->layers));
  const char *top = json_get_text(x->images.by_id, image_id_bare(image_id));
  return top ? has_layers(x, top, ret_has) : NULL;
}
