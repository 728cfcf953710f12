/* What the files core/database_upgrade*.c share. */
#ifndef TRAMWAY_CORE_DATABASE_UPGRADE_PRIVATE_H
#define TRAMWAY_CORE_DATABASE_UPGRADE_PRIVATE_H

#include "core/database_client.h"
#include "core/database_upgrade.h"
#include "core/internal.h"

struct database_upgrades {
  core *core;
  struct list tasks;
};

/* One that is under way.  It has a timer, or asks a database, or is being worked on in this turn. */
typedef struct upgrade_task upgrade_task;
typedef void upgrade_answer_fn(upgrade_task *t, err *e, const char *output); /* owns e */
struct upgrade_task {
  struct list link;
  core *core;
  struct database_upgrade u; /* with a problem: it is being undone */
  char *version, *frozen;    /* of the live one: what upgrade_copy_begin's question said */
  char user_id[ID_SIZE];
  char former_id[ID_SIZE]; /* a deployment of what was before, where nothing of it runs any more */
  timer *timer;
  database_session *session;
  upgrade_answer_fn *answer;
  json_t *facts[2]; /* of the live one and of the copy */
  size_t asked;     /* for the facts: databases, both sides; the clusters are the first two */
  size_t facts_bytes;
  int64_t since_ms;
  char *said; /* what was last logged of what hinders its end */
  bool thaws; /* the live one may be kept from writing */
};

enum { UPGRADE_LAST_LINES = 8 }; /* of a log, that are told */

/* ---- database_upgrade.c ---- */

void upgrade_task_free(upgrade_task *t);
void upgrade_later(upgrade_task *t, void (*fn)(void *)); /* fn(t) in a moment; its first step is upgrade_due */
void upgrade_due(upgrade_task *t);
/* `done` is called unless it is cancelled or tramd ends.  `database` NULL: the one of the service's variables. */
fallible upgrade_ask(upgrade_task *t, const char *service_id, const char *database, const char *text, upgrade_answer_fn *done);
fallible upgrade_record(upgrade_task *t, enum database_upgrade_status status);
/* *ret_live, or the error says how the latest deployment of the service ended, or that it is of another image. */
fallible upgrade_look_at(upgrade_task *t, const char *service_id, const char *image, bool *ret_live);

/* ---- database_upgrade_copy.c: until the copy is known to be whole ---- */

void upgrade_copy_begin(upgrade_task *t);

/* ---- database_upgrade_switch.c: to the other version; the end ---- */

void upgrade_switch(void *task);            /* its status says to which */
void upgrade_conclude(upgrade_task *t);     /* a rehearsal is over */
void upgrade_fail(upgrade_task *t, err *e); /* takes e: all goes back to what it was */
void upgrade_undo(void *task);              /* the same, from u.problem */

#endif
