/* What no workload owns: left by a tramd that was killed, or by an instance that could not be taken away
 * altogether in the time that anybody waits for it.  Looked for at the start and from time to time. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/local/instance.h"

enum { AGAIN_MS = 20000 };

struct leftover {
  struct local_engine *engine;
  char *state_dir;
};

static void on_cleaned(void *arg, err *e) {
  struct leftover *left = arg;
  left->engine->leftovers.cleaning--;
  if (!e) e = file_remove_tree(left->state_dir);
  if (e) log_warn("engine", "%s", err_message(e));
  err_free(e);
  free(left->state_dir);
  free(left);
}

/* One that is wanted and could not be adopted may run: it is left alone. */
static bool is_wanted(const struct local_engine *en, const char *id) {
  long long replica;
  const char *dash = strrchr(id, '-');
  if (!dash || !str_to_int(dash + 1, 0, INT16_MAX, &replica)) return false;
  auto_free char *workload_id = str_ndup(id, (size_t)(dash - id));
  const struct local_workload *owner = map_get(en->workloads, workload_id);
  return owner && !owner->removing && replica < owner->w->replicas;
}

static void find(const struct local_engine *en, const char *folder_path, struct strv *ids) {
  DIR *folder = opendir(folder_path);
  err *e = NULL; /* what is not seen now is seen next time */
  for (struct dirent *entry; folder && (entry = folder_next(folder, folder_path, &e));) {
    const char *id = entry->d_name;
    if (id[0] == '.' || map_has(en->instances, id) || is_wanted(en, id)) continue;
    if (!strv_has(ids, id)) strv_add(ids, id);
  }
  err_ignore(e);
  if (folder) closedir(folder);
}

static void clean(void *arg) {
  struct local_engine *en = arg;
  auto_strv ids = STRV_EMPTY;
  if (en->leftovers.cleaning || en->halting || en->closing) return;
  find(en, en->folders.instances, &ids);
  find(en, en->folders.bundles, &ids);
  find(en, en->folders.crun, &ids);
  for (size_t i = 0; i < ids.len; i++) {
    log_info("engine", "removing what is left of instance '%s'", ids.items[i]);
    struct leftover *left = mem_alloc(sizeof *left);
    *left = (struct leftover){en, path_join(en->folders.instances, ids.items[i])};
    en->leftovers.cleaning++;
    container_clean(en, ids.items[i], 0, on_cleaned, left);
  }
}

void leftovers_begin(struct local_engine *en) {
  clean(en);
  en->leftovers.timer = timer_start(en->loop, AGAIN_MS, AGAIN_MS, clean, en);
}
