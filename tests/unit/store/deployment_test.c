/* Deployments, their frozen variables, steps and instances. */
#include "store/deployment.h"

#include "base/json.h"
#include "house.h"
#include "store/artifact.h"

#define NOTHING "00000000-0000-4000-8000-000000000000"

static void fill(struct house *h, struct deployment *made) {
  house_deployment(&h->instance, made);
  made->status_reason = str_dup("waiting for a free builder");
  made->cause = DEPLOYMENT_CAUSE_REPO;
  made->settings.num_replicas = 4;
  made->settings.start_command = str_dup("node server.js");
  made->meta = json_pack("{s:s}", "commitHash", "abc");
  made->message = str_dup("fix it");
  memcpy(made->creator_user_id, h->user.id, ID_SIZE);
  made->sockets = json_pack("[{s:i}]", "port", 3000);
  made->detected_port = 3000;
  made->stopped = true;
  made->queued_us = 3;
  made->status_updated_us = 4;
}

TEST(a_deployment_comes_back_whole) {
  auto_house h;
  house_open(&h);
  auto_deployment made = {0}, got = {0}, none = {0};
  fill(&h, &made);
  CHECK_OK(deployment_insert(h.d, &made));
  CHECK_OK(deployment_get(h.d, made.id, &got));
  CHECK_TEXT(got.service_instance_id, h.instance.id);
  CHECK_TEXT(got.status_reason, "waiting for a free builder");
  CHECK_INT(got.cause, DEPLOYMENT_CAUSE_REPO);
  CHECK(service_settings_equal(&got.settings, &made.settings));
  CHECK(json_equal(got.meta, made.meta));
  CHECK(json_equal(got.sockets, made.sockets));
  CHECK_TEXT(got.message, "fix it");
  CHECK_TEXT(got.creator_user_id, h.user.id);
  CHECK_TEXT(got.image_id, "");
  CHECK_INT(got.detected_port, 3000);
  CHECK(got.stopped);
  CHECK_INT(got.queued_us, 3);
  CHECK_INT(got.status_updated_us, 4);
  CHECK_ERR(deployment_get(h.d, NOTHING, &none), ERR_NOT_FOUND, "deployment '" NOTHING);
}

TEST(each_part_is_set) {
  auto_house h;
  house_open(&h);
  auto_deployment made = {0}, got = {0};
  auto_snapshot snapshot = {.hash = str_dup("s")};
  auto_image image = {.build_key = str_dup("k"), .reference = str_dup("r")};
  auto_json *meta = json_pack("{s:s}", "a", "b"), *sockets = json_array();
  auto_service_settings settings;
  service_settings_init(&settings);
  settings.builder = BUILDER_DOCKERFILE;
  fill(&h, &made);
  CHECK_OK(snapshot_insert(h.d, &snapshot));
  CHECK_OK(image_insert(h.d, &image));
  CHECK_OK(deployment_insert(h.d, &made));
  CHECK_OK(deployment_set_queued(h.d, made.id, 11, 5));
  CHECK_OK(deployment_set_snapshot(h.d, made.id, snapshot.id, 12));
  CHECK_OK(deployment_set_image(h.d, made.id, image.id, 13));
  CHECK_OK(deployment_set_settings(h.d, made.id, &settings, 14));
  CHECK_OK(deployment_set_meta(h.d, made.id, meta, 15));
  CHECK_OK(deployment_set_sockets(h.d, made.id, sockets, 8080, 16));
  CHECK_OK(deployment_set_stopped(h.d, made.id, false, 17));
  CHECK_OK(deployment_get(h.d, made.id, &got));
  CHECK_INT(got.queued_us, 11);
  CHECK_TEXT(got.snapshot_id, snapshot.id);
  CHECK_TEXT(got.image_id, image.id);
  CHECK_INT(got.settings.builder, BUILDER_DOCKERFILE);
  CHECK_INT(got.settings.num_replicas, NUM_REPLICAS_DEFAULT);
  CHECK(json_equal(got.meta, meta));
  CHECK_INT(json_array_size(got.sockets), 0);
  CHECK_INT(got.detected_port, 8080);
  CHECK(!got.stopped);
  CHECK_INT(got.updated_us, 17);
  CHECK_ERR(deployment_set_image(h.d, made.id, NOTHING, 1), ERR_CONFLICT, "FOREIGN KEY");
  CHECK_ERR(deployment_set_sockets(h.d, made.id, NULL, 70000, 1), ERR_CONFLICT, "CHECK");
  CHECK_ERR(deployment_set_stopped(h.d, NOTHING, true, 1), ERR_NOT_FOUND, "deployment");
}

TEST(a_status_changes_only_from_what_it_is) {
  auto_house h;
  house_open(&h);
  char id[ID_SIZE];
  house_deploy(&h, DEPLOYMENT_QUEUED, id);
  CHECK_OK(deployment_set_status(h.d, id, DEPLOYMENT_QUEUED, DEPLOYMENT_BUILDING, NULL, 5));
  CHECK_ERR(deployment_set_status(h.d, id, DEPLOYMENT_QUEUED, DEPLOYMENT_FAILED, "x", 6),
            ERR_CONFLICT, "is BUILDING, so it cannot go from QUEUED to FAILED");
  CHECK_OK(deployment_set_status(h.d, id, DEPLOYMENT_BUILDING, DEPLOYMENT_FAILED, "no disk", 7));
  CHECK_ERR(deployment_set_status(h.d, NOTHING, DEPLOYMENT_QUEUED, DEPLOYMENT_FAILED, "x", 6),
            ERR_NOT_FOUND, "deployment");
  auto_deployment got = {0};
  CHECK_OK(deployment_get(h.d, id, &got));
  CHECK_INT(got.status, DEPLOYMENT_FAILED);
  CHECK_TEXT(got.status_reason, "no disk");
  CHECK_INT(got.status_updated_us, 7);
}

TEST(every_status_and_cause_is_stored) {
  auto_house h;
  house_open(&h);
  for (unsigned i = 0; i < deployment_status_names.count; i++) {
    for (unsigned j = 0; j < deployment_cause_names.count; j++) {
      auto_deployment made = {0}, got = {0};
      house_deployment(&h.instance, &made);
      made.status = (enum deployment_status)i;
      made.cause = (enum deployment_cause)j;
      CHECK_OK(deployment_insert(h.d, &made));
      CHECK_OK(deployment_get(h.d, made.id, &got));
      CHECK_INT(got.status, i);
      CHECK_INT(got.cause, j);
    }
  }
}

TEST(latest_and_active_are_by_insertion_not_by_clock) {
  auto_house h;
  house_open(&h);
  bool there;
  auto_deployment none = {0}, latest = {0}, active = {0};
  CHECK_OK(deployment_find_latest(h.d, h.instance.id, &there, &none));
  CHECK(!there);
  CHECK_OK(deployment_find_active(h.d, h.instance.id, &there, &none));
  CHECK(!there);
  static const enum deployment_status statuses[] = {DEPLOYMENT_REMOVED, DEPLOYMENT_SUCCESS,
                                                    DEPLOYMENT_CRASHED, DEPLOYMENT_FAILED};
  char ids[ARRAY_LEN(statuses)][ID_SIZE];
  for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
    auto_deployment made = {0};
    house_deployment(&h.instance, &made);
    made.status = statuses[i];
    made.created_us = 1000 - (int64_t)i; /* the clock was set back */
    CHECK_OK(deployment_insert(h.d, &made));
    memcpy(ids[i], made.id, ID_SIZE);
  }
  CHECK_OK(deployment_find_latest(h.d, h.instance.id, &there, &latest));
  CHECK_TEXT(latest.id, ids[3]);
  CHECK_OK(deployment_find_active(h.d, h.instance.id, &there, &active));
  CHECK_TEXT(active.id, ids[2]);
  auto_deployment_list all_active = {0};
  CHECK_OK(deployment_list_active(h.d, &all_active));
  CHECK_INT(all_active.len, 2);
  CHECK_TEXT(all_active.items[0].id, ids[2]);
}

TEST(the_queue_is_oldest_first) {
  auto_house h;
  house_open(&h);
  static const struct {
    enum deployment_status status;
    int64_t queued_us;
  } rows[] = {
      {DEPLOYMENT_QUEUED, 30}, {DEPLOYMENT_INITIALIZING, 10}, {DEPLOYMENT_BUILDING, 5},
      {DEPLOYMENT_QUEUED, 20}, {DEPLOYMENT_REMOVED, 1},       {DEPLOYMENT_QUEUED, 20},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    char id[ID_SIZE];
    house_deploy(&h, rows[i].status, id);
    CHECK_OK(deployment_set_queued(h.d, id, rows[i].queued_us, 5));
  }
  auto_deployment_list queue = {0}, unfinished = {0};
  CHECK_OK(deployment_list_queued(h.d, &queue));
  CHECK_INT(queue.len, 4);
  static const int64_t order[] = {10, 20, 20, 30};
  for (size_t i = 0; i < queue.len; i++)
    CHECK_INT(queue.items[i].queued_us, order[i]);
  CHECK_OK(deployment_list_unfinished(h.d, &unfinished));
  CHECK_INT(unfinished.len, 5);
}

TEST(lists_are_filtered) {
  auto_house h;
  house_open(&h);
  char id[ID_SIZE];
  house_deploy(&h, DEPLOYMENT_SUCCESS, id);
  house_deploy(&h, DEPLOYMENT_FAILED, id);
  house_deploy(&h, DEPLOYMENT_REMOVED, id);
  const uint32_t two =
      DEPLOYMENT_STATUS_BIT(DEPLOYMENT_SUCCESS) | DEPLOYMENT_STATUS_BIT(DEPLOYMENT_FAILED);
  const struct {
    struct deployment_filter filter;
    size_t len;
  } rows[] = {
      {{.project_id = h.project.id}, 3},
      {{.environment_id = h.environment.id}, 3},
      {{.service_id = h.service.id, .environment_id = h.environment.id}, 3},
      {{.service_instance_id = h.instance.id, .service_id = ""}, 3},
      {{.service_instance_id = h.instance.id, .statuses = two}, 2},
      {{.project_id = h.project.id,
        .environment_id = h.environment.id,
        .service_id = h.service.id,
        .service_instance_id = h.instance.id,
        .statuses = two},
       2},
      {{.project_id = h.project.id, .statuses = DEPLOYMENT_STATUS_BIT(DEPLOYMENT_SLEEPING)}, 0},
      {{.project_id = NOTHING}, 0},
      {{.project_id = h.project.id, .service_id = NOTHING}, 0},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_deployment_list list = {0};
    CHECK_OK(deployment_list(h.d, &rows[i].filter, NULL, &list));
    CHECK_INT(list.len, rows[i].len);
  }
  struct deployment_list none;
  CHECK_ERR(deployment_list(h.d, &(struct deployment_filter){.statuses = two}, NULL, &none),
            ERR_INVALID, "needs to know of what");
}

TEST(ten_thousand_deployments_are_paged) {
  enum { COUNT = 10000, PAGE = 1000 };
  auto_house h;
  house_open(&h);
  auto_db_transaction t = {0};
  CHECK_OK(db_begin(h.d, &t));
  for (int i = 0; i < COUNT; i++) {
    char id[ID_SIZE];
    house_deploy(&h, i == 0 ? DEPLOYMENT_SUCCESS : DEPLOYMENT_REMOVED, id);
  }
  CHECK_OK(db_commit(&t));
  const struct deployment_filter filter = {.service_instance_id = h.instance.id};
  char after[ID_SIZE] = "";
  int seen = 0;
  for (bool more = true; more;) {
    auto_deployment_list list = {0};
    CHECK_OK(deployment_list(h.d, &filter, &(struct page){after, PAGE}, &list));
    CHECK_INT(list.len, PAGE);
    memcpy(after, list.items[list.len - 1].id, ID_SIZE);
    more = list.has_more;
    seen += (int)list.len;
  }
  CHECK_INT(seen, COUNT);
  bool there;
  auto_deployment active = {0};
  CHECK_OK(deployment_find_active(h.d, h.instance.id, &there, &active));
  CHECK(there);
  CHECK_TEXT(active.id, after);
}

TEST(frozen_variables_are_set_and_may_be_resolved) {
  auto_house h;
  house_open(&h);
  char id[ID_SIZE];
  house_deploy(&h, DEPLOYMENT_QUEUED, id);
  auto_json *empty = NULL, *got = NULL, *variables = json_pack("{s:s, s:s}", "A", "1", "B", "ü\n");
  CHECK_OK(deployment_variables_get(h.d, id, &empty));
  CHECK_INT(json_object_size(empty), 0);
  CHECK(json_is_object(empty));
  CHECK_OK(deployment_variables_set(h.d, id, variables));
  CHECK_OK(deployment_variables_get(h.d, id, &got));
  CHECK(json_equal(got, variables));
  auto_json *resolved = json_pack("{s:s}", "A", "2"), *again = NULL;
  CHECK_OK(deployment_variables_set(h.d, id, resolved));
  CHECK_OK(deployment_variables_get(h.d, id, &again));
  CHECK(json_equal(again, resolved));
  CHECK_ERR(deployment_variables_set(h.d, NOTHING, variables), ERR_CONFLICT, "FOREIGN KEY");
  must(db_run_script(h.d, "UPDATE deployment_variables SET format = 1, value = x'00'"));
  json_t *unread;
  CHECK_ERR(deployment_variables_get(h.d, id, &unread), ERR_CORRUPT, "does not know");
}

/* --- steps --- */

static err *start(struct house *h, const char *id, enum deployment_step_kind kind,
                  struct deployment_step *ret) {
  *ret = (struct deployment_step){.step = kind, .started_us = 10};
  memcpy(ret->deployment_id, id, ID_SIZE);
  return deployment_step_start(h->d, ret);
}

TEST(steps_run_and_count_their_attempts) {
  auto_house h;
  house_open(&h);
  char id[ID_SIZE];
  house_deploy(&h, DEPLOYMENT_DEPLOYING, id);
  auto_deployment_step build, first, second, duplicate = {0};
  auto_json *payload = json_pack("{s:i}", "durationMs", 90);
  CHECK_OK(start(&h, id, STEP_BUILD_IMAGE, &build));
  CHECK_OK(start(&h, id, STEP_HEALTHCHECK, &first));
  CHECK_OK(start(&h, id, STEP_HEALTHCHECK, &second));
  CHECK_INT(build.attempt, 1);
  CHECK_INT(first.attempt, 1);
  CHECK_INT(second.attempt, 2);
  CHECK_OK(deployment_step_finish(h.d, build.id, 20, NULL, payload));
  CHECK_OK(deployment_step_finish(h.d, first.id, 30, "503", NULL));
  CHECK_OK(deployment_step_finish_open(h.d, id, 40, "interrupted"));
  auto_deployment_step_list list = {0};
  CHECK_OK(deployment_step_list(h.d, id, &list));
  CHECK_INT(list.len, 3);
  CHECK_INT(list.items[0].step, STEP_BUILD_IMAGE);
  CHECK_INT(list.items[0].completed_us, 20);
  CHECK_TEXT(list.items[0].error, NULL);
  CHECK(json_equal(list.items[0].payload, payload));
  CHECK_TEXT(list.items[1].error, "503");
  CHECK_TEXT(list.items[2].error, "interrupted");
  CHECK_INT(list.items[2].completed_us, 40);
  CHECK_ERR(deployment_step_finish(h.d, NOTHING, 1, NULL, NULL), ERR_NOT_FOUND, "step");
  deployment_step_copy(&first, &duplicate);
  duplicate.id[0] = '\0';
  CHECK_ERR(deployment_step_start(h.d, &duplicate), ERR_CONFLICT, "UNIQUE");
}

/* --- instances --- */

static err *run(struct house *h, const char *id, enum instance_role role, int index,
                struct deployment_instance *ret) {
  *ret = (struct deployment_instance){
      .role = role, .replica_index = index, .exit_code = EXIT_CODE_NONE};
  memcpy(ret->deployment_id, id, ID_SIZE);
  return deployment_instance_insert(h->d, ret);
}

TEST(an_instance_lives_and_is_adopted) {
  auto_house h;
  house_open(&h);
  char id[ID_SIZE];
  house_deploy(&h, DEPLOYMENT_SUCCESS, id);
  auto_deployment_instance made, got = {0}, none = {0};
  CHECK_OK(run(&h, id, INSTANCE_REPLICA, 0, &made));
  made.status = INSTANCE_RUNNING;
  made.address = str_dup("10.89.0.2");
  made.exit_code = 137;
  made.restarts = 2;
  made.state = json_pack("{s:I}", "uid", (json_int_t)1 << 31);
  CHECK_OK(deployment_instance_update(h.d, &made, 6));
  CHECK_OK(deployment_instance_get(h.d, made.id, &got));
  CHECK_INT(got.status, INSTANCE_RUNNING);
  CHECK_TEXT(got.address, "10.89.0.2");
  CHECK_INT(got.exit_code, 137);
  CHECK_INT(got.restarts, 2);
  CHECK(json_equal(got.state, made.state));
  CHECK_INT(got.updated_us, 6);
  auto_deployment_instance_list live = {0}, dead = {0}, all = {0};
  CHECK_OK(deployment_instance_list_live(h.d, &live));
  CHECK_INT(live.len, 1);
  made.status = INSTANCE_REMOVED;
  CHECK_OK(deployment_instance_update(h.d, &made, 7));
  CHECK_OK(deployment_instance_list_live(h.d, &dead));
  CHECK_INT(dead.len, 0);
  CHECK_OK(deployment_instance_list(h.d, id, &all));
  CHECK_INT(all.len, 1);
  CHECK_OK(deployment_instance_delete(h.d, made.id));
  CHECK_ERR(deployment_instance_get(h.d, made.id, &none), ERR_NOT_FOUND, "deployment instance");
}

TEST(a_replica_index_has_one_living_instance) {
  auto_house h;
  house_open(&h);
  char id[ID_SIZE];
  house_deploy(&h, DEPLOYMENT_SUCCESS, id);
  auto_deployment_instance first, second, again, task_a, task_b;
  CHECK_OK(run(&h, id, INSTANCE_REPLICA, 0, &first));
  CHECK_OK(run(&h, id, INSTANCE_REPLICA, 1, &second));
  CHECK_ERR(run(&h, id, INSTANCE_REPLICA, 0, &again), ERR_CONFLICT, "replica 0 of deployment");
  CHECK_OK(run(&h, id, INSTANCE_TASK, 0, &task_a));
  CHECK_OK(run(&h, id, INSTANCE_TASK, 0, &task_b));
  first.status = INSTANCE_REMOVED;
  CHECK_OK(deployment_instance_update(h.d, &first, 1));
  CHECK_OK(deployment_instance_insert(h.d, &again));
}

TEST(deleting_a_deployment_takes_its_parts_and_leaves_its_copies) {
  auto_house h;
  house_open(&h);
  char id[ID_SIZE];
  house_deploy(&h, DEPLOYMENT_REMOVED, id);
  auto_deployment copy = {0}, got = {0};
  auto_deployment_step step;
  auto_deployment_instance instance;
  auto_json *variables = json_object();
  house_deployment(&h.instance, &copy);
  memcpy(copy.source_deployment_id, id, ID_SIZE);
  CHECK_OK(deployment_insert(h.d, &copy));
  CHECK_OK(start(&h, id, STEP_BUILD_IMAGE, &step));
  CHECK_OK(run(&h, id, INSTANCE_REPLICA, 0, &instance));
  CHECK_OK(deployment_variables_set(h.d, id, variables));
  CHECK_OK(deployment_delete(h.d, id));
  CHECK_INT(house_count(&h, "deployment_steps"), 0);
  CHECK_INT(house_count(&h, "deployment_instances"), 0);
  CHECK_INT(house_count(&h, "deployment_variables"), 0);
  CHECK_OK(deployment_get(h.d, copy.id, &got));
  CHECK_TEXT(got.source_deployment_id, "");
}

TEST_MAIN
