/* Counting a cutover's requests from the access log's lines. */
#include "edge/access_log.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "tap.h"

enum { BEGAN_US = 5000000 };

static const struct edge_leaver leavers[] = {{"10.0.0.1", 0}, {"10.0.0.2", 6000000}};
static const struct edge_tally_question question = {
    .service = "app", .began_us = BEGAN_US, .leavers = leavers, .leavers_len = 2};

static char *line_of(const char *key, long long end_us, const char *target, int status, const char *stream,
                     int total_ms, const char *end) {
  return str_format("{\"time\":\"%lld\",\"key\":\"%s\",\"status\":%d,\"target\":\"%s\",\"stream\":\"%s\","
                    "\"total_ms\":\"%d\",\"end\":\"%s\"} /a\"b} c",
                    end_us, key, status, target, stream, total_ms, end);
}

static struct edge_tally count(char *line) {
  struct edge_tally tally = {0};
  access_log_count(&question, line, strlen(line), &tally);
  free(line);
  return tally;
}

static struct edge_tally request(int status, const char *end) {
  return count(line_of("app", 9000000, "10.0.0.9", status, "", 7, end));
}

TEST(what_an_app_answers_is_served_whatever_the_status) {
  struct edge_tally t = request(200, "----");
  CHECK_INT(t.served, 1);
  CHECK_INT(t.slowest_ms, 7);
  CHECK_INT(t.app_errors, 0);
  t = request(500, "----");
  CHECK_INT(t.served, 1);
  CHECK_INT(t.app_errors, 1);
  CHECK_INT(request(404, "LR--").served, 1); /* a rule of ours that is no failure */
}

TEST(what_the_edge_refuses_or_an_app_breaks_off_has_failed) {
  CHECK_INT(request(503, "LR--").failed, 1);
  CHECK_INT(request(502, "SH--").failed, 1);
  CHECK_INT(request(200, "SD--").failed, 1);
  CHECK_INT(request(504, "sH--").failed, 1);
  CHECK_INT(request(503, "SC--").failed, 1);
  CHECK_INT(request(200, "SD--").served, 0);
}

TEST(what_the_client_gives_up_is_nobodys_failure) {
  struct edge_tally t = request(200, "CD--");
  CHECK_INT(t.aborted, 1);
  CHECK_INT(t.failed + t.served, 0);
}

TEST(only_the_services_own_routes_count) {
  CHECK_INT(count(line_of("app-8080", 9000000, "", 200, "", 1, "----")).served, 1);
  CHECK_INT(count(line_of("apple", 9000000, "", 200, "", 1, "----")).served, 0);
  CHECK_INT(count(line_of("b", 9000000, "app", 200, "", 1, "----")).served, 0);
  CHECK_INT(count(str_dup("[NOTICE] app started")).served, 0);
  CHECK_INT(count(str_dup("{\"key\":\"app\"")).served, 0);
  CHECK_INT(count(str_dup("")).served, 0);
}

TEST(streams_are_not_requests_and_end_with_their_app) {
  struct edge_tally t = count(line_of("app", 9000000, "10.0.0.9", 101, "1", 90000, "----"));
  CHECK_INT(t.streams, 1);
  CHECK_INT(t.served, 0);
  CHECK_INT(t.slowest_ms, 0);
  t = count(line_of("app", 9000000, "10.0.0.9", 200, "1", 90000, "SD--")); /* an event stream */
  CHECK_INT(t.streams, 1);
  CHECK_INT(t.failed, 0);
}

TEST(what_the_leaving_ones_held_is_drained_or_cut) {
  /* held since before the beginning; its process ended by itself */
  struct edge_tally t = count(line_of("app", 7000000, "10.0.0.1", 101, "1", 3000, "----"));
  CHECK_INT(t.drained, 1);
  CHECK_INT(t.cut, 0);
  /* ended well before its process was killed, and with it */
  CHECK_INT(count(line_of("app", 5500000, "10.0.0.2", 101, "1", 3000, "----")).drained, 1);
  CHECK_INT(count(line_of("app", 6000100, "10.0.0.2", 101, "1", 3000, "----")).cut, 1);
  /* broken off */
  CHECK_INT(count(line_of("app", 7000000, "10.0.0.1", 200, "", 3000, "SD--")).cut, 1);
  /* begun later, or held by another */
  CHECK_INT(count(line_of("app", 7000000, "10.0.0.1", 200, "", 1, "----")).drained, 0);
  CHECK_INT(count(line_of("app", 7000000, "10.0.0.9", 200, "", 3000, "----")).drained, 0);
}

/* ---- the file ---- */

static struct edge_tally answer;
static bool answered;

static void on_tally(void *arg, err *e, const struct edge_tally *tally) {
  CHECK_OK(e);
  (void)arg;
  answer = *tally;
  answered = true;
}

static void tally(const char *path, int64_t from, int64_t to) {
  loop *l = loop_new();
  struct edge_tally_question q = question;
  q.from = from;
  q.to = to;
  answered = false;
  access_log_tally(l, path, &q, on_tally, NULL);
  TAP_WAIT_FOR(answered, 10000, loop_turn(l, 10));
  loop_free(l);
}

static char *write_log(struct str *text, size_t lines) {
  for (size_t i = 0; i < lines; i++) {
    auto_free char *line = line_of("app", 9000000, "10.0.0.9", 200, "", 1, "----");
    str_addf(text, "%s\n", line);
  }
  char *path = str_dup("/tmp/tramway-access-XXXXXX");
  int fd = mkstemp(path);
  CHECK(fd >= 0);
  close(fd);
  CHECK_OK(file_write_fast(path, text->data, text->len, 0600));
  return path;
}

TEST(whole_lines_between_two_positions_are_counted) {
  enum { LINES = 20000 }; /* more than one chunk */
  auto_str text = STR_EMPTY;
  auto_free char *path = write_log(&text, LINES);
  CHECK_INT(access_log_size(path), text.len);
  tally(path, 0, (int64_t)text.len);
  CHECK_INT(answer.served, LINES);
  CHECK(answer.complete);
  size_t line_len = text.len / LINES;
  tally(path, (int64_t)line_len * 5, (int64_t)line_len * 15);
  CHECK_INT(answer.served, 10);
  tally(path, (int64_t)line_len * 5 + 3, (int64_t)line_len * 15 + 3); /* the halves belong to where they began */
  CHECK_INT(answer.served, 10);
  CHECK(answer.complete);
  tally(path, 0, (int64_t)text.len + 100);
  CHECK(!answer.complete);
  CHECK_INT(answer.served, LINES);
  unlink(path);
}

TEST(without_a_log_nothing_is_complete) {
  tally(NULL, 0, 0);
  CHECK(!answer.complete);
  CHECK_INT(access_log_size(NULL), 0);
  CHECK_INT(access_log_size("/nowhere/access.log"), 0);
}

TEST_MAIN
