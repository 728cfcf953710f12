#include "cli/terminal.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

static const int held_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};

static void signal_set(sigset_t *set) {
  sigemptyset(set);
  for (size_t i = 0; i < sizeof held_signals / sizeof held_signals[0]; i++)
    sigaddset(set, held_signals[i]);
}

err *terminal_hold(enum terminal_mode mode, struct terminal *ret_terminal) {
  struct terminal t = {.held = true};
  if (tcgetattr(STDIN_FILENO, &t.before) < 0) return err_errno(errno, "asking the terminal");
  sigset_t set;
  signal_set(&set);
  t.signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (t.signal_fd < 0) return err_errno(errno, "watching for signals");
  sigprocmask(SIG_BLOCK, &set, &t.mask_before);
  struct termios now = t.before;
  if (mode == TERMINAL_RAW)
    cfmakeraw(&now);
  else
    now.c_lflag &= ~(tcflag_t)ECHO;
  tcsetattr(STDIN_FILENO, TCSADRAIN, &now);
  *ret_terminal = t;
  return NULL;
}

void terminal_restore(struct terminal *t) {
  if (!t->held) return;
  t->held = false;
  tcsetattr(STDIN_FILENO, TCSADRAIN, &t->before);
  close(t->signal_fd);
  sigprocmask(SIG_SETMASK, &t->mask_before, NULL);
}

bool terminal_was_resized(void) {
  sigset_t resized;
  sigemptyset(&resized);
  sigaddset(&resized, SIGWINCH);
  struct timespec at_once = {0};
  return sigtimedwait(&resized, NULL, &at_once) == SIGWINCH;
}

void terminal_size(int *ret_columns, int *ret_rows) {
  struct winsize size;
  bool known = ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_row;
  *ret_columns = known ? size.ws_col : 80;
  *ret_rows = known ? size.ws_row : 24;
}
