/* Rows as objects of the API.  Fields that need more than their row have resolvers. */
#include <stdio.h>

#include "api/internal.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

json_t *time_json(int64_t time_us) {
  if (time_us == 0) return json_null();
  char text[CLOCK_TEXT_SIZE];
  clock_format(time_us, text);
  return json_string(text);
}

static json_t *object_with_times(const char *id, int64_t created_us, int64_t updated_us) {
  json_t *o = json_object();
  json_set_text(o, "id", id);
  json_object_set_new(o, "createdAt", time_json(created_us));
  json_object_set_new(o, "updatedAt", time_json(updated_us));
  return o;
}

/* An id column: "" is null. */
static void set_id(json_t *o, const char *key, const char *id) {
  json_set_text(o, key, *id ? id : NULL);
}

json_t *user_json(const struct user *u) {
  json_t *o = object_with_times(u->id, u->created_us, u->updated_us);
  json_set_text(o, "name", u->name);
  json_set_text(o, "email", u->email);
  json_object_set_new(o, "isAdmin", json_boolean(u->is_admin));
  return o;
}

json_t *workspace_json(const struct workspace *w) {
  json_t *o = object_with_times(w->id, w->created_us, w->updated_us);
  json_set_text(o, "name", w->name);
  return o;
}

json_t *project_json(const struct project *p) {
  json_t *o = object_with_times(p->id, p->created_us, p->updated_us);
  json_set_text(o, "name", p->name);
  json_set_text(o, "description", p->description);
  json_set_text(o, "workspaceId", p->workspace_id);
  json_object_set_new(o, "isPublic", json_false());
  json_object_set_new(o, "isTempProject", json_false());
  json_object_set_new(o, "prDeploys", json_boolean(p->pr_deploys));
  set_id(o, "baseEnvironmentId", p->base_environment_id);
  json_object_set_new(o, "focusedPrEnvironments", json_boolean(p->focused_pr_environments));
  json_object_set_new(o, "botPrEnvironments", json_boolean(p->bot_pr_environments));
  return o;
}

json_t *environment_json(const struct environment *e) {
  json_t *o = object_with_times(e->id, e->created_us, e->updated_us);
  json_set_text(o, "name", e->name);
  json_set_text(o, "projectId", e->project_id);
  json_object_set_new(o, "isEphemeral", json_boolean(e->is_ephemeral));
  json_object_set_new(o, "canAccess", json_true());
  set_id(o, "sourceEnvironmentId", e->source_environment_id);
  if (e->meta) json_object_set(o, "meta", e->meta);
  return o;
}

json_t *service_json(const struct service *s) {
  json_t *o = object_with_times(s->id, s->created_us, s->updated_us);
  json_set_text(o, "name", s->name);
  json_set_text(o, "icon", s->icon);
  json_set_text(o, "projectId", s->project_id);
  return o;
}

static json_t *source_json(const struct service_settings *s) {
  if (s->source_kind == SOURCE_NONE) return json_null();
  json_t *o = json_object();
  json_set_text(o, "repo", s->source_kind == SOURCE_REPO ? s->source_repo : NULL);
  json_set_text(o, "image", s->source_kind == SOURCE_IMAGE ? s->source_image : NULL);
  json_set_text(o, "branch", s->source_kind == SOURCE_REPO ? s->source_branch : NULL);
  return o;
}

/* Railway's enum has no DOCKERFILE: a Dockerfile is used wherever there is one. */
static const char *api_builder_name(enum builder b) {
  return b == BUILDER_DOCKERFILE ? "RAILPACK" : builder_name(b);
}

static json_t *texts_json(const struct strv *texts) {
  json_t *list = json_array();
  for (size_t i = 0; i < texts->len; i++) json_array_append_new(list, json_string(texts->items[i]));
  return list;
}

json_t *service_instance_json(const struct service_instance *i) {
  const struct service_settings *s = &i->settings;
  json_t *o = object_with_times(i->id, i->created_us, i->updated_us);
  json_set_text(o, "serviceId", i->service_id);
  json_set_text(o, "environmentId", i->environment_id);
  json_object_set_new(o, "source", source_json(s));
  json_set_text(o, "rootDirectory", s->root_directory);
  json_set_text(o, "railwayConfigFile", s->config_file);
  json_set_text(o, "builder", api_builder_name(s->builder));
  json_set_text(o, "buildCommand", s->build_command);
  json_set_text(o, "dockerfilePath", s->dockerfile_path);
  json_object_set_new(o, "watchPatterns", texts_json(&s->watch_patterns));
  json_set_text(o, "startCommand", s->start_command);
  json_set_text(o, "preDeployCommand", s->pre_deploy_command);
  json_set_text(o, "healthcheckPath", s->healthcheck_path);
  json_object_set_new(o, "healthcheckTimeout", json_integer(s->healthcheck_timeout_s));
  json_object_set_new(o, "numReplicas", json_integer(s->num_replicas));
  json_set_text(o, "restartPolicyType", restart_policy_name(s->restart_policy));
  json_object_set_new(o, "restartPolicyMaxRetries", json_integer(s->restart_max_retries));
  json_object_set_new(o, "overlapSeconds", json_integer(s->overlap_s));
  json_object_set_new(o, "drainingSeconds", json_integer(s->draining_s));
  json_object_set_new(o, "sleepApplication", json_false());
  return o;
}

static json_t *meta_json(const struct deployment *d) {
  json_t *meta = d->meta ? json_deep_copy(d->meta) : json_object();
  json_set_text(meta, "reason", deployment_cause_name(d->cause));
  if (d->message) json_set_text(meta, "cliMessage", d->message);
  if (d->settings.source_image && d->settings.source_kind == SOURCE_IMAGE)
    json_set_text(meta, "image", d->settings.source_image);
  return meta;
}

json_t *deployment_json(const struct deployment *d) {
  json_t *o = object_with_times(d->id, d->created_us, d->updated_us);
  json_set_text(o, "projectId", d->project_id);
  json_set_text(o, "environmentId", d->environment_id);
  json_set_text(o, "serviceId", d->service_id);
  json_set_text(o, "serviceInstanceId", d->service_instance_id);
  json_set_text(o, "status", deployment_status_name(d->status));
  json_set_text(o, "statusReason", d->status_reason);
  json_object_set_new(o, "statusUpdatedAt", time_json(d->status_updated_us));
  bool over = d->stopped || deployment_status_is_final(d->status) || d->status == DEPLOYMENT_CRASHED;
  json_object_set_new(o, "deploymentStopped", json_boolean(over));
  json_object_set_new(o, "meta", meta_json(d));
  set_id(o, "snapshotId", d->snapshot_id);
  set_id(o, "supersededById", d->superseded_by_id);
  set_id(o, "creatorUserId", d->creator_user_id);
  json_object_set_new(o, "detectedPort", json_integer(d->detected_port));
  return o;
}

json_t *deployment_event_json(const struct deployment_step *s) {
  json_t *payload = s->payload ? json_deep_copy(s->payload) : json_object();
  json_object_set_new(payload, "attempt", json_integer(s->attempt));
  if (s->completed_us)
    json_object_set_new(payload, "durationMs", json_integer((s->completed_us - s->started_us) / 1000));
  json_set_text(payload, "error", s->error);
  json_t *o = json_object();
  json_set_text(o, "id", s->id);
  json_set_text(o, "step", deployment_step_kind_name(s->step));
  json_object_set_new(o, "createdAt", time_json(s->started_us));
  json_object_set_new(o, "completedAt", time_json(s->completed_us));
  json_object_set_new(o, "payload", payload);
  return o;
}

static void set_count(json_t *o, const char *key, int64_t count) {
  json_object_set_new(o, key, json_integer(count < INT32_MAX ? count : INT32_MAX)); /* GraphQL's Int */
}

json_t *receipt_json(const struct receipt *r) {
  json_t *o = json_object();
  set_id(o, "previousDeploymentId", r->previous_id);
  json_object_set_new(o, "startedAt", time_json(r->began_us));
  json_object_set_new(o, "switchedAt", time_json(r->switched_us));
  json_object_set_new(o, "drainedAt", time_json(r->drained_us));
  json_object_set_new(o, "endedAt", time_json(r->ended_us));
  if (!r->counted) return o;
  set_count(o, "servedRequests", r->served);
  set_count(o, "failedRequests", r->failed);
  set_count(o, "abortedRequests", r->aborted);
  set_count(o, "applicationErrors", r->app_errors);
  set_count(o, "slowestMs", r->slowest_ms);
  set_count(o, "streams", r->streams);
  set_count(o, "drainedConnections", r->drained);
  set_count(o, "cutConnections", r->cut);
  json_object_set_new(o, "complete", json_boolean(r->complete));
  return o;
}

json_t *volume_json(const struct volume *v) {
  json_t *o = object_with_times(v->id, v->created_us, v->updated_us);
  json_set_text(o, "name", v->name);
  json_set_text(o, "projectId", v->project_id);
  return o;
}

json_t *bucket_json(const struct bucket *b) {
  json_t *o = object_with_times(b->id, b->created_us, b->updated_us);
  json_set_text(o, "name", b->name);
  json_set_text(o, "projectId", b->project_id);
  return o;
}

json_t *domain_json(const struct domain *d) {
  json_t *o = object_with_times(d->id, d->created_us, d->updated_us);
  json_set_text(o, "domain", d->host);
  json_set_text(o, "suffix", d->suffix);
  json_set_text(o, "projectId", d->project_id);
  json_set_text(o, "environmentId", d->environment_id);
  json_set_text(o, "serviceId", d->service_id);
  json_object_set_new(o, "targetPort", d->target_port ? json_integer(d->target_port) : json_null());
  json_set_text(o, "syncStatus", sync_status_name(d->sync_status));
  return o;
}

json_t *tcp_proxy_json(const struct tcp_proxy *p, const char *domain, enum sync_status status) {
  json_t *o = object_with_times(p->id, p->created_us, p->updated_us);
  json_set_text(o, "domain", domain);
  json_set_text(o, "environmentId", p->environment_id);
  json_set_text(o, "serviceId", p->service_id);
  json_object_set_new(o, "applicationPort", json_integer(p->application_port));
  json_object_set_new(o, "proxyPort", json_integer(p->proxy_port));
  json_object_set(o, "allow", p->allow);
  json_set_text(o, "syncStatus", sync_status_name(status));
  return o;
}

static json_t *attribute(const char *key, const json_t *value) {
  auto_free char *text = json_to_text(value);
  return json_pack("{s:s, s:s}", "key", key, "value", text);
}

static json_t *log_attributes(const struct log_entry *entry) {
  json_t *list = json_array();
  auto_json *level = json_string(entry->severity);
  json_array_append_new(list, attribute("level", level));
  auto_json *more = str_empty(entry->attributes) ? NULL : json_loads(entry->attributes, 0, NULL);
  const char *key;
  json_t *value;
  json_object_foreach(more, key, value) json_array_append_new(list, attribute(key, value));
  return list;
}

/* RFC 3339 with all nine digits, so that equal microseconds still differ. */
static json_t *time_ns_json(int64_t time_ns) {
  char text[CLOCK_TEXT_SIZE], full[CLOCK_TEXT_SIZE + 8];
  clock_format(time_ns / 1000, text);
  snprintf(full, sizeof full, "%.26s%03dZ", text, (int)(time_ns % 1000));
  return json_string(full);
}

json_t *log_json(const struct log_entry *entry, const char *deployment_id) {
  json_t *o = json_object();
  json_object_set_new(o, "timestamp", time_ns_json(entry->time_ns));
  json_set_text(o, "message", entry->message);
  json_set_text(o, "severity", entry->severity);
  json_object_set_new(o, "attributes", log_attributes(entry));
  json_t *tags = json_object();
  json_set_text(tags, "deploymentId", deployment_id);
  json_set_text(tags, "deploymentInstanceId", str_empty(entry->instance_id) ? NULL : entry->instance_id);
  json_object_set_new(o, "tags", tags);
  return o;
}
