#include "cli/moment.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

static bool parse_ago(const char *text, int64_t now_us, int64_t *ret_us) {
  static const struct {
    char unit;
    int64_t seconds;
  } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
  size_t digits = strspn(text, "0123456789");
  if (!digits || digits > 6 || strlen(text) != digits + 1) return false;
  for (size_t i = 0; i < ARRAY_LEN(units); i++) {
    if (units[i].unit != text[digits]) continue;
    *ret_us = now_us - atoll(text) * units[i].seconds * 1000000;
    return true;
  }
  return false;
}

/* "2026-11-21 17:30" and "2026-11-21 17:30:00.5" as RFC 3339 in UTC. */
static bool parse_plain(const char *text, int64_t *ret_us) {
  size_t len = strlen(text);
  if (len < strlen("2026-11-21 17:30") || (text[10] != ' ' && text[10] != 'T')) return false;
  auto_free char *rfc = str_format("%.10sT%s%sZ", text, text + 11, len == strlen("2026-11-21 17:30") ? ":00" : "");
  return clock_parse(rfc, ret_us);
}

err *moment_parse(const char *text, int64_t now_us, int64_t *ret_us) {
  if (parse_ago(text, now_us, ret_us) || clock_parse(text, ret_us) || parse_plain(text, ret_us)) return NULL;
  return err_new(ERR_INVALID, "'%s' is no moment: write 2026-11-21T17:30:00Z, \"2026-11-21 17:30:00\" (UTC), or 15m, 2h, 1d "
                              "for so long ago", text);
}
