/* The parts of build_key that others need.  Pure. */
#ifndef TRAMWAY_BUILD_BUILD_KEY_H
#define TRAMWAY_BUILD_BUILD_KEY_H

#include "build/build.h"

/* A hash of the variables, in any order, that may matter to a planned build: all but those that change with every
 * deployment or only say how the app is run. */
void build_key_variables(const char *const *variables, char hex[65]);

#endif
