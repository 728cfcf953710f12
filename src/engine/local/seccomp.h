/* The system-call filter: Debian's profile (/usr/share/containers/seccomp.json, the format of
 * Docker and Podman, where rules depend on capabilities, architecture and kernel) → what OCI's
 * `linux.seccomp` holds.  Pure. */
#ifndef TRAMWAY_ENGINE_LOCAL_SECCOMP_H
#define TRAMWAY_ENGINE_LOCAL_SECCOMP_H

#include "base/err.h"
#include "base/json.h"

struct seccomp_facts {
  const char *const *capabilities; /* "CAP_CHOWN", … that the process has; NULL-terminated */
  const char *architecture;        /* as Go names it: "amd64", "arm64" */
  int kernel_major, kernel_minor;
};

/* The facts of this host; `capabilities` is left to the caller. */
void seccomp_host_facts(struct seccomp_facts *ret_facts);

fallible seccomp_convert(const json_t *profile, const struct seccomp_facts *facts,
                         json_t **ret_seccomp);

#endif
