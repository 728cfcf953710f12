/* Host names that lead to a service instance (reference 2.7). */
#ifndef TRAMWAY_MODEL_DOMAIN_H
#define TRAMWAY_MODEL_DOMAIN_H

#include "model/shape.h"

enum domain_kind {
  DOMAIN_SERVICE, /* generated: <service>-<environment>-<code>.<suffix> */
  DOMAIN_CUSTOM,  /* the user's own */
};
MODEL_ENUM(domain_kind);

enum sync_status {
  SYNC_CREATING,
  SYNC_UPDATING,
  SYNC_ACTIVE,
  SYNC_DELETING,
  SYNC_DELETED,
  SYNC_UNSPECIFIED,
};
MODEL_ENUM(sync_status);

struct domain {
  char id[ID_SIZE];
  enum domain_kind kind;
  char *host;   /* lower-case, without a trailing dot; unique in the whole installation */
  char *suffix; /* of a SERVICE domain, else NULL */
  char project_id[ID_SIZE];
  char environment_id[ID_SIZE];
  char service_id[ID_SIZE];
  char service_instance_id[ID_SIZE];
  int target_port; /* 0: the deployment's own port */
  enum sync_status sync_status;
  int64_t created_us, updated_us;
};
MODEL_STRUCT(domain);
#define auto_domain MODEL_AUTO(domain)
#define auto_domain_list MODEL_AUTO(domain_list)

/* What the edge needs of a domain whose service, environment and project all live. */
struct domain_route {
  char *host;
  int target_port;
  char service_instance_id[ID_SIZE];
};
MODEL_STRUCT(domain_route);
#define auto_domain_route_list MODEL_AUTO(domain_route_list)

#define HOST_LEN_MAX 253 /* RFC 1035, 2.3.4, without the root's dot */
#define HOST_LABEL_MAX 63

/* ERR_INVALID unless `host` is lower-case DNS labels with at least one dot (no wildcard, no
 * address, no trailing dot). */
fallible domain_host_check(const char *host);

/* "<service>-<environment>-<code>.<suffix>", the first label cut to 63 bytes by shortening the
 * environment's part, then the service's.  The labels are label_from_name's.  The caller owns it.
 */
char *domain_generated_host(const char *service_label, const char *environment_label,
                            const char *code, const char *suffix);

#endif
