/* Services that follow their image's tag, against a registry that the test speaks for. */
#include "base/clock.h"
#include "town.h"

/* The town with rounds every few milliseconds, and its service following `image`. */
static void follow(const char *image, enum auto_updates kind, const char *schedule) {
  char id[ID_SIZE];
  town_open();
  strv_done(&fake_registry_answer);
  fake_registry_answer = STRV_EMPTY;
  fake_registry_error = NULL;
  fake_registry_asked = 0;
  str_replace_owned(&instance.settings.source_image, image);
  instance.settings.auto_updates = kind;
  if (schedule) CHECK_OK(json_parse(schedule, strlen(schedule), "schedule", &instance.settings.auto_update_schedule));
  change_settings();
  deploy_live(id);
}

static void poll_often(void) {
  struct core_options options = town_options();
  options.image_poll_ms = 10;
  town_stop();
  town_start_with(&options);
}

static void answers(const char *text) {
  strv_done(&fake_registry_answer);
  fake_registry_answer = STRV_EMPTY;
  strv_split(&fake_registry_answer, text, ' ');
}

static size_t deployments(void) {
  struct deployment_filter filter = {.service_instance_id = instance.id};
  auto_deployment_list list = {0};
  CHECK_OK(deployment_list(town_db, &filter, NULL, &list));
  return list.len;
}

static void rounds(int count) {
  int until = fake_registry_asked + count;
  WAIT(fake_registry_asked >= until);
}

TEST(a_version_goes_on_to_the_newest_patch) {
  follow("registry.example/app:1.2.3-slim", AUTO_UPDATES_PATCH, NULL);
  auto_service_instance now = {0};
  answers("1.2.3-slim 1.2.9-slim 1.3.0-slim 1.2.10");
  poll_often();
  WAIT(deployments() == 2);
  CHECK(fake_registry_tags);
  CHECK_OK(service_instance_get(town_db, instance.id, &now));
  CHECK_TEXT(now.settings.source_image, "registry.example/app:1.2.9-slim");
  rounds(2);
  CHECK_INT(deployments(), 2); /* there is nothing newer */
  town_close();
}

TEST(another_tag_deploys_when_its_digest_changes) {
  follow("registry.example/app:latest", AUTO_UPDATES_MINOR, NULL);
  answers("sha256:one");
  poll_often();
  rounds(3);
  CHECK_INT(deployments(), 1); /* the first look only remembers */
  CHECK(!fake_registry_tags);
  answers("sha256:two");
  WAIT(deployments() == 2);
  rounds(2);
  CHECK_INT(deployments(), 2);
  town_close();
}

TEST(who_does_not_follow_is_not_asked_about) {
  follow("registry.example/app:latest", AUTO_UPDATES_DISABLED, NULL);
  poll_often();
  for (int i = 0; i < 20; i++) turn();
  CHECK_INT(fake_registry_asked, 0);
  town_close();
}

TEST(an_image_named_by_its_digest_stays) {
  follow("registry.example/app@sha256:1111111111111111111111111111111111111111111111111111111111111111", AUTO_UPDATES_PATCH, NULL);
  poll_often();
  for (int i = 0; i < 20; i++) turn();
  CHECK_INT(fake_registry_asked, 0);
  town_close();
}

TEST(a_registry_that_wants_rest_gets_it) {
  follow("registry.example/app:latest", AUTO_UPDATES_PATCH, NULL);
  fake_registry_error = "429";
  poll_often();
  WAIT(fake_registry_asked == 1);
  for (int i = 0; i < 30; i++) turn();
  CHECK_INT(fake_registry_asked, 1);
  town_close();
}

TEST(outside_its_windows_nothing_is_asked) {
  /* one hour of the week, which is three days away */
  int day = (int)((clock_now_us() / 1000000 / 86400 + 4 + 3) % 7);
  auto_free char *schedule = str_format("[{\"day\": %d, \"startHour\": 1, \"endHour\": 2}]", day);
  follow("registry.example/app:latest", AUTO_UPDATES_PATCH, schedule);
  poll_often();
  for (int i = 0; i < 20; i++) turn();
  CHECK_INT(fake_registry_asked, 0);
  town_close();
}

TEST_MAIN
