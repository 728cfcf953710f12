/* Images as files of another place: for backups of the whole machine.  They keep their ids, which
 * deployments name.  Blocking; for a process of one thread.
 *
 *     images.json, layers.json   the records of the store, of these images and their layers only
 *     layers.tar.zst             what lies in the store under them */
#ifndef TRAMWAY_BUILD_IMAGE_EXPORT_H
#define TRAMWAY_BUILD_IMAGE_EXPORT_H

#include "base/err.h"
#include "base/str.h"

#define IMAGE_EXPORT_IMAGES "images.json"
#define IMAGE_EXPORT_LAYERS "layers.json"
#define IMAGE_EXPORT_FILES "layers.tar.zst"

/* Writes those of `ids` ("sha256:…") that the store has into the folder `to`, which is there and empty.
 * *ret_count is how many they are; nothing is written for none. */
fallible image_export(const char *data_dir, const struct strv *ids, const char *to, size_t *ret_count);

/* Puts them into the store of data_dir beside what it has, and makes one when there is none.  What it has
 * already stays as it is; doing it again after an interruption does the rest.  No build may run. */
fallible image_import(const char *data_dir, const char *from);

#endif
