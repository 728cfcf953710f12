#include "model/variable.h"

#include <string.h>

#include "base/str.h"

#define F(member) FIELD(struct variable, member)
static const struct field variable_fields[] = {
    F(id),    F(project_id), F(environment_id), F(service_id), F(name),
    F(value), F(is_sealed),  F(created_us),     F(updated_us),
};
#undef F
const struct shape variable_shape = SHAPE("variable", struct variable, variable_fields);

static bool is_name_character(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         (!first && c >= '0' && c <= '9');
}

err *variable_name_check(const char *name) {
  if (str_empty(name)) return err_new(ERR_INVALID, "a variable needs a name");
  for (size_t i = 0; name[i]; i++) {
    if (!is_name_character(name[i], i == 0))
      return err_new(ERR_INVALID,
                     "the variable name '%.64s' may only have letters, digits and '_', and not "
                     "begin with a digit",
                     name);
  }
  if (strlen(name) > VARIABLE_NAME_LEN_MAX)
    return err_new(ERR_INVALID, "the variable name '%.64s…' has more than %d characters", name,
                   VARIABLE_NAME_LEN_MAX);
  return NULL;
}

err *variable_value_check(const char *name, const char *value, size_t len) {
  if (len > VARIABLE_VALUE_LEN_MAX)
    return err_new(ERR_LIMIT, "the value of variable '%s' has %zu bytes; at most %d are allowed",
                   name, len, VARIABLE_VALUE_LEN_MAX);
  if (memchr(value, '\0', len) || !str_is_utf8(value, len))
    return err_new(ERR_INVALID, "the value of variable '%s' is not UTF-8 text without NUL bytes",
                   name);
  return NULL;
}
