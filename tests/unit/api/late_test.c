/* Fields whose value takes time: asked for once, waited for, given when the request is executed again. */
#include "api/late.h"

#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

static struct late_all *all;
static struct late *late;
static struct asking asking;
static int agains;

static void again(void *arg) {
  CHECK(arg == &agains);
  agains++;
}

static void open_all(void) {
  agains = 0;
  all = late_all_new();
  late = late_new(all, again, &agains);
  asking = (struct asking){.late = late};
}

static void close_all(void) {
  late_free(late);
  late_all_close(all);
}

static err *take(json_t *args, json_t **ret_value, struct late_ticket **ret_ticket) {
  auto_json *taken = args;
  struct graphql_call call = {.context = &asking, .type = "Query", .field = "databaseTables", .args = taken};
  return late_take(&call, ret_value, ret_ticket);
}

static struct late_ticket *start(json_t *args) {
  json_t *value = NULL;
  struct late_ticket *ticket = NULL;
  CHECK_OK(take(args, &value, &ticket));
  CHECK(ticket && !value);
  CHECK_ERR(late_start(ticket, NULL), ERR_BUSY, "not there yet");
  return ticket;
}

TEST(an_answer_is_there_the_next_time) {
  open_all();
  struct late_ticket *ticket = start(json_pack("{s:s, s:s}", "a", "1", "b", "2"));
  CHECK(late_is_waiting(late));
  late_answer(ticket, NULL, json_string("tables"));
  CHECK_INT(agains, 1);
  CHECK(!late_is_waiting(late));
  auto_json *value = NULL;
  CHECK_OK(take(json_pack("{s:s, s:s}", "b", "2", "a", "1"), &value, &ticket)); /* the order of arguments is no difference */
  CHECK(!ticket);
  CHECK_TEXT(json_string_value(value), "tables");
  close_all();
}

TEST(an_answer_may_be_an_error) {
  open_all();
  struct late_ticket *ticket = start(json_object());
  late_answer(ticket, err_new(ERR_NOT_FOUND, "no table"), NULL);
  json_t *value = NULL;
  CHECK_ERR(take(json_object(), &value, &ticket), ERR_NOT_FOUND, "no table");
  CHECK_ERR(take(json_object(), &value, &ticket), ERR_NOT_FOUND, "no table");
  close_all();
}

TEST(it_waits_for_all) {
  open_all();
  struct late_ticket *one = start(json_pack("{s:i}", "n", 1)), *two = start(json_pack("{s:i}", "n", 2));
  late_answer(two, NULL, json_null());
  CHECK_INT(agains, 0);
  CHECK(late_is_waiting(late));
  late_answer(one, NULL, json_null());
  CHECK_INT(agains, 1);
  close_all();
}

TEST(the_same_field_twice_is_asked_once) {
  open_all();
  struct late_ticket *ticket = start(json_object()), *second = NULL;
  json_t *value = NULL;
  CHECK_ERR(take(json_object(), &value, &second), ERR_BUSY, "not there yet");
  CHECK(!second);
  late_answer(ticket, NULL, json_null());
  close_all();
}

TEST(what_could_not_be_started_is_the_answer_at_once) {
  open_all();
  json_t *value = NULL;
  struct late_ticket *ticket = NULL;
  CHECK_OK(take(json_object(), &value, &ticket));
  CHECK_ERR(late_start(ticket, err_new(ERR_CONFLICT, "it does not run")), ERR_CONFLICT, "it does not run");
  CHECK(!late_is_waiting(late));
  CHECK_INT(agains, 0);
  CHECK_ERR(take(json_object(), &value, &ticket), ERR_CONFLICT, "it does not run");
  close_all();
}

TEST(who_went_away_is_not_told) {
  open_all();
  struct late_ticket *ticket = start(json_object()), *done = start(json_pack("{s:i}", "n", 1));
  late_answer(done, NULL, json_null());
  late_free(late);
  late_all_close(all);
  late_answer(ticket, NULL, json_string("too late"));
  CHECK_INT(agains, 0);
}

static void ask_as(int user, struct late *of) {
  asking = (struct asking){.late = of};
  snprintf(asking.caller.user_id, sizeof asking.caller.user_id, "user-%d", user);
}

TEST(not_too_many_at_a_time) {
  struct late *others[LATE_ALL_MAX / LATE_FIELDS_MAX];
  struct late_ticket *tickets[LATE_ALL_MAX], *more = NULL;
  json_t *value = NULL;
  all = late_all_new();
  for (int i = 0; i < LATE_ALL_MAX; i++) {
    if (i % LATE_FIELDS_MAX == 0) ask_as(i / LATE_OF_ONE_MAX, others[i / LATE_FIELDS_MAX] = late_new(all, again, &agains));
    tickets[i] = start(json_pack("{s:i}", "n", i));
  }
  CHECK_ERR(take(json_pack("{s:i}", "n", -1), &value, &more), ERR_LIMIT, "8 such fields");
  late = late_new(all, again, &agains);
  ask_as(2, late);
  CHECK_ERR(take(json_object(), &value, &more), ERR_BUSY, "try again");
  late_answer(tickets[0], NULL, json_null());
  ask_as(1, late); /* has as many under way as one may */
  CHECK_ERR(take(json_object(), &value, &more), ERR_BUSY, "try again");
  ask_as(2, late);
  late_answer(start(json_object()), NULL, json_null());
  for (int i = 1; i < LATE_ALL_MAX; i++) late_answer(tickets[i], NULL, json_null());
  for (size_t i = 0; i < ARRAY_LEN(others); i++) late_free(others[i]);
  close_all();
}

TEST(over_a_websocket_it_is_refused) {
  json_t *value = NULL;
  struct late_ticket *ticket = NULL;
  asking = (struct asking){0};
  CHECK_ERR(take(json_object(), &value, &ticket), ERR_INVALID, "over HTTP only");
}

TEST_MAIN
