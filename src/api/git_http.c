/* Git over HTTP, to push: /git/<project>.git and /git/<project>/<service>.git (gitprotocol-http(5), the
 * smart kind).  The password is a token; the user's name is whatever git sends. */
#include <openssl/evp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/git.h"
#include "api/git_path.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "loop/spawn.h"
#include "store/project.h"
#include "store/service.h"

/* Of a body that is larger than it may be so much more is read and thrown away, so that git hears why. */
enum { DROP_TIMES = 4, COMMANDS_BYTES = 1024 * 1024 };

struct upload {
  struct git_target target;
  int64_t limit_bytes;
};

/* ---- who ---- */

void git_respond_err(http_request *r, bool knows_caller, err *e) {
  bool ask = err_code_of(e) == ERR_DENIED && !knows_caller;
  int status = ask ? 401 : err_code_http_status(err_code_of(e));
  if (ask) http_add_header(r, "WWW-Authenticate", "Basic realm=\"Tramway\", charset=\"UTF-8\"");
  if (status >= 500) log_error("git", "%s: %s", http_path(r), err_message(e));
  auto_free char *text = str_format("%s\n", err_message(e));
  http_respond_text(r, status, text);
  err_free(e);
}

/* The password of "Basic <base64 of user:password>", which the caller wipes; NULL when there is none. */
static char *password_of(const char *authorization) {
  enum { CODED_MAX = 4096 };
  if (str_empty(authorization) || strncasecmp(authorization, "basic ", 6) != 0) return NULL;
  const char *coded = authorization + 6;
  size_t len = strlen(coded);
  if (len > CODED_MAX || len % 4) return NULL;
  char *text = mem_zalloc(len / 4 * 3 + 1);
  int size = EVP_DecodeBlock((unsigned char *)text, (const unsigned char *)coded, (int)len);
  char *colon = size > 0 ? strchr(text, ':') : NULL;
  char *password = colon && colon[1] ? str_dup(colon + 1) : NULL;
  secret_wipe(text, len / 4 * 3);
  free(text);
  return password;
}

static err *who(api *a, const http_request *r, struct caller *ret_caller) {
  const char *key_id = http_header(r, "tramway-ssh-key");
  if (key_id && ssh_is_helper(a, r)) return ssh_caller_of_key(a, key_id, ret_caller);
  auto_free char *password = password_of(http_header(r, "authorization"));
  err *e = password ? auth_caller_of_secret(a, r, password, ret_caller) : auth_caller(a, r, ret_caller);
  if (password) secret_wipe(password, strlen(password));
  if (!e && ret_caller->kind == CALLER_NOBODY)
    e = err_new(ERR_DENIED, "Give a token as password: an account's (`tram token create`) or a project's. "
                            "The user name does not matter.");
  return e;
}

/* ---- where ---- */

static bool is_called(const char *asked, const char *id, const char *name) {
  auto_free char *asked_label = label_from_name(asked), *label = label_from_name(name);
  return str_eq(asked, id) || str_eq(asked, name) || (*label && str_eq(asked_label, label));
}

/* An exact name or id goes before one that only has the same label. */
static err *choose_project(const struct project_list *list, const char *asked, char ret_id[ID_SIZE]) {
  size_t found = 0, exact = 0;
  for (size_t i = 0; i < list->len; i++) {
    const struct project *p = &list->items[i];
    bool is_exact = str_eq(asked, p->id) || str_eq(asked, p->name);
    if (!is_called(asked, p->id, p->name) || (exact && !is_exact)) continue;
    if (is_exact && !exact++) found = 0;
    found++;
    id_copy(ret_id, p->id);
  }
  if (found == 1) return NULL;
  if (found)
    return err_new(ERR_CONFLICT, "%zu projects are called '%s': use the project's id instead of its name "
                                 "(`tram status --json`)", found, asked);
  return err_new(ERR_NOT_FOUND, "there is no project '%s' that this token reaches (`tram list` shows them; "
                                "`tram init` makes one)", asked);
}

static err *reachable_projects(api *a, const struct caller *caller, struct project_list *ret_list) {
  if (caller->kind == CALLER_PROJECT) {
    struct project only = {0};
    TRY(project_get(a->parts.db, caller->project_id, &only));
    ret_list->items = mem_zalloc(sizeof *ret_list->items);
    ret_list->items[0] = only;
    ret_list->len = 1;
    return NULL;
  }
  if (*caller->workspace_id) return project_list_by_workspace(a->parts.db, caller->workspace_id, NULL, ret_list);
  return project_list_by_user(a->parts.db, caller->user_id, NULL, ret_list);
}

static err *find_service(api *a, const char *project_id, const char *asked, char ret_id[ID_SIZE]) {
  auto_service_list list = {0};
  auto_strv names = STRV_EMPTY;
  TRY(service_list_by_project(a->parts.db, project_id, NULL, &list));
  for (size_t i = 0; i < list.len; i++) {
    strv_add(&names, list.items[i].name);
    if (!is_called(asked, list.items[i].id, list.items[i].name)) continue;
    id_copy(ret_id, list.items[i].id);
    return NULL;
  }
  auto_free char *all = strv_join(&names, ", ");
  return err_new(ERR_NOT_FOUND, "the project has no service '%s'%s%s", asked, names.len ? "; it has: " : "", all);
}

static err *find_target(api *a, const struct caller *caller, const struct git_path *path,
                        struct git_target *target) {
  auto_project_list projects = {0};
  TRY(reachable_projects(a, caller, &projects));
  TRY(choose_project(&projects, path->project, target->project_id));
  id_copy(target->user_id, caller->user_id);
  if (caller->kind == CALLER_PROJECT) {
    id_copy(target->environment_id, caller->environment_id);
    TRY(access_environment(a, caller, caller->environment_id, WORKSPACE_DEPLOYER));
    target->reads_logs = true;
  } else {
    TRY(access_project(a, caller, target->project_id, WORKSPACE_DEPLOYER));
    auto_err *no_logs = access_project(a, caller, target->project_id, WORKSPACE_MEMBER);
    target->reads_logs = !no_logs;
  }
  return *path->service ? find_service(a, target->project_id, path->service, target->service_id) : NULL;
}

/* Everything that is decided before git runs. */
static err *admit(api *a, const http_request *r, bool *ret_knows_caller, enum git_service *ret_asked,
                  struct git_target *ret_target) {
  auto_git_path path = {0};
  struct caller caller = {0};
  TRY(who(a, r, &caller));
  *ret_knows_caller = true;
  TRY(git_path_parse(http_param(r, "path"), &path));
  const char *service = http_query(r, "service");
  bool reads = path.asked == GIT_SERVICE_UPLOAD_PACK ||
               (path.asked == GIT_SERVICE_REFS && !str_eq(service, "git-receive-pack"));
  if (reads)
    return err_new(ERR_DENIED, "This repository is there to be pushed to: clone and fetch from where the code lives.");
  *ret_asked = path.asked;
  TRY(find_target(a, &caller, &path, ret_target));
  if (path.asked != GIT_SERVICE_RECEIVE_PACK) return NULL;
  const char *environment_id = *ret_target->environment_id ? ret_target->environment_id : NULL;
  return audit_accepted(a, &caller, "push", environment_id,
                        json_pack("{s:s, s:s}", "projectId", ret_target->project_id, "serviceId", ret_target->service_id));
}

/* ---- what there is ---- */

struct advertising {
  http_request *request; /* NULL: gone */
  spawn *child;
};

static void on_advertised(void *arg, const struct spawn_result *result) {
  struct advertising *ad = arg;
  static const struct http_header headers[] = {{"Content-Type", GIT_ADVERTISEMENT_TYPE},
                                               {"Cache-Control", "no-cache"}, {0}};
  err *e = spawn_result_err(result);
  if (!e && result->truncated) e = err_new(ERR_LIMIT, "the repository has too many branches and tags");
  auto_str body = STR_EMPTY;
  static const char service[] = "# service=git-receive-pack\n";
  pkt_line_add(&body, service, sizeof service - 1);
  pkt_line_add_flush(&body);
  str_add_bytes(&body, result->output, result->output_len);
  if (!ad->request)
    err_free(e);
  else if (e)
    git_respond_err(ad->request, true, e);
  else
    http_respond(ad->request, 200, headers, body.data, body.len);
  free(ad);
}

static void on_gone(void *arg) {
  struct advertising *ad = arg;
  ad->request = NULL;
  spawn_kill(ad->child, SIGKILL);
}

static err *advertise(api *a, http_request *r, const struct git_target *target) {
  struct core_push push = git_push_of(target);
  struct advertising *ad = mem_zalloc(sizeof *ad);
  ad->request = r;
  err *e = pushed_advertise(core_pushed_repos(a->parts.core), core_push_repository(&push), on_advertised, ad,
                            &ad->child);
  if (e)
    free(ad);
  else
    http_on_abort(r, on_gone, ad);
  return e;
}

void handle_git_get(http_request *r, void *api_) {
  api *a = api_;
  bool knows_caller = false;
  enum git_service asked = GIT_SERVICE_REFS;
  struct git_target target = {0};
  err *e = admit(a, r, &knows_caller, &asked, &target);
  if (!e && asked != GIT_SERVICE_REFS) e = err_new(ERR_NOT_FOUND, "git asks for nothing at this path");
  if (!e) e = advertise(a, r, &target);
  if (e) git_respond_err(r, knows_caller, e);
}

/* ---- a push ---- */

static err *begin_push(api *a, http_request *r, bool *ret_knows_caller) {
  enum git_service asked = GIT_SERVICE_REFS;
  struct upload *u = mem_zalloc(sizeof *u);
  http_set_context(r, u, free);
  TRY(admit(a, r, ret_knows_caller, &asked, &u->target));
  if (asked != GIT_SERVICE_RECEIVE_PACK) return err_new(ERR_NOT_FOUND, "git asks for nothing at this path");
  TRY(core_disk_admits_source(a->parts.core, &u->limit_bytes)); /* before the client sends it all */
  if (u->limit_bytes > a->upload_limit_bytes) u->limit_bytes = a->upload_limit_bytes;
  auto_free char *name = secret_random_hex(16);
  auto_free char *path = str_format("%s/%s.push", a->upload_dir, name);
  /* More than git takes, so that git is who refuses it. */
  TRY(http_body_to_file(r, path, u->limit_bytes + COMMANDS_BYTES));
  http_body_drop_beyond(r, u->limit_bytes * DROP_TIMES);
  return NULL;
}

void handle_git_begin(http_request *r, void *api_) {
  bool knows_caller = false;
  err *e = begin_push(api_, r, &knows_caller);
  if (e) git_respond_err(r, knows_caller, e);
}

void handle_git_post(http_request *r, void *api_) {
  const struct upload *u = http_context(r);
  struct git_target target = u->target;
  git_push_start(api_, r, &target, http_body_path(r), u->limit_bytes);
}
