#include "engine/local/link.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/local/netlink.h"
#include "engine/local/netns.h"

/* A request under construction; 1 KiB is several times what the largest of them needs. */
struct request {
  struct nlmsghdr header;
  char payload[1024];
};

static void *request_begin(struct request *r, int type, int flags, size_t size) {
  memset(r, 0, sizeof *r);
  r->header.nlmsg_type = (uint16_t)type;
  r->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
  r->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(size);
  return NLMSG_DATA(&r->header);
}

static struct rtattr *add(struct request *r, int type, const void *data, size_t size) {
  size_t at = NLMSG_ALIGN(r->header.nlmsg_len);
  if (at + RTA_SPACE(size) > sizeof *r) abort();
  struct rtattr *attribute = (struct rtattr *)((char *)r + at);
  attribute->rta_type = (uint16_t)type;
  attribute->rta_len = (uint16_t)RTA_LENGTH(size);
  if (size) memcpy(RTA_DATA(attribute), data, size);
  r->header.nlmsg_len = (uint32_t)(at + RTA_SPACE(size));
  return attribute;
}

static struct rtattr *nest(struct request *r, int type) {
  return add(r, type, NULL, 0);
}

static void end_nest(struct request *r, struct rtattr *attribute) {
  attribute->rta_len = (uint16_t)((char *)r + r->header.nlmsg_len - (char *)attribute);
}

static err *open_socket(int *ret_fd) {
  return netlink_open(NETLINK_ROUTE, ret_fd);
}

/* Sends and waits for the kernel's verdict. */
static err *talk(int fd, struct request *r, const char *what) {
  char answer[8192] __attribute__((aligned(NLMSG_ALIGNTO)));
  if (send(fd, r, r->header.nlmsg_len, 0) < 0) return err_errno(errno, "%s", what);
  ssize_t got = recv(fd, answer, sizeof answer, 0);
  if (got < 0) return err_errno(errno, "%s: waiting for the kernel", what);
  const struct nlmsghdr *header = (const struct nlmsghdr *)answer;
  if (!NLMSG_OK(header, (uint32_t)got) || header->nlmsg_type != NLMSG_ERROR)
    return err_new(ERR_IO, "%s: an unexpected answer", what);
  const struct nlmsgerr *verdict = NLMSG_DATA(header);
  if (verdict->error) return err_errno(-verdict->error, "%s", what);
  return NULL;
}

static err *open_socket_there(void *ret_fd) {
  return open_socket(ret_fd);
}

static err *open_socket_in(int namespace_fd, int *ret_fd) {
  return netns_run(namespace_fd, open_socket_there, ret_fd);
}

static err *make_pair(int fd, const struct link *l, int namespace_fd) {
  unsigned bridge = if_nametoindex(l->bridge);
  if (!bridge) return err_errno(errno, "the bridge '%s'", l->bridge);
  unsigned char mac[6] = {0x02, 0x74}; /* locally administered */
  memcpy(mac + 2, &l->address, 4);
  /* A bridge takes the lowest address of its ports for its own.  Ours are high, so that an instance
   * that comes or goes never changes the gateway's address under the others. */
  unsigned char host_mac[6] = {0xfe, 0x74};
  memcpy(host_mac + 2, &l->address, 4);
  struct request r;
  struct ifinfomsg *info = request_begin(&r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof *info);
  info->ifi_flags = info->ifi_change = IFF_UP;
  add(&r, IFLA_IFNAME, l->host_name, strlen(l->host_name) + 1);
  add(&r, IFLA_MASTER, &bridge, sizeof bridge);
  add(&r, IFLA_ADDRESS, host_mac, sizeof host_mac);
  struct rtattr *link_info = nest(&r, IFLA_LINKINFO);
  add(&r, IFLA_INFO_KIND, "veth", 4);
  struct rtattr *data = nest(&r, IFLA_INFO_DATA), *peer = nest(&r, VETH_INFO_PEER);
  struct ifinfomsg peer_info = {.ifi_family = AF_UNSPEC};
  memcpy((char *)&r + r.header.nlmsg_len, &peer_info, sizeof peer_info);
  r.header.nlmsg_len += (uint32_t)sizeof peer_info;
  add(&r, IFLA_IFNAME, "eth0", 5);
  add(&r, IFLA_ADDRESS, mac, sizeof mac);
  add(&r, IFLA_NET_NS_FD, &namespace_fd, sizeof namespace_fd);
  end_nest(&r, peer);
  end_nest(&r, data);
  end_nest(&r, link_info);
  return talk(fd, &r, "making a veth pair");
}

static err *set_up(int fd, const char *name, unsigned index) {
  struct request r;
  struct ifinfomsg *info = request_begin(&r, RTM_NEWLINK, 0, sizeof *info);
  info->ifi_index = (int)index;
  info->ifi_flags = info->ifi_change = IFF_UP;
  if (!index) add(&r, IFLA_IFNAME, name, strlen(name) + 1);
  return talk(fd, &r, "bringing a link up");
}

static err *find_index(int fd, const char *name, unsigned *ret_index) {
  struct request r;
  struct ifinfomsg *info = request_begin(&r, RTM_GETLINK, 0, sizeof *info);
  r.header.nlmsg_flags = NLM_F_REQUEST;
  add(&r, IFLA_IFNAME, name, strlen(name) + 1);
  char answer[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
  if (send(fd, &r, r.header.nlmsg_len, 0) < 0) return err_errno(errno, "looking for '%s'", name);
  ssize_t got = recv(fd, answer, sizeof answer, 0);
  const struct nlmsghdr *header = (const struct nlmsghdr *)answer;
  if (got < 0 || !NLMSG_OK(header, (uint32_t)got) || header->nlmsg_type != RTM_NEWLINK)
    return err_new(ERR_IO, "'%s' is not in the network namespace", name);
  *ret_index = (unsigned)((const struct ifinfomsg *)NLMSG_DATA(header))->ifi_index;
  return NULL;
}

/* No duplicate-address detection: the addresses are ours to give, and it would cost a second. */
static err *add_address(int fd, unsigned index, int family, const void *address, size_t size,
                        int prefix) {
  struct request r;
  struct ifaddrmsg *info = request_begin(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof *info);
  info->ifa_family = (uint8_t)family;
  info->ifa_prefixlen = (uint8_t)prefix;
  info->ifa_flags = IFA_F_NODAD | IFA_F_PERMANENT;
  info->ifa_index = index;
  add(&r, IFA_LOCAL, address, size);
  add(&r, IFA_ADDRESS, address, size);
  return talk(fd, &r, family == AF_INET ? "adding the IPv4 address" : "adding the IPv6 address");
}

static err *add_default_route(int fd, unsigned index, int family, const void *gateway,
                              size_t size) {
  struct request r;
  struct rtmsg *info = request_begin(&r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof *info);
  info->rtm_family = (uint8_t)family;
  info->rtm_table = RT_TABLE_MAIN;
  info->rtm_protocol = RTPROT_STATIC;
  info->rtm_scope = RT_SCOPE_UNIVERSE;
  info->rtm_type = RTN_UNICAST;
  add(&r, RTA_GATEWAY, gateway, size);
  add(&r, RTA_OIF, &index, sizeof index);
  return talk(fd, &r, family == AF_INET ? "adding the IPv4 route" : "adding the IPv6 route");
}

static err *configure(int fd, const struct link *l) {
  unsigned index;
  TRY(find_index(fd, "eth0", &index));
  TRY(set_up(fd, "lo", 0));
  TRY(add_address(fd, index, AF_INET, &l->address, sizeof l->address, l->prefix));
  TRY(add_address(fd, index, AF_INET6, &l->address6, sizeof l->address6, l->prefix6));
  TRY(set_up(fd, "eth0", index));
  TRY(add_default_route(fd, index, AF_INET, &l->gateway, sizeof l->gateway));
  return add_default_route(fd, index, AF_INET6, &l->gateway6, sizeof l->gateway6);
}

static err *open_namespace(pid_t pid, int *ret_fd) {
  auto_free char *path = str_format("/proc/%d/ns/net", (int)pid);
  *ret_fd = open(path, O_RDONLY | O_CLOEXEC);
  return *ret_fd < 0 ? err_errno(errno, "opening '%s'", path) : NULL;
}

err *link_only_loopback(pid_t pid) {
  auto_fd namespace_fd = -1, inside = -1;
  TRY(open_namespace(pid, &namespace_fd));
  TRY(open_socket_in(namespace_fd, &inside));
  return set_up(inside, "lo", 0);
}

err *link_connect(const struct link *l) {
  auto_fd namespace_fd = -1, host = -1, inside = -1;
  TRY(open_namespace(l->pid, &namespace_fd));
  TRY(open_socket(&host));
  TRY(open_socket_in(namespace_fd, &inside));
  if (link_exists(l->host_name))
    TRY(link_delete(l->host_name)); /* of a run whose record was lost */
  TRY(make_pair(host, l, namespace_fd));
  err *e = configure(inside, l);
  if (e) err_ignore(link_delete(l->host_name));
  return e;
}

bool link_exists(const char *name) {
  return if_nametoindex(name) != 0;
}

err *link_delete(const char *name) {
  unsigned index = if_nametoindex(name);
  if (!index) return NULL;
  auto_fd fd = -1;
  TRY(open_socket(&fd));
  struct request r;
  struct ifinfomsg *info = request_begin(&r, RTM_DELLINK, 0, sizeof *info);
  info->ifi_index = (int)index;
  err *e = talk(fd, &r, "deleting a link");
  if (e && !link_exists(name)) {
    err_ignore(e);
    return NULL;
  }
  return err_wrap(e, "'%s'", name);
}

/* One change of a link that is there. */
static err *change(const char *name, int attribute, const void *data, size_t size, const char *what) {
  auto_fd fd = -1;
  TRY(open_socket(&fd));
  struct request r;
  struct ifinfomsg *info = request_begin(&r, RTM_NEWLINK, 0, sizeof *info);
  info->ifi_index = (int)if_nametoindex(name);
  if (!info->ifi_index) return err_errno(errno, "the link '%s'", name);
  info->ifi_flags = info->ifi_change = IFF_UP;
  add(&r, attribute, data, size);
  return err_wrap(talk(fd, &r, what), "'%s'", name);
}

err *link_attach(const char *name, const char *bridge) {
  unsigned master = if_nametoindex(bridge);
  if (!master) return err_errno(errno, "the bridge '%s'", bridge);
  return change(name, IFLA_MASTER, &master, sizeof master, "putting a link into its bridge");
}

err *link_set_address(const char *name, const unsigned char address[6]) {
  return change(name, IFLA_ADDRESS, address, 6, "setting a hardware address");
}
