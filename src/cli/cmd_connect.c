/* connect. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/database_url.h"
#include "cli/exec.h"
#include "cli/scope.h"
#include "cli/tunnel.h"
#include "cli/variables.h"

/* What is connected to, and how. */
struct connection {
  struct scope scope;
  json_t *variables;
  const char *public_url, *private_url; /* of `variables`; NULL: none */
  struct database_url database;         /* of the one that is used; DATABASE_NONE: a port alone */
  long long port, local_port;
};

static void connection_done(struct connection *n) {
  scope_done(&n->scope);
  json_decref(n->variables);
  database_url_done(&n->database);
}
#define auto_connection __attribute__((cleanup(connection_done))) struct connection

static bool is_program(const char *name) {
  auto_strv folders = STRV_EMPTY;
  const char *path = getenv("PATH");
  strv_split(&folders, path ? path : "", ':');
  for (size_t i = 0; i < folders.len; i++) {
    auto_free char *full = path_join(folders.items[i], name);
    if (*folders.items[i] && access(full, X_OK) == 0) return true;
  }
  return false;
}

/* The client that is installed here, or NULL. */
static const char *local_program(enum database_kind kind) {
  for (const char *const *p = database_url_programs(kind); *p; p++)
    if (is_program(*p)) return *p;
  return NULL;
}

/* A service that uses a database has its URL, too, but the database is elsewhere. */
static err *check_host(const struct cli *cli, const struct connection *n) {
  auto_database_url url = {0};
  const char *own = json_get_text(n->variables, "RAILWAY_PRIVATE_DOMAIN");
  if (n->port || !n->private_url || !own) return NULL;
  TRY(database_url_parse(n->private_url, &url));
  if (!url.host || str_ieq(url.host, own) || !str_ends(url.host, ".railway.internal")) return NULL;
  auto_free char *label = str_ndup(url.host, strcspn(url.host, "."));
  const json_t *service = scope_node(json_object_get(n->scope.project, "services"), label);
  return err_new(ERR_INVALID, "%s is no database: the one that it uses is at %s (`%s connect %s`)", n->scope.service_name, url.host,
                 cli->program, service ? json_get_text(service, "name") : label);
}

static err *find_connection(struct cli *cli, const struct args *args, struct connection *n) {
  static const struct flag named = FLAG_SERVICE;
  struct args with_service = *args;
  auto_free struct arg_value *values = mem_zalloc((args->value_count + 1) * sizeof *values);
  if (args->value_count) memcpy(values, args->values, args->value_count * sizeof *values);
  if (args->word_count) values[with_service.value_count++] = (struct arg_value){&named, args_word(args, 0)};
  with_service.values = values;
  TRY(args_int(args, "port", 1, 65535, 0, &n->port));
  TRY(args_int(args, "local-port", 1, 65535, 0, &n->local_port));
  TRY(scope_find(cli, &with_service, SCOPE_SERVICE, &n->scope));
  TRY(variables_fetch(cli, &n->scope, &n->variables));
  n->public_url = database_url_of(n->variables, true);
  n->private_url = database_url_of(n->variables, false);
  return check_host(cli, n);
}

static char *target_of(const struct connection *n) {
  return str_format("port=%lld&serviceId=%s&environmentId=%s", n->port, n->scope.service_id, n->scope.environment_id);
}

/* Becomes the client; the password goes into its environment, which only its own user can read. */
static _Noreturn void become(const struct database_url *url, const char *program) {
  auto_strv argv = STRV_EMPTY, env = STRV_EMPTY;
  database_url_command(url, program, &argv, &env);
  for (size_t i = 0; i < env.len; i++) putenv(env.items[i]);
  signal(SIGPIPE, SIG_DFL);
  execvp(argv.items[0], argv.items);
  _exit(127);
}

static err *run_directly(struct connection *n, const char *program) {
  TRY(database_url_parse(n->public_url, &n->database));
  fflush(NULL);
  become(&n->database, program);
}

static err *open_tunnel(struct connection *n, int *ret_fd, int *ret_port) {
  if (n->private_url) TRY(database_url_parse(n->private_url, &n->database));
  if (!n->port && !n->private_url)
    return err_new(ERR_INVALID, "%s is no database: which port? Give -P PORT", n->scope.service_name);
  if (!n->port) n->port = atoi(n->database.port);
  return tunnel_listen((int)n->local_port, ret_fd, ret_port);
}

/* A name that a certificate would have to have does not lead through a tunnel. */
static void lead_through(struct database_url *url, int port) {
  str_replace_owned(&url->host, "127.0.0.1");
  free(url->port);
  url->port = str_format("%d", port);
  if (str_eq(url->sslmode, "verify-full") || str_eq(url->sslmode, "verify-ca")) str_replace_owned(&url->sslmode, "require");
}

static err *run_through_tunnel(struct cli *cli, struct connection *n, const char *program) {
  auto_fd fd = -1;
  int port;
  TRY(open_tunnel(n, &fd, &port));
  lead_through(&n->database, port);
  auto_free char *target = target_of(n);
  fflush(NULL);
  pid_t child = fork();
  if (child < 0) return err_errno(errno, "starting '%s'", program);
  if (child == 0) become(&n->database, program);
  return tunnel_serve(&cli->client, target, fd, child, &cli->exit_status);
}

static err *run_tunnel_only(struct cli *cli, struct connection *n) {
  auto_fd fd = -1;
  auto_free char *url = NULL;
  int port;
  TRY(open_tunnel(n, &fd, &port));
  if (n->private_url && n->port == atoi(n->database.port))
    TRY(database_url_elsewhere(n->private_url, "127.0.0.1", port, &url));
  auto_free char *target = target_of(n), *address = str_format("127.0.0.1:%d", port);
  out_line(&cli->out, "%s", url ? url : address);
  fflush(NULL);
  err_line(&cli->out, "leads to port %lld of %s until you press Ctrl-C", n->port, n->scope.service_name);
  return tunnel_serve(&cli->client, target, fd, 0, &cli->exit_status);
}

static err *run_inside(struct cli *cli, struct connection *n) {
  auto_strv argv = STRV_EMPTY;
  auto_free char *target = str_format("serviceId=%s&environmentId=%s", n->scope.service_id, n->scope.environment_id);
  TRY(database_url_parse(n->private_url, &n->database));
  strv_add(&argv, "/bin/sh");
  strv_add(&argv, "-c");
  strv_add(&argv, database_url_inside(n->database.kind));
  struct exec x = {.target = target, .argv = &argv, .tty = exec_has_terminal()};
  return exec_run(&cli->client, &x, &cli->exit_status);
}

static err *check_flags(const struct args *args) {
  if (args_has(args, "ssh") && args_has(args, "no-ssh"))
    return err_new(ERR_INVALID, "--ssh and --no-ssh exclude each other");
  if (args_has(args, "tunnel-only") && args_has(args, "no-ssh"))
    return err_new(ERR_INVALID, "--tunnel-only and --no-ssh exclude each other");
  return NULL;
}

static err *run_connect(struct cli *cli, const struct args *args) {
  auto_connection n = {0};
  struct database_url any = {0};
  TRY(check_flags(args));
  TRY(find_connection(cli, args, &n));
  if (args_has(args, "tunnel-only")) return run_tunnel_only(cli, &n);
  const char *url = n.private_url ? n.private_url : n.public_url;
  if (!url)
    return err_new(ERR_INVALID, "%s has no URL of a database among its variables: --tunnel-only -P PORT leads to a port of it",
                   n.scope.service_name);
  TRY(database_url_parse(url, &any));
  const char *program = local_program(any.kind);
  database_url_done(&any);
  bool is_direct = n.public_url && !args_has(args, "ssh") && !n.port;
  if (!is_direct && args_has(args, "no-ssh"))
    return err_new(ERR_CONFLICT, "%s is private: `%s tcp-proxy create` makes it public, or leave --no-ssh out",
                   n.scope.service_name, cli->program);
  if (!program) return run_inside(cli, &n);
  return is_direct ? run_directly(&n, program) : run_through_tunnel(cli, &n, program);
}

/* clang-format off */
static const struct flag flags[] = {
  FLAG_ENVIRONMENT, FLAG_PROJECT,
  { "ssh",         NULL,   "through a tunnel, also when the database is public" },
  { "no-ssh",      NULL,   "through its public address only" },
  { "tunnel-only", NULL,   "only open a port of this machine that leads to the service, and print its URL" },
  { "port|P",      "PORT", "the port of the service (default: the database's)" },
  { "local-port",  "PORT", "the port of this machine (default: a free one)" },
  FLAG_END,
};
/* clang-format on */
const struct command command_connect = {
    .name = "connect",
    .usage = "[SERVICE]",
    .summary = "Open a database's own shell: psql, mysql, redis-cli or mongosh",
    .details = "With the client that is installed here: through the public address when there is one, else through\n"
               "a tunnel over the API, for which the database can stay private. Without a client here, the one inside\n"
               "the instance. The password is never an argument of a program.",
    .examples = "connect Postgres\nconnect Postgres --tunnel-only  # for a graphical client\n"
                "connect api --tunnel-only -P 9229 --local-port 9229  # any TCP port",
    .flags = flags,
    .max_words = 1,
    .run = run_connect,
};
