/* Statements and commands for a database that runs as a service, through its own client program (psql,
 * mariadb, redis-cli …) inside the running instance.  Over the socket there, as the superuser that the
 * image made: for Tramway's own work (backups, rotation, the data view), never with text of a user's that
 * was not quoted.
 *
 * Order: database_open → database_ask, one at a time, each answered once → database_close, which may come
 * while one is under way (its answer then does not come).  A statement that fails, takes too long or says too much
 * ends the session: the next one is answered with ERR_CONFLICT.  What a transaction or pg_backup_start holds
 * is given up with the session.  core_stop ends all: what is under way is answered with ERR_BUSY, and the core is
 * quiet when whoever opened a session has closed it. */
#ifndef TRAMWAY_CORE_DATABASE_CLIENT_H
#define TRAMWAY_CORE_DATABASE_CLIENT_H

#include "base/str.h"
#include "core/core.h"
#include "model/database.h"

#define DATABASE_DEADLINE_MS 30000
#define DATABASE_OUTPUT_MAX (1 << 20)

typedef struct database_session database_session;

struct database_target {
  const char *environment_id, *service_id;
  const char *database; /* NULL: the one of the service's variables */
  bool read_only;       /* every transaction is READ ONLY; Redis has no such thing */
  int64_t statement_ms; /* the database itself ends a statement after this; 0: never.  Redis has none */
};

/* ERR_NOT_FOUND: there is no such service; ERR_CONFLICT: it does not run; ERR_INVALID: it is no database, or
 * one that cannot be asked (MongoDB). */
fallible database_open(core *c, const struct database_target *target, database_session **ret_session);
enum database_kind database_session_kind(const database_session *s);

struct database_statement {
  const char *text;    /* SQL, also several statements; Redis: a command in a line, or several lines */
  bool is_secret;      /* holds one: the error then says nothing of what the program said */
  int64_t deadline_ms; /* 0: DATABASE_DEADLINE_MS */
  size_t output_max;   /* bytes; 0: DATABASE_OUTPUT_MAX */
};

/* `output`: SQL: a line per row, columns separated by tabs, NULL as nothing (let the statement make JSON of what may
 * hold either); Redis: CSV, a line per command, texts as "…" with \xHH and the like, nil as NULL, an error as
 * ERROR,"…".  Without the last newline; valid during the call.  Owns e: ERR_INVALID, what the program said;
 * ERR_BUSY, the deadline; ERR_LIMIT; ERR_IO, it could not be started or ended.  Never before database_ask returns. */
typedef void database_answer_fn(void *arg, err *e, const char *output);
void database_ask(database_session *s, const struct database_statement *statement, database_answer_fn *done, void *arg);

void database_close(database_session *s); /* NULL is accepted; may be called from an answer */

/* A session for one statement. */
fallible database_run(core *c, const struct database_target *target, const struct database_statement *statement,
                      database_answer_fn *done, void *arg);

#endif
