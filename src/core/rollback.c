/* Going back to an earlier release: its image, settings and variables are the new deployment's own; its
 * routes are laid over the service's domains for as long as the rollback serves.
 *
 * - A domain that was there then leads to the port of then, until somebody sets its port anew or
 *   another deployment takes over: as with variables, what the service is set to is not changed.
 * - A domain that was deleted since comes back when the rollback goes live, if nobody has it now.
 * - A domain that was added since stays; where its port is one that nothing listened on then, it leads to
 *   the app's own port meanwhile.
 * The deployment's log says all of that. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/internal.h"
#include "core/release.h"
#include "store/artifact.h"
#include "store/deployment.h"
#include "store/domain.h"
#include "store/release.h"
#include "store/service.h"

/* ---- the routes of then ---- */

struct then {
  struct release release;
  struct deployment deployment; /* whose release it is */
};

static void then_done(struct then *then) {
  release_done(&then->release);
  deployment_done(&then->deployment);
}
#define auto_then __attribute__((cleanup(then_done))) struct then

/* What the deployment goes back to; not found for one that is no rollback.  Once it was live, its own
 * release says the same, even when the deployment that it copies is deleted. */
static err *find_then(core *c, const struct deployment *d, bool *ret_found, struct then *then) {
  *ret_found = false;
  if (d->cause != DEPLOYMENT_CAUSE_ROLLBACK) return NULL;
  TRY(release_find(c->db, d->id, ret_found, &then->release));
  if (!*ret_found) TRY(release_find(c->db, d->source_deployment_id, ret_found, &then->release));
  return *ret_found ? deployment_get(c->db, then->release.deployment_id, &then->deployment) : NULL;
}

static bool listened_on(const struct deployment *d, int port) {
  size_t i;
  const json_t *socket;
  json_array_foreach(d->sockets, i, socket) if (json_get_int(socket, "port", 0) == port) return true;
  return !json_array_size(d->sockets); /* not known */
}

static struct domain *domain_of_host(const struct domain_list *list, const char *host) {
  for (size_t i = 0; i < list->len; i++)
    if (str_eq(list->items[i].host, host)) return &list->items[i];
  return NULL;
}

static struct domain *append(struct domain_list *list) {
  list->items = mem_realloc_array(list->items, list->len + 1, sizeof *list->items);
  struct domain *domain = &list->items[list->len++];
  *domain = (struct domain){0};
  return domain;
}

static err *append_returning(core *c, const struct deployment *d, const json_t *route, struct domain_list *list) {
  const char *host = json_get_text(route, "host");
  bool taken = false;
  enum domain_kind kind;
  TRY(domain_host_exists(c->db, host, &taken));
  TRY(domain_kind_parse(json_get_text(route, "kind"), &kind));
  if (taken) return NULL;
  struct domain *domain = append(list);
  domain->kind = kind;
  domain->host = str_dup(host);
  domain->suffix = str_dup(json_get_text(route, "suffix"));
  domain->target_port = (int)json_get_int(route, "targetPort", 0);
  domain->sync_status = SYNC_ACTIVE;
  id_copy(domain->project_id, d->project_id);
  id_copy(domain->environment_id, d->environment_id);
  id_copy(domain->service_id, d->service_id);
  id_copy(domain->service_instance_id, d->service_instance_id);
  return NULL;
}

/* The domains of then first, in the order of then: the first one is RAILWAY_PUBLIC_DOMAIN. */
static err *lay_over(core *c, const struct deployment *d, const struct then *then,
                     const struct domain_list *now, struct domain_list *list) {
  bool returning = !deployment_status_is_active(d->status);
  size_t i;
  const json_t *route;
  json_array_foreach(then->release.routes, i, route) {
    const struct domain *present = domain_of_host(now, json_get_text(route, "host"));
    if (present) {
      struct domain *copy = append(list);
      domain_copy(present, copy);
      if (present->updated_us <= d->created_us) copy->target_port = (int)json_get_int(route, "targetPort", 0);
    } else if (returning) {
      TRY(append_returning(c, d, route, list));
    }
  }
  for (i = 0; i < now->len; i++) {
    const struct domain *added = &now->items[i];
    if (domain_of_host(list, added->host)) continue;
    struct domain *copy = append(list);
    domain_copy(added, copy);
    if (added->updated_us <= d->created_us && !listened_on(&then->deployment, added->target_port)) copy->target_port = 0;
  }
  return NULL;
}

err *rollback_domains(core *c, const struct deployment *d, struct domain_list *ret_list) {
  auto_domain_list now = {0}, list = {0};
  auto_then then = {0};
  bool found = false;
  TRY(domain_list_by_instance(c->db, d->service_instance_id, &now));
  TRY(find_then(c, d, &found, &then));
  if (found) TRY(lay_over(c, d, &then, &now, &list));
  *ret_list = found ? list : now;
  *(found ? &list : &now) = (struct domain_list){0};
  return NULL;
}

static bool was_there(const struct release *then, const char *host) {
  size_t i;
  const json_t *route;
  json_array_foreach(then->routes, i, route) if (str_eq(json_get_text(route, "host"), host)) return true;
  return false;
}

static void say_what_is_taken(const struct release *then, const struct domain_list *list, struct strv *lines) {
  size_t i;
  const json_t *route;
  json_array_foreach(then->routes, i, route) {
    const char *host = json_get_text(route, "host");
    if (!domain_of_host(list, host))
      strv_addf(lines, "Domain %s was this service's then, but another has it now: it stays there", host);
  }
}

err *rollback_return_hosts(core *c, const struct deployment *d, struct strv *ret_lines) {
  auto_domain_list list = {0};
  auto_then then = {0};
  bool found = false;
  TRY(find_then(c, d, &found, &then));
  if (!found) return NULL;
  TRY(rollback_domains(c, d, &list));
  for (size_t i = 0; i < list.len; i++) {
    struct domain *domain = &list.items[i];
    if (!was_there(&then.release, domain->host))
      strv_addf(ret_lines, "Domain %s was added since: it stays%s", domain->host,
                domain->target_port ? "" : ", and leads to the app's own port");
    if (*domain->id) continue;
    TRY(domain_insert(c->db, domain));
    strv_addf(ret_lines, "Domain %s was deleted since: it is back", domain->host);
  }
  say_what_is_taken(&then.release, &list, ret_lines);
  return NULL;
}

/* ---- asking for it ---- */

/* *ret_why is NULL when it can be gone back to. */
static err *obstacle(core *c, const struct deployment *d, const char **ret_why) {
  auto_image image = {0};
  bool was_live = false, kept = false;
  TRY(release_exists(c->db, d->id, &was_live));
  if (*d->image_id) TRY(image_get(c->db, d->image_id, &image));
  TRY(image_index_has(c->images, image.digest, &kept));
  *ret_why = deployment_status_is_active(d->status) ? "it is the live one; `tram restart` restarts it"
             : !was_live                            ? "it never was live; `tram redeploy` tries it again"
             : !kept ? "its image is no longer kept; `tram redeploy` builds it again"
                     : NULL;
  return NULL;
}

bool core_can_rollback(core *c, const struct deployment *d) {
  const char *why = "";
  auto_err *e = obstacle(c, d, &why);
  return !e && !why;
}

err *core_rollback(core *c, const char *id, const char *user_id, char ret_id[ID_SIZE]) {
  auto_deployment d = {0};
  auto_service_instance instance = {0};
  const char *why = NULL;
  TRY(deployment_get(c->db, id, &d));
  TRY(service_instance_get(c->db, d.service_instance_id, &instance));
  TRY(obstacle(c, &d, &why));
  if (why) return err_new(ERR_CONFLICT, "deployment %s cannot be rolled back to: %s", id, why);
  struct deployment_request request = {.cause = DEPLOYMENT_CAUSE_ROLLBACK, .template = &d,
                                       .snapshot_id = d.snapshot_id, .image_id = d.image_id,
                                       .message = d.message, .user_id = user_id};
  return create_deployment(c, &instance, &request, ret_id);
}
