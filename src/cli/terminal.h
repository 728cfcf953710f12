/* Changing the terminal's mode without ever leaving it changed.  While a mode is held, the signals
 * that would end the program are blocked and make `signal_fd` readable instead; who waits for input
 * polls that too, and calls terminal_restore when it fires: the mode goes back, and the pending
 * signal then does what it always does. */
#ifndef TRAMWAY_CLI_TERMINAL_H
#define TRAMWAY_CLI_TERMINAL_H

#include <signal.h>
#include <stdbool.h>
#include <termios.h>

#include "base/err.h"

enum terminal_mode {
  TERMINAL_SILENT, /* lines, but what is typed is not shown */
  TERMINAL_RAW,    /* every byte at once, nothing is interpreted here */
};

struct terminal {
  struct termios before;
  sigset_t mask_before;
  int signal_fd; /* readable when a signal waits, SIGWINCH included */
  bool held;
};

fallible terminal_hold(enum terminal_mode mode, struct terminal *ret_terminal);
void terminal_restore(struct terminal *t); /* twice is harmless */
static inline void terminal_cleanup_(struct terminal *t) {
  terminal_restore(t);
}
#define auto_terminal __attribute__((cleanup(terminal_cleanup_))) struct terminal

/* Takes one waiting signal if it is SIGWINCH (true).  Any other stays pending (false). */
bool terminal_was_resized(void);

/* The size of the terminal on standard input; 80 × 24 when it has none. */
void terminal_size(int *ret_columns, int *ret_rows);

#endif
