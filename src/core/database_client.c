#include "core/database_client.h"

#include <stdlib.h>
#include <string.h>

#include "core/database_private.h"
#include "core/database_program.h"
#include "core/variables.h"
#include "store/deployment.h"
#include "store/service.h"

enum {
  MARKER_BYTES = 16,
  ERRORS_MAX = 4096, /* of what the program says of a failure */
  FAREWELL_MS = 2000,
};

struct database_session {
  core *core;
  struct list link; /* in core->database_sessions */
  engine_exec *exec; /* NULL once it has ended */
  enum database_kind kind;
  char *marker, *end_line;
  struct str output, errors;
  timer *deadline;
  /* of the statement that is under way; done NULL: none */
  database_answer_fn *done;
  void *arg;
  size_t output_max;
  int64_t deadline_ms;
  bool is_secret;
  bool broken, closed;
  bool defers; /* refuse_late is still to come */
};

static void session_free(struct database_session *s) {
  list_remove(&s->link);
  timer_stop(s->deadline);
  free(s->marker);
  free(s->end_line);
  str_done(&s->output);
  str_done(&s->errors);
  free(s);
}

/* Last of all in whoever calls it: the session may be gone after it. */
static void answer(struct database_session *s, err *e, const char *output) {
  database_answer_fn *done = s->done;
  void *arg = s->arg;
  s->done = NULL;
  timer_stop(s->deadline);
  s->deadline = NULL;
  if (done)
    done(arg, e, output);
  else
    err_ignore(e);
}

/* Ends the session, and the statement with that error. */
static void give_up(struct database_session *s, err *e) {
  s->broken = true;
  if (s->exec) engine_exec_kill(s->exec);
  answer(s, e, NULL);
}

/* ---- what the program says ---- */

/* The end line is the last one, and whole. */
static bool is_answered(const struct database_session *s) {
  size_t len = strlen(s->end_line);
  if (s->output.len < len + 1 || s->output.data[s->output.len - 1] != '\n') return false;
  const char *start = s->output.data + s->output.len - 1 - len;
  return memcmp(start, s->end_line, len) == 0 && (start == s->output.data || start[-1] == '\n');
}

static void take_answer(struct database_session *s) {
  struct str output = s->output;
  s->output = STR_EMPTY;
  output.len -= strlen(s->end_line) + 1;
  if (output.len) output.len--; /* the newline before it */
  output.data[output.len] = 0;
  answer(s, NULL, output.data);
  str_done(&output);
}

static void on_output(void *arg, int fd, const char *data, size_t len) {
  struct database_session *s = arg;
  if (s->closed || s->broken) return;
  if (fd == 2) {
    size_t room = ERRORS_MAX - s->errors.len;
    str_add_bytes(&s->errors, data, len < room ? len : room);
    return;
  }
  if (!s->done) return; /* nobody asked */
  str_add_bytes(&s->output, data, len);
  if (is_answered(s))
    take_answer(s);
  else if (s->output.len > s->output_max)
    give_up(s, err_new(ERR_LIMIT, "the database answered with more than %zu bytes", s->output_max));
}

/* "psql:<stdin>:3: ERROR:  relation "x" does not exist" and what follows it, in one line. */
static err *failure(const struct database_session *s, int exit_code) {
  if (s->is_secret) return err_new(ERR_INVALID, "the database refused it (exit status %d)", exit_code);
  auto_free char *text = str_ndup(str_text(&s->errors), s->errors.len);
  char *said = str_trim(text);
  for (char *p = said; *p; p++)
    if ((unsigned char)*p < ' ') *p = ' ';
  if (!*said) return err_new(ERR_IO, "the database's client ended with status %d and said nothing", exit_code);
  return err_new(ERR_INVALID, "the database says: %s", said);
}

static void on_exit_of_program(void *arg, err *e, int exit_code) {
  struct database_session *s = arg;
  s->exec = NULL;
  if (s->closed) {
    err_ignore(e);
    if (!s->defers) session_free(s);
    return;
  }
  if (!s->done) {
    s->broken = true;
    err_ignore(e);
    return;
  }
  s->broken = true;
  answer(s, e ? err_wrap(e, "the database's client program") : failure(s, exit_code), NULL);
}

/* ---- asking ---- */

static void on_deadline(void *arg) {
  struct database_session *s = arg;
  give_up(s, err_new(ERR_BUSY, "the database did not answer within %lld s", (long long)(s->deadline_ms / 1000)));
}

static void refuse_late(void *arg) {
  struct database_session *s = arg;
  s->defers = false;
  if (s->closed) {
    if (!s->exec) session_free(s);
    return;
  }
  answer(s, err_new(ERR_CONFLICT, "the session with the database has ended: an earlier statement failed, or its "
                                  "instance has stopped"), NULL);
}

void database_ask(database_session *s, const struct database_statement *statement, database_answer_fn *done, void *arg) {
  s->done = done;
  s->arg = arg;
  s->is_secret = statement->is_secret;
  s->output_max = statement->output_max ? statement->output_max : DATABASE_OUTPUT_MAX;
  s->deadline_ms = statement->deadline_ms ? statement->deadline_ms : DATABASE_DEADLINE_MS;
  str_clear(&s->output);
  if (s->broken || !s->exec) {
    s->defers = true;
    loop_defer(s->core->loop, refuse_late, s);
    return;
  }
  auto_free char *input = database_program_input(s->kind, statement->text, s->marker);
  s->deadline = timer_start(s->core->loop, s->deadline_ms, 0, on_deadline, s);
  engine_exec_write(s->exec, input, strlen(input));
  if (statement->is_secret) secret_wipe(input, strlen(input));
}

/* ---- a session's life ---- */

/* The live deployment of the service in the environment, and the image that it runs. */
static err *find_deployment(core *c, const struct database_target *target, struct deployment *ret_deployment) {
  auto_service service = {0};
  auto_service_instance instance = {0};
  bool found = false;
  TRY(service_get(c->db, target->service_id, &service));
  TRY(service_instance_find(c->db, target->service_id, target->environment_id, &found, &instance));
  if (found) TRY(deployment_find_active(c->db, instance.id, &found, ret_deployment));
  if (found) return NULL;
  return err_new(ERR_CONFLICT, "'%s' does not run in this environment: deploy it first", service.name);
}

err *database_kind_of_service(core *c, const struct database_place *place, enum database_kind *ret_kind) {
  auto_deployment d = {0};
  struct database_target target = {.environment_id = place->environment_id, .service_id = place->service_id};
  TRY(find_deployment(c, &target, &d));
  *ret_kind = database_kind_of_image(d.settings.source_image);
  return NULL;
}

static err *start_program(struct database_session *s, const char *instance_id, const struct database_program *program) {
  struct exec_options options = {.instance_id = instance_id,
                                 .argv = (const char *const *)program->argv.items,
                                 .env = (const char *const *)program->env.items,
                                 .on_output = on_output,
                                 .on_exit = on_exit_of_program,
                                 .arg = s};
  TRY(engine_exec_start(s->core->engine, &options, &s->exec));
  if (program->preamble) engine_exec_write(s->exec, program->preamble, strlen(program->preamble));
  return NULL;
}

static struct database_session *session_new(core *c, enum database_kind kind) {
  struct database_session *s = mem_zalloc(sizeof *s);
  s->core = c;
  s->kind = kind;
  s->marker = secret_random_hex(MARKER_BYTES);
  s->end_line = database_program_end(kind, s->marker);
  list_init(&s->link);
  list_push(&c->database_sessions, &s->link);
  return s;
}

err *database_open(core *c, const struct database_target *target, database_session **ret_session) {
  auto_deployment d = {0};
  auto_json *variables = NULL;
  auto_free char *instance_id = NULL;
  auto_database_program program = {0};
  if (c->stopping) return err_new(ERR_BUSY, "tramd ends");
  TRY(find_deployment(c, target, &d));
  TRY(variables_of_deployment(c, &d, &variables));
  struct database_program_question question = {.image = d.settings.source_image, .variables = variables,
                                               .database = target->database, .read_only = target->read_only,
                                               .statement_ms = target->statement_ms};
  TRY(database_program_find(&question, &program));
  TRY(core_running_instance(c, d.id, -1, &instance_id));
  struct database_session *s = session_new(c, program.kind);
  err *e = start_program(s, instance_id, &program);
  if (e) {
    session_free(s);
    return e;
  }
  *ret_session = s;
  return NULL;
}

enum database_kind database_session_kind(const database_session *s) {
  return s->kind;
}

static void on_farewell(void *arg) {
  struct database_session *s = arg;
  if (s->exec) engine_exec_kill(s->exec);
}

void database_close(database_session *s) {
  if (!s) return;
  bool is_idle = !s->done && !s->broken;
  s->closed = true;
  s->done = NULL;
  timer_stop(s->deadline);
  s->deadline = NULL;
  if (!s->exec) {
    if (!s->defers) session_free(s);
  } else if (is_idle) {
    engine_exec_close_input(s->exec);
    s->deadline = timer_start(s->core->loop, FAREWELL_MS, 0, on_farewell, s);
  } else {
    engine_exec_kill(s->exec);
  }
}

void database_sessions_stop(core *c) {
  LIST_FOREACH(s, &c->database_sessions, struct database_session, link) {
    if (!s->closed)
      give_up(s, err_new(ERR_BUSY, "tramd ends"));
    else if (s->exec)
      engine_exec_kill(s->exec);
  }
}

/* ---- one statement ---- */

struct one {
  database_session *session;
  database_answer_fn *done;
  void *arg;
};

static void on_one_answer(void *arg, err *e, const char *output) {
  struct one *one = arg;
  one->done(one->arg, e, output);
  database_close(one->session);
  free(one);
}

err *database_run(core *c, const struct database_target *target, const struct database_statement *statement,
                  database_answer_fn *done, void *arg) {
  database_session *s = NULL;
  TRY(database_open(c, target, &s));
  struct one *one = mem_zalloc(sizeof *one);
  *one = (struct one){s, done, arg};
  database_ask(s, statement, on_one_answer, one);
  return NULL;
}
