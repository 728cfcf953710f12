/* tramd's command line: a table, from which --help and the manual page follow too. */
#ifndef TRAMWAY_DAEMON_OPTIONS_H
#define TRAMWAY_DAEMON_OPTIONS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "daemon/backup.h"

#define CONFIG_PATH_DEFAULT "/etc/tramway/tramway.toml"

enum action {
  ACTION_SERVE,
  ACTION_CHECK_CONFIG,
  ACTION_PRINT_CONFIG,
  ACTION_WRITE_CONFIG,
  ACTION_PRINT_MAN,
  ACTION_STOP,
  ACTION_HALT,
  ACTION_BACKUP,
  ACTION_RESTORE,
  ACTION_ROTATE_KEY,
  ACTION_VERSION,
  ACTION_HELP,
};

struct options {
  enum action action;
  const char *config_path;
  const char *word; /* of --backup, --restore, --print-man */
  struct backup_parts parts; /* of --backup */
  bool force;
};

/* Reads the arguments (borrowed).  ERR_INVALID names the one that is wrong. */
fallible options_parse(int argc, const char *const *argv, struct options *ret_options);

void options_help(struct str *text); /* --help */
void options_man(struct str *page);  /* tramd.8 */

#endif
