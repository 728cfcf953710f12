/* Services that follow their image's tag: see image_watch.c. */
#ifndef TRAMWAY_CORE_IMAGE_WATCH_H
#define TRAMWAY_CORE_IMAGE_WATCH_H

#include "core/internal.h"

typedef struct image_watch image_watch;

image_watch *image_watch_new(core *c);
void image_watch_start(image_watch *w); /* rounds every options.image_poll_ms; 0: none */
void image_watch_stop(image_watch *w);
bool image_watch_is_quiet(const image_watch *w); /* after that: no registry is being asked */
void image_watch_free(image_watch *w);

#endif
