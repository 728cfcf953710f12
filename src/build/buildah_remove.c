/* Deletes images one after another.  skopeo deletes exactly what it is told; `buildah rmi` also takes
 * every parent that has no name, which may be what a deployment runs. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "build/buildah_internal.h"
#include "loop/spawn.h"

enum { REMOVE_DEADLINE_MS = 120000, OUTPUT_LIMIT = 65536 };

struct removal {
  buildah *tools;
  struct strv ids;
  size_t next;
  err *error; /* the first */
  void (*done)(void *arg, err *e);
  void *arg;
};

static void remove_next(void *arg);

static void finish(struct removal *r) {
  buildah *b = r->tools;
  b->cleaning = false;
  r->done(r->arg, r->error);
  strv_done(&r->ids);
  free(r);
  buildah_start_waiting(b);
}

/* One that cannot be deleted does not keep the others. */
static void on_removed(void *arg, const struct spawn_result *result) {
  struct removal *r = arg;
  err *e = spawn_result_err(result);
  if (e && strstr(err_message(e), "image not known")) {
    err_free(e);
    e = NULL;
  }
  if (e) e = err_wrap(e, "deleting the image %s", r->ids.items[r->next]);
  if (e && r->error)
    err_free(e);
  else if (e)
    r->error = e;
  r->next = r->tools->stop_removing ? r->ids.len : r->next + 1;
  remove_next(r);
}

static err *start(struct removal *r) {
  const buildah *b = r->tools;
  const char *id = r->ids.items[r->next];
  const char *bare = str_starts(id, "sha256:") ? id + strlen("sha256:") : id;
  auto_free char *image = str_format("containers-storage:[overlay@%s+%s]@%s", b->paths.root, b->paths.run_root, bare);
  /* It ends its work also when tramd is killed: the store forgets an image before it deletes the layers. */
  const char *const argv[] = {b->config->exec_program, "--private-mounts", "--hide-cgroup2", "--",
                              "skopeo",                "delete",           image,            NULL};
  auto_strv env = STRV_EMPTY;
  buildah_command_env(b->config, &b->paths, NULL, &env);
  struct spawn_options options = {
      .argv = argv,
      .env = (const char *const *)env.items,
      .deadline_ms = REMOVE_DEADLINE_MS,
      .collect_limit = OUTPUT_LIMIT,
  };
  return spawn_start(b->loop, &options, on_removed, r, NULL);
}

static void remove_next(void *arg) {
  struct removal *r = arg;
  if (r->next == r->ids.len) {
    finish(r);
    return;
  }
  err *e = start(r);
  if (!e) return;
  err_free(r->error);
  r->error = e;
  finish(r);
}

void buildah_stop_removing(buildah *b) {
  b->stop_removing = true;
}

void buildah_remove_images(buildah *b, const struct strv *image_ids, void (*done)(void *arg, err *e), void *arg) {
  if (b->running || b->cleaning) {
    done(arg, err_new(ERR_BUSY, "the image store is in use"));
    return;
  }
  struct removal *r = mem_zalloc(sizeof *r);
  *r = (struct removal){.tools = b, .done = done, .arg = arg};
  strv_add_all(&r->ids, (const char *const *)image_ids->items);
  b->cleaning = true;
  b->stop_removing = false;
  loop_defer(b->loop, remove_next, r);
}
