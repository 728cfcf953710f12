#include "core/reference_syntax.h"

#include <string.h>
#include <strings.h>

static bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name_character(char c) {
  return is_name_start(c) || (c >= '0' && c <= '9');
}

static bool is_name(struct span s) {
  if (!s.len || !is_name_start(*s.at)) return false;
  for (size_t i = 0; i < s.len; i++)
    if (!is_name_character(s.at[i])) return false;
  return true;
}

static bool is_space(char c) {
  return c == ' ' || c == '\t';
}

static struct span trim(struct span s) {
  while (s.len && is_space(*s.at)) s.at++, s.len--;
  while (s.len && is_space(s.at[s.len - 1])) s.len--;
  return s;
}

static struct span unquote(struct span s) {
  bool quoted = s.len >= 2 && (*s.at == '"' || *s.at == '\'') && s.at[s.len - 1] == *s.at;
  return quoted ? trim((struct span){s.at + 1, s.len - 2}) : s;
}

/* "Service.NAME"; a service's name may hold a dot, a variable's cannot. */
static bool read_dotted(struct span inside, struct reference *r) {
  const char *dot = inside.len ? memrchr(inside.at, '.', inside.len) : NULL;
  if (!dot) return false;
  r->service = unquote(trim((struct span){inside.at, (size_t)(dot - inside.at)}));
  r->name = trim((struct span){dot + 1, (size_t)(inside.at + inside.len - dot - 1)});
  return r->service.len && is_name(r->name) && !memchr(r->service.at, '\n', r->service.len);
}

static bool read_function(struct span inside, struct reference *r) {
  const char *open = inside.len ? memchr(inside.at, '(', inside.len) : NULL;
  if (!open || inside.at[inside.len - 1] != ')') return false;
  r->name = trim((struct span){inside.at, (size_t)(open - inside.at)});
  r->arguments = trim((struct span){open + 1, (size_t)(inside.at + inside.len - open - 2)});
  return is_name(r->name);
}

/* At "${{".  Looks no further than to the next one, so that a text of many without an end is read once. */
static void read_reference(const char *at, struct reference *r) {
  const char *another = strstr(at + 3, "${{"), *end = another ? another : at + strlen(at);
  const char *close = memmem(at + 3, (size_t)(end - at - 3), "}}", 2);
  *r = (struct reference){.form = REFERENCE_UNREADABLE, .whole = {at, 3}};
  if (!close) return;
  r->whole.len = (size_t)(close + 2 - at);
  struct span inside = trim((struct span){at + 3, (size_t)(close - at - 3)});
  if (read_function(inside, r)) {
    r->form = REFERENCE_FUNCTION;
  } else if (read_dotted(inside, r)) {
    r->form = REFERENCE;
  } else if (is_name(inside)) {
    r->form = REFERENCE;
    r->service = (struct span){NULL, 0};
    r->name = inside;
  }
}

/* At "{{". */
static bool read_braces(const char *at, struct reference *r) {
  size_t len = strcspn(at + 2, "{}\n");
  if (strncmp(at + 2 + len, "}}", 2) != 0) return false;
  *r = (struct reference){.form = REFERENCE_NEAR_MISS, .whole = {at, len + 4}};
  return read_dotted(trim((struct span){at + 2, len}), r);
}

/* At "${": with another "${" before the variable's name or not. */
static bool read_dollar(const char *at, struct reference *r) {
  size_t len = strcspn(at + 2, "{}\n");
  const char *inside = at + 2, *end = inside + len;
  *r = (struct reference){.form = REFERENCE_NEAR_MISS};
  if (*end == '{') {
    size_t name = strcspn(end + 1, "{}\n");
    if (len < 2 || end[-1] != '$' || end[-2] != '.' || strncmp(end + 1 + name, "}}", 2) != 0) return false;
    r->service = unquote(trim((struct span){inside, len - 2}));
    r->name = trim((struct span){end + 1, name});
    r->whole = (struct span){at, len + name + 5};
    return r->service.len && is_name(r->name);
  }
  r->whole = (struct span){at, (size_t)(end + 1 - at)};
  return *end == '}' && read_dotted(trim((struct span){inside, len}), r);
}

bool reference_next(const char *text, size_t *cursor, struct reference *ret_reference) {
  struct reference r;
  for (const char *at = text + *cursor; (at = strpbrk(at, "${")); at++) {
    bool found = false;
    if (strncmp(at, "${{", 3) == 0) {
      read_reference(at, &r);
      found = true;
    } else if (strncmp(at, "{{", 2) == 0) {
      found = read_braces(at, &r);
    } else if (strncmp(at, "${", 2) == 0) {
      found = read_dollar(at, &r);
    }
    if (!found) continue;
    *cursor = (size_t)(r.whole.at - text) + r.whole.len;
    *ret_reference = r;
    return true;
  }
  return false;
}

static bool is_text(struct span s, const char *text) {
  return text && strlen(text) == s.len && strncasecmp(s.at, text, s.len) == 0;
}

bool reference_is_shared(struct span service) {
  return service.at && is_text(service, REFERENCE_SHARED);
}

const struct service *reference_service(const struct service_list *services, struct span name) {
  const struct service *by_name = NULL, *by_label = NULL;
  for (size_t i = 0; i < services->len; i++) {
    const struct service *s = &services->items[i];
    bool same = is_text(name, s->name);
    if (same && strncmp(name.at, s->name, name.len) == 0) return s;
    if (same && !by_name) by_name = s;
    if (!by_label && is_text(name, s->label)) by_label = s;
  }
  return by_name ? by_name : by_label;
}
