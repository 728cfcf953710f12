/* Logs of builds and of running instances, as files that outlive tramd.
 *
 *   <dir>/build/<deployment>.log               written by tramd
 *   <dir>/deploy/<deployment>/<instance>.log   written by conmon (or by the engine that streams them)
 *
 * Both hold the "k8s-file" lines that conmon writes:
 *   2026-11-20T23:17:51.104849467+00:00 stdout F text      (P instead of F: the line goes on)
 * so that there is one reader, and a line's place in the file is its identity.
 */
#ifndef TRAMWAY_OBSERVE_LOG_STORE_H
#define TRAMWAY_OBSERVE_LOG_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/redact.h"
#include "loop/loop.h"

typedef struct log_store log_store;

enum log_kind { LOG_BUILD, LOG_DEPLOY };

struct log_entry {
  int64_t time_ns;         /* Unix nanoseconds; strictly increasing within one answer (Railway's
                              clients drop `timestamp <= last`): equal ones are moved on by 1 ns */
  const char *message;     /* valid UTF-8, no control characters but tab; borrowed */
  const char *severity;    /* "info" for stdout, "error" for stderr, or the JSON line's own level */
  const char *instance_id; /* "" for build logs */
  const char *attributes;  /* JSON object text of a structured line's other keys, or "" */
};

typedef void log_entry_fn(void *arg, const struct log_entry *entry);

fallible log_store_new(loop *l, const char *dir, log_store **ret_store);
void log_store_free(log_store *s);

/* Who knows what is secret in a deployment's logs; the caller of it ends *ret_redactor.  Lines that are
 * added are written without; lines that conmon writes are shown without, whatever is asked. */
typedef err *log_redaction_fn(void *arg, const char *deployment_id, redactor **ret_redactor);
void log_store_set_redaction(log_store *s, log_redaction_fn *fn, void *arg);

/* Where the engine tells conmon to write; makes the folder.  The caller owns the path. */
fallible log_store_instance_path(log_store *s, const char *deployment_id, const char *instance_id,
                                 char **ret_path);

/* Appends one line of a build's log now (severity "info" or "error"). */
fallible log_store_add_build_line(log_store *s, const char *deployment_id, const char *severity,
                                  const char *message);

/* Appends a line of the platform's own to a deployment's log ("Stopping Container", …). */
fallible log_store_add_deploy_line(log_store *s, const char *deployment_id, const char *severity,
                                   const char *message);

struct log_query {
  enum log_kind kind;
  const char *deployment_id;
  int64_t after_ns, before_ns; /* exclusive bounds; 0: open */
  const char *filter;          /* Railway's filter grammar (railway.md 2.12); NULL or "": all */
  int limit;                   /* 1…5000: the newest that many, given oldest first */
  const redactor *redactor;    /* the store sets it */
};

/* Merged over all instances, in time order.  A bad filter is ERR_INVALID with the place. */
fallible log_store_query(log_store *s, const struct log_query *query, log_entry_fn *fn, void *arg);

/* Follows a log from after `after_ns` on: pulled by the reader, who is told when there may be more.
 * Holds no entries of its own: it remembers file positions. */
typedef struct log_follower log_follower;
fallible log_follow(log_store *s, const struct log_query *query, loop_fn *on_ready, void *arg,
                    log_follower **ret_follower);
/* Gives at most `limit` entries to fn; *ret_count tells how many; 0: wait for on_ready. */
fallible log_follower_next(log_follower *f, int limit, log_entry_fn *fn, void *arg, int *ret_count);
void log_follower_stop(log_follower *f); /* NULL is accepted */

/* Removes all logs of a deployment. */
fallible log_store_remove(log_store *s, const char *deployment_id);

#endif
