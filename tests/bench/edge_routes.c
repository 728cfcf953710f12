/* The edge alone, with many routes to one server: what `make bench` loads beside a bare HAProxy.
 * Arguments: a folder of its own, listen address, number of domains, the server's address and port.
 * Says "ready" when all routes are live; ends HAProxy and itself when its standard input ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "edge/edge.h"

static char starting[] = "starting", setting[] = "setting the routes", stopping[] = "stopping";
static bool input_ended, stopped;

static void on_done(void *arg, err *e) {
  if (e) {
    fprintf(stderr, "edge_routes: %s: %s\n", (const char *)arg, err_message(e));
    exit(1);
  }
  if (arg == setting) puts("ready");
  fflush(stdout);
  stopped = arg == stopping;
}

static void on_input(uv_poll_t *poll, int status, int events) {
  (void)status, (void)events;
  input_ended = true;
  uv_poll_stop(poll);
}

static err *set_routes(edge *g, unsigned domains, const struct edge_target *target) {
  auto_free struct edge_route *routes = mem_zalloc(domains * sizeof *routes);
  auto_free const char **hosts = mem_zalloc(domains * sizeof *hosts);
  auto_strv names = STRV_EMPTY, keys = STRV_EMPTY;
  for (unsigned i = 0; i < domains; i++) {
    strv_addf(&names, "app-%u.example.com", i);
    strv_addf(&keys, "00000000-0000-4000-8000-%012u", i);
  }
  for (unsigned i = 0; i < domains; i++) {
    hosts[i] = names.items[i];
    routes[i] = (struct edge_route){.key = keys.items[i],
                                    .hosts = &hosts[i],
                                    .hosts_len = 1,
                                    .targets = target,
                                    .targets_len = 1};
  }
  return edge_set_routes(g, routes, domains, on_done, setting);
}

int main(int argc, char **argv) {
  long long domains, port;
  if (argc != 7 || !str_to_int(argv[3], 1, EDGE_MAX_ROUTES, &domains) ||
      !str_to_int(argv[5], 1, 65535, &port)) {
    fputs("usage: edge_routes FOLDER LISTEN DOMAINS ADDRESS PORT all|some\n", stderr);
    return 2;
  }
  auto_free char *run_dir = str_format("%s/edge", argv[1]);
  auto_free char *access_log = str_format("%s/access.log", argv[1]);
  const char *listen[] = {argv[2]};
  struct edge_options options = {
      .run_dir = run_dir, .listen = listen, .listen_len = 1, .access_log = access_log};
  struct edge_target target = {argv[4], (uint16_t)port};
  loop *l = loop_new();
  edge *g = NULL;
  err *e = edge_new(l, &options, &g);
  if (!e) {
    edge_start(g, on_done, starting);
    edge_log_requests(g, str_eq(argv[6], "all"));
    e = set_routes(g, (unsigned)domains, &target);
  }
  if (e) on_done(setting, e);
  uv_poll_t input;
  uv_poll_init(loop_uv(l), &input, 0);
  uv_poll_start(&input, UV_READABLE, on_input);
  while (!input_ended) loop_turn(l, 1000);
  edge_stop(g, 1000, on_done, stopping);
  while (!stopped) loop_turn(l, 100);
  edge_free(g);
  uv_close((uv_handle_t *)&input, NULL);
  loop_free(l);
}
