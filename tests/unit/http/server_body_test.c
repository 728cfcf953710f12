/* Bodies: collected, refused, and written to files. */
#include <sys/stat.h>

#include "base/file.h"
#include "server_fixture.h"

/* --- bodies ----------------------------------------------------------------------------------- */

/* A POST of `len` bytes to /echo, then a GET; returns both answers. */
static void post(int len, bool chunked, struct str *ret_answers) {
  auto_str request = STR_EMPTY;
  if (chunked)
    str_addf(&request, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n%x\r\n",
             len);
  else
    str_addf(&request, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n", len);
  for (int i = 0; i < len; i++)
    str_add_char(&request, 'b');
  if (chunked) str_add(&request, "\r\n0\r\n\r\n");
  str_add(&request, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
  int fd = raw_connect(port);
  raw_send(fd, request.data);
  raw_expect(fd, ret_answers, "hello", 1);
  close(fd);
}

TEST(bodies_up_to_the_limit) {
  static const int sizes[] = {1, BODY_LIMIT - 1, BODY_LIMIT, BODY_LIMIT + 1, 500000};
  start();
  for (int i = 0; i < 2 * (int)ARRAY_LEN(sizes); i++) {
    int size = sizes[i / 2];
    auto_str answers = STR_EMPTY;
    post(size, i % 2, &answers); /* the connection stays good after a refusal, too */
    CHECK_HAS(answers.data, size <= BODY_LIMIT ? "HTTP/1.1 200" : "HTTP/1.1 413");
    CHECK_INT(strstr(answers.data, "bbb") != NULL, size >= 3 && size <= BODY_LIMIT);
  }
  stop();
}

TEST(a_body_for_nobody) {
  start();
  auto_free char *answer =
      raw_ask(port, "GET /hello HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", "accepted here");
  CHECK_HAS(answer, "HTTP/1.1 413");
  stop();
}

TEST(a_huge_body_is_refused_at_once) {
  start();
  auto_str answer = STR_EMPTY;
  int fd = raw_connect(port);
  raw_send(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 9000000000000\r\n\r\n");
  raw_expect(fd, &answer, "accepted here", 1);
  raw_expect_end(fd, &answer);
  CHECK_HAS(answer.data, "HTTP/1.1 413");
  close(fd);
  stop();
}

TEST(an_endless_refused_body_is_cut_off) {
  start();
  int fd = raw_connect(port);
  static char chunk[65536 + 9];
  memset(chunk, 'b', sizeof chunk);
  memcpy(chunk, "10000\r\n", 7);
  memcpy(chunk + sizeof chunk - 2, "\r\n", 2);
  raw_send(fd, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
  int sent = 0;
  struct pollfd ready = {.fd = fd, .events = POLLIN};
  for (; sent < 4096 && !(poll(&ready, 1, 0) > 0); sent++)
    raw_send_bytes(fd, chunk, sizeof chunk);
  CHECK(sent < 1024); /* of 64 KiB each: far below what was offered */
  CHECK_INT(seen.handled, 0);
  close(fd);
  stop();
}

TEST(expecting_clients_are_told_before_they_send) {
  start();
  auto_str yes = STR_EMPTY, no = STR_EMPTY;
  int fd = raw_connect(port);
  raw_send(fd, "POST /echo HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  raw_expect(fd, &yes, "HTTP/1.1 100", 1);
  raw_send(fd, "abc");
  raw_expect(fd, &yes, "abc", 1);
  close(fd);
  fd = raw_connect(port);
  raw_send(fd,
           "POST /echo HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 2000\r\n\r\n");
  raw_expect_end(fd, &no);
  CHECK_HAS(no.data, "HTTP/1.1 413");
  CHECK(!strstr(no.data, "100 Continue"));
  close(fd);
  stop();
}

TEST(a_body_byte_by_byte) {
  start();
  auto_str answer = STR_EMPTY;
  const char *request = "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                        "3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n";
  int fd = raw_connect(port);
  for (const char *p = request; *p; p++) {
    raw_send_bytes(fd, p, 1);
    raw_turn();
  }
  raw_expect(fd, &answer, "\r\n\r\nabcde", 1);
  close(fd);
  stop();
}

TEST(malformed_chunks) {
  start();
  auto_free char *answer = raw_ask(
      port, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "\r\n\r\n");
  CHECK_HAS(answer, "HTTP/1.1 400");
  CHECK_INT(seen.handled, 0);
  stop();
}

TEST(uploads_go_to_a_file) {
  start();
  auto_str answer = STR_EMPTY, content = STR_EMPTY;
  static char data[300000];
  for (size_t i = 0; i < sizeof data; i++)
    data[i] = (char)('a' + i % 26);
  int fd = raw_connect(port);
  raw_send(fd, "POST /upload HTTP/1.1\r\n" HOST "Content-Length: 300000\r\n\r\n");
  raw_send_bytes(fd, data, sizeof data);
  raw_expect(fd, &answer, "300000 bytes", 1);
  CHECK_HAS(answer.data, "HTTP/1.1 201");
  CHECK_OK(file_read(upload_path, 1 << 20, &content));
  CHECK(content.len == sizeof data && memcmp(content.data, data, sizeof data) == 0);
  CHECK_INT(seen.aborted, 0);
  struct stat file;
  CHECK(stat(upload_path, &file) == 0);
  CHECK_INT(file.st_mode & 0777, 0600);
  close(fd);
  /* A file that is there is not written over. */
  auto_free char *conflict =
      raw_ask(port, "POST /upload HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx", "exists");
  CHECK_HAS(conflict, "HTTP/1.1 409");
  CHECK(file_exists(upload_path));
  /* And sent back. */
  answer.len = 0;
  fd = raw_connect(port);
  raw_send(fd, "GET /file HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
  raw_expect_end(fd, &answer);
  CHECK_HAS(answer.data, "Content-Length: 300000\r\n");
  CHECK(memcmp(answer.data + answer.len - sizeof data, data, sizeof data) == 0);
  close(fd);
  stop();
}

TEST(an_empty_upload) {
  start();
  auto_free char *answer =
      raw_ask(port, "POST /upload HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", "0 bytes");
  CHECK_HAS(answer, "HTTP/1.1 201");
  CHECK(file_exists(upload_path));
  stop();
}

TEST(an_aborted_upload_is_removed) {
  start();
  int fd = raw_connect(port);
  raw_send(fd, "POST /upload HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\nsome of it");
  WAIT_FOR(file_exists(upload_path));
  CHECK_INT(seen.aborted, 0);
  close(fd);
  WAIT_FOR(seen.aborted == 1);
  CHECK(!file_exists(upload_path));
  CHECK_INT(seen.handled, 0);
  stop();
}

TEST(an_upload_beyond_the_limit_is_removed) {
  start();
  seen.upload_limit = 10;
  auto_free char *declared = raw_ask(
      port, "POST /upload HTTP/1.1\r\n" HOST "Content-Length: 11\r\n\r\n01234567890", "accepted");
  CHECK_HAS(declared, "HTTP/1.1 413");
  CHECK(!file_exists(upload_path));
  auto_free char *chunked =
      raw_ask(port,
              "POST /upload HTTP/1.1\r\n" HOST
              "Transfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n",
              "accepted");
  CHECK_HAS(chunked, "HTTP/1.1 413");
  CHECK(!file_exists(upload_path));
  CHECK_INT(seen.handled, 0);
  CHECK_INT(seen.aborted, 0); /* it was answered, by the server */
  stop();
}

TEST(stopping_aborts_uploads) {
  start();
  int fd = raw_connect(port);
  raw_send(fd, "POST /upload HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\nsome of it");
  WAIT_FOR(file_exists(upload_path));
  http_server_stop(server);
  CHECK_INT(seen.aborted, 1);
  CHECK(!file_exists(upload_path));
  close(fd);
  loop_free(raw_loop);
}

TEST_MAIN
