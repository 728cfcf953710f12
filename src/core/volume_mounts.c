/* Which volume a deployment mounts, and where. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "core/volume_private.h"
#include "store/deployment.h"
#include "store/release.h"
#include "store/volume.h"

void mount_done(struct mount *m) {
  volume_instance_done(&m->volume);
  free(m->name);
  free(m->path);
  *m = (struct mount){0};
}

/* A service has at most one. */
static const json_t *of_release(const struct release *r) {
  return json_array_get(r->volumes, 0);
}

static err *present_mount(core *c, const char *service_id, const char *environment_id, bool *ret_found,
                          struct mount *m) {
  auto_volume volume = {0};
  TRY(volume_instance_find_by_service(c->db, service_id, environment_id, ret_found, &m->volume));
  if (!*ret_found) return NULL;
  TRY(volume_get(c->db, m->volume.volume_id, &volume));
  m->name = str_dup(volume.name);
  m->path = str_dup(m->volume.mount_path);
  return NULL;
}

/* A rollback has the same volume where it was then: the image of then looks for it there.  Its data are those of now. */
static err *place_of_then(core *c, const struct deployment *d, struct mount *m) {
  auto_release then = {0};
  bool found = false;
  if (d->cause != DEPLOYMENT_CAUSE_ROLLBACK || !*d->source_deployment_id) return NULL;
  TRY(release_find(c->db, d->source_deployment_id, &found, &then));
  const json_t *facts = found ? of_release(&then) : NULL;
  if (!str_eq(json_get_text(facts, "id"), m->volume.id)) return NULL;
  str_replace_owned(&m->path, json_get_text(facts, "mountPath"));
  str_replace_owned(&m->name, json_get_text(facts, "name"));
  return NULL;
}

/* Its own record: what runs is not changed by what is attached elsewhere since. */
static err *recorded_mount(core *c, const struct deployment *d, const json_t *facts, struct mount *m) {
  const char *id = json_get_text(facts, "id");
  err *gone = volume_instance_get(c->db, id, &m->volume);
  if (gone && err_code_of(gone) != ERR_NOT_FOUND) return gone;
  err_free(gone);
  if (gone || (*m->volume.service_id && !str_eq(m->volume.service_id, d->service_id)))
    return err_new(ERR_CONFLICT, "its volume '%s' %s: deploy the service again", json_get_text(facts, "name"),
                   gone ? "was deleted" : "is attached to another service now");
  m->name = str_dup(json_get_text(facts, "name"));
  m->path = str_dup(json_get_text(facts, "mountPath"));
  return NULL;
}

static err *find(core *c, const struct deployment *d, bool *ret_found, struct mount *m) {
  auto_release own = {0};
  bool was_live = false;
  TRY(release_find(c->db, d->id, &was_live, &own));
  if (was_live) {
    *ret_found = of_release(&own) != NULL;
    return *ret_found ? recorded_mount(c, d, of_release(&own), m) : NULL;
  }
  TRY(present_mount(c, d->service_id, d->environment_id, ret_found, m));
  return *ret_found ? place_of_then(c, d, m) : NULL;
}

err *mount_of_deployment(core *c, const struct deployment *d, bool *ret_found, struct mount *ret_mount) {
  auto_mount m = {0};
  TRY(find(c, d, ret_found, &m));
  if (!*ret_found) return NULL;
  *ret_mount = m;
  m = (struct mount){0};
  return NULL;
}

err *mount_to_tell(core *c, const struct deployment *d, const char *service_id, const char *environment_id,
                   bool *ret_found, struct mount *ret_mount) {
  if (!d) return present_mount(c, service_id, environment_id, ret_found, ret_mount);
  err *gone = mount_of_deployment(c, d, ret_found, ret_mount);
  if (!gone || err_code_of(gone) != ERR_CONFLICT) return gone;
  err_free(gone);
  *ret_found = false;
  return NULL;
}

err *mount_check(const struct deployment *d, const struct mount *m, bool found) {
  const struct service_settings *s = &d->settings;
  auto_free char *required = NULL;
  if (found && s->num_replicas > 1)
    return err_new(ERR_CONFLICT, "a service with a volume has one replica, and %lld are set: scale it down, or detach "
                                 "the volume '%s'", (long long)s->num_replicas, m->name);
  if (str_empty(s->required_mount_path)) return NULL;
  TRY(err_wrap(volume_mount_path(s->required_mount_path, &required), "deploy.requiredMountPath"));
  if (found && str_eq(required, m->path)) return NULL;
  return err_new(ERR_CONFLICT, "deploy.requiredMountPath asks for a volume at %s, and the service has %s%s: "
                               "`tram volume add -m %s` makes one", required, found ? "one at " : "none",
                 found ? m->path : "", required);
}

json_t *mount_facts(const struct mount *m, bool found) {
  if (!found) return json_array();
  return json_pack("[{s:s, s:s, s:s}]", "id", m->volume.id, "name", m->name, "mountPath", m->path);
}
