#include "engine/local/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

enum { ANSWER_TIMEOUT_S = 5, ANSWER_SIZE = 65536, ANSWERS_MAX = 4096 };

err *netlink_open(int protocol, int *ret_fd) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (fd < 0) return err_errno(errno, "opening a netlink socket");
  struct timeval limit = {.tv_sec = ANSWER_TIMEOUT_S};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  *ret_fd = fd;
  return NULL;
}

/* --- Links ----------------------------------------------------------------------- */

static void take_link(struct netlink_links *links, const struct nlmsghdr *header) {
  const struct ifinfomsg *info = NLMSG_DATA(header);
  long left = (long)header->nlmsg_len - (long)NLMSG_LENGTH(sizeof *info);
  struct netlink_link link = {.index = info->ifi_index, .up = info->ifi_flags & IFF_UP};
  char name[IF_NAMESIZE] = "";
  for (const struct rtattr *a = IFLA_RTA(info); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
    size_t size = RTA_PAYLOAD(a);
    if (a->rta_type == IFLA_IFNAME && size <= sizeof name)
      memcpy(name, RTA_DATA(a), size);
    else if (a->rta_type == IFLA_MASTER && size == sizeof link.master)
      memcpy(&link.master, RTA_DATA(a), size);
  }
  name[sizeof name - 1] = '\0';
  if (!*name || map_has(links->by_name, name)) return;
  struct netlink_link *kept = mem_alloc(sizeof *kept);
  *kept = link;
  map_set(links->by_name, name, kept);
}

static void take_address(struct netlink_links *links, const struct nlmsghdr *header) {
  const struct ifaddrmsg *info = NLMSG_DATA(header);
  long left = (long)header->nlmsg_len - (long)NLMSG_LENGTH(sizeof *info);
  for (const struct rtattr *a = IFA_RTA(info); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
    size_t size = RTA_PAYLOAD(a);
    /* On a link that is no tunnel both say the same; IPv6 has only the second. */
    if (a->rta_type != IFA_ADDRESS || size > sizeof links->addresses->bytes) continue;
    links->addresses = mem_grow(links->addresses, &links->addresses_capacity,
                                links->addresses_len + 1, sizeof *links->addresses);
    size_t at = links->addresses_len++;
    memset(&links->addresses[at], 0, sizeof links->addresses[at]);
    links->addresses[at].index = (int)info->ifa_index;
    links->addresses[at].family = info->ifa_family;
    memcpy(links->addresses[at].bytes, RTA_DATA(a), size);
  }
}

void netlink_parse(struct netlink_links *links, const void *answer, size_t size, bool *ret_end) {
  if (!links->by_name) links->by_name = map_new();
  unsigned left = (unsigned)size;
  for (const struct nlmsghdr *h = answer; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
    if (h->nlmsg_flags & NLM_F_DUMP_INTR) links->interrupted = true;
    if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) *ret_end = true;
    if (h->nlmsg_type == NLMSG_ERROR) links->interrupted = true;
    if (h->nlmsg_type == RTM_NEWLINK && h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifinfomsg)))
      take_link(links, h);
    if (h->nlmsg_type == RTM_NEWADDR && h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifaddrmsg)))
      take_address(links, h);
  }
}

static err *dump(int fd, const void *request, size_t size, struct netlink_links *links) {
  if (send(fd, request, size, 0) < 0) return err_errno(errno, "asking for the links");
  auto_free char *answer = mem_alloc(ANSWER_SIZE); /* malloc's alignment is netlink's */
  bool end = false;
  for (int i = 0; !end && i < ANSWERS_MAX; i++) {
    ssize_t got = recv(fd, answer, ANSWER_SIZE, 0);
    if (got < 0) return err_errno(errno, "reading the links");
    netlink_parse(links, answer, (size_t)got, &end);
  }
  return NULL;
}

err *netlink_read_links(struct netlink_links *ret_links) {
  auto_fd fd = -1;
  TRY(netlink_open(NETLINK_ROUTE, &fd));
  struct {
    struct nlmsghdr header;
    struct ifinfomsg info;
    struct rtattr mask;
    uint32_t bits;
  } links = {.header = {.nlmsg_len = sizeof links,
                        .nlmsg_type = RTM_GETLINK,
                        .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
             .mask = {.rta_len = RTA_LENGTH(sizeof(uint32_t)), .rta_type = IFLA_EXT_MASK},
             .bits = RTEXT_FILTER_SKIP_STATS};
  struct {
    struct nlmsghdr header;
    struct ifaddrmsg info;
  } addresses = {.header = {.nlmsg_len = sizeof addresses,
                            .nlmsg_type = RTM_GETADDR,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
  *ret_links = (struct netlink_links){.by_name = map_new()};
  err *e = dump(fd, &links, sizeof links, ret_links);
  if (!e) e = dump(fd, &addresses, sizeof addresses, ret_links);
  if (e) netlink_links_done(ret_links);
  return e;
}

void netlink_links_done(struct netlink_links *links) {
  size_t cursor = 0;
  const char *name;
  void *link;
  while (links->by_name && map_next(links->by_name, &cursor, &name, &link))
    free(link);
  map_free(links->by_name);
  free(links->addresses);
  *links = (struct netlink_links){0};
}

const struct netlink_link *netlink_find(const struct netlink_links *links, const char *name) {
  return map_get(links->by_name, name);
}

bool netlink_has_address(const struct netlink_links *links, int index, int family, const void *bytes) {
  size_t size = family == AF_INET ? 4 : 16;
  for (size_t i = 0; i < links->addresses_len; i++)
    if (links->addresses[i].index == index && links->addresses[i].family == family &&
        memcmp(links->addresses[i].bytes, bytes, size) == 0)
      return true;
  return false;
}

/* --- Firewall -------------------------------------------------------------------- */

err *netlink_firewall_generation(uint32_t *ret_generation) {
  auto_fd fd = -1;
  TRY(netlink_open(NETLINK_NETFILTER, &fd));
  struct {
    struct nlmsghdr header;
    struct nfgenmsg info;
  } request = {.header = {.nlmsg_len = sizeof request,
                          .nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN,
                          .nlmsg_flags = NLM_F_REQUEST},
               .info = {.version = NFNETLINK_V0}};
  char answer[1024] __attribute__((aligned(NLMSG_ALIGNTO)));
  if (send(fd, &request, sizeof request, 0) < 0) return err_errno(errno, "asking nftables");
  ssize_t got = recv(fd, answer, sizeof answer, 0);
  const struct nlmsghdr *h = (const struct nlmsghdr *)answer;
  if (got < 0 || !NLMSG_OK(h, (uint32_t)got) || h->nlmsg_len < NLMSG_LENGTH(sizeof request.info))
    return err_new(ERR_IO, "nftables gave no generation");
  long left = (long)h->nlmsg_len - (long)NLMSG_LENGTH(sizeof request.info);
  const struct rtattr *a =
      (const struct rtattr *)((const char *)NLMSG_DATA(h) + NLMSG_ALIGN(sizeof request.info));
  for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
    if ((a->rta_type & NLA_TYPE_MASK) != NFTA_GEN_ID || RTA_PAYLOAD(a) != 4) continue;
    uint32_t big_endian;
    memcpy(&big_endian, RTA_DATA(a), sizeof big_endian);
    *ret_generation = ntohl(big_endian);
    return NULL;
  }
  return err_new(ERR_IO, "nftables gave no generation");
}
