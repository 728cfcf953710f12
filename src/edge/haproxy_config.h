/* HAProxy's configuration and map files as text.  Pure: the same input gives the same bytes. */
#ifndef TRAMWAY_EDGE_HAPROXY_CONFIG_H
#define TRAMWAY_EDGE_HAPROXY_CONFIG_H

#include "edge/proxies.h"
#include "edge/routes.h"

/* Files of run_dir. */
#define HAPROXY_CONFIG_FILE "haproxy.cfg"
#define HAPROXY_PID_FILE "haproxy.pid"
#define HAPROXY_SOCKET "haproxy.sock" /* runtime commands */
#define HAPROXY_MASTER_SOCKET "master.sock"
#define HAPROXY_HOSTS_FILE "hosts.map"   /* host → slot */
#define HAPROXY_LOGGED_KEY "requests"
#define HAPROXY_LOGGED_FILE "logged.map" /* "requests" → "all" or "some" */
#define HAPROXY_LABELS_FILE "labels.map" /* slot → why it may be empty, and the route's key */

#define HAPROXY_REASONS_FILE "reasons.map" /* why a slot may be empty → status and message of the page */
#define HAPROXY_OWNERS_FILE "proxies.map" /* port of a TCP proxy → edge/proxies.h */
#define HAPROXY_ALLOW_DIR "allow"         /* port and family → who may connect */

#define HAPROXY_STREAMS_TABLE "streams" /* server → WebSockets and event streams it holds */

struct haproxy_settings {
  const char *run_dir;       /* checked: absolute, letters, digits, "/._-" */
  const struct strv *listen; /* checked by address_parse */
  const char *edge_name;
  const char *user, *group; /* NULL: run as whoever starts it */
  unsigned connections;     /* of visitors at a time */
  bool access_log;          /* on file descriptor 3 */
  const struct strv *tcp_listen; /* numeric addresses; NULL or empty: no TCP proxies */
  unsigned tcp_connections;      /* of all TCP proxies at a time, beside `connections` */
};

#define HAPROXY_MAX_CONNECTIONS 10000 /* Railway's limit of concurrent connections */
#define HAPROXY_MAX_TCP_CONNECTIONS 2500

/* The error pages, each a file of run_dir with log-format variables. */
struct haproxy_page {
  const char *file;
  int status;
  const char *message; /* NULL: both as HAPROXY_REASONS_FILE says of the slot's label */
};
extern const struct haproxy_page haproxy_pages[];
extern const size_t haproxy_pages_len;
void haproxy_config_page(const struct haproxy_settings *settings, const struct haproxy_page *page, struct str *ret_text);
void haproxy_config_reasons(struct str *ret_text);

/* The part in front of the backends, which tells whether a running HAProxy was started for the same
 * settings, and the whole. */
void haproxy_config_head(const struct haproxy_settings *settings, struct str *ret_text);
void haproxy_config_text(const struct haproxy_settings *settings, const struct routes *r,
                         struct str *ret_text);

/* The server lines of one slot. */
void haproxy_config_servers(const struct routes_slot *slot, struct str *ret_text);

/* Of the TCP proxies (haproxy_proxies.c): their defaults, which belong to the head; frontends and backends, which
 * come last; the owners' map; and one of the lists (PROXIES_LIST_4, PROXIES_LIST_6) of who may connect. */
void haproxy_proxies_head(const struct haproxy_settings *settings, struct str *ret_text);
void haproxy_proxies_text(const struct haproxy_settings *settings, const struct proxies *p, struct str *ret_text);
void haproxy_proxies_owners(const struct proxies *p, struct str *ret_text);
void haproxy_proxies_allow(const struct proxy *p, const char *list, struct str *ret_text);

void haproxy_config_hosts(const struct routes *r, struct str *ret_text);
void haproxy_config_labels(const struct routes *r, struct str *ret_text);

#endif
