/* status. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/scope.h"

/* "2/2": running of wanted. */
static char *replica_text(const json_t *instance) {
  const json_t *deployment = json_object_get(instance, "latestDeployment"), *replica;
  size_t running = 0, i;
  json_array_foreach(json_object_get(deployment, "instances"), i,
                     replica) if (str_eq(json_get_text(replica, "status"), "RUNNING")) running++;
  return str_format("%zu/%lld", running, (long long)json_get_int(instance, "numReplicas", 1));
}

static char *first_domain(const json_t *instance) {
  const json_t *domains = json_object_get(instance, "domains");
  const json_t *first = json_array_get(json_object_get(domains, "customDomains"), 0);
  if (!first) first = json_array_get(json_object_get(domains, "serviceDomains"), 0);
  return str_dup(json_get_text(first, "domain"));
}

/* "db.example.com:24817"; NULL: it is private. */
static char *first_proxy(const json_t *instance) {
  const json_t *first = json_array_get(json_object_get(instance, "tcpProxies"), 0);
  if (!first) return NULL;
  return str_format("%s:%lld", json_get_text(first, "domain"), (long long)json_get_int(first, "proxyPort", 0));
}

static void age_of(const char *timestamp, char text[FORMAT_SIZE]) {
  int64_t then_us;
  text[0] = '\0';
  if (timestamp && clock_parse(timestamp, &then_us))
    format_age((clock_now_us() - then_us) / 1000, text);
}

static err *add_row(struct cli *cli, struct table *table, const json_t *instance, bool linked) {
  const json_t *deployment = json_object_get(instance, "latestDeployment");
  auto_free char *status = out_status(&cli->out, json_get_text(deployment, "status"));
  auto_free char *replicas = replica_text(instance);
  auto_free char *domain = first_domain(instance);
  auto_free char *url = NULL;
  char age[FORMAT_SIZE];
  if (domain) TRY(scope_url_of_domain(cli, domain, &url));
  auto_free char *proxy = first_proxy(instance);
  auto_free char *where = url && proxy ? str_format("%s, %s", url, proxy) : str_dup(url ? url : proxy ? proxy : "-");
  age_of(json_get_text(deployment, "createdAt"), age);
  auto_free char *name =
      str_format("%s%s", json_get_text(instance, "serviceName"), linked ? " (linked)" : "");
  table_add(table, name, status, deployment ? replicas : "-", *age ? age : "-", where, NULL);
  return NULL;
}

static err *print_services(struct cli *cli, const struct scope *scope) {
  auto_json *all = NULL;
  const json_t *instance;
  TRY(scope_fetch_instances(cli, scope->project_id, scope->environment_id, &all));
  auto_table table;
  table_init(&table, 5);
  table_add(&table, "SERVICE", "STATUS", "REPLICAS", "DEPLOYED", "URL", NULL);
  for (size_t i = 0; (instance = scope_node_at(all, i)); i++) {
    bool linked =
        scope->service_id && str_eq(json_get_text(instance, "serviceId"), scope->service_id);
    TRY(add_row(cli, &table, instance, linked));
  }
  if (scope_node_count(all))
    out_table(&cli->out, &table);
  else
    out_line(&cli->out, "No services yet: `%s up` deploys this folder", cli->program);
  for (size_t i = 0; (instance = scope_node_at(all, i)); i++) {
    const json_t *deployment = json_object_get(instance, "latestDeployment");
    const char *reason = json_get_text(deployment, "statusReason");
    auto_free char *clean = reason ? format_printable(reason) : NULL;
    if (clean) out_line(&cli->out, "\n%s: %s", json_get_text(instance, "serviceName"), clean);
  }
  return NULL;
}

/* The project as Railway's CLI prints it: each environment with its service instances. */
static err *print_json(struct cli *cli, const struct scope *scope) {
  const json_t *environments = json_object_get(scope->project, "environments");
  json_t *node;
  for (size_t i = 0; (node = scope_node_at(environments, i)); i++) {
    json_t *all = NULL;
    TRY(scope_fetch_instances(cli, scope->project_id, json_get_text(node, "id"), &all));
    json_object_set_new(node, "serviceInstances", all);
  }
  out_json(&cli->out, scope->project);
  return NULL;
}

static err *run_status(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  TRY(scope_find(cli, args, SCOPE_SERVICE_IF_ANY, &scope));
  if (args_has(args, "json")) return print_json(cli, &scope);
  out_line(&cli->out, "Project      %s\nEnvironment  %s\n", scope.project_name,
           scope.environment_name);
  return print_services(cli, &scope);
}

static const struct flag status_flags[] = {FLAG_PROJECT, FLAG_ENVIRONMENT, FLAG_JSON, FLAG_END};
const struct command command_status = {
    .name = "status",
    .usage = "",
    .summary = "Show the project's services and how they are",
    .examples = "status\nstatus -e staging --json",
    .flags = status_flags,
    .run = run_status,
};
