/* domain, open. */
#include "cli/domain.h"

#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/queries.h"

extern char **environ;

err *domain_create(struct cli *cli, const struct scope *scope, long long port, char **ret_domain) {
  auto_json *data = NULL;
  json_t *input = json_pack("{s:s, s:s}", "environmentId", scope->environment_id, "serviceId",
                            scope->service_id);
  if (port) json_object_set_new(input, "targetPort", json_integer(port));
  TRY(cli_query(cli, mutation_service_domain_create, json_pack("{s:o}", "input", input), &data));
  const char *domain = json_get_text(json_object_get(data, "serviceDomainCreate"), "domain");
  if (!domain) return err_new(ERR_CORRUPT, "the new domain came without a name");
  *ret_domain = str_dup(domain);
  return NULL;
}

static err *fetch_domains(struct cli *cli, const struct scope *scope, json_t **ret_domains) {
  auto_json *data = NULL;
  TRY(cli_query(cli, query_domains,
                json_pack("{s:s, s:s, s:s}", "environmentId", scope->environment_id, "projectId",
                          scope->project_id, "serviceId", scope->service_id),
                &data));
  *ret_domains = json_incref(json_object_get(data, "domains"));
  return NULL;
}

static err *add_rows(struct cli *cli, struct table *table, const json_t *domains) {
  size_t i;
  const json_t *domain;
  json_array_foreach(domains, i, domain) {
    auto_free char *url = NULL;
    int64_t port = json_get_int(domain, "targetPort", 0);
    auto_free char *port_text = port ? str_format("port %lld", (long long)port) : str_dup("");
    TRY(scope_url_of_domain(cli, json_get_text(domain, "domain"), &url));
    table_add(table, url, port_text, NULL);
  }
  return NULL;
}

static err *print_domains(struct cli *cli, const json_t *domains) {
  auto_table table;
  table_init(&table, 2);
  TRY(add_rows(cli, &table, json_object_get(domains, "customDomains")));
  TRY(add_rows(cli, &table, json_object_get(domains, "serviceDomains")));
  out_table(&cli->out, &table);
  return NULL;
}

static bool has_domain(const json_t *domains) {
  return json_array_size(json_object_get(domains, "serviceDomains")) ||
         json_array_size(json_object_get(domains, "customDomains"));
}

static err *make_one(struct cli *cli, const struct args *args, const struct scope *scope,
                     long long port) {
  auto_free char *domain = NULL, *url = NULL;
  TRY(domain_create(cli, scope, port, &domain));
  TRY(scope_url_of_domain(cli, domain, &url));
  auto_json *answer = json_pack("{s:s}", "domain", url);
  if (args_has(args, "json"))
    out_json(&cli->out, answer);
  else
    out_line(&cli->out, "%s", url);
  return NULL;
}

static err *run_domain(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *domains = NULL;
  long long port;
  if (args->word_count)
    return err_new(ERR_INVALID, "custom domains like '%s' are not there yet: `%s domain` makes a generated one",
                   args_word(args, 0), cli->program);
  TRY(args_int(args, "port", 1, 65535, 0, &port));
  TRY(scope_find(cli, args, SCOPE_SERVICE, &scope));
  TRY(fetch_domains(cli, &scope, &domains));
  if (!has_domain(domains) || port) return make_one(cli, args, &scope, port);
  if (!args_has(args, "json")) return print_domains(cli, domains);
  out_json(&cli->out, domains);
  return NULL;
}

static err *run_domain_list(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *domains = NULL;
  TRY(scope_find(cli, args, SCOPE_SERVICE, &scope));
  TRY(fetch_domains(cli, &scope, &domains));
  if (args_has(args, "json"))
    out_json(&cli->out, domains);
  else if (has_domain(domains))
    return print_domains(cli, domains);
  else
    out_line(&cli->out, "No domains yet: `%s domain` makes one", cli->program);
  return NULL;
}

/* The service's domain that the first word names, by host or id; with what it was found in. */
static err *find_domain(struct cli *cli, const struct args *args, struct scope *ret_scope, json_t **ret_domain) {
  auto_json *domains = NULL;
  const char *name = args_word(args, 0);
  TRY(scope_find(cli, args, SCOPE_SERVICE, ret_scope));
  TRY(fetch_domains(cli, ret_scope, &domains));
  size_t i;
  json_t *domain;
  json_array_foreach(json_object_get(domains, "serviceDomains"), i, domain) {
    if (!str_ieq(json_get_text(domain, "domain"), name) && !str_eq(json_get_text(domain, "id"), name)) continue;
    *ret_domain = json_incref(domain);
    return NULL;
  }
  return err_new(ERR_NOT_FOUND, "%s has no domain '%s': see `%s domain list`", ret_scope->service_name, name,
                 cli->program);
}

static err *run_domain_status(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *domain = NULL;
  auto_free char *url = NULL;
  TRY(find_domain(cli, args, &scope, &domain));
  if (args_has(args, "json")) {
    out_json(&cli->out, domain);
    return NULL;
  }
  TRY(scope_url_of_domain(cli, json_get_text(domain, "domain"), &url));
  int64_t port = json_get_int(domain, "targetPort", 0);
  auto_free char *port_text = port ? str_format("%lld", (long long)port) : str_dup("the one the app listens on");
  auto_free char *status = format_words(json_get_text(domain, "syncStatus"));
  out_line(&cli->out, "URL     %s\nPort    %s\nStatus  %s", url, port_text, status);
  return NULL;
}

static err *run_domain_update(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *domain = NULL, *data = NULL;
  long long port;
  const char *host = args_text(args, "domain");
  TRY(args_int(args, "port", 1, 65535, 0, &port));
  if (!port && !host) return err_new(ERR_INVALID, "what should change? Give --port PORT or --domain DOMAIN");
  TRY(find_domain(cli, args, &scope, &domain));
  if (!port) port = json_get_int(domain, "targetPort", 0);
  if (!host) host = json_get_text(domain, "domain");
  json_t *input = json_pack("{s:s, s:s, s:s, s:s}", "serviceDomainId", json_get_text(domain, "id"), "environmentId",
                            scope.environment_id, "serviceId", scope.service_id, "domain", host);
  if (port) json_object_set_new(input, "targetPort", json_integer(port));
  TRY(cli_query(cli, mutation_service_domain_update, json_pack("{s:o}", "input", input), &data));
  json_set_text(domain, "domain", host);
  if (port) json_object_set_new(domain, "targetPort", json_integer(port));
  auto_free char *to_port = port ? str_format(" leads to port %lld", port) : str_dup(" it is");
  if (args_has(args, "json"))
    out_json(&cli->out, domain);
  else
    out_line(&cli->out, "%s%s", host, to_port);
  return NULL;
}

static err *run_domain_delete(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *domain = NULL, *data = NULL;
  TRY(find_domain(cli, args, &scope, &domain));
  const char *id = json_get_text(domain, "id"), *name = json_get_text(domain, "domain");
  auto_free char *question = str_format("Delete the domain %s?", name);
  TRY(cli_confirm(cli, args, question));
  TRY(cli_query(cli, mutation_service_domain_delete, json_pack("{s:s}", "id", id), &data));
  auto_json *answer = json_pack("{s:s}", "deleted", name);
  if (args_has(args, "json"))
    out_json(&cli->out, answer);
  else
    out_line(&cli->out, "Deleted %s", name);
  return NULL;
}

/* clang-format off */
static const struct flag list_flags[] = {
  FLAG_SERVICE, FLAG_ENVIRONMENT, { "project", "PROJECT", "project, by name or id" }, FLAG_JSON,
  FLAG_END,
};
static const struct flag delete_flags[] = {
  FLAG_SERVICE, FLAG_ENVIRONMENT, { "project", "PROJECT", "project, by name or id" }, FLAG_YES,
  FLAG_JSON, FLAG_END,
};
static const struct flag update_flags[] = {
  { "port|p", "PORT", "the port it leads to" }, { "domain", "DOMAIN", "its new name" },
  FLAG_SERVICE, FLAG_ENVIRONMENT, { "project", "PROJECT", "project, by name or id" }, FLAG_JSON,
  FLAG_END,
};
static const struct flag domain_flags[] = {
  { "port|p", "PORT", "make a domain that leads to this port (default: the one the app listens on)" },
  FLAG_SERVICE, FLAG_ENVIRONMENT, { "project", "PROJECT", "project, by name or id" }, FLAG_JSON,
  FLAG_END,
};
/* clang-format on */
static const struct command domain_list = {
    .name = "list",
    .aliases = "ls",
    .usage = "",
    .summary = "List a service's domains",
    .flags = list_flags,
    .run = run_domain_list,
};
static const struct command domain_status = {
    .name = "status",
    .usage = "DOMAIN",
    .summary = "Show where a domain leads and whether the edge has it",
    .flags = list_flags,
    .min_words = 1,
    .max_words = 1,
    .run = run_domain_status,
};
static const struct command domain_update = {
    .name = "update",
    .usage = "DOMAIN",
    .summary = "Change a generated domain's port or name",
    .examples = "domain update web-production-1a2b.localhost --port 3000",
    .flags = update_flags,
    .min_words = 1,
    .max_words = 1,
    .run = run_domain_update,
};
static const struct command domain_delete = {
    .name = "delete",
    .aliases = "rm|remove",
    .usage = "DOMAIN",
    .summary = "Take a generated domain away from a service",
    .flags = delete_flags,
    .min_words = 1,
    .max_words = 1,
    .run = run_domain_delete,
};
static const struct command *const domain_subcommands[] = {&domain_list, &domain_status, &domain_update, &domain_delete, NULL};
const struct command command_domain = {
    .name = "domain",
    .aliases = "domains",
    .usage = "",
    .summary = "Show a service's URL; make one when it has none",
    .examples = "domain\ndomain --port 3000  # another one, to this port\ndomain list --json",
    .flags = domain_flags,
    .subcommands = domain_subcommands,
    .max_words = 1,
    .run = run_domain,
};

/* The program that opens URLs on a desktop.  Not having one is no failure: the URL was printed. */
static void start_browser(const char *url) {
  char program[] = "xdg-open", *argv[] = {program, (char *)url, NULL};
  pid_t pid;
  if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) == 0) waitpid(pid, NULL, 0);
}

static err *run_open(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *domains = NULL;
  auto_free char *url = NULL;
  TRY(scope_find(cli, args, SCOPE_SERVICE, &scope));
  TRY(fetch_domains(cli, &scope, &domains));
  const json_t *first = json_array_get(json_object_get(domains, "customDomains"), 0);
  if (!first) first = json_array_get(json_object_get(domains, "serviceDomains"), 0);
  const char *domain = json_get_text(first, "domain");
  if (!domain)
    return err_new(ERR_NOT_FOUND, "%s has no domain yet: `%s domain` makes one", scope.service_name,
                   cli->program);
  TRY(scope_url_of_domain(cli, domain, &url));
  out_line(&cli->out, "%s", url);
  if (!args_has(args, "print") && cli->out.out_terminal) start_browser(url);
  return NULL;
}

/* clang-format off */
static const struct flag open_flags[] = {
  { "print|p", NULL, "print the URL only" }, FLAG_SERVICE, FLAG_ENVIRONMENT,
  { "project", "PROJECT", "project, by name or id" }, FLAG_END,
};
/* clang-format on */
const struct command command_open = {
    .name = "open",
    .usage = "",
    .summary = "Open the service in a browser",
    .flags = open_flags,
    .run = run_open,
};
