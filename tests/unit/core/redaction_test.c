/* What is said of a deployment, and shown of its logs, has none of its secrets. */
#include "town.h"

#include "base/clock.h"
#include "core/internal.h"
#include "store/deployment_step.h"

#define SECRET "hunter2-hunter2"

static void add_message(void *arg, const struct log_entry *entry) {
  struct str *text = arg;
  str_addf(text, "%s\n", entry->message);
}

static void check_log(const char *id, enum log_kind kind, const char *expected) {
  auto_str text = STR_EMPTY;
  struct log_query query = {.kind = kind, .deployment_id = id, .limit = 1000};
  CHECK_OK(log_store_query(town_logs, &query, add_message, &text));
  CHECK(!strstr(str_text(&text), SECRET));
  CHECK_HAS(str_text(&text), expected);
}

TEST(a_reason_has_no_secret) {
  town_open();
  char id[ID_SIZE];
  auto_deployment_step_list steps = {0};
  set_variable("API_TOKEN", SECRET);
  bld->fail = "cannot log in with " SECRET;
  deploy(id);
  WAIT_STATUS(id, FAILED);
  CHECK_HAS(reason_of(id), "cannot log in with [redacted API_TOKEN]");
  check_log(id, LOG_BUILD, "cannot log in with [redacted API_TOKEN]");
  CHECK_OK(deployment_step_list(town_db, id, &steps));
  for (size_t i = 0; i < steps.len; i++) CHECK(!steps.items[i].error || !strstr(steps.items[i].error, SECRET));
  town_close();
}

TEST(what_is_sealed_for_others_of_the_environment_is_a_secret_here) {
  town_open();
  char id[ID_SIZE];
  seal_variable("SHARED", SECRET);
  bld->fail = "cannot log in with " SECRET " in production";
  deploy(id);
  WAIT_STATUS(id, FAILED);
  CHECK_HAS(reason_of(id), "cannot log in with [redacted SHARED] in production");
  town_close();
}

TEST(what_is_kept_of_secrets_is_let_go_of_in_time) {
  town_open();
  char id[ID_SIZE];
  set_variable("API_TOKEN", SECRET);
  deploy(id);
  WAIT_STATUS(id, SUCCESS);
  auto_redactor *r = NULL;
  CHECK_OK(redaction_find(town, id, &r));
  redactor_free(r);
  r = NULL;
  core_trim(town);
  CHECK(map_has(town->redactors, id));
  redaction_forget_old(town, clock_monotonic_ms() + 60000);
  CHECK(!map_has(town->redactors, id));
  CHECK_OK(redaction_find(town, id, &r));
  town_close();
}

TEST(without_a_secret_nothing_changes) {
  town_open();
  char id[ID_SIZE];
  set_variable("MODE", "production");
  bld->fail = "no such mode: production";
  deploy(id);
  WAIT_STATUS(id, FAILED);
  CHECK_HAS(reason_of(id), "no such mode: production");
  town_close();
}

TEST(logs_on_disk_are_cleaned_while_it_runs) {
  town_open();
  char id[ID_SIZE];
  auto_free char *path = NULL;
  set_variable("KEY", SECRET);
  deploy_live(id);
  auto_free char *instance_id = str_format("%s-0", id);
  CHECK_OK(log_store_instance_path(town_logs, id, instance_id, &path));
  static const char line[] = "2026-11-20T23:17:51.104849467+00:00 stdout F key " SECRET "\n";
  CHECK_OK(file_write(path, line, strlen(line), 0600));
  auto_str text = STR_EMPTY;
  TAP_WAIT_FOR((str_clear(&text), !file_read(path, 1 << 20, &text) && strstr(text.data, "key [redacted KEY]*\n")), TOWN_DEADLINE_MS, turn());
  check_log(id, LOG_DEPLOY, "key [redacted KEY]*");
  town_close();
}

TEST_MAIN
