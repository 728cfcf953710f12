/* From an image reference to an image in the store: pulled where a registry answers, otherwise made
 * by a recipe of images/ (base_recipe.h).
 *
 * The policy AUTO asks the registry first (an unreachable one is remembered for some minutes), then
 * uses an image of that name that was pulled earlier, then a recipe.  "tramway/postgres:17" is always
 * made by a recipe.  Whoever wants the same image at
 * the same time waits for the same making; an image gets its name only when it is complete. */
#ifndef TRAMWAY_BUILD_BASE_IMAGE_H
#define TRAMWAY_BUILD_BASE_IMAGE_H

#include "build/buildah.h"

typedef struct base_images base_images;
typedef struct base_wait base_wait;

base_images *base_images_new(buildah *b);
void base_images_free(base_images *images); /* after the last `done` */

/* `image_id` is "sha256:…"; owns e.  Errors: ERR_INVALID for what is no reference, ERR_NOT_FOUND when
 * neither a registry nor a recipe has it: the text says which registry and what to do. */
typedef void base_image_done_fn(void *arg, err *e, const char *image_id);

/* `suite` ("" or NULL: by the reference and the configuration) is the Debian release of a recipe.
 * With recipe false only a registry or an earlier pull will do.  `done` is never called before
 * this returns. */
struct base_request {
  const char *reference, *suite;
  const char *authfile; /* credentials for its registry (registry.h), until `done`; NULL: none */
  bool recipe;
  build_line_fn *on_line;
  base_image_done_fn *done;
  void *arg;
};
base_wait *base_image_resolve(base_images *images, const struct base_request *request);

/* `done` follows with ERR_BUSY; the making ends with its last waiter. */
void base_image_cancel(base_wait *wait);

#endif
