/* The local engine, seen from inside an instance: its network, its rights and limits, commands in it.
 * Needs root; see engine_fixture.h. */
#include <errno.h>
#include <netinet/in.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include "engine_fixture.h"

/* --- Networks -------------------------------------------------------------------- */

/* What a script in a new job prints. */
static char *ask_job(struct workload job) {
  const char *id = job.id;
  job.kind = WORKLOAD_JOB;
  CHECK_OK(engine_apply(fx.engine, &job));
  auto_free char *instance = str_format("%s-0", id);
  TAP_WAIT_FOR(seen(instance)->status == INSTANCE_EXITED ||
                   seen(instance)->status == INSTANCE_CRASHED,
               40000, loop_turn(fx.loop, 50));
  return log_of(id, 0);
}

static char *ask(const char *id, const char *environment, const char *script) {
  struct workload job = service(id, SCRIPT(script));
  job.environment_id = environment;
  return ask_job(job);
}

static int port_of(int fd) {
  struct sockaddr_in6 address;
  socklen_t size = sizeof address;
  getsockname(fd, (struct sockaddr *)&address, &size);
  return ntohs(address.sin6_port);
}

/* A server of the host's on all addresses. */
static int listen_on_host(int port) {
  int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
  CHECK_INT(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
  CHECK_INT(listen(fd, 8), 0);
  return fd;
}

TEST(one_environment_talks_another_does_not) {
  fx_open();
  struct workload api = web_server("api", "env-one"), other = web_server("other", "env-two");
  CHECK_OK(engine_apply(fx.engine, &api));
  CHECK_OK(engine_apply(fx.engine, &other));
  WAIT_STATUS("api-0", INSTANCE_RUNNING); /* not root, port 80, IPv6 any-address */
  WAIT_STATUS("other-0", INSTANCE_RUNNING);
  auto_free char *script =
      str_format("g() { timeout 4 bash -c 'exec 3<>/dev/tcp/$0/80 && echo -e \"GET / "
                 "HTTP/1.0\\r\\n\\r\" >&3 && tail -n 1 <&3' $1 2>/dev/null; }; "
                 "for h in api api.railway.internal %s %s; do g $h; done; "
                 "for h in other other.railway.internal %s %s; do g $h && echo REACHED $h; done; "
                 "getent ahostsv6 api.railway.internal | head -n 1 | cut -d ' ' -f 1; exit 0",
                 seen("api-0")->address, seen("api-0")->address6, seen("other-0")->address,
                 seen("other-0")->address6);
  auto_free char *said = ask("asker", "env-one", script);
  auto_free char *expected =
      str_format("I am api\nI am api\nI am api\nI am api\n%s\n", seen("api-0")->address6);
  CHECK_TEXT(said, expected);
  SHELL("bash -c 'exec 3<>/dev/tcp/%s/80'", seen("api-0")->address); /* as the edge does */
  SHELL("bash -c 'exec 3<>/dev/tcp/%s/80'", seen("api-0")->address6);
}

TEST(the_host_is_out_of_reach) {
  fx_open();
  struct workload api = web_server("api", "env-one");
  CHECK_OK(engine_apply(fx.engine, &api));
  WAIT_STATUS("api-0", INSTANCE_RUNNING);
  int closed = listen_on_host(0), edge = listen_on_host(test_edge_ports[0]);
  auto_free char *script = str_format(
      "g=$(ip route | grep default | cut -d ' ' -f 3); g6=$(ip -6 route | grep default | cut -d ' "
      "' -f 3); "
      "t() { timeout 2 bash -c 'exec 3<>/dev/tcp/$0/$1' $1 $2 2>/dev/null && echo open $3; }; "
      "t 127.0.0.1 %d loopback; t ::1 %d loopback6; t $g %d bridge; t $g6 %d bridge6; t $g %d "
      "edge; "
      "t $g6 %d edge6; t 169.254.169.254 80 metadata; nslookup api.railway.internal $g >/dev/null "
      "&& echo dns; "
      "exit 0",
      port_of(closed), port_of(closed), port_of(closed), port_of(closed), test_edge_ports[0],
      test_edge_ports[0]);
  auto_free char *said = ask("prober", "env-one", script);
  close(closed);
  close(edge);
  CHECK_TEXT(said, "open edge\nopen edge6\ndns\n");
}

/* The gateway of an instance's network. */
static char *gateway_of(const char *address) {
  return str_format("%.*s.1", (int)(strrchr(address, '.') - address), address);
}

/* What a drill runs in: the same script reaches a sibling, the edge and a name server without the option. */
TEST(an_isolated_one_reaches_nothing_but_itself) {
  fx_open();
  struct workload api = web_server("api", "env-one");
  CHECK_OK(engine_apply(fx.engine, &api));
  WAIT_STATUS("api-0", INSTANCE_RUNNING);
  int closed = listen_on_host(0), edge = listen_on_host(test_edge_ports[0]);
  auto_free char *gateway = gateway_of(seen("api-0")->address);
  auto_free char *script = str_format(
      "t() { timeout 2 bash -c 'exec 3<>/dev/tcp/$0/$1' $1 $2 2>/dev/null && echo $3; }; "
      "t %s 80 sibling; t %s 80 sibling6; t %s %d edge; t %s %d host; t 192.0.2.1 80 internet; "
      "nslookup api.railway.internal >/dev/null 2>&1 && echo name; getent hosts api >/dev/null && echo name; "
      "httpd -p '[::]:5000'; t 127.0.0.1 5000 itself; t ::1 5000 itself; t $(hostname) 5000 itself; "
      "ls /sys/class/net | grep -cv '^lo$'; tail -n +2 /proc/net/route | wc -l; grep -cv ' lo$' /proc/net/ipv6_route; exit 0",
      seen("api-0")->address, seen("api-0")->address6, gateway, test_edge_ports[0], gateway, port_of(closed));
  struct workload open = service("open", SCRIPT(script)), shut = service("shut", SCRIPT(script));
  shut.isolated = true;
  auto_free char *reached = ask_job(open), *alone = ask_job(shut);
  close(closed);
  close(edge);
  CHECK_HAS(reached, "sibling\nsibling6\nedge\nname\nname\nitself\nitself\nitself\n");
  CHECK_TEXT(alone, "itself\nitself\nitself\n0\n0\n0\n");
}

/* --- What an instance may -------------------------------------------------------- */

TEST(root_inside_is_not_root_outside) {
  fx_open();
  auto_free char *said =
      ask("who", "env-one",
          "cat /proc/self/uid_map | awk '{print $1, ($2>=268435456), $3}'; touch /made && stat -c "
          "%u /made; "
          "stat -c %u /srv-below /bin/busybox; grep -E 'NoNewPrivs|Seccomp:' /proc/self/status | "
          "tr -s '\\t ' ' '; "
          "grep CapEff /proc/self/status | tr -s '\\t ' ' '; cat "
          "/proc/sys/net/ipv4/ip_unprivileged_port_start; "
          "mount -t tmpfs none /tmp 2>/dev/null && echo MOUNTED; (echo 1 > "
          "/proc/sys/vm/overcommit_memory) "
          "2>/dev/null && echo WROTE; cat /proc/kcore 2>/dev/null | head -c 1 | wc -c; "
          "ls /sys/class/net | tr '\\n' ' '; echo; hostname; ulimit -n | awk '{print ($1>1000)}'; "
          "df -k /dev/shm | "
          "tail -n 1 | awk '{print $2}'");
  CHECK_TEXT(said, "0 1 65536\n0\n0\n0\nNoNewPrivs: 1\nSeccomp: 2\nCapEff: "
                   "00000000000405fb\n0\n0\neth0 lo \nwho\n1\n65536\n");
}

TEST(users_of_the_image) {
  fx_open();
  struct workload w = service("user", SCRIPT("id -u; id -g; id -G; echo $HOME"));
  w.kind = WORKLOAD_JOB;
  w.user = "app";
  CHECK_OK(engine_apply(fx.engine, &w));
  WAIT_STATUS("user-0", INSTANCE_EXITED);
  auto_free char *said = log_of("user", 0);
  CHECK_TEXT(said, "1000\n1001\n1001 2000\n/home/app\n");
}

TEST(limits_hold) {
  fx_open();
  struct workload w = service("hungry", SCRIPT("exec tail /dev/zero"));
  w.memory_bytes = 32 << 20;
  w.restart = WORKLOAD_RESTART_NEVER;
  CHECK_OK(engine_apply(fx.engine, &w));
  WAIT_STATUS("hungry-0", INSTANCE_CRASHED);
  CHECK_INT(seen("hungry-0")->exit_code, 137);
  CHECK(seen("hungry-0")->oom_killed);
  struct workload forks =
      service("forks", SCRIPT("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 5 & done; wait"));
  forks.pids = 8;
  forks.restart = WORKLOAD_RESTART_NEVER;
  CHECK_OK(engine_apply(fx.engine, &forks));
  WAIT_LOG("forks", "can't fork");
}

/* --- Exec and sockets ------------------------------------------------------------ */

static struct exec_seen {
  struct str output;
  bool ended;
  int exit_code;
  char error[256];
} ex;

static void on_exec_output(void *arg, int fd, const char *data, size_t len) {
  (void)arg;
  (void)fd;
  str_add_bytes(&ex.output, data, len);
}

static void on_exec_exit(void *arg, err *e, int exit_code) {
  (void)arg;
  ex.ended = true;
  ex.exit_code = exit_code;
  snprintf(ex.error, sizeof ex.error, "%s", e ? err_message(e) : "");
  err_free(e);
}

static engine_exec *exec_start(const char *const *argv, bool terminal) {
  static const char *const env[] = {"EXTRA=more", NULL};
  str_done(&ex.output);
  memset(&ex, 0, sizeof ex);
  struct exec_options options = {.instance_id = "box-0",
                                 .argv = argv,
                                 .env = env,
                                 .terminal = terminal,
                                 .columns = 91,
                                 .rows = 17,
                                 .on_output = on_exec_output,
                                 .on_exit = on_exec_exit};
  engine_exec *x = NULL;
  CHECK_OK(engine_exec_start(fx.engine, &options, &x));
  return x;
}

#define WAIT_EXEC TAP_WAIT_FOR(ex.ended, 20000, loop_turn(fx.loop, 50))

TEST(exec_with_and_without_a_terminal) {
  fx_open();
  struct workload w = service("box", SCRIPT("exec sleep 1000"));
  CHECK_OK(engine_apply(fx.engine, &w));
  WAIT_STATUS("box-0", INSTANCE_RUNNING);
  engine_exec *x =
      exec_start(SCRIPT("read a; echo got $a $GREETING $EXTRA $RAILWAY_REPLICA_ID; echo $PPID >&2; exit 6"), false);
  engine_exec_write(x, "this\n", 5);
  WAIT_EXEC;
  CHECK_TEXT(ex.error, "");
  CHECK_INT(ex.exit_code, 6);
  CHECK_HAS(str_text(&ex.output), "got this hello more box-0");
  exec_start(SCRIPT("cat; echo ended"), false);
  TAP_WAIT_FOR(true, 1, (void)0);
  x = exec_start(SCRIPT("cat; echo ended"), false);
  engine_exec_close_input(x);
  WAIT_EXEC;
  CHECK_TEXT(str_text(&ex.output), "ended\n");
  exec_start(SCRIPT("test -t 0 && sleep 0.2; stty size; exit 4"), true);
  WAIT_EXEC;
  CHECK_INT(ex.exit_code, 4);
  CHECK_HAS(str_text(&ex.output), "17 91");
  x = exec_start(SCRIPT("echo on; exec sleep 76543.2"), false);
  TAP_WAIT_FOR(ex.output.len > 0, 10000, loop_turn(fx.loop, 50));
  engine_exec_kill(x);
  WAIT_EXEC;
  TAP_WAIT_FOR(count_processes("[7]6543.2") == 0, 5000, loop_turn(fx.loop, 20));
  static const char *const nope[] = {"/nope", NULL};
  exec_start(nope, false);
  WAIT_EXEC;
  CHECK_HAS(ex.error, "could not be started");
  engine_exec *none = NULL;
  struct exec_options options = {.instance_id = "nobody-0", .argv = nope};
  CHECK_ERR(engine_exec_start(fx.engine, &options, &none), ERR_NOT_FOUND, "nobody-0");
}

/* Nobody reaches it either, but who asks inside; also after the end of tramd. */
TEST(an_isolated_one_is_asked_inside_only) {
  fx_open();
  struct workload w = service("box", SCRIPT("httpd -p '[::]:5000'; exec sleep 1000"));
  w.isolated = true;
  w.replicas = 2; /* each alone */
  CHECK_OK(engine_apply(fx.engine, &w));
  for (int before = 1; before >= 0; before--) {
    WAIT_STATUS("box-0", INSTANCE_RUNNING);
    WAIT_STATUS("box-1", INSTANCE_RUNNING);
    CHECK_TEXT(seen("box-0")->address, "");
    engine_stream *stream = NULL;
    struct dial_options dial = {.instance_id = "box-0", .port = 5000};
    CHECK_ERR(engine_dial(fx.engine, &dial, &stream), ERR_CONFLICT, "box-0");
    exec_start(SCRIPT("ls /sys/class/net; ps | grep -c '[h]ttpd'"), false);
    WAIT_EXEC;
    CHECK_TEXT(str_text(&ex.output), "lo\n1\n");
    if (!before) break;
    engine_free(fx.engine);
    fx.seen_len = 0;
    fx_start_engine();
  }
  remove_workload("box");
  fx.done = false;
  engine_remove_environment(fx.engine, "env-one", on_done, NULL); /* there is no network of it */
  TAP_WAIT_FOR(fx.done, 20000, loop_turn(fx.loop, 50));
  CHECK_TEXT(fx.done_error, "");
}

static struct instance_socket sockets[16];
static size_t sockets_len;
static bool sockets_done;

static void on_sockets(void *arg, err *e, const struct instance_socket *found, size_t len) {
  (void)arg;
  err_free(e);
  sockets_done = true;
  sockets_len = len < 16 ? len : 16;
  memcpy(sockets, found, sockets_len * sizeof *found);
}

TEST(sockets_are_found) {
  fx_open();
  struct workload w =
      service("socks", SCRIPT("httpd -p 127.0.0.1:5000; httpd -p '[::]:8081'; exec sleep 1000"));
  CHECK_OK(engine_apply(fx.engine, &w));
  WAIT_STATUS("socks-0", INSTANCE_RUNNING);
  long long end = tap_now_ms() + 5000;
  do {
    sockets_done = false;
    engine_sockets(fx.engine, "socks-0", on_sockets, NULL);
    TAP_WAIT_FOR(sockets_done, 5000, loop_turn(fx.loop, 20));
  } while (sockets_len < 2 && tap_now_ms() < end);
  CHECK_INT(sockets_len, 2);
  CHECK_INT(sockets[0].port, 5000);
  CHECK(sockets[0].loopback_only);
  CHECK_TEXT(sockets[0].process, "httpd");
  CHECK_INT(sockets[1].port, 8081);
  CHECK(!sockets[1].loopback_only);
  CHECK(sockets[1].ipv6);
}

/* crun is called from a read-only mount (runtime.h).  Who takes that away slows no start down for good. */
TEST(the_runtime_s_mount_is_made_again) {
  fx_open();
  auto_free char *point = path_join(fx.run_dir, "crun-program");
  CHECK_INT(access(point, X_OK), 0);
  CHECK_INT(access(point, W_OK), -1);
  CHECK_INT(errno, EROFS);
  CHECK_INT(umount2(point, MNT_DETACH), 0);
  CHECK_INT(access(point, X_OK), -1);
  struct workload w = service("quick", SCRIPT("exec sleep 98765.9"));
  CHECK_OK(engine_apply(fx.engine, &w));
  WAIT_STATUS("quick-0", INSTANCE_RUNNING);
  CHECK_INT(access(point, X_OK), 0);
  auto_free char *gate = str_format("%s/crun/quick-0/exec.fifo", fx.run_dir);
  CHECK(!file_exists(gate));
  TAP_WAIT_FOR(count_processes("98765[.]9") == 1, 10000, loop_turn(fx.loop, 50)); /* it was let through */
  remove_workload("quick");
}

TEST_MAIN
