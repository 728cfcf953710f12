#include "build/build_key.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"

#define FORMAT "tramway build 1" /* change it when equal inputs shall give other images */

static int compare(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_volatile(const char *variable) {
  static const char *const names[] = {"RAILWAY_DEPLOYMENT_ID=", "RAILWAY_SNAPSHOT_ID=", "RAILWAY_REPLICA_ID="};
  for (size_t i = 0; i < ARRAY_LEN(names); i++)
    if (str_starts(variable, names[i])) return true;
  return false;
}

void build_key_variables(const char *const *variables, char hex[65]) {
  auto_strv sorted = STRV_EMPTY;
  for (const char *const *v = variables; v && *v; v++)
    if (!is_volatile(*v)) strv_add(&sorted, *v);
  if (sorted.len) qsort(sorted.items, sorted.len, sizeof *sorted.items, compare);
  sha256 *sum = sha256_new();
  for (size_t i = 0; i < sorted.len; i++) sha256_add(sum, sorted.items[i], strlen(sorted.items[i]) + 1);
  sha256_hex(sum, hex);
  sha256_free(sum);
}

void build_key(const struct build_request *r, char hex[65]) {
  char variables[SHA256_HEX_SIZE];
  build_key_variables(r->variables, variables);
  const char *const parts[] = {FORMAT, r->snapshot_id, r->image, r->root_directory, r->builder,
                               r->dockerfile_path, r->build_command, r->start_command, r->target,
                               variables};
  sha256 *sum = sha256_new();
  for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
    const char *part = parts[i] ? parts[i] : "";
    sha256_add(sum, part, strlen(part) + 1);
  }
  sha256_hex(sum, hex);
  sha256_free(sum);
}
