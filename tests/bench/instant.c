/* An app that listens as soon as it runs: answers every request with its deployment's id. */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_term(int number) {
  (void)number;
  _exit(0);
}

int main(void) {
  const char *port = getenv("PORT"), *id = getenv("RAILWAY_DEPLOYMENT_ID");
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port ? port : "8080"))};
  char answer[512], request[4096];
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  signal(SIGTERM, on_term);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 128) < 0) return 1;
  int len = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                     strlen(id ? id : ""), id ? id : "");
  for (;;) {
    int client = accept(fd, NULL, NULL);
    if (client < 0) continue;
    if (read(client, request, sizeof request) > 0 && write(client, answer, (size_t)len) < 0) return 1;
    close(client);
  }
}
