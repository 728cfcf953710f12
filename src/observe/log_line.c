#include "observe/log_line.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Reads `count` digits; false when they are none. */
static bool read_digits(const char **p, const char *end, int count, int64_t *ret_value) {
  if (end - *p < count) return false;
  int64_t value = 0;
  for (int i = 0; i < count; i++) {
    char c = (*p)[i];
    if (c < '0' || c > '9') return false;
    value = value * 10 + (c - '0');
  }
  *p += count;
  *ret_value = value;
  return true;
}

static bool read_char(const char **p, const char *end, char wanted) {
  if (*p == end || **p != wanted) return false;
  (*p)++;
  return true;
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar (years from March on, so that the leap
 * day is the last of its year). */
static int64_t days_of(int64_t year, int64_t month, int64_t day) {
  year -= month <= 2;
  int64_t era = year / 400, year_of_era = year % 400;
  int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
         719468;
}

static bool read_fraction(const char **p, const char *end, int64_t *ret_ns) {
  *ret_ns = 0;
  if (*p == end || (**p != '.' && **p != ',')) return true;
  (*p)++;
  int64_t scale = 100000000;
  const char *first = *p;
  for (; *p < end && **p >= '0' && **p <= '9'; (*p)++) {
    *ret_ns += (**p - '0') * scale;
    scale /= 10;
  }
  return *p > first;
}

static bool read_offset(const char **p, const char *end, int64_t *ret_seconds) {
  *ret_seconds = 0;
  if (read_char(p, end, 'Z')) return true;
  if (*p == end || (**p != '+' && **p != '-')) return false;
  int64_t sign = *(*p)++ == '+' ? 1 : -1, hours, minutes;
  if (!read_digits(p, end, 2, &hours) || !read_char(p, end, ':') ||
      !read_digits(p, end, 2, &minutes))
    return false;
  *ret_seconds = sign * (hours * 3600 + minutes * 60);
  return true;
}

static bool read_time(const char **p, const char *end, int64_t *ret_ns) {
  int64_t year, month, day, hour, minute, second, ns, offset;
  bool ok = read_digits(p, end, 4, &year) && read_char(p, end, '-') &&
            read_digits(p, end, 2, &month) && read_char(p, end, '-') &&
            read_digits(p, end, 2, &day) && read_char(p, end, 'T') &&
            read_digits(p, end, 2, &hour) && read_char(p, end, ':') &&
            read_digits(p, end, 2, &minute) && read_char(p, end, ':') &&
            read_digits(p, end, 2, &second) && read_fraction(p, end, &ns) &&
            read_offset(p, end, &offset);
  /* 2261 is the last whole year that 63 bits of nanoseconds hold. */
  if (!ok || year < 1970 || year > 2261 || month < 1 || month > 12 || day < 1 || day > 31)
    return false;
  int64_t seconds = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
  *ret_ns = seconds * 1000000000 + ns;
  return *ret_ns >= 0;
}

bool log_line_parse(const char *data, size_t len, struct log_line *ret_line) {
  const char *p = data, *end = data + len;
  struct log_line line = {0};
  if (!read_time(&p, end, &line.time_ns) || !read_char(&p, end, ' ')) return false;
  if (end - p < 8 || memcmp(p, "std", 3) != 0) return false;
  if (memcmp(p, "stdout ", 7) != 0 && memcmp(p, "stderr ", 7) != 0) return false;
  line.is_stderr = p[3] == 'e';
  p += 7;
  if (*p != 'F' && *p != 'P') return false;
  line.is_partial = *p++ == 'P';
  if (p < end && *p++ != ' ') return false; /* an empty line may come without its blank */
  line.text = p;
  line.len = (size_t)(end - p);
  *ret_line = line;
  return true;
}

void log_line_add(struct str *out, int64_t time_ns, bool is_stderr, const char *text, size_t len) {
  time_t seconds = (time_t)(time_ns / 1000000000);
  struct tm tm;
  gmtime_r(&seconds, &tm);
  str_addf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%09lld+00:00 %s F ", tm.tm_year + 1900,
           tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
           (long long)(time_ns % 1000000000), is_stderr ? "stderr" : "stdout");
  str_add_bytes(out, text, len);
  str_add_char(out, '\n');
}
