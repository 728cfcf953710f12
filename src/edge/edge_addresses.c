/* Which of the addresses to listen on this machine has: HAProxy does not start, and does not reload, when it cannot
 * bind one of them.  Where IPv6 is turned off it has no ::1. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/file.h"
#include "base/log.h"
#include "edge/edge_internal.h"

int edge_try_bind(int family, const void *address, socklen_t len, bool beside) {
  int on = 1;
  auto_fd fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (beside) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  return bind(fd, address, len) == 0 ? 0 : errno;
}

/* Not when IPv6 is turned off, or the address comes later, or is of another machine. */
static bool is_here(const char *host) {
  struct sockaddr_in v4 = {.sin_family = AF_INET};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
  int reason;
  if (inet_pton(AF_INET, host, &v4.sin_addr) == 1)
    reason = edge_try_bind(AF_INET, &v4, sizeof v4, false);
  else
    reason = inet_pton(AF_INET6, host, &v6.sin6_addr) == 1 ? edge_try_bind(AF_INET6, &v6, sizeof v6, false) : EINVAL;
  return reason != EAFNOSUPPORT && reason != EADDRNOTAVAIL && reason != EINVAL;
}

/* With a port (sites) or without (TCP proxies). */
static bool has_host(const char *listen) {
  struct address a;
  return is_here(address_parse(listen, &a) ? a.host : listen);
}

static void find(const struct strv *given, struct strv *here, const char *what) {
  auto_strv before = *here;
  *here = STRV_EMPTY;
  for (size_t i = 0; i < given->len; i++) {
    const char *listen = given->items[i];
    bool found = has_host(listen);
    if (found) strv_add(here, listen);
    if (!found && (strv_has(&before, listen) || !before.len))
      log_warn("edge", "%s are not reached at %s, an address that this machine does not have", what, listen);
  }
}

/* A site that is reached nowhere is for HAProxy to complain about. */
void edge_find_addresses(edge *g) {
  find(&g->listen, &g->here, "sites");
  find(&g->tcp_listen, &g->tcp_here, "TCP proxies");
  if (!g->here.len)
    for (size_t i = 0; i < g->listen.len; i++) strv_add(&g->here, g->listen.items[i]);
}

static bool has_come(const struct strv *given, const struct strv *here) {
  for (size_t i = 0; i < given->len; i++)
    if (!strv_has(here, given->items[i]) && has_host(given->items[i])) return true;
  return false;
}

bool edge_has_more_addresses(const edge *g) {
  return has_come(&g->listen, &g->here) || (g->wanted_proxies.len && has_come(&g->tcp_listen, &g->tcp_here));
}
