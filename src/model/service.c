#include "model/service.h"

#include "base/mem.h"
#include "model/project.h"

#define F(member) FIELD(struct service, member)
static const struct field service_fields[] = {
    F(id), F(project_id), F(name), F(label), F(icon), F(created_us), F(updated_us), F(deleted_us),
};
#undef F
const struct shape service_shape = SHAPE("service", struct service, service_fields);

#define F(member) FIELD(struct service_instance, member)
static const struct field service_instance_fields[] = {
    F(id),       F(project_id), F(environment_id), F(service_id),
    F(settings), F(created_us), F(updated_us), F(deleted_us),
};
#undef F
const struct shape service_instance_shape =
    SHAPE("service instance", struct service_instance, service_instance_fields);

err *service_name_check(const char *name) {
  TRY(name_check("service", name, SERVICE_NAME_MAX));
  auto_free char *label = label_from_name(name);
  if (!*label)
    return err_new(ERR_INVALID,
                   "the service name '%s' has no letter or digit to make its host name of", name);
  return NULL;
}

err *service_set_name(struct service *s, const char *name) {
  TRY(service_name_check(name));
  auto_free char *label = label_from_name(name);
  str_replace_owned(&s->name, name);
  str_replace_owned(&s->label, label);
  return NULL;
}
