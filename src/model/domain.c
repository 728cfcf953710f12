#include "model/domain.h"

#include <string.h>

#include "base/str.h"

MODEL_ENUM_WORDS(domain_kind, "domain kind", "SERVICE", "CUSTOM");
MODEL_ENUM_WORDS(sync_status, "sync status", "CREATING", "UPDATING", "ACTIVE", "DELETING",
                 "DELETED", "UNSPECIFIED");

#define F(member) FIELD(struct domain, member)
static const struct field domain_fields[] = {
    F(id),          ENUM_FIELD(struct domain, kind, domain_kind_names),
    F(host),        F(suffix),
    F(project_id),  F(environment_id),
    F(service_id),  F(service_instance_id),
    F(target_port), ENUM_FIELD(struct domain, sync_status, sync_status_names),
    F(created_us),  F(updated_us),
};
#undef F
const struct shape domain_shape = SHAPE("domain", struct domain, domain_fields);

#define F(member) FIELD(struct domain_route, member)
static const struct field domain_route_fields[] = {
    F(host),
    F(target_port),
    F(service_instance_id),
};
#undef F
const struct shape domain_route_shape =
    SHAPE("domain route", struct domain_route, domain_route_fields);

/* A label is letters, digits and inner hyphens (RFC 1123, 2.1). */
static bool is_label(const char *label, size_t len) {
  if (len == 0 || len > HOST_LABEL_MAX || label[0] == '-' || label[len - 1] == '-') return false;
  for (size_t i = 0; i < len; i++) {
    char c = label[i];
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) return false;
  }
  return true;
}

/* The last label of a name is never all digits; that of an IPv4 address is. */
static bool is_number(const char *label) {
  return label[strspn(label, "0123456789")] == '\0';
}

err *domain_host_check(const char *host) {
  bool ok = !str_empty(host) && strlen(host) <= HOST_LEN_MAX && strchr(host, '.');
  const char *label = host;
  while (ok) {
    size_t len = strcspn(label, ".");
    ok = is_label(label, len);
    if (!label[len]) break;
    label += len + 1;
  }
  if (!ok || is_number(label))
    return err_new(ERR_INVALID, "'%.253s' is not a host name such as app.example.com (lower-case)",
                   host ? host : "");
  return NULL;
}

static size_t at_most(size_t value, size_t limit) {
  return value < limit ? value : limit;
}

/* A cut label must not end in a hyphen: what follows it brings its own. */
static size_t without_hyphens(const char *label, size_t len) {
  while (len && label[len - 1] == '-')
    len--;
  return len;
}

char *domain_generated_host(const char *service_label, const char *environment_label,
                            const char *code, const char *suffix) {
  enum { ENVIRONMENT_KEPT = 8, HYPHENS = 2 };
  size_t room = HOST_LABEL_MAX - HYPHENS - at_most(strlen(code), HOST_LABEL_MAX / 2);
  size_t environment_kept = at_most(strlen(environment_label), ENVIRONMENT_KEPT);
  size_t service_len = at_most(strlen(service_label), room - environment_kept);
  size_t environment_len = at_most(strlen(environment_label), room - service_len);
  service_len = without_hyphens(service_label, service_len);
  environment_len = without_hyphens(environment_label, environment_len);
  return str_format("%.*s-%.*s-%.*s.%s", (int)service_len, service_label, (int)environment_len,
                    environment_label, HOST_LABEL_MAX / 2, code, suffix);
}
