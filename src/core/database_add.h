/* Databases in one call: a template of the catalogue, and a reference variable in who shall use it. */
#ifndef TRAMWAY_CORE_DATABASE_ADD_H
#define TRAMWAY_CORE_DATABASE_ADD_H

#include "core/core.h"
#include "model/database.h"

struct core_database_link {
  const char *service_id; /* whose variable it becomes; NULL or "": nobody's */
  const char *variable;   /* NULL: the kind's own, as "DATABASE_URL" */
  bool overwrite;         /* a variable of that name that says something else */
};

struct core_database_add {
  const char *environment_id;
  const char *code;  /* of the template: "postgres" */
  const char *name;  /* of the service; NULL: the template's */
  const char *image; /* in the place of the template's, of the same kind; NULL */
  int64_t size_mb;   /* of its volume; 0: the installation's default */
  struct core_database_link link;
  const char *user_id; /* "" for a project token */
};

struct core_database_added {
  char patch_id[ID_SIZE], service_id[ID_SIZE];
  enum database_kind kind;
  char *name, *image;
};
void core_database_added_done(struct core_database_added *added);
#define auto_core_database_added __attribute__((cleanup(core_database_added_done))) struct core_database_added

/* Service, volume, variables and the link in one transaction, or nothing; then deployed.  ERR_NOT_FOUND: the template, or
 * the service to link to; ERR_INVALID: it is no database's template, or the image another kind's; ERR_CONFLICT: the variable says something else. */
fallible core_database_add(core *c, const struct core_database_add *request, struct core_database_added *ret_added);

/* Sets the variable of `link` to "${{<database>.<its URL>}}"; who has it is deployed again, if deployed.  Gives the
 * name of the variable, which the caller owns. */
fallible core_database_link(core *c, const char *environment_id, const char *database_service_id,
                            const struct core_database_link *link, const char *user_id, char **ret_variable);

#endif
