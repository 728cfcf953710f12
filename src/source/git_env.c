#include "source/git_env.h"

#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/secret.h"

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

#define KEY_PREFIX "key-"

static err *remove_keys(const char *folder_path) {
  err *e = NULL;
  DIR *folder = opendir(folder_path);
  if (!folder) return err_errno(errno, "reading '%s'", folder_path);
  for (struct dirent *entry; (entry = folder_next(folder, folder_path, &e));)
    if (str_starts(entry->d_name, KEY_PREFIX)) unlinkat(dirfd(folder), entry->d_name, 0);
  closedir(folder);
  return e;
}

err *git_env_write_key(const char *dir, const char *key, char **ret_path) {
  auto_free char *name = secret_random_hex(8);
  bool ended = str_ends(key, "\n"); /* without it OpenSSH takes it for broken */
  auto_free char *text = str_format("%s%s", key, ended ? "" : "\n");
  char *path = str_format("%s/ssh/" KEY_PREFIX "%s", dir, name);
  err *e = file_write_fast(path, text, strlen(text), 0600);
  secret_wipe(text, strlen(text));
  if (e)
    free(path);
  else
    *ret_path = path;
  return e;
}

err *git_env_prepare(const char *dir) {
  auto_free char *ssh = path_join(dir, "ssh"), *config = path_join(dir, "config");
  TRY(file_make_dirs(ssh, 0700));
  TRY(remove_keys(ssh));
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
static void add_ssh_command(struct strv *env, const char *dir, const char *key) {
  auto_free char *own = path_join(dir, "ssh/id");
  strv_addf(env,
            "GIT_SSH_COMMAND=ssh -F /dev/null -o BatchMode=yes -o ConnectTimeout=20"
            " -o IdentitiesOnly=yes -o 'IdentityFile=\"%s\"'"
            " -o StrictHostKeyChecking=accept-new -o 'UserKnownHostsFile=\"%s/ssh/known_hosts\"'",
            key ? key : own, dir);
}

/* "https://host:port/": where the credentials may be sent. */
static char *origin_of(const char *url) {
  const char *host = strstr(url, "://") + 3;
  return str_format("%.*s/", (int)(host - url + (ptrdiff_t)strcspn(host, "/?#")), url);
}

void git_env_add(struct strv *env, const char *dir, const struct git_url *url, const char *ssh_key, bool allow_local) {
  strv_add(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  strv_addf(env, "HOME=%s", dir); /* no .netrc, no user configuration */
  strv_add(env, "LC_ALL=C.UTF-8");
  strv_add(env, "GIT_CONFIG_NOSYSTEM=1");
  strv_add(env, "GIT_ATTR_NOSYSTEM=1");
  strv_addf(env, "GIT_CONFIG_GLOBAL=%s/config", dir);
  strv_add(env, "GIT_TERMINAL_PROMPT=0");
  strv_addf(env, "GIT_ALLOW_PROTOCOL=https:http:ssh:git%s", allow_local ? ":file" : "");
  add_ssh_command(env, dir, ssh_key);
  add_from_own_environment(env);
  if (!url || !url->authorization) return;
  auto_free char *origin = origin_of(url->plain);
  strv_add(env, "GIT_CONFIG_COUNT=1");
  strv_addf(env, "GIT_CONFIG_KEY_0=http.%s.extraHeader", origin);
  strv_addf(env, "GIT_CONFIG_VALUE_0=%s", url->authorization);
}
