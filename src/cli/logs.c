#include "cli/logs.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"

void log_printer_init(struct log_printer *p, struct output *out, bool json) {
  *p = (struct log_printer){.out = out, .json = json};
}

void log_printer_done(struct log_printer *p) {
  str_done(&p->last);
}

int log_compare_times(const char *a, const char *b) {
  size_t a_len = strcspn(a, "Z"), b_len = strcspn(b, "Z");
  int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
  return order ? order : (a_len > b_len) - (a_len < b_len);
}

/* An attribute's value is JSON: a text loses its quotes.  The caller owns it. */
static char *attribute_text(const char *value) {
  json_t *parsed = json_loads(value, JSON_DECODE_ANY, NULL);
  char *text = str_dup(json_is_string(parsed) ? json_string_value(parsed) : value);
  json_decref(parsed);
  return text;
}

static void add_attributes(const json_t *line, struct str *text, char **level) {
  size_t i;
  const json_t *attribute;
  json_array_foreach(json_object_get(line, "attributes"), i, attribute) {
    const char *key = json_get_text(attribute, "key");
    const char *value = json_get_text(attribute, "value");
    if (!key || !value) continue;
    auto_free char *plain = attribute_text(value);
    if (str_eq(key, "level"))
      str_replace_owned(level, plain);
    else
      str_addf(text, " %s=%s", key, plain);
  }
}

char *log_line_text(const json_t *line) {
  const char *message = json_get_text(line, "message");
  auto_str attributes = STR_EMPTY;
  auto_free char *level = str_dup(json_get_text(line, "severity"));
  add_attributes(line, &attributes, &level);
  if (!attributes.len) return format_printable(message ? message : "");
  for (char *p = level; p && *p; p++)
    *p = (char)toupper((unsigned char)*p);
  const char *time = json_get_text(line, "timestamp");
  auto_free char *whole = str_format("%s [%s] %s%s", time ? time : "", level ? level : "INFO",
                                     message ? message : "", str_text(&attributes));
  return format_printable(whole);
}

/* {"timestamp","message","level",…}: attributes as members, as Railway's CLI gives them. */
static void print_json(struct log_printer *p, const json_t *line) {
  auto_json *flat = json_object();
  json_set_text(flat, "timestamp", json_get_text(line, "timestamp"));
  json_set_text(flat, "message", json_get_text(line, "message"));
  size_t i;
  const json_t *attribute;
  json_array_foreach(json_object_get(line, "attributes"), i, attribute) {
    const char *key = json_get_text(attribute, "key");
    const char *value = json_get_text(attribute, "value");
    json_t *parsed = value ? json_loads(value, JSON_DECODE_ANY, NULL) : NULL;
    if (key && !json_object_get(flat, key))
      json_object_set_new(flat, key, parsed ? parsed : json_string(value ? value : ""));
    else
      json_decref(parsed);
  }
  out_json_line(p->out, flat);
}

static void print_one(struct log_printer *p, const json_t *line) {
  if (p->json) {
    print_json(p, line);
    return;
  }
  auto_free char *text = log_line_text(line);
  bool coloured = strchr(text, '\033') != NULL;
  if (p->to_error) {
    err_line(p->out, "  %s%s", text, coloured ? err_reset(p->out) : "");
    return;
  }
  const char *start = p->dim && !coloured ? out_style(p->out, STYLE_DIM) : "";
  const char *end = coloured || *start ? out_reset(p->out) : "";
  out_line(p->out, "%s%s%s", start, text, end);
}

void log_print(struct log_printer *p, const json_t *lines) {
  size_t i;
  const json_t *line;
  json_array_foreach(lines, i, line) {
    const char *time = json_get_text(line, "timestamp");
    if (time && p->last.len && log_compare_times(time, str_text(&p->last)) <= 0) continue;
    print_one(p, line);
    if (!time) continue;
    str_clear(&p->last);
    str_add(&p->last, time);
  }
}
