#include "edge/observe.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/mem.h"

#define LINE_MAX_ 1024
#define MAX_FIELDS 20

/* One line, cut into words. */
struct line {
  char text[LINE_MAX_];
  char *fields[MAX_FIELDS];
  size_t len;
};

/* The next line of *cursor with at least one word; longer ones than LINE_MAX_ are skipped. */
static bool next_line(const char **cursor, struct line *ret_line) {
  while (**cursor) {
    size_t len = strcspn(*cursor, "\n");
    const char *start = *cursor;
    *cursor += len + ((*cursor)[len] == '\n');
    if (len >= LINE_MAX_) continue;
    memcpy(ret_line->text, start, len);
    ret_line->text[len] = '\0';
    ret_line->len = 0;
    char *rest, *word = strtok_r(ret_line->text, " \t\r", &rest);
    for (; word && ret_line->len < MAX_FIELDS; word = strtok_r(NULL, " \t\r", &rest))
      ret_line->fields[ret_line->len++] = word;
    if (ret_line->len) return true;
  }
  return false;
}

/* "s12" with prefix 's' → 12; 0 for anything else. */
static unsigned numbered(const char *name, char prefix, unsigned limit) {
  long long number;
  if (name[0] != prefix || !isdigit((unsigned char)name[1]) ||
      !str_to_int(name + 1, 1, limit, &number))
    return 0;
  return (unsigned)number;
}

/* srv_admin_state: 0x01, 0x02 and 0x20 are kinds of maintenance (0x04 only says that the
 * configuration began with it), 0x08 and 0x10 kinds of drain.  management.txt, `show servers
 * state`. */
static enum routes_server_state admin_state(long bits) {
  if (bits & 0x23) return ROUTES_MAINT;
  return bits & 0x18 ? ROUTES_DRAIN : ROUTES_READY;
}

/* A line of `show servers state`. */
struct seen_server {
  const char *backend;
  unsigned number;
  struct routes_server server;
};

static bool read_server(const struct line *line, struct seen_server *ret_seen) {
  enum { BACKEND = 1, SERVER = 3, ADDRESS = 4, ADMIN = 6, PORT = 18 };
  long long port;
  if (line->len <= PORT) return false;
  unsigned number = numbered(line->fields[SERVER], 'r', ROUTES_MAX_SERVERS);
  if (!number || !address_family(line->fields[ADDRESS]) || !str_to_int(line->fields[PORT], 1, 65535, &port))
    return false;
  *ret_seen = (struct seen_server){.backend = line->fields[BACKEND], .number = number};
  ret_seen->server.state = admin_state(strtol(line->fields[ADMIN], NULL, 0));
  ret_seen->server.port = (uint16_t)port;
  snprintf(ret_seen->server.address, sizeof ret_seen->server.address, "%s", line->fields[ADDRESS]);
  return true;
}

static void put_server(struct routes_slot *slot, const struct seen_server *seen) {
  while (slot->servers_len < seen->number)
    routes_add_server(slot);
  slot->servers[seen->number - 1] = seen->server;
}

void observe_servers(struct routes *r, const char *text) {
  struct line line;
  struct seen_server seen;
  while (next_line(&text, &line)) {
    if (!read_server(&line, &seen)) continue;
    unsigned number = numbered(seen.backend, 's', ROUTES_MAX_SLOTS);
    if (!number) continue;
    routes_resize(r, number);
    put_server(&r->slots[number - 1], &seen);
  }
}

void observe_proxy_servers(struct proxies *p, const char *text) {
  struct line line;
  struct seen_server seen;
  while (next_line(&text, &line)) {
    if (!read_server(&line, &seen)) continue;
    struct proxy *proxy = proxies_find(p, (uint16_t)numbered(seen.backend, 't', UINT16_MAX));
    if (proxy) put_server(&proxy->slot, &seen);
  }
}

/* Lines of `show stat`: values with commas between, whose places never change (management.txt, 9.1). */
enum { STAT_PROXY = 0, STAT_SERVER = 1, STAT_SESSIONS = 4, STAT_STATUS = 17, STAT_ADDRESS = 73 };

void observe_proxies(struct proxies *p, const char *text) {
  auto_strv lines = STRV_EMPTY;
  strv_split(&lines, text, '\n');
  for (size_t i = 0; i < lines.len; i++) {
    auto_strv fields = STRV_EMPTY;
    strv_split(&fields, lines.items[i], ',');
    if (fields.len <= STAT_STATUS || !str_eq(fields.items[STAT_SERVER], "FRONTEND")) continue;
    unsigned port = numbered(fields.items[STAT_PROXY], 'p', UINT16_MAX);
    if (port) proxies_add(p, (uint16_t)port)->open = str_eq(fields.items[STAT_STATUS], "OPEN");
  }
}

/* A server of a TCP proxy, and the connections that it has; false for what is no such line. */
struct seen_connections {
  uint16_t port;
  unsigned server, used;
  char address[INET6_ADDRSTRLEN];
};

static bool read_connections(const char *line, struct seen_connections *ret_seen) {
  auto_strv fields = STRV_EMPTY;
  struct address address;
  long long used;
  if (line[0] != 't' || !strchr(line, ',')) return false;
  strv_split(&fields, line, ',');
  if (fields.len <= STAT_ADDRESS || !address_parse(fields.items[STAT_ADDRESS], &address)) return false;
  if (!str_to_int(fields.items[STAT_SESSIONS], 0, INT32_MAX, &used)) return false;
  *ret_seen = (struct seen_connections){
      .port = (uint16_t)numbered(fields.items[STAT_PROXY], 't', UINT16_MAX),
      .server = numbered(fields.items[STAT_SERVER], 'r', ROUTES_MAX_SERVERS),
      .used = (unsigned)used};
  memcpy(ret_seen->address, address.host, sizeof address.host);
  return ret_seen->port && ret_seen->server;
}

static void count_connections(const char *text, const struct strv *addresses, struct edge_sessions *sessions) {
  auto_strv lines = STRV_EMPTY;
  struct seen_connections seen;
  strv_split(&lines, text, '\n');
  for (size_t i = 0; i < lines.len; i++)
    if (read_connections(lines.items[i], &seen) && strv_has(addresses, seen.address))
      sessions->connections += seen.used;
}

void observe_proxies_drained(struct proxies *p, const char *text, struct strv *ret_commands) {
  auto_strv lines = STRV_EMPTY;
  struct seen_connections seen;
  strv_split(&lines, text, '\n');
  for (size_t i = 0; i < lines.len; i++) {
    if (!read_connections(lines.items[i], &seen) || seen.used) continue;
    struct proxy *proxy = proxies_find(p, seen.port);
    struct routes_server *server =
        proxy && seen.server <= proxy->slot.servers_len ? &proxy->slot.servers[seen.server - 1] : NULL;
    if (!server || server->state != ROUTES_DRAIN) continue;
    server->state = ROUTES_MAINT;
    strv_addf(ret_commands, "set server %s/r%u state maint", proxy->slot.name, seen.server);
  }
}

void observe_proxy_owners(struct proxies *p, const char *text) {
  struct line line;
  long long port;
  while (next_line(&text, &line)) {
    char *digest = line.len == 3 ? strchr(line.fields[2], ':') : NULL;
    if (!digest || !str_to_int(line.fields[1], 1, UINT16_MAX, &port)) continue;
    *digest++ = '\0';
    struct proxy *proxy = proxies_find(p, (uint16_t)port);
    if (!proxy || !wanted_is_key(line.fields[2]) || strlen(digest) >= sizeof proxy->digest) continue;
    snprintf(proxy->slot.key, sizeof proxy->slot.key, "%s", line.fields[2]);
    snprintf(proxy->digest, sizeof proxy->digest, "%s", digest);
  }
}

/* Lines of `show map`: a pointer, the key, the value. */
void observe_hosts(struct routes *r, const char *text) {
  struct line line;
  while (next_line(&text, &line)) {
    if (line.len != 3 || !wanted_is_host(line.fields[1])) continue;
    unsigned number = numbered(line.fields[2], 's', (unsigned)r->slots_len);
    routes_set_host(r, line.fields[1], number ? number : ROUTES_NO_SLOT);
  }
}

void observe_labels(struct routes *r, const char *text) {
  struct line line;
  while (next_line(&text, &line)) {
    if (line.len != 3) continue;
    unsigned number = numbered(line.fields[1], 's', (unsigned)r->slots_len);
    char *key = strchr(line.fields[2], ':');
    if (!number || !key) continue;
    *key++ = '\0';
    enum edge_route_state reason;
    if (!wanted_is_key(key) || !routes_reason_parse(line.fields[2], &reason)) continue;
    struct routes_slot *slot = &r->slots[number - 1];
    snprintf(slot->key, sizeof slot->key, "%s", key);
    slot->reason = reason;
  }
}

int observe_pid(const char *text) {
  struct line line;
  long long pid;
  while (next_line(&text, &line))
    if (line.len == 2 && str_eq(line.fields[0], "Pid:") &&
        str_to_int(line.fields[1], 1, INT32_MAX, &pid))
      return (int)pid;
  return 0;
}

enum { CONN_NAME = 0, CONN_ADDRESS = 2, CONN_USED = 6 };

static unsigned used_connections(const struct line *line) {
  long long used;
  return str_to_int(line->fields[CONN_USED], 0, INT32_MAX, &used) ? (unsigned)used : 0;
}

/* A line of `show table`: a pointer, "key=s12/r3", …, "conn_cur=2". */
static unsigned table_streams(const struct line *line, const struct strv *servers) {
  static const char key[] = "key=", count[] = "conn_cur=";
  long long streams;
  if (line->len < 3 || !str_starts(line->fields[1], key) ||
      !strv_has(servers, line->fields[1] + strlen(key)))
    return 0;
  for (size_t i = 2; i < line->len; i++)
    if (str_starts(line->fields[i], count) &&
        str_to_int(line->fields[i] + strlen(count), 0, INT32_MAX, &streams))
      return (unsigned)streams;
  return 0;
}

void observe_sessions(const char *text, const struct strv *addresses,
                      struct edge_sessions *sessions) {
  struct line line;
  auto_strv servers = STRV_EMPTY;
  unsigned used = 0, streams = 0;
  count_connections(text, addresses, sessions);
  while (next_line(&text, &line)) {
    if (line.len > CONN_USED && strv_has(addresses, line.fields[CONN_ADDRESS])) {
      strv_add(&servers, line.fields[CONN_NAME]);
      used += used_connections(&line);
    } else {
      streams += table_streams(&line, &servers);
    }
  }
  if (streams > used) streams = used; /* one ended between the two commands */
  sessions->requests += used - streams;
  sessions->streams += streams;
}

/* The draining server that "s12/r3" names, or NULL. */
static struct routes_server *draining_server(struct routes *r, char *name) {
  char *slash = strchr(name, '/');
  if (!slash) return NULL;
  *slash = '\0';
  unsigned slot = numbered(name, 's', (unsigned)r->slots_len);
  if (!slot) return NULL;
  unsigned server = numbered(slash + 1, 'r', (unsigned)r->slots[slot - 1].servers_len);
  *slash = '/';
  if (!server) return NULL;
  struct routes_server *found = &r->slots[slot - 1].servers[server - 1];
  return found->state == ROUTES_DRAIN ? found : NULL;
}

void observe_drained(struct routes *r, const char *text, struct strv *ret_commands) {
  struct line line;
  while (next_line(&text, &line)) {
    if (line.len <= CONN_USED || used_connections(&line) > 0) continue;
    struct routes_server *server = draining_server(r, line.fields[CONN_NAME]);
    if (!server) continue;
    server->state = ROUTES_MAINT;
    strv_addf(ret_commands, "set server %s state maint", line.fields[CONN_NAME]);
  }
}

static bool has_port(const struct strv *servers, unsigned port) {
  auto_free char *prefix = str_format("t%u/", port);
  for (size_t i = 0; i < servers->len; i++)
    if (str_starts(servers->items[i], prefix)) return true;
  return false;
}

/* "0x55d1: proto=tcpv4 src=192.0.2.1:5000 fe=p20001 be=t20001 …" */
void observe_proxy_sessions(const char *text, const struct strv *servers, struct strv *ret_commands) {
  static const char frontend[] = "fe=";
  struct line line;
  while (next_line(&text, &line)) {
    size_t len = strlen(line.fields[0]);
    if (!str_starts(line.fields[0], "0x") || line.fields[0][len - 1] != ':' ||
        line.fields[0][strspn(line.fields[0] + 2, "0123456789abcdef") + 2] != ':')
      continue;
    line.fields[0][len - 1] = '\0';
    for (size_t i = 1; i < line.len; i++) {
      if (!str_starts(line.fields[i], frontend)) continue;
      unsigned port = numbered(line.fields[i] + strlen(frontend), 'p', UINT16_MAX);
      if (port && has_port(servers, port)) strv_addf(ret_commands, "shutdown session %s", line.fields[0]);
    }
  }
}

static void add_worker(int *pids, size_t *len, size_t capacity, int pid) {
  if (*len < capacity) pids[(*len)++] = pid;
}

/* Old workers come behind a line "# old workers". */
void observe_processes(const char *text, struct observe_processes *ret_processes) {
  struct observe_processes p = {0};
  struct line line;
  bool old = false;
  long long pid;
  while (next_line(&text, &line)) {
    if (line.fields[0][0] == '#') {
      old = line.len > 1 && str_eq(line.fields[1], "old");
    } else if (line.len > 1 && str_to_int(line.fields[0], 1, INT32_MAX, &pid)) {
      if (str_eq(line.fields[1], "master"))
        p.master = (int)pid;
      else if (str_eq(line.fields[1], "worker") && old)
        add_worker(p.old, &p.old_len, ARRAY_LEN(p.old), (int)pid);
      else if (str_eq(line.fields[1], "worker"))
        add_worker(p.current, &p.current_len, ARRAY_LEN(p.current), (int)pid);
    }
  }
  *ret_processes = p;
}
