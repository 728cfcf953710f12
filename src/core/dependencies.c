#include "core/dependencies.h"

#include <string.h>

#include "base/mem.h"
#include "core/reference_syntax.h"

#define PRIVATE_SUFFIX ".railway.internal"

static bool is_label_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

static bool is_text(const char *start, size_t len, const char *wanted) {
  return wanted && strlen(wanted) == len && strncasecmp(start, wanted, len) == 0;
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

static void mark_referenced(const char *value, const struct service_list *services, bool *needed) {
  size_t cursor = 0;
  struct reference reference;
  while (reference_next(value, &cursor, &reference)) {
    bool names_one = reference.service.at && !reference_is_shared(reference.service);
    const struct service *s = names_one ? reference_service(services, reference.service) : NULL;
    if (s) needed[s - services->items] = true;
  }
}

void dependencies_find(const json_t *variables, const char *self_id, const struct service_list *services,
                       struct strv *ret_ids) {
  auto_free bool *needed = mem_zalloc(services->len + 1);
  const char *name;
  json_t *text;
  json_object_foreach((json_t *)variables, name, text) {
    const char *value = json_string_value(text);
    if (!value) continue;
    mark_referenced(value, services, needed);
    for (size_t i = 0; i < services->len; i++)
      needed[i] |= is_addressed(value, &services->items[i]) || is_host(value, &services->items[i]);
  }
  for (size_t i = 0; i < services->len; i++)
    if (needed[i] && !str_eq(services->items[i].id, self_id)) strv_add(ret_ids, services->items[i].id);
}
