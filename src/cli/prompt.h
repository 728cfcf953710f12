/* Questions on the terminal.  Every one fails with ERR_INVALID off a terminal, naming `instead`:
 * the flag that answers it. */
#ifndef TRAMWAY_CLI_PROMPT_H
#define TRAMWAY_CLI_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "cli/output.h"

/* One line; `otherwise` (or NULL) is what an empty answer means. */
fallible prompt_text(struct output *o, const char *question, const char *otherwise,
                     const char *instead, char **ret_answer);

/* One line that is not shown.  The caller wipes it (secret_wipe) and frees it. */
fallible prompt_secret(struct output *o, const char *question, const char *instead,
                       char **ret_answer);

/* A no is `false`, not an error. */
fallible prompt_confirm(struct output *o, const char *question, const char *instead, bool *ret_yes);

/* One of the choices, by its number or its text.  A single choice is taken without asking. */
fallible prompt_choose(struct output *o, const char *question, const struct strv *choices,
                       const char *instead, size_t *ret_index);

/* One line of standard input without its newline, at most 64 KiB: for --password-stdin. */
fallible prompt_read_stdin(char **ret_line);

/* The next one, NULL at the end: for what reads many. */
fallible prompt_read_line(char **ret_line);

#endif
