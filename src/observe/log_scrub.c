#include "observe/log_scrub.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/secret.h"
#include "observe/log_line.h"
#include "observe/log_reader.h"

/* A record that is longer is looked through in parts, which overlap by what a secret may have. */
enum { CHUNK = 1 << 20, RECORD_MAX = 256 * 1024 };

/* A piece of a record's text in the file. */
struct piece {
  int64_t offset;
  size_t len;
};

/* What a stream has written of its current line. */
struct record {
  struct str text;
  struct piece *pieces;
  size_t len, capacity;
  int64_t begin; /* of its first line in the file */
};

struct scrub {
  int fd;
  const redactor *redactor;
  struct record records[2];
  char *chunk;
  int64_t done; /* all that ends before it has been looked through */
  err *error;
};

static void scrub_done(struct scrub *s) {
  for (size_t i = 0; i < ARRAY_LEN(s->records); i++) {
    str_done(&s->records[i].text);
    free(s->records[i].pieces);
  }
  free(s->chunk);
}

/* ---- writing over ---- */

static char *replacement(const struct redact_match *m) {
  char *text = mem_alloc(m->len + 1);
  auto_free char *shown = str_format("[redacted %s]", m->name);
  size_t len = strlen(shown) <= m->len ? strlen(shown) : 0;
  memset(text, '*', m->len);
  memcpy(text, shown, len);
  text[m->len] = '\0';
  return text;
}

static void overwrite(struct scrub *s, const struct record *r, const struct redact_match *m) {
  auto_free char *text = replacement(m);
  size_t at = 0; /* of the piece, in the record's text */
  for (size_t i = 0; i < r->len && at < m->at + m->len; at += r->pieces[i++].len) {
    const struct piece *p = &r->pieces[i];
    size_t from = m->at > at ? m->at - at : 0, end = m->at + m->len - at;
    if (end > p->len) end = p->len;
    if (from >= end) continue;
    ssize_t written = pwrite(s->fd, text + (at + from - m->at), end - from, p->offset + (int64_t)from);
    if (written < 0 && !s->error) s->error = err_errno(errno, "writing over a secret in a log");
  }
}

static void end_record(struct scrub *s, struct record *r) {
  struct redact_match m = {0};
  for (size_t from = 0; redact_find(s->redactor, str_text(&r->text), r->text.len, from, &m); from = m.at + m.len)
    overwrite(s, r, &m);
  if (r->text.len) secret_wipe(r->text.data, r->text.len);
  str_clear(&r->text);
  r->len = 0;
}

/* ---- reading ---- */

static void take_line(struct scrub *s, const char *line, size_t len, int64_t offset) {
  struct log_line parsed;
  if (!log_line_parse(line, len, &parsed)) return;
  struct record *r = &s->records[parsed.is_stderr];
  if (!r->len) r->begin = offset;
  r->pieces = mem_grow(r->pieces, &r->capacity, r->len + 1, sizeof *r->pieces);
  r->pieces[r->len++] = (struct piece){offset + (parsed.text - line), parsed.len};
  str_add_bytes(&r->text, parsed.text, parsed.len);
  if (!parsed.is_partial || r->text.len > RECORD_MAX) end_record(s, r);
}

/* The whole lines of the chunk; how many bytes they have. */
static size_t take_lines(struct scrub *s, size_t len, int64_t offset) {
  size_t at = 0;
  for (const char *newline; (newline = memchr(s->chunk + at, '\n', len - at));) {
    size_t line = (size_t)(newline - (s->chunk + at));
    take_line(s, s->chunk + at, line, offset + (int64_t)at);
    at += line + 1;
  }
  return at;
}

static void read_on(struct scrub *s) {
  int64_t offset = s->done;
  s->chunk = mem_alloc(CHUNK);
  for (;;) {
    ssize_t got = pread(s->fd, s->chunk, CHUNK, offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && !s->error) s->error = err_errno(errno, "reading a log");
    if (got <= 0) break;
    size_t taken = take_lines(s, (size_t)got, offset);
    if (!taken && got < CHUNK) break;
    offset += taken ? (int64_t)taken : got; /* no line is that long: conmon's have some 8 KiB */
  }
  s->done = offset;
  for (size_t i = 0; i < ARRAY_LEN(s->records); i++) /* what is unfinished is looked through again */
    if (s->records[i].len && s->records[i].begin < s->done) s->done = s->records[i].begin;
}

err *log_scrub_file(const char *path, const redactor *r) {
  auto_fd fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  struct stat info;
  if (fd < 0 && errno == ENOENT) return NULL;
  if (fd < 0 || fstat(fd, &info) < 0) return err_errno(errno, "opening the log '%s'", path);
  struct scrub s = {.fd = fd, .redactor = r};
  int64_t before = 0;
  if (fgetxattr(fd, LOG_SCRUB_ATTRIBUTE, &before, sizeof before) != sizeof before || before > info.st_size) before = 0;
  int64_t begin = log_reader_begin(fd); /* behind what was given back to the disk */
  s.done = before > begin ? before : begin;
  if (s.done < info.st_size) read_on(&s);
  if (!s.error && s.done != before) fsetxattr(fd, LOG_SCRUB_ATTRIBUTE, &s.done, sizeof s.done, 0);
  scrub_done(&s);
  return err_wrap(s.error, "the log '%s'", path);
}
