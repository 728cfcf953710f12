#include "build/build_key.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"

#define FORMAT "tramway build 2" /* change it when equal inputs shall give other images */

static int compare(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_one_of(const char *const *names, const char *variable) {
  size_t len = strcspn(variable, "=");
  for (; *names; names++)
    if (strlen(*names) == len && strncmp(*names, variable, len) == 0) return true;
  return false;
}

/* Of no planned build: it changes with every deployment, or says only how the app is run. */
static bool is_no_input(const char *variable) {
  static const char *const names[] = {
      "RAILWAY_DEPLOYMENT_ID", "RAILWAY_SNAPSHOT_ID", "RAILWAY_REPLICA_ID", "RAILWAY_DEPLOYMENT_OVERLAP_SECONDS",
      "RAILWAY_DEPLOYMENT_DRAINING_SECONDS", "RAILWAY_HEALTHCHECK_TIMEOUT_SEC", "RAILWAY_RUN_UID",
      "RAILWAY_SHM_SIZE_BYTES", NULL};
  return is_one_of(names, variable);
}

/* The builder's own, which no Dockerfile declares: which file, which base images, from what. */
static bool is_builders(const char *variable) {
  static const char *const names[] = {"RAILWAY_DOCKERFILE_PATH", "TRAMWAY_DEBIAN_SUITE", "NO_CACHE", NULL};
  return is_one_of(names, variable);
}

static bool is_input(const char *variable, const struct strv *arguments) {
  if (!arguments) return !is_no_input(variable);
  auto_free char *name = str_ndup(variable, strcspn(variable, "="));
  return is_builders(variable) || strv_has(arguments, name);
}

static void hash_variables(const char *const *variables, const struct strv *arguments, char hex[65]) {
  auto_strv sorted = STRV_EMPTY;
  for (const char *const *v = variables; v && *v; v++)
    if (is_input(*v, arguments)) strv_add(&sorted, *v);
  if (sorted.len) qsort(sorted.items, sorted.len, sizeof *sorted.items, compare);
  sha256 *sum = sha256_new();
  for (size_t i = 0; i < sorted.len; i++) sha256_add(sum, sorted.items[i], strlen(sorted.items[i]) + 1);
  sha256_hex(sum, hex);
  sha256_free(sum);
}

void build_key_variables(const char *const *variables, char hex[65]) {
  hash_variables(variables, NULL, hex);
}

void build_key(const struct build_request *r, const struct strv *arguments, char hex[65]) {
  char variables[SHA256_HEX_SIZE];
  hash_variables(r->variables, arguments, variables);
  const char *const parts[] = {FORMAT, arguments ? "arguments" : "all", r->service_id,
                               r->snapshot_id, r->image, r->root_directory, r->builder, r->dockerfile_path,
                               arguments ? "" : r->build_command, arguments ? "" : r->start_command, r->target,
                               variables};
  sha256 *sum = sha256_new();
  for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
    const char *part = parts[i] ? parts[i] : "";
    sha256_add(sum, part, strlen(part) + 1);
  }
  sha256_hex(sum, hex);
  sha256_free(sum);
}
