#include "edge/haproxy_config.h"

#include <string.h>

#include "base/mem.h"

enum { FAILED, UNAVAILABLE, SILENT };

/* FAILED is for a backend that fails or has lost its servers, SILENT for one that does not answer in time;
 * what UNAVAILABLE says depends on the slot's label. */
// clang-format off
const struct haproxy_page haproxy_pages[] = {
    [FAILED]      = {"failed.page",      502, "Application failed to respond"},
    [UNAVAILABLE] = {"unavailable.page", 503, NULL},
    [SILENT]      = {"silent.page",      504, "Application failed to respond in time"},
};

static const struct {
  enum edge_route_state reason;
  int status;
  const char *message;
} reasons[] = {
    {EDGE_ROUTE_ACTIVE,   502, "Application failed to respond"},
    {EDGE_ROUTE_STARTING, 503, "Application is starting"},
    {EDGE_ROUTE_SLEEPING, 503, "Application is sleeping"},
    {EDGE_ROUTE_NONE,     503, "Application has no deployment"},
};
// clang-format on
const size_t haproxy_pages_len = ARRAY_LEN(haproxy_pages);

void haproxy_config_reasons(struct str *ret_text) {
  for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
    str_addf(ret_text, "%s %d:%s\n", routes_reason_name(reasons[i].reason), reasons[i].status, reasons[i].message);
}

/* What the label of the request's slot says there: 1 the status, 2 the message. */
static void add_reason(const struct haproxy_settings *s, int field, struct str *text) {
  str_addf(text,
           "%%[be_name,map(%s/" HAPROXY_LABELS_FILE ",active:),field(1,:),map(%s/" HAPROXY_REASONS_FILE "),field(%d,:)]",
           s->run_dir, s->run_dir, field);
}

/* JSON or HTML, by what the client accepts.  Neither may hold a single quote or ']'. */
static void add_either(const char *json, const char *html, struct str *text) {
  str_addf(text, "%%[var(txn.json,0),iif('%s','%s')]", json, html);
}

/* One body for both kinds of client. */
void haproxy_config_page(const struct haproxy_settings *s, const struct haproxy_page *page, struct str *ret_text) {
  auto_str status = STR_EMPTY, message = STR_EMPTY;
  if (page->message) {
    str_addf(&status, "%d", page->status);
    str_add(&message, page->message);
  } else {
    add_reason(s, 1, &status);
    add_reason(s, 2, &message);
  }
  add_either("{\"status\":\"error\",\"code\":",
             "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
             "<meta name=\"viewport\" content=\"width=device-width\"><title>Error ", ret_text);
  str_add(ret_text, str_text(&status));
  add_either(",\"message\":\"",
             "</title><style>body{font:16px/1.5 system-ui,sans-serif;max-width:32em;margin:20vh auto;"
             "padding:0 1em;color-scheme:light dark}p{opacity:.7}</style><h1>", ret_text);
  str_add(ret_text, str_text(&message));
  add_either("\",\"request_id\":\"",
             "</h1><p>If this is your application, look at its deploy logs.</p><p>Request <code>", ret_text);
  str_add(ret_text, "%[unique-id]");
  add_either("\"}", "</code></p></html>", ret_text);
}

static void add_global(const struct haproxy_settings *s, struct str *text) {
  str_addf(text,
           "global\n"
           "  stats socket %s/" HAPROXY_SOCKET " mode 600 level admin expose-fd listeners\n"
           "  stats timeout 60s\n"
           "  maxconn %u\n"
           "  no strict-limits\n",
           s->run_dir, s->connections + s->tcp_connections);
  if (s->user) str_addf(text, "  user %s\n  group %s\n", s->user, s->group);
  /* 32 KiB of headers (Railway's limit) and the room that HAProxy reserves for changing them. */
  str_add(text, "  tune.bufsize 33792\n"
                "  tune.maxrewrite 1024\n");
  /* An old process lives as long as it has WebSockets or a database's clients, but so long and through so many
   * reloads at most. */
  str_add(text, "  hard-stop-after 7d\n"
                "  mworker-max-reloads 20\n");
  if (s->access_log) str_add(text, "  log fd@3 len 8192 format raw local0 info\n");
  str_add_char(text, '\n');
}

/* The page for an error that HAProxy itself finds; add_response_rules acts on its marking header. */
static void add_http_error(const struct haproxy_settings *s, int status, const struct haproxy_page *page,
                           struct str *text) {
  str_addf(text, "  http-error status %d content-type text/html lf-file %s/%s hdr cache-control no-store hdr x-tramway-error ",
           status, s->run_dir, page->file);
  if (page->message)
    str_addf(text, "%d", page->status);
  else
    add_reason(s, 1, text);
  str_add_char(text, '\n');
}

/* Timeouts: 5 min without data, 60 s keep-alive (railway.md 2.7).  A failed connect is tried again,
 * on another server when there is one, so a replica that just died costs no request.  Not 'balance
 * random': 2.6 hardly ever picks servers that were added at run time then (measured). */
static void add_defaults(const struct haproxy_settings *s, struct str *text) {
  str_add(text, "defaults\n"
                "  mode http\n"
                "  option dontlognull\n"
                "  option idle-close-on-response\n"
                "  timeout connect 3s\n"
                "  timeout client 5m\n"
                "  timeout server 5m\n"
                "  timeout http-request 30s\n"
                "  timeout http-keep-alive 60s\n"
                "  timeout tunnel 24h\n"
                "  timeout client-fin 30s\n"
                "  timeout server-fin 30s\n"
                "  retries 3\n"
                "  retry-on conn-failure\n"
                "  option redispatch 1\n"
                "  balance leastconn\n");
  add_http_error(s, 502, &haproxy_pages[FAILED], text);
  add_http_error(s, 503, &haproxy_pages[UNAVAILABLE], text);
  add_http_error(s, 504, &haproxy_pages[SILENT], text);
  str_add_char(text, '\n');
}

/* The path comes last and as it is, because HAProxy 2.6 keeps it anyway but cannot write it as JSON;
 * without the query string, which may hold a token. */
static void add_log_format(const struct haproxy_settings *s, struct str *text) {
  str_addf(text,
           "  log global\n"
           "  log-format '{\"time\":\"%%[date(0,us)]\",\"id\":\"%%ID\","
           "\"key\":\"%%[be_name,map(%s/" HAPROXY_LABELS_FILE "),field(2,:)]\",",
           s->run_dir);
  str_add(text,
          "\"host\":\"%[capture.req.hdr(0),json(ascii)]\",\"method\":\"%HM\",\"status\":%ST,\"client\":\"%ci\","
          "\"backend\":\"%b\",\"server\":\"%s\",\"target\":\"%si\",\"bytes_in\":%U,\"bytes_out\":%B,"
          "\"stream\":\"%[var(txn.stream)]\",\"wait_ms\":\"%Tr\",\"total_ms\":\"%Ta\",\"retries\":\"%rc\",\"end\":\"%tsc\"} "
          "%HPO'\n");
}

/* What each request needs but only a connection changes: its visitor's address as text (a third of
 * what all these headers would cost), and a random number that the request's id begins with. */
static void add_session(struct str *text) {
  str_add(text, "  tcp-request session set-var(sess.ip) src,lower\n"
                "  tcp-request session set-var(sess.id) uuid()\n"
                "  unique-id-format %[var(sess.id)]-%rt\n"
                "  unique-id-header X-Railway-Request-Id\n");
}

/* Nothing that a visitor sends under these names reaches the app. */
static void add_request_headers(const struct haproxy_settings *s, struct str *text) {
  str_addf(text,
           "  http-request del-header x-forwarded- -m beg\n"
           "  http-request del-header x-railway- -m beg\n"
           "  http-request del-header forwarded\n"
           "  http-request del-header proxy\n"
           "  http-request set-header X-Real-IP %%[var(sess.ip)]\n"
           "  http-request add-header X-Forwarded-For %%[var(sess.ip)]\n"
           "  http-request add-header X-Forwarded-Proto http\n"
           "  http-request add-header X-Forwarded-Host %%[capture.req.hdr(0)]\n"
           "  http-request set-header X-Request-Start %%[date(0,ms)]\n"
           "  http-request add-header X-Railway-Edge %s\n",
           s->edge_name);
}

/* Host (capture 0) → slot (capture 1): as it is, in lower case; then without port and final dot; then with "*"
 * for the first label.  Captures, because a variable that is set costs a malloc and two counters that all threads
 * share.  Whether the slot has servers is found out by HAProxy itself, which ends in UNAVAILABLE. */
static void add_routing(const struct haproxy_settings *s, struct str *text) {
  str_addf(text,
           "  declare capture request len 7\n"
           "  http-request capture capture.req.hdr(0),map(%s/" HAPROXY_HOSTS_FILE ") id 1\n"
           "  http-request allow if { capture.req.hdr(1) -m found }\n"
           "  http-request capture capture.req.hdr(0),field(1,:),rtrim(.),map(%s/" HAPROXY_HOSTS_FILE ") id 1\n"
           "  http-request allow if { capture.req.hdr(1) -m found }\n"
           "  http-request capture capture.req.hdr(0),field(1,:),rtrim(.),regsub(^[^.]*,*),map(%s/" HAPROXY_HOSTS_FILE
           ") id 1\n"
           "  use_backend %%[capture.req.hdr(1)]\n"
           "  default_backend unknown\n",
           s->run_dir, s->run_dir, s->run_dir);
}

/* Small and of known length: over as soon as it begins, and so no stream, whatever its type. */
#define SMALL "{ res.hdr_val(content-length) le 65536 }"

/* When some are enough, a line is written only for what a later count may need: what can still be
 * under way when the next cutover begins, what fails, and what never had a response of the app. */
static void add_logging(const struct haproxy_settings *s, struct str *text) {
  str_addf(text,
           "  http-response set-log-level silent if { status 200:499 } " SMALL " "
           "{ str(" HAPROXY_LOGGED_KEY "),map(%s/" HAPROXY_LOGGED_FILE ") -m str some }\n",
           s->run_dir);
}

/* WebSockets and event streams are counted by server, so that a drain need not wait for them.  Most responses are
 * none at first sight, and need no further rule. */
static void add_streams(struct str *text) {
  str_add(text,
          "  http-response allow if { status 200:399 } " SMALL "\n"
          "  http-response del-header x-tramway-error\n"
          "  http-response set-var(txn.stream) int(1) if { status 101 } or { "
          "res.hdr(content-type) -m beg text/event-stream }\n"
          "  http-response set-var(txn.server) srv_name if { var(txn.stream) -m found }\n"
          "  http-response track-sc0 be_name,concat(/,txn.server) table " HAPROXY_STREAMS_TABLE
          " if { var(txn.stream) -m found }\n");
}

/* An error page is known by a header that applications cannot send through (it is deleted from
 * their responses); its value is the status, because HAProxy's own 503 means a failed connect.
 * %ID is cheaper, but not yet known where HAProxy itself found the error. */
static void add_response_rules(struct str *text) {
  str_add(text, "  http-after-response set-header X-Railway-Request-Id %ID\n"
                "  http-after-response allow if { status lt 400 }\n"
                "  http-after-response set-header X-Railway-Request-Id %[unique-id]\n"
                "  http-after-response set-status 502 reason \"Bad Gateway\" if { res.hdr(x-tramway-error) 502 }\n"
                "  http-after-response set-header content-type application/json"
                " if { res.hdr(x-tramway-error) -m found } { var(txn.json) -m bool }\n"
                "  http-after-response del-header x-tramway-error\n");
}

static void add_frontend(const struct haproxy_settings *s, struct str *text) {
  str_add(text, "frontend edge\n");
  for (size_t i = 0; i < s->listen->len; i++)
    str_addf(text, "  bind %s\n", s->listen->items[i]);
  str_addf(text, "  maxconn %u\n", s->connections);
  add_session(text);
  str_add(text, "  http-request capture req.hdr(host),lower len 259\n" /* a name and a port */
                "  http-request set-var(txn.json) bool(true) if { req.hdr(accept) -i -m sub"
                " application/json } !{ req.hdr(accept) -i -m sub text/html }\n");
  if (s->access_log) add_log_format(s, text);
  add_request_headers(s, text);
  add_routing(s, text);
  if (s->access_log) add_logging(s, text);
  add_streams(text);
  add_response_rules(text);
  str_add_char(text, '\n');
}

static void add_error_backends(struct str *text) {
  str_add(text, "backend " HAPROXY_STREAMS_TABLE "\n"
                "  stick-table type string len 32 size 100k expire 10s store conn_cur\n\n"
                "backend unknown\n"
                "  http-request return status 404 content-type application/json"
                " hdr cache-control no-store hdr x-railway-fallback true"
                " lf-string '{\"status\":\"error\",\"code\":404,"
                "\"message\":\"Application not found\",\"request_id\":\"%[unique-id]\"}'\n\n");
}

void haproxy_config_head(const struct haproxy_settings *settings, struct str *ret_text) {
  str_add(ret_text,
          "# Written by tramd.  Changes are lost; see docs/adr/0003-edge-backend-slots.md\n");
  add_global(settings, ret_text);
  haproxy_proxies_head(settings, ret_text);
  add_defaults(settings, ret_text);
  add_frontend(settings, ret_text);
  add_error_backends(ret_text);
}

static bool is_untouched(const struct routes_slot *slot) {
  for (size_t i = 0; i < slot->servers_len; i++)
    if (slot->servers[i].state != ROUTES_MAINT) return false;
  return true;
}

/* A server that is not ready has no address worth keeping; HAProxy wants some. */
static void add_server(const struct routes_server *server, size_t number, struct str *text) {
  if (server->state != ROUTES_READY)
    str_addf(text, "  server r%zu 127.0.0.1:1 disabled\n", number);
  else if (strchr(server->address, ':'))
    str_addf(text, "  server r%zu [%s]:%u\n", number, server->address, server->port);
  else
    str_addf(text, "  server r%zu %s:%u\n", number, server->address, server->port);
}

void haproxy_config_servers(const struct routes_slot *slot, struct str *ret_text) {
  if (is_untouched(slot))
    str_addf(ret_text, "  server-template r 1-%zu 127.0.0.1:1 disabled\n", slot->servers_len);
  for (size_t i = 0; !is_untouched(slot) && i < slot->servers_len; i++)
    add_server(&slot->servers[i], i + 1, ret_text);
}

void haproxy_config_text(const struct haproxy_settings *settings, const struct routes *r,
                         struct str *ret_text) {
  haproxy_config_head(settings, ret_text);
  for (size_t i = 0; i < r->slots_len; i++) {
    str_addf(ret_text, "backend s%zu\n", i + 1);
    haproxy_config_servers(&r->slots[i], ret_text);
  }
}

void haproxy_config_hosts(const struct routes *r, struct str *ret_text) {
  size_t cursor = 0;
  const char *host;
  void *slot;
  while (map_next(r->hosts, &cursor, &host, &slot))
    str_addf(ret_text, "%s s%u\n", host, (unsigned)(uintptr_t)slot);
}

void haproxy_config_labels(const struct routes *r, struct str *ret_text) {
  for (size_t i = 0; i < r->slots_len; i++)
    if (*r->slots[i].key)
      str_addf(ret_text, "s%zu %s:%s\n", i + 1, routes_reason_name(r->slots[i].reason),
               r->slots[i].key);
}
