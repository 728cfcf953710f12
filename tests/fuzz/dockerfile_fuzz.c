/* Any bytes are a Dockerfile or an error, and what was rewritten is a Dockerfile again. */
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "build/dockerfile.h"

static const char *const variables[] = {"PORT=", "VERSION=1", "A=b c", NULL};

static void rewrite(const struct dockerfile *file) {
  auto_map *images = map_new();
  auto_str out = STR_EMPTY;
  struct dockerfile_steps steps = {0};
  struct dockerfile_rewrite how = {.images = images, .variables = variables, .service_id = "svc"};
  auto_err *e = dockerfile_rewrite(file, &how, &out, &steps);
  free(steps.items);
  if (e || out.len > DOCKERFILE_LIMIT) return;
  auto_dockerfile *again = NULL;
  err_ignore(dockerfile_parse(str_text(&out), out.len, variables, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto_dockerfile *file = NULL;
  auto_err *e = dockerfile_parse((const char *)data, size, variables, &file);
  if (e) return 0;
  err_ignore(dockerfile_select(file, NULL));
  auto_strv images = STRV_EMPTY, args = STRV_EMPTY;
  dockerfile_images(file, &images);
  dockerfile_args(file, &args);
  rewrite(file);
  return 0;
}
