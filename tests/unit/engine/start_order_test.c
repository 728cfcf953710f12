#include "engine/local/start_order.h"

#include "base/mem.h"
#include "tap.h"

static const char *const on_db[] = {"db", NULL}, *const on_api[] = {"api", NULL},
                  *const on_both[] = {"api", "db", NULL}, *const on_web[] = {"web", NULL};

static struct workload of(const char *environment, const char *service, const char *const *needs) {
  return (struct workload){
      .environment_id = environment, .service_id = service, .service_label = service, .depends_on = needs};
}

static const char *missing[8];

#define ORDER(items) start_order(items, ARRAY_LEN(items), missing)

TEST(what_is_needed_comes_first) {
  struct workload db = of("e", "db", NULL), api = of("e", "api", on_db), web = of("e", "web", on_both);
  struct start_item items[] = {{&web, false}, {&api, false}, {&db, false}};
  ORDER(items);
  CHECK_TEXT(missing[0], "api");
  CHECK_TEXT(missing[1], "db");
  CHECK(!missing[2]);
  items[2].ready = true;
  ORDER(items);
  CHECK_TEXT(missing[0], "api");
  CHECK(!missing[1]);
  items[1].ready = true;
  ORDER(items);
  CHECK(!missing[0]);
}

TEST(what_is_not_recorded_is_not_waited_for) {
  struct workload api = of("e", "api", on_db);
  struct start_item items[] = {{&api, false}};
  ORDER(items);
  CHECK(!missing[0]);
}

TEST(another_environment_is_another_world) {
  struct workload api = of("e", "api", on_db), db = of("f", "db", NULL);
  struct start_item items[] = {{&api, false}, {&db, false}};
  ORDER(items);
  CHECK(!missing[0]);
}

TEST(one_ready_deployment_of_a_service_is_enough) {
  struct workload old = of("e", "db", NULL), new = of("e", "db", NULL), api = of("e", "api", on_db);
  struct start_item items[] = {{&old, true}, {&new, false}, {&api, false}};
  ORDER(items);
  CHECK(!missing[2]);
  items[0].ready = false;
  ORDER(items);
  CHECK_TEXT(missing[2], "db");
}

TEST(a_cycle_starts_all_at_once_but_after_what_both_need) {
  static const char *const web_and_db[] = {"web", "db", NULL};
  struct workload api = of("e", "api", web_and_db), web = of("e", "web", on_api), db = of("e", "db", NULL);
  struct workload top = of("e", "top", on_web);
  struct start_item items[] = {{&api, false}, {&web, false}, {&db, false}, {&top, false}};
  ORDER(items);
  CHECK_TEXT(missing[0], "db");
  CHECK(!missing[1]);
  CHECK(!missing[2]);
  CHECK_TEXT(missing[3], "web");
}

TEST_MAIN
