#include "edge/runtime.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "tap.h"

/* A HAProxy that gives one prepared answer, once a line with "last" in it was read. */
struct fake {
  char folder[48], path[64];
  int fd;
  const char *answer;
  bool stay; /* keeps the connection open until the client closes it */
  pthread_t thread;
};

static void *answer_once(void *arg) {
  struct fake *fake = arg;
  int fd = accept(fake->fd, NULL, NULL);
  char request[4096] = "";
  size_t len = 0;
  ssize_t got = 1;
  while (!strstr(request, "last\n") && got > 0) {
    got = recv(fd, request + len, sizeof request - 1 - len, 0);
    if (got > 0) len += (size_t)got;
  }
  for (const char *at = fake->answer; *at; at++) /* byte by byte: replies come in pieces */
    if (send(fd, at, 1, MSG_NOSIGNAL) < 0) break;
  while (fake->stay && recv(fd, request, sizeof request, 0) > 0)
    continue;
  close(fd);
  return NULL;
}

static void fake_start(struct fake *fake, const char *answer, bool stay) {
  *fake = (struct fake){.answer = answer, .stay = stay};
  strcpy(fake->folder, "/tmp/tramway-runtime-test.XXXXXX");
  CHECK(mkdtemp(fake->folder) != NULL);
  snprintf(fake->path, sizeof fake->path, "%s/sock", fake->folder);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strcpy(address.sun_path, fake->path);
  fake->fd = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK_INT(bind(fake->fd, (struct sockaddr *)&address, sizeof address), 0);
  CHECK_INT(listen(fake->fd, 1), 0);
  pthread_create(&fake->thread, NULL, answer_once, fake);
}

static void fake_end(struct fake *fake) {
  shutdown(fake->fd, SHUT_RDWR);
  pthread_join(fake->thread, NULL);
  close(fake->fd);
  err_ignore(file_remove_tree(fake->folder));
}

struct outcome {
  bool called;
  err *error;
  struct strv replies;
};

static void on_done(void *arg, err *e, const struct strv *replies) {
  struct outcome *outcome = arg;
  outcome->called = true;
  outcome->error = e;
  for (size_t i = 0; i < replies->len; i++)
    strv_add(&outcome->replies, replies->items[i]);
}

static err *taken(struct outcome *outcome) {
  err *e = outcome->error;
  outcome->error = NULL;
  return e;
}

/* Asks two commands ("first", "last") and turns the loop until `done`. */
static void ask(const char *path, bool master, int64_t deadline_ms, struct outcome *outcome) {
  loop *l = loop_new();
  runtime *slot = NULL;
  auto_strv commands = STRV_EMPTY;
  strv_add(&commands, "first");
  strv_add(&commands, "last");
  if (master)
    runtime_ask_master(l, path, "last", deadline_ms, on_done, outcome, &slot);
  else
    runtime_ask(l, path, &commands, deadline_ms, on_done, outcome, &slot);
  CHECK(slot != NULL);
  TAP_WAIT_FOR(outcome->called, 5000, loop_turn(l, 10));
  CHECK(slot == NULL);
  loop_free(l);
}

static struct outcome converse(const char *answer, bool stay, bool master, int64_t deadline_ms) {
  struct fake fake;
  struct outcome outcome = {0};
  fake_start(&fake, answer, stay);
  ask(fake.path, master, deadline_ms, &outcome);
  fake_end(&fake);
  return outcome;
}

TEST(replies_come_one_per_command) {
  struct outcome o =
      converse("\n> \n> [6]: New server registered.\n\n> line 1\nline 2\n\n> ", true, false, 5000);
  CHECK_OK(taken(&o));
  CHECK_INT(o.replies.len, 2);
  CHECK_TEXT(o.replies.items[0], "[6]: New server registered.\n");
  CHECK_TEXT(o.replies.items[1], "line 1\nline 2\n");
  strv_done(&o.replies);
}

TEST(a_refusal_names_its_command) {
  struct outcome o =
      converse("\n> \n> [4]: no need to change\n\n> [3]: No such server.\n\n> ", true, false, 5000);
  CHECK_ERR(taken(&o), ERR_IO, "HAProxy refused 'last': No such server.");
  CHECK_INT(o.replies.len, 0);
}

TEST(a_closed_connection_is_an_error) {
  struct outcome o = converse("\n> \n> \n> ", false, false, 5000);
  CHECK_ERR(taken(&o), ERR_IO, "closed the connection after 1 of 2 commands");
}

TEST(no_answer_ends_at_the_deadline) {
  struct outcome o = converse("\n> ", true, false, 100);
  CHECK_ERR(taken(&o), ERR_BUSY, "answered 0 of 2 commands within 100 ms");
}

TEST(an_answer_that_came_while_the_loop_stood_still_is_taken) {
  struct fake fake;
  struct outcome o = {0};
  fake_start(&fake, "# workers\n1 worker\n\n", false);
  loop *l = loop_new();
  runtime *slot = NULL;
  runtime_ask_master(l, fake.path, "last", 100, on_done, &o, &slot);
  loop_turn(l, 0);
  loop_turn(l, 0); /* connected and asked */
  usleep(200000);  /* the loop stands still, and the answer is there */
  TAP_WAIT_FOR(o.called, 5000, loop_turn(l, 10));
  loop_free(l);
  fake_end(&fake);
  CHECK_OK(taken(&o));
  CHECK_TEXT(o.replies.items[0], "# workers\n1 worker\n\n");
  strv_done(&o.replies);
}

TEST(nobody_there_is_an_error) {
  struct outcome o = {0};
  ask("/nowhere/sock", false, 1000, &o);
  CHECK_ERR(taken(&o), ERR_NOT_FOUND, "/nowhere/sock: connecting");
}

TEST(the_masters_reply_is_all_until_it_closes) {
  struct outcome o = converse("# workers\n1 worker\n\n", false, true, 5000);
  CHECK_OK(taken(&o));
  CHECK_TEXT(o.replies.items[0], "# workers\n1 worker\n\n");
  strv_done(&o.replies);
}

TEST(a_cancelled_conversation_calls_nobody) {
  struct fake fake;
  struct outcome o = {0};
  fake_start(&fake, "", true);
  loop *l = loop_new();
  runtime *slot = NULL;
  runtime_ask_master(l, fake.path, "last", 5000, on_done, &o, &slot);
  loop_turn(l, 10);
  runtime_cancel(slot);
  CHECK(slot == NULL);
  runtime_cancel(slot);
  loop_free(l);
  fake_end(&fake);
  CHECK(!o.called);
}

TEST_MAIN
