/* Commands in instances of the fake engine: a test says what they answer. */
#ifndef TRAMWAY_TESTS_CORE_FAKE_EXEC_H
#define TRAMWAY_TESTS_CORE_FAKE_EXEC_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "engine/engine_ops.h"
#include "loop/loop.h"

struct fake_exec {
  struct engine_exec base;
  loop *loop;
  void (*on_output)(void *arg, int fd, const char *data, size_t len);
  void (*on_exit)(void *arg, err *e, int exit_code);
  void *arg;
  char instance_id[80];
  struct strv argv, env;
  struct str input, next; /* what it answers now, and what came meanwhile */
  bool answering, ended;
  int exit_code;
  err *problem;
};

/* What a command does at the end of the turn in which it was started, and in which it got input. */
typedef void fake_exec_fn(struct fake_exec *x);
static fake_exec_fn *fake_exec_answer;
static const char *fake_exec_fail; /* none can be started */
static int fake_execs_alive;
static struct fake_exec *fake_exec_held; /* that fake_exec_answer has left without an answer; NULL when it ends */

static inline void fake_exec_end_(void *x_) {
  struct fake_exec *x = x_;
  fake_execs_alive--;
  x->on_exit(x->arg, x->problem, x->exit_code);
  strv_done(&x->argv);
  strv_done(&x->env);
  str_done(&x->input);
  str_done(&x->next);
  free(x);
}

/* ---- for fake_exec_answer ---- */

static inline void fake_exec_say(struct fake_exec *x, int fd, const char *text) {
  if (!x->ended) x->on_output(x->arg, fd, text, strlen(text));
}

static inline void fake_exec_exit(struct fake_exec *x, err *problem, int exit_code) {
  if (x->ended) {
    err_ignore(problem);
    return;
  }
  if (x == fake_exec_held) fake_exec_held = NULL;
  x->ended = true;
  x->problem = problem;
  x->exit_code = exit_code;
  loop_defer(x->loop, fake_exec_end_, x);
}

/* A database that is asked whether it takes connections says so. */
static inline void fake_exec_probe(struct fake_exec *x) {
  if (str_eq(x->argv.items[0], "pg_isready")) fake_exec_exit(x, NULL, 0);
}
static fake_exec_fn *fake_exec_begin = fake_exec_probe;

/* What a command does when its input ends; `input` is what came in the same turn. */
static fake_exec_fn *fake_exec_closed;

/* ---- the operations ---- */

static inline void fake_exec_wake_(void *x_) {
  struct fake_exec *x = x_;
  x->answering = true;
  if (fake_exec_answer && !x->ended) fake_exec_answer(x);
  x->answering = false;
  str_done(&x->input);
  x->input = x->next;
  x->next = STR_EMPTY;
  if (x->input.len && !x->ended) loop_defer(x->loop, fake_exec_wake_, x);
}

static inline void fake_exec_begin_(void *x_) {
  struct fake_exec *x = x_;
  if (fake_exec_begin && !x->ended) fake_exec_begin(x);
}

static inline void fake_exec_write_(engine_exec *base, const void *data, size_t len) {
  struct fake_exec *x = (struct fake_exec *)base;
  bool is_awake = x->answering || x->input.len;
  if (x->ended) return;
  str_add_bytes(x->answering ? &x->next : &x->input, data, len);
  if (!is_awake) loop_defer(x->loop, fake_exec_wake_, x);
}

static inline void fake_exec_close_input_(engine_exec *base) {
  struct fake_exec *x = (struct fake_exec *)base;
  if (fake_exec_closed) fake_exec_closed(x);
  fake_exec_exit(x, NULL, 0);
}

static inline void fake_exec_kill_(engine_exec *base) {
  struct fake_exec *x = (struct fake_exec *)base;
  fake_exec_exit(x, NULL, 137);
}

static inline size_t fake_exec_pending_(const engine_exec *base) {
  return ((const struct fake_exec *)base)->input.len;
}

static inline err *fake_exec_start_at(loop *l, const struct engine_ops *ops, const struct exec_options *options,
                                      engine_exec **ret_exec) {
  if (fake_exec_fail) return err_new(ERR_IO, "%s", fake_exec_fail);
  struct fake_exec *x = mem_zalloc(sizeof *x);
  x->base.ops = ops;
  x->loop = l;
  x->on_output = options->on_output;
  x->on_exit = options->on_exit;
  x->arg = options->arg;
  snprintf(x->instance_id, sizeof x->instance_id, "%s", options->instance_id);
  strv_add_all(&x->argv, options->argv);
  strv_add_all(&x->env, options->env);
  fake_execs_alive++;
  if (fake_exec_begin) loop_defer(l, fake_exec_begin_, x);
  *ret_exec = &x->base;
  return NULL;
}

#endif
