#include "core/control_variables.h"

#include <stddef.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

/* clang-format off */
static const struct row { const char *name; size_t offset; int64_t least, most; } rows[] = {
  { "RAILWAY_DEPLOYMENT_OVERLAP_SECONDS",  offsetof(struct service_settings, overlap_s),             0, OVERLAP_S_MAX },
  { "RAILWAY_DEPLOYMENT_DRAINING_SECONDS", offsetof(struct service_settings, draining_s),            0, DRAINING_S_MAX },
  { "RAILWAY_HEALTHCHECK_TIMEOUT_SEC",     offsetof(struct service_settings, healthcheck_timeout_s), 1, HEALTHCHECK_TIMEOUT_S_MAX },
};
/* clang-format on */

void control_variables_apply(const json_t *variables, struct service_settings *s) {
  const char *dockerfile = json_get_text(variables, "RAILWAY_DOCKERFILE_PATH");
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    long long number;
    if (str_to_int(json_get_text(variables, rows[i].name), rows[i].least, rows[i].most, &number))
      *(int64_t *)((char *)s + rows[i].offset) = number;
  }
  bool fits = !str_empty(dockerfile) && strlen(dockerfile) <= SETTING_PATH_LEN_MAX;
  if (fits && !s->dockerfile_path) s->dockerfile_path = str_dup(dockerfile);
}
