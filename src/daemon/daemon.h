/* tramd: wiring only.  Makes the parts, in the order in which they stand on each other, and frees
 * them in the reverse. */
#ifndef TRAMWAY_DAEMON_DAEMON_H
#define TRAMWAY_DAEMON_DAEMON_H

#include "base/err.h"
#include "daemon/config.h"

/* Serves until SIGTERM or SIGINT.  What runs is left running.  SIGHUP reads `config_path` again. */
fallible daemon_run(const char *config_path);

/* Stops every instance and the edge and removes all they made on this machine; the data stays.
 * Nothing else may be serving from the same folders (daemon/lock.h). */
fallible daemon_halt(const struct config *config);

#endif
