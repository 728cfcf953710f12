#include "edge/observe.h"

#include "base/mem.h"
#include "tap.h"

#define auto_routes __attribute__((cleanup(routes_done))) struct routes

/* As HAProxy 2.6.12 answers. */
static const char servers[] =
    "1\n"
    "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
    "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state "
    "srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl "
    "srv_check_port srv_check_addr srv_agent_addr srv_agent_port\n"
    "3 s1 1 r1 127.0.0.1 2 4 1 1 0 1 0 0 8 0 0 0 - 18081 - 0 0 - - 0\n"
    "3 s1 2 r2 fd00::2 0 12 1 1 1 1 0 0 8 0 0 0 - 80 - 0 0 - - 0\n"
    "3 s1 5 r3 10.0.0.3 2 0 1 1 0 1 0 0 0 0 0 0 - 81 - 0 0 - - 0\n"
    "5 s3 1 r1 127.0.0.1 0 5 1 1 1 1 0 0 8 0 0 0 - 1 - 0 0 - - 0\n"
    "6 other 1 r1 127.0.0.1 2 0 1 1 1 1 0 0 8 0 0 0 - 1 - 0 0 - - 0\n"
    "7 s999999 1 r1 127.0.0.1 2 0 1 1 1 1 0 0 8 0 0 0 - 1 - 0 0 - - 0\n"
    "3 s1 9 r999 127.0.0.1 2 0 1 1 1 1 0 0 8 0 0 0 - 1 - 0 0 - - 0\n"
    "3 s1 cut short\n";

TEST(servers_are_read_with_state_and_address) {
  auto_routes r;
  routes_init(&r);
  observe_servers(&r, servers);
  CHECK_INT(r.slots_len, 3);
  CHECK_INT(r.slots[0].servers_len, 3);
  CHECK_INT(r.slots[0].servers[0].state, ROUTES_READY); /* 4: only began in maintenance */
  CHECK_INT(r.slots[0].servers[0].port, 18081);
  CHECK_INT(r.slots[0].servers[1].state, ROUTES_DRAIN);
  CHECK_TEXT(r.slots[0].servers[1].address, "fd00::2");
  CHECK_INT(r.slots[0].servers[2].state, ROUTES_READY);
  CHECK_INT(r.slots[2].servers[0].state, ROUTES_MAINT);
}

TEST(maps_are_read_as_far_as_they_make_sense) {
  auto_routes r;
  routes_init(&r);
  routes_resize(&r, 2);
  observe_hosts(&r,
                "0x564b9e037300 a.test s1\n0x1 *.b.test s2\n0x1 c.test s3\n0x1 d.test x\n0x1\n\n");
  CHECK_INT(map_len(r.hosts), 4);
  CHECK_INT(routes_host_slot(&r, "d.test"), ROUTES_NO_SLOT);
  CHECK_INT(routes_host_slot(&r, "*.b.test"), 2);
  observe_labels(&r,
                 "0x1 s1 active:key-1\n0x1 s2 dancing:key-2\n0x1 s9 active:k\n0x1 s2 none:a:b\n");
  CHECK_TEXT(r.slots[0].key, "key-1");
  CHECK_INT(r.slots[0].reason, EDGE_ROUTE_ACTIVE);
  CHECK_TEXT(r.slots[1].key, "");
}

static const char connections[] =
    "# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb "
    "safe_nb idle_lim idle_cur idle_per_thr[2]\n"
    "s1/r1 3/1 10.0.0.1 80 - 5000 2 3 0 0 0 -1 0 0 0\n"
    "s1/r2 3/2 10.0.0.2 80 - 5000 0 0 0 0 0 -1 0 0 0\n"
    "s2/r1 3/5 10.0.0.1 80 - 0 1 1 0 0 0 0 0\n"
    "s2/r2 3/5 10.0.0.1 81 - 0 9 1 0 0 0 0 0\n";

static struct edge_sessions sessions_of(const char *text, const char *address) {
  auto_strv addresses = STRV_EMPTY;
  struct edge_sessions sessions = {0};
  strv_add(&addresses, address);
  observe_sessions(text, &addresses, &sessions);
  return sessions;
}

TEST(connections_are_summed_by_address) {
  CHECK_INT(sessions_of(connections, "10.0.0.1").requests, 12);
  CHECK_INT(sessions_of(connections, "10.0.0.2").requests, 0);
  CHECK_INT(sessions_of(connections, "10.0.0.9").requests, 0);
  CHECK_INT(sessions_of("", "10.0.0.1").requests, 0);
}

TEST(streams_are_told_from_requests) {
  auto_free char *text = str_format("%s%s", connections,
                                    "\n# table: streams, type: string, size:102400, used:1\n"
                                    "0x5580334b48d8: key=s1/r1 use=2 exp=8961 conn_cur=2\n"
                                    "0x5580334b48d9: key=s1/r2 use=2 exp=8961 conn_cur=7\n"
                                    "0x5580334b48da: key=s9/r1 use=2 exp=8961 conn_cur=5\n"
                                    "0x5580334b48db: key=s2/r1 use=2 exp=8961 conn_cur=x\n");
  struct edge_sessions sessions = sessions_of(text, "10.0.0.1");
  CHECK_INT(sessions.streams, 2);
  CHECK_INT(sessions.requests, 10);
  CHECK_INT(sessions_of(text, "10.0.0.2").streams, 0); /* one that has just ended */
}

TEST(only_drained_servers_become_free) {
  auto_routes r;
  routes_init(&r);
  routes_resize(&r, 2);
  r.slots[0].servers[0].state = ROUTES_DRAIN; /* 2 connections */
  r.slots[0].servers[1].state = ROUTES_DRAIN; /* none */
  r.slots[1].servers[0].state = ROUTES_READY;
  auto_strv commands = STRV_EMPTY;
  observe_drained(&r, connections, &commands);
  observe_drained(
      &r, "s9/r1 1/1 10.0.0.1 80 - 0 0 0\ns1 1/1 10.0.0.1 80 - 0 0 0\ns1/x 1/1 a 80 - 0 0 0\n",
      &commands);
  CHECK_INT(commands.len, 1);
  CHECK_TEXT(commands.items[0], "set server s1/r2 state maint");
  CHECK_INT(r.slots[0].servers[0].state, ROUTES_DRAIN);
}

/* As HAProxy 2.6 says it; the lines of a server of a TCP proxy are made from this one. */
static char *stat_line(const char *server, int sessions, const char *address) {
  return str_format("t20101,%s,0,0,%d,5,,5,0,0,,0,,0,0,0,0,no check,1,1,0,,,2,,,1,4,1,,5,,2,5,,5,,,,,,,,,,,,,,0,0,,,,,1,,,0,0,0,0,"
                    ",,,,,,,,,,,%s,,tcp,,,,,,,,0,5,0\n", server, sessions, address);
}

TEST(connections_of_tcp_proxies_are_counted_and_awaited) {
  auto_free char *first = stat_line("r1", 5, "10.0.0.1:5432"), *second = stat_line("r2", 0, "[fd00::1]:5432");
  auto_free char *text = str_format("# pxname,svname,qcur\n%s%s\n", first, second);
  struct edge_sessions sessions = sessions_of(text, "10.0.0.1");
  CHECK_INT(sessions.connections, 5);
  CHECK_INT(sessions.requests, 0);
  CHECK_INT(sessions_of(text, "fd00::1").connections, 0);
  struct proxies p = {0};
  struct proxy *proxy = proxies_add(&p, 20101);
  auto_strv commands = STRV_EMPTY;
  for (int i = 0; i < 2; i++) {
    routes_add_server(&proxy->slot);
    proxy->slot.servers[i].state = ROUTES_DRAIN;
  }
  observe_proxies_drained(&p, text, &commands);
  CHECK_INT(commands.len, 1);
  CHECK_TEXT(commands.items[0], "set server t20101/r2 state maint");
  proxies_done(&p);
}

TEST(connections_of_an_old_process_are_closed_one_by_one) {
  static const char text[] =
      "0x55d0c1: proto=tcpv4 src=127.0.0.1:5000 fe=p20101 be=t20101 srv=r1 ts=00 age=1s\n"
      "0x55d0c2: proto=tcpv4 src=127.0.0.1:5001 fe=p20102 be=t20102 srv=r1 ts=00 age=1s\n"
      "0x55d0c3: proto=tcpv4 src=127.0.0.1:5002 fe=edge be=s1 srv=r1 ts=00 age=1s\n"
      "0x;show: fe=p20101\n"
      "0x55d0c4: proto=unix_stream src=unix:1 fe=GLOBAL be=<NONE> srv=<none> ts=00\n";
  auto_strv theirs = STRV_EMPTY, commands = STRV_EMPTY;
  strv_add(&theirs, "t20101/r1");
  strv_add(&theirs, "t20101/r2");
  observe_proxy_sessions(text, &theirs, &commands);
  CHECK_INT(commands.len, 1);
  CHECK_TEXT(commands.items[0], "shutdown session 0x55d0c1");
}

TEST(processes) {
  struct observe_processes p;
  observe_processes(
      "#<PID>          <type>          <reloads>       <uptime>        <version>      \n"
      "24969           master          1 [failed: 0]   0d00h00m55s     2.6.12-1+deb12u4\n"
      "# workers\n"
      "25537           worker          0               0d00h00m00s     2.6.12-1+deb12u4\n"
      "# old workers\n"
      "24970           worker          1               0d00h00m55s     2.6.12-1+deb12u4\n"
      "# programs\n\n",
      &p);
  CHECK_INT(p.master, 24969);
  CHECK_INT(p.current_len, 1);
  CHECK_INT(p.current[0], 25537);
  CHECK_INT(p.old_len, 1);
  CHECK_INT(p.old[0], 24970);
  observe_processes("Unknown command\n", &p);
  CHECK_INT(p.master, 0);
  CHECK_INT(observe_pid("Name: HAProxy\nPid: 24970\nUptime: 0d\n"), 24970);
  CHECK_INT(observe_pid(""), 0);
}

TEST_MAIN
