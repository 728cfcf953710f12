/* Every GraphQL document that the program sends, in one place: a test validates each against
 * api/schema.graphql, and its cost against the server's limits.  Names are those of Railway's CLI
 * where it has the operation. */
#ifndef TRAMWAY_CLI_QUERIES_H
#define TRAMWAY_CLI_QUERIES_H

extern const char query_build_logs[];
extern const char query_credentials[];
extern const char query_deployment[];
extern const char query_deployment_diff[];
extern const char query_deployment_logs[];
extern const char query_deployments[];
extern const char query_project_events[];
extern const char query_disk[];
extern const char query_domains[];
extern const char query_environment_config[];
extern const char query_environment_patches[];
extern const char query_environment_instances[];
extern const char query_environments[];
extern const char query_environment_sync[];
extern const char query_events[];
extern const char query_patch_preview[];
extern const char query_project[];
extern const char query_project_token[];
extern const char query_projects[];
extern const char query_staged_changes[];
extern const char query_ssh_public_keys[];
extern const char query_system_info[];
extern const char query_user_meta[];
extern const char query_variables_for_service_deployment[];
extern const char query_variables[];
extern const char query_variable_names[];
extern const char query_webhooks[];
extern const char query_workspaces[];
extern const char mutation_commit_patch[];
extern const char mutation_commit_staged[];
extern const char mutation_credential_delete[];
extern const char mutation_credential_set[];
extern const char mutation_deploy[];
extern const char mutation_deployment_approve[];
extern const char mutation_deployment_cancel[];
extern const char mutation_deployment_redeploy[];
extern const char mutation_deployment_remove[];
extern const char mutation_deployment_restart[];
extern const char mutation_deployment_rollback[];
extern const char mutation_discard_changes[];
extern const char mutation_deployment_trigger_create[];
extern const char mutation_disk_look[];
extern const char mutation_environment_create[];
extern const char mutation_environment_delete[];
extern const char mutation_environment_rename[];
extern const char mutation_environment_sync[];
extern const char mutation_login[];
extern const char mutation_logout[];
extern const char mutation_project_create[];
extern const char mutation_project_delete[];
extern const char mutation_service_connect[];
extern const char mutation_service_create[];
extern const char mutation_service_delete[];
extern const char mutation_service_disconnect[];
extern const char mutation_service_domain_create[];
extern const char mutation_service_instance_update[];
extern const char mutation_service_domain_delete[];
extern const char mutation_setup[];
extern const char mutation_stage_changes[];
extern const char mutation_variable_collection_upsert[];
extern const char mutation_variable_delete[];
extern const char query_api_tokens[];
extern const char query_audit_logs[];
extern const char query_audit_verify[];
extern const char query_project_tokens[];
extern const char query_sessions[];
extern const char query_workspace_invitations[];
extern const char query_workspace_members[];
extern const char mutation_account_create[];
extern const char mutation_api_token_create[];
extern const char mutation_api_token_delete[];
extern const char mutation_project_token_create[];
extern const char mutation_project_token_delete[];
extern const char mutation_session_delete[];
extern const char mutation_workspace_create[];
extern const char mutation_workspace_delete[];
extern const char mutation_workspace_invitation_delete[];
extern const char mutation_workspace_invite_code_create[];
extern const char mutation_workspace_invite_code_use[];
extern const char mutation_workspace_leave[];
extern const char mutation_workspace_permission_change[];
extern const char mutation_workspace_update[];
extern const char mutation_workspace_user_remove[];
extern const char mutation_ssh_public_key_create[];
extern const char mutation_ssh_public_key_delete[];
extern const char query_two_factor_info[];
extern const char mutation_recovery_code_generate[];
extern const char mutation_two_factor_info_create[];
extern const char mutation_two_factor_info_delete[];
extern const char mutation_two_factor_info_secret[];
extern const char mutation_validate_two_factor[];
extern const char mutation_webhook_create[];
extern const char mutation_webhook_delete[];
extern const char subscription_build_logs[];
extern const char subscription_deployment[];
extern const char subscription_deployment_logs[];
extern const char subscription_events[];

/* All of them, for the test; NULL-terminated. */
extern const char *const all_queries[];

#endif
