/* The rotations of passwords that are under way, for core.c. */
#ifndef TRAMWAY_CORE_PASSWORD_ROTATIONS_H
#define TRAMWAY_CORE_PASSWORD_ROTATIONS_H

#include "core/core.h"

typedef struct password_rotations password_rotations;

password_rotations *password_rotations_new(core *c);
fallible password_rotations_resume(password_rotations *all); /* after a start */
void password_rotations_wake(password_rotations *all);       /* looks soon, and again as long as one is open */
void password_rotations_stop(password_rotations *all);
bool password_rotations_are_quiet(const password_rotations *all); /* after that: no database is being asked */
void password_rotations_free(password_rotations *all);

#endif
