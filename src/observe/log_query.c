#include "observe/log_query.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "observe/log_files.h"
#include "observe/log_show.h"

/* How much is read at a time, going backwards: little for a short tail, more when it goes on. */
enum { FIRST_CHUNK = 128 * 1024, LAST_CHUNK = 4 * 1024 * 1024 };

struct kept {
  int64_t time_ns;
  const char *severity;    /* static */
  const char *instance_id; /* the file list's */
  char *text;              /* message, NUL, attributes */
  size_t message_len, text_len;
  size_t order; /* of finding: keeps equal times of one file in order */
};

struct kept_list {
  struct kept *items;
  size_t len, capacity;
  size_t bytes;
};

static void kept_list_done(struct kept_list *list) {
  for (size_t i = 0; i < list->len; i++) free(list->items[i].text);
  free(list->items);
}

static void keep(struct kept_list *list, const struct log_entry *entry) {
  size_t message_len = strlen(entry->message), attributes_len = strlen(entry->attributes);
  struct kept kept = {.time_ns = entry->time_ns,
                      .severity = entry->severity,
                      .instance_id = entry->instance_id,
                      .text = mem_alloc(message_len + attributes_len + 2),
                      .message_len = message_len,
                      .text_len = message_len + attributes_len + 2,
                      .order = list->len};
  memcpy(kept.text, entry->message, message_len + 1);
  memcpy(kept.text + message_len + 1, entry->attributes, attributes_len + 1);
  list->items = mem_grow(list->items, &list->capacity, list->len + 1, sizeof kept);
  list->items[list->len++] = kept;
  list->bytes += kept.text_len;
}

static int newest_first(const void *a, const void *b) {
  const struct kept *x = a, *y = b;
  if (x->time_ns != y->time_ns) return x->time_ns < y->time_ns ? 1 : -1;
  return x->order < y->order ? 1 : x->order > y->order ? -1 : 0;
}

/* Keeps the newest `limit` entries that fit, sorted newest first. */
static void trim(struct kept_list *list, size_t limit) {
  if (list->len) qsort(list->items, list->len, sizeof *list->items, newest_first);
  size_t len = 0, bytes = 0;
  while (len < list->len && len < limit && bytes + list->items[len].text_len <= LOG_QUERY_BYTES_MAX)
    bytes += list->items[len++].text_len;
  for (size_t i = len; i < list->len; i++) free(list->items[i].text);
  for (size_t i = 0; i < len; i++) list->items[i].order = len - i;
  list->len = len;
  list->bytes = bytes;
}

struct scan {
  struct log_show *show;
  const struct log_file *file;
  struct kept_list *kept;
  size_t limit;
  int fd;
  int64_t begin, size;
};

/* Takes what matches of [start, end); false when all that lies before is too old. */
static bool scan_chunk(struct scan *s, int64_t start, int64_t end) {
  struct log_reader r;
  log_reader_init(&r, start > s->begin + LOG_READER_WARM_UP ? start - LOG_READER_WARM_UP : s->begin);
  r.fd = s->fd;
  r.end = end;
  bool first = true, older_matters = true;
  struct log_record record;
  struct log_entry entry;
  while (log_reader_next(&r, &record)) {
    if (record.offset < start) continue;
    if (first && record.time_ns <= s->show->after_ns) older_matters = false;
    first = false;
    if (log_show_entry(s->show, &record, s->file->instance_id, &entry)) keep(s->kept, &entry);
  }
  if (end == s->size)
    while (log_reader_unfinished(&r, &record))
      if (log_show_entry(s->show, &record, s->file->instance_id, &entry)) keep(s->kept, &entry);
  log_reader_done(&r);
  return older_matters;
}

/* Backwards in chunks, until there is enough. */
static void scan_file(struct scan *s) {
  int64_t end = s->size, chunk = FIRST_CHUNK;
  if (s->show->before_ns) {
    int64_t place = log_reader_find_time(s->fd, s->size, s->show->before_ns);
    if (place + 2 * LOG_READER_WARM_UP < end) end = place + 2 * LOG_READER_WARM_UP;
  }
  size_t before = s->kept->len, bytes_before = s->kept->bytes;
  while (end > s->begin) {
    int64_t start = end - s->begin > chunk ? end - chunk : s->begin;
    bool older_matters = scan_chunk(s, start, end);
    bool enough = s->kept->len - before >= s->limit ||
                  s->kept->bytes - bytes_before >= LOG_QUERY_BYTES_MAX;
    if (enough || !older_matters) return;
    end = start;
    if (chunk < LAST_CHUNK) chunk *= 2;
  }
}

static err *scan_path(struct scan *s) {
  auto_fd fd = open(s->file->path, O_RDONLY | O_CLOEXEC);
  struct stat info;
  if (fd < 0 && errno == ENOENT) return NULL; /* removed meanwhile */
  if (fd < 0 || fstat(fd, &info) < 0)
    return err_errno(errno, "opening the log '%s'", s->file->path);
  s->fd = fd;
  s->size = info.st_size;
  s->begin = log_reader_begin(fd);
  scan_file(s);
  return NULL;
}

/* Oldest first; equal times of several instances are moved on by 1 ns. */
static void emit(const struct kept_list *list, log_entry_fn *fn, void *arg) {
  int64_t last_ns = 0;
  for (size_t i = list->len; i > 0; i--) {
    const struct kept *kept = &list->items[i - 1];
    last_ns = kept->time_ns > last_ns ? kept->time_ns : last_ns + 1;
    struct log_entry entry = {.time_ns = last_ns,
                              .message = kept->text,
                              .severity = kept->severity,
                              .instance_id = kept->instance_id,
                              .attributes = kept->text + kept->message_len + 1};
    fn(arg, &entry);
  }
}

err *log_query_run(const char *dir, const struct log_query *query, log_entry_fn *fn, void *arg) {
  if (query->limit < 1 || query->limit > LOG_QUERY_LIMIT_MAX)
    return err_new(ERR_INVALID, "a log query's limit is 1 to %d", LOG_QUERY_LIMIT_MAX);
  struct log_show show;
  TRY(log_show_init(&show, query));
  auto_log_files files = {0};
  struct kept_list kept = {0};
  err *e = log_files_find(dir, query->kind, query->deployment_id, &files);
  for (size_t i = 0; !e && i < files.len; i++) {
    struct scan scan = {
        .show = &show, .file = &files.items[i], .kept = &kept, .limit = (size_t)query->limit};
    e = scan_path(&scan);
    trim(&kept, (size_t)query->limit);
  }
  if (!e) emit(&kept, fn, arg);
  kept_list_done(&kept);
  log_show_done(&show);
  return e;
}
