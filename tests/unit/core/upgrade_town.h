/* A town with a Postgres, for the tests of its upgrades: what it answers, and how it is left. */
#ifndef TRAMWAY_TESTS_CORE_UPGRADE_TOWN_H
#define TRAMWAY_TESTS_CORE_UPGRADE_TOWN_H

#include "base/clock.h"
#include "base/json.h"
#include "core/database_upgrade.h"
#include "core/volume.h"
#include "store/database_upgrade.h"
#include "store/volume.h"
#include "town.h"

static struct service store;
static struct service_instance store_instance;
static struct volume volume;
static struct volume_instance former;
static char id[ID_SIZE]; /* the deployment that is live at first */
static struct str asked, held_input;
static const char *copied_rows, *transaction; /* of the copy; at the last look */
static int transactions;
static const char *hold_question; /* the first statement with that is not answered before the test says so; NULL: all are */
static int hold_after;            /* so many of them are answered before */
static void (*before_swap)(void); /* called at the last look */

static inline char *answer_of(const char *input, const char *instance_id) {
  bool is_live = strstr(instance_id, id) != NULL;
  if (strstr(input, "'version'"))
    return str_format("{\"version\": \"%s\", \"bytes\": 9, \"roles\": [\"postgres\"], \"databases\": [\"shop\"]}\n",
                      is_live ? "15.1" : "17.1");
  if (strstr(input, "'extensions'"))
    return str_format("{\"extensions\": {}, \"sequences\": {\"public.s\": 7}, \"tables\": {\"public.t\": %s}}\n",
                      is_live ? "5" : copied_rows);
  if (strstr(input, "pg_terminate_backend")) {
    transactions++;
    if (transactions == 3 && before_swap) before_swap();
    return str_format("on 0 %s\n", transactions < 2 ? "699" : transactions == 2 ? "700" : transaction);
  }
  return str_dup("t\n");
}

/* Says that, and the marker that the input asks for: 'hex' at its end. */
static inline void answer(struct fake_exec *x, char *input) {
  str_addf(&asked, "%s", input);
  auto_free char *said = answer_of(input, x->instance_id);
  char *quote = strrchr(input, '\'');
  *quote = 0;
  auto_free char *text = str_format("%s%s\n", said, strrchr(input, '\'') + 1);
  fake_exec_say(x, 1, text);
}

static inline void answers(struct fake_exec *x) {
  auto_free char *input = str_ndup(x->input.data, x->input.len);
  bool is_held = hold_question && strstr(input, hold_question) && hold_after-- == 0;
  if (is_held) {
    fake_exec_held = x;
    str_clear(&held_input);
    str_add(&held_input, input);
  } else {
    answer(x, input);
  }
}

static inline void let_go(void) {
  struct fake_exec *x = fake_exec_held;
  hold_question = NULL;
  before_swap = NULL;
  fake_exec_held = NULL;
  if (x) answer(x, held_input.data);
}

static inline void open_store(void) {
  auto_service_settings settings = {0};
  auto_strv affected = STRV_EMPTY;
  auto_json *variables = json_pack("{s:s}", "DATABASE_URL", "postgresql://postgres:old@store.railway.internal:5432/shop");
  bool found = false;
  town_open();
  copied_rows = "5";
  transaction = "700";
  transactions = 0;
  hold_question = NULL;
  hold_after = 0;
  before_swap = NULL;
  str_clear(&asked);
  fake_exec_answer = answers;
  fake_exec_fail = NULL;
  service_settings_init(&settings);
  settings.source_kind = SOURCE_IMAGE;
  settings.source_image = str_dup("tramway/postgres:15");
  CHECK_OK(core_service_create(town, project.id, "Store", &settings, &store));
  CHECK_OK(service_instance_find(town_db, store.id, instance.environment_id, &found, &store_instance));
  CHECK_OK(core_variables_change(town, instance.environment_id, store.id, variables, false, &affected));
  struct core_volume_request request = {.project_id = project.id, .environment_id = instance.environment_id,
                                        .service_id = store.id, .mount_path = "/var/lib/postgresql/data", .user_id = user.id};
  CHECK_OK(core_volume_create(town, &request, &volume));
  CHECK_OK(volume_instance_find_by_service(town_db, store.id, instance.environment_id, &found, &former));
  CHECK_OK(core_deploy_instance(town, &store_instance, user.id, id));
  WAIT_STATUS(id, SUCCESS);
}

static inline void close_store(void) {
  WAIT(!fake_execs_alive);
  town_close();
  service_done(&store);
  service_instance_done(&store_instance);
  volume_done(&volume);
  volume_instance_done(&former);
  str_done(&asked);
  str_done(&held_input);
}

static inline err *upgrade(const char *version, bool is_rehearsal) {
  struct core_database_upgrade request = {.environment_id = instance.environment_id, .service_id = store.id,
                                          .version = version, .is_rehearsal = is_rehearsal, .user_id = ""};
  return core_database_upgrade(town, &request);
}

static inline bool look(struct database_upgrade *ret_upgrade) {
  bool found = false;
  CHECK_OK(core_database_upgrade_state(town, instance.environment_id, store.id, &found, ret_upgrade));
  return found;
}

static inline enum database_upgrade_status status(void) {
  auto_database_upgrade u = {0};
  CHECK(look(&u));
  return u.status;
}

#define WAIT_UPGRADE(wanted) WAIT(status() == DATABASE_UPGRADE_##wanted)

static inline void check_service(const char *image, const char *volume_instance_id) {
  auto_service_instance now = {0};
  auto_volume_instance v = {0};
  bool found = false;
  CHECK_OK(service_instance_find(town_db, store.id, instance.environment_id, &found, &now));
  CHECK_TEXT(now.settings.source_image, image);
  CHECK_OK(volume_instance_find_by_service(town_db, store.id, instance.environment_id, &found, &v));
  CHECK(found);
  CHECK_TEXT(v.id, volume_instance_id);
}

static inline bool sibling_exists(struct service *ret_sibling) {
  bool found = false;
  CHECK_OK(service_find_by_label(town_db, project.id, "store-17", &found, ret_sibling));
  return found;
}

static inline void check_no_sibling(void) {
  auto_service sibling = {0};
  CHECK(!sibling_exists(&sibling));
}

/* What the service's newest live deployment is, and mounts; NULL: nothing of it runs.  Static: until the next call. */
static inline const struct fake_instance *runs_now(void) {
  auto_deployment d = {0};
  bool found = false;
  CHECK_OK(deployment_find_active(town_db, store_instance.id, &found, &d));
  return found ? fake_find(en, d.id, 0) : NULL;
}

#endif
