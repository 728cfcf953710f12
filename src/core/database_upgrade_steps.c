#include "core/database_upgrade_steps.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "build/reference.h"
#include "build/server_release.h"
#include "core/backup.h"
#include "core/duplicate.h"
#include "core/staged.h"
#include "core/volume_private.h"
#include "model/database.h"
#include "store/database_upgrade.h"
#include "store/service.h"
#include "store/variable.h"
#include "store/volume.h"

/* ---- what may be done ---- */

static err *check_version(const char *version) {
  size_t len = strlen(version);
  return len > 0 && len <= 2 && strspn(version, "0123456789") == len
             ? NULL
             : err_new(ERR_INVALID, "'%.20s' is no major version of Postgres, such as 17", version);
}

/* "tramway/postgres:17" */
static err *find_image(const char *image, const char *version, char **ret_image) {
  struct reference reference = {0};
  auto_free char *caution = NULL;
  TRY(reference_parse(image, &reference));
  const char *slash = strrchr(reference.repository, '/');
  auto_free char *product = str_dup(slash ? slash + 1 : reference.repository);
  bool is_newer = !isdigit((unsigned char)*reference.tag) || atoi(reference.tag) < atoi(version);
  reference_done(&reference);
  if (!is_newer) return err_new(ERR_INVALID, "the database runs '%s' already: Postgres %s is no newer one", image, version);
  if (!server_release_find(product, version, &caution)) {
    auto_free char *there_are = server_release_list(product);
    return err_new(ERR_INVALID, "Tramway has no image of '%s' with version %s; it can make %s", product, version,
                   there_are ? there_are : "none of it");
  }
  *ret_image = str_format("tramway/%s:%s", product, version);
  return NULL;
}

err *upgrade_check(core *c, const char *version, struct database_upgrade *u) {
  auto_service_instance instance = {0};
  auto_volume_instance v = {0};
  auto_variable url = {0};
  bool found = false;
  TRY(check_version(version));
  TRY(service_instance_find(c->db, u->service_id, u->environment_id, &found, &instance));
  if (!found) return err_new(ERR_NOT_FOUND, "there is no such service in this environment");
  if (database_kind_of_image(instance.settings.source_image) != DATABASE_POSTGRES)
    return err_new(ERR_INVALID, "only a Postgres can be upgraded this way");
  TRY(find_image(instance.settings.source_image, version, &u->image));
  TRY(variable_find(c->db, u->environment_id, u->service_id, "DATABASE_URL", &found, &url));
  if (!found) return err_new(ERR_INVALID, "the database has no variable DATABASE_URL, by which it would be read");
  TRY(volume_instance_find_by_service(c->db, u->service_id, u->environment_id, &found, &v));
  if (!found) return err_new(ERR_CONFLICT, "the database has no volume");
  id_copy(u->former_volume_id, v.id);
  u->former_image = str_dup(instance.settings.source_image);
  return NULL;
}

/* ---- the service beside it ---- */

static err *name_sibling(core *c, const struct service *original, const char *version, struct service *s) {
  auto_service taken = {0};
  bool found = false;
  auto_free char *name = str_format("%.*s-%s", SERVICE_NAME_MAX - 3, original->name, version);
  TRY(service_set_name(s, name));
  TRY(service_find_by_label(c->db, s->project_id, s->label, &found, &taken));
  return found ? err_new(ERR_CONFLICT, "the copy's name is taken by the service '%s': rename or delete that", taken.name) : NULL;
}

/* A copy that fails says so: it is not begun again; and however long it takes, it is waited for. */
static void adapt(struct service_settings *s, const char *image) {
  str_replace_owned(&s->source_image, image);
  s->restart_policy = RESTART_NEVER;
  s->healthcheck_timeout_s = HEALTHCHECK_TIMEOUT_S_MAX;
}

static err *set_source(core *c, const struct database_upgrade *u, const struct service *original, const struct service *s) {
  auto_variable v = {.name = str_dup("POSTGRES_COPY_FROM"), .value = str_format("${{%s.DATABASE_URL}}", original->name)};
  id_copy(v.project_id, s->project_id);
  id_copy(v.environment_id, u->environment_id);
  id_copy(v.service_id, s->id);
  return variable_set(c->db, &v);
}

static err *insert_sibling(core *c, const char *version, struct database_upgrade *u, struct service_instance *ret_made) {
  auto_service original = {0}, s = {0};
  auto_service_instance source = {0};
  auto_volume_instance v = {0};
  bool found = false;
  auto_db_transaction t = {0};
  TRY(db_begin(c->db, &t));
  TRY(service_instance_find(c->db, u->service_id, u->environment_id, &found, &source));
  if (!found) return err_new(ERR_CONFLICT, "the database was deleted");
  TRY(service_get(c->db, u->service_id, &original));
  id_copy(s.project_id, original.project_id);
  str_replace_owned(&s.icon, original.icon);
  TRY(name_sibling(c, &original, version, &s));
  TRY(service_insert(c->db, &s));
  auto_service_settings settings = {0};
  service_settings_copy(&source.settings, &settings);
  adapt(&settings, u->image);
  TRY(add_instance(c, &s, u->environment_id, &settings, ret_made));
  TRY(duplicate_variables(c, &source, s.id, true));
  TRY(set_source(c, u, &original, &s));
  auto_free char *stem = str_format("%s-volume", s.label);
  TRY(volume_duplicate(c, &source, ret_made, stem));
  TRY(volume_instance_find_by_service(c->db, s.id, u->environment_id, &found, &v));
  id_copy(u->volume_id, v.id);
  id_copy(u->sibling_id, s.id);
  TRY(database_upgrade_update(c->db, u, clock_now_us()));
  return db_commit(&t);
}

err *upgrade_make_sibling(core *c, const char *version, struct database_upgrade *u, const char *user_id) {
  auto_service_instance made = {0};
  char id[ID_SIZE];
  err *e = insert_sibling(c, version, u, &made);
  if (e) {
    u->sibling_id[0] = u->volume_id[0] = '\0';
    return e;
  }
  volumes_wake(c);
  return deploy_instance(c, &made, "Copies a database to a newer version", user_id, id);
}

/* What went to the trash with the sibling is destroyed at once, since it holds nothing that is not elsewhere; but not what
 * the service may have written to. */
static err *drop_volume(core *c, const struct database_upgrade *u) {
  auto_volume_instance v = {0};
  bool was_served = u->status == DATABASE_UPGRADE_SWAPPING;
  err *e = *u->volume_id ? volume_instance_get(c->db, u->volume_id, &v) : NULL;
  if (e && err_code_of(e) == ERR_NOT_FOUND) {
    err_free(e);
    return NULL;
  }
  if (e || !*v.id || *v.service_id || (v.deleted_us && was_served)) return e;
  if (v.deleted_us)
    v.state = VOLUME_DELETING;
  else
    TRY(volume_trash(c, &v));
  TRY(volume_instance_update(c->db, &v, clock_now_us()));
  volumes_wake(c);
  return NULL;
}

err *upgrade_clear(core *c, struct database_upgrade *u) {
  err *e = *u->sibling_id ? core_service_delete(c, u->sibling_id) : NULL;
  if (e && err_code_of(e) != ERR_NOT_FOUND) return e;
  err_free(e);
  TRY(drop_volume(c, u));
  u->sibling_id[0] = '\0';
  return database_upgrade_update(c->db, u, clock_now_us());
}

/* ---- the two sides ---- */

const char *upgrade_message(bool back) {
  return back ? "A database goes back to its former version" : "A database goes to a newer version";
}

static const char *volume_of(const struct database_upgrade *u, bool upgraded) {
  return upgraded ? u->volume_id : u->former_volume_id;
}

static const char *image_of(const struct database_upgrade *u, bool upgraded) {
  return upgraded ? u->image : u->former_image;
}

/* The service's image, and its volume; id "": it has none. */
static err *load_side(core *c, const struct database_upgrade *u, struct service_instance *ret_instance,
                      struct volume_instance *ret_volume) {
  bool found = false, has = false;
  TRY(service_instance_find(c->db, u->service_id, u->environment_id, &found, ret_instance));
  if (found) TRY(volume_instance_find_by_service(c->db, u->service_id, u->environment_id, &has, ret_volume));
  return NULL;
}

err *upgrade_is_attached(core *c, const struct database_upgrade *u, bool upgraded, bool *ret_is) {
  auto_service_instance instance = {0};
  auto_volume_instance v = {0};
  TRY(load_side(c, u, &instance, &v));
  *ret_is = *v.id && str_eq(v.id, volume_of(u, upgraded)) && str_eq(instance.settings.source_image, image_of(u, upgraded));
  return NULL;
}

err *upgrade_has_image(core *c, const struct database_upgrade *u, bool upgraded, bool *ret_has) {
  auto_service_instance instance = {0};
  auto_volume_instance v = {0};
  TRY(load_side(c, u, &instance, &v));
  *ret_has = (!*v.id || str_eq(v.id, volume_of(u, upgraded))) &&
             str_eq(instance.settings.source_image, image_of(u, upgraded));
  return NULL;
}

err *upgrade_check_former(core *c, const struct database_upgrade *u) {
  auto_volume_instance v = {0};
  err *e = volume_instance_get(c->db, u->former_volume_id, &v);
  if (e && err_code_of(e) == ERR_NOT_FOUND) return err_recode(e, ERR_CONFLICT);
  TRY(e);
  TRY(err_wrap(volume_check_changeable(&v), "its former volume"));
  return *v.service_id ? err_new(ERR_CONFLICT, "its former volume is attached to another service") : NULL;
}

/* {services: {<service>: {source: {image}, volumeMounts: {<its>: null, <to>: {mountPath}}}, <whoever has it>: …}} */
static json_t *patch_of(const struct database_upgrade *u, const struct volume_instance *its, const struct volume_instance *to,
                        const char *image) {
  json_t *mounts = json_pack("{s:{s:s}}", to->volume_id, "mountPath", to->mount_path);
  if (*its->id) json_object_set_new(mounts, its->volume_id, json_null());
  json_t *patch = json_pack("{s:{s:{s:{s:s}, s:o}}}", "services", u->service_id, "source", "image", image, "volumeMounts", mounts);
  if (*to->service_id)
    json_object_set_new(json_object_get(patch, "services"), to->service_id,
                        json_pack("{s:{s:n}}", "volumeMounts", to->volume_id));
  return patch;
}

err *upgrade_attach(core *c, const struct database_upgrade *u, bool upgraded, const char *user_id) {
  auto_service_instance instance = {0};
  auto_volume_instance its = {0}, to = {0};
  bool is_on = false, was_on = false;
  char id[ID_SIZE];
  TRY(upgrade_is_attached(c, u, upgraded, &is_on));
  if (is_on) return NULL;
  TRY(upgrade_has_image(c, u, !upgraded, &was_on));
  TRY(load_side(c, u, &instance, &its));
  if (!was_on)
    return err_new(ERR_CONFLICT, "the database was deleted, or has another volume or another image meanwhile");
  TRY(volume_instance_get(c->db, volume_of(u, upgraded), &to));
  TRY(volume_check_changeable(&to));
  if (*to.service_id && !str_eq(to.service_id, u->sibling_id))
    return err_new(ERR_CONFLICT, "the volume is attached to another service");
  auto_json *patch = patch_of(u, &its, &to, image_of(u, upgraded));
  struct core_patch_commit commit = {.environment_id = u->environment_id, .patch = patch, .user_id = user_id,
                                     .message = upgrade_message(!upgraded), .skip_deploys = true};
  return core_patch_commit(c, &commit, id);
}

err *upgrade_copy_schedule(core *c, const struct database_upgrade *u) {
  auto_backup_schedule schedule = {0};
  err *e = core_backup_schedule(c, u->former_volume_id, &schedule);
  if (!e) e = core_backup_set_schedule(c, u->volume_id, &schedule);
  if (!e || (err_code_of(e) != ERR_NOT_FOUND && err_code_of(e) != ERR_CONFLICT)) return e;
  err_free(e); /* one of them was deleted already */
  return NULL;
}
