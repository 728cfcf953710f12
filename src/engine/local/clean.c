#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "engine/local/instance.h"
#include "engine/local/rootfs.h"
#include "engine/local/runtime.h"
#include "loop/spawn.h"
#include "loop/work.h"

enum { DELETE_DEADLINE_MS = 30000 };

struct cleaning {
  struct local_engine *engine;
  char *id, *bundle, *rootfs, *writable, *exit_file, *socket_dir;
  char layers[16]; /* "7.": how the names of its layers' helper folders start; "": none */
  err *not_started; /* crun */
  clean_done_fn *done;
  void *arg;
};

static void on_removed(void *arg, err *e) {
  struct cleaning c = *(struct cleaning *)arg;
  free(arg);
  c.engine->pending--;
  c.done(c.arg, err_wrap(e, "cleaning up after '%s'", c.id));
  free(c.id);
  free(c.bundle);
  free(c.rootfs);
  free(c.writable);
  free(c.exit_file);
  free(c.socket_dir);
}

static err *remove_files(void *arg) {
  const struct cleaning *c = arg;
  TRY(rootfs_unmount(c->rootfs, c->writable));
  if (*c->layers) TRY(rootfs_unmount_layers(c->engine->folders.layers, c->layers));
  if (unlink(c->exit_file) < 0 && errno != ENOENT)
    return err_errno(errno, "removing '%s'", c->exit_file);
  TRY(file_remove_tree(c->socket_dir));
  return file_remove_tree(c->bundle);
}

/* Also what cannot be looked at: crun says then what is wrong. */
static bool may_be_known_to_crun(const struct cleaning *c) {
  auto_free char *path = path_join(c->engine->folders.crun, c->id);
  return file_exists(path) || errno != ENOENT;
}

static void on_deleted(void *arg, const struct spawn_result *result) {
  struct cleaning *c = arg;
  err *e = spawn_result_err(result);
  if (e && may_be_known_to_crun(c)) {
    on_removed(c, e);
    return;
  }
  err_ignore(e);
  work_start(c->engine->loop, remove_files, on_removed, c);
}

static void on_not_started(void *arg) {
  struct cleaning *c = arg;
  on_removed(c, c->not_started);
}

void container_clean(struct local_engine *en, const char *id, unsigned mount, clean_done_fn *done,
                     void *arg) {
  struct cleaning *c = mem_zalloc(sizeof *c);
  c->engine = en;
  c->done = done;
  c->arg = arg;
  c->id = str_dup(id);
  c->bundle = path_join(en->folders.bundles, id);
  c->rootfs = path_join(c->bundle, "rootfs");
  c->writable = str_format("%s/%s/writable", en->folders.instances, id);
  c->socket_dir = path_join(en->folders.sockets, id);
  c->exit_file = path_join(en->folders.exits, id);
  if (mount) snprintf(c->layers, sizeof c->layers, "%u.", mount);
  en->pending++;
  cgroups_thaw(&en->cgroups, id); /* what is frozen does not die */
  cgroups_kill(&en->cgroups, id);
  if (!may_be_known_to_crun(c)) {
    work_start(en->loop, remove_files, on_removed, c);
    return;
  }
  auto_strv argv = STRV_EMPTY;
  strv_add_all(&argv, (const char *const *)en->runtime_argv.items);
  strv_add_all(&argv, (const char *const[]){"delete", "--force", id, NULL});
  struct spawn_options options = {.argv = (const char *const *)argv.items,
                                  .env = runtime_env,
                                  .deadline_ms = DELETE_DEADLINE_MS};
  err *e = spawn_start(en->loop, &options, on_deleted, c, NULL);
  if (!e) return;
  c->not_started = e;
  loop_defer(en->loop, on_not_started, c);
}
