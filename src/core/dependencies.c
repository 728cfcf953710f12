#include "core/dependencies.h"

#include <string.h>

#include "base/mem.h"

#define PRIVATE_SUFFIX ".railway.internal"

static bool is_label_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

static bool is_text(const char *start, size_t len, const char *wanted) {
  return wanted && strlen(wanted) == len && strncasecmp(start, wanted, len) == 0;
}

static bool is_name_of(const struct service *s, const char *start, size_t len) {
  return is_text(start, len, s->name) || is_text(start, len, s->label);
}

/* "{{ Name.VAR }}", the name in quotes or not.  A name may hold a dot, a variable's cannot. */
static bool is_referenced(const char *value, const struct service *s) {
  for (const char *open = value; (open = strstr(open, "{{"));) {
    open += 2;
    const char *close = strstr(open, "}}");
    if (!close) return false;
    const char *start = open + strspn(open, " \t\"'"), *dot = close;
    while (dot > start && *dot != '.') dot--;
    while (dot > start && (dot[-1] == ' ' || dot[-1] == '"' || dot[-1] == '\'')) dot--;
    if (dot > start && is_name_of(s, start, (size_t)(dot - start))) return true;
  }
  return false;
}

/* What comes after it may end a sentence or the name ("api.railway.internal."), but not go on. */
static bool ends_here(const char *end) {
  return !is_label_char(*end) && *end != '_' && !(*end == '.' && is_label_char(end[1]));
}

static bool is_addressed(const char *value, const struct service *s) {
  size_t suffix = strlen(PRIVATE_SUFFIX);
  for (const char *dot = value; (dot = strcasestr(dot, PRIVATE_SUFFIX)); dot += suffix) {
    const char *start = dot;
    while (start > value && is_label_char(start[-1])) start--;
    bool whole = start == value || (start[-1] != '.' && start[-1] != '_');
    if (whole && ends_here(dot + suffix) && is_text(start, (size_t)(dot - start), s->label)) return true;
  }
  return false;
}

/* One of "a:1,b:2", the authority of a URL after what stands before its '@'. */
static bool has_host(const char *hosts, size_t len, const char *label) {
  for (const char *end = hosts + len; hosts <= end;) {
    size_t part = 0;
    while (hosts + part < end && hosts[part] != ',') part++;
    const char *colon = memchr(hosts, ':', part);
    if (is_text(hosts, colon ? (size_t)(colon - hosts) : part, label)) return true;
    hosts += part + 1;
  }
  return false;
}

static bool is_host(const char *value, const struct service *s) {
  for (const char *at = value; (at = strstr(at, "://"));) {
    at += 3;
    size_t len = strcspn(at, "/?# \t\r\n\"'<>");
    const char *hosts = memrchr(at, '@', len);
    hosts = hosts ? hosts + 1 : at;
    if (has_host(hosts, len - (size_t)(hosts - at), s->label)) return true;
    at += len;
  }
  return false;
}

static bool names(const json_t *variables, const struct service *s) {
  const char *name;
  json_t *text;
  json_object_foreach((json_t *)variables, name, text) {
    const char *value = json_string_value(text);
    if (value && (is_referenced(value, s) || is_addressed(value, s) || is_host(value, s))) return true;
  }
  return false;
}

void dependencies_find(const json_t *variables, const char *self_id, const struct service_list *services,
                       struct strv *ret_ids) {
  for (size_t i = 0; i < services->len; i++) {
    const struct service *s = &services->items[i];
    if (!str_eq(s->id, self_id) && names(variables, s)) strv_add(ret_ids, s->id);
  }
}
