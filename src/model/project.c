#include "model/project.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define F(member) FIELD(struct project, member)
static const struct field project_fields[] = {
    F(id),         F(workspace_id), F(name),
    F(description), F(pr_deploys),   F(base_environment_id),
    F(focused_pr_environments),      F(bot_pr_environments),
    F(created_us), F(updated_us),   F(deleted_us),
};
#undef F
const struct shape project_shape = SHAPE("project", struct project, project_fields);

#define F(member) FIELD(struct environment, member)
static const struct field environment_fields[] = {
    F(id),   F(project_id), F(name),       F(is_ephemeral), F(source_environment_id),
    F(meta), F(created_us), F(updated_us), F(deleted_us),
};
#undef F
const struct shape environment_shape = SHAPE("environment", struct environment, environment_fields);

static size_t count_characters(const char *text) {
  size_t count = 0;
  for (; *text; text++)
    if (((unsigned char)*text & 0xc0) != 0x80) count++; /* not a UTF-8 continuation byte */
  return count;
}

static bool has_control_character(const char *text) {
  for (; *text; text++)
    if ((unsigned char)*text < ' ' || *text == 0x7f) return true;
  return false;
}

err *name_check(const char *what, const char *name, size_t max) {
  if (str_empty(name)) return err_new(ERR_INVALID, "a %s needs a name", what);
  if (!str_is_utf8(name, strlen(name)))
    return err_new(ERR_INVALID, "the %s name is not UTF-8", what);
  if (has_control_character(name))
    return err_new(ERR_INVALID, "the %s name has a control character in it", what);
  if (count_characters(name) > max)
    return err_new(ERR_INVALID, "the %s name has %zu characters; at most %zu are allowed", what,
                   count_characters(name), max);
  if (name[0] == ' ' || name[strlen(name) - 1] == ' ')
    return err_new(ERR_INVALID, "the %s name '%s' has a space at an end", what, name);
  return NULL;
}

err *project_name_check(const char *name) {
  return name_check("project", name, PROJECT_NAME_MAX);
}

err *environment_name_check(const char *name) {
  TRY(name_check("environment", name, ENVIRONMENT_NAME_MAX));
  auto_free char *label = label_from_name(name);
  if (!*label)
    return err_new(ERR_INVALID, "the environment name '%s' has no letter or digit in it", name);
  return NULL;
}

static bool is_label_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

char *label_from_name(const char *name) {
  enum { LABEL_MAX = 63 };
  auto_str label = STR_EMPTY;
  bool gap = false;
  for (; *name; name++) {
    char c = *name >= 'A' && *name <= 'Z' ? (char)(*name - 'A' + 'a') : *name;
    if (!is_label_character(c)) {
      gap = true;
      continue;
    }
    if (label.len + (gap ? 2 : 1) > LABEL_MAX) break;
    if (gap && label.len) str_add_char(&label, '-');
    gap = false;
    str_add_char(&label, c);
  }
  return str_take(&label);
}
