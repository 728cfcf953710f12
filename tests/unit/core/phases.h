/* The phases of a deployment on its way to live, and how a test holds one there.  For the tests that do
 * something in each of them. */
#ifndef TRAMWAY_TESTS_CORE_PHASES_H
#define TRAMWAY_TESTS_CORE_PHASES_H

#include "town.h"

static char old[ID_SIZE], new[ID_SIZE]; /* deployments of `service` */

/* Before the deployment `new` is made, `hold` sees to it that it does not go further. */
struct phase {
  const char *name;
  void (*hold)(void);
  bool (*reached)(void);
};

static inline void set_pre_deploy(void) {
  str_replace_owned(&instance.settings.pre_deploy_command, "migrate");
}

static inline void hold_queue(void) {
  bld->hold = true; /* every place is taken by other services */
  static const char *const names[] = {"one", "two"};
  for (size_t i = 0; i < ARRAY_LEN(names); i++) {
    auto_service s = {0};
    auto_service_instance other = {0};
    char id[ID_SIZE];
    town_make_service(names[i], &s, &other);
    CHECK_OK(core_deploy_instance(town, &other, "", id));
    WAIT(fake_build_of(bld, id));
  }
}
static inline bool is_queued(void) {
  return status_of(new) == DEPLOYMENT_QUEUED;
}
static inline void hold_build(void) {
  bld->hold = true;
}
static inline bool is_building(void) {
  return fake_build_of(bld, new) != NULL;
}

static inline struct fake_instance *job(void) {
  auto_free char *id = str_format("%s-pre", new);
  return fake_find(en, id, 0);
}
static inline void hold_job(void) {
  set_pre_deploy();
  en->job = fake_runs(0);
}
static inline bool job_runs(void) {
  return job() && job()->app.status == INSTANCE_RUNNING;
}

static inline void hold_job_removal(void) {
  set_pre_deploy();
  en->hold_removals = true;
}
static inline bool job_is_removed(void) {
  return job() && job()->app.status == INSTANCE_EXITED && !list_empty(&en->removals);
}

static inline void hold_instances(void) {
  en->app.status = INSTANCE_CREATED;
}
static inline bool instances_exist(void) {
  return fake_find(en, new, 0) != NULL;
}

static inline void hold_sockets(void) {
  en->hold_sockets = true;
}
static inline bool sockets_are_asked(void) {
  return !list_empty(&en->questions);
}

static inline void hold_edge(void) {
  gate->hold = true;
}
static inline bool edge_is_told(void) {
  json_t *targets = json_object_get(json_object_get(gate->wanted, domain.host), "targets");
  struct fake_instance *i = fake_find(en, new, 0);
  const char *first = json_string_value(json_array_get(targets, 0));
  return i && first && str_starts(first, i->address) && first[strlen(i->address)] == ':';
}

/* clang-format off */
static const struct phase phases[] = {
  { "queued",                hold_queue,       is_queued },
  { "building",              hold_build,       is_building },
  { "pre-deploy command",    hold_job,         job_runs },
  { "its job is removed",    hold_job_removal, job_is_removed },
  { "instances are started", hold_instances,   instances_exist },
  { "health is checked",     hold_sockets,     sockets_are_asked },
  { "the edge is told",      hold_edge,        edge_is_told },
};
/* clang-format on */

static inline const struct phase *phase_named(const char *name) {
  for (size_t i = 0; i < ARRAY_LEN(phases); i++)
    if (str_eq(phases[i].name, name)) return &phases[i];
  abort();
}

/* Whatever is held goes on, now and from now on. */
static inline void release_all(void) {
  bld->hold = en->hold_removals = en->hold_sockets = gate->hold = false;
  gate->sessions = 0;
  en->app = fake_runs(8080);
  en->job = fake_ended(INSTANCE_EXITED, 0);
  fake_end_builds(bld);
  LIST_FOREACH(i, &en->instances, struct fake_instance, link) {
    bool is_job = str_ends(i->workload_id, "-pre");
    if (is_job ? i->app.status == INSTANCE_RUNNING : i->app.status == INSTANCE_CREATED)
      fake_change(en, i, is_job ? en->job : en->app);
  }
  fake_finish_removals(en);
  fake_answer_questions(en);
  fake_go_live(gate);
}

#endif
