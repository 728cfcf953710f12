#include "api/late.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"

struct late_all {
  struct list open; /* tickets whose answer is to come */
  size_t count;
  bool closed;
};

struct late_ticket {
  struct late *owner; /* NULL: nobody waits for it any more */
  struct list link;   /* in owner->tickets */
  struct list open;   /* in all->open */
  char user_id[ID_SIZE], project_id[ID_SIZE]; /* of the caller */
  struct late_all *all;
  char *key; /* the field and its arguments */
  bool done;
  err *e;
  json_t *value;
};

struct late {
  struct late_all *all;
  loop_fn *again;
  void *arg;
  struct list tickets;
  size_t count, waiting;
};

struct late_all *late_all_new(void) {
  struct late_all *all = mem_zalloc(sizeof *all);
  list_init(&all->open);
  return all;
}

static void late_all_free_if_unused(struct late_all *all) {
  if (all->closed && !all->count) free(all);
}

void late_all_close(struct late_all *all) {
  if (!all) return;
  all->closed = true;
  late_all_free_if_unused(all);
}

static void ticket_free(struct late_ticket *t) {
  list_remove(&t->link);
  err_free(t->e);
  json_decref(t->value);
  free(t->key);
  free(t);
}

static char *key_of(const struct graphql_call *call) {
  auto_free char *args = json_dumps(call->args, JSON_COMPACT | JSON_SORT_KEYS);
  return str_format("%s %s", call->field, args ? args : "");
}

static struct late_ticket *ticket_find(struct late *l, const char *key) {
  LIST_FOREACH(t, &l->tickets, struct late_ticket, link)
    if (str_eq(t->key, key)) return t;
  return NULL;
}

/* Thrown away, as the request is executed again. */
static err *not_yet(void) {
  return err_new(ERR_BUSY, "the answer is not there yet");
}

static size_t count_of(const struct late_all *all, const struct caller *caller) {
  size_t count = 0;
  LIST_FOREACH(t, &all->open, struct late_ticket, open)
    count += str_eq(t->user_id, caller->user_id) && str_eq(t->project_id, caller->project_id);
  return count;
}

static err *ticket_new(struct late *l, const char *key, const struct caller *caller, struct late_ticket **ret_ticket) {
  if (l->count == LATE_FIELDS_MAX)
    return err_new(ERR_LIMIT, "a request may ask for %d such fields at most", LATE_FIELDS_MAX);
  if (l->all->count >= LATE_ALL_MAX || count_of(l->all, caller) >= LATE_OF_ONE_MAX)
    return err_new(ERR_BUSY, "too much is being asked for at the moment: try again");
  struct late_ticket *t = mem_zalloc(sizeof *t);
  t->owner = l;
  t->all = l->all;
  t->key = str_dup(key);
  id_copy(t->user_id, caller->user_id);
  id_copy(t->project_id, caller->project_id);
  list_init(&t->link);
  list_push(&l->tickets, &t->link);
  list_push(&l->all->open, &t->open);
  l->count++;
  l->waiting++;
  l->all->count++;
  *ret_ticket = t;
  return NULL;
}

err *late_take(const struct graphql_call *call, json_t **ret_value, struct late_ticket **ret_ticket) {
  struct late *l = asking_of(call)->late;
  auto_free char *key = key_of(call);
  *ret_ticket = NULL;
  if (!l) return err_new(ERR_INVALID, "%s is answered over HTTP only: POST the query", call->field);
  struct late_ticket *t = ticket_find(l, key);
  if (!t) return ticket_new(l, key, &asking_of(call)->caller, ret_ticket);
  if (!t->done) return not_yet(); /* asked for twice in one request */
  if (t->e) return err_dup(t->e);
  *ret_value = json_incref(t->value);
  return NULL;
}

static void ticket_settle(struct late_ticket *t, err *e, json_t *value) {
  t->done = true;
  t->e = e;
  t->value = value;
  list_remove(&t->open);
  t->all->count--;
  late_all_free_if_unused(t->all);
}

err *late_start(struct late_ticket *t, err *e) {
  if (!e) return not_yet();
  t->owner->waiting--;
  ticket_settle(t, e, NULL);
  return err_dup(e);
}

void late_answer(void *ticket, err *e, json_t *value) {
  struct late_ticket *t = ticket;
  struct late *l = t->owner;
  ticket_settle(t, e, value);
  if (!l)
    ticket_free(t);
  else if (--l->waiting == 0)
    l->again(l->arg);
}

struct late *late_new(struct late_all *all, loop_fn *again, void *arg) {
  struct late *l = mem_zalloc(sizeof *l);
  l->all = all;
  l->again = again;
  l->arg = arg;
  list_init(&l->tickets);
  return l;
}

bool late_is_waiting(const struct late *l) {
  return l->waiting > 0;
}

void late_free(struct late *l) {
  LIST_FOREACH(t, &l->tickets, struct late_ticket, link) {
    if (t->done) {
      ticket_free(t);
      continue;
    }
    list_remove(&t->link);
    t->owner = NULL;
  }
  free(l);
}
