/* POST /project/{p}/environment/{e}/up: the tar.gz of `tram up`, as Railway takes it. */
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/domain.h"
#include "store/deployment.h"

/* An upload whose archive is being unpacked; the client may go away meanwhile. */
struct pending {
  api *api;
  http_request *request; /* NULL: gone */
};

/* ---- room for what is being sent ---- */

/* The context of a request whose body goes to the disk. */
struct sender {
  struct caller caller; /* first: others see no more of it */
  api *api;
  int64_t bytes; /* that it may send yet */
};

static void sender_free(void *context) {
  struct sender *s = context;
  s->api->incoming_bytes -= s->bytes;
  free(s);
}

struct caller *upload_sender(api *a, http_request *r) {
  struct sender *s = mem_zalloc(sizeof *s);
  s->api = a;
  http_set_context(r, s, sender_free);
  return &s->caller;
}

err *upload_take(api *a, http_request *r, const char *ending) {
  struct sender *s = http_context(r);
  long long told;
  int64_t room = 0;
  TRY(core_disk_admits_source(a->parts.core, &room)); /* before the client sends it all */
  room -= a->incoming_bytes;
  int64_t limit = room < a->upload_limit_bytes ? room : a->upload_limit_bytes;
  if (limit <= 0) return err_new(ERR_BUSY, "what others are sending takes the room that the disk has: try again");
  s->bytes = str_to_int(http_header(r, "Content-Length"), 0, limit, &told) ? told : limit;
  a->incoming_bytes += s->bytes;
  auto_free char *name = secret_random_hex(16);
  auto_free char *path = str_format("%s/%s.%s", a->upload_dir, name, ending);
  return http_body_to_file(r, path, limit);
}

/* ---- code ---- */

static err *begin(api *a, http_request *r) {
  struct caller *caller = upload_sender(a, r);
  TRY(auth_caller(a, r, caller));
  TRY(access_environment(a, caller, http_param(r, "environment"), WORKSPACE_MEMBER));
  TRY(audit_accepted(a, caller, "upload", http_param(r, "environment"),
                     json_pack("{s:s?}", "serviceId", http_query(r, "serviceId"))));
  return upload_take(a, r, "tar.gz");
}

void handle_upload_begin(http_request *r, void *api_) {
  err *e = begin(api_, r);
  if (e) http_respond_err(r, e);
}

static err *answer(api *a, const char *deployment_id, json_t **ret_body) {
  auto_deployment d = {0};
  auto_domain_list domains = {0};
  TRY(deployment_get(a->parts.db, deployment_id, &d));
  TRY(domain_list_by_instance(a->parts.db, d.service_instance_id, &domains));
  auto_free char *url = str_format("%s/project/%s/service/%s?environmentId=%s&id=%s", a->public_url,
                                   d.project_id, d.service_id, d.environment_id, d.id);
  *ret_body = json_pack("{s:s, s:s, s:s, s:s?}", "deploymentId", d.id, "url", url, "logsUrl", url,
                        "deploymentDomain", domains.len ? domains.items[0].host : NULL);
  return NULL;
}

static void on_deployed(void *arg, err *e, const char *deployment_id) {
  struct pending *p = arg;
  json_t *body = NULL;
  if (!e) e = answer(p->api, deployment_id, &body);
  if (!p->request) {
    err_free(e); /* nobody is left to tell; the deployment goes on, or nothing was made */
  } else {
    http_on_abort(p->request, NULL, NULL);
    if (e)
      http_respond_err(p->request, e);
    else
      http_respond_json(p->request, 200, body);
  }
  json_decref(body);
  free(p);
}

static void on_gone(void *arg) {
  ((struct pending *)arg)->request = NULL;
}

void handle_upload(http_request *r, void *api_) {
  api *a = api_;
  const struct caller *caller = http_context(r);
  struct pending *p = mem_zalloc(sizeof *p);
  *p = (struct pending){a, r};
  struct core_upload upload = {.project_id = http_param(r, "project"),
                               .environment_id = http_param(r, "environment"),
                               .service_id = http_query(r, "serviceId"),
                               .archive_path = http_body_path(r),
                               .message = http_query(r, "message"),
                               .user_id = caller->user_id};
  http_on_abort(r, on_gone, p);
  core_deploy_upload(a->parts.core, &upload, on_deployed, p);
}
