/* tramway-build-runtime: the OCI runtime that buildah is given.  It is crun, but a container that is
 * about to be created gets further environment variables first: those of the file named by
 * TRAMWAY_BUILD_ENV ("NAME=value", each ended by a NUL byte).
 *
 * This is how RUN lines learn of the host's CA bundle and the planner's builds of the service's
 * variables, without a trace: `ENV` and `--env` would be baked into the image, `ARG` into its
 * history, and buildah has no other way.  A variable that the container already has stays.
 *
 * An entry "=NAME=digest" is about the next one: where the container has exactly NAME=digest (a secret
 * argument as buildah was told it, build_source.c), it gets that instead. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

enum { CONFIG_LIMIT = 16 * 1024 * 1024, ENV_LIMIT = 4 * 1024 * 1024 };

#define RUNTIME "/usr/bin/crun"

static bool has_variable(const json_t *env, const char *name, size_t name_len) {
  for (size_t i = 0; i < json_array_size(env); i++) {
    const char *item = json_string_value(json_array_get(env, i));
    if (item && strncmp(item, name, name_len) == 0 && item[name_len] == '=') return true;
  }
  return false;
}

static void replace_variable(json_t *env, const char *told, const char *meant) {
  for (size_t i = 0; i < json_array_size(env); i++)
    if (str_eq(json_string_value(json_array_get(env, i)), told)) json_array_set_new(env, i, json_string(meant));
}

static void add_variables(json_t *env, const struct str *variables) {
  const char *end = variables->data + variables->len;
  for (const char *p = variables->data; p < end; p += strlen(p) + 1) {
    if (*p == '=' && p + strlen(p) + 1 < end) {
      const char *told = p + 1;
      p += strlen(p) + 1;
      replace_variable(env, told, p);
      continue;
    }
    size_t name_len = strcspn(p, "=");
    if (p[name_len] == '=' && name_len && !has_variable(env, p, name_len))
      json_array_append_new(env, json_string(p));
  }
}

static err *add_to_bundle(const char *bundle, const char *variables_path) {
  auto_free char *path = path_join(bundle, "config.json");
  auto_str text = STR_EMPTY, variables = STR_EMPTY;
  TRY(file_read(path, CONFIG_LIMIT, &text));
  TRY(file_read(variables_path, ENV_LIMIT, &variables));
  auto_json *config = NULL;
  TRY(json_parse(str_text(&text), text.len, path, &config));
  json_t *env = json_object_get(json_object_get(config, "process"), "env");
  if (!json_is_array(env)) return err_new(ERR_CORRUPT, "'%s' has no process.env", path);
  if (variables.len) add_variables(env, &variables);
  auto_free char *changed = json_to_text(config);
  return file_write_fast(path, changed, strlen(changed), 0600);
}

int main(int argc, char **argv) {
  const char *bundle = NULL, *variables = getenv("TRAMWAY_BUILD_ENV");
  for (int i = 1; i + 1 < argc; i++) {
    if (str_eq(argv[i], "--bundle")) bundle = argv[i + 1];
  }
  if (bundle && variables) {
    auto_err *e = add_to_bundle(bundle, variables);
    if (e) {
      fprintf(stderr, "tramway-build-runtime: %s\n", err_message(e));
      return 125;
    }
  }
  argv[0] = (char *)RUNTIME;
  execv(RUNTIME, argv);
  perror("tramway-build-runtime: starting " RUNTIME);
  return 127;
}
