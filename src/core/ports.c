#include "core/ports.h"

static const struct instance_socket *find(const struct port_question *q, int port, bool reachable) {
  for (size_t i = 0; i < q->sockets_len; i++)
    if (q->sockets[i].port == port && q->sockets[i].loopback_only == !reachable) return &q->sockets[i];
  return NULL;
}

static bool reachable(const struct port_question *q, int port) {
  return port && find(q, port, true);
}

static bool exposed(const struct port_question *q, int port) {
  for (size_t i = 0; q->exposed && i < q->exposed->len; i++) {
    auto_strv parts = STRV_EMPTY;
    long long number;
    strv_split(&parts, q->exposed->items[i], '/');
    bool tcp = parts.len < 2 || str_ieq(parts.items[1], "tcp");
    if (tcp && str_to_int(parts.items[0], 1, 65535, &number) && number == port) return true;
  }
  return false;
}

/* The only reachable port that passes `wanted`; 0 when there is none or more than one. */
static int only_port(const struct port_question *q, bool exposed_only) {
  int only = 0;
  for (size_t i = 0; i < q->sockets_len; i++) {
    int port = q->sockets[i].port;
    if (q->sockets[i].loopback_only || port == only) continue;
    if (exposed_only && !exposed(q, port)) continue;
    if (only) return 0;
    only = port;
  }
  return only;
}

static void list_ports(const struct port_question *q, bool loopback, struct str *text) {
  for (size_t i = 0; i < q->sockets_len; i++) {
    const struct instance_socket *s = &q->sockets[i];
    if (s->loopback_only != loopback) continue;
    str_addf(text, "%s%s%d", text->len ? ", " : "",
             !loopback ? "" : s->ipv6 ? "[::1]:" : "127.0.0.1:", s->port);
    if (s->process[0]) str_addf(text, " (%s)", s->process);
  }
}

static void explain(const struct port_question *q, struct str *problem) {
  auto_str outside = STR_EMPTY, inside = STR_EMPTY;
  list_ports(q, false, &outside);
  list_ports(q, true, &inside);
  int wanted = q->target_port ? q->target_port : q->port;
  const char *what = q->target_port ? "the target port" : "PORT";
  str_addf(problem, "nothing listens on %s %d", what, wanted);
  if (outside.len)
    str_addf(problem, "; the app listens on %s: set the domain's target port to one of them, or let "
                      "the app listen on $PORT", str_text(&outside));
  else if (inside.len)
    str_addf(problem, "; the app listens on %s, which only the instance itself can reach: let it "
                      "listen on 0.0.0.0 or [::]", str_text(&inside));
  else
    str_addf(problem, ", and on no other port: let the app listen on 0.0.0.0:$PORT");
}

void port_choose(const struct port_question *q, struct port_answer *ret_answer) {
  *ret_answer = (struct port_answer){0};
  if (q->target_port) {
    ret_answer->port = reachable(q, q->target_port) ? q->target_port : 0;
    ret_answer->certain = true;
  } else if (reachable(q, q->port)) {
    ret_answer->port = q->port;
    ret_answer->certain = true;
  } else if ((ret_answer->port = only_port(q, false))) {
    str_addf(&ret_answer->note, "nothing listens on PORT %d; the app listens on port %d: using that",
             q->port, ret_answer->port);
  } else if ((ret_answer->port = only_port(q, true))) {
    str_addf(&ret_answer->note,
             "nothing listens on PORT %d; of the ports the app listens on, the image EXPOSEs %d: using that",
             q->port, ret_answer->port);
  }
  if (!ret_answer->port) explain(q, &ret_answer->problem);
}

void port_answer_done(struct port_answer *answer) {
  str_done(&answer->note);
  str_done(&answer->problem);
}
