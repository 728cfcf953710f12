/* What happened to a project without anybody asking for it: an instance that crashed, damage that was
 * repaired.  Railway's Event. */
#ifndef TRAMWAY_MODEL_EVENT_H
#define TRAMWAY_MODEL_EVENT_H

#include "model/shape.h"

enum event_severity {
  EVENT_INFO,
  EVENT_NOTICE,   /* put right by itself */
  EVENT_WARNING,  /* put right by itself, but somebody's app failed */
  EVENT_CRITICAL, /* not put right */
};
MODEL_ENUM(event_severity);

struct event {
  char id[ID_SIZE];
  char project_id[ID_SIZE]; /* "": of the whole machine, which concerns every project */
  char environment_id[ID_SIZE];
  char service_id[ID_SIZE];
  char deployment_id[ID_SIZE];
  enum event_severity severity;
  char *object;    /* "instance", "network", "edge", … */
  char *action;    /* "crashed", "restarted", "repaired", "failed" */
  char *cause;     /* in words */
  char *outcome;   /* what was done about it, in words; or NULL */
  json_t *payload; /* more facts: exitCode, outOfMemory, replica (object or NULL) */
  int count;       /* the same thing again within some minutes is the same event */
  int64_t created_us, last_us;
};
MODEL_STRUCT(event);
#define auto_event MODEL_AUTO(event)
#define auto_event_list MODEL_AUTO(event_list)

#endif
