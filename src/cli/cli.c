#include "cli/cli.h"

#include "cli/absent.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/version.h"
#include "cli/help.h"
#include "cli/names.h"
#include "cli/prompt.h"
#include "cli/queries.h"

#define DEPTH_MAX 3 /* verbs below verbs: "service domain list" would be the deepest */

err *cli_need_token(const struct cli *cli) {
  if (cli->client.kind != TOKEN_NONE) return NULL;
  return err_new(ERR_DENIED, "Unauthorized. Please login with `%s login`", cli->program);
}

/* Scripts put an account's token into RAILWAY_TOKEN, too, where a project's belongs. */
static err *query_as_account(struct cli *cli, const char *query, json_t *variables, json_t **ret_data) {
  auto_free char *token = str_dup(cli->client.token);
  client_set_token(&cli->client, TOKEN_BEARER, token);
  err *e = client_graphql(&cli->client, query, variables, ret_data);
  if (e) client_set_token(&cli->client, TOKEN_PROJECT, token);
  return e;
}

static err *query_with_any_token(struct cli *cli, const char *query, json_t *variables, json_t **ret_data) {
  auto_json *again = cli->client.kind == TOKEN_PROJECT ? json_incref(variables) : NULL;
  bool is_project = cli->client.kind == TOKEN_PROJECT;
  err *e = client_graphql(&cli->client, query, variables, ret_data);
  if (!e || !is_project || err_code_of(e) != ERR_DENIED) return e;
  err *other = query_as_account(cli, query, json_incref(again), ret_data);
  err_free(other ? other : e); /* what was said of the token as it was given counts */
  return other ? e : NULL;
}

bool cli_wants_code(const err *e) {
  return e && str_eq(err_message(e), "Two Factor Authentication Required");
}

err *cli_get_code(struct cli *cli, char **ret_code) {
  if (!cli->two_factor_code)
    return prompt_text(&cli->out, "Code of your authenticator app", NULL, "--2fa-code", ret_code);
  *ret_code = str_dup(cli->two_factor_code);
  return NULL;
}

static err *show_code(struct cli *cli) {
  auto_free char *code = NULL;
  auto_json *data = NULL;
  TRY(cli_get_code(cli, &code));
  TRY(client_graphql(&cli->client, mutation_validate_two_factor, json_pack("{s:{s:s}}", "input", "token", code), &data));
  if (json_get_bool(data, "twoFactorInfoValidate", false)) return NULL;
  return err_new(ERR_DENIED, "the code is wrong, or was used already");
}

err *cli_query(struct cli *cli, const char *query, json_t *variables, json_t **ret_data) {
  auto_json *again = json_incref(variables);
  err *e = query_with_any_token(cli, query, variables, ret_data);
  if (!cli_wants_code(e) || query == mutation_login) return e;
  if (!cli->two_factor_code && !cli->out.interactive) return err_wrap(e, "this needs --2fa-code");
  err_free(e);
  TRY(show_code(cli));
  return client_graphql(&cli->client, query, json_incref(again), ret_data);
}

err *cli_confirm(struct cli *cli, const struct args *args, const char *question) {
  if (args_has(args, "yes")) return NULL;
  bool yes;
  TRY(prompt_confirm(&cli->out, question, "--yes", &yes));
  return yes ? NULL : err_new(ERR_CONFLICT, "nothing was changed");
}

static bool has_name(const struct command *command, const char *name) {
  if (str_eq(command->name, name)) return true;
  if (!command->aliases) return false;
  auto_strv aliases = STRV_EMPTY;
  strv_split(&aliases, command->aliases, '|');
  return strv_has(&aliases, name);
}

const struct command *command_find(const struct command *const *list, const char *name) {
  for (; list && *list; list++)
    if (has_name(*list, name)) return *list;
  return NULL;
}

const char *command_nearest(const struct command *const *list, const char *name) {
  auto_strv names = STRV_EMPTY;
  size_t i;
  for (i = 0; list && list[i]; i++) strv_add(&names, list[i]->name);
  return names_nearest(&names, name, &i) ? list[i]->name : NULL;
}

/* The command that the arguments name, and the arguments without the names that led to it. */
struct call {
  const struct command *command;
  struct str path; /* "tram variable set" */
  char **argv;     /* borrowed texts in an array of our own */
  int argc;
};

static void call_done(struct call *call) {
  str_done(&call->path);
  free(call->argv);
}
#define auto_call __attribute__((cleanup(call_done))) struct call

static void remove_argument(struct call *call, int at) {
  memmove(call->argv + at, call->argv + at + 1, (size_t)(call->argc - at) * sizeof *call->argv);
  call->argc--;
}

/* Goes down while the first word names a verb below. */
static void descend(struct call *call) {
  for (int depth = 1; depth < DEPTH_MAX && call->command->subcommands; depth++) {
    int at = args_find_word(call->command->flags, call->argc, call->argv);
    if (at == call->argc) return;
    const struct command *below = command_find(call->command->subcommands, call->argv[at]);
    if (!below) return;
    remove_argument(call, at);
    str_addf(&call->path, " %s", below->name);
    call->command = below;
  }
}

static err *find_call(const char *program, int argc, char **argv, struct call *ret_call) {
  const struct command *command = command_find(all_commands, argv[0]);
  if (!command) {
    const char *reason = absent_verb_reason(argv[0]);
    if (reason) return err_new(ERR_INVALID, "'%s' is not available in Tramway: %s", argv[0], reason);
    const char *nearest = command_nearest(all_commands, argv[0]);
    if (nearest)
      return err_new(ERR_INVALID, "there is no verb '%s'; did you mean '%s'?", argv[0], nearest);
    return err_new(ERR_INVALID, "there is no verb '%s'; `%s --help` lists them", argv[0], program);
  }
  *ret_call = (struct call){.command = command, .argc = argc - 1};
  ret_call->argv = mem_zalloc(((size_t)argc + 1) * sizeof *argv);
  memcpy(ret_call->argv, argv + 1, (size_t)(argc - 1) * sizeof *argv);
  str_addf(&ret_call->path, "%s %s", program, command->name);
  descend(ret_call);
  return NULL;
}

static err *check_words(const struct call *call, const struct args *args) {
  const struct command *c = call->command;
  const char *path = str_text(&call->path);
  const char *first = args_word(args, 0);
  if (!c->run && first) {
    const char *nearest = command_nearest(c->subcommands, first);
    return err_new(ERR_INVALID, "there is no '%s %s'%s%s%s; see `%s --help`", path, first,
                   nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "",
                   path);
  }
  if (args->word_count < c->min_words)
    return err_new(ERR_INVALID, "something is missing: %s %s", path, c->usage);
  if (!c->stop_at_word && args->word_count > c->max_words)
    return err_new(ERR_INVALID, "'%s' is one word too many: %s %s", args_word(args, c->max_words),
                   path, c->usage);
  return NULL;
}

static void show_help(struct cli *cli, const struct call *call) {
  auto_str text = STR_EMPTY;
  help_command(call->command, str_text(&call->path), &text);
  fputs(str_text(&text), cli->out.out);
}

static err *connect_client(struct cli *cli) {
  TRY(user_config_load(&cli->config));
  const char *token;
  enum token_kind kind = user_config_token(&cli->config, &token);
  return client_init(&cli->client, cli->program, user_config_server(&cli->config), kind, token);
}

static err *run_call(struct cli *cli, const struct call *call, bool *ret_json) {
  auto_args args = {0};
  *ret_json = *ret_json && !call->command->stop_at_word;
  TRY(args_parse(call->command->flags, call->command->stop_at_word, call->argc, call->argv, &args));
  *ret_json = args_has(&args, "json");
  if (args.help || (!call->command->run && !args.word_count)) {
    show_help(cli, call);
    return NULL;
  }
  TRY(check_words(call, &args));
  TRY(connect_client(cli));
  cli->two_factor_code = args_text(&args, "2fa-code");
  return call->command->run(cli, &args);
}

static int finish(struct cli *cli, err *e, bool json) {
  int status = cli->exit_status;
  out_moving_end(&cli->out);
  if (!e) return status;
  if (!status) status = err_code_exit_status(err_code_of(e));
  if (json) {
    auto_json *answer =
        json_pack("{s:s, s:s}", "code", err_code_name(err_code_of(e)), "error", err_message(e));
    out_json_line(&cli->out, answer);
  } else if (!cli->explained) {
    auto_free char *text = format_printable(err_message(e));
    err_line(&cli->out, "%serror:%s %s", err_style(&cli->out, STYLE_RED), err_reset(&cli->out),
             text);
  }
  err_free(e);
  return status;
}

static const char *program_name(const char *path) {
  const char *slash = path ? strrchr(path, '/') : NULL;
  const char *name = slash ? slash + 1 : path;
  return str_eq(name, "railway") ? "railway" : "tram";
}

static bool overview_wanted(int argc, char **argv) {
  return argc < 2 || str_eq(argv[1], "--help") || str_eq(argv[1], "-h");
}

static bool version_wanted(int argc, char **argv) {
  return argc > 1 && (str_eq(argv[1], "--version") || str_eq(argv[1], "-V"));
}

/* For errors in the command line itself. */
static bool json_wanted(int argc, char **argv) {
  for (int i = 1; i < argc; i++)
    if (str_eq(argv[i], "--json")) return true;
  return false;
}

int cli_main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN); /* the write fails instead, and says so */
  struct cli cli = {.program = program_name(argv[0])};
  output_init(&cli.out, stdout, stderr);
  if (version_wanted(argc, argv)) {
    printf("%s %s\n", cli.program, tramway_version);
    return 0;
  }
  if (overview_wanted(argc, argv)) {
    auto_str text = STR_EMPTY;
    help_overview(cli.program, &text);
    fputs(str_text(&text), argc < 2 ? stderr : stdout);
    return argc < 2 ? err_code_exit_status(ERR_INVALID) : 0;
  }
  auto_call call = {0};
  bool json = json_wanted(argc, argv);
  err *e = find_call(cli.program, argc - 1, argv + 1, &call);
  if (!e) e = run_call(&cli, &call, &json);
  int status = finish(&cli, e, json);
  client_done(&cli.client);
  user_config_done(&cli.config);
  return status;
}
