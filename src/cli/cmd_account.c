/* login, logout, whoami. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/prompt.h"
#include "cli/queries.h"
#include "cli/sign_in.h"

#define TOKEN_FILE_LIMIT 4096
#define GENERATED_PASSWORD_BYTES 12 /* 96 bits, as 24 characters */

static void secret_cleanup(char **text) {
  if (*text) secret_wipe(*text, strlen(*text));
  free(*text);
}
#define auto_secret __attribute__((cleanup(secret_cleanup))) char

static err *fetch_me(struct cli *cli, json_t **ret_me) {
  auto_json *data = NULL;
  TRY(cli_query(cli, query_user_meta, NULL, &data));
  *ret_me = json_incref(json_object_get(data, "me"));
  return NULL;
}

static void print_signed_in(struct cli *cli, const json_t *me) {
  const char *name = json_get_text(me, "name"), *email = json_get_text(me, "email");
  struct output *o = &cli->out;
  out_done(o, "Signed in as %s%s%s (%s) at %s", out_style(o, STYLE_BOLD), name ? name : email, out_reset(o), email,
           cli->client.server);
}

/* Tries the token, and keeps it when the server takes it. */
static err *sign_in_with(struct cli *cli, const char *token) {
  client_set_token(&cli->client, TOKEN_BEARER, token);
  auto_json *me = NULL;
  TRY(fetch_me(cli, &me));
  json_set_text(cli->config.root, "server", cli->client.server);
  json_set_text(cli->config.root, "token", token);
  json_t *user = json_pack("{s:O?, s:O?, s:O?}", "id", json_object_get(me, "id"), "name",
                           json_object_get(me, "name"), "email", json_object_get(me, "email"));
  json_object_set_new(cli->config.root, "user", user);
  TRY(user_config_save(&cli->config));
  print_signed_in(cli, me);
  return NULL;
}

/* The token that the mutation `field` answers with. */
static err *exchange(struct cli *cli, const char *query, const char *field, json_t *input) {
  auto_json *data = NULL;
  TRY(cli_query(cli, query, json_pack("{s:o}", "input", input), &data));
  const char *token = json_get_text(data, field);
  if (!token) return err_new(ERR_CORRUPT, "the server's answer to %s holds no token", field);
  return sign_in_with(cli, token);
}

static err *get_password(struct cli *cli, const struct args *args, char **ret_password) {
  if (args_has(args, "password-stdin")) return prompt_read_stdin(ret_password);
  return prompt_secret(&cli->out, "Password", "--password-stdin", ret_password);
}

static err *get_email(struct cli *cli, const struct args *args, char **ret_email) {
  const char *given = args_text(args, "email");
  if (!given) return prompt_text(&cli->out, "E-mail", NULL, "--email, or --token", ret_email);
  *ret_email = str_dup(given);
  return NULL;
}

static err *login_with_password(struct cli *cli, const struct args *args) {
  auto_free char *email = NULL;
  auto_secret *password = NULL;
  TRY(get_email(cli, args, &email));
  TRY(get_password(cli, args, &password));
  auto_json *input = json_pack("{s:s, s:s}", "email", email, "password", password);
  err *e = exchange(cli, mutation_login, "login", json_incref(input));
  if (!cli_wants_code(e)) return e;
  if (!cli->two_factor_code && !cli->out.interactive) return err_wrap(e, "this needs --2fa-code");
  err_free(e);
  auto_free char *code = NULL;
  TRY(cli_get_code(cli, &code));
  json_set_text(input, "twoFactorCode", code);
  return exchange(cli, mutation_login, "login", json_incref(input));
}

err *sign_in_new_account(struct cli *cli, const struct args *args, const char *code) {
  auto_free char *email = NULL, *name = NULL;
  auto_secret *password = NULL;
  TRY(get_email(cli, args, &email));
  name = str_dup(args_text(args, "name"));
  if (!name) TRY(prompt_text(&cli->out, "Name", email, "--name", &name));
  TRY(get_password(cli, args, &password));
  client_set_token(&cli->client, TOKEN_NONE, NULL);
  return exchange(cli, mutation_account_create, "accountCreate",
                  json_pack("{s:s, s:s, s:s, s:s}", "code", code, "name", name, "email", email, "password", password));
}

static err *read_setup_token(const struct args *args, char **ret_token) {
  const char *path = args_text(args, "setup-token-file");
  if (!path) {
    *ret_token = str_dup(args_text(args, "setup-token"));
    return NULL;
  }
  auto_str text = STR_EMPTY;
  err *e = file_read(path, TOKEN_FILE_LIMIT, &text);
  if (e && err_code_of(e) == ERR_NOT_FOUND)
    return err_wrap(e, "there is no setup token: the first account was made already, or tramd "
                       "never ran here");
  if (e) return err_wrap(e, "the setup token can be read by root on the host only");
  char *copy = str_dup(str_text(&text));
  *ret_token = str_dup(str_trim(copy));
  free(copy);
  return NULL;
}

/* The first account: its password is read, asked for, or made here and shown once. */
static err *new_password(struct cli *cli, const struct args *args, char **ret_password,
                         bool *ret_made) {
  *ret_made = !args_has(args, "password-stdin") && !args_has(args, "ask-password");
  if (!*ret_made) return get_password(cli, args, ret_password);
  *ret_password = secret_random_hex(GENERATED_PASSWORD_BYTES);
  return NULL;
}

static err *set_up(struct cli *cli, const struct args *args) {
  const char *name = args_text(args, "name"), *email = args_text(args, "email");
  auto_free char *token = NULL;
  auto_secret *password = NULL;
  bool made;
  if (!email) email = "admin@localhost";
  if (!name) name = "admin";
  TRY(read_setup_token(args, &token));
  TRY(new_password(cli, args, &password, &made));
  json_t *input = json_pack("{s:s, s:s, s:s, s:s}", "token", token, "name", name, "email", email,
                            "password", password);
  TRY(exchange(cli, mutation_setup, "setup", input));
  if (made)
    out_line(&cli->out, "  e-mail    %s\n  password  %s   (shown only now: keep it)", email,
             password);
  return NULL;
}

err *sign_in_change_server(struct cli *cli, const char *server) {
  struct client client;
  TRY(client_init(&client, cli->program, server, cli->client.kind, cli->client.token));
  client_done(&cli->client);
  cli->client = client;
  return NULL;
}

static err *check_env_token(struct cli *cli) {
  auto_json *me = NULL;
  TRY(fetch_me(cli, &me));
  err_line(&cli->out, "using the token in RAILWAY_API_TOKEN; nothing was stored");
  print_signed_in(cli, me);
  return NULL;
}

/* RFC 8628: asks as often as it may until a person has answered; *ret_token is owned. */
static err *wait_for_answer(struct cli *cli, const json_t *device, char **ret_token) {
  int64_t interval_s = json_get_int(device, "interval", 5);
  int64_t end_ms = clock_monotonic_ms() + json_get_int(device, "expires_in", 600) * 1000;
  auto_free char *form = str_format("grant_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Agrant-type%%3Adevice_code&client_id=tram&device_code=%s",
                                    json_get_text(device, "device_code"));
  while (clock_monotonic_ms() < end_ms) {
    auto_json *answer = NULL;
    nanosleep(&(struct timespec){.tv_sec = interval_s}, NULL);
    TRY(client_post_form(&cli->client, "/oauth/token", form, &answer));
    const char *token = json_get_text(answer, "access_token"), *error = json_get_text(answer, "error");
    if (token) {
      *ret_token = str_dup(token);
      return NULL;
    }
    if (str_eq(error, "slow_down")) interval_s += 5;
    if (str_eq(error, "slow_down") || str_eq(error, "authorization_pending")) continue;
    const char *why = json_get_text(answer, "error_description");
    return err_new(ERR_DENIED, "not signed in: %s", why ? why : error ? error : "the answer cannot be read");
  }
  return err_new(ERR_BUSY, "nobody answered in time: begin again with `%s login --browserless`", cli->program);
}

static err *login_on_another_machine(struct cli *cli) {
  auto_json *device = NULL;
  auto_secret *token = NULL;
  client_set_token(&cli->client, TOKEN_NONE, NULL);
  TRY(client_post_form(&cli->client, "/oauth/device/auth", "client_id=tram", &device));
  const char *code = json_get_text(device, "user_code"), *uri = json_get_text(device, "verification_uri");
  if (!code || !uri) return err_new(ERR_BUSY, "%s", json_get_text(device, "message") ? json_get_text(device, "message") : "the server's answer holds no code");
  err_line(&cli->out, "Open %s in a browser, on any machine, and type the code", uri);
  out_line(&cli->out, "%s", code);
  TRY(wait_for_answer(cli, device, &token));
  return sign_in_with(cli, token);
}

static err *run_login(struct cli *cli, const struct args *args) {
  const char *server = args_text(args, "server"), *token = args_text(args, "token");
  if (server) TRY(sign_in_change_server(cli, server));
  if (token) return sign_in_with(cli, token);
  bool setup = args_has(args, "setup-token") || args_has(args, "setup-token-file");
  if (args_has(args, "browserless")) return login_on_another_machine(cli);
  if (!setup && !args_has(args, "email") && user_config_env("API_TOKEN") && !user_config_env("TOKEN"))
    return check_env_token(cli);
  client_set_token(&cli->client, TOKEN_NONE, NULL);
  return setup ? set_up(cli, args) : login_with_password(cli, args);
}

/* clang-format off */
static const struct flag login_flags[] = {
  { "server",           "URL",   "the server; default: the one signed in to last, else " CONFIG_DEFAULT_SERVER },
  { "email",            "EMAIL", "the account; asked for when not given" },
  { "password-stdin",   NULL,    "read the password from standard input" },
  FLAG_2FA_CODE,
  { "token",            "TOKEN", "store this API token" },
  { "setup-token",      "TOKEN", "make the first account with the one-time token that the host shows" },
  { "setup-token-file", "PATH",  "the same, the token read from a file" },
  { "name",             "NAME",  "with a setup token: the account's name (default: admin)" },
  { "ask-password",     NULL,    "with a setup token: ask for a password instead of making one" },
  { "browserless|b",    NULL,    "sign in with a code that is typed into a page on another machine" },
  FLAG_END,
};
/* clang-format on */
const struct command command_login = {
    .name = "login",
    .usage = "",
    .summary = "Sign in to a Tramway server",
    .details =
        "The first account of a server needs a one-time token, which tramd writes where only\n"
        "root can read it. Its password is made here and shown once, unless --password-stdin\n"
        "or --ask-password is given.",
    .examples = "login  # asks for e-mail address and password\n"
                "login --server https://tramway.example.org\n"
                "login --token \"$TOKEN\"  # on a build machine\n"
                "login --setup-token-file /var/lib/tramway/setup-token --email me@example.org",
    .flags = login_flags,
    .run = run_login,
};

static err *run_logout(struct cli *cli, const struct args *args) {
  (void)args;
  const char *token = json_get_text(cli->config.root, "token");
  if (str_empty(token)) {
    out_line(&cli->out, "Not signed in");
    return NULL;
  }
  auto_json *data = NULL;
  client_set_token(&cli->client, TOKEN_BEARER, token);
  err *e = cli_query(cli, mutation_logout, NULL, &data);
  if (e) err_line(&cli->out, "the token could not be ended on the server: %s", err_message(e));
  err_free(e);
  json_object_del(cli->config.root, "token");
  json_object_del(cli->config.root, "user");
  TRY(user_config_save(&cli->config));
  out_line(&cli->out, "Signed out");
  return NULL;
}

static const struct flag no_flags[] = {FLAG_END};
const struct command command_logout = {
    .name = "logout",
    .usage = "",
    .summary = "Sign out: end the stored token",
    .flags = no_flags,
    .run = run_logout,
};

/* RAILWAY_TOKEN should hold a project token; scripts also put an account's there. */
static err *whoami_project(struct cli *cli, const struct args *args, bool *ret_done) {
  auto_json *data = NULL;
  err *e = cli_query(cli, query_project_token, NULL, &data);
  *ret_done = !e;
  if (e && err_code_of(e) != ERR_DENIED) return e;
  if (e) {
    err_free(e);
    auto_free char *token = str_dup(cli->client.token);
    client_set_token(&cli->client, TOKEN_BEARER, token);
    return NULL;
  }
  const json_t *token = json_object_get(data, "projectToken");
  if (args_has(args, "json"))
    out_json(&cli->out, token);
  else
    out_line(&cli->out, "Signed in with the project token \"%s\": project %s, environment %s",
             json_get_text(token, "name"), json_get_text(json_object_get(token, "project"), "name"),
             json_get_text(json_object_get(token, "environment"), "name"));
  return NULL;
}

static err *run_whoami(struct cli *cli, const struct args *args) {
  bool done = false;
  TRY(cli_need_token(cli));
  if (cli->client.kind == TOKEN_PROJECT) TRY(whoami_project(cli, args, &done));
  if (done) return NULL;
  auto_json *me = NULL;
  TRY(fetch_me(cli, &me));
  const char *name = json_get_text(me, "name"), *email = json_get_text(me, "email");
  if (args_has(args, "json")) {
    json_object_del(me, "id");
    out_json(&cli->out, me);
  } else {
    out_line(&cli->out, "Logged in as %s (%s) 👋", name ? name : email, email);
  }
  return NULL;
}

static const struct flag whoami_flags[] = {FLAG_JSON, FLAG_END};
const struct command command_whoami = {
    .name = "whoami",
    .usage = "",
    .summary = "Show who is signed in",
    .flags = whoami_flags,
    .run = run_whoami,
};
