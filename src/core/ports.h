/* Which port of an instance gets the traffic.  Pure.
 *
 * Apps are told PORT, and many ignore it (railway.md section 0, row 17; apps.md section 4, item 2).
 * In this order, the first that is listened on from outside the instance:
 *   1. the domain's target port, when somebody set one: only that one then
 *   2. PORT
 *   3. the only other port that is listened on
 *   4. among several, the one that the image EXPOSEs, when that is exactly one of them
 * Nothing suitable: the explanation says what listens instead, and what to do. */
#ifndef TRAMWAY_CORE_PORTS_H
#define TRAMWAY_CORE_PORTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "engine/engine.h"

struct port_question {
  int target_port; /* 0: none was set */
  int port;        /* the value of PORT */
  const struct strv *exposed; /* "8080/tcp" */
  const struct instance_socket *sockets;
  size_t sockets_len;
};

struct port_answer {
  int port;         /* 0: not found */
  bool certain;     /* false: something better may still come up; worth a short wait */
  struct str note;  /* how it was found, when not plainly PORT; "" otherwise */
  struct str problem; /* when port is 0: why, and what to do */
};

void port_choose(const struct port_question *question, struct port_answer *ret_answer);
void port_answer_done(struct port_answer *answer);

#endif
