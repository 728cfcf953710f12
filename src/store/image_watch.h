/* Table: image_watches: which image the tag of a service's source pointed to at the last look. */
#ifndef TRAMWAY_STORE_IMAGE_WATCH_H
#define TRAMWAY_STORE_IMAGE_WATCH_H

#include "store/db.h"

/* *ret_digest is NULL when that reference was never looked at; the caller owns it. */
fallible image_watch_get(db *d, const char *service_instance_id, const char *reference, char **ret_digest);
fallible image_watch_set(db *d, const char *service_instance_id, const char *reference, const char *digest);

#endif
