#include "build/buildah_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { SHOWN_LIMIT = 200 }; /* bytes of an instruction in its heading */

struct buildah_log {
  const char *file_name;
  const struct dockerfile_steps *steps;
  build_line_fn *on_line;
  void *arg;
  struct str partial[2];       /* of standard output and of standard error */
  char *tail[BUILDAH_LOG_TAIL]; /* a ring: what the current step printed last */
  size_t tail_next;
  int stage, step;  /* of the current STEP, from 1 */
  char *heading;    /* "[2/7]" */
  char *instruction; /* "RUN npm ci" */
  char *pending;    /* a line "Error: …": buildah's own if it is the last, else the program's */
  char *reason;     /* from buildah's own "Error: …" line */
};

buildah_log *buildah_log_new(const char *file_name, const struct dockerfile_steps *steps,
                             build_line_fn *on_line, void *arg) {
  buildah_log *log = mem_zalloc(sizeof *log);
  log->file_name = file_name;
  log->steps = steps;
  log->on_line = on_line;
  log->arg = arg;
  return log;
}

static void clear_tail(buildah_log *log) {
  for (size_t i = 0; i < BUILDAH_LOG_TAIL; i++) {
    free(log->tail[i]);
    log->tail[i] = NULL;
  }
  log->tail_next = 0;
}

void buildah_log_free(buildah_log *log) {
  if (!log) return;
  clear_tail(log);
  str_done(&log->partial[0]);
  str_done(&log->partial[1]);
  free(log->heading);
  free(log->instruction);
  free(log->pending);
  free(log->reason);
  free(log);
}

/* Length of the terminal escape sequence at `p` ("\033[1;32m"), or 0. */
static size_t escape_sequence(const char *p, size_t left) {
  if (left < 2 || p[0] != '\033' || p[1] != '[') return 0;
  size_t n = 2;
  while (n < left && (unsigned char)p[n] >= 0x20 && (unsigned char)p[n] < 0x40) n++;
  return n < left ? n + 1 : n;
}

static size_t character_len(const char *p, size_t left) {
  for (size_t n = 1; n <= 4 && n <= left; n++)
    if (str_is_utf8(p, n)) return n;
  return 0;
}

char *build_line_clean(const char *data, size_t len) {
  while (len && data[len - 1] == '\r') len--;
  const char *last = memrchr(data, '\r', len);
  if (last) {
    len -= (size_t)(last + 1 - data);
    data = last + 1;
  }
  auto_str out = STR_EMPTY;
  str_add(&out, "");
  for (size_t i = 0; i < len && out.len < BUILD_LINE_LIMIT - 4;) {
    size_t skip = escape_sequence(data + i, len - i);
    size_t n = character_len(data + i, len - i);
    if (skip) {
      i += skip;
    } else if (!n) {
      str_add(&out, "\xef\xbf\xbd"); /* U+FFFD */
      i++;
    } else {
      bool control = (unsigned char)data[i] < 0x20 && data[i] != '\t';
      if (!control && data[i] != 0x7f) str_add_bytes(&out, data + i, n);
      i += n;
    }
  }
  return str_take(&out);
}

static void emit(const buildah_log *log, const char *line) {
  log->on_line(log->arg, line);
}

static const struct dockerfile_step *current_step(const buildah_log *log) {
  for (size_t i = 0; log->steps && i < log->steps->len; i++)
    if (log->steps->items[i].stage == log->stage && log->steps->items[i].step == log->step)
      return &log->steps->items[i];
  return NULL;
}

/* "[1/2] STEP 3/5: RUN x" and "STEP 3/5: RUN x".  Shown is what the author wrote, not what the
 * rewriter made of it. */
static bool take_step(buildah_log *log, const char *line) {
  int stage = 1, stages = 1, step, steps, used = 0;
  if (sscanf(line, "[%d/%d] STEP %d/%d: %n", &stage, &stages, &step, &steps, &used) != 4 || !used) {
    stage = stages = 1;
    used = 0;
    if (sscanf(line, "STEP %d/%d: %n", &step, &steps, &used) != 2 || !used) return false;
  }
  clear_tail(log);
  log->stage = stage;
  log->step = step;
  free(log->heading);
  log->heading = stages > 1 ? str_format("[%d/%d %d/%d]", stage, stages, step, steps)
                            : str_format("[%d/%d]", step, steps);
  const struct dockerfile_step *written = current_step(log);
  free(log->instruction);
  log->instruction = written ? str_format("%s %s", written->keyword, written->rest) : str_dup(line + used);
  auto_free char *clean = build_line_clean(log->instruction, strlen(log->instruction));
  size_t len = strlen(clean), end = len < SHOWN_LIMIT ? len : SHOWN_LIMIT;
  while (end < len && ((unsigned char)clean[end] & 0xc0) == 0x80) end--; /* not inside a character */
  auto_free char *shown = str_format("%s %.*s%s", log->heading, (int)end, clean, end < len ? "…" : "");
  emit(log, shown);
  return true;
}

static bool is_noise(const char *line) {
  static const char *const starts[] = {
      "--> ",           "COMMIT",         "Getting image source", "Copying blob",   "Copying config",
      "Writing manifest", "Storing sign", "[Warning] one or more build args", "Successfully tagged"};
  for (size_t i = 0; i < ARRAY_LEN(starts); i++)
    if (str_starts(line, starts[i])) return true;
  bool warns = strstr(line, "level=warning") != NULL; /* CNI is what other programs on the machine have configured */
  if (warns && (strstr(line, "build argument") || strstr(line, "CNI config file"))) return true;
  if (strlen(line) == 64 && strspn(line, "0123456789abcdef") == 64) return true;
  return *line == '[' && strstr(line, "] COMMIT");
}

static void keep_reason(buildah_log *log, const char *line) {
  const char *text = str_starts(line, "Error: ") ? line + strlen("Error: ") : line;
  const char *after = str_starts(text, "building at STEP \"") ? strstr(text, "\": ") : NULL;
  str_replace_owned(&log->reason, after ? after + 3 : text);
}

static void take_output_line(buildah_log *log, const char *line) {
  if (*line) str_replace_owned(&log->tail[log->tail_next++ % BUILDAH_LOG_TAIL], line);
  emit(log, line);
}

static void take_line(buildah_log *log, const char *line) {
  if (log->pending) take_output_line(log, log->pending);
  str_replace_owned(&log->pending, NULL);
  if (take_step(log, line)) return;
  if (str_starts(line, "--> Using cache")) {
    auto_free char *shown = str_format("%s cached", log->heading ? log->heading : "");
    emit(log, shown);
    return;
  }
  if (is_noise(line)) return;
  if (str_starts(line, "Error: building at STEP") || str_starts(line, "error building at STEP"))
    keep_reason(log, line);
  else if (str_starts(line, "Error: "))
    str_replace_owned(&log->pending, line);
  else
    take_output_line(log, line);
}

static void take_raw(buildah_log *log, const char *data, size_t len) {
  auto_free char *line = build_line_clean(data, len);
  take_line(log, line);
}

void buildah_log_take(buildah_log *log, int fd, const char *data, size_t len) {
  struct str *partial = &log->partial[fd == 2];
  str_add_bytes(partial, data, len);
  const char *start = partial->data, *end = partial->data + partial->len, *newline;
  while ((newline = memchr(start, '\n', (size_t)(end - start)))) {
    take_raw(log, start, (size_t)(newline - start));
    start = newline + 1;
  }
  str_consume(partial, (size_t)(start - partial->data));
  if (partial->len < BUILD_LINE_LIMIT) return;
  take_raw(log, partial->data, partial->len);
  str_clear(partial);
}

void buildah_log_end(buildah_log *log) {
  for (size_t i = 0; i < 2; i++) {
    if (log->partial[i].len) take_raw(log, log->partial[i].data, log->partial[i].len);
    str_clear(&log->partial[i]);
  }
  if (log->pending && !log->reason) keep_reason(log, log->pending);
  str_replace_owned(&log->pending, NULL);
}

static char *tail_text(const buildah_log *log) {
  auto_str text = STR_EMPTY;
  str_add(&text, "");
  size_t n = log->tail_next < BUILDAH_LOG_TAIL ? log->tail_next : BUILDAH_LOG_TAIL;
  for (size_t i = log->tail_next - n; i < log->tail_next; i++)
    str_addf(&text, "%s%.500s", text.len ? "\n" : "", log->tail[i % BUILDAH_LOG_TAIL]);
  return str_take(&text);
}

err *buildah_log_error(const buildah_log *log) {
  auto_free char *tail = tail_text(log);
  const char *reason = log->reason ? log->reason : "buildah ended without saying why";
  if (!log->instruction) return err_new(ERR_INVALID, "%s%s%s", reason, *tail ? ": " : "", tail);
  const struct dockerfile_step *step = current_step(log);
  int line = step ? step->line : 0;
  auto_free char *where = line ? str_format(" (line %d of %s)", line, log->file_name) : str_dup("");
  const char *status = strstr(reason, "exit status ");
  if (str_starts(log->instruction, "RUN") && status)
    return err_new(ERR_INVALID, "%.300s%s failed with %s%s%s", log->instruction, where, status,
                   *tail ? ": " : "", tail);
  return err_new(ERR_INVALID, "%.300s%s failed: %s", log->instruction, where, reason);
}
