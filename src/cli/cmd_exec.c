/* run, ssh, shell. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/exec.h"
#include "cli/scope.h"
#include "cli/variables.h"

/* The best shell that the instance has; run by its /bin/sh. */
#define BEST_SHELL "command -v bash >/dev/null 2>&1 && exec bash; exec sh"

/* Becomes the command, with the service's variables. */
static err *run_here(struct cli *cli, const struct args *args, struct strv *argv) {
  auto_scope scope = {0};
  auto_json *variables = NULL;
  const char *name;
  json_t *value;
  TRY(scope_find(cli, args, SCOPE_SERVICE, &scope));
  TRY(variables_fetch(cli, &scope, &variables));
  auto_strv dropped = STRV_EMPTY;
  json_object_foreach(variables, name, value) {
    if (variables_is_unsafe(name))
      strv_add(&dropped, name);
    else if (json_is_string(value))
      setenv(name, json_string_value(value), 1);
  }
  auto_free char *joined = strv_join(&dropped, ", ");
  if (dropped.len) err_line(&cli->out, "Not set here, because they could run other code: %s", joined);
  fflush(NULL);
  signal(SIGPIPE, SIG_DFL);
  execvp(argv->items[0], argv->items);
  return err_errno(errno, "starting '%s'", argv->items[0]);
}

static err *find_target(struct cli *cli, const struct args *args, char **ret_target) {
  const char *instance = args_text(args, "deployment-instance");
  const char *deployment = args_text(args, "deployment");
  auto_scope scope = {0};
  TRY(cli_need_token(cli));
  if (instance || deployment) {
    auto_free char *id = client_escape(instance ? instance : deployment);
    *ret_target = str_format("%s=%s", instance ? "instanceId" : "deploymentId", id);
    return NULL;
  }
  TRY(scope_find(cli, args, SCOPE_SERVICE, &scope));
  *ret_target = str_format("serviceId=%s&environmentId=%s", scope.service_id, scope.environment_id);
  return NULL;
}

static err *run_there(struct cli *cli, const struct args *args, const struct strv *argv) {
  auto_free char *target = NULL;
  TRY(find_target(cli, args, &target));
  struct exec x = {.target = target, .argv = argv, .tty = exec_has_terminal()};
  return exec_run(&cli->client, &x, &cli->exit_status);
}

static err *run_run(struct cli *cli, const struct args *args) {
  auto_strv argv = STRV_EMPTY;
  strv_add_all(&argv, args->words);
  return args_has(args, "local") ? run_here(cli, args, &argv) : run_there(cli, args, &argv);
}

static bool needs_shell(const char *word) {
  return strpbrk(word, " \t\n$&|;<>()`*?\"'") != NULL;
}

/* As ssh does: one word that reads like a line of shell is given to the instance's shell. */
static void remote_command(const struct args *args, struct strv *argv) {
  const char *line = args->word_count ? NULL : BEST_SHELL;
  if (args->word_count == 1 && needs_shell(args_word(args, 0))) line = args_word(args, 0);
  if (line) {
    strv_add(argv, "/bin/sh");
    strv_add(argv, "-c");
    strv_add(argv, line);
  } else {
    strv_add_all(argv, args->words);
  }
}

static err *run_ssh(struct cli *cli, const struct args *args) {
  auto_strv argv = STRV_EMPTY;
  if (!args->word_count && !exec_has_terminal() && isatty(STDIN_FILENO))
    return err_new(ERR_INVALID, "a shell needs a terminal; give a command instead");
  remote_command(args, &argv);
  return run_there(cli, args, &argv);
}

static err *run_shell(struct cli *cli, const struct args *args) {
  if (!args_has(args, "local")) return run_ssh(cli, args);
  auto_strv argv = STRV_EMPTY;
  const char *shell = getenv("SHELL");
  setenv("IN_RAILWAY_SHELL", "true", 1);
  if (args->word_count)
    strv_add_all(&argv, args->words);
  else
    strv_add(&argv, str_empty(shell) ? "/bin/sh" : shell);
  return run_here(cli, args, &argv);
}

/* clang-format off */
#define FLAG_INSTANCE   { "deployment-instance|d", "ID", "this very instance" }
#define FLAG_DEPLOYMENT { "deployment",            "ID", "an instance of this deployment" }
#define FLAG_LOCAL      { "local", NULL, "on this machine, with the service's variables" }
static const struct flag run_flags[] = {
  FLAG_LOCAL, { "no-local", NULL, "accepted: this is the default" },
  { "verbose|v", NULL, "accepted" },
  FLAG_INSTANCE, FLAG_DEPLOYMENT, FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_END,
};
static const struct flag ssh_flags[] = {
  FLAG_INSTANCE, FLAG_DEPLOYMENT, FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_END,
};
static const struct flag shell_flags[] = {
  FLAG_LOCAL, { "silent", NULL, "accepted" },
  FLAG_INSTANCE, FLAG_DEPLOYMENT, FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_END,
};
/* clang-format on */

const struct command command_run = {
    .name = "run",
    .aliases = "local",
    .usage = "COMMAND…",
    .summary = "Run a command inside a running instance of the service",
    .details = "The command has the service's variables, files and private network, and its exit\n"
               "status is passed on. With --local it runs on this machine with the service's\n"
               "variables, as Railway's `run` does; variables that would change which code runs\n"
               "here (PATH, LD_*, NODE_OPTIONS, …) are left out.",
    .examples = "run alembic upgrade head\n"
                "run -s api -- curl -f http://localhost:3000/health\n"
                "run --local npm run seed",
    .flags = run_flags,
    .min_words = 1,
    .stop_at_word = true,
    .run = run_run,
};
static const struct command *const ssh_subcommands[] = {&command_ssh_keys, NULL};
const struct command command_ssh = {
    .name = "ssh",
    .usage = "[COMMAND…]",
    .summary = "Open a shell inside a running instance, or run a command there",
    .examples = "ssh\nssh -s api -- ls -l\nssh 'echo $PORT'",
    .details = "A command that is called `keys` needs `--` before it: `ssh keys` is about keys.",
    .flags = ssh_flags,
    .subcommands = ssh_subcommands,
    .stop_at_word = true,
    .run = run_ssh,
};
const struct command command_shell = {
    .name = "shell",
    .usage = "[COMMAND…]",
    .summary = "Open a shell inside a running instance; --local: here, with its variables",
    .examples = "shell --service api\nshell --local",
    .flags = shell_flags,
    .stop_at_word = true,
    .run = run_shell,
};
