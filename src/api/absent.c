/* What Railway's API has and ours has not (api/absent.txt): who asks for it is told so, and why. */
#include <string.h>

#include "api/internal.h"
#include "base/embedded.h"
#include "base/mem.h"
#include "base/str.h"

/* A reason stands at the beginning of a line, and under it, indented, the fields that it is for. */
char *absent_field(const char *type, const char *field) {
  auto_free char *row = str_format("  %s.%s", type, field);
  auto_strv lines = STRV_EMPTY;
  strv_split(&lines, embedded_text("api/absent.txt"), '\n');
  const char *reason = NULL;
  for (size_t i = 0; i < lines.len; i++) {
    if (str_eq(lines.items[i], row))
      return str_format("%s.%s is not available in Tramway: %s", type, field, reason);
    if (!str_empty(lines.items[i]) && lines.items[i][0] != ' ') reason = lines.items[i];
  }
  return NULL;
}
