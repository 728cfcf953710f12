/* What the client makes of a server's answers: from text, and over a real socket to a server that
 * answers whatever the test says. */
#include "cli/client.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/exec.h"
#include "cli/upload.h"
#include "tap.h"

static struct client make_client(const char *server, enum token_kind kind) {
  struct client c;
  CHECK_OK(client_init(&c, "tram", server, kind, kind == TOKEN_NONE ? NULL : "t0ken"));
  return c;
}

static err *read_answer(const struct client *c, int status, const char *body) {
  json_t *data = NULL;
  err *e = client_read_answer(c, status, body, strlen(body), &data);
  json_decref(data);
  return e;
}

TEST(answers_become_data_or_errors) {
  static const struct {
    int status;
    const char *body;
    enum err_code code;
    const char *part;
  } rows[] = {
      {200, "{\"data\":{\"a\":1}}", 0, ""},
      {200,
       "{\"errors\":[{\"message\":\"no such project\",\"extensions\":{\"code\":\"NOT_FOUND\"}}]}",
       ERR_NOT_FOUND, "no such project"},
      {200,
       "{\"data\":null,\"errors\":[{\"message\":\"later\",\"extensions\":{\"code\":\"BUSY\"}}]}",
       ERR_BUSY, "later"},
      {200, "{\"errors\":[{\"message\":\"odd\",\"extensions\":{\"code\":\"NEW\"}}]}", ERR_IO,
       "odd"},
      {200, "{\"errors\":[{\"message\":\"Not Authorized\"}]}", ERR_DENIED,
       "Unauthorized. Please login with `tram login`"},
      {200, "{\"errors\":[{\"message\":\"Project Token not found\"}]}", ERR_DENIED, "Unauthorized"},
      {200, "{\"errors\":[{\"message\":\"Not Authorized: sign in with `tram login`\"}]}",
       ERR_DENIED, "Unauthorized"},
      {200,
       "{\"errors\":[{\"message\":\"Not Authorized: this needs the role X\",\"extensions\":"
       "{\"code\":\"DENIED\"}}]}",
       ERR_DENIED, "this needs the role X"},
      {200,
       "{\"errors\":[{\"message\":\"viewers may not "
       "deploy\",\"extensions\":{\"code\":\"DENIED\"}}]}",
       ERR_DENIED, "viewers may not deploy"},
      {401, "{\"message\":\"who are you\"}", ERR_DENIED, "Unauthorized"},
      {401, "<html>", ERR_DENIED, "Unauthorized"},
      {413, "{\"message\":\"over 500 MB\"}", ERR_LIMIT, "over 500 MB"},
      {400, "{\"message\":\"bad tar\"}", ERR_INVALID, "bad tar"},
      {502, "<html>\nbad gateway", ERR_IO, "answered 502: \"<html>\""},
      {200, "hello", ERR_CORRUPT, "is it a Tramway server?"},
      {200, "{}", ERR_CORRUPT, "is it a Tramway server?"},
      {200, "[]", ERR_CORRUPT, "is it a Tramway server?"},
  };
  struct client c = make_client("http://127.0.0.1:1/", TOKEN_NONE);
  CHECK_TEXT(c.server, "http://127.0.0.1:1");
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    if (rows[i].code)
      CHECK_ERR(read_answer(&c, rows[i].status, rows[i].body), rows[i].code, rows[i].part);
    else
      CHECK_OK(read_answer(&c, rows[i].status, rows[i].body));
  }
  client_done(&c);
}

TEST(a_refused_project_token_is_named) {
  struct client c = make_client("http://127.0.0.1:1", TOKEN_PROJECT);
  CHECK_ERR(read_answer(&c, 401, "{}"), ERR_DENIED, "the token in RAILWAY_TOKEN was refused");
  client_done(&c);
}

TEST(a_server_must_be_a_url) {
  struct client c;
  CHECK_ERR(client_init(&c, "tram", "tramway.example.org", TOKEN_NONE, NULL), ERR_INVALID,
            "is not a URL");
}

TEST(texts_are_escaped_for_urls) {
  auto_free char *text = client_escape("a b&c=\xc3\xbc/1-2_3.4~");
  CHECK_TEXT(text, "a%20b%26c%3D%C3%BC%2F1-2_3.4~");
}

TEST(the_end_of_a_command_is_read) {
  int status = -1;
  CHECK_OK(exec_read_end("{\"exit\":137}", 12, &status));
  CHECK_INT(status, 137);
  CHECK_ERR(exec_read_end("{\"error\":\"no instance\"}", 23, &status), ERR_IO, "no instance");
  CHECK_ERR(exec_read_end("{\"exit\":256}", 12, &status), ERR_CORRUPT, "no exit status");
  CHECK_ERR(exec_read_end("{}", 2, &status), ERR_CORRUPT, "no exit status");
  CHECK_ERR(exec_read_end("x", 1, &status), ERR_INVALID, "the server's message");
}

/* A server for one request: keeps what it was sent, answers `answer`, closes. */
struct fake {
  int listener;
  const char *answer;
  char request[8192];
  pthread_t thread;
  char url[64];
};

static void *serve(void *arg) {
  struct fake *fake = arg;
  auto_fd peer = accept(fake->listener, NULL, NULL);
  size_t len = 0;
  while (peer >= 0 && len + 1 < sizeof fake->request) {
    ssize_t got = recv(peer, fake->request + len, sizeof fake->request - 1 - len, 0);
    if (got <= 0) break;
    len += (size_t)got;
    if (strstr(fake->request, "\"variables\":{}}")) break;
  }
  if (peer >= 0) (void)!send(peer, fake->answer, strlen(fake->answer), MSG_NOSIGNAL);
  return NULL;
}

static void fake_start(struct fake *fake, const char *answer) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  *fake = (struct fake){.answer = answer};
  fake->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(bind(fake->listener, (struct sockaddr *)&address, size) == 0);
  CHECK(listen(fake->listener, 1) == 0);
  struct timeval deadline = {.tv_sec = 5};
  setsockopt(fake->listener, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
  CHECK(getsockname(fake->listener, (struct sockaddr *)&address, &size) == 0);
  snprintf(fake->url, sizeof fake->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
  CHECK(pthread_create(&fake->thread, NULL, serve, fake) == 0);
}

static void fake_end(struct fake *fake) {
  pthread_join(fake->thread, NULL);
  close(fake->listener);
}

TEST(a_request_carries_token_and_query) {
  struct fake fake;
  auto_json *data = NULL;
  fake_start(&fake, "HTTP/1.1 200 OK\r\nContent-Length: 21\r\nConnection: close\r\n\r\n"
                    "{\"data\":{\"ok\":\"yes\"}}");
  struct client c = make_client(fake.url, TOKEN_BEARER);
  CHECK_OK(client_graphql(&c, "{ ok }", NULL, &data));
  fake_end(&fake);
  client_done(&c);
  CHECK_TEXT(json_get_text(data, "ok"), "yes");
  CHECK_HAS(fake.request, "POST /graphql/v2 HTTP/1.1");
  CHECK_HAS(fake.request, "Authorization: Bearer t0ken");
  CHECK_HAS(fake.request, "Content-Type: application/json");
  CHECK_HAS(fake.request, "\"query\":\"{ ok }\"");
}

TEST(a_project_token_has_its_own_header) {
  struct fake fake;
  auto_json *data = NULL;
  fake_start(&fake,
             "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
  struct client c = make_client(fake.url, TOKEN_PROJECT);
  CHECK_ERR(client_graphql(&c, "{ ok }", NULL, &data), ERR_DENIED, "Unauthorized. Please login");
  fake_end(&fake);
  client_done(&c);
  CHECK_HAS(fake.request, "Project-Access-Token: t0ken");
  CHECK(!strstr(fake.request, "Authorization"));
}

TEST(a_server_that_is_not_there_is_explained) {
  struct fake fake;
  auto_json *data = NULL;
  fake_start(&fake, ""); /* for a port that is certainly closed a moment later */
  struct client first = make_client(fake.url, TOKEN_NONE);
  err_ignore(client_graphql(&first, "{ ok }", NULL, &data));
  client_done(&first);
  fake_end(&fake);
  struct client c = make_client(fake.url, TOKEN_NONE);
  CHECK_ERR(client_graphql(&c, "{ ok }", NULL, &data), ERR_BUSY, "is Tramway running at http://");
  client_done(&c);
}

TEST(uploads_are_placed_as_railway_places_them) {
  char folder[] = "/tmp/tram-upload-test-XXXXXX";
  CHECK(mkdtemp(folder) != NULL);
  auto_free char *deep = path_join(folder, "backend/src"), *backend = path_join(folder, "backend");
  auto_free char *file = path_join(folder, "file");
  CHECK_OK(file_make_dirs(deep, 0700));
  CHECK_OK(file_write_fast(file, "x", 1, 0600));
  const struct {
    const char *linked, *path;
    bool as_root;
    const char *root, *part;
  } rows[] = {
      {folder, NULL, false, folder, NULL},          {folder, backend, false, folder, "backend"},
      {folder, deep, false, folder, "backend/src"}, {folder, backend, true, backend, NULL},
      {folder, folder, false, folder, NULL},        {backend, folder, false, folder, NULL},
      {NULL, backend, false, backend, NULL},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct upload u = {0};
    CHECK_OK(upload_place(rows[i].linked, rows[i].path, rows[i].as_root, &u));
    CHECK_TEXT(u.root, rows[i].root);
    CHECK_TEXT(u.folder, rows[i].part);
    upload_done(&u);
  }
  struct upload u = {0};
  CHECK_ERR(upload_place(NULL, "/nowhere/at/all", false, &u), ERR_NOT_FOUND, "/nowhere/at/all");
  CHECK_ERR(upload_place(NULL, file, false, &u), ERR_INVALID, "is not a folder");
  CHECK_OK(file_remove_tree(folder));
}

TEST_MAIN
