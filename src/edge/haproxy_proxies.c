#include <string.h>

#include "base/mem.h"
#include "edge/haproxy_config.h"

/* A database's client may say nothing for days: what ends a connection is that the other side is gone, which
 * the kernel finds out within three minutes, and not that nothing was said.  HAProxy's longest timeout is 24
 * days.  A connect that is refused is tried again three times, a second apart: an app that just starts again
 * costs its clients a moment.  The rule that nothing comes by is what makes HAProxy load the map. */
void haproxy_proxies_head(const struct haproxy_settings *s, struct str *ret_text) {
  auto_free char *addresses = s->tcp_listen ? strv_join(s->tcp_listen, " ") : str_dup("");
  str_addf(ret_text,
           "# TCP proxies, their allow lists by family, listen on: %s\n"
           "defaults tcp\n"
           "  mode tcp\n"
           "  timeout connect 3s\n"
           "  timeout client 24d\n"
           "  timeout server 24d\n"
           "  timeout tunnel 24d\n"
           "  timeout client-fin 10m\n"
           "  timeout server-fin 10m\n"
           "  option clitcpka\n"
           "  clitcpka-idle 60s\n"
           "  clitcpka-intvl 15s\n"
           "  clitcpka-cnt 6\n"
           "  option srvtcpka\n"
           "  srvtcpka-idle 60s\n"
           "  srvtcpka-intvl 15s\n"
           "  srvtcpka-cnt 6\n"
           "  retries 3\n"
           "  option redispatch 1\n"
           "  balance leastconn\n\n"
           "backend tcp-connections from tcp\n"
           "  stick-table type integer size 1 expire 1h store conn_cur\n"
           "  tcp-request content accept if { dst_port,map(%s/" HAPROXY_OWNERS_FILE ") -m found }\n\n",
           addresses, s->run_dir);
}

static void add_bind(const char *address, uint16_t port, struct str *text) {
  if (!strchr(address, ':'))
    str_addf(text, "  bind %s:%u\n", address, port);
  else /* so that "::" and "0.0.0.0" can both be there */
    str_addf(text, "  bind [%s]:%u v6only\n", address, port);
}

static void add_frontend(const struct haproxy_settings *s, const struct proxy *p, struct str *text) {
  unsigned own = s->tcp_connections / 2 < EDGE_PROXY_CONNECTIONS ? s->tcp_connections / 2 : EDGE_PROXY_CONNECTIONS;
  str_addf(text, "frontend p%u from tcp\n", p->port);
  for (size_t i = 0; i < s->tcp_listen->len; i++) add_bind(s->tcp_listen->items[i], p->port, text);
  str_addf(text,
           "  tcp-request connection reject if { src,lower -m sub : } !{ src -f %s/" HAPROXY_ALLOW_DIR "/%u" PROXIES_LIST_6 " }\n"
           "  tcp-request connection reject if !{ src,lower -m sub : } !{ src -f %s/" HAPROXY_ALLOW_DIR "/%u" PROXIES_LIST_4 " }\n"
           "  tcp-request connection reject if { fe_conn gt %u }\n"
           "  tcp-request connection track-sc0 int(1) table tcp-connections\n"
           "  tcp-request connection reject if { sc0_conn_cur gt %u }\n"
           "  default_backend t%u\n",
           s->run_dir, p->port, s->run_dir, p->port, own, s->tcp_connections, p->port);
}

void haproxy_proxies_text(const struct haproxy_settings *s, const struct proxies *p, struct str *ret_text) {
  for (size_t i = 0; s->tcp_listen && s->tcp_listen->len && i < p->len; i++) {
    if (!p->items[i].open) continue;
    add_frontend(s, &p->items[i], ret_text);
    str_addf(ret_text, "backend t%u from tcp\n", p->items[i].port);
    haproxy_config_servers(&p->items[i].slot, ret_text);
  }
}

void haproxy_proxies_owners(const struct proxies *p, struct str *ret_text) {
  for (size_t i = 0; i < p->len; i++)
    if (p->items[i].open && *p->items[i].slot.key)
      str_addf(ret_text, "%u %s:%s\n", p->items[i].port, p->items[i].slot.key, p->items[i].digest);
}

void haproxy_proxies_allow(const struct proxy *p, const char *list, struct str *ret_text) {
  for (size_t i = 0; i < p->allow.len; i++)
    if (str_eq(proxies_list_of(p->allow.items[i]), list)) str_addf(ret_text, "%s\n", p->allow.items[i]);
}
