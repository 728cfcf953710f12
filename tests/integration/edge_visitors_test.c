/* What a visitor and a target see of the edge: pages of an application that is not there, headers,
 * the access log.  With a real HAProxy. */
#include "edge/edge.h"

#include "base/json.h"
#include "edge_fixture.h"

static void check_json_error(const char *host, int status, const char *message) {
  auto_free char *answer = get(host, "Accept: application/json\r\n");
  auto_free char *first = str_format("HTTP/1.1 %d ", status);
  CHECK(str_starts(answer, first));
  CHECK_HAS(answer, "content-type: application/json\r\n");
  CHECK(!strcasestr(answer, "x-tramway-error"));
  auto_json *body = NULL;
  const char *text = body_of(answer);
  CHECK_OK(json_parse(text, strlen(text), "body", &body));
  CHECK_TEXT(json_get_text(body, "status"), "error");
  CHECK_INT(json_get_int(body, "code", 0), status);
  CHECK_TEXT(json_get_text(body, "message"), message);
  CHECK(strlen(json_get_text(body, "request_id")) > 36); /* the connection's, and the number of the request */
}

static void check_html_error(const char *host, int status, const char *message) {
  auto_free char *answer = get(host, "Accept: text/html,application/json\r\n");
  auto_free char *first = str_format("HTTP/1.1 %d ", status);
  CHECK(str_starts(answer, first));
  CHECK_HAS(answer, "content-type: text/html\r\n");
  CHECK_HAS(body_of(answer), message);
  CHECK_HAS(body_of(answer), "</html>");
}

EDGE_TEST(visitors_read_why_there_is_no_application) {
  start_edge();
  check_json_error("nobody.test", 404, "Application not found");
  static const struct {
    enum edge_route_state state;
    int status;
    const char *message;
  } cases[] = {{EDGE_ROUTE_STARTING, 503, "Application is starting"},
               {EDGE_ROUTE_SLEEPING, 503, "Application is sleeping"},
               {EDGE_ROUTE_NONE, 503, "Application has no deployment"},
               {EDGE_ROUTE_ACTIVE, 502, "Application failed to respond"}};
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    route_to(NULL, cases[i].state);
    check_json_error("app.test", cases[i].status, cases[i].message);
    check_html_error("app.test", cases[i].status, cases[i].message);
  }
  struct server dead = {.port = free_port()};
  route_to(&dead, EDGE_ROUTE_ACTIVE);
  check_json_error("app.test", 502, "Application failed to respond");
  set_routes(NULL, 0);
  check_json_error("app.test", 404, "Application not found");
}

EDGE_TEST(headers_are_the_edges_own) {
  start_edge();
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  auto_free char *answer = get("app.test", "X-Real-IP: 6.6.6.6\r\nX-Forwarded-For: 6.6.6.6\r\n"
                                           "X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n"
                                           "X-Railway-Request-Id: evil\r\nX-Railway-Edge: evil\r\n"
                                           "X-Request-Start: evil\r\nForwarded: for=6.6.6.6\r\n");
  CHECK_HAS(answer, "x-real-ip: 127.0.0.1\r\n");
  CHECK_HAS(answer, "x-forwarded-for: 127.0.0.1\r\n");
  CHECK_HAS(answer, "x-forwarded-proto: http\r\n");
  CHECK_HAS(answer, "x-forwarded-host: app.test\r\n");
  CHECK_HAS(answer, "x-railway-edge: tramway/local\r\n");
  CHECK_HAS(answer, "x-request-start: 1");
  CHECK(!strstr(answer, "evil") && !strstr(answer, "6.6.6.6"));
  CHECK(str_starts(answer, "HTTP/1.1 200"));
}

EDGE_TEST(headers_of_32_kib_pass) {
  start_edge();
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  auto_str headers = STR_EMPTY;
  str_add(&headers, "X-Large: ");
  for (int i = 0; i < 32000; i++)
    str_add_char(&headers, 'x');
  str_add(&headers, "\r\n");
  auto_free char *answer = get("nobody.test", str_text(&headers));
  CHECK(str_starts(answer, "HTTP/1.1 404"));
  for (int i = 0; i < 4000; i++)
    str_add(&headers, "Y: y\r\n");
  auto_free char *refused = get("nobody.test", str_text(&headers));
  CHECK(!str_starts(refused, "HTTP/1.1 404"));
}

static bool read_log(struct str *log) {
  str_clear(log);
  auto_err *e = file_read(t.access_log, 1 << 20, log);
  return !e;
}

EDGE_TEST(the_access_log_has_no_query_string) {
  start_edge();
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  CHECK(serves("app.test", "a"));
  auto_str log = STR_EMPTY;
  WAIT(read_log(&log) && strstr(str_text(&log), "GET"));
  CHECK_HAS(str_text(&log), "\"key\":\"k\",\"host\":\"app.test\",\"method\":\"GET\"");
  CHECK(!strstr(str_text(&log), "secret"));
}

static bool logs(bool all) {
  edge_log_requests(t.edge, all);
  WAIT(t.edge->logs_some == !all);
  auto_str log = STR_EMPTY;
  CHECK(serves("app.test", "a"));
  auto_free char *unknown = get("nobody.test", "");
  CHECK(str_starts(unknown, "HTTP/1.1 404"));
  int64_t before = edge_log_position(t.edge);
  CHECK(serves("app.test", "a"));
  auto_free char *last = get("nobody.test", ""); /* always logged: what stands before it is there */
  CHECK(str_starts(last, "HTTP/1.1 404"));
  WAIT(read_log(&log) && strstr(str_text(&log) + before, "nobody.test"));
  return strstr(str_text(&log) + before, "app.test");
}

EDGE_TEST(small_successes_are_logged_only_when_asked_for) {
  start_edge();
  route_to(&t.a, EDGE_ROUTE_ACTIVE);
  CHECK(logs(true));
  CHECK(!logs(false));
  struct outcome *outcome = outcome_new();
  edge_reload(t.edge, on_done, outcome);
  WAIT(outcome->called);
  WAIT(!t.edge->must_sync && t.edge->logs_some); /* a new process is told again */
  CHECK(!logs(false));
  CHECK(logs(true));
}

TEST_MAIN
