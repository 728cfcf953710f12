/* Reads containers/storage (the folder that buildah writes: <data_dir>/containers) without asking a
 * program: which folders are an image's layers.  The engine mounts them itself, idmapped.
 *
 * Only the overlay driver is understood.  The JSON files are replaced whole by their writers, so a
 * reader sees one state or the next.  Blocking; small files. */
#ifndef TRAMWAY_BUILD_IMAGE_STORE_H
#define TRAMWAY_BUILD_IMAGE_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/map.h"
#include "base/str.h"

/* Where the store lies below data_dir ("<data_dir>/containers"); the caller owns it. */
char *image_store_root(const char *data_dir);

/* The files below the root that list what there is; ERR_NOT_FOUND before there is anything. */
#define IMAGE_STORE_IMAGES "overlay-images/images.json"
#define IMAGE_STORE_LAYERS "overlay-layers/layers.json"
fallible image_store_read(const char *root, const char *name, json_t **ret_value);

/* "sha256:<hex>" as the store's files have it: the hex alone.  Borrowed from `image_id`. */
const char *image_id_bare(const char *image_id);

/* The image's layers as absolute paths of overlay `diff` folders, the topmost first: what
 * overlayfs's `lowerdir=` wants, in that order.  `image_id` is "sha256:<64 hex>" or the hex alone.
 * ERR_NOT_FOUND: no such image (or removed meanwhile); ERR_CORRUPT: the store names what is not
 * there.  Appends to *ret_layer_dirs, on success only. */
fallible image_layers(const char *data_dir, const char *image_id, struct strv *ret_layer_dirs);

/* The image that has `name` in full ("docker.io/library/node:20").  ERR_NOT_FOUND. */
fallible image_find(const char *data_dir, const char *name, char **ret_image_id);

/* Whether the store has the image, and all its layers: image_index.h for who asks often. */
fallible image_exists(const char *data_dir, const char *image_id, bool *ret_exists);

/* ---- what it takes on disk (image_sizes.c) ---- */

struct stored_image {
  char *id;           /* "sha256:…" */
  char *name;         /* its first, or NULL: what a service runs, or a step of a build */
  int64_t created_us;
  int64_t bytes;      /* of its own, without layers */
  size_t *layers;     /* places in stored_images.layer_bytes, the topmost first */
  size_t layers_len;
};

struct stored_images {
  struct stored_image *items;
  size_t len;
  int64_t *layer_bytes; /* of layers that an image has */
  size_t layers_len;
  int64_t other_bytes;  /* the store's files, and layers that no image has */
};
void stored_images_done(struct stored_images *images);

static inline void stored_images_cleanup_(struct stored_images *images) {
  stored_images_done(images);
}
#define auto_stored_images __attribute__((cleanup(stored_images_cleanup_))) struct stored_images

/* Counts everything.  A layer never changes: `known` keeps what each takes from call to call, as the
 * value of its id; begins as an empty map. */
fallible image_store_measure(const char *data_dir, map *known, struct stored_images *ret_images);

/* Cache mounts (RUN --mount=type=cache) are folders "s-<service id>-<id>" in the folders
 * "buildah-cache…" of this one; the caller owns the path. */
char *image_store_cache_mounts(const char *data_dir);

#endif
