#include "daemon/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

/* A path, or with '@' a name in the abstract namespace, where the '@' stands for a zero byte. */
static socklen_t fill_address(const char *name, struct sockaddr_un *address) {
  size_t len = strlen(name);
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  if (!len || len >= sizeof address->sun_path) return 0;
  memcpy(address->sun_path, name, len);
  if (*name == '@') address->sun_path[0] = '\0';
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

void notify_systemd(const char *state) {
  struct sockaddr_un address;
  const char *name = getenv("NOTIFY_SOCKET");
  if (!name) return;
  socklen_t len = fill_address(name, &address);
  auto_fd fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (!len || fd < 0 || sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, len) < 0)
    log_warn("tramd", "telling systemd '%s': %s", state, len ? strerror(errno) : "NOTIFY_SOCKET is no address");
}
