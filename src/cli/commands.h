/* The verbs; each row stands beside its function in a cmd_*.c. */
#ifndef TRAMWAY_CLI_COMMANDS_H
#define TRAMWAY_CLI_COMMANDS_H

#include "cli/command.h"

extern const struct command command_login, command_logout, command_whoami;
extern const struct command command_token, command_session, command_workspace, command_invite, command_audit, command_two_factor;
extern const struct command command_init, command_link, command_unlink, command_list;
extern const struct command command_status;
extern const struct command command_add, command_scale, command_delete, command_project;
extern const struct command command_up;
extern const struct command command_logs;
extern const struct command command_deployment;
extern const struct command command_redeploy, command_restart, command_rollback, command_cancel, command_down;
extern const struct command command_diff;
extern const struct command command_domain, command_open, command_tcp_proxy, command_connect, command_bucket;
extern const struct command command_environment;
extern const struct command command_service, command_service_source, command_credential;
extern const struct command command_webhook;
extern const struct command command_backup, command_postgres;
extern const struct command command_volume;
extern const struct command command_database, command_templates;
extern const struct command command_variable, command_ssh_key, command_ssh_keys;
extern const struct command command_variable_import;
extern const struct command command_variable_export;
extern const struct command command_import, command_export;
extern const struct command command_run, command_ssh, command_shell;
extern const struct command command_build;
extern const struct command command_events, command_disk;
extern const struct command command_admin, command_api, command_api_search, command_api_describe, command_completion, command_help;

#endif
