#include "source/opt_out.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static bool is_one_of(const char *word, size_t len, const char *const *words) {
  for (; *words; words++)
    if (strlen(*words) == len && strncasecmp(word, *words, len) == 0) return true;
  return false;
}

/* `text` is what stands between the brackets. */
static bool is_opt_out(const char *text, size_t len) {
  static const char *const verbs[] = {"skip", "no", NULL};
  static const char *const objects[] = {"deploy", "ci", "cd", "actions", "railway", "tramway", NULL};
  size_t first = strcspn(text, " ]"), gap = strspn(text + first, " ");
  if (first + gap >= len) return false;
  const char *second = text + first + gap;
  size_t second_len = len - first - gap;
  if (is_one_of(text, first, verbs) && is_one_of(second, second_len, objects)) return true;
  return is_one_of(text, first, objects) && second_len == 4 && strncasecmp(second, "skip", 4) == 0;
}

char *opt_out_find(const char *message) {
  for (const char *at = message; at && (at = strchr(at, '[')); at++) {
    size_t len = strcspn(at + 1, "[]\n");
    if (at[len + 1] == ']' && is_opt_out(at + 1, len)) return str_ndup(at, len + 2);
  }
  return NULL;
}
