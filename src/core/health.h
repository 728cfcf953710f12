/* Is a new deployment ready, or what was started of a live one?  Every replica must be, within the timeout.
 *
 * With a path: GET it on the instance's port, with `Host: healthcheck.railway.app`, until it answers
 * exactly 200 (reference 2.7).  Without: ready when its port is listened on.  Which port that is:
 * core/ports.h.  A service that nobody can visit (no domain, no path) and that listens nowhere is
 * ready after having run for HEALTH_QUIET_MS: it is a worker.
 *
 * On failure the error says why, in words. */
#ifndef TRAMWAY_CORE_HEALTH_H
#define TRAMWAY_CORE_HEALTH_H

#include <jansson.h>

#include "engine/engine.h"
#include "http/client.h"
#include "loop/loop.h"

#define HEALTH_QUIET_MS 10000
#define HEALTH_SETTLE_MS 1500 /* an app that ignores PORT gets this long to open the port it is told */
#define HEALTH_HOST "healthcheck.railway.app"

typedef struct health health;

struct health_question {
  const char *workload_id;
  int replicas;
  const char *path; /* NULL or "": the port alone */
  int64_t timeout_ms;
  int port;        /* PORT */
  int target_port; /* 0: none */
  const struct strv *exposed;
  bool is_live; /* already: its replicas that have exited with 0 are not waited for */
  bool visited; /* has a domain, or is a database: a port is needed */
  const char *const *probe; /* NULL, or a command in the instance: once it listens, it is ready when that ends with 0 (or
                               is not there): Postgres listens while it still recovers */
  int64_t quiet_ms, settle_ms; /* 0: the values above; tests wait less */
};

struct health_answer {
  int port;        /* 0: a worker */
  json_t *sockets; /* [{port, ipv6, processName}]; borrowed */
  bool completed;  /* every replica has exited with 0 */
};

/* Lines for the build log, as Railway writes them. */
typedef void health_line_fn(void *arg, const char *severity, const char *line);

/* Called once; owns e.  An error whose code is ERR_BUSY: the timeout passed. */
typedef void health_done_fn(void *arg, err *e, const struct health_answer *answer);

health *health_start(loop *l, http_client *client, engine *en, const struct health_question *question,
                     health_line_fn *on_line, health_done_fn *done, void *arg);

/* The engine reported something of this workload: looked at again at once. */
void health_instance_changed(health *h);

void health_cancel(health *h); /* `done` will not be called; NULL is accepted */

#endif
