#include "edge/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "edge/routes.h"
#include "loop/work.h"

/* ---- bounding ---- */

static int64_t bytes_on_disk(const struct stat *info) {
  return (int64_t)info->st_blocks * 512;
}

static err *make_hole(void *arg) {
  const char *path = arg;
  auto_fd fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  struct stat info;
  if (fd < 0 || fstat(fd, &info) != 0) return err_errno(errno, "opening %s", path);
  if (info.st_size <= ACCESS_LOG_KEPT) return NULL;
  if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, info.st_size - ACCESS_LOG_KEPT) == 0)
    return NULL;
  if (errno != EOPNOTSUPP) return err_errno(errno, "making a hole in %s", path);
  return ftruncate(fd, 0) == 0 ? NULL : err_errno(errno, "emptying %s", path);
}

static void on_bounded(void *arg, err *e) {
  if (e) log_warn("edge", "access log: %s", err_message(e));
  err_free(e);
  free(arg);
}

void access_log_bound(loop *l, const char *path) {
  struct stat info;
  if (stat(path, &info) != 0 || bytes_on_disk(&info) <= 2LL * ACCESS_LOG_KEPT) return;
  work_start(l, make_hole, on_bounded, str_dup(path));
}

int64_t access_log_size(const char *path) {
  struct stat info;
  return path && stat(path, &info) == 0 ? info.st_size : 0;
}

/* ---- one line ---- */

static const struct edge_leaver *leaver_of(const struct edge_tally_question *question,
                                           const char *address) {
  for (size_t i = 0; address && i < question->leavers_len; i++)
    if (str_eq(question->leavers[i].address, address)) return &question->leavers[i];
  return NULL;
}

static int64_t number_of(const json_t *line, const char *key) {
  const char *text = json_get_text(line, key);
  return text ? strtoll(text, NULL, 10) : 0;
}

enum end { END_WHOLE, END_CLIENT, END_FAILED };

/* HAProxy's termination state: who ended it, and in which phase (configuration.txt 8.5). */
static enum end end_of(const char *state, bool is_stream, int64_t status) {
  switch (state[0]) {
  case '-': return END_WHOLE;
  case 'C':
  case 'c': return END_CLIENT;
  case 'L': return status < 500 ? END_WHOLE : END_FAILED; /* answered by the edge itself */
  case 'S': /* an event stream has no other end than its app's */
  case 's': return is_stream ? END_WHOLE : END_FAILED;
  default: return END_FAILED;
  }
}

/* What ended in the moment in which its process was killed was cut. */
static bool was_cut(const struct edge_leaver *leaver, int64_t ended_us) {
  enum { LATE_US = 20000 }; /* the two are seen by different programs */
  return leaver->killed_us && ended_us + LATE_US >= leaver->killed_us;
}

static void count_held(const struct edge_tally_question *question, const json_t *line, enum end end,
                       struct edge_tally *tally) {
  const struct edge_leaver *leaver = leaver_of(question, json_get_text(line, "target"));
  int64_t ended_us = number_of(line, "time");
  if (!leaver || ended_us - number_of(line, "total_ms") * 1000 > question->began_us) return;
  if (end == END_FAILED || (end == END_WHOLE && was_cut(leaver, ended_us)))
    tally->cut++;
  else
    tally->drained++;
}

static void count_served(const json_t *line, int64_t status, struct edge_tally *tally) {
  int64_t took_ms = number_of(line, "total_ms");
  tally->served++;
  tally->app_errors += status >= 500;
  if (took_ms > tally->slowest_ms) tally->slowest_ms = took_ms;
}

void access_log_count(const struct edge_tally_question *question, const char *text, size_t len,
                      struct edge_tally *tally) {
  if (!len || text[0] != '{' || !memmem(text, len, question->service, strlen(question->service)))
    return;
  auto_json *line = json_loadb(text, len, JSON_DISABLE_EOF_CHECK, NULL); /* the path follows */
  const char *key = json_get_text(line, "key");
  if (!key || !routes_key_is_of(key, question->service)) return;
  const char *state = json_get_text(line, "end");
  int64_t status = json_get_int(line, "status", 0);
  bool is_stream = number_of(line, "stream");
  enum end end = end_of(state ? state : "-", is_stream, status);
  count_held(question, line, end, tally);
  if (end == END_FAILED) {
    tally->failed++;
  } else if (end == END_CLIENT && !is_stream) {
    tally->aborted++;
  } else if (is_stream) {
    tally->streams++;
  } else {
    count_served(line, status, tally);
  }
}

/* ---- all of them ---- */

enum { CHUNK = 1024 * 1024 };

struct tally_work {
  char *path, *service;
  struct edge_leaver *leavers;
  struct edge_tally_question question;
  struct edge_tally tally;
  edge_tally_fn *fn;
  void *arg;
};

/* Counts the whole lines at the front of `text` that begin before `limit`: a position may be in the
 * middle of a line, because a file grows a page at a time while a line is written. */
static size_t count_lines(struct tally_work *w, const char *text, size_t len, int64_t limit) {
  size_t used = 0;
  for (const char *end; (int64_t)used < limit && (end = memchr(text + used, '\n', len - used));) {
    const char *line = text + used;
    size_t line_len = (size_t)(end - line);
    if (line_len && line[0] == '\0') w->tally.complete = false; /* a hole */
    access_log_count(&w->question, line, line_len, &w->tally);
    used += line_len + 1;
  }
  return used;
}

static err *tally_file(void *arg) {
  struct tally_work *w = arg;
  w->tally.complete = w->path != NULL;
  if (!w->path) return NULL;
  auto_fd fd = open(w->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return err_errno(errno, "opening %s", w->path);
  auto_free char *buffer = mem_alloc(CHUNK);
  int64_t at = w->question.from;
  while (at < w->question.to) {
    ssize_t got = pread(fd, buffer, CHUNK, at);
    if (got < 0) return err_errno(errno, "reading %s", w->path);
    size_t used = count_lines(w, buffer, (size_t)got, w->question.to - at);
    if (!used && got == CHUNK) used = CHUNK; /* a hole, or no text of ours */
    if (!used) break;
    at += (int64_t)used;
  }
  if (at < w->question.to) w->tally.complete = false;
  return NULL;
}

static void on_tallied(void *arg, err *e) {
  struct tally_work *w = arg;
  w->fn(w->arg, e, &w->tally);
  for (size_t i = 0; i < w->question.leavers_len; i++) free((char *)w->leavers[i].address);
  free(w->leavers);
  free(w->path);
  free(w->service);
  free(w);
}

void access_log_tally(loop *l, const char *path, const struct edge_tally_question *question,
                      edge_tally_fn *fn, void *arg) {
  struct tally_work *w = mem_zalloc(sizeof *w);
  w->path = str_dup(path);
  w->service = str_dup(question->service);
  w->leavers = mem_zalloc((question->leavers_len + 1) * sizeof *w->leavers);
  for (size_t i = 0; i < question->leavers_len; i++)
    w->leavers[i] = (struct edge_leaver){str_dup(question->leavers[i].address),
                                         question->leavers[i].killed_us};
  w->question = *question;
  w->question.service = w->service;
  w->question.leavers = w->leavers;
  w->fn = fn;
  w->arg = arg;
  work_start(l, tally_file, on_tallied, w);
}
