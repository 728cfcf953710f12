#include "cli/queries.h"

#include <stddef.h>

#define PROJECT_FIELDS                                                                             \
  "id name description createdAt updatedAt deletedAt workspaceId workspace { id name } "            \
  "primaryEnvironmentId environments(first: 500) { " PAGE_INFO "edges { "                           \
  "node { id name isEphemeral } } } services(first: 500) { " PAGE_INFO "edges { node { id name } } }"
#define DEPLOYMENT_FIELDS                                                                          \
  "id status statusReason createdAt statusUpdatedAt deploymentStopped canRedeploy "                \
  "canRollback url staticUrl suggestAddServiceDomain supersededById meta instances { id status }"
#define CHANGE_FIELDS " { kind serviceId serviceName path from to isVariable isSealed }"
#define CHANGES "changes" CHANGE_FIELDS
#define CHANGES_WITH_VALUES "changes(decryptVariables: $values)" CHANGE_FIELDS
#define STAGED_FIELDS "id environmentId status message createdAt updatedAt etag "
#define PAGE_INFO "pageInfo { hasNextPage endCursor } "
#define VOLUME_FIELDS                                                                              \
  "id volumeId volumeName serviceId mountPath sizeMB currentSizeMB state problem"
#define LOG_FIELDS "timestamp message severity attributes { key value }"

/* clang-format off */
const char query_build_logs[] =
    "query BuildLogs($id: String!, $filter: String, $limit: Int, $since: DateTime, $until: "
    "DateTime) { buildLogs(deploymentId: $id, filter: $filter, limit: $limit, startDate: $since, "
    "endDate: $until) { " LOG_FIELDS
    " } }";
const char query_deployment[] =
    "query Deployment($id: String!) { deployment(id: $id) { " DEPLOYMENT_FIELDS
    " service { id name } creator { name email } release { hash imageDigest version } receipt { previousDeploymentId startedAt switchedAt "
    "drainedAt endedAt servedRequests failedRequests abortedRequests applicationErrors slowestMs "
    "streams drainedConnections cutConnections complete } } }";
const char query_deployment_diff[] =
    "query DeploymentDiff($from: String!, $to: String!, $values: Boolean) { deploymentDiff(from: $from, "
    "to: $to, values: $values) { fromDeploymentId toDeploymentId same differences { part name change "
    "from to isSealed } } }";
const char query_deployment_logs[] =
    "query DeploymentLogs($id: String!, $filter: String, $limit: Int, $since: DateTime, $until: "
    "DateTime) { deploymentLogs(deploymentId: $id, filter: $filter, limit: $limit, startDate: "
    "$since, endDate: $until) { " LOG_FIELDS
    " } }";
const char query_project_events[] =
    "query ProjectEvents($projectId: String!, $environmentId: String, $first: Int) { events("
    "projectId: $projectId, environmentId: $environmentId, first: $first) { edges { node { id object "
    "action severity createdAt projectId environmentId payload } } } }";
const char query_deployments[] =
    "query Deployments($input: DeploymentListInput!, $first: Int, $after: String) { deployments(input: $input, "
    "first: $first, after: $after) { " PAGE_INFO "edges { node { " DEPLOYMENT_FIELDS
    " } } } }";
const char query_disk[] =
    "query Disk { tramwayDisk { runs lookedAt totalBytes freeBytes reserveBytes budgetBytes usedBytes "
    "kinds { name count bytes reclaimableBytes } collectedAt removedItems freedBytes problem } }";
const char query_template[] =
    "query TemplateDetail($code: String!) { template(code: $code) { id name serializedConfig } }";
const char query_template_search[] =
    "query TemplateSearch($query: String!) { templateSearch(query: $query, first: 100) { " PAGE_INFO
    "edges { node { id code name description } } } }";
const char mutation_template_deploy[] =
    "mutation TemplateDeploy($input: TemplateDeployV2Input!) { templateDeployV2(input: $input) { projectId workflowId } }";
const char query_domains[] =
    "query Domains($environmentId: String!, $projectId: String!, $serviceId: String!) { "
    "domains(environmentId: $environmentId, projectId: $projectId, serviceId: $serviceId) { "
    "serviceDomains { id domain suffix targetPort syncStatus } customDomains { id domain "
    "targetPort syncStatus } } }";
const char query_environment_config[] =
    "query EnvironmentConfig($id: String!, $values: Boolean) { environment(id: $id) { configEtag "
    "config(decryptVariables: $values) } }";
const char query_environment_patches[] =
    "query EnvironmentPatches($environmentId: String!, $first: Int, $after: String) { environmentPatches("
    "environmentId: $environmentId, first: $first, after: $after) { " PAGE_INFO "edges { node { id status message createdAt appliedAt appliedBy { id email name } "
    "lastAppliedError " CHANGES " } } } }";
const char query_environment_instances[] =
    "query EnvironmentInstances($id: String!, $projectId: String, $after: String) { environment(id: $id, "
    "projectId: $projectId) { id name serviceInstances(first: 500, after: $after) { " PAGE_INFO "edges { node { id serviceId environmentId "
    "serviceName numReplicas startCommand source { repo image } domains { serviceDomains { id "
    "domain } customDomains { id domain } } tcpProxies { domain proxyPort } latestDeployment { id status statusReason createdAt "
    "deploymentStopped canRedeploy meta instances { id status } } } } } } }";
const char query_environments[] =
    "query Environments($projectId: String!, $isEphemeral: Boolean, $after: String) { environments(projectId: "
    "$projectId, isEphemeral: $isEphemeral, first: 500, after: $after) { " PAGE_INFO "edges { node { id name isEphemeral "
    "createdAt sourceEnvironment { id name } } } } }";
const char query_environment_sync[] =
    "query EnvironmentSync($environmentId: String!, $sourceEnvironmentId: String!, $values: Boolean) { "
    "environmentSyncPreview(environmentId: $environmentId, sourceEnvironmentId: $sourceEnvironmentId) { etag "
    CHANGES_WITH_VALUES " } }";
const char query_events[] =
    "query Events($id: String!, $after: String) { deploymentEvents(id: $id, first: 100, after: $after) { " PAGE_INFO "edges { node { id step "
    "createdAt completedAt payload { durationMs skipped error } } } } }";
const char query_patch_preview[] =
    "query PatchPreview($environmentId: String!, $patch: EnvironmentConfig!, $values: Boolean) { "
    "environmentPatchPreview(environmentId: $environmentId, patch: $patch) { " CHANGES_WITH_VALUES
    " } environment(id: $environmentId) { configEtag } }";
const char query_project[] =
    "query Project($id: String!) { project(id: $id) { " PROJECT_FIELDS
    " } }";
const char query_project_token[] =
    "query ProjectToken { projectToken { id name projectId environmentId project { id name } "
    "environment { id name } } }";
const char query_projects[] =
    "query Projects($after: String) { projects(first: 500, after: $after) { " PAGE_INFO "edges { node { id name createdAt updatedAt "
    "workspace { id name } environments(first: 50) { " PAGE_INFO "edges { node { id name } } } "
    "services(first: 100) { " PAGE_INFO "edges { node { id name } } } } } } }";
const char query_project_services[] =
    "query ProjectServices($id: String!, $after: String) { project(id: $id) { services(first: 500, after: $after) { "
    PAGE_INFO "edges { node { id name } } } } }";
const char query_staged_changes[] =
    "query EnvironmentStagedChanges($environmentId: String!, $values: Boolean) { "
    "environmentStagedChanges(environmentId: $environmentId) { " STAGED_FIELDS
    "patch(decryptVariables: $values) " CHANGES_WITH_VALUES " } }";
const char query_ssh_public_keys[] =
    "query SshPublicKeys($workspaceId: String, $after: String) { sshPublicKeys(workspaceId: $workspaceId, first: 100, "
    "after: $after) { " PAGE_INFO "edges { node { id name publicKey fingerprint } } } }";
const char mutation_ssh_public_key_create[] =
    "mutation SshPublicKeyCreate($input: SshPublicKeyCreateInput!) { sshPublicKeyCreate(input: $input) {"
    " id name publicKey fingerprint } }";
const char mutation_ssh_public_key_delete[] =
    "mutation SshPublicKeyDelete($id: String!) { sshPublicKeyDelete(id: $id) }";
const char query_system_info[] =
    "query SystemInfo { systemInfo { edgeUrl } }";
const char query_user_meta[] =
    "query UserMeta { me { id name email workspaces { id name } } }";
const char query_variables_for_service_deployment[] =
    "query VariablesForServiceDeployment($projectId: String!, $environmentId: String!, "
    "$serviceId: String!) { variablesForServiceDeployment(projectId: $projectId, environmentId: "
    "$environmentId, serviceId: $serviceId) }";
const char query_unresolved_references[] =
    "query UnresolvedReferences($projectId: String!, $environmentId: String!, $serviceId: String) { unresolvedReferences("
    "projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId) { variable problem } }";
const char query_variables[] =
    "query Variables($projectId: String!, $environmentId: String!, $serviceId: String, $unrendered: Boolean) { "
    "variables(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId, unrendered: "
    "$unrendered) }";
const char query_variable_names[] =
    "query VariableNames($id: String!, $projectId: String!, $after: String) { environment(id: $id, projectId: $projectId) { "
    "variables(first: 500, after: $after) { " PAGE_INFO "edges { node { name serviceId isSealed } } } } }";
const char query_backup_volumes[] =
    "query BackupVolumes($environmentId: String!) { tramwayBackupVolumes(environmentId: $environmentId) { "
    "volumeInstanceId volumeId volumeName serviceId schedules location repositoryMB problem "
    "restorableFrom restorableTo formerServiceId } }";
const char query_backups[] =
    "query VolumeInstanceBackupList($volumeInstanceId: String!) { "
    "volumeInstanceBackupList(volumeInstanceId: $volumeInstanceId) { id name kind state method problem "
    "createdAt takenAt expiresAt isLocked referencedMB usedMB volumeInstanceSizeMB checksum pausedMs "
    "tookMs drilledAt drillMs drillProblem drillChecksum } }";
const char query_backup_schedules[] =
    "query VolumeInstanceBackupScheduleList($volumeInstanceId: String!) { "
    "volumeInstanceBackupScheduleList(volumeInstanceId: $volumeInstanceId) { id name kind cron createdAt "
    "retentionSeconds } }";
const char query_workflow_status[] =
    "query WorkflowStatus($workflowId: String!) { workflowStatus(workflowId: $workflowId) { status error "
    "} }";
const char query_webhooks[] =
    "query Webhooks($projectId: String!) { tramwayWebhooks(projectId: $projectId) { id provider url "
    "createdAt lastDeliveryAt deliveries { id providerId receivedAt handledAt outcome } } }";
const char query_workspaces[] =
    "query Workspaces { me { workspaces { id name } } }";
const char mutation_commit_patch[] =
    "mutation EnvironmentPatchCommit($environmentId: String!, $patch: EnvironmentConfig, $message: String, "
    "$skipDeploys: Boolean, $etag: String) { environmentPatchCommit(environmentId: $environmentId, "
    "patch: $patch, commitMessage: $message, skipDeploys: $skipDeploys, baseConfigEtag: $etag) }";
const char mutation_commit_staged[] =
    "mutation EnvironmentPatchCommitStaged($environmentId: String!, $message: String, $skipDeploys: "
    "Boolean, $etag: String) { environmentPatchCommitStaged(environmentId: $environmentId, commitMessage: "
    "$message, skipDeploys: $skipDeploys, baseConfigEtag: $etag) }";
const char mutation_deploy[] =
    "mutation Deploy($environmentId: String!, $serviceId: String!) { "
    "serviceInstanceDeployV2(environmentId: $environmentId, serviceId: $serviceId) }";
const char mutation_deployment_approve[] =
    "mutation DeploymentApprove($id: String!) { deploymentApprove(id: $id) }";
const char mutation_deployment_cancel[] =
    "mutation DeploymentCancel($id: String!) { deploymentCancel(id: $id) }";
const char mutation_deployment_redeploy[] =
    "mutation DeploymentRedeploy($id: String!) { deploymentRedeploy(id: $id) { id } }";
const char mutation_deployment_remove[] =
    "mutation DeploymentRemove($id: String!) { deploymentRemove(id: $id) }";
const char mutation_deployment_restart[] =
    "mutation DeploymentRestart($id: String!) { deploymentRestart(id: $id) }";
const char mutation_deployment_rollback[] =
    "mutation DeploymentRollback($id: String!) { deploymentRollbackV2(id: $id) }";
const char mutation_discard_changes[] =
    "mutation EnvironmentDiscardChanges($environmentId: String!, $paths: [String!]) { "
    "environmentDiscardChanges(environmentId: $environmentId, paths: $paths) { " STAGED_FIELDS
    "patch " CHANGES " } }";
const char query_credentials[] =
    "query Credentials($projectId: String!) { tramwayCredentials(projectId: $projectId) {"
    " id kind host username serviceId environmentId createdAt updatedAt } }";
const char mutation_credential_set[] =
    "mutation CredentialSet($input: TramwayCredentialSetInput!) { tramwayCredentialSet(input: $input) {"
    " id kind host username createdAt updatedAt } }";
const char mutation_credential_delete[] =
    "mutation CredentialDelete($projectId: String!, $kind: TramwayCredentialKind!, $host: String!) {"
    " tramwayCredentialDelete(projectId: $projectId, kind: $kind, host: $host) }";
const char mutation_deployment_trigger_create[] =
    "mutation DeploymentTriggerCreate($input: DeploymentTriggerCreateInput!) { "
    "deploymentTriggerCreate(input: $input) { id } }";
const char mutation_disk_look[] =
    "mutation DiskLook($collect: Boolean) { tramwayDiskLook(collect: $collect) }";
const char mutation_environment_create[] =
    "mutation EnvironmentCreate($input: EnvironmentCreateInput!) { environmentCreate(input: "
    "$input) { id name missingSealedVariables } }";
const char mutation_environment_delete[] =
    "mutation EnvironmentDelete($id: String!) { environmentDelete(id: $id) }";
const char mutation_environment_rename[] =
    "mutation EnvironmentRename($id: String!, $input: EnvironmentRenameInput!) { "
    "environmentRename(id: $id, input: $input) { id name } }";
const char mutation_environment_sync[] =
    "mutation EnvironmentSync($environmentId: String!, $sourceEnvironmentId: String!, $message: String, "
    "$skipDeploys: Boolean, $etag: String) { environmentSync(environmentId: $environmentId, sourceEnvironmentId: "
    "$sourceEnvironmentId, commitMessage: $message, skipDeploys: $skipDeploys, etag: $etag) }";
const char mutation_login[] =
    "mutation Login($input: LoginInput!) { login(input: $input) }";
const char mutation_logout[] =
    "mutation Logout { logout }";
const char mutation_project_create[] =
    "mutation ProjectCreate($input: ProjectCreateInput!) { projectCreate(input: $input) { " PROJECT_FIELDS
    " } }";
const char mutation_project_delete[] =
    "mutation ProjectDelete($id: String!) { projectDelete(id: $id) }";
const char mutation_service_instance_update[] =
    "mutation ServiceInstanceUpdate($serviceId: String!, $environmentId: String, $input: "
    "ServiceInstanceUpdateInput!) { serviceInstanceUpdate(serviceId: $serviceId, environmentId: "
    "$environmentId, input: $input) }";
const char mutation_service_connect[] =
    "mutation ServiceConnect($id: String!, $input: ServiceConnectInput!) { serviceConnect(id: $id, "
    "input: $input) { id name } }";
const char mutation_service_create[] =
    "mutation ServiceCreate($input: ServiceCreateInput!) { serviceCreate(input: $input) { id "
    "name } }";
const char mutation_service_delete[] =
    "mutation ServiceDelete($id: String!, $environmentId: String) { serviceDelete(id: $id, "
    "environmentId: $environmentId) }";
const char mutation_service_update[] =
    "mutation ServiceUpdate($id: String!, $input: ServiceUpdateInput!) { serviceUpdate(id: $id, input: $input) { id name } }";
const char mutation_service_disconnect[] =
    "mutation ServiceDisconnect($id: String!) { serviceDisconnect(id: $id) { id name } }";
const char mutation_service_domain_create[] =
    "mutation ServiceDomainCreate($input: ServiceDomainCreateInput!) { "
    "serviceDomainCreate(input: $input) { id domain } }";
const char mutation_service_domain_update[] =
    "mutation ServiceDomainUpdate($input: ServiceDomainUpdateInput!) { serviceDomainUpdate(input: $input) }";
const char mutation_service_domain_delete[] =
    "mutation ServiceDomainDelete($id: String!) { serviceDomainDelete(id: $id) }";
#define TCP_PROXY "id domain proxyPort applicationPort syncStatus allow"
const char query_tcp_proxies[] =
    "query TcpProxies($environmentId: String!, $serviceId: String!) { tcpProxies(environmentId: "
    "$environmentId, serviceId: $serviceId) { " TCP_PROXY " } }";
const char mutation_tcp_proxy_create[] =
    "mutation TcpProxyCreate($input: TCPProxyCreateInput!) { tcpProxyCreate(input: $input) { " TCP_PROXY " } }";
const char mutation_tcp_proxy_update[] =
    "mutation TcpProxyUpdate($input: TCPProxyUpdateInput!) { tcpProxyUpdate(input: $input) { " TCP_PROXY " } }";
const char mutation_tcp_proxy_delete[] =
    "mutation TcpProxyDelete($id: String!) { tcpProxyDelete(id: $id) }";
const char mutation_setup[] =
    "mutation Setup($input: SetupInput!) { setup(input: $input) }";
const char mutation_stage_changes[] =
    "mutation EnvironmentStageChanges($environmentId: String!, $input: EnvironmentConfig!, $merge: "
    "Boolean) { environmentStageChanges(environmentId: $environmentId, input: $input, merge: $merge) { "
    STAGED_FIELDS "patch " CHANGES " } }";
const char mutation_variable_collection_upsert[] =
    "mutation VariableCollectionUpsert($input: VariableCollectionUpsertInput!) { "
    "variableCollectionUpsert(input: $input) }";
const char mutation_variable_delete[] =
    "mutation VariableDelete($input: VariableDeleteInput!) { variableDelete(input: $input) }";
const char query_api_tokens[] =
    "query ApiTokens($after: String) { apiTokens(first: 500, after: $after) { " PAGE_INFO "edges { node { id name workspaceId createdAt "
    "lastUsedAt expiresAt } } } }";
const char query_audit_logs[] =
    "query AuditLogs($workspaceId: String!, $first: Int) { auditLogs(workspaceId: $workspaceId, first: $first) "
    "{ edges { node { id eventType createdAt context payload projectId environmentId } } } }";
const char query_audit_verify[] =
    "query AuditVerify($after: String) { tramwayAuditVerify(after: $after) { rows next head brokenId problem } }";
const char query_project_tokens[] =
    "query ProjectTokens($projectId: String!, $after: String) { projectTokens(projectId: $projectId, first: "
    "500, after: $after) { " PAGE_INFO "edges { node { id name createdAt lastUsedAt expiresAt environment { id name } } } "
    "} }";
const char query_sessions[] =
    "query Sessions($after: String) { sessions(first: 500, after: $after) { " PAGE_INFO "edges { node { id name type isCurrent createdAt "
    "updatedAt expiredAt } } } }";
const char query_workspace_invitations[] =
    "query WorkspaceInvitations($workspaceId: String!) { workspaceInvitations(workspaceId: "
    "$workspaceId) { id role createdAt expiresAt } }";
const char query_workspace_members[] =
    "query WorkspaceMembers($workspaceId: String!) { workspace(workspaceId: $workspaceId) { "
    "members { id name email role } } }";
const char mutation_account_create[] =
    "mutation AccountCreate($input: AccountCreateInput!) { accountCreate(input: $input) }";
const char mutation_api_token_create[] =
    "mutation ApiTokenCreate($input: ApiTokenCreateInput!) { apiTokenCreate(input: $input) }";
const char mutation_api_token_delete[] =
    "mutation ApiTokenDelete($id: String!) { apiTokenDelete(id: $id) }";
const char mutation_project_token_create[] =
    "mutation ProjectTokenCreate($input: ProjectTokenCreateInput!) { "
    "projectTokenCreate(input: $input) }";
const char mutation_project_token_delete[] =
    "mutation ProjectTokenDelete($id: String!) { projectTokenDelete(id: $id) }";
const char mutation_session_delete[] =
    "mutation SessionDelete($id: String!) { sessionDelete(id: $id) }";
const char mutation_workspace_create[] =
    "mutation WorkspaceCreate($input: WorkspaceCreateInput!) { workspaceCreate(input: $input) "
    "{ id name } }";
const char mutation_workspace_delete[] =
    "mutation WorkspaceDelete($id: String!) { workspaceDelete(id: $id) }";
const char mutation_workspace_invitation_delete[] =
    "mutation WorkspaceInvitationDelete($id: String!) { workspaceInvitationDelete(id: $id) }";
const char mutation_workspace_invite_code_create[] =
    "mutation WorkspaceInviteCodeCreate($input: WorkspaceInviteCodeCreateInput!, "
    "$workspaceId: String!) { workspaceInviteCodeCreate(input: $input, workspaceId: "
    "$workspaceId) }";
const char mutation_workspace_invite_code_use[] =
    "mutation WorkspaceInviteCodeUse($code: String!) { workspaceInviteCodeUse(code: $code) { "
    "id name } }";
const char mutation_workspace_leave[] =
    "mutation WorkspaceLeave($id: String!) { workspaceLeave(id: $id) }";
const char mutation_workspace_permission_change[] =
    "mutation WorkspacePermissionChange($input: WorkspacePermissionChangeInput!) { "
    "workspacePermissionChange(input: $input) }";
const char mutation_workspace_update[] =
    "mutation WorkspaceUpdate($id: String!, $input: WorkspaceUpdateInput!) { "
    "workspaceUpdate(id: $id, input: $input) }";
const char mutation_workspace_user_remove[] =
    "mutation WorkspaceUserRemove($input: WorkspaceUserRemoveInput!, $workspaceId: String!) { "
    "workspaceUserRemove(input: $input, workspaceId: $workspaceId) }";
const char query_two_factor_info[] =
    "query TwoFactorInfo { twoFactorInfo { isVerified hasRecoveryCodes } }";
const char mutation_recovery_code_generate[] =
    "mutation RecoveryCodeGenerate { recoveryCodeGenerate { recoveryCodes } }";
const char mutation_two_factor_info_create[] =
    "mutation TwoFactorInfoCreate($input: TwoFactorInfoCreateInput!) { "
    "twoFactorInfoCreate(input: $input) { recoveryCodes } }";
const char mutation_two_factor_info_delete[] =
    "mutation TwoFactorInfoDelete { twoFactorInfoDelete }";
const char mutation_two_factor_info_secret[] =
    "mutation TwoFactorInfoSecret { twoFactorInfoSecret { secret uri } }";
const char mutation_validate_two_factor[] =
    "mutation ValidateTwoFactor($input: TwoFactorInfoValidateInput!) { "
    "twoFactorInfoValidate(input: $input) }";
const char mutation_backup_create[] =
    "mutation VolumeInstanceBackupCreate($volumeInstanceId: String!, $name: String) { "
    "volumeInstanceBackupCreate(volumeInstanceId: $volumeInstanceId, name: $name) { workflowId } }";
const char mutation_backup_restore[] =
    "mutation VolumeInstanceBackupRestore($volumeInstanceId: String!, $volumeInstanceBackupId: String!) { "
    "volumeInstanceBackupRestore(volumeInstanceId: $volumeInstanceId, volumeInstanceBackupId: "
    "$volumeInstanceBackupId) { workflowId } }";
const char mutation_backup_lock[] =
    "mutation VolumeInstanceBackupLock($volumeInstanceId: String!, $volumeInstanceBackupId: String!) { "
    "volumeInstanceBackupLock(volumeInstanceId: $volumeInstanceId, volumeInstanceBackupId: "
    "$volumeInstanceBackupId) }";
const char mutation_backup_delete[] =
    "mutation VolumeInstanceBackupDelete($volumeInstanceId: String!, $volumeInstanceBackupId: String!) { "
    "volumeInstanceBackupDelete(volumeInstanceId: $volumeInstanceId, volumeInstanceBackupId: "
    "$volumeInstanceBackupId) { workflowId } }";
const char mutation_backup_schedule[] =
    "mutation VolumeInstanceBackupScheduleUpdate($volumeInstanceId: String!, $kinds: "
    "[VolumeInstanceBackupScheduleKind!]!) { volumeInstanceBackupScheduleUpdate(volumeInstanceId: "
    "$volumeInstanceId, kinds: $kinds) }";
const char mutation_backup_drill[] =
    "mutation BackupDrill($volumeInstanceId: String!) { tramwayBackupDrill(volumeInstanceId: "
    "$volumeInstanceId) { workflowId } }";
const char mutation_backup_swap[] =
    "mutation BackupSwap($environmentId: String!, $serviceId: String!) { tramwayBackupSwap(environmentId: "
    "$environmentId, serviceId: $serviceId) }";
const char mutation_backup_credentials[] =
    "mutation BackupCredentialsSet($accessKeyId: String!, $secretAccessKey: String!) { "
    "tramwayBackupCredentialsSet(accessKeyId: $accessKeyId, secretAccessKey: $secretAccessKey) }";
const char mutation_backup_password[] =
    "mutation BackupPassword { tramwayBackupPassword }";
const char mutation_pitr_restore[] =
    "mutation VolumeInstancePITRRestore($volumeInstanceId: String!, $targetTimestamp: DateTime!, "
    "$newServiceName: String) { volumeInstancePITRRestore(volumeInstanceId: $volumeInstanceId, "
    "targetTimestamp: $targetTimestamp, newServiceName: $newServiceName) { workflowId } }";
const char query_volume_instances[] =
    "query VolumeInstances($id: String!, $first: Int, $after: String) { environment(id: $id) { volumeInstances(first: "
    "$first, after: $after) { " PAGE_INFO "edges { node { " VOLUME_FIELDS " } } } } }";
const char query_volumes_deleted[] =
    "query VolumesDeleted($workspaceId: String!) { volumeInstancesDeleted(workspaceId: $workspaceId) { " VOLUME_FIELDS
    " origin deletedAt destroyedAt } }";
const char mutation_volume_create[] =
    "mutation VolumeCreate($input: VolumeCreateInput!) { volumeCreate(input: $input) { id name } }";
const char mutation_volume_delete[] = "mutation VolumeDelete($id: String!) { volumeDelete(volumeId: $id) }";
const char mutation_volume_instance_delete[] =
    "mutation VolumeInstanceDelete($id: String!) { volumeInstanceDelete(volumeInstanceId: $id) }";
const char mutation_volume_instance_update[] =
    "mutation VolumeInstanceUpdate($volumeId: String!, $environmentId: String, $input: VolumeInstanceUpdateInput!) { "
    "volumeInstanceUpdate(volumeId: $volumeId, environmentId: $environmentId, input: $input) }";
const char mutation_volume_restore[] =
    "mutation VolumeInstanceRestore($id: String!, $environmentId: String) { volumeInstanceRestore(volumeInstanceId: $id, "
    "environmentId: $environmentId) { " VOLUME_FIELDS " } }";
const char mutation_volume_update[] =
    "mutation VolumeUpdate($volumeId: String!, $input: VolumeUpdateInput!) { volumeUpdate(volumeId: $volumeId, input: "
    "$input) { id name } }";
const char mutation_webhook_create[] =
    "mutation WebhookCreate($input: TramwayWebhookCreateInput!) { tramwayWebhookCreate(input: $input) { "
    "id provider url secret } }";
const char mutation_webhook_delete[] =
    "mutation WebhookDelete($id: String!) { tramwayWebhookDelete(id: $id) }";
const char subscription_build_logs[] =
    "subscription BuildLogs($id: String!, $filter: String, $limit: Int) { "
    "buildLogs(deploymentId: $id, filter: $filter, limit: $limit) { " LOG_FIELDS
    " } }";
const char subscription_deployment[] =
    "subscription Deployment($id: String!) { deployment(id: $id) { " DEPLOYMENT_FIELDS
    " } }";
const char subscription_deployment_logs[] =
    "subscription DeploymentLogs($id: String!, $filter: String, $limit: Int) { "
    "deploymentLogs(deploymentId: $id, filter: $filter, limit: $limit) { " LOG_FIELDS
    " } }";
const char subscription_events[] =
    "subscription Events($id: String!) { deploymentEvents(id: $id) { id step createdAt "
    "completedAt payload { durationMs skipped error } } }";

const char *const all_queries[] = {
  query_build_logs,
  query_credentials,
  query_deployment,
  query_deployment_diff,
  query_deployment_logs,
  query_deployments,
  query_project_events,
  query_disk,
  query_domains,
  query_environment_config,
  query_environment_patches,
  query_environment_instances,
  query_environments,
  query_environment_sync,
  query_events,
  query_patch_preview,
  query_project,
  query_project_token,
  query_projects,
  query_project_services,
  query_staged_changes,
  query_ssh_public_keys,
  query_system_info,
  query_database_key,
  query_database_keys,
  query_database_rows,
  query_database_stats,
  query_database_tables,
  query_template,
  query_template_search,
  mutation_database_add,
  mutation_database_link,
  mutation_password_rotate,
  mutation_password_rotation_end,
  query_password_rotation,
  mutation_database_upgrade,
  mutation_database_rehearse,
  mutation_database_upgrade_back,
  mutation_database_upgrade_cancel,
  query_database_upgrade,
  mutation_template_deploy,
  query_user_meta,
  query_variables_for_service_deployment,
  query_unresolved_references,
  query_variables,
  query_variable_names,
  query_backup_volumes, query_backups, query_backup_schedules, query_workflow_status,
  query_webhooks,
  query_workspaces,
  mutation_commit_patch,
  mutation_commit_staged,
  mutation_credential_delete,
  mutation_credential_set,
  mutation_deploy,
  mutation_deployment_approve,
  mutation_deployment_cancel,
  mutation_deployment_redeploy,
  mutation_deployment_remove,
  mutation_deployment_restart,
  mutation_deployment_rollback,
  mutation_discard_changes,
  mutation_deployment_trigger_create,
  mutation_disk_look,
  mutation_environment_create,
  mutation_environment_delete,
  mutation_environment_rename,
  mutation_environment_sync,
  mutation_login,
  mutation_logout,
  mutation_project_create,
  mutation_project_delete,
  mutation_service_connect,
  mutation_service_create,
  mutation_service_instance_update,
  mutation_service_delete,
  mutation_service_update,
  mutation_service_disconnect,
  mutation_service_domain_create,
  mutation_service_domain_delete,
  mutation_service_domain_update,
  mutation_setup,
  query_bucket_credentials,
  query_bucket_details,
  query_bucket_instances,
  mutation_bucket_create,
  mutation_bucket_credentials_reset,
  mutation_bucket_delete,
  mutation_bucket_restore,
  mutation_bucket_update,
  mutation_tcp_proxy_create,
  mutation_tcp_proxy_delete,
  mutation_tcp_proxy_update,
  query_tcp_proxies,
  mutation_stage_changes,
  mutation_variable_collection_upsert,
  mutation_variable_delete,
  query_volume_instances,
  query_volumes_deleted,
  mutation_volume_create,
  mutation_volume_delete,
  mutation_volume_instance_delete,
  mutation_volume_instance_update,
  mutation_volume_restore,
  mutation_volume_update,
  query_api_tokens,
  query_audit_logs,
  query_audit_verify,
  query_project_tokens,
  query_sessions,
  query_workspace_invitations,
  query_workspace_members,
  mutation_account_create,
  mutation_api_token_create,
  mutation_api_token_delete,
  mutation_project_token_create,
  mutation_project_token_delete,
  mutation_session_delete,
  mutation_workspace_create,
  mutation_workspace_delete,
  mutation_workspace_invitation_delete,
  mutation_workspace_invite_code_create,
  mutation_workspace_invite_code_use,
  mutation_workspace_leave,
  mutation_workspace_permission_change,
  mutation_workspace_update,
  mutation_workspace_user_remove,
  mutation_ssh_public_key_create,
  mutation_ssh_public_key_delete,
  query_two_factor_info,
  mutation_recovery_code_generate,
  mutation_two_factor_info_create,
  mutation_two_factor_info_delete,
  mutation_two_factor_info_secret,
  mutation_validate_two_factor,
  mutation_backup_create,
  mutation_backup_restore,
  mutation_backup_lock,
  mutation_backup_delete,
  mutation_backup_schedule,
  mutation_backup_drill,
  mutation_backup_swap,
  mutation_backup_credentials,
  mutation_backup_password,
  mutation_pitr_restore,
  mutation_webhook_create,
  mutation_webhook_delete,
  subscription_build_logs,
  subscription_deployment,
  subscription_deployment_logs,
  subscription_events,
  NULL,
};
/* clang-format on */
