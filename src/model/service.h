/* Services, which belong to a project, and service instances: a service in one environment, with
 * all its settings (reference section 1). */
#ifndef TRAMWAY_MODEL_SERVICE_H
#define TRAMWAY_MODEL_SERVICE_H

#include "model/service_settings.h"
#include "model/shape.h"

struct service {
  char id[ID_SIZE];
  char project_id[ID_SIZE];
  char *name;  /* ≤ SERVICE_NAME_MAX characters */
  char *label; /* its DNS name: label_from_name(name); unique in the project */
  char *icon;
  int64_t created_us, updated_us;
  int64_t deleted_us; /* not 0: being removed, no longer shown */
};
MODEL_STRUCT(service);
#define auto_service MODEL_AUTO(service)
#define auto_service_list MODEL_AUTO(service_list)

/* Begin with service_settings_init(&instance.settings). */
struct service_instance {
  char id[ID_SIZE];
  char project_id[ID_SIZE];
  char environment_id[ID_SIZE];
  char service_id[ID_SIZE];
  struct service_settings settings;
  int64_t created_us, updated_us;
  int64_t deleted_us; /* not 0: it leaves this environment, and is no longer shown */
};
MODEL_STRUCT(service_instance);
#define auto_service_instance MODEL_AUTO(service_instance)
#define auto_service_instance_list MODEL_AUTO(service_instance_list)

#define SERVICE_NAME_MAX 32 /* characters; reference 2.3 */

/* ERR_INVALID also when the name has no letter or digit to make a DNS label of. */
fallible service_name_check(const char *name);

/* Sets the name and the label that follows from it. */
fallible service_set_name(struct service *s, const char *name);

#endif
