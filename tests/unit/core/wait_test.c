/* Deployments that need one another start in order. */
#include "town.h"

static struct service store;
static struct service_instance db_instance;
static char api[ID_SIZE], base[ID_SIZE]; /* deployments of `service` and of `store` */

static void set_url(const struct service_instance *of, const char *value) {
  struct variable v = {.name = (char *)"URL", .value = (char *)value};
  id_copy(v.project_id, project.id);
  id_copy(v.environment_id, of->environment_id);
  id_copy(v.service_id, of->service_id);
  CHECK_OK(variable_set(town_db, &v));
}

/* `service` needs `db`; what is started does not run before the test says so. */
static void open_two(void) {
  town_open();
  town_make_service("db", &store, &db_instance);
  set_url(&instance, "postgres://u@db.railway.internal/x");
  en->app.status = INSTANCE_CREATED;
}

static void close_two(void) {
  town_close();
  service_done(&store);
  service_instance_done(&db_instance);
}

static void deploy_both(void) {
  deploy(api);
  CHECK_OK(core_deploy_instance(town, &db_instance, "", base));
}

/* 0: no such step; 1: it is under way; 2: it has ended. */
static int wait_step(const char *id) {
  auto_deployment_step_list steps = {0};
  CHECK_OK(deployment_step_list(town_db, id, &steps));
  int found = 0;
  for (size_t i = 0; i < steps.len; i++)
    if (steps.items[i].step == STEP_WAIT_FOR_DEPENDENCIES)
      found = steps.items[i].completed_us && !steps.items[i].error ? 2 : 1;
  return found;
}

static void let_run(const char *id) {
  WAIT(fake_find(en, id, 0) && fake_find(en, id, 0)->booted);
  fake_change(en, fake_find(en, id, 0), fake_runs(8080));
}

static void both_live(void) {
  let_run(base);
  WAIT_STATUS(base, SUCCESS);
  let_run(api);
  WAIT_STATUS(api, SUCCESS);
}

TEST(what_is_deployed_together_starts_in_order) {
  open_two();
  deploy_both();
  WAIT_STATUS(api, DEPLOYING);
  WAIT(fake_count(en, base) == 1);
  turns(20);
  CHECK_INT(wait_step(api), 1);
  CHECK_INT(wait_step(base), 0);
  CHECK_INT(fake_count(en, api), 0);
  both_live();
  CHECK_INT(wait_step(api), 2);
  close_two();
}

TEST(what_is_live_is_not_waited_for) {
  open_two();
  CHECK_OK(core_deploy_instance(town, &db_instance, "", base));
  let_run(base);
  WAIT_STATUS(base, SUCCESS);
  deploy(api);
  let_run(api);
  WAIT_STATUS(api, SUCCESS);
  CHECK_INT(wait_step(api), 0);
  close_two();
}

TEST(what_failed_is_not_waited_for_any_more) {
  open_two();
  deploy_both();
  WAIT(wait_step(api) == 1 && fake_count(en, base) == 1);
  CHECK_OK(core_cancel(town, base));
  WAIT_STATUS(base, REMOVED);
  let_run(api);
  WAIT_STATUS(api, SUCCESS);
  close_two();
}

TEST(who_needs_each_other_starts_at_once) {
  open_two();
  set_url(&db_instance, "${{api.URL}}");
  deploy_both();
  WAIT(fake_count(en, base) == 1 && fake_count(en, api) == 1);
  both_live();
  CHECK_INT(wait_step(api), 0);
  close_two();
}

TEST(who_waits_can_be_cancelled) {
  open_two();
  deploy_both();
  WAIT(wait_step(api) == 1);
  CHECK_OK(core_cancel(town, api));
  WAIT_STATUS(api, REMOVED);
  check_nothing_left(api);
  let_run(base);
  WAIT_STATUS(base, SUCCESS);
  close_two();
}

TEST(the_next_tramd_waits_on) {
  open_two();
  deploy_both();
  WAIT(wait_step(api) == 1 && fake_count(en, base) == 1);
  town_restart();
  WAIT(wait_step(api) == 1 && fake_count(en, base) == 1);
  turns(10);
  CHECK_INT(fake_count(en, api), 0);
  both_live();
  CHECK_INT(wait_step(api), 2);
  close_two();
}

/* A newer deployment of what it needs does not hold back what has started already. */
TEST(what_has_started_is_not_held_back_by_a_restart) {
  open_two();
  deploy(api);
  WAIT(fake_count(en, api) == 1);
  CHECK_OK(core_deploy_instance(town, &db_instance, "", base));
  WAIT(fake_count(en, base) == 1);
  town_restart();
  let_run(api);
  WAIT_STATUS(api, SUCCESS);
  CHECK_INT(wait_step(api), 0);
  let_run(base);
  WAIT_STATUS(base, SUCCESS);
  close_two();
}

TEST_MAIN
