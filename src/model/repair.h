/* Something that was not as it should be, found and put right by the engine or the edge without
 * being asked.  Borrowed for the duration of the callback. */
#ifndef TRAMWAY_MODEL_REPAIR_H
#define TRAMWAY_MODEL_REPAIR_H

struct repair {
  const char *object;  /* what it was: "network", "link", "firewall", "edge", "route", … */
  const char *cause;   /* what was found, in words: "the bridge 'tramway-e0' was gone" */
  const char *outcome; /* what was done, in words; with `failure` what was tried */
  const char *failure; /* NULL; or why it is not put right yet: it is tried again */
  /* Whom it concerns, as far as that is known; all NULL: the whole machine. */
  const char *environment_id;
  const char *workload_id;         /* of the engine */
  const char *service_instance_id; /* the edge's key: its id, and perhaps more behind it */
};

typedef void repair_fn(void *arg, const struct repair *repair);

#endif
