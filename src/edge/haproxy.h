/* The HAProxy process: its files, starting it, knowing whether it lives.  It runs as a daemon of
 * its own, not as tramd's child, so that it outlives tramd; run_dir identifies it. */
#ifndef TRAMWAY_EDGE_HAPROXY_H
#define TRAMWAY_EDGE_HAPROXY_H

#include "edge/haproxy_config.h"
#include "loop/loop.h"
#include "loop/spawn.h"

#define HAPROXY_NEW_CONFIG_FILE HAPROXY_CONFIG_FILE ".new"

/* The limits on connections that this process' limit on open files leaves (two each). */
void haproxy_connection_limits(unsigned *ret_visitors, unsigned *ret_tcp);

/* Pages, maps, and the configuration under the name `config_file`. */
fallible haproxy_write_files(const struct haproxy_settings *settings, const struct routes *r,
                             const struct proxies *p, const char *config_file);

/* Removes all of ours from run_dir, and run_dir when it is empty then. */
void haproxy_remove_files(const char *run_dir);

/* Whether the configuration file in run_dir was written for `settings`. */
bool haproxy_files_match(const struct haproxy_settings *settings);

/* `haproxy -c` on HAPROXY_NEW_CONFIG_FILE; `done` as in loop/spawn.h. */
fallible haproxy_check(loop *l, const char *program, const char *run_dir, spawn_done_fn *done,
                       void *arg);

/* Starts it as a daemon: `done` is called with exit status 0 when it listens.  `access_log` (may be
 * NULL) is appended to. */
fallible haproxy_launch(loop *l, const char *program, const char *run_dir, const char *access_log,
                        spawn_done_fn *done, void *arg);

/* The same in a unit of systemd's, packaging/tramway-edge.service, whose command line names the same
 * files; where the access log is, it reads from HAPROXY_UNIT_FILE.  `systemctl` is looked up in
 * tramd's own PATH. */
#define HAPROXY_UNIT_FILE "unit.env"
fallible haproxy_unit_start(loop *l, const char *unit, const char *run_dir, const char *access_log,
                            spawn_done_fn *done, void *arg);

/* Lets systemd begin to end it (a soft stop), and not start it again. */
fallible haproxy_unit_stop(loop *l, const char *unit, spawn_done_fn *done, void *arg);

/* Whether process `pid` is a HAProxy with run_dir's configuration. */
bool haproxy_is_ours(int pid, const char *run_dir);

/* The process that the pid file names, when it is ours and alive; else 0. */
int haproxy_leftover(const char *run_dir);

/* Calls fn(arg) once when process `pid`, which need not be a child, has ended. */
typedef struct haproxy_watch haproxy_watch;
fallible haproxy_watch_start(loop *l, int pid, loop_fn *fn, void *arg, haproxy_watch **ret_watch);
void haproxy_watch_stop(haproxy_watch *w); /* accepts NULL; also after fn was called */

#endif
