#include "core/command.h"

#include <string.h>

/* The container's own shell: every path here is looked up inside the image. */
static const char *const container_shell[] = {"/bin/sh", "-c", NULL};

/* Words that the shell itself understands, and signs that make a command more than one. */
static bool is_simple(const char *command) {
  static const char *const keywords[] = {"exec ", "cd ",    "export ", "if ",   "for ", "while ",
                                         "set ",  "source ", ". ",     "ulimit ", "umask ", "test ",
                                         "eval ", "trap ",   "unset ", "{ ",     "! "};
  if (strpbrk(command, ";&|<>()`\n")) return false;
  for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
    if (str_starts(command, keywords[i])) return false;
  size_t first_word = strcspn(command, " \t");
  return memchr(command, '=', first_word) == NULL; /* NAME=value in front is the shell's affair */
}

void command_for_shell(const char *command, struct strv *ret_argv) {
  while (*command == ' ' || *command == '\t' || *command == '\n') command++;
  strv_add_all(ret_argv, container_shell);
  strv_addf(ret_argv, "%s%s", is_simple(command) ? "exec " : "", command);
}

err *command_merge(const struct strv *entrypoint, const struct strv *command,
                   const char *start_command, struct strv *ret_argv) {
  if (!str_empty(start_command)) {
    command_for_shell(start_command, ret_argv);
    return NULL;
  }
  if (entrypoint->len + command->len == 0)
    return err_new(ERR_INVALID, "the image has no command: set a start command for the service, or a "
                                "CMD in its Dockerfile");
  strv_add_all(ret_argv, (const char *const *)entrypoint->items);
  strv_add_all(ret_argv, (const char *const *)command->items);
  return NULL;
}
