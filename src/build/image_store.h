/* Reads containers/storage (the folder that buildah writes: <data_dir>/containers) without asking a
 * program: which folders are an image's layers.  The engine mounts them itself, idmapped.
 *
 * Only the overlay driver is understood.  The JSON files are replaced whole by their writers, so a
 * reader sees one state or the next.  Blocking; small files. */
#ifndef TRAMWAY_BUILD_IMAGE_STORE_H
#define TRAMWAY_BUILD_IMAGE_STORE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

/* Where the store lies below data_dir ("<data_dir>/containers"); the caller owns it. */
char *image_store_root(const char *data_dir);

/* The image's layers as absolute paths of overlay `diff` folders, the topmost first: what
 * overlayfs's `lowerdir=` wants, in that order.  `image_id` is "sha256:<64 hex>" or the hex alone.
 * ERR_NOT_FOUND: no such image (or removed meanwhile); ERR_CORRUPT: the store names what is not
 * there.  Appends to *ret_layer_dirs, on success only. */
fallible image_layers(const char *data_dir, const char *image_id, struct strv *ret_layer_dirs);

/* The image that has `name` in full ("docker.io/library/node:20").  ERR_NOT_FOUND. */
fallible image_find(const char *data_dir, const char *name, char **ret_image_id);

/* Whether the store has the image. */
bool image_exists(const char *data_dir, const char *image_id);

#endif
