#include "core/duplicate.h"

#include <string.h>

#include "base/mem.h"
#include "core/bucket_private.h"
#include "core/volume_private.h"
#include "store/db.h"
#include "store/domain.h"
#include "store/project.h"
#include "store/service.h"
#include "store/variable.h"

enum { COPIES_MAX = 100 }; /* of one service */

err *add_instance(core *c, const struct service *s, const char *environment_id,
                  const struct service_settings *settings, struct service_instance *ret_instance) {
  struct service_instance *i = ret_instance;
  id_copy(i->project_id, s->project_id);
  id_copy(i->service_id, s->id);
  id_copy(i->environment_id, environment_id);
  if (settings)
    service_settings_copy(settings, &i->settings);
  else
    service_settings_init(&i->settings);
  return service_instance_insert(c->db, i);
}

/* As a row of its own. */
static err *set_copy(core *c, struct variable *v) {
  v->id[0] = '\0';
  v->created_us = v->updated_us = 0;
  return variable_set(c->db, v);
}

static err *copy_variables(core *c, const char *from_id, const struct environment *to) {
  auto_variable_list list = {0};
  TRY(variable_list_by_environment(c->db, from_id, &list));
  for (size_t n = 0; n < list.len; n++) {
    if (list.items[n].is_sealed) continue; /* write-only: not even we hand them on (reference 2.2) */
    id_copy(list.items[n].environment_id, to->id);
    TRY(set_copy(c, &list.items[n]));
  }
  return NULL;
}

err *duplicate_variables(core *c, const struct service_instance *from, const char *service_id, bool with_sealed) {
  auto_variable_list list = {0};
  TRY(variable_list(c->db, from->environment_id, from->service_id, &list));
  for (size_t n = 0; n < list.len; n++) {
    if (list.items[n].is_sealed && !with_sealed) continue;
    id_copy(list.items[n].service_id, service_id);
    TRY(set_copy(c, &list.items[n]));
  }
  return NULL;
}

/* A generated domain for a generated one.  Custom ones lead to one place only. */
static err *copy_domain(core *c, const struct service_instance *from, const struct service_instance *to) {
  auto_domain_list list = {0};
  auto_domain made = {0};
  TRY(domain_list_by_instance(c->db, from->id, &list));
  for (size_t n = 0; n < list.len; n++)
    if (list.items[n].kind == DOMAIN_SERVICE) return core_domain_create(c, to, list.items[n].target_port, &made);
  return NULL;
}

static err *copy_instance(core *c, const struct duplication *how, const struct service *s,
                          const struct environment *to) {
  auto_service_instance source = {0}, made = {0};
  bool found = false;
  if (!str_empty(how->source_id)) TRY(service_instance_find(c->db, s->id, how->source_id, &found, &source));
  if (!found && !str_empty(how->source_id)) return NULL; /* it is not in the source either */
  if (found && how->adapt) how->adapt(how->arg, &source.settings);
  TRY(add_instance(c, s, to->id, found ? &source.settings : NULL, &made));
  if (!found) return NULL;
  TRY(volume_duplicate(c, &source, &made, NULL));
  return copy_domain(c, &source, &made);
}

static err *copy_all(core *c, const struct duplication *how, const struct environment *to) {
  auto_service_list services = {0};
  TRY(service_list_by_project(c->db, how->project_id, NULL, &services));
  for (size_t n = services.len; n-- > 0;) TRY(copy_instance(c, how, &services.items[n], to));
  if (!str_empty(how->source_id)) TRY(buckets_duplicate(c, how->source_id, to->id));
  return str_empty(how->source_id) || how->without_variables ? NULL : copy_variables(c, how->source_id, to);
}

static err *insert(core *c, const struct duplication *how, struct environment *made) {
  auto_db_transaction t = {0};
  TRY(db_begin(c->db, &t));
  TRY(environment_insert(c->db, made));
  TRY(copy_all(c, how, made));
  return db_commit(&t);
}

static err *check_source(core *c, const struct duplication *how) {
  auto_environment source = {0};
  if (str_empty(how->source_id)) return NULL;
  TRY(environment_get(c->db, how->source_id, &source));
  return str_eq(source.project_id, how->project_id)
             ? NULL
             : err_new(ERR_NOT_FOUND, "the environment to duplicate is not in this project");
}

err *duplicate_environment(core *c, const struct duplication *how, struct environment *ret_environment) {
  TRY(environment_name_check(how->name));
  TRY(check_source(c, how));
  struct environment made = {.name = str_dup(how->name), .is_ephemeral = how->is_ephemeral};
  made.meta = how->meta ? json_deep_copy(how->meta) : NULL;
  id_copy(made.project_id, how->project_id);
  id_copy(made.source_environment_id, how->source_id);
  err *e = insert(c, how, &made);
  if (e) {
    environment_done(&made);
    return e;
  }
  *ret_environment = made;
  volumes_wake(c);
  return NULL;
}

err *core_environment_create(core *c, const char *project_id, const char *name, const char *source_id,
                             bool ephemeral, struct environment *ret_environment) {
  struct duplication how = {.project_id = project_id, .name = name, .source_id = source_id,
                            .is_ephemeral = ephemeral};
  return duplicate_environment(c, &how, ret_environment);
}

/* ---- a service ---- */

/* So much of a name that "-copy-100" can follow; whole characters. */
static char *name_with_room(const char *name) {
  size_t len = 0;
  for (size_t chars = 0; name[len] && chars < SERVICE_NAME_MAX - strlen("-copy-100"); chars++)
    do len++;
    while (((unsigned char)name[len] & 0xc0) == 0x80); /* the rest of a character of UTF-8 */
  return str_ndup(name, len);
}

/* "api-copy", "api-copy-2" … */
static err *take_free_name(core *c, const char *name, struct service *s) {
  auto_free char *stem = name_with_room(name);
  for (int n = 1; n <= COPIES_MAX; n++) {
    auto_free char *wanted = n == 1 ? str_format("%s-copy", stem) : str_format("%s-copy-%d", stem, n);
    auto_service taken = {0};
    bool found = false;
    TRY(service_set_name(s, wanted));
    TRY(service_find_by_label(c->db, s->project_id, s->label, &found, &taken));
    if (!found) return NULL;
  }
  return err_new(ERR_LIMIT, "there are %d copies of '%s' already", COPIES_MAX, name);
}

static err *insert_service_copy(core *c, const struct service_instance *source, struct service *s) {
  auto_service original = {0};
  auto_service_instance made = {0};
  auto_db_transaction t = {0};
  TRY(db_begin(c->db, &t));
  TRY(service_get(c->db, source->service_id, &original));
  TRY(take_free_name(c, original.name, s));
  str_replace_owned(&s->icon, original.icon);
  TRY(service_insert(c->db, s));
  TRY(add_instance(c, s, source->environment_id, &source->settings, &made));
  TRY(duplicate_variables(c, source, s->id, false));
  auto_free char *stem = str_format("%s-volume", s->label);
  TRY(volume_duplicate(c, source, &made, stem));
  return db_commit(&t);
}

err *core_service_duplicate(core *c, const struct service_instance *source, struct service *ret_service) {
  struct service s = {0};
  id_copy(s.project_id, source->project_id);
  err *e = insert_service_copy(c, source, &s);
  if (e) {
    service_done(&s);
    return e;
  }
  *ret_service = s;
  volumes_wake(c);
  return NULL;
}
