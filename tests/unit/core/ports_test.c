#include "core/ports.h"

#include "base/mem.h"
#include "tap.h"

#define OUT(number) {.port = (number)}
#define LOOP(number) {.port = (number), .loopback_only = true}
#define MOST 4

static const struct {
  const char *name;
  int target, port;
  const char *exposed;
  struct instance_socket sockets[MOST];
  int expected;
  const char *text; /* part of the note or the problem */
} rows[] = {
    {"PORT is listened on", 0, 8080, NULL, {OUT(8080)}, 8080, ""},
    {"PORT wins over others", 0, 8080, "9000/tcp", {OUT(9000), OUT(8080)}, 8080, ""},
    {"one other listener", 0, 8080, NULL, {OUT(5000)}, 5000, "listens on port 5000"},
    {"the same port twice (v4 and v6)", 0, 8080, NULL, {OUT(5000), OUT(5000)}, 5000, "5000"},
    {"several: EXPOSE decides", 0, 8080, "9000/tcp", {OUT(9000), OUT(9001)}, 9000, "EXPOSEs 9000"},
    {"several, none exposed", 0, 8080, NULL, {OUT(9000), OUT(9001)}, 0, "9000, 9001"},
    {"several, both exposed", 0, 8080, "9000 9001", {OUT(9000), OUT(9001)}, 0, "target port"},
    {"udp does not count", 0, 8080, "9000/udp", {OUT(9000), OUT(9001)}, 0, "9000, 9001"},
    {"target port", 3000, 8080, NULL, {OUT(8080), OUT(3000)}, 3000, ""},
    {"target port silent", 3000, 8080, NULL, {OUT(8080)}, 0, "target port 3000; the app listens on 8080"},
    {"loopback only", 0, 8080, NULL, {LOOP(5000)}, 0, "127.0.0.1:5000, which only the instance itself"},
    {"PORT on loopback only", 0, 8080, NULL, {LOOP(8080)}, 0, "listen on 0.0.0.0"},
    {"nothing at all", 0, 8080, NULL, {{0}}, 0, "on no other port"},
};

TEST(every_row_chooses_as_documented) {
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_strv exposed = STRV_EMPTY;
    if (rows[i].exposed) strv_split(&exposed, rows[i].exposed, ' ');
    size_t len = 0;
    while (len < MOST && rows[i].sockets[len].port) len++;
    struct port_question question = {.target_port = rows[i].target, .port = rows[i].port,
                                     .exposed = &exposed, .sockets = rows[i].sockets, .sockets_len = len};
    struct port_answer answer;
    port_choose(&question, &answer);
    printf("# %s\n", rows[i].name);
    CHECK_INT(answer.port, rows[i].expected);
    CHECK_HAS(str_text(answer.port ? &answer.note : &answer.problem), rows[i].text);
    port_answer_done(&answer);
  }
}

TEST_MAIN
