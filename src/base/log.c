#include "base/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static enum log_level current_level = LOG_LEVEL_INFO;

void log_set_level(enum log_level level) {
  current_level = level;
}

void log_line(enum log_level level, const char *module, const char *format, ...) {
  if (level > current_level) return;
  char now[CLOCK_TEXT_SIZE];
  clock_format(clock_now_us(), now);
  va_list args;
  va_start(args, format);
  auto_free char *text = str_vformat(format, args);
  va_end(args);
  for (char *p = text; *p; p++)
    if ((unsigned char)*p < ' ') *p = ' '; /* one event, one line: nobody forges a second one */
  auto_free char *line = str_format("%s %s %s: %s\n", now, level_names[level], module, text);
  for (const char *p = line; *p;) {
    ssize_t written = write(STDERR_FILENO, p, strlen(p));
    if (written <= 0) return; /* there is nobody left to tell */
    p += written;
  }
}
