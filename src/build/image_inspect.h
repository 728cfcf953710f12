/* Reads what `buildah inspect --type image` prints.  Pure. */
#ifndef TRAMWAY_BUILD_IMAGE_INSPECT_H
#define TRAMWAY_BUILD_IMAGE_INSPECT_H

#include "build/build.h"

/* The label of images that the planner made: their CMD is ["/bin/sh", "-c", <start command>]. */
#define IMAGE_PLANNER_LABEL "io.tramway.planner"

/* ERR_CORRUPT when `text` is not that.  On success *ret_info is complete (image_info_done). */
fallible image_inspect_parse(const char *text, size_t len, struct image_info *ret_info);

#endif
