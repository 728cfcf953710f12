/* Which images the store has whole, for who asks often: its files, which list all images and layers, are read
 * again only when they were replaced.  The layers' folders are looked for at each question.  Blocking;
 * some microseconds, but for what was replaced. */
#ifndef TRAMWAY_BUILD_IMAGE_INDEX_H
#define TRAMWAY_BUILD_IMAGE_INDEX_H

#include <stdbool.h>

#include "base/err.h"

typedef struct image_index image_index;

image_index *image_index_new(const char *data_dir); /* reads nothing yet */
void image_index_free(image_index *x);              /* accepts NULL */

/* Whether the image and all its layers are there; `image_id` as for image_layers, "" is not there. */
fallible image_index_has(image_index *x, const char *image_id, bool *ret_has);

#endif
