#include "cli/prompt.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/terminal.h"

#define LINE_LIMIT 65536

/* Byte by byte: what follows the line must stay for the next reader of standard input. */
err *prompt_read_line(char **ret_line) {
  auto_str line = STR_EMPTY;
  str_init(&line);
  *ret_line = NULL;
  for (;;) {
    char c;
    ssize_t got = read(STDIN_FILENO, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return err_errno(errno, "reading standard input");
    if (got == 0 && !line.len) return NULL;
    if (got == 0 || c == '\n') break;
    if (line.len == LINE_LIMIT) return err_new(ERR_LIMIT, "the line is over %d bytes", LINE_LIMIT);
    str_add_char(&line, c);
  }
  if (line.len && line.data[line.len - 1] == '\r') line.data[--line.len] = '\0';
  *ret_line = str_take(&line);
  return NULL;
}

err *prompt_read_stdin(char **ret_line) {
  TRY(prompt_read_line(ret_line));
  return *ret_line ? NULL : err_new(ERR_INVALID, "standard input ended without a line");
}

static err *need_terminal(const struct output *o, const char *question, const char *instead) {
  if (o->interactive) return NULL;
  return err_new(ERR_INVALID, "there is no terminal to ask \"%s\": use %s", question, instead);
}

static void ask(struct output *o, const char *question, const char *hint) {
  out_moving_end(o);
  fprintf(o->err, "%s%s%s%s ", err_style(o, STYLE_BOLD), question, err_reset(o), hint);
  fflush(o->err);
}

err *prompt_text(struct output *o, const char *question, const char *otherwise, const char *instead,
                 char **ret_answer) {
  TRY(need_terminal(o, question, instead));
  auto_free char *hint = otherwise ? str_format(" [%s]:", otherwise) : str_dup(":");
  for (;;) {
    ask(o, question, hint);
    auto_free char *line = NULL;
    TRY(prompt_read_stdin(&line));
    const char *answer = str_trim(line);
    if (!*answer) answer = otherwise;
    if (!answer) continue;
    *ret_answer = str_dup(answer);
    return NULL;
  }
}

err *prompt_secret(struct output *o, const char *question, const char *instead, char **ret_answer) {
  TRY(need_terminal(o, question, instead));
  auto_terminal terminal = {0};
  TRY(terminal_hold(TERMINAL_SILENT, &terminal));
  ask(o, question, ":");
  struct pollfd fds[] = {{STDIN_FILENO, POLLIN, 0}, {terminal.signal_fd, POLLIN, 0}};
  while (!(fds[0].revents & (POLLIN | POLLHUP))) {
    if (poll(fds, ARRAY_LEN(fds), -1) < 0 && errno != EINTR)
      return err_errno(errno, "waiting for an answer");
    bool ended = (fds[1].revents & POLLIN) && !terminal_was_resized();
    if (ended) return err_new(ERR_CONFLICT, "interrupted");
  }
  err *e = prompt_read_stdin(ret_answer);
  fputc('\n', o->err);
  return e;
}

err *prompt_confirm(struct output *o, const char *question, const char *instead, bool *ret_yes) {
  TRY(need_terminal(o, question, instead));
  ask(o, question, " [y/N]");
  auto_free char *line = NULL;
  TRY(prompt_read_stdin(&line));
  const char *answer = str_trim(line);
  *ret_yes = str_ieq(answer, "y") || str_ieq(answer, "yes");
  return NULL;
}

static bool pick(const struct strv *choices, const char *answer, size_t *ret_index) {
  long long number;
  if (str_to_int(answer, 1, (long long)choices->len, &number)) {
    *ret_index = (size_t)number - 1;
    return true;
  }
  for (size_t i = 0; i < choices->len; i++) {
    if (!str_ieq(choices->items[i], answer)) continue;
    *ret_index = i;
    return true;
  }
  return false;
}

err *prompt_choose(struct output *o, const char *question, const struct strv *choices,
                   const char *instead, size_t *ret_index) {
  if (choices->len == 1) {
    *ret_index = 0;
    return NULL;
  }
  TRY(need_terminal(o, question, instead));
  for (size_t i = 0; i < choices->len; i++)
    err_line(o, "  %2zu  %s", i + 1, choices->items[i]);
  for (;;) {
    ask(o, question, " (number or name):");
    auto_free char *line = NULL;
    TRY(prompt_read_stdin(&line));
    if (pick(choices, str_trim(line), ret_index)) return NULL;
  }
}
