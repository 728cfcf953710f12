#include "observe/log_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

/* The length of the well-formed UTF-8 character at `p`; 0 when there is none. */
static size_t character_len(const unsigned char *p, size_t left) {
  size_t len = *p < 0x80 ? 1 : *p >= 0xF0 ? 4 : *p >= 0xE0 ? 3 : 2;
  return len <= left && str_is_utf8((const char *)p, len) ? len : 0;
}

/* The length of the terminal sequence that begins with the ESC at `p`: CSI ("ESC [ … letter"),
 * strings up to BEL or "ESC \" (OSC and its like), else ESC and what follows. */
static size_t escape_len(const unsigned char *p, size_t left) {
  if (left < 2) return left;
  size_t i = 2;
  if (p[1] == '[') {
    while (i < left && p[i] >= 0x20 && p[i] < 0x40) i++;
    return i < left && p[i] >= 0x40 && p[i] < 0x7F ? i + 1 : i;
  }
  if (p[1] == ']' || p[1] == 'P' || p[1] == '^' || p[1] == '_' || p[1] == 'X') {
    for (; i < left && p[i] != '\a'; i++)
      if (p[i] == 0x1B && i + 1 < left && p[i + 1] == '\\') return i + 2;
    return i < left ? i + 1 : 2; /* never closed: only the opening is dropped */
  }
  while (i < left && p[i - 1] >= 0x20 && p[i - 1] < 0x30) i++; /* "ESC ( B" */
  return p[1] >= 0x20 && p[1] < 0x7F ? i : 1;
}

static bool is_plain(unsigned char c) {
  return (c >= 0x20 && c < 0x7F) || c == '\t';
}

/* Cuts the text to `limit` bytes, at a character, and marks it. */
static void cut(struct str *out, size_t limit) {
  while (limit > 0 && ((unsigned char)out->data[limit] & 0xC0) == 0x80) limit--;
  out->len = limit;
  out->data[limit] = '\0';
  str_add(out, LOG_TEXT_CUT_MARK);
}

void log_text_clean(struct str *out, const char *data, size_t len) {
  const unsigned char *p = (const unsigned char *)data, *end = p + len;
  size_t limit = out->len + LOG_TEXT_MAX;
  while (p < end && out->len <= limit) {
    const unsigned char *run = p;
    while (p < end && is_plain(*p)) p++;
    str_add_bytes(out, run, (size_t)(p - run));
    if (p == end) break;
    if (*p == 0x1B) {
      p += escape_len(p, (size_t)(end - p));
    } else if (*p < 0x80) {
      if (*p == '\n') str_add_char(out, ' ');
      p++;
    } else {
      size_t size = character_len(p, (size_t)(end - p));
      if (size == 0) str_add(out, "\xEF\xBF\xBD");
      else if (!(size == 2 && p[0] == 0xC2 && p[1] < 0xA0)) str_add_bytes(out, p, size);
      p += size ? size : 1; /* what was left out are C1 control characters */
    }
  }
  if (out->len > limit) cut(out, limit);
}

/* The severity that a level is closest to (railway.md 2.12); numbers are pino's and bunyan's. */
static const char *severity_of(const json_t *level, const char *otherwise) {
  static const struct {
    const char *prefix, *severity;
  } words[] = {{"debug", "debug"}, {"trace", "debug"}, {"verb", "debug"}, {"silly", "debug"},
               {"info", "info"},   {"notice", "info"}, {"log", "info"},   {"warn", "warn"},
               {"err", "error"},   {"fatal", "error"}, {"crit", "error"}, {"panic", "error"},
               {"alert", "error"}, {"emerg", "error"}, {"severe", "error"}};
  if (json_is_integer(level)) {
    json_int_t number = json_integer_value(level);
    return number >= 50 ? "error" : number >= 40 ? "warn" : number >= 30 ? "info" : "debug";
  }
  const char *text = json_string_value(level);
  for (size_t i = 0; text && i < ARRAY_LEN(words); i++)
    if (strncasecmp(text, words[i].prefix, strlen(words[i].prefix)) == 0) return words[i].severity;
  return otherwise;
}

/* False when the line is no structured one. */
static bool take_apart(struct log_text *text, const char *data, size_t len) {
  json_error_t error;
  auto_json *value = json_loadb(data, len, 0, &error); /* repeated keys: the last counts */
  if (!json_is_object(value)) return false;
  const char *key = json_is_string(json_object_get(value, "message")) ? "message" : "msg";
  const json_t *message = json_object_get(value, key);
  if (!json_is_string(message)) return false;
  log_text_clean(&text->message, json_string_value(message), json_string_length(message));
  text->severity = severity_of(json_object_get(value, "level"), text->severity);
  json_object_del(value, key);
  json_object_del(value, "level");
  if (json_object_size(value) == 0) return true;
  auto_free char *attributes = json_to_text(value);
  str_add(&text->attributes, attributes);
  return true;
}

void log_text_set(struct log_text *text, const char *data, size_t len, bool is_stderr) {
  str_clear(&text->message);
  str_clear(&text->attributes);
  text->severity = is_stderr ? "error" : "info";
  size_t json_len = len;
  while (json_len && (data[json_len - 1] == '\r' || data[json_len - 1] == ' ')) json_len--;
  bool may_be_json = json_len >= 2 && json_len <= LOG_TEXT_MAX && data[0] == '{' &&
                     data[json_len - 1] == '}';
  if (may_be_json && take_apart(text, data, json_len)) return;
  log_text_clean(&text->message, data, len);
}

void log_text_done(struct log_text *text) {
  str_done(&text->message);
  str_done(&text->attributes);
}
