#include "model/tcp_proxy.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/address.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#define F(member) FIELD(struct tcp_proxy, member)
static const struct field tcp_proxy_fields[] = {
    F(id),         F(project_id),       F(environment_id), F(service_id), F(service_instance_id),
    F(proxy_port), F(application_port), F(allow),          F(created_us), F(updated_us),
};
#undef F
const struct shape tcp_proxy_shape = SHAPE("TCP proxy", struct tcp_proxy, tcp_proxy_fields);

static bool has_text(const json_t *list, const char *text) {
  size_t i;
  json_t *item;
  json_array_foreach(list, i, item) if (str_eq(json_string_value(item), text)) return true;
  return false;
}

static err *read_network(const char *text, json_t *allow) {
  struct address_net net;
  char spelled[INET6_ADDRSTRLEN];
  int family = text ? address_family(text) : 0;
  auto_free char *alone = family ? str_format("%s/%d", text, family == AF_INET ? 32 : 128) : NULL;
  if (!text || !address_parse_net(alone ? alone : text, &net))
    return err_new(ERR_INVALID,
                   "'%.80s' is no address and no network such as 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32 (with "
                   "zeros behind the prefix)",
                   text ? text : "");
  address_net_unmap(&net);
  inet_ntop(net.family, net.bytes, spelled, sizeof spelled);
  auto_free char *network = str_format("%s/%d", spelled, net.prefix);
  if (!has_text(allow, network)) json_array_append_new(allow, json_string(network));
  return NULL;
}

err *tcp_allow_read(const json_t *given, json_t **ret_allow) {
  auto_json *allow = json_array();
  size_t i;
  json_t *item;
  if (given && !json_is_null(given) && !json_is_array(given))
    return err_new(ERR_INVALID, "the allow list must be a list of texts");
  if (json_array_size(given) > TCP_ALLOW_MAX)
    return err_new(ERR_LIMIT, "the allow list has more than %d networks", TCP_ALLOW_MAX);
  json_array_foreach(given, i, item) TRY(err_wrap(read_network(json_string_value(item), allow), "the allow list"));
  *ret_allow = json_incref(allow);
  return NULL;
}
