#include "observe/log_filter.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

enum part_kind { PART_ALL, PART_ANY, PART_NOT, PART_TEXT, PART_FIELD };
enum compare { COMPARE_TEXT, COMPARE_GT, COMPARE_GE, COMPARE_LT, COMPARE_LE, COMPARE_RANGE };

struct part {
  enum part_kind kind;
  struct part *first, *next; /* of ALL, ANY, NOT: the parts inside */
  char *text;                /* of TEXT; of FIELD: the value, in lower case */
  size_t text_len;
  struct strv path; /* of FIELD: "user", "[0]", "name" */
  enum compare compare;
  double low, high;
};

struct log_filter {
  struct part *root; /* NULL takes everything */
};

struct parser {
  const char *text, *at;
  int depth, parts;
};

static void part_free(struct part *part) {
  while (part) {
    struct part *next = part->next;
    part_free(part->first);
    strv_done(&part->path);
    free(part->text);
    free(part);
    part = next;
  }
}

static err *syntax(const struct parser *p, const char *at, const char *problem) {
  return err_new(ERR_INVALID, "filter: at character %d: %s", (int)(at - p->text) + 1, problem);
}

static err *new_part(struct parser *p, enum part_kind kind, struct part **ret_part) {
  if (++p->parts > LOG_FILTER_PARTS_MAX)
    return err_new(ERR_LIMIT, "filter: more than %d parts", LOG_FILTER_PARTS_MAX);
  *ret_part = mem_zalloc(sizeof **ret_part);
  (*ret_part)->kind = kind;
  return NULL;
}

static void skip_blanks(struct parser *p) {
  while (*p->at == ' ' || *p->at == '\t' || *p->at == '\n') p->at++;
}

static bool ends_word(char c) {
  return c == '\0' || c == ' ' || c == '\t' || c == '\n' || c == '(' || c == ')';
}

/* Whether the next word is the operator `name`; letter case counts here. */
static bool at_operator(const struct parser *p, const char *name) {
  size_t len = strlen(name);
  return strncmp(p->at, name, len) == 0 && ends_word(p->at[len]);
}

/* A word up to a blank or parenthesis, or a phrase in quotes; in lower case. */
static err *read_text(struct parser *p, char **ret_text, bool *ret_quoted) {
  auto_str text = STR_EMPTY;
  str_init(&text);
  const char *start = p->at;
  *ret_quoted = *p->at == '"';
  if (*ret_quoted) {
    for (p->at++; *p->at != '"'; p->at++) {
      if (*p->at == '\\' && (p->at[1] == '"' || p->at[1] == '\\')) p->at++;
      if (!*p->at) return syntax(p, start, "the quotation mark is never closed");
      str_add_char(&text, (char)tolower((unsigned char)*p->at));
    }
    p->at++;
  } else {
    for (; !ends_word(*p->at); p->at++) str_add_char(&text, (char)tolower((unsigned char)*p->at));
  }
  *ret_text = str_take(&text);
  return NULL;
}

static bool read_number(const char *text, double *ret_number) {
  if (!*text || isspace((unsigned char)*text)) return false;
  char *end;
  *ret_number = strtod(text, &end);
  return *end == '\0';
}

/* "1..5": both ends belong to it. */
static bool read_range(const char *text, double *ret_low, double *ret_high) {
  const char *dots = strstr(text, "..");
  if (!dots) return false;
  auto_free char *low = str_ndup(text, (size_t)(dots - text));
  return read_number(low, ret_low) && read_number(dots + 2, ret_high);
}

/* Operators mean something only outside of quotation marks. */
static err *read_value(struct parser *p, struct part *field) {
  static const struct {
    const char *sign;
    enum compare compare;
  } signs[] = {{">=", COMPARE_GE}, {"<=", COMPARE_LE}, {">", COMPARE_GT}, {"<", COMPARE_LT}};
  const char *start = p->at;
  bool quoted;
  TRY(read_text(p, &field->text, &quoted));
  field->text_len = strlen(field->text);
  if (quoted) return NULL;
  if (!*field->text) return syntax(p, start, "a value is missing after ':'");
  for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
    if (!str_starts(field->text, signs[i].sign)) continue;
    field->compare = signs[i].compare;
    if (!read_number(field->text + strlen(signs[i].sign), &field->low))
      return syntax(p, start, "a number is missing after the comparison");
    return NULL;
  }
  if (read_range(field->text, &field->low, &field->high)) field->compare = COMPARE_RANGE;
  return NULL;
}

/* "user.tags[0].name" up to the ':' → its steps. */
static err *read_path(struct parser *p, struct part *field) {
  const char *start = p->at;
  while (*p->at != ':') {
    size_t len;
    if (*p->at == '[') {
      len = strspn(p->at + 1, "0123456789*i") + 1;
      if (p->at[len] != ']') return syntax(p, p->at, "an index looks like [0] or []");
      len++;
    } else {
      if (*p->at == '.') p->at++;
      len = strcspn(p->at, ".[:() \t\n\"");
    }
    if (len == 0) return syntax(p, start, "a field looks like @name:value");
    strv_add_take(&field->path, str_ndup(p->at, len));
    p->at += len;
  }
  p->at++;
  return field->path.len ? NULL : syntax(p, start, "a field looks like @name:value");
}

static err *read_any(struct parser *p, struct part **ret_part);

static err *read_group(struct parser *p, struct part **ret_part) {
  const char *start = p->at++;
  if (++p->depth > LOG_FILTER_DEPTH_MAX)
    return err_new(ERR_LIMIT, "filter: more than %d levels", LOG_FILTER_DEPTH_MAX);
  struct part *inside;
  TRY(read_any(p, &inside));
  p->depth--;
  if (!inside || *p->at != ')') {
    part_free(inside);
    return inside ? syntax(p, p->at, "')' is missing")
                  : syntax(p, start, "the parentheses are empty");
  }
  p->at++;
  *ret_part = inside;
  return NULL;
}

static err *read_field(struct parser *p, struct part *field) {
  TRY(read_path(p, field));
  return read_value(p, field);
}

/* One part that is no group and no negation. */
static err *read_leaf(struct parser *p, struct part **ret_part) {
  bool is_replica = strncmp(p->at, "replica:", 8) == 0;
  struct part *part = NULL;
  err *e;
  if (*p->at == '@' || is_replica) {
    if (*p->at == '@') p->at++;
    TRY(new_part(p, PART_FIELD, &part));
    e = read_field(p, part);
  } else {
    bool quoted;
    TRY(new_part(p, PART_TEXT, &part));
    e = read_text(p, &part->text, &quoted);
    part->text_len = part->text ? strlen(part->text) : 0;
  }
  if (e) {
    part_free(part);
    return e;
  }
  *ret_part = part;
  return NULL;
}

static err *read_part(struct parser *p, struct part **ret_part) {
  if (*p->at == '(') return read_group(p, ret_part);
  if (*p->at != '-' || ends_word(p->at[1])) {
    bool is_group = p->at[0] == '-' && p->at[1] == '(';
    if (!is_group) return read_leaf(p, ret_part);
  }
  p->at++;
  if (++p->depth > LOG_FILTER_DEPTH_MAX)
    return err_new(ERR_LIMIT, "filter: more than %d levels", LOG_FILTER_DEPTH_MAX);
  struct part *inside, *part = NULL;
  TRY(read_part(p, &inside));
  p->depth--;
  err *e = new_part(p, PART_NOT, &part);
  if (e) {
    part_free(inside);
    return e;
  }
  part->first = inside;
  *ret_part = part;
  return NULL;
}

/* Puts the list `first` into one part, when it is more than one already. */
static err *wrap_list(struct parser *p, enum part_kind kind, struct part *first,
                      struct part **ret_part) {
  *ret_part = first;
  if (!first || !first->next) return NULL;
  err *e = new_part(p, kind, ret_part);
  if (e)
    part_free(first);
  else
    (*ret_part)->first = first;
  return e;
}

/* Parts next to each other, or with AND between them.  NULL when there is none. */
static err *read_all(struct parser *p, struct part **ret_part) {
  struct part *first = NULL, **last = &first;
  const char *after_and = NULL;
  err *e = NULL;
  for (;;) {
    skip_blanks(p);
    if (*p->at == '\0' || *p->at == ')' || at_operator(p, "OR")) break;
    if (at_operator(p, "AND")) {
      if (!first || after_and) e = syntax(p, p->at, "AND needs something on both sides");
      if (e) break;
      after_and = p->at;
      p->at += strlen("AND");
      continue;
    }
    e = read_part(p, last);
    if (e) break;
    last = &(*last)->next;
    after_and = NULL;
  }
  if (!e && after_and) e = syntax(p, after_and, "AND needs something on both sides");
  if (!e) return wrap_list(p, PART_ALL, first, ret_part);
  *last = NULL;
  part_free(first);
  return e;
}

static err *read_any(struct parser *p, struct part **ret_part) {
  struct part *first = NULL, **last = &first;
  for (;;) {
    const char *start = p->at;
    err *e = read_all(p, last);
    bool more = !e && at_operator(p, "OR");
    if (!e && !*last && (first || more))
      e = syntax(p, more ? p->at : start, "OR needs something on both sides");
    if (e) {
      *last = NULL;
      part_free(first);
      return e;
    }
    if (!more) break;
    last = &(*last)->next;
    p->at += strlen("OR");
  }
  return wrap_list(p, PART_ANY, first, ret_part);
}

err *log_filter_parse(const char *text, log_filter **ret_filter) {
  if (!text) text = "";
  if (strlen(text) > LOG_FILTER_TEXT_MAX)
    return err_new(ERR_LIMIT, "filter: longer than %d bytes", LOG_FILTER_TEXT_MAX);
  struct parser p = {.text = text, .at = text};
  struct part *root;
  TRY(read_any(&p, &root));
  if (*p.at) {
    part_free(root);
    return syntax(&p, p.at, "')' has no '('");
  }
  log_filter *f = mem_zalloc(sizeof *f);
  f->root = root;
  *ret_filter = f;
  return NULL;
}

void log_filter_free(log_filter *f) {
  if (!f) return;
  part_free(f->root);
  free(f);
}

/* ---- matching ---- */

struct matching {
  const struct log_filter_input *input;
  json_t *attributes; /* parsed at the first need */
  bool parsed;
};

/* `wanted` is in lower case. */
static bool has_text(const char *text, size_t len, const char *wanted, size_t wanted_len) {
  if (wanted_len == 0) return true;
  if (wanted_len > len) return false;
  unsigned char first = (unsigned char)*wanted;
  const char *last = text + len - wanted_len;
  for (const char *p = text; p <= last; p++) {
    if (tolower((unsigned char)*p) != first) continue;
    size_t i = 1;
    while (i < wanted_len && tolower((unsigned char)p[i]) == (unsigned char)wanted[i]) i++;
    if (i == wanted_len) return true;
  }
  return false;
}

static bool number_matches(const struct part *part, double number) {
  switch (part->compare) {
  case COMPARE_GT: return number > part->low;
  case COMPARE_GE: return number >= part->low;
  case COMPARE_LT: return number < part->low;
  case COMPARE_LE: return number <= part->low;
  case COMPARE_RANGE: return number >= part->low && number <= part->high;
  case COMPARE_TEXT: break;
  }
  double wanted;
  return read_number(part->text, &wanted) && wanted == number;
}

static bool text_matches(const struct part *part, const char *text) {
  double number;
  if (part->compare == COMPARE_TEXT) return str_ieq(text, part->text);
  if (part->compare == COMPARE_RANGE && str_ieq(text, part->text)) return true;
  return read_number(text, &number) && number_matches(part, number);
}

static bool value_matches(const struct part *part, const json_t *value) {
  if (json_is_string(value)) return text_matches(part, json_string_value(value));
  if (json_is_number(value)) return number_matches(part, json_number_value(value));
  if (part->compare != COMPARE_TEXT) return false;
  if (json_is_boolean(value)) return str_eq(part->text, json_is_true(value) ? "true" : "false");
  return json_is_null(value) && str_eq(part->text, "null");
}

static bool path_matches(const struct part *part, size_t step, const json_t *value);

static bool any_item_matches(const struct part *part, size_t step, const json_t *list) {
  for (size_t i = 0; i < json_array_size(list); i++)
    if (path_matches(part, step, json_array_get(list, i))) return true;
  return false;
}

static bool path_matches(const struct part *part, size_t step, const json_t *value) {
  if (!value) return false;
  bool is_last = step == part->path.len;
  const char *name = is_last ? "" : part->path.items[step];
  if (json_is_array(value)) {
    if (*name != '[') return any_item_matches(part, step, value);
    if (!isdigit((unsigned char)name[1])) return any_item_matches(part, step + 1, value);
    return path_matches(part, step + 1, json_array_get(value, strtoul(name + 1, NULL, 10)));
  }
  if (is_last) return value_matches(part, value);
  return path_matches(part, step + 1, json_object_get(value, name));
}

/* A key that itself holds the dots ("http.status") counts too. */
static bool attribute_matches(struct matching *m, const struct part *part) {
  if (!m->parsed && m->input->attributes_len) {
    json_error_t error;
    m->attributes = json_loadb(m->input->attributes, m->input->attributes_len, 0, &error);
  }
  m->parsed = true;
  if (path_matches(part, 0, m->attributes)) return true;
  if (part->path.len < 2) return false;
  auto_free char *whole = strv_join(&part->path, ".");
  const json_t *value = json_object_get(m->attributes, whole);
  return value && path_matches(part, part->path.len, value);
}

static bool field_matches(struct matching *m, const struct part *part) {
  const struct log_filter_input *in = m->input;
  const struct {
    const char *name, *value;
  } own[] = {{"level", in->severity},
             {"replica", in->instance_id},
             {"deployment", in->deployment_id},
             {"service", in->service_id}};
  for (size_t i = 0; part->path.len == 1 && i < ARRAY_LEN(own); i++)
    if (own[i].value && str_eq(part->path.items[0], own[i].name))
      return text_matches(part, own[i].value);
  return attribute_matches(m, part);
}

static bool part_matches(struct matching *m, const struct part *part) {
  switch (part->kind) {
  case PART_ALL:
    for (const struct part *p = part->first; p; p = p->next)
      if (!part_matches(m, p)) return false;
    return true;
  case PART_ANY:
    for (const struct part *p = part->first; p; p = p->next)
      if (part_matches(m, p)) return true;
    return false;
  case PART_NOT: return !part_matches(m, part->first);
  case PART_TEXT:
    return has_text(m->input->message, m->input->message_len, part->text, part->text_len);
  case PART_FIELD: return field_matches(m, part);
  }
  return false;
}

bool log_filter_matches(const log_filter *f, const struct log_filter_input *input) {
  if (!f->root) return true;
  struct matching m = {.input = input};
  bool matches = part_matches(&m, f->root);
  json_decref(m.attributes);
  return matches;
}
