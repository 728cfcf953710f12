/* After a boot everything that ran runs again, in the order of what depends on what. */
#include "engine_fixture.h"

static const char *const on_db[] = {"db", NULL}, *const on_api[] = {"api", NULL};

/* Says when it was started, and listens after a while, unless the image says that it is broken. */
static struct workload slow_server(const char *id, const char *const *needs) {
  static const char *const argv[] = {
      "/bin/sh", "-c",
                                     "echo started $(cut -d' ' -f1 /proc/uptime); sleep 0.7; "
                                     "test -e /srv/$HOSTNAME-is-broken && exec sleep 1000; "
                                     "exec httpd -f -p '[::]:80'",
                                     NULL};
  struct workload w = service(id, argv);
  w.depends_on = needs;
  return w;
}

static double last_start(const char *id, int replica) {
  auto_free char *text = log_of(id, replica);
  double at = -1;
  for (const char *p = text; (p = strstr(p, "started ")); p += 8) at = atof(p + 8);
  return at;
}

static int starts(const char *id, int replica) {
  auto_free char *text = log_of(id, replica);
  int count = 0;
  for (const char *p = text; (p = strstr(p, "started ")); p += 8) count++;
  return count;
}

static bool sockets_seen;

static void on_sockets(void *arg, err *e, const struct instance_socket *sockets, size_t len) {
  (void)arg, (void)sockets;
  sockets_seen = !e && len > 0;
  err_free(e);
}

static bool listens(const char *instance_id) {
  if (!sockets_seen) engine_sockets(fx.engine, instance_id, on_sockets, NULL);
  return sockets_seen;
}

static void wait_listening(const char *id) {
  auto_free char *instance_id = str_format("%s-0", id);
  WAIT_STATUS(instance_id, INSTANCE_RUNNING);
  sockets_seen = false;
  TAP_WAIT_FOR(listens(instance_id), 20000, loop_turn(fx.loop, 20));
}

static void start_shop(void) {
  struct workload db = slow_server("db", NULL), api = slow_server("api", on_db), web = slow_server("web", on_api),
                  lone = slow_server("lone", NULL), mad = service("mad", SCRIPT("echo started once; exit 3"));
  api.replicas = 2;
  mad.restart = WORKLOAD_RESTART_NEVER;
  CHECK_OK(engine_apply(fx.engine, &web));
  CHECK_OK(engine_apply(fx.engine, &api));
  CHECK_OK(engine_apply(fx.engine, &db));
  CHECK_OK(engine_apply(fx.engine, &lone));
  CHECK_OK(engine_apply(fx.engine, &mad));
  wait_listening("db");
  wait_listening("api");
  wait_listening("web");
  TAP_WAIT_FOR(starts("api", 1) && starts("lone", 0), 20000, loop_turn(fx.loop, 20));
  WAIT_STATUS("mad-0", INSTANCE_CRASHED);
}

static const char *const all[] = {"lone-0", "db-0", "api-0", "api-1", "web-0"};

static void wait_all_running(int times) {
  for (size_t i = 0; i < ARRAY_LEN(all); i++) WAIT_STATUS(all[i], INSTANCE_RUNNING);
  /* Running is not yet having written it. */
  TAP_WAIT_FOR(starts("web", 0) == times && starts("db", 0) == times && starts("api", 0) == times &&
                   starts("api", 1) == times && starts("lone", 0) == times,
               20000, loop_turn(fx.loop, 20));
  CHECK_INT(seen("mad-0")->status, INSTANCE_CRASHED);
  CHECK_INT(starts("mad", 0), 1);
}

static double booted; /* uptime, in seconds */

static void boot_again(void) {
  fx.done = false;
  engine_halt(fx.engine, on_done, NULL);
  TAP_WAIT_FOR(fx.done, 60000, loop_turn(fx.loop, 50));
  CHECK_TEXT(fx.done_error, "");
  engine_free(fx.engine);
  fx.engine = NULL;
  CHECK_OK(file_remove_tree(fx.run_dir));
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  booted = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
  fx_start_engine();
}

TEST(after_a_boot_all_come_back_in_order) {
  fx_open();
  start_shop();
  boot_again();
  wait_all_running(2);
  double db = last_start("db", 0), api = last_start("api", 0), api1 = last_start("api", 1),
         web = last_start("web", 0), lone = last_start("lone", 0);
  printf("# started: lone %.2f db %.2f api %.2f %.2f web %.2f\n", lone, db, api, api1, web);
  CHECK(api >= db + 0.7);
  CHECK(api1 >= db + 0.7);
  CHECK(web >= api + 0.7 && web >= api1 + 0.7);
  CHECK(lone < db + 0.7);
}

TEST(nobody_waits_for_ever) {
  fx_comeback_max_ms = 1500;
  fx_open();
  start_shop();
  SHELL("touch %s/upper/srv/db-is-broken", fx.image_dir);
  boot_again();
  wait_all_running(2);
  double api = last_start("api", 0);
  printf("# booted: %.2f, api started: %.2f\n", booted, api);
  CHECK(api >= booted + 1.4);
  fx_comeback_max_ms = 0;
}

TEST(what_lives_is_left_alone) {
  fx_open();
  start_shop();
  engine_free(fx.engine);
  fx.engine = NULL;
  fx_start_engine();
  wait_all_running(1);
}

TEST_MAIN
