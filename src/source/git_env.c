#include "source/git_env.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

static const char config_text[] = "# Written by tramd when it starts.\n"
                                  "[core]\n\thooksPath = /dev/null\n\tfsmonitor = false\n"
                                  "[protocol \"ext\"]\n\tallow = never\n"
                                  "[credential]\n\thelper =\n"
                                  "[fetch]\n\tunpackLimit = 1\n"
                                  "[gc]\n\tauto = 0\n"
                                  "[maintenance]\n\tauto = false\n"
                                  "[http]\n\tlowSpeedLimit = 1000\n\tlowSpeedTime = 60\n"
                                  "[safe]\n\tdirectory = *\n"
                                  "[submodule]\n\trecurse = false\n"
                                  "[tar]\n\tumask = 0022\n";

err *git_env_prepare(const char *dir) {
  auto_free char *ssh = path_join(dir, "ssh"), *config = path_join(dir, "config");
  TRY(file_make_dirs(ssh, 0700));
  return file_write_changed(config, config_text, sizeof config_text - 1, 0600);
}

static void add_from_own_environment(struct strv *env) {
  static const char *const names[] = {"http_proxy", "https_proxy",   "HTTP_PROXY",    "HTTPS_PROXY",
                                      "no_proxy",   "NO_PROXY",      "all_proxy",     "ALL_PROXY",
                                      "SSL_CERT_FILE", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE"};
  for (size_t i = 0; i < ARRAY_LEN(names); i++)
    if (getenv(names[i])) strv_addf(env, "%s=%s", names[i], getenv(names[i]));
}

/* git hands this to a shell, so it holds nothing but words of ours and <dir>, quoted. */
static void add_ssh_command(struct strv *env, const char *dir) {
  strv_addf(env,
            "GIT_SSH_COMMAND=ssh -F /dev/null -o BatchMode=yes -o ConnectTimeout=20"
            " -o IdentitiesOnly=yes -o 'IdentityFile=\"%s/ssh/id\"'"
            " -o StrictHostKeyChecking=accept-new -o 'UserKnownHostsFile=\"%s/ssh/known_hosts\"'",
            dir, dir);
}

/* "https://host:port/": where the credentials may be sent. */
static char *origin_of(const char *url) {
  const char *host = strstr(url, "://") + 3;
  return str_format("%.*s/", (int)(host - url + (ptrdiff_t)strcspn(host, "/?#")), url);
}

void git_env_add(struct strv *env, const char *dir, const struct git_url *url, bool allow_local) {
  strv_add(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  strv_addf(env, "HOME=%s", dir); /* no .netrc, no user configuration */
  strv_add(env, "LC_ALL=C.UTF-8");
  strv_add(env, "GIT_CONFIG_NOSYSTEM=1");
  strv_add(env, "GIT_ATTR_NOSYSTEM=1");
  strv_addf(env, "GIT_CONFIG_GLOBAL=%s/config", dir);
  strv_add(env, "GIT_TERMINAL_PROMPT=0");
  strv_addf(env, "GIT_ALLOW_PROTOCOL=https:http:ssh:git%s", allow_local ? ":file" : "");
  add_ssh_command(env, dir);
  add_from_own_environment(env);
  if (!url->authorization) return;
  auto_free char *origin = origin_of(url->plain);
  strv_add(env, "GIT_CONFIG_COUNT=1");
  strv_addf(env, "GIT_CONFIG_KEY_0=http.%s.extraHeader", origin);
  strv_addf(env, "GIT_CONFIG_VALUE_0=%s", url->authorization);
}
