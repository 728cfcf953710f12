/* Which keys of Railway's EnvironmentConfig Tramway has.  Pure. */
#ifndef TRAMWAY_CORE_ENVIRONMENT_KEYS_H
#define TRAMWAY_CORE_ENVIRONMENT_KEYS_H

#include <jansson.h>

#include "base/str.h"

/* Leaves in `patch` only what Tramway honours.  What has no meaning here (buildEnvironment,
 * railpackVersion), or says what is so anyway (cronSchedule: null, sleepApplication: false), goes without
 * a word.  Paths of what is Railway's but not available yet are added to `ret_unavailable`; of what is
 * nobody's, with the nearest key that exists, to `ret_unknown`.  A multiRegionConfig becomes numReplicas:
 * there is one region. */
void environment_keys_sift(json_t *patch, struct strv *ret_unavailable, struct strv *ret_unknown);

#endif
