/* All settings of a service in one environment.  They live in the service instance, may be
 * overridden by config-as-code, and are frozen into every deployment, so that a rollback restores
 * them.
 *
 * As JSON they have the form of Railway's EnvironmentConfig (reference section 1 and 2.5):
 *   {"source": {"repo": …}, "build": {"builder": …}, "deploy": {"startCommand": …}}
 * Only what differs from the defaults is written.  So the defaults below are part of the stored
 * format: a change of one needs a migration that writes the old value into the rows that rely on it
 * (tests/unit/model/service_settings_test.c pins them). */
#ifndef TRAMWAY_MODEL_SERVICE_SETTINGS_H
#define TRAMWAY_MODEL_SERVICE_SETTINGS_H

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "model/names.h"
#include "model/tag_update.h"

enum source_kind { SOURCE_NONE, SOURCE_UPLOAD, SOURCE_REPO, SOURCE_IMAGE };
MODEL_ENUM(source_kind); /* none upload repo image */

/* RAILPACK stands for Tramway's own planner; NIXPACKS, HEROKU and PAKETO are accepted and mean the
 * same.  A Dockerfile, where there is one, is used regardless (reference 2.4). */
enum builder {
  BUILDER_RAILPACK,
  BUILDER_DOCKERFILE,
  BUILDER_NIXPACKS,
  BUILDER_HEROKU,
  BUILDER_PAKETO,
};
MODEL_ENUM(builder);

enum restart_policy { RESTART_ON_FAILURE, RESTART_ALWAYS, RESTART_NEVER };
MODEL_ENUM(restart_policy);

struct service_settings {
  enum source_kind source_kind;
  char *source_repo;    /* "owner/name", a URL or a local path */
  char *source_branch;  /* NULL: the repository's default */
  char *source_commit;  /* pins one commit; NULL: the branch's newest */
  char *source_image;   /* image reference */
  enum auto_updates auto_updates; /* whether a newer image is deployed by itself */
  json_t *auto_update_schedule;   /* when that may be: schedule_check; NULL: at any time */
  bool check_suites;    /* a push waits until every check of its commit has ended ("Wait for CI") */
  bool auto_deploy;     /* a push to the branch deploys; true */
  char *root_directory; /* in the source; NULL: its root */
  char *config_file;    /* path of railway.toml/.json from the source's root; NULL: look for it */

  enum builder builder;
  char *build_command;
  char *dockerfile_path; /* NULL: "Dockerfile" */
  struct strv watch_patterns;

  char *start_command; /* NULL: the image's own */
  char *pre_deploy_command;
  char *healthcheck_path;        /* NULL: ready when the port listens */
  int64_t healthcheck_timeout_s; /* 300 */
  enum restart_policy restart_policy;
  int64_t restart_max_retries; /* 10 */
  int64_t num_replicas;        /* 1 */
  int64_t overlap_s;           /* 0 */
  int64_t draining_s;          /* 0 */
  char *required_mount_path; /* it is not deployed without a volume there */
  int64_t memory_bytes;        /* 0: the platform's default */
  int64_t cpu_millis;          /* 0: the platform's default; 1000 = one core */
};

/* What source_repo says of code that is pushed to Tramway itself: the project's own repository, or the
 * service's (docs/deploy-from-git.md). */
#define SOURCE_PUSHED_PROJECT "push:project"
#define SOURCE_PUSHED_SERVICE "push:service"

#define HEALTHCHECK_TIMEOUT_S_DEFAULT 300 /* reference 2.5 */
#define RESTART_MAX_RETRIES_DEFAULT 10    /* reference 2.5 */
#define NUM_REPLICAS_DEFAULT 1

#define HEALTHCHECK_TIMEOUT_S_MAX 86400
#define RESTART_MAX_RETRIES_MAX 1000000
#define NUM_REPLICAS_MAX 50 /* reference 2.8, scaling */
#define OVERLAP_S_MAX 86400
#define DRAINING_S_MAX 86400
#define CPU_MILLIS_MAX 1024000
#define MEMORY_BYTES_MIN (16LL << 20) /* less cannot start a process in a container reliably */
#define MEMORY_BYTES_MAX (1LL << 44)
#define COMMAND_LEN_MAX 32768 /* bytes; far below the kernel's 128 KiB for one argument */
#define SETTING_PATH_LEN_MAX 4096
#define WATCH_PATTERNS_MAX 256

/* A settings struct begins here, not with {0}: not all defaults are zero. */
void service_settings_init(struct service_settings *s);
void service_settings_done(struct service_settings *s); /* leaves {0}; {0} is fine */
void service_settings_copy(const struct service_settings *s, struct service_settings *ret_copy);

json_t *service_settings_to_json(const struct service_settings *s); /* the caller owns it */

/* Sets in `s` what `object` says and leaves the rest as it is; null sets the default.  `s` must be
 * initialised.  Empty text is none.  Numbers may be text ("60"); preDeployCommand may be a list,
 * which becomes one command joined with " && ".  Keys that are not settings are passed over: the
 * caller that wants to warn about them asks service_settings_known_key.
 * ERR_INVALID on a value of the wrong type or an unknown word; `s` may then be partly set. */
fallible service_settings_apply_json(struct service_settings *s, const json_t *object);

/* Whether `path` ("deploy.startCommand") is a setting. */
bool service_settings_known_key(const char *path);

/* ERR_INVALID when a value is out of range or does not make sense; names the setting.  Call it
 * after a change by a user; stored settings have passed it. */
fallible service_settings_check(const struct service_settings *s);

/* Whether two settings are equal (the same JSON). */
bool service_settings_equal(const struct service_settings *a, const struct service_settings *b);

/* The settings one by one, each as text for people; `i` is below the count.  The text is NULL for
 * one that is not set, which of a limit means the platform's default; the caller owns it. */
size_t service_settings_count(void);
const char *service_settings_path(size_t i); /* "deploy.startCommand" */
char *service_settings_text(const struct service_settings *s, size_t i);

#define auto_service_settings                                                                      \
  __attribute__((cleanup(service_settings_done))) struct service_settings

#endif
