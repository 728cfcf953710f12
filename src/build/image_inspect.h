/* Reads what `buildah inspect --type image` prints.  Pure. */
#ifndef TRAMWAY_BUILD_IMAGE_INSPECT_H
#define TRAMWAY_BUILD_IMAGE_INSPECT_H

#include "build/build.h"

/* The label in which the planner keeps the start command it found. */
#define IMAGE_START_LABEL "io.tramway.start-command"

/* ERR_CORRUPT when `text` is not that.  On success *ret_info is complete (image_info_done). */
fallible image_inspect_parse(const char *text, size_t len, struct image_info *ret_info);

#endif
