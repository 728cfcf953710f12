/* The volumes' part of environment_apply.c. */
#ifndef TRAMWAY_CORE_ENVIRONMENT_APPLY_VOLUMES_H
#define TRAMWAY_CORE_ENVIRONMENT_APPLY_VOLUMES_H

#include "core/environment_apply.h"

/* Before its services: what is deleted or detached makes room. */
fallible environment_apply_volumes_off(struct environment_apply *a);
/* After them: what is new, attached or grows. */
fallible environment_apply_volumes_on(struct environment_apply *a);

#endif
