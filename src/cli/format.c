#include "cli/format.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"

void format_duration(int64_t ms, char text[FORMAT_SIZE]) {
  if (ms < 0) ms = 0;
  long long s = ms / 1000;
  if (ms < 1000)
    snprintf(text, FORMAT_SIZE, "%lld ms", (long long)ms);
  else if (s < 60)
    snprintf(text, FORMAT_SIZE, "%lld.%lld s", s, (long long)(ms % 1000) / 100);
  else if (s < 3600)
    snprintf(text, FORMAT_SIZE, "%lld min %lld s", s / 60, s % 60);
  else
    snprintf(text, FORMAT_SIZE, "%lld h %lld min", s / 3600, s % 3600 / 60);
}

void format_bytes(int64_t size, char text[FORMAT_SIZE]) {
  static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  double value = (double)(size < 0 ? 0 : size);
  size_t unit = 0;
  while (value >= 999.5 && unit + 1 < ARRAY_LEN(units)) {
    value /= 1000;
    unit++;
  }
  snprintf(text, FORMAT_SIZE, unit && value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

void format_age(int64_t age_ms, char text[FORMAT_SIZE]) {
  long long minutes = age_ms / 60000;
  if (minutes < 1)
    snprintf(text, FORMAT_SIZE, "just now");
  else if (minutes < 60)
    snprintf(text, FORMAT_SIZE, "%lld min ago", minutes);
  else if (minutes < 48 * 60)
    snprintf(text, FORMAT_SIZE, "%lld h ago", minutes / 60);
  else
    snprintf(text, FORMAT_SIZE, "%lld days ago", minutes / (24 * 60));
}

void format_local_time(const char *timestamp, char text[FORMAT_SIZE]) {
  int64_t time_us;
  struct tm local;
  if (!timestamp) timestamp = "";
  if (clock_parse(timestamp, &time_us)) {
    time_t seconds = (time_t)(time_us / 1000000);
    if (localtime_r(&seconds, &local) && strftime(text, FORMAT_SIZE, "%Y-%m-%d %H:%M:%S", &local))
      return;
  }
  snprintf(text, FORMAT_SIZE, "%.31s", timestamp);
}

char *format_words(const char *constant) {
  char *words = str_dup(constant);
  for (char *p = words; *p; p++) {
    if (*p == '_')
      *p = ' ';
    else if (p > words)
      *p = (char)tolower((unsigned char)*p);
  }
  return words;
}

/* The length of the colour sequence at `text` ("ESC [ digits ; … m"), or 0. */
static size_t colour_len(const char *text) {
  if (text[0] != '\033' || text[1] != '[') return 0;
  size_t len = 2 + strspn(text + 2, "0123456789;");
  return text[len] == 'm' ? len + 1 : 0;
}

size_t format_width(const char *text) {
  size_t width = 0;
  while (*text) {
    size_t colour = colour_len(text);
    if (!colour && ((unsigned char)*text & 0xC0) != 0x80) width++;
    text += colour ? colour : 1;
  }
  return width;
}

/* The length of the well-formed UTF-8 character at `text`, or 0. */
static size_t character_len(const char *text) {
  size_t len = strnlen(text, 4);
  for (size_t n = 1; n <= len; n++)
    if (str_is_utf8(text, n)) return n;
  return 0;
}

/* C1 controls (U+0080 … U+009F): some terminals take U+009B for "ESC [". */
static bool is_c1(const char *text) {
  return (unsigned char)text[0] == 0xC2 && (unsigned char)text[1] < 0xA0;
}

char *format_printable(const char *text) {
  auto_str clean = STR_EMPTY;
  str_init(&clean);
  while (*text) {
    size_t colour = colour_len(text);
    size_t len = colour ? colour : character_len(text);
    bool control = len == 1 && (iscntrl((unsigned char)*text) && *text != '\t');
    if (len == 0)
      str_add_char(&clean, '?');
    else if (!control && !(len == 2 && is_c1(text)))
      str_add_bytes(&clean, text, len);
    text += len ? len : 1;
  }
  return str_take(&clean);
}

char *format_name(const char *folder) {
  auto_str name = STR_EMPTY;
  str_init(&name);
  for (; *folder && name.len < 32; folder++) {
    unsigned char c = (unsigned char)*folder;
    bool plain = isascii(c) && isalnum(c);
    if (plain)
      str_add_char(&name, (char)tolower(c));
    else if (name.len && name.data[name.len - 1] != '-')
      str_add_char(&name, '-');
  }
  while (name.len && name.data[name.len - 1] == '-')
    name.data[--name.len] = '\0';
  if (!name.len) str_add(&name, "app");
  return str_take(&name);
}

void table_init(struct table *t, size_t columns) {
  *t = (struct table){.columns = columns};
}

void table_add(struct table *t, ...) {
  va_list cells;
  va_start(cells, t);
  for (size_t i = 0; i < t->columns; i++) {
    const char *cell = va_arg(cells, const char *);
    strv_add(&t->cells, cell ? cell : "");
    if (!cell) break;
  }
  va_end(cells);
  while (t->cells.len % t->columns)
    strv_add(&t->cells, "");
}

static size_t column_width(const struct table *t, size_t column) {
  size_t widest = 0;
  for (size_t i = column; i < t->cells.len; i += t->columns) {
    size_t width = format_width(t->cells.items[i]);
    if (width > widest) widest = width;
  }
  return widest;
}

void table_print(const struct table *t, const char *indent, struct str *text) {
  for (size_t i = 0; i < t->cells.len; i++) {
    size_t column = i % t->columns;
    bool last = column + 1 == t->columns;
    if (column == 0) str_add(text, indent);
    str_add(text, t->cells.items[i]);
    if (last) {
      while (text->len && text->data[text->len - 1] == ' ')
        text->data[--text->len] = '\0';
      str_add_char(text, '\n');
      continue;
    }
    size_t gap = column_width(t, column) - format_width(t->cells.items[i]) + 2;
    str_addf(text, "%*s", (int)gap, "");
  }
}

void table_done(struct table *t) {
  strv_done(&t->cells);
}
