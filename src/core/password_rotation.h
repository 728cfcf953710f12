/* A database's password is changed without locking anybody out:
 *
 *   PREPARING  the database is told a second user (Redis: a second password), good beside the one in use
 *   WAITING    its variables have changed, and the services that use them are deployed again; not the database itself
 *   DONE       nobody runs with the old one any more, and the time to keep it is over: it is locked
 *
 * FAILED is only possible before anything was switched.  A service whose new deployment fails keeps the former one, and
 * with it the old password: it is waited for, however long, or until password_rotation_end_now.  What is WAITING goes
 * on when tramd has been restarted. */
#ifndef TRAMWAY_CORE_PASSWORD_ROTATION_H
#define TRAMWAY_CORE_PASSWORD_ROTATION_H

#include "core/core.h"
#include "model/password_rotation.h"

struct core_password_rotate {
  const char *environment_id, *service_id;
  int64_t keep_old_ms; /* for clients that are no services of the environment */
  const char *user_id;
};

#define PASSWORD_KEEP_MAX_MS (30LL * 24 * 3600 * 1000)

/* Begins it.  ERR_INVALID: it is no database whose password can be changed; ERR_CONFLICT: one is under way, the database
 * does not run, or a service uses the password without the user's name. */
fallible core_password_rotate(core *c, const struct core_password_rotate *request);

/* Does not wait for anybody.  ERR_CONFLICT: none is WAITING. */
fallible core_password_rotation_end_now(core *c, const char *environment_id, const char *service_id);

/* The latest; *ret_found false: there was none.  Adds the names of the services that are waited for. */
fallible core_password_rotation(core *c, const char *environment_id, const char *service_id, bool *ret_found,
                                struct password_rotation *ret_rotation, struct strv *ret_waits_for);

#endif
