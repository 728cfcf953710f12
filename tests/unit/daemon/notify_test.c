/* What systemd is told. */
#include "daemon/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tap.h"

static void check_heard(const char *name, const char *path, size_t path_len) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char heard[64] = "";
  memcpy(address.sun_path, path, path_len);
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  CHECK(bind(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_len)) == 0);
  setenv("NOTIFY_SOCKET", name, 1);
  notify_systemd("READY=1");
  CHECK(recv(fd, heard, sizeof heard - 1, MSG_DONTWAIT) == 7);
  CHECK_TEXT(heard, "READY=1");
  close(fd);
}

TEST(a_socket_with_a_path) {
  char path[64];
  snprintf(path, sizeof path, "/tmp/tramway-notify-test-%d", (int)getpid());
  check_heard(path, path, strlen(path));
  unlink(path);
}

TEST(a_socket_with_an_abstract_name) {
  char name[64], raw[64];
  snprintf(name, sizeof name, "@tramway-notify-test-%d", (int)getpid());
  memcpy(raw, name, sizeof raw);
  raw[0] = '\0';
  check_heard(name, raw, strlen(name));
}

TEST(nobody_listens_and_nothing_happens) {
  setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
  notify_systemd("READY=1");
  setenv("NOTIFY_SOCKET", "", 1);
  notify_systemd("READY=1");
  unsetenv("NOTIFY_SOCKET");
  notify_systemd("READY=1");
}

TEST_MAIN
