/* What is read from somebody else's file before it is applied: shared by `import` and its readers. */
#ifndef TRAMWAY_CORE_IMPORT_PLAN_H
#define TRAMWAY_CORE_IMPORT_PLAN_H

#include <jansson.h>

#include "base/str.h"

struct import_plan {
  json_t *patch;       /* core/environment_patch.h: services by name, isCreated */
  struct strv notes;   /* what was left out, and what to do about it */
  struct strv uploads; /* services that are built from a folder: what to type for each, without the program */
};

static inline void import_plan_done(struct import_plan *plan) {
  json_decref(plan->patch);
  strv_done(&plan->notes);
  strv_done(&plan->uploads);
  *plan = (struct import_plan){0};
}
#define auto_import_plan __attribute__((cleanup(import_plan_done))) struct import_plan

#endif
