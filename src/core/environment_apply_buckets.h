/* The buckets' part of environment_apply.c. */
#ifndef TRAMWAY_CORE_ENVIRONMENT_APPLY_BUCKETS_H
#define TRAMWAY_CORE_ENVIRONMENT_APPLY_BUCKETS_H

#include "core/environment_apply.h"

/* After its services, of which one serves them, and before its variables, which may refer to them. */
fallible environment_apply_buckets(struct environment_apply *a);

#endif
