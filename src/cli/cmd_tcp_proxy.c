/* tcp-proxy. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/queries.h"
#include "cli/tcp_proxy.h"

enum { OPEN_MS = 20000, POLL_MS = 100 };

err *tcp_proxy_fetch(struct cli *cli, const struct scope *scope, json_t **ret_proxies) {
  auto_json *data = NULL;
  TRY(cli_query(cli, query_tcp_proxies,
                json_pack("{s:s, s:s}", "environmentId", scope->environment_id, "serviceId", scope->service_id), &data));
  *ret_proxies = json_incref(json_object_get(data, "tcpProxies"));
  return NULL;
}

static char *address_of(const json_t *proxy) {
  return str_format("%s:%lld", json_get_text(proxy, "domain"), (long long)json_get_int(proxy, "proxyPort", 0));
}

static char *allowed(const json_t *proxy) {
  const json_t *allow = json_object_get(proxy, "allow");
  auto_strv texts = STRV_EMPTY;
  size_t i;
  json_t *item;
  json_array_foreach(allow, i, item) strv_add(&texts, json_string_value(item));
  return texts.len ? strv_join(&texts, ", ") : str_dup("everybody");
}

/* The service's proxy that `name` means: by the service's port, the public one, the address or the id. */
static bool is_named(const json_t *proxy, const char *name) {
  auto_free char *address = address_of(proxy);
  auto_free char *ports[] = {str_format("%lld", (long long)json_get_int(proxy, "applicationPort", 0)),
                             str_format("%lld", (long long)json_get_int(proxy, "proxyPort", 0))};
  bool is = str_eq(name, ports[0]) || str_eq(name, ports[1]) || str_ieq(name, address) ||
            str_eq(name, json_get_text(proxy, "id"));
  free(ports[1]);
  return is;
}

static err *find_proxy(struct cli *cli, const struct args *args, struct scope *ret_scope, json_t **ret_proxy) {
  auto_json *proxies = NULL;
  size_t i;
  json_t *proxy;
  TRY(scope_find(cli, args, SCOPE_SERVICE, ret_scope));
  TRY(tcp_proxy_fetch(cli, ret_scope, &proxies));
  json_array_foreach(proxies, i, proxy) {
    if (!is_named(proxy, args_word(args, 0))) continue;
    *ret_proxy = json_incref(proxy);
    return NULL;
  }
  return err_new(ERR_NOT_FOUND, "%s has no TCP proxy '%s': see `%s tcp-proxy list`", ret_scope->service_name,
                 args_word(args, 0), cli->program);
}

static err *run_list(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *proxies = NULL;
  auto_table table;
  size_t i;
  json_t *proxy;
  table_init(&table, 4);
  table_add(&table, "ADDRESS", "LEADS TO", "STATUS", "FOR", NULL);
  TRY(scope_find(cli, args, SCOPE_SERVICE, &scope));
  TRY(tcp_proxy_fetch(cli, &scope, &proxies));
  json_array_foreach(proxies, i, proxy) {
    auto_free char *address = address_of(proxy), *allow = allowed(proxy);
    auto_free char *port = str_format("port %lld", (long long)json_get_int(proxy, "applicationPort", 0));
    auto_free char *status = format_words(json_get_text(proxy, "syncStatus"));
    table_add(&table, address, port, status, allow, NULL);
  }
  if (args_has(args, "json"))
    out_json(&cli->out, proxies);
  else if (json_array_size(proxies))
    out_table(&cli->out, &table);
  else
    out_line(&cli->out, "%s is private: `%s tcp-proxy create --port PORT` makes a port of it public", scope.service_name,
             cli->program);
  return NULL;
}

static json_t *allow_of(const struct args *args) {
  json_t *allow = json_array();
  size_t cursor = 0;
  const char *network;
  while ((network = args_next(args, "allow", &cursor)))
    if (!str_eq(network, "everybody")) json_array_append_new(allow, json_string(network));
  return allow;
}

static bool is_open(const json_t *proxies, const char *id, json_t **ret_proxy) {
  size_t i;
  json_t *proxy;
  json_array_foreach(proxies, i, proxy) {
    if (!str_eq(json_get_text(proxy, "id"), id)) continue;
    json_decref(*ret_proxy);
    *ret_proxy = json_incref(proxy);
    return str_eq(json_get_text(proxy, "syncStatus"), "ACTIVE");
  }
  return false;
}

/* Until it takes connections, which is a moment later; a proxy that does not by then is told as it is. */
static err *wait_until_open(struct cli *cli, const struct scope *scope, json_t **proxy) {
  int64_t end_ms = clock_monotonic_ms() + OPEN_MS;
  auto_free char *id = str_dup(json_get_text(*proxy, "id"));
  for (;;) {
    auto_json *proxies = NULL;
    TRY(tcp_proxy_fetch(cli, scope, &proxies));
    if (is_open(proxies, id, proxy) || clock_monotonic_ms() >= end_ms) return NULL;
    nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
  }
}

static err *run_create(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *data = NULL;
  long long port;
  TRY(args_int(args, "port", 1, 65535, 0, &port));
  if (!port) return err_new(ERR_INVALID, "which port does the service listen on? Give --port PORT");
  TRY(scope_find(cli, args, SCOPE_SERVICE, &scope));
  json_t *input = json_pack("{s:s, s:s, s:I, s:o}", "environmentId", scope.environment_id, "serviceId", scope.service_id,
                            "applicationPort", (json_int_t)port, "allow", allow_of(args));
  TRY(cli_query(cli, mutation_tcp_proxy_create, json_pack("{s:o}", "input", input), &data));
  auto_json *proxy = json_incref(json_object_get(data, "tcpProxyCreate"));
  TRY(wait_until_open(cli, &scope, &proxy));
  auto_free char *address = address_of(proxy), *allow = allowed(proxy);
  if (args_has(args, "json")) {
    out_json(&cli->out, proxy);
    return NULL;
  }
  out_line(&cli->out, "%s", address);
  err_line(&cli->out, "leads to port %lld of %s, for %s", port, scope.service_name, allow);
  if (!str_eq(json_get_text(proxy, "syncStatus"), "ACTIVE")) err_line(&cli->out, "It is not open yet: see `%s tcp-proxy list`", cli->program);
  return NULL;
}

static void print_proxy(struct cli *cli, const struct args *args, const json_t *proxy) {
  auto_free char *address = address_of(proxy), *allow = allowed(proxy);
  auto_free char *status = format_words(json_get_text(proxy, "syncStatus"));
  if (args_has(args, "json"))
    out_json(&cli->out, proxy);
  else
    out_line(&cli->out, "Address  %s\nPort     %lld\nStatus   %s\nFor      %s", address,
             (long long)json_get_int(proxy, "applicationPort", 0), status, allow);
}

static err *run_status(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *proxy = NULL;
  TRY(find_proxy(cli, args, &scope, &proxy));
  print_proxy(cli, args, proxy);
  return NULL;
}

static err *run_update(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *proxy = NULL, *data = NULL;
  if (!args_has(args, "allow"))
    return err_new(ERR_INVALID, "who may connect? Give --allow NETWORK, several times if need be, or --allow everybody");
  TRY(find_proxy(cli, args, &scope, &proxy));
  json_t *input = json_pack("{s:s, s:o}", "id", json_get_text(proxy, "id"), "allow", allow_of(args));
  TRY(cli_query(cli, mutation_tcp_proxy_update, json_pack("{s:o}", "input", input), &data));
  print_proxy(cli, args, json_object_get(data, "tcpProxyUpdate"));
  return NULL;
}

static err *run_delete(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *proxy = NULL, *data = NULL;
  TRY(find_proxy(cli, args, &scope, &proxy));
  auto_free char *address = address_of(proxy), *question = str_format("Close %s and the connections to it?", address);
  TRY(cli_confirm(cli, args, question));
  TRY(cli_query(cli, mutation_tcp_proxy_delete, json_pack("{s:s}", "id", json_get_text(proxy, "id")), &data));
  auto_json *answer = json_pack("{s:s}", "deleted", address);
  if (args_has(args, "json"))
    out_json(&cli->out, answer);
  else
    out_line(&cli->out, "Closed %s", address);
  return NULL;
}

/* clang-format off */
#define FLAG_ALLOW { "allow", "NETWORK", "who may connect, as 203.0.113.7 or 203.0.113.0/24; may be given several times" }
static const struct flag list_flags[] = {
  FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
static const struct flag create_flags[] = {
  { "port", "PORT", "the port that the service listens on" }, FLAG_ALLOW,
  FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
static const struct flag update_flags[] = {
  FLAG_ALLOW, FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_JSON, FLAG_END,
};
static const struct flag delete_flags[] = {
  FLAG_SERVICE, FLAG_ENVIRONMENT, FLAG_PROJECT, FLAG_YES, FLAG_JSON, FLAG_END,
};
/* clang-format on */
static const struct command tcp_proxy_list = {
    .name = "list",
    .aliases = "ls",
    .usage = "",
    .summary = "List a service's TCP proxies",
    .flags = list_flags,
    .run = run_list,
};
static const struct command tcp_proxy_create = {
    .name = "create",
    .aliases = "add",
    .usage = "",
    .summary = "Make a port of a service public",
    .examples = "tcp-proxy create --port 5432 --service Postgres\n"
                "tcp-proxy create --port 6379 --allow 203.0.113.0/24 --allow 2001:db8::7",
    .flags = create_flags,
    .run = run_create,
};
static const struct command tcp_proxy_status = {
    .name = "status",
    .usage = "PORT",
    .summary = "Show where a TCP proxy leads, for whom, and whether it is open",
    .flags = list_flags,
    .min_words = 1,
    .max_words = 1,
    .run = run_status,
};
static const struct command tcp_proxy_update = {
    .name = "update",
    .usage = "PORT",
    .summary = "Change who may connect to a TCP proxy; whoever is connected stays so",
    .examples = "tcp-proxy update 5432 --allow 203.0.113.0/24\ntcp-proxy update 5432 --allow everybody",
    .flags = update_flags,
    .min_words = 1,
    .max_words = 1,
    .run = run_update,
};
static const struct command tcp_proxy_delete = {
    .name = "delete",
    .aliases = "rm|remove",
    .usage = "PORT",
    .summary = "Close a TCP proxy and its connections",
    .flags = delete_flags,
    .min_words = 1,
    .max_words = 1,
    .run = run_delete,
};
static const struct command *const subcommands[] = {&tcp_proxy_list,   &tcp_proxy_create, &tcp_proxy_status,
                                                    &tcp_proxy_update, &tcp_proxy_delete, NULL};
static const struct flag no_flags[] = {FLAG_END};
const struct command command_tcp_proxy = {
    .name = "tcp-proxy",
    .usage = "",
    .summary = "Make a database or another port without HTTP public",
    .details = "A PORT is the service's own, the public one, its address or its id. The variables\n"
               "RAILWAY_TCP_PROXY_DOMAIN and RAILWAY_TCP_PROXY_PORT tell of the service's first proxy; a database's\n"
               "DATABASE_PUBLIC_URL, which refers to them, is there while there is one. The machine's firewall has to\n"
               "let the public port in.",
    .flags = no_flags,
    .subcommands = subcommands,
};
