#include "core/bucket_private.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "loop/timer.h"
#include "store/bucket.h"
#include "store/service.h"

enum { SWEEP_MS = 3600 * 1000 };

err *core_bucket_delete(core *c, const char *id, const char *environment_id) {
  auto_bucket_instance i = {0};
  int64_t now_us = clock_now_us();
  TRY(bucket_instance_of(c, id, environment_id, &i));
  if (i.deleted_us) return NULL;
  TRY(bucket_instance_set_deleted(c->db, i.id, now_us, now_us));
  buckets_tell(c, i.service_id, environment_id);
  return NULL;
}

err *core_bucket_restore(core *c, const char *id, const char *environment_id) {
  auto_bucket_instance i = {0};
  TRY(bucket_instance_of(c, id, environment_id, &i));
  if (!i.deleted_us) return err_new(ERR_CONFLICT, "the bucket is not deleted");
  i.deleted_us = 0;
  i.updated_us = clock_now_us();
  bucket_key_make(&i);
  TRY(bucket_instance_replace(c->db, &i));
  buckets_tell(c, i.service_id, environment_id);
  return NULL;
}

/* ---- the end ---- */

struct emptying {
  core *core;
  char id[ID_SIZE], bucket_id[ID_SIZE];
};

/* The row goes when the objects are gone; with the last one, the bucket. */
static err *forget(core *c, const struct emptying *e) {
  auto_bucket_instance_list left = {0};
  auto_db_transaction t = {0};
  TRY(db_begin(c->db, &t));
  TRY(bucket_instance_delete(c->db, e->id));
  TRY(bucket_instance_list_by_bucket(c->db, e->bucket_id, &left));
  if (!left.len) TRY(bucket_delete(c->db, e->bucket_id));
  return db_commit(&t);
}

static void on_emptied(void *arg, err *e, json_t *value) {
  struct emptying *emptying = arg;
  json_decref(value);
  if (!e) e = forget(emptying->core, emptying);
  if (e) log_warn("bucket", "destroying what was deleted, tried again within an hour: %s", err_message(e));
  err_ignore(e);
  free(emptying);
}

/* With its storage service the objects went to the trash of volumes: nobody is left to be asked. */
static err *ask_to_empty(core *c, const struct bucket_instance *i, struct emptying *emptying) {
  auto_service storage = {0};
  err *e = service_get(c->db, i->service_id, &storage);
  if (!e) return bucket_ask(c, i->service_id, i->environment_id, "empty", i->bucket_name, on_emptied, emptying);
  if (err_code_of(e) != ERR_NOT_FOUND) return e;
  err_free(e);
  on_emptied(emptying, NULL, NULL);
  return NULL;
}

static void empty(core *c, const struct bucket_instance *i) {
  struct emptying *emptying = mem_zalloc(sizeof *emptying);
  emptying->core = c;
  id_copy(emptying->id, i->id);
  id_copy(emptying->bucket_id, i->bucket_id);
  err *e = ask_to_empty(c, i, emptying);
  if (e) on_emptied(emptying, e, NULL);
}

static void on_sweep(void *arg) {
  core *c = arg;
  auto_bucket_instance_list list = {0};
  auto_err *e = bucket_instance_list_deleted(c->db, clock_now_us() - BUCKET_TRASH_MS * 1000, &list);
  if (e) log_warn("bucket", "looking for what was deleted: %s", err_message(e));
  for (size_t i = 0; i < list.len; i++) empty(c, &list.items[i]);
}

void buckets_sweep_start(core *c) {
  c->bucket_sweep = timer_start(c->loop, 0, SWEEP_MS, on_sweep, c);
}

void buckets_sweep_stop(core *c) {
  timer_stop(c->bucket_sweep);
  c->bucket_sweep = NULL;
}
