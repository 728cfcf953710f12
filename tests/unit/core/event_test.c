/* What core makes of the engine's and the edge's reports of damage, and of instances that end. */
#include "base/json.h"
#include "store/event.h"
#include "town.h"

static char live[ID_SIZE];

static struct event_list events(void) {
  struct event_list list = {0};
  CHECK_OK(event_list(town_db, &(struct event_filter){.project_id = project.id}, NULL, &list));
  return list;
}

static void add_message(void *arg, const struct log_entry *entry) {
  str_addf(arg, "%s\n", entry->message);
}

static bool log_says(const char *deployment_id, const char *part) {
  auto_str text = STR_EMPTY;
  struct log_query query = {.kind = LOG_DEPLOY, .deployment_id = deployment_id, .limit = 20};
  CHECK_OK(log_store_query(town_logs, &query, add_message, &text));
  return strstr(str_text(&text), part) != NULL;
}

static void open_live(void) {
  town_open();
  en->app = fake_runs(8080);
  deploy_live(live);
}

TEST(a_repair_is_an_event_of_whom_it_concerns) {
  open_live();
  engine_tell_repair(&en->base, &(struct repair){.object = "network",
                                                 .cause = "the bridge was gone",
                                                 .outcome = "made again",
                                                 .environment_id = instance.environment_id});
  engine_tell_repair(&en->base, &(struct repair){.object = "link",
                                                 .cause = "the link was gone",
                                                 .outcome = "made again",
                                                 .workload_id = live});
  gate->on_repair(gate->repair_arg, &(struct repair){.object = "route",
                                                     .cause = "the host was gone",
                                                     .outcome = "set again",
                                                     .service_instance_id = instance.id});
  gate->on_repair(gate->repair_arg, &(struct repair){.object = "edge",
                                                     .cause = "HAProxy had ended",
                                                     .outcome = "started again"});
  auto_event_list list = events();
  CHECK_INT(list.len, 4);
  CHECK_TEXT(list.items[0].object, "edge");
  CHECK_TEXT(list.items[0].project_id, "");
  CHECK_TEXT(list.items[1].service_id, service.id);
  CHECK_TEXT(list.items[1].deployment_id, "");
  CHECK_TEXT(list.items[2].deployment_id, live);
  CHECK_TEXT(list.items[3].environment_id, instance.environment_id);
  CHECK_TEXT(list.items[3].project_id, project.id);
  CHECK_TEXT(list.items[3].action, "repaired");
  CHECK_INT(list.items[3].severity, EVENT_NOTICE);
  CHECK(log_says(live, "the link was gone: made again"));
  town_close();
}

TEST(what_cannot_be_repaired_is_critical) {
  open_live();
  engine_tell_repair(&en->base, &(struct repair){.object = "firewall",
                                                 .cause = "a rule was changed",
                                                 .outcome = "setting it again",
                                                 .failure = "nft: no memory"});
  auto_event_list list = events();
  CHECK_INT(list.len, 1);
  CHECK_INT(list.items[0].severity, EVENT_CRITICAL);
  CHECK_TEXT(list.items[0].action, "failed");
  CHECK_HAS(list.items[0].outcome, "nft: no memory");
  town_close();
}

TEST(what_nobody_owns_any_more_is_no_event) {
  open_live();
  static const char none[] = "00000000-0000-4000-8000-000000000000";
  engine_tell_repair(&en->base, &(struct repair){.object = "link", .cause = "c", .workload_id = none});
  engine_tell_repair(&en->base, &(struct repair){.object = "network", .cause = "c", .environment_id = none});
  auto_event_list list = events();
  CHECK_INT(list.len, 0);
  town_close();
}

TEST(an_end_that_nobody_asked_for_is_an_event) {
  open_live();
  struct fake_app app = fake_ended(INSTANCE_RESTARTING, 137);
  app.oom_killed = true;
  fake_change(en, fake_find(en, live, 0), app);
  app.status = INSTANCE_RUNNING;
  app.restarts = 1;
  fake_change(en, fake_find(en, live, 0), app);
  auto_event_list list = events();
  CHECK_INT(list.len, 1);
  CHECK_TEXT(list.items[0].action, "restarted");
  CHECK_TEXT(list.items[0].cause, "replica 0 was ended by SIGKILL, out of memory");
  CHECK_INT(list.items[0].severity, EVENT_WARNING);
  CHECK_INT(json_get_int(list.items[0].payload, "exitCode", 0), 137);
  CHECK(log_says(live, "replica 0 was ended by SIGKILL"));
  town_close();
}

TEST(a_crash_for_good_is_critical) {
  open_live();
  fake_change(en, fake_find(en, live, 0), fake_ended(INSTANCE_CRASHED, 3));
  auto_event_list list = events();
  CHECK_INT(list.len, 1);
  CHECK_TEXT(list.items[0].cause, "replica 0 ended with exit status 3");
  CHECK_INT(list.items[0].severity, EVENT_CRITICAL);
  town_close();
}

TEST(what_never_ran_is_said_to_be_deployed_again) {
  auto_deployment d = {0};
  open_live();
  struct fake_app app = fake_ended(INSTANCE_CRASHED, -1);
  app.problem = "the image is not in the store";
  fake_change(en, fake_find(en, live, 0), app);
  CHECK_OK(deployment_get(town_db, live, &d));
  CHECK_INT(d.status, DEPLOYMENT_CRASHED);
  CHECK_HAS(d.status_reason, "it cannot be started, deploy it again: replica 0 could not be started: the image is not");
  town_close();
}

TEST(a_restart_that_was_asked_for_is_none) {
  open_live();
  fake_change(en, fake_find(en, live, 0), fake_ended(INSTANCE_RESTARTING, 143));
  fake_change(en, fake_find(en, live, 0), fake_runs(8080)); /* restarts stays 0 */
  auto_event_list list = events();
  CHECK_INT(list.len, 0);
  town_close();
}

TEST_MAIN
