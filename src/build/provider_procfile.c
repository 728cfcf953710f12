/* A Procfile and nothing else that tells the language: its command does. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "build/provider.h"

/* clang-format off */
static const struct { const char *program, *image; } images[] = {
  {"python", "python:3-slim"}, {"gunicorn", "python:3-slim"}, {"uvicorn", "python:3-slim"},
  {"node",   "node:lts-slim"}, {"npm",      "node:lts-slim"}, {"npx",     "node:lts-slim"},
};
/* clang-format on */

static bool detect(const struct draft *d) {
  auto_free char *command = procfile_command(d->source, NULL);
  return command != NULL;
}

static err *fill(struct draft *d) {
  auto_free char *command = procfile_command(d->source, NULL);
  const char *image = "debian:stable-slim";
  for (size_t i = 0; i < ARRAY_LEN(images); i++)
    if (str_starts(command, images[i].program)) image = images[i].image;
  draft_set(&d->image, "%s", image);
  draft_set(&d->start, "%s", command);
  draft_note(d, "a Procfile without a language's files: its command runs in %s", image);
  return NULL;
}

const struct provider provider_procfile = {
    .name = "procfile",
    .detect = detect,
    .fill = fill,
    .looks_for = "Procfile",
};
