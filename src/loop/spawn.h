/* Child programs.  Always an argument vector and a built environment, never a shell.
 *
 * A child runs in a session and process group of its own, so that stopping it also stops what it
 * started.  Its output is read as it comes; the last SPAWN_TAIL bytes of standard error are kept
 * for the error text.  Standard output is either collected (bounded) or handed on.
 *
 *     struct spawn_options options = { .argv = argv, .deadline_ms = 10000, .collect_limit = 65536 };
 *     TRY(spawn_start(loop, &options, on_done, arg, NULL));
 */
#ifndef TRAMWAY_LOOP_SPAWN_H
#define TRAMWAY_LOOP_SPAWN_H

#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"

#define SPAWN_TAIL 4096

typedef struct spawn spawn;

struct spawn_result {
  const char *name;   /* the program, for messages */
  int exit_status;    /* 0 when it exited so; 128 + signal when it was killed by one */
  int signal;         /* 0, or what killed it */
  bool timed_out;     /* killed because deadline_ms passed */
  bool cancelled;     /* killed by spawn_cancel */
  bool truncated;     /* standard output was longer than collect_limit */
  int read_error, write_error; /* errno, or 0: its output or its input broke off on our side */
  const char *output; /* collected standard output; borrowed, NUL-terminated */
  size_t output_len;
  const char *error_tail; /* the end of standard error; borrowed */
};

/* Called once, on the loop, when the child has exited and its output has been read to the end (or
 * is held open by a grandchild for more than a second). */
typedef void spawn_done_fn(void *arg, const struct spawn_result *result);

/* Called for each piece of output; `fd` is 1 or 2 (always 1 with a terminal). */
typedef void spawn_output_fn(void *arg, int fd, const char *data, size_t len);

struct spawn_options {
  const char *const *argv; /* argv[0] is looked up in PATH unless it has a slash */
  const char *const *env;  /* NULL: PATH, HOME, LANG and nothing else */
  const char *cwd;         /* NULL: tramd's own ("/") */
  const void *input;       /* standard input; copied.  NULL with keep_input false: /dev/null */
  size_t input_len;
  int input_fd;               /* or standard input is this, when not 0; the caller closes its copy */
  bool keep_input;            /* leave standard input open for spawn_write */
  bool terminal;              /* a pseudo-terminal instead of pipes; implies keep_input */
  const int *inherit_fds;     /* further descriptors: inherit_fds[i] becomes 3 + i; the caller keeps */
  size_t inherit_fds_len;     /* and closes its own copies */
  int64_t deadline_ms;        /* SIGKILL to the group after that long; 0: no limit */
  size_t collect_limit;       /* bytes of standard output to keep for spawn_result */
  spawn_output_fn *on_output; /* or this: pieces as they come, with done's `arg` */
};

/* Starts the program.  `ret_child`, when not NULL, is valid until `done` has been called. */
fallible spawn_start(loop *l, const struct spawn_options *options, spawn_done_fn *done, void *arg,
                     spawn **ret_child);


/* Sends `signal` to the whole group. */
void spawn_kill(spawn *s, int signal);

/* SIGTERM now, SIGKILL after `grace_ms`; `done` is still called, with `cancelled`. */
void spawn_cancel(spawn *s, int64_t grace_ms);

/* Queues bytes for the child's standard input (copied).  spawn_input_pending tells how many wait,
 * so that the producer can hold back; spawn_close_input ends it. */
void spawn_write(spawn *s, const void *data, size_t len);
size_t spawn_input_pending(const spawn *s);
void spawn_close_input(spawn *s);

/* Holds output back (the pipe fills and the child waits) or lets it flow again. */
void spawn_pause(spawn *s, bool paused);

/* Tells a terminal's size. */
void spawn_resize(spawn *s, int columns, int rows);

/* NULL when the child exited with 0 and was heard to the end; else "NAME: exit status 3: <last lines of standard error>". */
fallible spawn_result_err(const struct spawn_result *result);

#endif
