#include "build/buildah_command.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define CA_INSIDE "/dev/tramway/ca.crt"

/* What the usual programs read to trust one more CA. */
static const char *const ca_variables[] = {"SSL_CERT_FILE",  "CURL_CA_BUNDLE",      "REQUESTS_CA_BUNDLE",
                                           "PIP_CERT",       "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO",
                                           "CARGO_HTTP_CAINFO"};

void buildah_command_begin(const struct builder_config *config, const struct buildah_paths *paths,
                           const struct strv *cgroups, const char *network, struct strv *ret_argv) {
  strv_add(ret_argv, config->exec_program);
  for (size_t i = 0; i < cgroups->len; i++) {
    strv_add(ret_argv, "--cgroup");
    strv_add(ret_argv, cgroups->items[i]);
  }
  if (network) { /* ADD of a URL and FROM of a registry happen in buildah itself */
    strv_add(ret_argv, "--netns");
    strv_add(ret_argv, network);
  }
  const char *const rest[] = {"--private-mounts", "--hide-cgroup2", "--die-with-parent", "--", "buildah",
                              "--root", paths->root, "--runroot", paths->run_root,
                              "--storage-driver", "overlay", NULL};
  strv_add_all(ret_argv, rest);
}

static void add_option(struct strv *argv, const char *name, const char *value) {
  if (str_empty(value)) return;
  strv_add(argv, name);
  strv_add(argv, value);
}

static void add_ca_mounts(struct strv *argv, const struct builder_config *config,
                          const struct buildah_paths *paths) {
  if (str_empty(config->ca_bundle)) return;
  auto_free char *bundle = str_format("%s:" CA_INSIDE ":ro", config->ca_bundle);
  auto_free char *apt = str_format("%s/apt.conf:/dev/tramway/apt.conf:ro", paths->conf);
  auto_free char *wget = str_format("%s/wgetrc:/dev/tramway/wgetrc:ro", paths->conf);
  add_option(argv, "--volume", bundle);
  add_option(argv, "--volume", apt);
  add_option(argv, "--volume", wget);
}

void buildah_command_build(const struct builder_config *config, const struct buildah_paths *paths,
                           const struct buildah_options *options, const char *network,
                           const char *cgroup_parent, const char *id_file, struct strv *ret_argv) {
  /* "docker": the OCI format has no SHELL, HEALTHCHECK and ONBUILD */
  const char *const fixed[] = {"build", "--isolation", "oci", "--format", "docker", "--layers",
                               "--force-rm", "--pull=never", "--identity-label=false", NULL};
  strv_add_all(ret_argv, fixed);
  auto_free char *ns = str_format("ns:%s", network);
  add_option(ret_argv, "--network", ns);
  add_option(ret_argv, "--runtime", paths->runtime);
  add_option(ret_argv, "--cgroup-parent", cgroup_parent);
  add_option(ret_argv, "--iidfile", id_file);
  add_option(ret_argv, "--file", options->dockerfile);
  add_option(ret_argv, "--ignorefile", options->ignore_file);
  add_option(ret_argv, "--target", options->target);
  add_option(ret_argv, "--tag", options->tag);
  if (options->no_cache) strv_add(ret_argv, "--no-cache");
  for (size_t i = 0; options->args && options->args[i]; i++) {
    const char *arg = options->args[i];
    strv_add(ret_argv, "--build-arg");
    strv_add_take(ret_argv, str_ndup(arg, strcspn(arg, "=")));
  }
  add_ca_mounts(ret_argv, config, paths);
  strv_add(ret_argv, options->context);
}

static void add_variable(struct strv *env, const char *name, const char *value) {
  if (!str_empty(value)) strv_addf(env, "%s=%s", name, value);
}

static void add_proxies(struct strv *env, const struct builder_config *config) {
  add_variable(env, "http_proxy", config->http_proxy); /* buildah hands these on and bakes none */
  add_variable(env, "HTTP_PROXY", config->http_proxy);
  add_variable(env, "https_proxy", config->https_proxy);
  add_variable(env, "HTTPS_PROXY", config->https_proxy);
  add_variable(env, "no_proxy", config->no_proxy);
  add_variable(env, "NO_PROXY", config->no_proxy);
}

/* Build arguments share buildah's environment with its own settings: these names are buildah's. */
static bool is_own_name(const char *variable) {
  static const char *const own[] = {"PATH=", "HOME=", "TMPDIR=", "CONTAINERS_", "BUILDAH_", "STORAGE_",
                                    "TRAMWAY_BUILD_ENV=", "XDG_", "LD_", "SSL_CERT_", "REGISTRY_", "_CONTAINERS_"};
  for (size_t i = 0; i < ARRAY_LEN(own); i++)
    if (str_starts(variable, own[i])) return true;
  return false;
}

void buildah_command_env(const struct builder_config *config, const struct buildah_paths *paths,
                         const struct buildah_options *options, struct strv *ret_env) {
  strv_add(ret_env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  strv_add(ret_env, "HOME=/root");
  strv_addf(ret_env, "TMPDIR=%s", paths->tmp);
  strv_addf(ret_env, "CONTAINERS_CONF=%s/containers.conf", paths->conf);
  strv_addf(ret_env, "CONTAINERS_STORAGE_CONF=%s/storage.conf", paths->conf);
  add_variable(ret_env, "SSL_CERT_FILE", config->ca_bundle);
  add_proxies(ret_env, config);
  if (!options) return;
  strv_addf(ret_env, "TRAMWAY_BUILD_ENV=%s/run-env", options->work_dir);
  for (size_t i = 0; options->args && options->args[i]; i++)
    if (!is_own_name(options->args[i])) strv_add(ret_env, options->args[i]);
}

void buildah_command_run_env(const struct builder_config *config, const struct buildah_options *options,
                             struct str *ret_text) {
  auto_strv env = STRV_EMPTY;
  strv_add_all(&env, options->run_env); /* the first of a name counts: the user's own */
  for (size_t i = 0; !str_empty(config->ca_bundle) && i < ARRAY_LEN(ca_variables); i++)
    add_variable(&env, ca_variables[i], CA_INSIDE);
  if (!str_empty(config->ca_bundle)) {
    strv_add(&env, "APT_CONFIG=/dev/tramway/apt.conf");
    strv_add(&env, "WGETRC=/dev/tramway/wgetrc");
  }
  if (!str_empty(config->npm_registry)) add_variable(&env, "npm_config_registry", config->npm_registry);
  for (size_t i = 0; i < env.len; i++) str_add_bytes(ret_text, env.items[i], strlen(env.items[i]) + 1);
}
