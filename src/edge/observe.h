/* Reads HAProxy's answers: what it has, back into `struct routes`, and who is still connected.
 * Pure.  Answers come from our own HAProxy; whatever does not look like ours is ignored. */
#ifndef TRAMWAY_EDGE_OBSERVE_H
#define TRAMWAY_EDGE_OBSERVE_H

#include "edge/proxies.h"
#include "edge/routes.h"

/* `show servers state`: fills the slots and servers of an empty `r`. */
void observe_servers(struct routes *r, const char *text);

/* `show map` of the two maps; after observe_servers. */
void observe_hosts(struct routes *r, const char *text);
void observe_labels(struct routes *r, const char *text);

/* Of the TCP proxies: `show stat` of the frontends, which fills an empty `p`; then `show servers state`, and
 * `show map` of the owners. */
void observe_proxies(struct proxies *p, const char *text);
void observe_proxy_servers(struct proxies *p, const char *text);
void observe_proxy_owners(struct proxies *p, const char *text);

/* `show info`: the process id, or 0. */
int observe_pid(const char *text);

/* `show servers conn [backend]`, `show stat` of the servers of TCP proxies and, behind them, `show table` of the streams: adds what is in use to
 * `addresses` (as HAProxy writes them), over all servers that have one of them. */
void observe_sessions(const char *text, const struct strv *addresses,
                      struct edge_sessions *sessions);

/* `show servers conn [backend]`: the servers of `r` that drain and have none any more become free;
 * appends the commands for it. */
void observe_drained(struct routes *r, const char *text, struct strv *ret_commands);

/* The same from `show stat` of the servers of TCP proxies, of which `show servers conn` knows nothing. */
void observe_proxies_drained(struct proxies *p, const char *text, struct strv *ret_commands);

/* `show sess`: the commands that close the connections of the TCP proxies that have one of `servers`
 * ("t20001/r1"). */
void observe_proxy_sessions(const char *text, const struct strv *servers, struct strv *ret_commands);

/* `show proc` of the master: its process id (0 when the text is something else), and how many
 * workers it has, current and old; at most `capacity` pids are written. */
struct observe_processes {
  int master;
  int current[4];
  size_t current_len;
  int old[64];
  size_t old_len;
};
void observe_processes(const char *text, struct observe_processes *ret_processes);

#endif
