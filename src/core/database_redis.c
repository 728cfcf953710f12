#include "core/database_redis.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

/* ---- from told text to an argument ---- */

static int hex_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = (char)(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte of the text; moves *text beyond it. */
static err *next_byte(const char **text, unsigned char *ret_byte) {
  const char *p = *text;
  *ret_byte = (unsigned char)*p;
  *text = p + 1;
  if (*p != '\\') return NULL;
  *text = p + 2;
  if (p[1] == '\\') return NULL;
  if (p[1] != 'x' || hex_of(p[2]) < 0 || hex_of(p[3]) < 0)
    return err_new(ERR_INVALID, "a backslash is written \\\\, any other byte \\xHH");
  *ret_byte = (unsigned char)(hex_of(p[2]) * 16 + hex_of(p[3]));
  *text = p + 4;
  return NULL;
}

err *redis_argument(const char *told, char **ret_argument) {
  auto_str out = STR_EMPTY;
  if (strlen(told) > REDIS_KEY_MAX) return err_new(ERR_INVALID, "a key or pattern has more than %d bytes", REDIS_KEY_MAX);
  str_add_char(&out, '"');
  while (*told) {
    unsigned char byte;
    TRY(next_byte(&told, &byte));
    if (isalnum(byte) && byte < 128)
      str_add_char(&out, (char)byte);
    else
      str_addf(&out, "\\x%02x", byte);
  }
  str_add_char(&out, '"');
  *ret_argument = str_take(&out);
  return NULL;
}

/* ---- from bytes to told text ---- */

/* The length of the UTF-8 character at `p`, 0 when there is none. */
static size_t character_len(const char *p, size_t left) {
  for (size_t len = 1; len <= 4 && len <= left; len++)
    if (str_is_utf8(p, len)) return len;
  return 0;
}

static json_t *tell(const struct str *bytes) {
  auto_str out = STR_EMPTY;
  const char *p = bytes->data, *end = p + bytes->len;
  while (p < end) {
    size_t len = character_len(p, (size_t)(end - p));
    bool is_control = (unsigned char)*p < ' ' || *p == 127;
    if (*p == '\\')
      str_add(&out, "\\\\");
    else if (len && !is_control)
      str_add_bytes(&out, p, len);
    else
      str_addf(&out, "\\x%02x", (unsigned char)*p);
    p += len ? len : 1;
  }
  return json_string(str_text(&out));
}

/* ---- CSV ---- */

struct reading {
  const char *at, *end;
};

static err *corrupt(void) {
  return err_new(ERR_CORRUPT, "the database's client gave an answer that is no CSV");
}

/* Behind the opening quote, up to behind the closing one. */
static err *read_text(struct reading *r, struct str *ret_bytes) {
  static const char names[] = "nrtab", bytes[] = "\n\r\t\a\b";
  while (r->at < r->end && *r->at != '"') {
    char c = *r->at++;
    if (c != '\\') {
      str_add_char(ret_bytes, c);
      continue;
    }
    if (r->at >= r->end) return corrupt();
    c = *r->at++;
    const char *name = c ? strchr(names, c) : NULL;
    if (name) {
      str_add_char(ret_bytes, bytes[name - names]);
    } else if (c == 'x') {
      if (r->end - r->at < 2 || hex_of(r->at[0]) < 0 || hex_of(r->at[1]) < 0) return corrupt();
      str_add_char(ret_bytes, (char)(hex_of(r->at[0]) * 16 + hex_of(r->at[1])));
      r->at += 2;
    } else {
      str_add_char(ret_bytes, c);
    }
  }
  if (r->at >= r->end) return corrupt();
  r->at++;
  return NULL;
}

static err *read_word(struct reading *r, json_t **ret_value) {
  const char *start = r->at;
  while (r->at < r->end && *r->at != ',') r->at++;
  auto_free char *word = str_ndup(start, (size_t)(r->at - start));
  long long number;
  if (str_to_int(word, INT64_MIN, INT64_MAX, &number))
    *ret_value = json_integer(number);
  else
    *ret_value = str_eq(word, "NULL") || str_eq(word, "NIL") ? json_null() : json_string(word);
  return *ret_value ? NULL : corrupt();
}

static err *read_value(struct reading *r, json_t **ret_value) {
  auto_str bytes = STR_EMPTY;
  if (r->at >= r->end || *r->at != '"') return read_word(r, ret_value);
  r->at++;
  TRY(read_text(r, &bytes));
  *ret_value = tell(&bytes);
  return NULL;
}

err *redis_line_read(const char *line, size_t len, json_t **ret_values) {
  struct reading r = {line, line + len};
  auto_json *values = json_array();
  while (r.at < r.end) {
    json_t *value = NULL;
    TRY(read_value(&r, &value));
    json_array_append_new(values, value);
    if (r.at < r.end && *r.at++ != ',') return corrupt();
  }
  if (str_eq(json_string_value(json_array_get(values, 0)), "ERROR") && line[0] == 'E')
    return err_new(ERR_INVALID, "the database says: %.300s", json_string_value(json_array_get(values, 1)));
  *ret_values = json_incref(values);
  return NULL;
}

err *redis_lines_read(const char *output, json_t **ret_lines) {
  auto_json *lines = json_array();
  while (*output) {
    size_t len = strcspn(output, "\n");
    json_t *values = NULL;
    TRY(redis_line_read(output, len, &values));
    json_array_append_new(lines, values);
    output += len + (output[len] == '\n');
  }
  *ret_lines = json_incref(lines);
  return NULL;
}

/* ---- values ---- */

char *redis_show(const char *type, const char *key) {
  int last = REDIS_ENTRIES_MAX - 1;
  if (str_eq(type, "string")) return str_format("STRLEN %s\nGETRANGE %s 0 %d", key, key, REDIS_TEXT_MAX - 1);
  if (str_eq(type, "hash")) return str_format("HLEN %s\nHSCAN %s 0 COUNT %d", key, key, REDIS_ENTRIES_MAX);
  if (str_eq(type, "list")) return str_format("LLEN %s\nLRANGE %s 0 %d", key, key, last);
  if (str_eq(type, "set")) return str_format("SCARD %s\nSSCAN %s 0 COUNT %d", key, key, REDIS_ENTRIES_MAX);
  if (str_eq(type, "zset")) return str_format("ZCARD %s\nZRANGE %s 0 %d WITHSCORES", key, key, last);
  if (str_eq(type, "stream")) return str_format("XLEN %s\nPING", key);
  return NULL;
}

static void add_entry(json_t *list, json_t *name, json_t *value) {
  json_array_append_new(list, json_pack("{s:O?, s:O?}", "name", name, "value", value));
}

json_t *redis_entries(const char *type, const json_t *values) {
  bool has_cursor = str_eq(type, "hash") || str_eq(type, "set");
  bool has_pairs = str_eq(type, "hash") || str_eq(type, "zset");
  json_t *list = json_array();
  size_t count = json_array_size(values), step = has_pairs ? 2 : 1;
  if (str_eq(type, "stream")) return list;
  for (size_t i = has_cursor; i + step <= count && json_array_size(list) < REDIS_ENTRIES_MAX; i += step) {
    json_t *first = json_array_get(values, i), *second = json_array_get(values, i + 1);
    auto_json *index = str_eq(type, "list") ? json_sprintf("%zu", i) : NULL;
    if (str_eq(type, "zset"))
      add_entry(list, second, first); /* the score names the member */
    else
      add_entry(list, has_pairs ? first : index, has_pairs ? second : first);
  }
  return list;
}

/* ---- INFO ---- */

/* The client gives it as it came, whatever form was asked for. */
char *redis_info_text(const char *info, const char *name) {
  auto_free char *mark = str_format("\n%s:", name);
  const char *found = strstr(info, mark);
  if (!found) return NULL;
  found += strlen(mark);
  size_t len = strcspn(found, "\r\n");
  return str_is_utf8(found, len) ? str_ndup(found, len) : NULL;
}

double redis_info_number(const char *info, const char *name) {
  auto_free char *text = redis_info_text(info, name);
  char *end;
  double number = text ? strtod(text, &end) : -1;
  return text && (end == text || !(number < 9e15)) ? -1 : number; /* beyond it is no count of anything */
}
