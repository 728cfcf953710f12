#include "api/api.h"

#include <stdlib.h>
#include <string.h>

#include "api/device.h"
#include "api/git.h"
#include "api/internal.h"
#include "api/late.h"
#include "api/rate.h"
#include "api/sign_in_guard.h"
#include "base/embedded.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

err *api_schema_new(graphql_schema **ret_schema) {
  static const struct bindings *const all[] = {&bindings_account,  &bindings_token, &bindings_workspace, &bindings_audit, &bindings_two_factor, &bindings_project, &bindings_service,
                                               &bindings_deployment, &bindings_variable, &bindings_domain, &bindings_tcp_proxy,
                                               &bindings_log,      &bindings_subscription, &bindings_event,
                                               &bindings_release, &bindings_credential, &bindings_ssh_key, &bindings_disk, &bindings_environment_patch,
                                               &bindings_pull_request, &bindings_trigger, &bindings_webhook,
                                               &bindings_machine, &bindings_template, &bindings_database, &bindings_database_password, &bindings_database_upgrade, &bindings_backup, &bindings_volume,
                                               &bindings_bucket};
  const char *text = embedded_text("api/schema.graphql");
  auto_graphql_schema *schema = NULL;
  TRY(graphql_schema_new(text, strlen(text), &schema));
  for (size_t i = 0; i < ARRAY_LEN(all); i++) TRY(graphql_schema_bind(schema, all[i]->rows, all[i]->len));
  graphql_schema_set_access(schema, access_check);
  graphql_schema_set_mutation(schema, audit_mutation);
  graphql_schema_set_absent(schema, absent_field);
  TRY(graphql_schema_check_access(schema));
  TRY(graphql_schema_check_resolvers(schema));
  *ret_schema = schema;
  schema = NULL;
  return NULL;
}

static void handle_health(http_request *r, void *api_) {
  (void)api_;
  http_respond_text(r, 200, "ok\n");
}

enum { GRAPHQL_BODY_MAX = 5 * 1024 * 1024, WEBHOOK_BODY_MAX = 5 * 1024 * 1024, FORM_BODY_MAX = 16 * 1024 };

/* clang-format off */
const struct http_route api_routes[] = {
  { "GET",  "/healthz",    handle_health,         HTTP_BODY_NONE,   0,                NULL },
  { "POST", "/graphql/v2", handle_graphql,        HTTP_BODY_MEMORY, GRAPHQL_BODY_MAX, NULL },
  { "GET",  "/graphql/v2", handle_graphql_socket, HTTP_BODY_NONE,   0,                NULL },
  { "POST", "/project/{project}/environment/{environment}/up",
                           handle_upload,         HTTP_BODY_FILE,   0,                handle_upload_begin },
  { "GET",  "/git/{path...}", handle_git_get,     HTTP_BODY_NONE,   0,                NULL },
  { "GET",  "/ssh/key",    handle_ssh_key,        HTTP_BODY_NONE,   0,                NULL },
  { "POST", "/git/{path...}", handle_git_post,    HTTP_BODY_FILE,   0,                handle_git_begin },
  { "POST", "/webhooks/{provider}/{hook}",
                           handle_webhook,        HTTP_BODY_MEMORY, WEBHOOK_BODY_MAX, handle_webhook_begin },
  { "GET",  "/volume/{instance}/list", handle_volume_list, HTTP_BODY_NONE, 0,         NULL },
  { "GET",  "/volume/{instance}/files", handle_volume_read, HTTP_BODY_NONE, 0,        NULL },
  { "PUT",  "/volume/{instance}/files",
                           handle_volume_write,   HTTP_BODY_FILE,   0,                handle_volume_write_begin },
  { "DELETE", "/volume/{instance}/files", handle_volume_remove, HTTP_BODY_NONE, 0,    NULL },
  { "POST", "/volume/{instance}/rename", handle_volume_rename, HTTP_BODY_NONE, 0,     NULL },
  { "POST", "/volume/{instance}/folder", handle_volume_folder, HTTP_BODY_NONE, 0,     NULL },
  { "GET",  "/exec",       handle_exec,           HTTP_BODY_NONE,   0,                NULL },
  { "GET",  "/tunnel",     handle_tunnel,         HTTP_BODY_NONE,   0,                NULL },
  { "POST", "/oauth/device/auth", handle_device_auth, HTTP_BODY_MEMORY, FORM_BODY_MAX, NULL },
  { "POST", "/oauth/token", handle_oauth_token,   HTTP_BODY_MEMORY, FORM_BODY_MAX,    NULL },
  { "GET",  "/device",     handle_device_page,    HTTP_BODY_NONE,   0,                NULL },
  { "POST", "/device",     handle_device_form,    HTTP_BODY_MEMORY, FORM_BODY_MAX,    NULL },
  { "GET",  "/invite/{code}", handle_invitation,  HTTP_BODY_NONE,   0,                NULL },
};
/* clang-format on */
const size_t api_routes_len = ARRAY_LEN(api_routes);

static err *listen_on(api *a, const char *const *listen) {
  struct http_server_options options = {.listen = listen, .routes = api_routes,
                                        .routes_len = api_routes_len, .arg = a,
                                        .before = handle_before,
                                        .unix_mode = 0666}; /* as on 127.0.0.1: who asks shows a token */
  TRY(http_server_start(a->parts.loop, &options, &a->server));
  if (*a->public_url) return NULL;
  free(a->public_url);
  a->public_url = str_format("http://%s", http_server_address(a->server, 0));
  return NULL;
}

err *api_start(const struct api_parts *parts, const struct api_options *options, api **ret_api) {
  api *a = mem_zalloc(sizeof *a);
  list_init(&a->pushes);
  list_init(&a->tunnels);
  a->parts = *parts;
  a->version = str_dup(options->version);
  a->public_url = str_dup(options->public_url);
  a->edge_url = str_dup(options->edge_url);
  a->domain_suffix = str_dup(options->domain_suffix);
  a->upload_dir = str_dup(options->upload_dir);
  a->upload_limit_bytes = options->upload_limit_bytes;
  a->ssh_uid = options->ssh_uid;
  a->sign_in_guard = sign_in_guard_new();
  a->devices = devices_new();
  a->rate = rate_new((struct rate_limits){options->requests_per_hour, options->requests_per_second});
  a->hook_rates = map_new();
  a->late_all = late_all_new();
  err *e = file_remove_tree(a->upload_dir); /* what an earlier run had not finished taking */
  if (!e) e = file_make_dirs(a->upload_dir, 0700);
  if (!e) e = api_schema_new(&a->schema);
  if (!e) e = listen_on(a, options->listen);
  if (e) {
    api_stop(a);
    return e;
  }
  *ret_api = a;
  return NULL;
}

void api_stop(api *a) {
  if (!a) return;
  http_server_stop(a->server);
  git_push_stop_all(a);
  webhook_rates_free(a);
  late_all_close(a->late_all);
  graphql_schema_free(a->schema);
  sign_in_guard_free(a->sign_in_guard);
  rate_free(a->rate);
  devices_free(a->devices);
  free(a->version);
  free(a->public_url);
  free(a->edge_url);
  free(a->domain_suffix);
  free(a->upload_dir);
  free(a);
}
