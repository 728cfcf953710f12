#include "base/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t clock_now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_monotonic_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void clock_format(int64_t time_us, char text[CLOCK_TEXT_SIZE]) {
  int64_t seconds = time_us / 1000000, fraction = time_us % 1000000;
  if (fraction < 0) {
    fraction += 1000000;
    seconds--;
  }
  time_t when = (time_t)seconds;
  struct tm parts;
  gmtime_r(&when, &parts);
  char date[24];
  strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
  snprintf(text, CLOCK_TEXT_SIZE, "%.19s.%06dZ", date, (int)fraction);
}

/* Reads exactly `digits` digits; moves *p on. */
static bool number(const char **p, int digits, int low, int high, int *ret_value) {
  int value = 0;
  for (int i = 0; i < digits; i++, (*p)++) {
    if (!isdigit((unsigned char)**p)) return false;
    value = value * 10 + (**p - '0');
  }
  *ret_value = value;
  return value >= low && value <= high;
}

static bool literal(const char **p, const char *any_of) {
  if (!**p || !strchr(any_of, **p)) return false;
  (*p)++;
  return true;
}

bool clock_parse(const char *text, int64_t *ret_time_us) {
  struct tm t = {0};
  const char *p = text;
  if (!number(&p, 4, 1970, 9999, &t.tm_year) || !literal(&p, "-") ||
      !number(&p, 2, 1, 12, &t.tm_mon) || !literal(&p, "-") || !number(&p, 2, 1, 31, &t.tm_mday) ||
      !literal(&p, "Tt ") || !number(&p, 2, 0, 23, &t.tm_hour) || !literal(&p, ":") ||
      !number(&p, 2, 0, 59, &t.tm_min) || !literal(&p, ":") || !number(&p, 2, 0, 60, &t.tm_sec))
    return false;
  t.tm_year -= 1900;
  t.tm_mon -= 1;
  int64_t fraction = 0;
  if (*p == '.') {
    p++;
    int64_t unit = 100000;
    if (!isdigit((unsigned char)*p)) return false;
    for (; isdigit((unsigned char)*p); p++, unit /= 10) fraction += unit * (*p - '0');
  }
  int offset_minutes = 0;
  if (!literal(&p, "Zz")) {
    int sign = *p == '-' ? -1 : 1, hours, minutes;
    if (!literal(&p, "+-") || !number(&p, 2, 0, 23, &hours) || !literal(&p, ":") ||
        !number(&p, 2, 0, 59, &minutes))
      return false;
    offset_minutes = sign * (hours * 60 + minutes);
  }
  if (*p) return false;
  *ret_time_us = ((int64_t)timegm(&t) - offset_minutes * 60) * 1000000 + fraction;
  return true;
}
