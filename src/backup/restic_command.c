#include "backup/restic_command.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define S3 "s3:"

bool restic_place_is_folder(const struct restic_place *p) {
  return p->location[0] == '/';
}

static err *check_s3(const struct restic_place *p) {
  const char *url = p->location + strlen(S3);
  const char *host = str_starts(url, "https://") ? url + 8 : str_starts(url, "http://") ? url + 7 : NULL;
  const char *bucket = host ? strchr(host, '/') : NULL;
  if (!host || !bucket || bucket == host || !bucket[1] || bucket[1] == '/')
    return err_new(ERR_INVALID, "the place for backups at S3 is written s3:https://<host>/<bucket>[/<prefix>]");
  if (memchr(host, '@', (size_t)(bucket - host)))
    return err_new(ERR_INVALID, "credentials do not belong into the place for backups: `tram backup credentials` takes them");
  if (str_empty(p->access_key_id) || str_empty(p->secret_access_key))
    return err_new(ERR_DENIED, "backups go to S3, and its credentials are not set: `tram backup credentials` takes them");
  return NULL;
}

err *restic_place_check(const struct restic_place *p) {
  for (const char *c = p->location; *c; c++)
    if ((unsigned char)*c <= ' ') return err_new(ERR_INVALID, "the place for backups has a space or control character");
  if (restic_place_is_folder(p)) return NULL;
  if (str_starts(p->location, S3)) return check_s3(p);
  return err_new(ERR_INVALID, "the place for backups is an absolute folder, or s3:https://<host>/<bucket>[/<prefix>]");
}

bool restic_name_ok(const char *name) {
  size_t len = strlen(name);
  for (size_t i = 0; i < len; i++)
    if (!islower((unsigned char)name[i]) && !isdigit((unsigned char)name[i]) && (name[i] != '-' || !i)) return false;
  return len > 0 && len <= RESTIC_NAME_MAX;
}

bool restic_id_ok(const char *id) {
  size_t len = strspn(id, "0123456789abcdef");
  return !id[len] && len >= 8 && len <= 64;
}

char *restic_repository(const struct restic_place *p, const char *name) {
  bool ends = str_ends(p->location, "/");
  return str_format("%s%s%s", p->location, ends ? "" : "/", name);
}

void restic_env(const struct restic_place *p, const char *name, struct strv *ret_env) {
  auto_free char *repository = restic_repository(p, name);
  const char *path = getenv("PATH");
  strv_addf(ret_env, "PATH=%s", path ? path : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  strv_addf(ret_env, "HOME=%s", p->cache_dir);
  strv_add(ret_env, "LANG=C.UTF-8");
  strv_addf(ret_env, "RESTIC_REPOSITORY=%s", repository);
  strv_addf(ret_env, "RESTIC_PASSWORD=%s", p->password);
  strv_addf(ret_env, "RESTIC_CACHE_DIR=%s", p->cache_dir);
  strv_add(ret_env, "RESTIC_PROGRESS_FPS=1");
  strv_add(ret_env, "GOMAXPROCS=2"); /* it packs on all cores else */
  strv_add(ret_env, "GOGC=30");      /* a third of the memory for some more of the processor */
  if (restic_place_is_folder(p)) return;
  strv_addf(ret_env, "AWS_ACCESS_KEY_ID=%s", p->access_key_id);
  strv_addf(ret_env, "AWS_SECRET_ACCESS_KEY=%s", p->secret_access_key);
  if (!str_empty(p->region)) strv_addf(ret_env, "AWS_DEFAULT_REGION=%s", p->region);
  if (!str_empty(p->ca_bundle)) strv_addf(ret_env, "SSL_CERT_FILE=%s", p->ca_bundle);
}

/* --host is constant, so that a snapshot finds the one before it after the machine got another name. */
void restic_backup_argv(const struct restic_backup_words *w, struct strv *ret_argv) {
  static const char *const begin[] = {"restic", "backup", "--json", "--host", "tramway", NULL};
  strv_add_all(ret_argv, begin);
  if (w->tag) {
    strv_add(ret_argv, "--tag");
    strv_add(ret_argv, w->tag);
  }
  for (size_t i = 0; w->excludes && w->excludes[i]; i++) strv_addf(ret_argv, "--exclude=%s", w->excludes[i]);
  strv_add(ret_argv, w->path ? w->path : ".");
}

void restic_restore_argv(const char *snapshot, const char *const *includes, struct strv *ret_argv) {
  static const char *const begin[] = {"restic", "restore", "--target", ".", "--verify", NULL};
  strv_add_all(ret_argv, begin);
  for (size_t i = 0; includes && includes[i]; i++) strv_addf(ret_argv, "--include=%s", includes[i]);
  strv_add(ret_argv, snapshot);
}
