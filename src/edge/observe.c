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

void observe_servers(struct routes *r, const char *text) {
  enum { BACKEND = 1, SERVER = 3, ADDRESS = 4, ADMIN = 6, PORT = 18 };
  struct line line;
  while (next_line(&text, &line)) {
    if (line.len <= PORT) continue;
    unsigned slot_number = numbered(line.fields[BACKEND], 's', ROUTES_MAX_SLOTS);
    unsigned server_number = numbered(line.fields[SERVER], 'r', ROUTES_MAX_SERVERS);
    long long port;
    if (!slot_number || !server_number || !address_family(line.fields[ADDRESS]) ||
        !str_to_int(line.fields[PORT], 1, 65535, &port))
      continue;
    routes_resize(r, slot_number);
    struct routes_slot *slot = &r->slots[slot_number - 1];
    while (slot->servers_len < server_number)
      routes_add_server(slot);
    struct routes_server *server = &slot->servers[server_number - 1];
    server->state = admin_state(strtol(line.fields[ADMIN], NULL, 0));
    snprintf(server->address, sizeof server->address, "%s", line.fields[ADDRESS]);
    server->port = (uint16_t)port;
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
