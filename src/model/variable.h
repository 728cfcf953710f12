/* Variables of a service in an environment, or shared by the whole environment (reference 2.6). */
#ifndef TRAMWAY_MODEL_VARIABLE_H
#define TRAMWAY_MODEL_VARIABLE_H

#include "model/shape.h"

struct variable {
  char id[ID_SIZE];
  char project_id[ID_SIZE];
  char environment_id[ID_SIZE];
  char service_id[ID_SIZE]; /* "": shared by the environment */
  char *name;               /* unique among the service's, or among the shared ones */
  char *value;              /* a secret: as the user wrote it, references not resolved */
  bool is_sealed;           /* write-only; cannot be unsealed */
  int64_t created_us, updated_us;
};
MODEL_STRUCT(variable);
#define auto_variable MODEL_AUTO(variable)
#define auto_variable_list MODEL_AUTO(variable_list)

#define VARIABLE_NAME_LEN_MAX 256
#define VARIABLE_VALUE_LEN_MAX 65536 /* one environment string is at most 128 KiB in Linux */

/* ERR_INVALID unless it is [A-Za-z_][A-Za-z0-9_]* (POSIX, 8.1) within the limit. */
fallible variable_name_check(const char *name);

/* UTF-8 without NUL within the limit (ERR_LIMIT beyond).  The error has no part of the value. */
fallible variable_value_check(const char *name, const char *value, size_t len);

#endif
