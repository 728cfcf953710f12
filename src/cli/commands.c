/* The list of verbs, in the order of the help: sign in, project, deploy, look, change, the rest. */
#include "cli/commands.h"

#include <stddef.h>

/* clang-format off */
const struct command *const all_commands[] = {
  &command_login, &command_logout, &command_whoami,
  &command_init, &command_link, &command_unlink, &command_list, &command_project, &command_delete, &command_status,
  &command_add, &command_scale, &command_database, &command_volume, &command_bucket, &command_templates, &command_backup, &command_postgres,
  &command_up, &command_build,
  &command_logs, &command_deployment, &command_redeploy, &command_restart, &command_rollback,
  &command_cancel, &command_down, &command_diff, &command_events, &command_disk,
  &command_domain, &command_open, &command_tcp_proxy,
  &command_variable, &command_environment, &command_service, &command_credential, &command_webhook,
  &command_import, &command_export,
  &command_connect, &command_run, &command_ssh, &command_ssh_key, &command_shell,
  &command_token, &command_session, &command_two_factor, &command_workspace, &command_invite, &command_audit,
  &command_admin, &command_api, &command_completion, &command_help,
  NULL,
};
/* clang-format on */
