/* Requirements out of pyproject.toml and Pipfile. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "build/provider_python.h"

/* "^1.2.3" → ">=1.2.3,<2"; "^0.2.3" → "<0.3"; "~1.2.3" → "<1.3", "~1" → "<2" (Poetry's rules). */
static char *range_of(const char *constraint) {
  int part[3] = {0};
  int given = sscanf(constraint + 1, "%d.%d.%d", &part[0], &part[1], &part[2]);
  if (given < 1) return str_dup("");
  int keep = 0; /* the part that goes one up */
  if (*constraint == '~') keep = given > 1 ? 1 : 0;
  else while (keep < given - 1 && part[keep] == 0) keep++;
  if (keep == 0) return str_format(">=%s,<%d", constraint + 1, part[0] + 1);
  if (keep == 1) return str_format(">=%s,<%d.%d", constraint + 1, part[0], part[1] + 1);
  return str_format(">=%s,<%d.%d.%d", constraint + 1, part[0], part[1], part[2] + 1);
}

char *python_requirement(const char *name, const char *constraint) {
  while (isspace((unsigned char)*constraint)) constraint++;
  if (!*constraint || str_eq(constraint, "*")) return str_dup(name);
  if (*constraint == '^' || (*constraint == '~' && constraint[1] != '=')) {
    auto_free char *range = range_of(constraint);
    return str_format("%s%s", name, range);
  }
  return str_format("%s%s%s", name, isdigit((unsigned char)*constraint) ? "==" : "", constraint);
}

/* A table "name = constraint" or "name = {version = …, extras = […]}". */
static void add_table(const json_t *table, struct strv *out) {
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)table, name, value) {
    const char *constraint = json_is_string(value) ? json_string_value(value) : json_get_text(value, "version");
    if (str_eq(name, "python") || !constraint) continue;
    auto_str full = STR_EMPTY;
    str_add(&full, name);
    const json_t *extras = json_object_get(value, "extras");
    for (size_t i = 0; i < json_array_size(extras); i++)
      str_addf(&full, "%s%s", i ? "," : "[", json_string_value(json_array_get(extras, i)) ? json_string_value(json_array_get(extras, i)) : "");
    if (json_array_size(extras)) str_add_char(&full, ']');
    strv_add_take(out, python_requirement(str_text(&full), constraint));
  }
}

err *python_requirements(const struct draft *d, struct strv *ret_requirements) {
  auto_json *project = NULL, *pipfile = NULL;
  TRY(draft_read_object(d, "pyproject.toml", &project));
  const json_t *list = json_object_get(json_object_get(project, "project"), "dependencies");
  for (size_t i = 0; i < json_array_size(list); i++)
    if (json_is_string(json_array_get(list, i)))
      strv_add(ret_requirements, json_string_value(json_array_get(list, i)));
  const json_t *poetry = json_object_get(json_object_get(project, "tool"), "poetry");
  add_table(json_object_get(poetry, "dependencies"), ret_requirements);
  if (draft_has(d, "Pipfile")) { /* TOML under another name */
    TRY(draft_read_object(d, "Pipfile", &pipfile));
    add_table(json_object_get(pipfile, "packages"), ret_requirements);
  }
  return NULL;
}

/* Whether `text` has `name` as a whole requirement name, letter case and -_. ignored. */
static bool mentions(const char *text, const char *name) {
  size_t i = 0;
  for (; name[i]; i++) {
    char a = (char)tolower((unsigned char)text[i]);
    if (a == '_' || a == '.') a = '-';
    if (a != name[i]) return false;
  }
  return !isalnum((unsigned char)text[i]) && text[i] != '-' && text[i] != '_' && text[i] != '.';
}

bool python_depends_on(const struct draft *d, const struct strv *requirements, const char *name) {
  for (size_t i = 0; i < requirements->len; i++)
    if (mentions(requirements->items[i], name)) return true;
  auto_free char *text = draft_read(d, "requirements.txt");
  if (!text) return false;
  auto_strv lines = STRV_EMPTY;
  strv_split(&lines, text, '\n');
  for (size_t i = 0; i < lines.len; i++)
    if (mentions(str_trim(lines.items[i]), name)) return true;
  return false;
}
