/* Damage from outside while apps run: found, mended and told, without restarting what need not be. */
#include <sys/socket.h>

#include "engine_fixture.h"

enum { REPAIR_MS = 15000 }; /* generous: it takes a fraction of a second on an idle machine */

static char bridge[32], subnet[80];

/* "web", and "asker", which asks it by its name several times a second and says so when it reached it. */
static bool intact; /* the last test left everything in order */

static void open_pair(void) {
  bool usable = fx.open && intact;
  intact = false;
  if (usable) return;
  fx_open();
  struct workload web = web_server("web", "env-one");
  struct workload asker = service(
      "asker", SCRIPT("while sleep 0.1; do timeout 0.3 bash -c 'exec 3<>/dev/tcp/web.railway.internal/80' && "
                      "echo reached; done 2>/dev/null"));
  CHECK_OK(engine_apply(fx.engine, &web));
  CHECK_OK(engine_apply(fx.engine, &asker));
  WAIT_STATUS("web-0", INSTANCE_RUNNING);
  WAIT_STATUS("asker-0", INSTANCE_RUNNING);
  snprintf(bridge, sizeof bridge, "%s-e0", test_name);
  snprintf(subnet, sizeof subnet, "%s", seen("web-0")->address);
  strcpy(strrchr(subnet, '.'), ".0/24");
}

static int asked(void) {
  auto_free char *text = log_of("asker", 0);
  int lines = 0;
  for (const char *p = text; (p = strchr(p, '\n')); p++)
    lines++;
  return lines;
}

static bool host_reaches(const char *address) {
  auto_free char *command =
      str_format("curl -fsS --max-time 1 -o /dev/null http://%s/ 2>/dev/null", address);
  return system(command) == 0;
}

static int pid_of(const char *instance_id) {
  auto_free char *path = str_format("%s/bundles/%s/pid", fx.run_dir, instance_id);
  auto_str text = STR_EMPTY;
  auto_err *e = file_read(path, 64, &text);
  return e ? 0 : atoi(str_text(&text));
}

/* The app's link on the host. */
static char *link_of(const char *instance_id) {
  struct in_addr address;
  inet_pton(AF_INET, seen(instance_id)->address, &address);
  auto_free char *command = str_format("ls /sys/class/net | grep ^tv%08x", ntohl(address.s_addr));
  FILE *pipe = popen(command, "r");
  char name[64] = "";
  if (!fgets(name, sizeof name, pipe)) *name = '\0';
  pclose(pipe);
  return str_dup(str_trim(name));
}

static int told(const char *start, const char *part) {
  int count = 0;
  for (size_t i = 0; i < fx.repairs.len; i++)
    count += str_starts(fx.repairs.items[i], start) && strstr(fx.repairs.items[i], part);
  return count;
}

/* Waits until the repair was told and both the host and the other app reach the app again. */
static void expect_repair(const char *start, const char *part) {
  long long begin = tap_now_ms();
  TAP_WAIT_FOR(told(start, part), REPAIR_MS, loop_turn(fx.loop, 20));
  printf("# repaired after %lld ms", tap_now_ms() - begin);
  int before = asked();
  TAP_WAIT_FOR(asked() > before + 1, REPAIR_MS, loop_turn(fx.loop, 20));
  TAP_WAIT_FOR(host_reaches(seen("web-0")->address), REPAIR_MS, loop_turn(fx.loop, 20));
  printf(", in order after %lld ms\n", tap_now_ms() - begin);
  strv_done(&fx.repairs);
}

/* The same for what costs a new process. */
static void expect_restart(int former, const char *part) {
  TAP_WAIT_FOR(told("instance:", part) && pid_of("web-0") && pid_of("web-0") != former, REPAIR_MS,
               loop_turn(fx.loop, 20));
  WAIT_STATUS("web-0", INSTANCE_RUNNING);
  expect_repair("instance:", part);
}

/* Several rounds of the loop in which nothing is found. */
static void expect_quiet(void) {
  for (long long end = tap_now_ms() + 500; tap_now_ms() < end;)
    loop_turn(fx.loop, 20);
  CHECK_INT(fx.repairs.len, 0);
}

/* A connection to the app "echo", which sends back what it gets. */
static int connect_to_echo(void) {
  struct workload echo = service("echo", SCRIPT("exec nc -ll -p 90 -e cat"));
  CHECK_OK(engine_apply(fx.engine, &echo));
  WAIT_STATUS("echo-0", INSTANCE_RUNNING);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(90)};
  inet_pton(AF_INET, seen("echo-0")->address, &to.sin_addr);
  int fd = -1;
  for (long long end = tap_now_ms() + REPAIR_MS; fd < 0 && tap_now_ms() < end;) {
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){.tv_sec = 1}, sizeof(struct timeval));
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0) break;
    close(fd);
    fd = -1;
    loop_turn(fx.loop, 20);
  }
  CHECK(fd >= 0);
  return fd;
}

/* The same connection still works; the loop turns meanwhile, since the repair may not be done. */
static void check_echo(int fd, const char *text) {
  char answer[16] = "";
  CHECK_INT(send(fd, text, strlen(text), MSG_NOSIGNAL), (int)strlen(text));
  TAP_WAIT_FOR(recv(fd, answer, sizeof answer - 1, MSG_DONTWAIT) > 0, REPAIR_MS, loop_turn(fx.loop, 20));
  CHECK_TEXT(answer, text);
}

TEST(a_damaged_network_is_mended_under_running_apps) {
  open_pair();
  int web = pid_of("web-0"), asker = pid_of("asker-0");
  expect_quiet();
  int echo = connect_to_echo();
  check_echo(echo, "before");
  SHELL("ip link delete %s", bridge);
  expect_repair("network:", "was gone");
  check_echo(echo, "after");
  close(echo);
  SHELL("ip link set %s down", bridge);
  expect_repair("network:", "was down");
  SHELL("ip -4 addr flush dev %s", bridge);
  expect_repair("network:", "lost its IPv4 address");
  SHELL("umount %s/netns/%s && rm %s/netns/%s", fx.run_dir, bridge, fx.run_dir, bridge);
  expect_repair("network:", "namespace that holds");
  SHELL("rm %s/netavark/aardvark-dns/%s", fx.run_dir, bridge);
  expect_repair("names:", "file with the names");
  SHELL("kill -KILL $(cat %s/netavark/aardvark-dns/aardvark.pid)", fx.run_dir);
  expect_repair("names:", "aardvark-dns did not run");
  expect_quiet();
  CHECK_INT(pid_of("web-0"), web);
  CHECK_INT(pid_of("asker-0"), asker);
  intact = true;
}

TEST(a_damaged_link_is_mended_under_its_app) {
  open_pair();
  int web = pid_of("web-0");
  auto_free char *link = link_of("web-0");
  SHELL("ip link delete %s", link);
  expect_repair("link:", "was gone");
  int echo = connect_to_echo();
  auto_free char *link_of_echo = link_of("echo-0");
  SHELL("ip link delete %s", link_of_echo);
  expect_repair("link:", "was gone");
  check_echo(echo, "after");
  close(echo);
  SHELL("ip link set %s nomaster", link);
  expect_repair("link:", "was not in the bridge");
  SHELL("ip link set %s down", link);
  expect_repair("link:", "was down");
  SHELL("nsenter -t %d -n ip addr delete %s/24 dev eth0", web, seen("web-0")->address);
  expect_repair("link:", "lost its IPv4 address");
  SHELL("nsenter -t %d -n ip -6 route delete default", web);
  expect_repair("link:", "lost its IPv6 route");
  expect_quiet();
  CHECK_INT(pid_of("web-0"), web);
  intact = true;
}

TEST(a_changed_firewall_is_set_again) {
  open_pair();
  int web = pid_of("web-0");
  SHELL("nft flush table inet %s", test_name);
  expect_repair("firewall:", "was gone or changed");
  SHELL("nft delete table inet %s", test_name);
  expect_repair("firewall:", "the table was gone");
  SHELL("nft insert rule inet %s forward drop", test_name);
  expect_repair("firewall:", "'drop' was added");
  SHELL("iptables -w -t nat -S | grep -e '-s %s ' | sed s/^-A/-D/ | xargs iptables -w -t nat", subnet);
  expect_repair("firewall:", "masquerading");
  SHELL("iptables -w -S NETAVARK_FORWARD | grep -e '-s %s ' | sed s/^-A/-D/ | xargs iptables -w", subnet);
  expect_repair("firewall:", "forwarding");
  expect_quiet();
  CHECK_INT(pid_of("web-0"), web);
  intact = true;
}

TEST(what_an_app_cannot_do_without_restarts_it) {
  open_pair();
  int asker = pid_of("asker-0"), web = pid_of("web-0");
  SHELL("kill -KILL $(cat %s/bundles/web-0/conmon.pid)", fx.run_dir);
  expect_restart(web, "conmon");
  web = pid_of("web-0");
  SHELL("rm %s/crun/web-0/status", fx.run_dir);
  expect_restart(web, "/status' that it runs with was gone");
  CHECK_INT(pid_of("asker-0"), asker);
  SHELL("rm -r %s/exits", fx.run_dir);
  expect_repair("folder:", "/exits was gone");
  struct workload ends = service("ends", SCRIPT("exit 7"));
  ends.restart = WORKLOAD_RESTART_NEVER;
  CHECK_OK(engine_apply(fx.engine, &ends));
  WAIT_STATUS("ends-0", INSTANCE_CRASHED);
  CHECK_INT(seen("ends-0")->exit_code, 7);
  intact = true;
}

TEST(a_job_is_not_run_twice) {
  open_pair();
  struct workload job = service("job-pre", SCRIPT("echo once; sleep 2"));
  job.kind = WORKLOAD_JOB;
  CHECK_OK(engine_apply(fx.engine, &job));
  WAIT_LOG("job-pre", "once");
  SHELL("kill -KILL $(cat %s/bundles/job-pre-0/conmon.pid)", fx.run_dir);
  WAIT_STATUS("job-pre-0", INSTANCE_CRASHED);
  auto_free char *log = log_of("job-pre", 0);
  CHECK_TEXT(log, "once\n");
  expect_quiet();
  intact = true;
}

TEST(an_unmounted_root_hurts_no_app) {
  open_pair();
  int web = pid_of("web-0");
  SHELL("umount -l %s/bundles/web-0/rootfs", fx.run_dir);
  expect_repair("mount:", "was gone");
  expect_quiet();
  CHECK_INT(pid_of("web-0"), web);
  CHECK_OK(engine_restart(fx.engine, "web", ENGINE_ALL_REPLICAS));
  TAP_WAIT_FOR(pid_of("web-0") != web && host_reaches(seen("web-0")->address), REPAIR_MS,
               loop_turn(fx.loop, 20));
  expect_quiet();
  intact = true;
}

TEST(what_cannot_be_mended_is_told_once_and_tried_again) {
  open_pair();
  SHELL("cd %s && mv netns away && touch netns && ip link delete %s", fx.run_dir, bridge);
  TAP_WAIT_FOR(told("network failed:", "was gone"), REPAIR_MS, loop_turn(fx.loop, 20));
  for (long long end = tap_now_ms() + 2500; tap_now_ms() < end;)
    loop_turn(fx.loop, 20);
  CHECK_INT(told("network failed:", ""), 1);
  SHELL("cd %s && rm netns && mv away netns", fx.run_dir);
  expect_repair("network:", "was gone");
  intact = true;
}

TEST(what_was_damaged_while_nobody_looked_is_mended_at_the_start) {
  open_pair();
  int web = pid_of("web-0");
  auto_free char *link = link_of("web-0");
  engine_free(fx.engine);
  SHELL("ip link delete %s; ip link delete %s", bridge, link);
  fx_start_engine();
  expect_repair("network:", "was gone");
  CHECK_INT(pid_of("web-0"), web);
  intact = true;
}

TEST_MAIN
