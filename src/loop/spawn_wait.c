#include "loop/spawn_wait.h"

#include <stdbool.h>

enum { TURN_MS = 1000 };

struct waiting {
  bool ended;
  err *error;
};

static void on_end(void *arg, const struct spawn_result *result) {
  struct waiting *w = arg;
  w->ended = true;
  w->error = spawn_result_err(result);
}

err *spawn_wait(const struct spawn_options *options) {
  struct waiting w = {0};
  loop *l = loop_new();
  err *e = spawn_start(l, options, on_end, &w, NULL);
  while (!e && !w.ended)
    loop_turn(l, TURN_MS);
  loop_free(l);
  return e ? e : w.error;
}
