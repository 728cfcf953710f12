/* A port of the edge that leads to a port of a service instance (reference 2.7), for what speaks no HTTP. */
#ifndef TRAMWAY_MODEL_TCP_PROXY_H
#define TRAMWAY_MODEL_TCP_PROXY_H

#include "model/shape.h"

#define TCP_ALLOW_MAX 256 /* networks in one allow list */

struct tcp_proxy {
  char id[ID_SIZE];
  char project_id[ID_SIZE];
  char environment_id[ID_SIZE];
  char service_id[ID_SIZE];
  char service_instance_id[ID_SIZE];
  int application_port; /* one proxy for each */
  int proxy_port;       /* stays the same for as long as the proxy is there; unique in the installation */
  json_t *allow;        /* ["203.0.113.0/24", …]: who may connect; []: everybody */
  int64_t created_us, updated_us;
};
MODEL_STRUCT(tcp_proxy);
#define auto_tcp_proxy MODEL_AUTO(tcp_proxy)
#define auto_tcp_proxy_list MODEL_AUTO(tcp_proxy_list)

/* An allow list as a user gives it, in one spelling and without what is there twice: a single address becomes
 * a network of one.  NULL and null are [].  ERR_INVALID, ERR_LIMIT.  The caller owns it. */
fallible tcp_allow_read(const json_t *given, json_t **ret_allow);

#endif
