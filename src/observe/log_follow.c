#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "loop/timer.h"
#include "observe/log_files.h"
#include "observe/log_query.h"
#include "observe/log_show.h"
#include "observe/log_store_impl.h"

/* inotify tells at once; the timer is for file systems and machines where it cannot. */
enum { LOOK_EVERY_MS = 5000 };

/* One call reads at most this much, then lets the loop turn: a filter that takes nothing of a large
 * file must not hold everybody up. */
enum { READ_PER_CALL = 4 * 1024 * 1024 };

/* One file that is followed.  Closed between calls: what is kept is a position, what is unfinished,
 * and at most one record that others of its turn were older than. */
struct followed {
  char *path, *instance_id;
  struct log_reader reader;
  dev_t device;
  ino_t inode;
  bool opened_before;
  bool ended; /* in this call */
  bool has_head;
  int64_t head_ns;
  bool head_is_stderr;
  struct str head;
};

struct log_follower {
  log_store *store;
  enum log_kind kind;
  struct log_show show;
  loop_fn *on_ready;
  void *arg;
  struct followed **files;
  size_t files_len, files_capacity;
  int64_t last_ns; /* of the last entry given */
  bool waiting;    /* for something new: the reader got 0 and waits for on_ready */
  bool called;     /* on_ready is about to be called */
  bool look_again; /* for new files */
  bool stopped;
  uv_fs_event_t event;
  bool watches;
  timer *look;
  int open_parts; /* the event handle and a pending call: freed when both are gone */
};

static void followed_free(struct followed *file) {
  log_reader_done(&file->reader);
  str_done(&file->head);
  free(file->path);
  free(file->instance_id);
  free(file);
}

static void release(log_follower *f) {
  if (--f->open_parts > 0) return;
  for (size_t i = 0; i < f->files_len; i++) followed_free(f->files[i]);
  free(f->files);
  log_show_done(&f->show);
  free(f);
}

static void call_on_ready(void *arg) {
  log_follower *f = arg;
  f->called = false;
  if (!f->stopped) f->on_ready(f->arg);
  release(f);
}

/* Tells the reader, once, at the end of this turn. */
static void wake(log_follower *f) {
  if (!f->waiting || f->called) return;
  f->waiting = false;
  f->called = true;
  f->open_parts++;
  loop_defer(f->store->loop, call_on_ready, f);
}

static bool follows(const log_follower *f, const char *path) {
  for (size_t i = 0; i < f->files_len; i++)
    if (str_eq(f->files[i]->path, path)) return true;
  return false;
}

static err *look_for_files(log_follower *f) {
  auto_log_files found = {0};
  TRY(log_files_find(f->store->dir, f->kind, f->show.deployment_id, &found));
  for (size_t i = 0; i < found.len; i++) {
    if (follows(f, found.items[i].path)) continue;
    struct followed *file = mem_zalloc(sizeof *file);
    file->path = str_dup(found.items[i].path);
    file->instance_id = str_dup(found.items[i].instance_id);
    log_reader_init(&file->reader, 0);
    f->files = mem_grow(f->files, &f->files_capacity, f->files_len + 1, sizeof *f->files);
    f->files[f->files_len++] = file;
  }
  f->look_again = false;
  return NULL;
}

static void start_over(struct followed *file, int64_t offset) {
  log_reader_done(&file->reader);
  log_reader_init(&file->reader, offset);
}

/* Opens a file for this call.  One that became shorter or another is read from its beginning; what
 * was given back to the disk before it was read is passed over. */
static void open_file(const log_follower *f, struct followed *file) {
  file->ended = true;
  int fd = open(file->path, O_RDONLY | O_CLOEXEC);
  struct stat info;
  if (fd < 0) return;
  if (fstat(fd, &info) < 0) {
    close(fd);
    return;
  }
  bool same = file->device == info.st_dev && file->inode == info.st_ino &&
              info.st_size >= file->reader.offset;
  int64_t begin = log_reader_begin(fd);
  if (!file->opened_before && f->show.after_ns) {
    int64_t place = log_reader_find_time(fd, info.st_size, f->show.after_ns);
    start_over(file, place > begin + LOG_READER_WARM_UP ? place - LOG_READER_WARM_UP : begin);
  } else if ((file->opened_before && !same) || file->reader.offset < begin) {
    start_over(file, begin);
  }
  file->opened_before = true;
  file->device = info.st_dev;
  file->inode = info.st_ino;
  file->reader.fd = fd;
  file->ended = false;
}

static void close_file(struct followed *file) {
  log_reader_rest(&file->reader);
  if (file->reader.fd >= 0) close(file->reader.fd);
  file->reader.fd = -1;
}

/* Reads on until the file has a record to give, ends, or the call's budget is used up. */
static void read_head(const log_follower *f, struct followed *file, int64_t *budget) {
  struct log_record record;
  while (!file->has_head && !file->ended && *budget > 0) {
    int64_t from = file->reader.offset;
    bool got = log_reader_next(&file->reader, &record);
    *budget -= file->reader.offset - from;
    if (!got) {
      file->ended = true;
    } else if (record.time_ns > f->show.after_ns) {
      file->has_head = true;
      file->head_ns = record.time_ns;
      file->head_is_stderr = record.is_stderr;
      str_clear(&file->head);
      str_add_bytes(&file->head, record.text, record.len);
    }
  }
}

/* The file whose next record is the oldest; NULL when none has any.  False in *ret_sure when a file
 * could not be read far enough to know. */
static struct followed *oldest(log_follower *f, int64_t *budget, bool *ret_sure) {
  struct followed *best = NULL;
  *ret_sure = true;
  for (size_t i = 0; i < f->files_len; i++) {
    struct followed *file = f->files[i];
    read_head(f, file, budget);
    if (!file->has_head && !file->ended) *ret_sure = false;
    if (file->has_head && (!best || file->head_ns < best->head_ns)) best = file;
  }
  return best;
}

/* Late records of a slower instance get times behind what was given already. */
static bool give(log_follower *f, struct followed *file, log_entry_fn *fn, void *arg) {
  struct log_record record = {.time_ns = file->head_ns,
                              .is_stderr = file->head_is_stderr,
                              .text = str_text(&file->head),
                              .len = file->head.len};
  struct log_entry entry;
  file->has_head = false;
  if (!log_show_entry(&f->show, &record, file->instance_id, &entry)) return false;
  if (entry.time_ns <= f->last_ns) entry.time_ns = f->last_ns + 1;
  f->last_ns = entry.time_ns;
  fn(arg, &entry);
  return true;
}

err *log_follower_next(log_follower *f, int limit, log_entry_fn *fn, void *arg, int *ret_count) {
  if (f->look_again) TRY(look_for_files(f));
  for (size_t i = 0; i < f->files_len; i++) open_file(f, f->files[i]);
  int64_t budget = READ_PER_CALL;
  int count = 0;
  bool sure = true;
  while (count < limit) {
    struct followed *file = oldest(f, &budget, &sure);
    if (!file || !sure) break;
    if (give(f, file, fn, arg)) count++;
  }
  for (size_t i = 0; i < f->files_len; i++) close_file(f->files[i]);
  if (count == 0) {
    f->waiting = true;
    if (!sure) wake(f); /* there is more to read, after a turn of the loop */
  }
  *ret_count = count;
  return NULL;
}

static bool has_grown(const struct followed *file) {
  struct stat info;
  return stat(file->path, &info) == 0 &&
         (info.st_size != file->reader.offset || info.st_ino != file->inode);
}

static void watch(log_follower *f);

static void on_look(void *arg) {
  log_follower *f = arg;
  if (!f->watches) watch(f);
  size_t before = f->files_len;
  err_ignore(look_for_files(f)); /* the next call of the reader says what is wrong */
  bool news = f->files_len > before;
  for (size_t i = 0; !news && i < f->files_len; i++) news = has_grown(f->files[i]);
  if (news) wake(f);
}

static void on_event(uv_fs_event_t *event, const char *name, int events, int status) {
  (void)events;
  (void)status;
  log_follower *f = CONTAINER_OF(event, log_follower, event);
  if (f->kind == LOG_BUILD && name) { /* the folder holds the logs of other builds too */
    size_t len = strlen(f->show.deployment_id);
    if (strncmp(name, f->show.deployment_id, len) != 0 || !str_eq(name + len, ".log")) return;
  }
  f->look_again = true;
  wake(f);
}

static void watch(log_follower *f) {
  auto_free char *folder = log_files_folder(f->store->dir, f->kind, f->show.deployment_id);
  err_ignore(file_make_dirs(folder, 0700)); /* before its first instance; watching says the rest */
  int failed = uv_fs_event_start(&f->event, on_event, folder, 0);
  f->watches = failed == 0;
  if (failed)
    log_debug("logs", "cannot watch '%s' (%s): looking every 5 s", folder, uv_strerror(failed));
}

static void note_first(void *arg, const struct log_entry *entry) {
  int64_t *first_ns = arg;
  if (*first_ns == 0) *first_ns = entry->time_ns;
}

/* With a limit and no beginning, following starts with the newest `limit` entries. */
static err *begin_at_tail(log_store *s, const struct log_query *query, int64_t *ret_after_ns) {
  *ret_after_ns = query->after_ns;
  if (query->limit <= 0 || query->after_ns) return NULL;
  int64_t first_ns = 0;
  TRY(log_query_run(s->dir, query, note_first, &first_ns));
  if (first_ns) *ret_after_ns = first_ns - 1;
  return NULL;
}

err *log_follow(log_store *s, const struct log_query *of, loop_fn *on_ready, void *arg,
                log_follower **ret_follower) {
  struct log_query with = *of, *query = &with;
  struct log_show show;
  auto_redactor *r = NULL;
  int64_t after_ns;
  TRY(log_files_check_id("deployment", of->deployment_id));
  TRY(log_store_redactor(s, of->deployment_id, &r));
  with.redactor = r;
  TRY(log_show_init(&show, query));
  err *e = begin_at_tail(s, query, &after_ns);
  if (e) {
    log_show_done(&show);
    return e;
  }
  log_follower *f = mem_zalloc(sizeof *f);
  *f = (log_follower){
      .store = s, .kind = query->kind, .show = show, .on_ready = on_ready, .arg = arg};
  f->show.after_ns = after_ns;
  f->last_ns = after_ns;
  f->look_again = true;
  f->open_parts = 1;
  uv_fs_event_init(loop_uv(s->loop), &f->event);
  watch(f);
  f->look = timer_start(s->loop, LOOK_EVERY_MS, LOOK_EVERY_MS, on_look, f);
  f->waiting = true;
  wake(f);
  *ret_follower = f;
  return NULL;
}

static void on_event_closed(uv_handle_t *handle) {
  release(CONTAINER_OF((uv_fs_event_t *)handle, log_follower, event));
}

void log_follower_stop(log_follower *f) {
  if (!f) return;
  f->stopped = true;
  timer_stop(f->look);
  uv_close((uv_handle_t *)&f->event, on_event_closed);
}
