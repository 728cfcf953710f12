/* Events: kept, counted, bounded, found. */
#include "store/event.h"

#include "base/json.h"
#include "house.h"

static void record(struct house *h, const char *project_id, const char *environment_id, const char *cause,
                   int64_t now_us) {
  auto_event e = {.severity = EVENT_NOTICE, .object = str_dup("network"), .action = str_dup("repaired")};
  id_copy(e.project_id, project_id);
  id_copy(e.environment_id, environment_id);
  id_copy(e.service_id, *project_id ? h->service.id : "");
  e.cause = str_dup(cause);
  must(event_record(h->d, &e, now_us));
}

static size_t count(struct house *h, const struct event_filter *filter) {
  auto_event_list list = {0};
  must(event_list(h->d, filter, NULL, &list));
  return list.len;
}

TEST(an_event_comes_back_whole) {
  auto_house h;
  house_open(&h);
  auto_event e = {.severity = EVENT_CRITICAL,
                  .object = str_dup("instance"),
                  .action = str_dup("crashed"),
                  .cause = str_dup("replica 0 ended with exit status 3"),
                  .outcome = str_dup("not started again"),
                  .payload = json_pack("{s:i}", "exitCode", 3)};
  id_copy(e.project_id, h.project.id);
  id_copy(e.environment_id, h.environment.id);
  id_copy(e.service_id, h.service.id);
  must(event_record(h.d, &e, 1000));
  auto_event_list list = {0};
  must(event_list(h.d, &(struct event_filter){.project_id = h.project.id}, NULL, &list));
  CHECK_INT(list.len, 1);
  CHECK_TEXT(list.items[0].cause, e.cause);
  CHECK_TEXT(list.items[0].outcome, e.outcome);
  CHECK_INT(list.items[0].severity, EVENT_CRITICAL);
  CHECK_INT(list.items[0].created_us, 1000);
  CHECK_INT(list.items[0].count, 1);
  CHECK_INT(json_get_int(list.items[0].payload, "exitCode", 0), 3);
}

TEST(the_same_again_is_counted) {
  auto_house h;
  house_open(&h);
  struct event_filter filter = {.project_id = h.project.id};
  record(&h, h.project.id, h.environment.id, "the bridge was gone", 1000);
  record(&h, h.project.id, h.environment.id, "the bridge was gone", 2000);
  CHECK_INT(count(&h, &filter), 1);
  auto_event_list list = {0};
  must(event_list(h.d, &filter, NULL, &list));
  CHECK_INT(list.items[0].count, 2);
  CHECK_INT(list.items[0].created_us, 1000);
  CHECK_INT(list.items[0].last_us, 2000);
  record(&h, h.project.id, h.environment.id, "the bridge was down", 3000); /* another cause */
  record(&h, "", "", "the bridge was gone", 3000);                          /* another place */
  record(&h, h.project.id, h.environment.id, "the bridge was gone", 2000 + EVENTS_SAME_US); /* too late */
  CHECK_INT(count(&h, &filter), 4);
}

TEST(what_concerns_the_machine_is_in_every_list) {
  auto_house h;
  house_open(&h);
  record(&h, "", "", "HAProxy had ended", 1);
  record(&h, h.project.id, h.environment.id, "the bridge was gone", 2);
  CHECK_INT(count(&h, &(struct event_filter){.project_id = h.project.id}), 2);
  CHECK_INT(count(&h, &(struct event_filter){.project_id = h.project.id,
                                             .environment_id = h.environment.id}), 2);
  CHECK_INT(count(&h, &(struct event_filter){.project_id = h.project.id,
                                             .environment_id = "00000000-0000-4000-8000-000000000000"}), 1);
  CHECK_INT(count(&h, &(struct event_filter){.project_id = "00000000-0000-4000-8000-000000000000"}), 1);
}

TEST(filters_include_and_exclude) {
  auto_house h;
  house_open(&h);
  record(&h, "", "", "HAProxy had ended", 1);
  record(&h, h.project.id, h.environment.id, "the bridge was gone", 2);
  auto_json *network = json_pack("[s, s]", "network", "link"), *crashed = json_pack("[s]", "crashed");
  auto_json *service = json_pack("[s]", h.service.id), *nothing = json_array();
  struct event_filter filter = {.project_id = h.project.id, .objects = network, .not_actions = crashed};
  CHECK_INT(count(&h, &filter), 2);
  filter.service_ids = service;
  CHECK_INT(count(&h, &filter), 1);
  filter.service_ids = NULL;
  filter.not_service_ids = service;
  CHECK_INT(count(&h, &filter), 1);
  filter.actions = crashed;
  CHECK_INT(count(&h, &filter), 0);
  CHECK_INT(count(&h, &(struct event_filter){.project_id = h.project.id, .not_objects = network}), 0);
  CHECK_INT(count(&h, &(struct event_filter){.project_id = h.project.id, .objects = nothing}), 0);
}

TEST(the_oldest_go) {
  auto_house h;
  house_open(&h);
  struct event_filter filter = {.project_id = h.project.id};
  record(&h, h.project.id, "", "first", 1);
  record(&h, h.project.id, "", "second", 2);
  must(db_run(h.d, "UPDATE events SET seq = ?1 WHERE seq = 2", DB_BIND(db_int(EVENTS_MAX)), NULL));
  record(&h, h.project.id, "", "so many later that the first is too many", 3);
  CHECK_INT(count(&h, &filter), 2);
  record(&h, h.project.id, "", "third", 4 + EVENTS_AGE_MAX_US);
  auto_event_list list = {0};
  must(event_list(h.d, &filter, &(struct page){.first = 10}, &list));
  CHECK_INT(list.len, 1);
  CHECK_TEXT(list.items[0].cause, "third");
}

TEST(they_go_with_their_project) {
  auto_house h;
  house_open(&h);
  record(&h, h.project.id, h.environment.id, "the bridge was gone", 1);
  must(db_run(h.d, "DELETE FROM projects WHERE id = ?1", DB_BIND(db_text(h.project.id)), NULL));
  CHECK_INT(count(&h, &(struct event_filter){.project_id = h.project.id}), 0);
}

TEST_MAIN
