/* Table: variables.  A `service_id` of NULL or "" means the shared ones.  Lists are by name. */
#ifndef TRAMWAY_STORE_VARIABLE_H
#define TRAMWAY_STORE_VARIABLE_H

#include "model/variable.h"
#include "store/db.h"

/* Values are encrypted (store/sealed.h); one that cannot be decrypted is ERR_CORRUPT when it is read.
 *
 * variable_set adds it, or gives the one of that name this value, and seals it when `is_sealed` (it
 * never unseals).  Fills id, created_us and updated_us where they are empty; the id and created_us
 * of a variable that was there stay, and are not read back. */
fallible variable_set(db *d, struct variable *v);
fallible variable_find(db *d, const char *environment_id, const char *service_id, const char *name,
                       bool *ret_found, struct variable *ret_variable);
fallible variable_list(db *d, const char *environment_id, const char *service_id,
                       struct variable_list *ret_list);
/* Shared ones and those of all services. */
fallible variable_list_by_environment(db *d, const char *environment_id,
                                      struct variable_list *ret_list);
fallible variable_delete(db *d, const char *environment_id, const char *service_id,
                         const char *name); /* ERR_NOT_FOUND when there is none */

#endif
