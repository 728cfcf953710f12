#include "engine/local/socket_diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/local/netlink.h"
#include "engine/local/netns.h"

static bool is_loopback(const struct inet_diag_sockid *id, bool ipv6) {
  struct in6_addr address;
  memcpy(&address, id->idiag_src, sizeof address);
  if (!ipv6) return address.s6_addr[0] == 127;
  return IN6_IS_ADDR_LOOPBACK(&address) ||
         (IN6_IS_ADDR_V4MAPPED(&address) && address.s6_addr[12] == 127);
}

static void add_socket(const struct inet_diag_msg *found, struct listening_socket *sockets,
                       size_t *len) {
  if (*len == SOCKETS_MAX) return;
  bool ipv6 = found->idiag_family == AF_INET6;
  sockets[(*len)++] =
      (struct listening_socket){.socket = {.port = ntohs(found->id.idiag_sport),
                                           .loopback_only = is_loopback(&found->id, ipv6),
                                           .ipv6 = ipv6},
                                .inode = found->idiag_inode};
}

static err *ask(int fd, int family) {
  struct {
    struct nlmsghdr header;
    struct inet_diag_req_v2 question;
  } r = {
      .header = {.nlmsg_len = sizeof r,
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
      .question = {.sdiag_family = (uint8_t)family,
                   .sdiag_protocol = IPPROTO_TCP,
                   .idiag_states = 1u << TCP_LISTEN},
  };
  return send(fd, &r, sizeof r, 0) < 0 ? err_errno(errno, "asking for sockets") : NULL;
}

/* One part of the answer. */
static err *take(const char *answer, size_t got, struct listening_socket *sockets, size_t *len,
                 bool *ret_last) {
  const struct nlmsghdr *m = (const struct nlmsghdr *)answer;
  for (size_t left = got; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
    if (m->nlmsg_type == NLMSG_ERROR)
      return err_errno(-((const struct nlmsgerr *)NLMSG_DATA(m))->error, "asking for sockets");
    *ret_last = m->nlmsg_type == NLMSG_DONE;
    if (m->nlmsg_type == SOCK_DIAG_BY_FAMILY && m->nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
      add_socket(NLMSG_DATA(m), sockets, len);
  }
  return NULL;
}

static err *dump(int fd, int family, struct listening_socket *sockets, size_t *len) {
  char answer[32768] __attribute__((aligned(NLMSG_ALIGNTO)));
  TRY(ask(fd, family));
  for (bool last = false; !last;) {
    ssize_t got = recv(fd, answer, sizeof answer, 0);
    if (got <= 0) return err_errno(got ? errno : EIO, "asking for sockets: waiting for the kernel");
    TRY(take(answer, (size_t)got, sockets, len, &last));
  }
  return NULL;
}

static err *open_there(void *ret_fd) {
  return netlink_open(NETLINK_SOCK_DIAG, ret_fd);
}

err *socket_diag_listening(pid_t pid, struct listening_socket *sockets, size_t *len) {
  auto_free char *path = str_format("/proc/%d/ns/net", (int)pid);
  auto_fd namespace_fd = open(path, O_RDONLY | O_CLOEXEC);
  if (namespace_fd < 0) return err_errno(errno, "opening '%s'", path);
  auto_fd fd = -1;
  TRY(netns_run(namespace_fd, open_there, &fd));
  size_t found = *len;
  TRY(dump(fd, AF_INET, sockets, &found));
  TRY(dump(fd, AF_INET6, sockets, &found));
  *len = found;
  return NULL;
}
