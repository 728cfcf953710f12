/* The RAILWAY_* variables that every build and instance is given (reference 2.6).  Pure. */
#ifndef TRAMWAY_CORE_RAILWAY_VARIABLES_H
#define TRAMWAY_CORE_RAILWAY_VARIABLES_H

#include <jansson.h>

#include "model/deployment.h"
#include "model/project.h"
#include "model/service.h"

#define PORT_DEFAULT 8080 /* what Railway is seen to give */
#define REGION_NAME "local"

struct railway_facts {
  const struct project *project;
  const struct environment *environment;
  const struct service *service;
  const struct deployment *deployment; /* NULL: outside a deployment */
  const char *snapshot_hash;           /* NULL or "": none */
  const char *public_domain;           /* NULL: none */
  const char *tcp_domain;              /* of its first TCP proxy, with the ports; NULL: it has none */
  int tcp_port, tcp_application_port;
  const json_t *hosts;                 /* {service name: host} of those that have one; NULL: not known */
  const char *volume_name, *volume_mount_path; /* NULL: it mounts none */
};

/* Adds them to `variables` ({name: text}); the user's own win.  PORT too, when the user set none. */
void railway_variables_add(const struct railway_facts *facts, json_t *variables);

/* The value of PORT in `variables`, PORT_DEFAULT when it is no port. */
int railway_variables_port(const json_t *variables);

#endif
