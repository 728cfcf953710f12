#include "cli/names.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"

enum { TOLD_MAX = 20 };

static char *lower(const char *text) {
  char *copy = str_dup(text);
  for (char *p = copy; *p; p++) *p = (char)tolower((unsigned char)*p);
  return copy;
}

bool names_nearest(const struct strv *names, const char *wanted, size_t *ret_index) {
  size_t best = strlen(wanted) / 3 + 2, first = best;
  auto_free char *meant = lower(wanted);
  for (size_t i = 0; i < names->len; i++) {
    auto_free char *name = lower(names->items[i]);
    size_t distance = str_distance(meant, name);
    if (distance >= best) continue;
    best = distance;
    *ret_index = i;
  }
  return best < first;
}

err *names_not_found(const char *what, const char *wanted, const struct strv *names) {
  auto_str text = STR_EMPTY;
  size_t nearest = 0, told = names->len < TOLD_MAX ? names->len : TOLD_MAX;
  str_addf(&text, "%s \"%.100s\" not found", what, wanted);
  if (names_nearest(names, wanted, &nearest))
    str_addf(&text, "; did you mean \"%s\"?", names->items[nearest]);
  else
    str_add_char(&text, names->len ? '.' : ':');
  if (!names->len) str_add(&text, " there is none yet");
  for (size_t i = 0; i < told; i++) str_addf(&text, "%s%s", i ? ", " : " There are: ", names->items[i]);
  if (told < names->len) str_addf(&text, ", and %zu more", names->len - told);
  return err_new(ERR_NOT_FOUND, "%s", str_text(&text));
}

err *names_row_of(const json_t *rows, const char *what, const char *verb, const char *start, json_t **ret_row) {
  json_t *row, *found = NULL;
  size_t i;
  json_array_foreach((json_t *)rows, i, row) {
    if (!*start || !str_starts(json_get_text(row, "id"), start)) continue;
    if (found) return err_new(ERR_INVALID, "several %ss begin with '%s': write more of the id", what, start);
    found = row;
  }
  if (!found) return err_new(ERR_NOT_FOUND, "no %s begins with '%.100s': see `%s`", what, start, verb);
  *ret_row = found;
  return NULL;
}
