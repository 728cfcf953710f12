/* What an instance runs: an image's entrypoint and command, or the service's start command.  Pure.
 *
 * A start or pre-deploy command is text for a shell: it may use $PORT and &&.  Railway runs it
 * without one when the service is built from a Dockerfile, which surprises everybody (railway.md
 * section 0, row 16); Tramway always gives it to the shell inside the container.  No shell of the
 * host ever sees it. */
#ifndef TRAMWAY_CORE_COMMAND_H
#define TRAMWAY_CORE_COMMAND_H

#include "base/err.h"
#include "base/str.h"

/* Appends {shell, flag, "exec COMMAND" | COMMAND}.  A single simple command is exec-ed, so that it
 * becomes PID 1 and gets the SIGTERM that ends it. */
void command_for_shell(const char *command, struct strv *ret_argv);

/* The whole argument vector: `start_command` when not empty, else entrypoint + command.
 * ERR_INVALID with what to do when there is neither. */
fallible command_merge(const struct strv *entrypoint, const struct strv *command,
                       const char *start_command, struct strv *ret_argv);

#endif
