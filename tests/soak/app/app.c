/* The application under load: an HTTP/1.1 and WebSocket server, a thread per connection, that starts and
 * ends as applications do: it listens after START_MS; after SIGTERM it takes no new connection, finishes
 * the requests it holds, closes WebSockets with 1001 and waits for their answer.
 *
 *   GET  /?id=X             "X <deployment> 0 0"
 *   GET  /?id=X&wait=MS     the headers after MS milliseconds
 *   GET  /?id=X&drip=MS     the headers at once, the body after MS milliseconds
 *   POST /?id=X             "X <deployment> <bytes> <checksum>"; the checksum is a sum of bytes times place
 *   GET  /ws                WebSocket: sends each text back with " <deployment>" behind it
 *
 * It prints "<replica>/<start> N" for N = 1, 2, … every LINE_MS, and "<replica>/<start> end N" as its last line. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sha1.h"

enum { HEAD_MAX = 16384, LINE_MS = 50, START_MS = 150, IDLE_MS = 60000, STACK = 128 * 1024, CLOSE_MS = 3000 };

static atomic_int connections;
static int ending; /* an eventfd: readable for everybody once SIGTERM has come */
static const char *deployment;

struct connection {
  int fd;
  char in[HEAD_MAX]; /* what was read and not used yet */
  size_t in_len;
};

static const char *variable(const char *name, const char *otherwise) {
  const char *value = getenv(name);
  return value ? value : otherwise;
}

static bool is_ending(void) {
  struct pollfd p = {.fd = ending, .events = POLLIN};
  return poll(&p, 1, 0) > 0;
}

static void wait_ms(long ms) {
  struct timespec t = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&t, NULL);
}

/* Waits until the connection is readable; false: at its end, after `ms`, or, when `until_end`, at SIGTERM. */
static bool readable(struct connection *c, int ms, bool until_end) {
  struct pollfd p[2] = {{.fd = c->fd, .events = POLLIN}, {.fd = ending, .events = POLLIN}};
  return poll(p, until_end ? 2 : 1, ms) > 0 && p[0].revents;
}

static bool read_more(struct connection *c) {
  if (c->in_len == sizeof c->in - 1) return false;
  ssize_t got = read(c->fd, c->in + c->in_len, sizeof c->in - 1 - c->in_len);
  if (got <= 0) return false;
  c->in_len += (size_t)got;
  c->in[c->in_len] = '\0';
  return true;
}

static void consume(struct connection *c, size_t len) {
  c->in_len -= len;
  memmove(c->in, c->in + len, c->in_len);
  c->in[c->in_len] = '\0';
}

static bool write_all(struct connection *c, const void *data, size_t len) {
  for (const char *at = data; len;) {
    ssize_t written = send(c->fd, at, len, MSG_NOSIGNAL);
    if (written <= 0) return false;
    at += written;
    len -= (size_t)written;
  }
  return true;
}

/* ---- requests ---- */

struct request {
  char id[64], key[64];
  long wait_ms, drip_ms;
  size_t body_len;
  bool websocket, close;
};

static long number_after(const char *head, const char *name) {
  const char *at = strstr(head, name);
  return at ? atol(at + strlen(name)) : 0;
}

static void copy_until(const char *from, const char *ends, char *to, size_t size) {
  size_t len = strcspn(from, ends);
  snprintf(to, size, "%.*s", (int)(len < size ? len : size - 1), from);
}

static void parse(const char *head, struct request *r) {
  *r = (struct request){.wait_ms = number_after(head, "&wait="), .drip_ms = number_after(head, "&drip=")};
  const char *id = strstr(head, "?id="), *length = strcasestr(head, "\r\ncontent-length:");
  const char *key = strcasestr(head, "\r\nsec-websocket-key:");
  if (id) copy_until(id + 4, " &\r", r->id, sizeof r->id);
  if (length) r->body_len = (size_t)atol(length + 17);
  if (key) copy_until(key + 20 + strspn(key + 20, " "), "\r ", r->key, sizeof r->key);
  r->websocket = key != NULL;
  r->close = strcasestr(head, "\r\nconnection: close") != NULL;
}

static bool take_body(struct connection *c, size_t len, uint32_t *ret_sum) {
  char buffer[65536];
  uint32_t sum = 0;
  for (size_t done = 0; done < len;) {
    size_t here = c->in_len < len - done ? c->in_len : len - done;
    memcpy(buffer, c->in, here);
    consume(c, here);
    if (!here) {
      ssize_t got = read(c->fd, buffer, len - done < sizeof buffer ? len - done : sizeof buffer);
      if (got <= 0) return false;
      here = (size_t)got;
    }
    for (size_t i = 0; i < here; i++) sum += (uint32_t)(unsigned char)buffer[i] * (uint32_t)(done + i + 1);
    done += here;
  }
  *ret_sum = sum;
  return true;
}

static bool answer(struct connection *c, const struct request *r, uint32_t sum) {
  char head[512], body[256];
  int body_len = snprintf(body, sizeof body, "%s %s %zu %u", r->id, deployment, r->body_len, sum);
  wait_ms(r->wait_ms);
  bool last = r->close || is_ending();
  int head_len = snprintf(head, sizeof head,
                          "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n"
                          "X-Deployment: %s\r\n%s\r\n", body_len, deployment, last ? "Connection: close\r\n" : "");
  memcpy(head + head_len, body, r->drip_ms ? 0 : (size_t)body_len);
  if (!write_all(c, head, (size_t)head_len + (r->drip_ms ? 0 : (size_t)body_len))) return false;
  wait_ms(r->drip_ms);
  if (r->drip_ms && !write_all(c, body, (size_t)body_len)) return false;
  return !last;
}

/* ---- WebSocket: RFC 6455; texts of at most 125 bytes ---- */

static bool handshake(struct connection *c, const struct request *r) {
  char text[128], accept[64], head[256];
  unsigned char digest[20];
  snprintf(text, sizeof text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", r->key);
  sha1(text, strlen(text), digest);
  base64(digest, sizeof digest, accept);
  int len = snprintf(head, sizeof head,
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Accept: %s\r\nX-Deployment: %s\r\n\r\n", accept, deployment);
  return write_all(c, head, (size_t)len);
}

static bool send_frame(struct connection *c, unsigned opcode, const void *data, size_t len) {
  unsigned char frame[2 + 125] = {(unsigned char)(0x80 | opcode), (unsigned char)len};
  memcpy(frame + 2, data, len);
  return write_all(c, frame, 2 + len);
}

static bool send_going_away(struct connection *c) {
  return send_frame(c, 8, "\x03\xe9", 2);
}

/* Answers one whole frame if there is one; false: the conversation is over. */
static bool take_frame(struct connection *c, bool *ret_taken) {
  *ret_taken = false;
  size_t len = c->in_len >= 2 ? (unsigned char)c->in[1] & 0x7f : 0;
  if (c->in_len < 2 || c->in_len < 6 + len) return true;
  unsigned opcode = (unsigned char)c->in[0] & 0x0f;
  char text[125 + 1 + 64];
  if (len > 100) return false;
  for (size_t i = 0; i < len; i++) text[i] = (char)(c->in[6 + i] ^ c->in[2 + i % 4]);
  consume(c, 6 + len);
  *ret_taken = true;
  if (opcode == 9) return send_frame(c, 10, text, len);
  if (opcode != 1) return false; /* also the answer to our close */
  int whole = snprintf(text + len, sizeof text - len, " %.8s", deployment);
  return send_frame(c, 1, text, len + (size_t)whole);
}

static void converse(struct connection *c) {
  bool taken, closing = false;
  for (;;) {
    do
      if (!take_frame(c, &taken)) return;
    while (taken);
    if (!closing && is_ending()) {
      closing = true;
      if (!send_going_away(c)) return;
    }
    if (!readable(c, closing ? CLOSE_MS : -1, !closing)) {
      if (closing) return;
    } else if (!read_more(c)) {
      return;
    }
  }
}

/* ---- connections ---- */

/* One request; false: the connection is to be closed. */
static bool serve(struct connection *c) {
  struct request r;
  char *end;
  uint32_t sum;
  while (!(end = strstr(c->in, "\r\n\r\n"))) {
    if (!readable(c, IDLE_MS, c->in_len == 0) || !read_more(c)) return false;
  }
  end[2] = '\0';
  parse(c->in, &r);
  consume(c, (size_t)(end - c->in) + 4);
  if (r.websocket) {
    if (handshake(c, &r)) converse(c);
    return false;
  }
  return take_body(c, r.body_len, &sum) && answer(c, &r, sum);
}

static void *run(void *arg) {
  struct connection *c = arg;
  while (serve(c)) {}
  shutdown(c->fd, SHUT_WR);
  close(c->fd);
  free(c);
  connections--;
  return NULL;
}

static void accept_one(int listener, const pthread_attr_t *small) {
  int fd = accept(listener, NULL, NULL), on = 1;
  if (fd < 0) return;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct connection *c = calloc(1, sizeof *c);
  pthread_t thread;
  connections++;
  if (c) c->fd = fd;
  if (c && pthread_create(&thread, small, run, c) == 0) {
    pthread_detach(thread);
    return;
  }
  connections--;
  free(c);
  close(fd);
}

static int listen_on(const char *port) {
  struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons((unsigned short)atoi(port))};
  int fd = socket(AF_INET6, SOCK_STREAM, 0), on = 1, off = 0;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 1024) < 0) return -1;
  return fd;
}

/* ---- the numbered lines ---- */

static void *talk(void *arg) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  char name[128];
  snprintf(name, sizeof name, "%s/%lld%06ld", variable("RAILWAY_REPLICA_ID", "?"), (long long)now.tv_sec,
           now.tv_nsec / 1000);
  unsigned long count = 0;
  struct pollfd p = {.fd = *(int *)arg, .events = POLLIN};
  while (poll(&p, 1, LINE_MS) == 0) printf("%s %lu\n", name, ++count);
  printf("%s end %lu\n", name, count);
  return NULL;
}

static void on_term(int number) {
  (void)number;
  uint64_t one = 1;
  int saved = errno;
  if (write(ending, &one, sizeof one) < 0) _exit(2);
  errno = saved;
}

int main(void) {
  ending = eventfd(0, EFD_CLOEXEC);
  int quiet = eventfd(0, EFD_CLOEXEC);
  struct sigaction act = {.sa_handler = on_term};
  sigaction(SIGTERM, &act, NULL);
  setvbuf(stdout, NULL, _IOLBF, 0);
  deployment = variable("RAILWAY_DEPLOYMENT_ID", "none");
  wait_ms(START_MS);
  int listener = listen_on(variable("PORT", "8080"));
  if (listener < 0) return 1;
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, STACK);
  pthread_t talker;
  if (pthread_create(&talker, NULL, talk, &quiet) != 0) return 1;
  for (;;) {
    struct pollfd p[2] = {{.fd = listener, .events = POLLIN}, {.fd = ending, .events = POLLIN}};
    if (poll(p, 2, -1) < 0) continue;
    if (p[0].revents) accept_one(listener, &small); /* also those that came before the signal */
    else if (p[1].revents) break;
  }
  close(listener);
  while (connections > 0) wait_ms(5);
  uint64_t one = 1;
  if (write(quiet, &one, sizeof one) < 0) return 1;
  pthread_join(talker, NULL);
  return 0;
}
