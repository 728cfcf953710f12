/* 2fa. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/prompt.h"
#include "cli/queries.h"

static err *run_status(struct cli *cli, const struct args *args) {
  auto_json *data = NULL;
  TRY(cli_need_token(cli));
  TRY(cli_query(cli, query_two_factor_info, NULL, &data));
  const json_t *info = json_object_get(data, "twoFactorInfo");
  if (args_has(args, "json"))
    out_json(&cli->out, info);
  else
    out_line(&cli->out, "Two-factor authentication is %s%s",
             json_get_bool(info, "isVerified", false) ? "on" : "off",
             json_get_bool(info, "hasRecoveryCodes", false) ? ", and there are recovery codes" : "");
  return NULL;
}

static void print_codes(struct cli *cli, const json_t *answer) {
  size_t i;
  const json_t *code;
  err_line(&cli->out, "Each of these codes works once when the app is gone. They are shown only now:");
  json_array_foreach(json_object_get(answer, "recoveryCodes"), i, code) out_line(&cli->out, "%s", json_string_value(code));
}

static err *run_enable(struct cli *cli, const struct args *args) {
  auto_json *made = NULL, *data = NULL;
  auto_free char *code = str_dup(args_text(args, "2fa-code"));
  TRY(cli_need_token(cli));
  if (!code) {
    TRY(cli_query(cli, mutation_two_factor_info_secret, NULL, &made));
    const json_t *secret = json_object_get(made, "twoFactorInfoSecret");
    out_line(&cli->out, "%s\n%s", json_get_text(secret, "secret"), json_get_text(secret, "uri"));
    if (!cli->out.interactive) {
      err_line(&cli->out, "Add it to your authenticator app, then: %s 2fa enable --2fa-code CODE", cli->program);
      return NULL;
    }
    TRY(prompt_text(&cli->out, "Add it to your authenticator app. The code it shows", NULL, "--2fa-code", &code));
  }
  TRY(cli_query(cli, mutation_two_factor_info_create, json_pack("{s:{s:s}}", "input", "token", code), &data));
  print_codes(cli, json_object_get(data, "twoFactorInfoCreate"));
  return NULL;
}

static err *run_disable(struct cli *cli, const struct args *args) {
  auto_json *data = NULL;
  (void)args;
  TRY(cli_need_token(cli));
  TRY(cli_query(cli, mutation_two_factor_info_delete, NULL, &data));
  out_line(&cli->out, "Two-factor authentication is off");
  return NULL;
}

static err *run_codes(struct cli *cli, const struct args *args) {
  auto_json *data = NULL;
  (void)args;
  TRY(cli_need_token(cli));
  TRY(cli_query(cli, mutation_recovery_code_generate, NULL, &data));
  print_codes(cli, json_object_get(data, "recoveryCodeGenerate"));
  return NULL;
}

/* clang-format off */
static const struct flag status_flags[] = { FLAG_JSON, FLAG_END };
static const struct flag code_flags[] = { FLAG_2FA_CODE, FLAG_END };
static const struct command
two_factor_enable = { .name = "enable", .aliases = "on", .usage = "", .summary = "Add an authenticator app", .flags = code_flags, .run = run_enable },
two_factor_disable = { .name = "disable", .aliases = "off", .usage = "", .summary = "Sign in with the password alone again", .flags = code_flags, .run = run_disable },
two_factor_codes = { .name = "recovery-codes", .usage = "", .summary = "Make new recovery codes; the old ones end", .flags = code_flags, .run = run_codes };
/* clang-format on */
static const struct command *const two_factor_subcommands[] = {&two_factor_enable, &two_factor_disable,
                                                               &two_factor_codes, NULL};
const struct command command_two_factor = {
    .name = "2fa",
    .usage = "",
    .summary = "A second factor for your account",
    .details = "With it, signing in and deleting projects, environments and services ask for a code of an\n"
               "authenticator app. Tokens are not asked.",
    .flags = status_flags,
    .subcommands = two_factor_subcommands,
    .run = run_status,
};
