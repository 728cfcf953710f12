#include "cli/output.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

#define PROGRESS_CELLS 24

static const char *const escapes[] = {
    [STYLE_BOLD] = "\033[1m",    [STYLE_DIM] = "\033[2m",  [STYLE_GREEN] = "\033[32m",
    [STYLE_YELLOW] = "\033[33m", [STYLE_RED] = "\033[31m", [STYLE_CYAN] = "\033[36m",
};

void output_init(struct output *o, FILE *out, FILE *error) {
  bool plain = !str_empty(getenv("NO_COLOR")) || str_eq(getenv("TERM"), "dumb");
  *o = (struct output){.out = out, .err = error};
  o->out_terminal = isatty(fileno(out));
  o->err_terminal = isatty(fileno(error));
  o->out_colour = o->out_terminal && !plain;
  o->err_colour = o->err_terminal && !plain;
  o->interactive = o->err_terminal && isatty(STDIN_FILENO);
}

const char *out_style(const struct output *o, enum style style) {
  return o->out_colour ? escapes[style] : "";
}
const char *out_reset(const struct output *o) {
  return o->out_colour ? "\033[0m" : "";
}
const char *err_style(const struct output *o, enum style style) {
  return o->err_colour ? escapes[style] : "";
}
const char *err_reset(const struct output *o) {
  return o->err_colour ? "\033[0m" : "";
}

void out_moving_end(struct output *o) {
  if (!o->status_shown) return;
  fputs("\r\033[K", o->err);
  fflush(o->err);
  o->status_shown = false;
}

/* Whoever read our results has gone (`tram logs | head`): there is nobody left to work for. */
static void leave_if_closed(struct output *o) {
  if (fflush(o->out) == 0 || errno != EPIPE) return;
  _exit(128 + SIGPIPE);
}

void out_line(struct output *o, const char *format, ...) {
  out_moving_end(o);
  va_list args;
  va_start(args, format);
  vfprintf(o->out, format, args);
  va_end(args);
  fputc('\n', o->out);
  leave_if_closed(o);
}

void out_done(struct output *o, const char *format, ...) {
  out_moving_end(o);
  fprintf(o->out, "%s✓%s ", out_style(o, STYLE_GREEN), out_reset(o));
  va_list args;
  va_start(args, format);
  vfprintf(o->out, format, args);
  va_end(args);
  fputc('\n', o->out);
  leave_if_closed(o);
}

void err_line(struct output *o, const char *format, ...) {
  out_moving_end(o);
  fflush(o->out);
  va_list args;
  va_start(args, format);
  vfprintf(o->err, format, args);
  va_end(args);
  fputc('\n', o->err);
  fflush(o->err);
}

void out_table(struct output *o, const struct table *t) {
  auto_str text = STR_EMPTY;
  table_print(t, "", &text);
  out_moving_end(o);
  fputs(str_text(&text), o->out);
  leave_if_closed(o);
}

void out_json(struct output *o, const json_t *value) {
  auto_free char *text = json_to_pretty_text(value);
  out_line(o, "%s", text);
}

void out_json_line(struct output *o, const json_t *value) {
  auto_free char *text = json_to_text(value);
  out_line(o, "%s", text);
}

static enum style style_of_status(const char *status) {
  if (str_eq(status, "SUCCESS")) return STYLE_GREEN;
  if (str_eq(status, "FAILED") || str_eq(status, "CRASHED")) return STYLE_RED;
  if (str_eq(status, "REMOVED") || str_eq(status, "SKIPPED") || str_eq(status, "REMOVING"))
    return STYLE_DIM;
  return STYLE_YELLOW;
}

char *out_status(const struct output *o, const char *status) {
  if (!status) return str_dup("-");
  return str_format("%s%s%s", out_style(o, style_of_status(status)), status, out_reset(o));
}

static size_t terminal_columns(const struct output *o) {
  struct winsize size;
  bool known = ioctl(fileno(o->err), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

/* Cuts the text after `columns` characters, so that the line can be wiped: a line that wraps
 * cannot. */
static void cut(char *text, size_t columns) {
  size_t seen = 0;
  for (; *text; text++) {
    if (((unsigned char)*text & 0xC0) == 0x80) continue;
    if (seen++ == columns) {
      *text = '\0';
      return;
    }
  }
}

void out_moving(struct output *o, const char *format, ...) {
  if (!o->err_terminal) return;
  va_list args;
  va_start(args, format);
  auto_free char *text = str_vformat(format, args);
  va_end(args);
  cut(text, terminal_columns(o) - 1);
  fflush(o->out);
  fprintf(o->err, "\r\033[K%s%s%s", err_style(o, STYLE_CYAN), text, err_reset(o));
  fflush(o->err);
  o->status_shown = true;
}

void out_progress(struct output *o, const char *what, int64_t done_bytes, int64_t total_bytes) {
  char done[FORMAT_SIZE], total[FORMAT_SIZE];
  auto_str bar = STR_EMPTY;
  int64_t filled = total_bytes > 0 ? done_bytes * PROGRESS_CELLS / total_bytes : 0;
  for (int64_t i = 0; i < PROGRESS_CELLS; i++)
    str_add(&bar, i < filled ? "█" : "░");
  format_bytes(done_bytes, done);
  format_bytes(total_bytes, total);
  out_moving(o, "%s %s %s of %s", what, str_text(&bar), done, total);
}
