/* Functions that need more than one statement, with each of their statements failing in turn: the
 * error comes out, nothing leaks (ASan), and a second try works. */
#include "house.h"
#include "store/domain.h"

static err *list_a_page(struct house *h, const char *id) {
  auto_deployment_list list = {0};
  const struct deployment_filter filter = {.project_id = h->project.id, .statuses = ~0u};
  return deployment_list(h->d, &filter, &(struct page){.after = id, .first = 5}, &list);
}

static err *start_a_step(struct house *h, const char *id) {
  auto_deployment_step step = {.step = STEP_BUILD_IMAGE, .error = str_dup("x")};
  memcpy(step.deployment_id, id, ID_SIZE);
  return deployment_step_start(h->d, &step);
}

static err *create_and_freeze(struct house *h, const char *id) {
  auto_deployment made = {0};
  auto_db_transaction t = {0};
  json_t *variables = json_object();
  house_deployment(&h->instance, &made);
  memcpy(made.source_deployment_id, id, ID_SIZE);
  err *e = db_begin(h->d, &t);
  if (!e) e = deployment_insert(h->d, &made);
  if (!e) e = deployment_variables_set(h->d, made.id, variables);
  if (!e) e = db_commit(&t);
  json_decref(variables);
  return e;
}

static err *read_everything(struct house *h, const char *id) {
  auto_deployment got = {0};
  auto_service_instance_list instances = {0};
  auto_project_list projects = {0};
  TRY(deployment_get(h->d, id, &got));
  TRY(service_instance_list(h->d, &instances));
  return project_list_by_user(h->d, h->user.id, NULL, &projects);
}

TEST(each_statement_may_fail) {
  static const struct {
    err *(*act)(struct house *, const char *);
    int statements;
  } rows[] = {
      {list_a_page, 2},       {start_a_step, 2},
      {create_and_freeze, 4}, {read_everything, 3},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_house h;
    house_open(&h);
    char id[ID_SIZE];
    house_deploy(&h, DEPLOYMENT_SUCCESS, id);
    for (int nth = 1; nth <= rows[i].statements; nth++) {
      db_fail_after(h.d, nth);
      CHECK_ERR(rows[i].act(&h, id), ERR_IO, "injected failure");
      CHECK(!db_in_transaction(h.d));
    }
    CHECK_INT(house_count(&h, "deployments"), 1);
    db_fail_after(h.d, 0);
    CHECK_OK(rows[i].act(&h, id));
  }
}

TEST_MAIN
