/* Table: password_rotations. */
#ifndef TRAMWAY_STORE_PASSWORD_ROTATION_H
#define TRAMWAY_STORE_PASSWORD_ROTATION_H

#include "model/password_rotation.h"
#include "store/db.h"

/* In the place of the former one of that database. */
fallible password_rotation_begin(db *d, struct password_rotation *r);
fallible password_rotation_find(db *d, const char *environment_id, const char *service_id, bool *ret_found,
                                struct password_rotation *ret_rotation);
fallible password_rotation_list_open(db *d, struct password_rotation_list *ret_list); /* PREPARING and WAITING */
fallible password_rotation_update(db *d, const struct password_rotation *r, int64_t now_us);

#endif
