/* Which host uids and gids a service's containers are mapped to: 65536 of them per (environment,
 * service), the same ones for as long as the environment exists, so that files on a volume keep
 * their owners.  Recorded on disk.
 *
 * Ranges lie in 0x10000000…0x6fffffff: inside what systemd reserves for containers
 * (UIDS-GIDS.md: 524288…1879048191) and above what useradd hands out in /etc/subuid. */
#ifndef TRAMWAY_ENGINE_LOCAL_USER_RANGE_H
#define TRAMWAY_ENGINE_LOCAL_USER_RANGE_H

#include <stdint.h>

#include "base/err.h"

enum { USER_RANGE_SIZE = 65536 };
#define USER_RANGE_FIRST 0x10000000u
#define USER_RANGE_COUNT 0x6000u /* 24,576 */

typedef struct user_ranges user_ranges;

/* Reads `path`; a missing file is an empty record. */
fallible user_ranges_load(const char *path, user_ranges **ret_ranges);
void user_ranges_free(user_ranges *r);

/* The first host id of the service's range; given and recorded at the first call.  ERR_LIMIT when
 * all are taken. */
fallible user_ranges_get(user_ranges *r, const char *environment_id, const char *service_id,
                         uint32_t *ret_first);

/* Gives the ranges of an environment back. */
fallible user_ranges_forget(user_ranges *r, const char *environment_id);

/* A user namespace with that mapping, as a descriptor for idmapped mounts. */
fallible user_range_namespace(uint32_t first, int *ret_fd);

#endif
