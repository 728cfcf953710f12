/* One push: git takes it, core deploys it, and the pusher sees both as they happen.
 *
 *   TAKING     git receive-pack runs on the body's file; what it answers goes on, but for its last packet
 *   DEPLOYING  the build logs of the deployments go out as progress ("remote: …"), pulled when there is room
 *   OVER       the last packet goes, and the answer ends
 *
 * The client may go away at any time: a push that git has taken is deployed all the same. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/git.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "loop/timer.h"
#include "loop/work.h"
#include "observe/log_store.h"
#include "source/gunzip.h"
#include "store/deployment.h"
#include "store/domain.h"
#include "store/project.h"
#include "store/service.h"

enum {
  TAKE_MS = 15 * 60 * 1000,
  FOLLOW_MS = 45 * 60 * 1000, /* of the pusher's patience; the deployment goes on */
  KEEPALIVE_MS = 15000,
  HEAD_BYTES = 1024 * 1024, /* of the body, where the commands must be */
  HIGH_BYTES = 256 * 1024,  /* git is held back while so much waits for the client */
  LOG_BATCH = 100,
};

enum push_phase { PUSH_TAKING, PUSH_DEPLOYING, PUSH_OVER };

struct follow {
  char id[ID_SIZE];
  char *name; /* "api (production)" */
  log_follower *log; /* NULL: it is told of no more */
  core_watch *watch;
};

struct git_push {
  struct list link;
  api *api; /* NULL: it has ended */
  http_request *request; /* NULL: gone */
  struct git_target target;
  enum push_phase phase;
  char *body_path;
  int64_t limit_bytes;
  struct ref_updates updates;
  spawn *child;
  struct str in;  /* of git's answer, not yet a whole packet */
  struct str out; /* what goes to the client next */
  struct follow *follows;
  size_t follows_len;
  timer *tick;
  int64_t ends_at_ms;
};

static void say(struct git_push *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct git_push *p, const char *format, ...) {
  va_list args;
  va_start(args, format);
  auto_free char *text = str_vformat(format, args);
  va_end(args);
  if (p->updates.side_band) pkt_line_add_progress(&p->out, text);
}

static void wake(void *arg) {
  struct git_push *p = arg;
  if (p->request) http_stream_wake(p->request);
}

static void wake_for_deployment(void *arg, const char *deployment_id) {
  (void)deployment_id;
  wake(arg);
}

/* ---- the end ---- */

static void stop_following(struct follow *f) {
  log_follower_stop(f->log);
  core_watch_stop(f->watch);
  f->log = NULL;
  f->watch = NULL;
}

static void push_free(struct git_push *p) {
  list_remove(&p->link);
  for (size_t i = 0; i < p->follows_len; i++) {
    stop_following(&p->follows[i]);
    free(p->follows[i].name);
  }
  free(p->follows);
  timer_stop(p->tick);
  if (p->body_path && unlink(p->body_path) < 0 && errno != ENOENT)
    log_warn("git", "removing '%s': %s", p->body_path, strerror(errno));
  free(p->body_path);
  ref_updates_done(&p->updates);
  str_done(&p->in);
  str_done(&p->out);
  free(p);
}

static void over(struct git_push *p) {
  p->phase = PUSH_OVER;
  if (p->updates.side_band) pkt_line_add_flush(&p->out);
  wake(p);
}

/* ---- deploying ---- */

static err *name_of(struct git_push *p, const struct deployment *d, char **ret_name) {
  auto_service service = {0};
  auto_environment environment = {0};
  TRY(service_get(p->api->parts.db, d->service_id, &service));
  TRY(environment_get(p->api->parts.db, d->environment_id, &environment));
  *ret_name = str_format("%s (%s)", service.name, environment.name);
  return NULL;
}

static err *follow_one(struct git_push *p, const char *id) {
  auto_deployment d = {0};
  struct follow *f = &p->follows[p->follows_len];
  struct log_query query = {.kind = LOG_BUILD, .deployment_id = id, .limit = 5000};
  id_copy(f->id, id);
  TRY(deployment_get(p->api->parts.db, id, &d));
  TRY(name_of(p, &d, &f->name));
  TRY(log_follow(p->api->parts.logs, &query, wake, p, &f->log));
  f->watch = core_watch_start(p->api->parts.core, id, wake_for_deployment, p);
  say(p, "-----> Deploying %s from %.12s, deployment %s", f->name, d.settings.source_commit, id);
  p->follows_len++;
  return NULL;
}

static void deploy(struct git_push *p) {
  struct core_push push = git_push_of(&p->target);
  struct core_pushed pushed = {0};
  err *e = core_push_deploy(p->api->parts.core, &push, &p->updates, &pushed);
  p->phase = PUSH_DEPLOYING;
  p->follows = mem_zalloc((pushed.deployments.len + 1) * sizeof *p->follows);
  for (size_t i = 0; !e && i < pushed.deployments.len; i++) e = follow_one(p, pushed.deployments.items[i]);
  for (size_t i = 0; i < pushed.remarks.len; i++) say(p, " !     %s", pushed.remarks.items[i]);
  core_pushed_done(&pushed);
  if (!e) return;
  log_error("git", "deploying a push: %s", err_message(e));
  say(p, " !     The push was taken, but not deployed: %s", err_message(e));
  err_free(e);
}

static char *url_of(struct git_push *p, const struct deployment *d) {
  auto_domain_list domains = {0};
  auto_err *e = domain_list_by_instance(p->api->parts.db, d->service_instance_id, &domains);
  if (e || !domains.len) return str_dup("it has no domain yet: `tram domain`");
  return url_at_edge(p->api, domains.items[0].host);
}

/* The last words on a deployment; false while it is on its way. */
static bool tell_end(struct git_push *p, const struct follow *f, const struct deployment *d) {
  bool found = false;
  auto_deployment live = {0};
  auto_free char *url = NULL;
  if (deployment_status_is_active(d->status)) {
    url = url_of(p, d);
    say(p, "-----> %s is live: %s", f->name, url);
    return true;
  }
  if (d->status == DEPLOYMENT_SKIPPED) {
    say(p, "-----> %s was skipped: %s", f->name, d->status_reason ? d->status_reason : "nothing of it changed");
    return true;
  }
  if (d->status == DEPLOYMENT_REMOVING || d->status == DEPLOYMENT_REMOVED) {
    say(p, " !     %s was not deployed: %s", f->name, d->status_reason ? d->status_reason : "it was cancelled");
    return true;
  }
  if (d->status != DEPLOYMENT_FAILED) return false;
  say(p, " !");
  say(p, " !     DEPLOYMENT FAILED: %s", f->name);
  say(p, " !     %s", d->status_reason ? d->status_reason : "see its build log");
  err_ignore(deployment_find_active(p->api->parts.db, d->service_instance_id, &found, &live));
  say(p, " !     The commits are in the repository; %s", found ? "what was live before still is" : "nothing of it is live");
  say(p, " !");
  return true;
}

struct batch {
  struct git_push *push;
  const struct follow *follow;
};

static void add_line(void *arg, const struct log_entry *entry) {
  struct batch *b = arg;
  if (!b->push->target.reads_logs) return;
  if (b->push->follows_len > 1)
    say(b->push, "       [%s] %s", b->follow->name, entry->message);
  else
    say(b->push, "       %s", entry->message);
}

/* Asks for the state first: what is logged until then is read after it. */
static err *follow_on(struct git_push *p, struct follow *f) {
  auto_deployment d = {0};
  struct batch b = {p, f};
  int count = 0;
  TRY(deployment_get(p->api->parts.db, f->id, &d));
  TRY(log_follower_next(f->log, LOG_BATCH, add_line, &b, &count));
  if (!count && tell_end(p, f, &d)) stop_following(f);
  return NULL;
}

/* Fills `out` with what there is. */
static void pull(struct git_push *p) {
  bool any = false;
  for (size_t i = 0; i < p->follows_len; i++) {
    struct follow *f = &p->follows[i];
    if (!f->log) continue;
    auto_err *e = follow_on(p, f);
    if (e) say(p, " !     %s: %s", f->name, err_message(e));
    if (e) stop_following(f);
    any |= f->log != NULL;
  }
  if (any && clock_monotonic_ms() < p->ends_at_ms) return;
  if (any) say(p, " !     Not waiting any longer: `tram logs --build` goes on, `tram status` says how it stands");
  over(p);
}

static void on_tick(void *arg) {
  struct git_push *p = arg;
  if (p->updates.side_band && p->phase == PUSH_DEPLOYING && !p->out.len) str_add(&p->out, "0005\x01");
  wake(p);
}

/* ---- the answer ---- */

static ssize_t on_read(void *arg, char *buffer, size_t size) {
  struct git_push *p = arg;
  if (!p->out.len && p->phase == PUSH_DEPLOYING) pull(p);
  if (!p->out.len) return p->phase == PUSH_OVER ? HTTP_STREAM_END : HTTP_STREAM_WAIT;
  size_t len = p->out.len < size ? p->out.len : size;
  memcpy(buffer, p->out.data, len);
  str_consume(&p->out, len);
  if (p->child && p->out.len < HIGH_BYTES) spawn_pause(p->child, false);
  return (ssize_t)len;
}

static void on_end(void *arg, bool complete) {
  (void)complete;
  struct git_push *p = arg;
  p->request = NULL;
  if (p->child)
    spawn_pause(p->child, false); /* it has all it needs; on_taken goes on from there */
  else
    push_free(p);
}

/* ---- git ---- */

/* Hands on git's answer packet by packet; the last one is kept back while there is more to say. */
static void hand_on(struct git_push *p) {
  struct pkt_line line;
  ssize_t taken;
  while ((taken = pkt_line_read(str_text(&p->in), p->in.len, &line)) > 0) {
    if (line.payload) str_add_bytes(&p->out, p->in.data, (size_t)taken);
    str_consume(&p->in, (size_t)taken);
  }
  if (taken < 0) str_clear(&p->in); /* git does not speak so */
}

static void on_output(void *arg, int fd, const char *data, size_t len) {
  struct git_push *p = arg;
  if (fd != 1 || !p->request) return;
  if (p->updates.side_band) {
    str_add_bytes(&p->in, data, len);
    hand_on(p);
  } else {
    str_add_bytes(&p->out, data, len);
  }
  if (p->out.len >= HIGH_BYTES) spawn_pause(p->child, true);
  wake(p);
}

static void on_taken(void *arg, const struct spawn_result *result) {
  struct git_push *p = arg;
  p->child = NULL;
  auto_err *e = spawn_result_err(result);
  if (e) {
    log_info("git", "a push was not taken: %s", err_message(e));
    say(p, result->timed_out ? " !     The push took too long" : " !     The push was not taken");
    over(p);
  } else if (p->updates.len && p->api) {
    deploy(p);
    wake(p);
  } else {
    over(p); /* git asks first whether it may push, with an empty one */
  }
  if (!p->request) push_free(p);
}

static err *read_head(int fd, struct str *ret_head) {
  while (ret_head->len < HEAD_BYTES) {
    char chunk[16384];
    ssize_t got = pread(fd, chunk, sizeof chunk, (off_t)ret_head->len);
    if (got < 0) return err_errno(errno, "reading the push");
    if (got == 0) break;
    str_add_bytes(ret_head, chunk, (size_t)got);
  }
  return NULL;
}

static err *take(struct git_push *p) {
  static const struct http_header headers[] = {{"Content-Type", GIT_RESULT_TYPE}, {"Cache-Control", "no-cache"}, {0}};
  struct core_push push = git_push_of(&p->target);
  auto_str head = STR_EMPTY;
  auto_fd fd = open(p->body_path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return err_errno(errno, "opening the push");
  TRY(read_head(fd, &head));
  TRY(ref_updates_read(str_text(&head), head.len, &p->updates));
  struct pushed_body body = {.fd = fd, .limit_bytes = p->limit_bytes, .deadline_ms = TAKE_MS};
  TRY(pushed_receive(core_pushed_repos(p->api->parts.core), core_push_repository(&push), &body, on_output, on_taken,
                     p, &p->child));
  p->ends_at_ms = clock_monotonic_ms() + FOLLOW_MS;
  p->tick = timer_start(p->api->parts.loop, KEEPALIVE_MS, KEEPALIVE_MS, on_tick, p);
  http_respond_stream(p->request, 200, headers, -1, on_read, on_end, p);
  return NULL;
}

static void begin(struct git_push *p) {
  err *e = take(p);
  if (!e) return;
  git_respond_err(p->request, true, e);
  push_free(p);
}

/* ---- a body that came compressed ---- */

static err *unpack_body(void *arg) {
  struct git_push *p = arg;
  auto_free char *plain = str_format("%s.plain", p->body_path);
  TRY(gunzip_file(p->body_path, plain, p->limit_bytes + HEAD_BYTES));
  if (rename(plain, p->body_path) < 0) return err_errno(errno, "unpacking the push");
  return NULL;
}

static void on_unpacked(void *arg, err *e) {
  struct git_push *p = arg;
  if (!p->request) {
    err_ignore(e);
    push_free(p);
    return;
  }
  http_on_abort(p->request, NULL, NULL);
  if (!e) {
    begin(p);
    return;
  }
  git_respond_err(p->request, true, e);
  push_free(p);
}

static void on_gone(void *arg) {
  ((struct git_push *)arg)->request = NULL;
}

void git_push_start(api *a, http_request *r, const struct git_target *target, const char *body_path,
                    int64_t limit_bytes) {
  struct git_push *p = mem_zalloc(sizeof *p);
  list_push(&a->pushes, &p->link);
  p->api = a;
  p->request = r;
  p->target = *target;
  p->body_path = str_dup(body_path);
  p->limit_bytes = limit_bytes;
  const char *encoding = http_header(r, "content-encoding");
  if (str_ieq(encoding ? encoding : "identity", "identity")) {
    begin(p);
  } else if (str_ieq(encoding, "gzip") || str_ieq(encoding, "x-gzip")) {
    http_on_abort(r, on_gone, p);
    work_start(a->parts.loop, unpack_body, on_unpacked, p);
  } else {
    git_respond_err(r, true, err_new(ERR_INVALID, "the push is packed in a way that is not known here: gzip or none"));
    push_free(p);
  }
}

void git_push_stop_all(api *a) {
  LIST_FOREACH(p, &a->pushes, struct git_push, link) {
    list_remove(&p->link);
    p->api = NULL;
    if (p->child) spawn_kill(p->child, SIGKILL);
  }
}
