/* An environment as one document: Railway's EnvironmentConfig (reference section 1).
 *
 *   {"services": {<service id>: {
 *        "name": "web", "configFile": …, "source": {…}, "build": {…}, "deploy": {…},
 *        "volumeMounts": {<volume id>: {"mountPath": "/data", "backupSchedules": ["DAILY"]}},
 *        "networking": {"serviceDomains": {<host>: {"port": 3000}}, "customDomains": {…},
 *                       "tcpProxies": {"5432": {"allow": ["203.0.113.0/24"]}}},
 *        "variables": {<NAME>: {"value": "…", "isSealed": true}}}},
 *    "sharedVariables": {<NAME>: {…}}, "volumes": {<volume id>: {"name", "sizeMB"}},
 *    "buckets": {<bucket id>: {"name", "region"}}}
 *
 * "name" and "allow" are Tramway's additions.  A setting that has its default is not in it, nor "isSealed" unless
 * it is so, nor "port" unless it is set.  The source's kind follows from image or repo.
 *
 * Pure: rows in, JSON out.  A document made here holds the value of every variable, sealed ones too:
 * and the password of "deploy.registryCredentials", which is no setting: it stays inside; environment_config_told is what may leave. */
#ifndef TRAMWAY_CORE_ENVIRONMENT_CONFIG_H
#define TRAMWAY_CORE_ENVIRONMENT_CONFIG_H

#include <jansson.h>
#include <stdbool.h>

#include "base/secret.h"
#include "model/backup.h"
#include "model/bucket.h"
#include "model/credential.h"
#include "model/domain.h"
#include "model/service.h"
#include "model/tcp_proxy.h"
#include "model/variable.h"
#include "model/volume.h"

/* What the document is made of.  Begins as {0}. */
struct environment_rows {
  struct service_list services;           /* all of the project */
  struct service_instance_list instances; /* these and the following: of the environment */
  struct variable_list variables;
  struct domain_list domains;
  struct volume_instance_list volume_instances;
  struct tcp_proxy_list tcp_proxies;
  struct credential_list credentials; /* these: of the project */
  struct volume_list volumes;
  struct bucket_list buckets;
  struct bucket_instance_list bucket_instances; /* of the environment again, as is the next; deleted ones, too */
  struct backup_schedule_list backup_schedules; /* where they are not the default */
};
void environment_rows_done(struct environment_rows *rows);
#define auto_environment_rows __attribute__((cleanup(environment_rows_done))) struct environment_rows

const struct service *environment_rows_service(const struct environment_rows *rows, const char *id);

/* The caller owns it. */
json_t *environment_config_make(const struct environment_rows *rows);

/* A copy of a document or patch without the values of sealed variables, and without any value of a
 * variable unless `values`.  `config` (or NULL) tells which variables that a patch changes are sealed
 * already.  The caller owns it. */
json_t *environment_config_told(const json_t *document, const json_t *config, bool values);

/* Tells whether two documents are equal to who has the key only: of all of it, secrets too. */
void environment_config_etag(const json_t *config, const char *key, char ret_etag[SHA256_HEX_SIZE]);

/* The settings in a service's part of a document.  The caller ends them. */
fallible environment_config_settings(const json_t *service, struct service_settings *ret_settings);

/* The same backwards: sets source, build, deploy and configFile of `service` (object), and removes
 * what has its default. */
void environment_config_set_settings(json_t *service, const struct service_settings *settings);

/* deploy.registryCredentials of a service's part, {"username", "password"}; NULL: none.  Borrowed. */
const json_t *environment_config_registry(const json_t *service);
void environment_config_set_registry(json_t *service, const json_t *registry); /* NULL takes it away */
void environment_config_hide_registry(json_t *service); /* takes the password out */

#endif
