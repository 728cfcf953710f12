/* Shared by base_image.c (references) and base_image_recipe.c (recipes). */
#ifndef TRAMWAY_BUILD_BASE_IMAGE_INTERNAL_H
#define TRAMWAY_BUILD_BASE_IMAGE_INTERNAL_H

#include "base/list.h"
#include "base/map.h"
#include "build/base_image.h"
#include "build/base_recipe.h"
#include "build/reference.h"

struct base_images {
  buildah *buildah;
  const struct builder_config *config;
  map *unreachable;    /* registry → struct unreachable */
  struct list makings; /* struct making.link */
  unsigned count;      /* makes names of work folders unique */
};

/* One image on its way, for all who wait for it.  Of `child`, `run` and `pull` at most one is set:
 * what it itself waits for. */
struct making {
  struct list link, waits;
  base_images *images;
  char *key; /* the reference as written, or "recipe <name of the image>" */
  struct reference reference;
  struct base_recipe recipe;
  char *suite;
  char *authfile; /* NULL: without credentials */
  bool with_recipe, cancelled;
  char *tag, *work_dir, *parent_id, *detail; /* of a recipe */
  base_wait *child;
  buildah_run *run;
  spawn *pull;
  err *registry_error;
};

struct base_wait {
  struct list link;
  struct making *making;
  build_line_fn *on_line;
  base_image_done_fn *done;
  void *arg;
};

struct making *making_new(base_images *images, const char *key);
base_wait *making_join(base_images *images, struct making *fresh, const struct base_request *request,
                       loop_fn *begin);
void making_line(struct making *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
void making_forward_line(void *arg, const char *line);

/* Tells all waiters and frees; owns e. */
void making_finish(struct making *m, err *e, const char *image_id);

base_wait *making_resolve_recipe(base_images *images, const struct base_recipe *recipe,
                                 build_line_fn *on_line, base_image_done_fn *done, void *arg);

#endif
