/* What the files of the compose reader share.  Nobody else includes this. */
#ifndef TRAMWAY_CORE_COMPOSE_INTERNAL_H
#define TRAMWAY_CORE_COMPOSE_INTERNAL_H

#include "core/compose.h"

struct compose_reading {
  const struct compose_input *input;
  struct import_plan *plan;
  struct strv refused;
};

/* One service that is being read. */
struct compose_service {
  struct compose_reading *reading;
  const char *name;
  const struct yml *given;
  json_t *part; /* of the patch */
};

void compose_note(const struct compose_service *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "compose.yml, line 7: services.web.privileged: …" */
void compose_refuse(const struct compose_service *s, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* part[group][key] = value; takes `value`. */
void compose_put(const struct compose_service *s, const char *group, const char *key, json_t *value);

/* Refuses what is dangerous, notes what has no counterpart. */
void compose_check_keys(const struct compose_service *s);
void compose_check_volumes(const struct compose_service *s);

void compose_read_ports(const struct compose_service *s);
void compose_read_health(const struct compose_service *s);
void compose_read_command(const struct compose_service *s);
fallible compose_read_environment(const struct compose_service *s);

#endif
