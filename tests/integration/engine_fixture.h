/* A local engine with everything it needs, for tests: folders of its own, an image made of busybox,
 * and what was reported.  One at a time; closed (halted, folders removed) when the next is opened
 * and at exit, also after a failed test. */
#ifndef TRAMWAY_TESTS_ENGINE_FIXTURE_H
#define TRAMWAY_TESTS_ENGINE_FIXTURE_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/engine.h"
#include "engine/local/local.h"
#include "tap.h"

struct seen { /* the last report of an instance */
  char id[80];
  enum instance_status status;
  int exit_code, restarts;
  bool oom_killed;
  char problem[512], address[64], address6[64];
};

static struct fixture {
  bool open;
  char dir[64];
  char data_dir[80], run_dir[80], image_dir[80], log_dir[80];
  loop *loop;
  engine *engine;
  struct seen seen[128];
  size_t seen_len;
  struct strv repairs; /* "object: cause: outcome", or with a failure "object failed: cause: …" */
  bool done; /* of the last asynchronous call */
  char done_error[512];
} fx;

static inline struct seen *seen(const char *id) {
  for (size_t i = 0; i < fx.seen_len; i++)
    if (strcmp(fx.seen[i].id, id) == 0) return &fx.seen[i];
  static const struct seen none;
  struct seen *s = &fx.seen[fx.seen_len++];
  *s = none;
  snprintf(s->id, sizeof s->id, "%s", id);
  s->status = (enum instance_status) - 1;
  return s;
}

static inline void on_change(void *arg, const struct instance_report *r) {
  (void)arg;
  struct seen *s = seen(r->instance_id);
  if (getenv("VERBOSE"))
    printf("# %lld %s %s exit %d restarts %d oom %d %s\n", tap_now_ms() % 100000, r->instance_id,
           instance_status_name(r->status), r->exit_code, r->restarts, r->oom_killed, r->problem);
  s->status = r->status;
  s->exit_code = r->exit_code;
  s->restarts = r->restarts;
  s->oom_killed = r->oom_killed;
  snprintf(s->problem, sizeof s->problem, "%s", r->problem);
  snprintf(s->address, sizeof s->address, "%s", r->address);
  snprintf(s->address6, sizeof s->address6, "%s", r->address6);
}

static inline void on_repair(void *arg, const struct repair *r) {
  (void)arg;
  printf("# %s%s: %s: %s%s%s\n", r->object, r->failure ? " failed" : "", r->cause, r->outcome,
         r->failure ? ": " : "", r->failure ? r->failure : "");
  strv_addf(&fx.repairs, "%s%s: %s: %s", r->object, r->failure ? " failed" : "", r->cause, r->outcome);
}

static inline void on_done(void *arg, err *e) {
  (void)arg;
  fx.done = true;
  snprintf(fx.done_error, sizeof fx.done_error, "%s", e ? err_message(e) : "");
  err_free(e);
}

static inline err *test_log_path(void *arg, const char *workload_id, const char *instance_id,
                                 char **ret) {
  (void)arg;
  auto_free char *dir = str_format("%s/%s", fx.log_dir, workload_id);
  TRY(file_make_dirs(dir, 0700));
  *ret = str_format("%s/%s.log", dir, instance_id);
  return NULL;
}

/* Two layers: what is in the upper one hides what is below. */
static inline err *test_layers(const char *data_dir, const char *image_id, struct strv *ret) {
  (void)data_dir;
  if (!str_eq(image_id, "sha256:test"))
    return err_new(ERR_NOT_FOUND, "there is no image '%s'", image_id);
  strv_addf(ret, "%s/upper", fx.image_dir);
  strv_addf(ret, "%s/lower", fx.image_dir);
  return NULL;
}

#define SHELL(...)                                                                                 \
  do {                                                                                             \
    auto_free char *command_ = str_format(__VA_ARGS__);                                            \
    if (system(command_) != 0) TAP_FAIL("failed: %s", command_);                                   \
  } while (0)

static inline void make_image(void) {
  SHELL(
      "mkdir -p %s/lower/bin %s/lower/etc %s/lower/tmp %s/lower/root %s/upper/srv && "
      "cp /usr/bin/busybox %s/lower/bin/ && "
      "for a in $(/usr/bin/busybox --list); do ln -s busybox %s/lower/bin/$a 2>/dev/null; done && "
      "chmod 1777 %s/lower/tmp && echo below > %s/lower/srv-below && echo above > "
      "%s/upper/srv-above",
      fx.image_dir, fx.image_dir, fx.image_dir, fx.image_dir, fx.image_dir, fx.image_dir,
      fx.image_dir, fx.image_dir, fx.image_dir, fx.image_dir);
  /* bash and getent, with their libraries: they resolve names as most apps do. */
  SHELL("for p in /bin/bash /usr/bin/getent; do cp $p %s/lower/bin/; ldd $p | grep -o '/[^ ]*' | "
        "while read f; "
        "do mkdir -p %s/lower$(dirname $f); cp -L $f %s/lower$f; done; done",
        fx.image_dir, fx.image_dir, fx.image_dir);
  SHELL("printf 'root:x:0:0:root:/root:/bin/sh\\napp:x:1000:1001::/home/app:/bin/sh\\n' > "
        "%s/upper/passwd; "
        "mkdir -p %s/upper/etc; mv %s/upper/passwd %s/upper/etc/passwd; "
        "printf 'root:x:0:\\napp:x:1001:\\nextra:x:2000:app\\n' > %s/upper/etc/group",
        fx.image_dir, fx.image_dir, fx.image_dir, fx.image_dir, fx.image_dir);
}

/* Names and addresses of this run, so that several may run on one machine; a child has its
 * parent's.  Programs that scripts/run-tests runs side by side never share addresses. */
static int test_edge_ports[2];
static int64_t fx_comeback_max_ms; /* 0: the engine's default */
static char test_name[16], test_ipv4_pool[32], test_ipv6_pool[64];

static inline void fx_choose_names(void) {
  auto_free char *own = str_format("%d", (int)getpid());
  setenv("ENGINE_TEST_PID", own, 0);
  int number = atoi(getenv("ENGINE_TEST_PID"));
  snprintf(test_name, sizeof test_name, "tt");
  for (int i = 0, n = number; i < 5; i++, n /= 26)
    test_name[2 + i] = (char)('a' + n % 26);
  test_name[7] = '\0';
  const char *program = getenv("TEST_NUMBER");
  int pool = program ? atoi(program) : number;
  snprintf(test_ipv4_pool, sizeof test_ipv4_pool, "10.%d.%d.0/20", 221 + pool % 9,
           number / 32 % 16 * 16); /* from 230 on: the end-to-end tests */
  snprintf(test_ipv6_pool, sizeof test_ipv6_pool, "fd7a:7472:%x::/48", number & 0xffff);
  test_edge_ports[0] = 20000 + number % 10000;
}

static inline void fx_start_engine(void) {
  signal(SIGPIPE, SIG_IGN); /* as in tramd: a program need not read what it is given */
  fx_choose_names();
  const char *program = getenv("TRAMWAY_EXEC");
  char *own = NULL;
  if (!program) own = realpath("build/tramway-exec", NULL);
  struct local_config config = {
      .data_dir = fx.data_dir,
      .run_dir = fx.run_dir,
      .exec_program = program ? program : own,
      .name = test_name,
      .ipv4_pool = test_ipv4_pool,
      .ipv6_pool = test_ipv6_pool,
      .edge_ports = test_edge_ports,
      .backoff_first_ms = 20,
      .backoff_max_ms = 100,
      .watch_ms = 200,
      .comeback_max_ms = fx_comeback_max_ms,
      .log_path = test_log_path,
      .layers = test_layers,
  };
  fx.engine = NULL;
  err *e = local_engine_new(fx.loop, &config, on_change, NULL, &fx.engine);
  free(own);
  CHECK_OK(e);
  engine_on_repair(fx.engine, on_repair, NULL);
  fx.done = false;
  engine_start(fx.engine, on_done, NULL);
  TAP_WAIT_FOR(fx.done, 20000, loop_turn(fx.loop, 50));
  CHECK_TEXT(fx.done_error, "");
}

static inline void fx_close(void) {
  if (!fx.open) return;
  fx.open = false;
  if (fx.engine) {
    fx.done = false;
    engine_halt(fx.engine, on_done, NULL);
    long long end = tap_now_ms() + 60000;
    while (!fx.done && tap_now_ms() < end)
      loop_turn(fx.loop, 50);
    if (!fx.done || *fx.done_error) printf("# halt: %s\n", fx.done ? fx.done_error : "did not end");
    engine_free(fx.engine);
    fx.engine = NULL;
  }
  loop_free(fx.loop);
  strv_done(&fx.repairs);
  auto_err *e = file_remove_tree(fx.dir);
  if (e) printf("# removing %s: %s\n", fx.dir, err_message(e));
}

static inline void fx_name_folders(const char *dir) {
  snprintf(fx.data_dir, sizeof fx.data_dir, "%s/data", dir);
  snprintf(fx.run_dir, sizeof fx.run_dir, "%s/run", dir);
  snprintf(fx.image_dir, sizeof fx.image_dir, "%s/image", dir);
  snprintf(fx.log_dir, sizeof fx.log_dir, "%s/logs", dir);
}

static inline void fx_open(void) {
  static bool registered;
  if (!registered) atexit(fx_close);
  registered = true;
  fx_close();
  memset(&fx, 0, sizeof fx);
  strcpy(fx.dir, "/var/tmp/tramway-engine-XXXXXX");
  if (!mkdtemp(fx.dir)) TAP_FAIL("mkdtemp");
  fx.open = true;
  chmod(fx.dir, 0711);
  fx_name_folders(fx.dir);
  make_image();
  fx.loop = loop_new();
  fx_start_engine();
}

/* A service that runs `script` in the image's shell. */
#define SCRIPT(text) ((const char *const[]){"/bin/sh", "-c", text, NULL})
static const char *const test_env[] = {"GREETING=hello", NULL};

static inline struct workload service(const char *id, const char *const *argv) {
  return (struct workload){
      .id = id,
      .kind = WORKLOAD_SERVICE,
      .environment_id = "env-one",
      .service_id = id,
      .service_label = id,
      .image_id = "sha256:test",
      .argv = argv,
      .env = test_env,
      .replicas = 1,
      .restart = WORKLOAD_RESTART_ON_FAILURE,
      .restart_max_retries = 3,
      .stop_grace_ms = 500,
  };
}

#define WAIT_STATUS(id, wanted)                                                                    \
  TAP_WAIT_FOR(seen(id)->status == (wanted), 20000, loop_turn(fx.loop, 50))

static inline void remove_workload(const char *id) {
  fx.done = false;
  engine_remove(fx.engine, id, on_done, NULL);
  TAP_WAIT_FOR(fx.done, 20000, loop_turn(fx.loop, 50));
  CHECK_TEXT(fx.done_error, "");
}

/* The whole log of an instance, without the stamps. */
static inline char *log_of(const char *workload_id, int replica) {
  auto_free char *path =
      str_format("%s/%s/%s-%d.log", fx.log_dir, workload_id, workload_id, replica);
  auto_str text = STR_EMPTY, out = STR_EMPTY;
  auto_err *e = file_read(path, 256 << 20, &text);
  if (e) return str_dup("");
  for (const char *p = str_text(&text); *p;) {
    size_t len = strcspn(p, "\n");
    bool partial = len > 43 && p[43] == 'P';         /* the line goes on in the next entry */
    for (int field = 0; field < 3 && len; field++) { /* time, stream, F or P */
      size_t skip = strcspn(p, " \n") + 1;
      p += skip;
      len -= skip <= len ? skip : len;
    }
    str_add_bytes(&out, p, len);
    if (!partial) str_add_char(&out, '\n');
    p += len + (p[len] == '\n');
  }
  return str_take(&out);
}

static inline bool log_has(const char *workload_id, const char *part) {
  auto_free char *text = log_of(workload_id, 0);
  return strstr(text, part) != NULL;
}

#define WAIT_LOG(id, part) TAP_WAIT_FOR(log_has(id, part), 20000, loop_turn(fx.loop, 20))

/* Listens on port 80 at once. */
static inline struct workload web_server(const char *id, const char *environment) {
  static const char *const argv[] = {
      "/bin/sh", "-c",
      "mkdir -p /tmp/www; echo I am $HOSTNAME > /tmp/www/index.html; "
      "exec httpd -f -p '[::]:80' -h /tmp/www",
      NULL};
  struct workload w = service(id, argv);
  w.environment_id = environment;
  w.user = "app";
  return w;
}

static inline int count_processes(const char *mark) {
  auto_free char *command =
      str_format("grep -la '%s' /proc/[0-9]*/cmdline 2>/dev/null | wc -l", mark);
  FILE *pipe = popen(command, "r");
  int count = -1;
  if (fscanf(pipe, "%d", &count) != 1) count = -1;
  pclose(pipe);
  return count;
}

#endif
