/* The build queue: rows of the database in the order of queued_us; as many build at a time as the
 * configuration says, and one at a time of each service. */
#include "base/log.h"
#include "core/disk.h"
#include "core/internal.h"
#include "store/deployment.h"

static bool service_is_building(core *c, const char *service_instance_id) {
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(c->runs, &cursor, &id, &value))
    if (run_is_building(value) && str_eq(run_service_instance(value), service_instance_id)) return true;
  return false;
}

static int builds_now(core *c) {
  int count = 0;
  size_t cursor = 0;
  const char *id;
  void *value;
  while (map_next(c->runs, &cursor, &id, &value)) count += run_is_building(value);
  return count;
}

bool queue_is_building(core *c) {
  return c->cleaning || builds_now(c) > 0;
}

/* False when the disk is short and it is being seen to. */
static bool begin_build(core *c, struct run *r) {
  err *why = NULL;
  enum disk_answer answer = disk_admits_build(c->disk, &why);
  if (answer == DISK_REFUSES) run_fail_with(r, why);
  err_free(why);
  if (answer == DISK_ADMITS) {
    disk_build_begins(c->disk);
    run_build(r);
  }
  return answer != DISK_IS_ASKED_AGAIN;
}

static err *start_what_can(core *c) {
  auto_deployment_list waiting = {0};
  bool held = disk_holds_builds(c->disk);
  TRY(deployment_list_queued(c->db, &waiting));
  for (size_t i = 0; i < waiting.len; i++) {
    if (builds_now(c) >= c->options.build_concurrency) break;
    const struct deployment *d = &waiting.items[i];
    struct run *r = run_find(c, d->id);
    if (!r || !run_wants_build(r) || service_is_building(c, d->service_instance_id)) continue;
    if (held) disk_build_waits(c->disk);
    if (held || !begin_build(c, r)) break;
  }
  return NULL;
}

static void look(void *arg) {
  core *c = arg;
  c->queue_due = false;
  if (c->stopping || c->cleaning) return;
  err *e = start_what_can(c);
  if (!e) return;
  log_error("queue", "%s", err_message(e));
  err_free(e);
  core_retry_later(c);
}

void queue_wake(core *c) {
  if (c->queue_due || c->stopping) return;
  c->queue_due = true;
  loop_defer(c->loop, look, c);
}
