#include "engine/local/survey.h"

#include <errno.h>
#include <arpa/inet.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "engine/local/instance.h"
#include "engine/local/network.h"

enum { NET_FILE_LIMIT = 1024 * 1024, SUBNET_BYTES = NETWORK_PREFIX / 8 };

struct survey *survey_new(size_t networks_len, size_t instances_len) {
  struct survey *s = mem_zalloc(sizeof *s);
  s->networks = mem_zalloc((networks_len + 1) * sizeof *s->networks);
  s->instances = mem_zalloc((instances_len + 1) * sizeof *s->instances);
  return s;
}

void survey_free(struct survey *s) {
  for (size_t i = 0; i < s->networks_len; i++) {
    free(s->networks[i].environment_id);
    free(s->networks[i].anchor_path);
    free(s->networks[i].names_path);
    free(s->networks[i].cause);
  }
  for (size_t i = 0; i < s->instances_len; i++) {
    free(s->instances[i].id);
    free(s->instances[i].rootfs);
    free(s->instances[i].cause);
    strv_done(&s->instances[i].files);
  }
  strv_done(&s->folders);
  strv_done(&s->folders_gone);
  strv_done(&s->volumes);
  strv_done(&s->volumes_gone);
  free(s->networks);
  free(s->instances);
  free(s);
}

/* --- Judgements ------------------------------------------------------------------ */

char *survey_judge_bridge(const struct netlink_links *links, const struct survey_network *n) {
  const struct netlink_link *bridge = netlink_find(links, n->bridge);
  if (!bridge) return str_format("the bridge '%s' was gone", n->bridge);
  if (!bridge->up) return str_format("the bridge '%s' was down", n->bridge);
  bool has4 = netlink_has_address(links, bridge->index, AF_INET, &n->gateway);
  bool has6 = netlink_has_address(links, bridge->index, AF_INET6, &n->gateway6);
  if (has4 && has6) return NULL;
  return str_format("the bridge '%s' had lost its IPv%d address", n->bridge, has4 ? 6 : 4);
}

char *survey_judge_link(const struct netlink_links *links, const char *link, const char *bridge,
                        enum survey_damage *ret_damage) {
  const struct netlink_link *own = netlink_find(links, link), *master = netlink_find(links, bridge);
  *ret_damage = SURVEY_LINK;
  if (!own) return str_format("its link '%s' was gone", link);
  *ret_damage = SURVEY_LOOSE;
  if (!master || own->master != master->index)
    return str_format("its link '%s' was not in the bridge '%s'", link, bridge);
  if (!own->up) return str_format("its link '%s' was down", link);
  *ret_damage = SURVEY_FINE;
  return NULL;
}

/* Lines "eth0 <destination> <gateway> …" in hexadecimal, as the kernel holds them in memory. */
static bool has_route(const char *text, uint32_t destination, uint32_t gateway) {
  for (const char *line = text; line; line = strchr(line, '\n')) {
    line += *line == '\n';
    unsigned to, through;
    if (sscanf(line, "eth0 %x %x", &to, &through) == 2 && to == destination && through == gateway)
      return true;
  }
  return false;
}

static void hex_of(const struct in6_addr *address, char text[33]) {
  for (size_t i = 0; i < 16; i++)
    snprintf(text + 2 * i, 3, "%02x", address->s6_addr[i]);
}

char *survey_judge_inside(const char *route, const char *inet6, const char *route6,
                          const struct survey_instance *i, const struct survey_network *n) {
  struct in_addr subnet = i->address;
  ((uint8_t *)&subnet)[SUBNET_BYTES] = 0;
  char own6[33], gateway6[33];
  hex_of(&i->address6, own6);
  hex_of(&n->gateway6, gateway6);
  /* The route to the subnet comes and goes with the address. */
  if (!has_route(route, subnet.s_addr, 0)) return str_dup("it had lost its IPv4 address");
  if (!has_route(route, 0, n->gateway.s_addr)) return str_dup("it had lost its IPv4 route");
  if (!strstr(inet6, own6)) return str_dup("it had lost its IPv6 address");
  if (!strstr(route6, gateway6)) return str_dup("it had lost its IPv6 route");
  return NULL;
}

/* --- Measuring ------------------------------------------------------------------- */

static bool is_of_kind(const char *path, unsigned long kind) {
  struct statfs info;
  return statfs(path, &info) == 0 && (unsigned long)info.f_type == kind;
}

static void look_at_network(const struct netlink_links *links, struct survey_network *n) {
  n->cause = survey_judge_bridge(links, n);
  if (n->cause) {
    n->damage = SURVEY_BRIDGE;
  } else if (!is_of_kind(n->anchor_path, NSFS_MAGIC)) {
    n->damage = SURVEY_ANCHOR;
    n->cause = str_format("the namespace that holds '%s' was gone", n->bridge);
  } else if (!file_exists(n->names_path)) {
    n->damage = SURVEY_NAMES;
    n->cause = str_dup("the file with the names was gone");
  }
}

/* One that has ended, but is not buried yet, has no namespaces any more. */
static bool is_alive(const struct survey_instance *i) {
  auto_free char *path = str_format("/proc/%d/ns/net", (int)i->pid);
  char target[64];
  return readlink(path, target, sizeof target) > 0 && instance_start_time(i->pid) == i->pid_started;
}

/* What cannot be read is the file of a process that has just ended. */
static char *look_inside(const struct survey_instance *i, const struct survey_network *n) {
  static const char *const names[] = {"route", "if_inet6", "ipv6_route"};
  struct str texts[ARRAY_LEN(names)] = {0};
  bool whole = true;
  for (size_t f = 0; f < ARRAY_LEN(names); f++) {
    auto_free char *path = str_format("/proc/%d/net/%s", (int)i->pid, names[f]);
    auto_err *e = file_read(path, NET_FILE_LIMIT, &texts[f]);
    whole = whole && !e;
  }
  char *cause = NULL;
  if (whole)
    cause = survey_judge_inside(str_text(&texts[0]), str_text(&texts[1]), str_text(&texts[2]), i, n);
  for (size_t f = 0; f < ARRAY_LEN(names); f++)
    str_done(&texts[f]);
  return cause;
}

static char *missing_file(const struct survey_instance *i) {
  for (size_t f = 0; f < i->files.len; f++)
    if (access(i->files.items[f], F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
      return str_format("the file '%s' that it runs with was gone", i->files.items[f]);
  return NULL;
}

static void look_at_instance(const struct survey *s, const struct netlink_links *links,
                             struct survey_instance *i) {
  const struct survey_network *n = &s->networks[i->network];
  if (i->closely) i->unmounted = !is_of_kind(i->rootfs, OVERLAYFS_SUPER_MAGIC);
  if (i->closely && (i->cause = missing_file(i)))
    i->damage = SURVEY_STATE;
  else if (n->damage == SURVEY_BRIDGE)
    return; /* its links are put right with it */
  else
    i->cause = survey_judge_link(links, i->link, n->bridge, &i->damage);
  if (!i->cause && i->closely && (i->cause = look_inside(i, n))) i->damage = SURVEY_LINK;
  if (!i->cause || is_alive(i)) return;
  i->damage = SURVEY_FINE; /* its end explains it */
  str_replace_owned(&i->cause, NULL);
}

err *survey_measure(struct survey *s) {
  struct netlink_links links;
  for (size_t i = 0; i < s->folders.len; i++)
    if (access(s->folders.items[i], F_OK) != 0) strv_add(&s->folders_gone, s->folders.items[i]);
  for (size_t i = 0; i < s->volumes.len; i++)
    if (!volume_is_mounted(s->volumes.items[i])) strv_add(&s->volumes_gone, s->volumes.items[i]);
  err_ignore(netlink_firewall_generation(&s->firewall));
  TRY(netlink_read_links(&links));
  s->unsure = links.interrupted;
  for (size_t i = 0; i < s->networks_len && !s->unsure; i++)
    look_at_network(&links, &s->networks[i]);
  for (size_t i = 0; i < s->instances_len && !s->unsure; i++)
    look_at_instance(s, &links, &s->instances[i]);
  netlink_links_done(&links);
  return NULL;
}
