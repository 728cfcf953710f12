/* The change of a database's password: the new one is good beside the old one, until nobody runs with that. */
#ifndef TRAMWAY_MODEL_PASSWORD_ROTATION_H
#define TRAMWAY_MODEL_PASSWORD_ROTATION_H

#include "model/shape.h"

enum password_rotation_status {
  PASSWORD_ROTATION_PREPARING, /* the database is being told the new one */
  PASSWORD_ROTATION_WAITING,   /* both are good; services are deployed with the new one */
  PASSWORD_ROTATION_DONE,
  PASSWORD_ROTATION_FAILED, /* nothing has changed: `problem` says why */
};
MODEL_ENUM(password_rotation_status);

/* The latest one of a database in an environment. */
struct password_rotation {
  char id[ID_SIZE];
  char environment_id[ID_SIZE];
  char service_id[ID_SIZE];
  enum password_rotation_status status;
  char *old_user;    /* who is locked out at the end; NULL: the user stays the same */
  json_t *services;  /* ids of those that use the password */
  char *problem;     /* FAILED, or what the last try to end it met; NULL */
  int64_t keep_until_us; /* the old one is good until then at least; 0: as long as somebody runs with it */
  int64_t switched_us;   /* deployments from then on have the new one; 0: not yet */
  int64_t created_us, updated_us;
};
MODEL_STRUCT(password_rotation);
#define auto_password_rotation MODEL_AUTO(password_rotation)
#define auto_password_rotation_list MODEL_AUTO(password_rotation_list)

#endif
