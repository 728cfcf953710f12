#include "base/dotenv.h"

#include <ctype.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

struct reader {
  const char *at, *end, *what;
  int line;
};

static err *wrong(const struct reader *r, int line, const char *message) {
  return err_new(ERR_INVALID, "%s:%d: %s", r->what, line, message);
}

static void skip_spaces(struct reader *r) {
  while (r->at < r->end && (*r->at == ' ' || *r->at == '\t')) r->at++;
}

static bool at_line_end(const struct reader *r) {
  return r->at == r->end || *r->at == '\n' || (*r->at == '\r' && (r->at + 1 == r->end || r->at[1] == '\n'));
}

static void skip_line(struct reader *r) {
  while (r->at < r->end && *r->at != '\n') r->at++;
}

static size_t name_len(const struct reader *r) {
  size_t len = 0;
  while (r->at + len < r->end && (isalnum((unsigned char)r->at[len]) || r->at[len] == '_')) len++;
  return len && isdigit((unsigned char)*r->at) ? 0 : len;
}

static void skip_export(struct reader *r) {
  static const char word[] = "export";
  size_t len = sizeof word - 1;
  if ((size_t)(r->end - r->at) <= len || strncmp(r->at, word, len) != 0) return;
  if (r->at[len] != ' ' && r->at[len] != '\t') return;
  r->at += len;
  skip_spaces(r);
}

/* Behind a backslash in double quotes. */
static void add_escaped(char c, struct str *value) {
  static const char letters[] = "nrt\"\\$", meanings[] = "\n\r\t\"\\$";
  const char *known = c ? strchr(letters, c) : NULL;
  if (!known) str_add_char(value, '\\');
  str_add_char(value, known ? meanings[known - letters] : c);
}

static err *read_quoted(struct reader *r, struct str *value) {
  int first = r->line;
  char quote = *r->at++;
  for (; r->at < r->end && *r->at != quote; r->at++) {
    if (*r->at == '\n') r->line++;
    if (quote == '"' && *r->at == '\\' && r->at + 1 < r->end && r->at[1] != '\n')
      add_escaped(*++r->at, value);
    else
      str_add_char(value, *r->at);
  }
  if (r->at == r->end) return wrong(r, first, "the quote that begins the value has no end");
  r->at++;
  skip_spaces(r);
  if (!at_line_end(r) && *r->at != '#') return wrong(r, r->line, "there is text behind the closing quote");
  return NULL;
}

static void read_plain(struct reader *r, struct str *value) {
  const char *start = r->at;
  while (!at_line_end(r) && !(*r->at == '#' && (r->at == start || r->at[-1] == ' ' || r->at[-1] == '\t'))) r->at++;
  size_t len = (size_t)(r->at - start);
  while (len && (start[len - 1] == ' ' || start[len - 1] == '\t')) len--;
  str_add_bytes(value, start, len);
}

static err *read_value(struct reader *r, const char *name, json_t *variables) {
  auto_str value = STR_EMPTY;
  int first = r->line;
  str_init(&value);
  bool quoted = r->at < r->end && (*r->at == '"' || *r->at == '\'' || *r->at == '`');
  if (quoted)
    TRY(read_quoted(r, &value));
  else
    read_plain(r, &value);
  json_t *text = memchr(value.data, '\0', value.len) ? NULL : json_stringn(value.data, value.len);
  if (!text) return wrong(r, first, "the value is no UTF-8 text");
  json_object_set_new(variables, name, text);
  return NULL;
}

static err *read_line(struct reader *r, json_t *variables) {
  skip_spaces(r);
  if (at_line_end(r) || *r->at == '#') return NULL;
  skip_export(r);
  size_t len = name_len(r);
  auto_free char *name = str_ndup(r->at, len);
  if (!len) return wrong(r, r->line, "a line begins with a name of letters, digits and '_': NAME=value");
  r->at += len;
  skip_spaces(r);
  if (r->at == r->end || *r->at != '=') return wrong(r, r->line, "behind the name there should be '=': NAME=value");
  r->at++;
  skip_spaces(r);
  return read_value(r, name, variables);
}

err *dotenv_parse(const char *text, size_t len, const char *what, json_t **ret_variables) {
  struct reader r = {.at = text, .end = text + len, .what = what, .line = 1};
  auto_json *variables = json_object();
  if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) r.at += 3;
  while (r.at < r.end) {
    TRY(read_line(&r, variables));
    skip_line(&r); /* a comment */
    if (r.at < r.end) r.at++;
    r.line++;
  }
  *ret_variables = json_incref(variables);
  return NULL;
}

bool dotenv_is_json(const char *text, size_t len) {
  size_t i = 0;
  while (i < len && isspace((unsigned char)text[i])) i++;
  return i < len && text[i] == '{';
}

err *dotenv_parse_json(const char *text, size_t len, const char *what, json_t **ret_variables) {
  auto_json *object = NULL, *variables = json_object();
  const char *name;
  json_t *value;
  TRY(json_parse(text, len, what, &object));
  if (!json_is_object(object)) return err_new(ERR_INVALID, "%s: expected an object {\"NAME\": \"value\"}", what);
  json_object_foreach(object, name, value) {
    auto_free char *plain = json_is_number(value) || json_is_boolean(value) ? json_to_text(value) : NULL;
    if (!plain && !json_is_string(value))
      return err_new(ERR_INVALID, "%s: the value of '%.64s' is no text, number or boolean", what, name);
    json_object_set_new(variables, name, plain ? json_string(plain) : json_incref(value));
  }
  *ret_variables = json_incref(variables);
  return NULL;
}

/* What no reader of such files takes for anything but text. */
static bool is_plain(const char *value) {
  for (; *value; value++)
    if (!isalnum((unsigned char)*value) && !strchr("_-./:@%+,=", *value)) return false;
  return true;
}

void dotenv_write(struct str *out, const char *name, const char *value) {
  str_addf(out, "%s=", name);
  if (is_plain(value)) {
    str_add(out, value);
  } else if (!strchr(value, '\'')) { /* others than us expand $ in double quotes */
    str_addf(out, "'%s'", value);
  } else {
    str_add_char(out, '"');
    for (; *value; value++) {
      const char *special = strchr("\"\\$\n\r", *value);
      if (special) str_add_char(out, '\\');
      str_add_char(out, *value == '\n' ? 'n' : *value == '\r' ? 'r' : *value);
    }
    str_add_char(out, '"');
  }
  str_add_char(out, '\n');
}
