/* What a registry says of an image, asked with skopeo: its digest, or its tags. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "build/build.h"
#include "build/builder_internal.h"
#include "build/reference.h"
#include "loop/spawn.h"

enum { ASK_MS = 60000, ANSWER_BYTES = 8 * 1024 * 1024 };

struct registry_asking {
  bool tags, with_login;
  char *host, *authfile;
  spawn *child;
  registry_answer_fn *done;
  void *arg;
};

static void asking_free(registry_asking *a) {
  if (a->authfile && unlink(a->authfile) < 0 && errno != ENOENT)
    log_warn("build", "removing '%s': %s", a->authfile, strerror(errno));
  free(a->authfile);
  free(a->host);
  free(a);
}

static err *read_tags(const struct spawn_result *result, struct strv *answer) {
  auto_json *value = NULL;
  TRY(json_parse(result->output, result->output_len, "skopeo list-tags", &value));
  const json_t *tags = json_object_get(value, "Tags");
  for (size_t i = 0; i < json_array_size(tags); i++)
    if (json_is_string(json_array_get(tags, i))) strv_add(answer, json_string_value(json_array_get(tags, i)));
  return NULL;
}

static err *read_digest(const struct spawn_result *result, struct strv *answer) {
  auto_free char *text = str_dup(result->output);
  const char *digest = str_trim(text);
  if (!str_starts(digest, "sha256:")) return err_new(ERR_CORRUPT, "skopeo answered no digest");
  strv_add(answer, digest);
  return NULL;
}

static void on_answered(void *arg, const struct spawn_result *result) {
  registry_asking *a = arg;
  auto_strv answer = STRV_EMPTY;
  err *e = registry_explain(spawn_result_err(result), a->host, a->with_login);
  if (!e && result->truncated) e = err_new(ERR_LIMIT, "%s has too many tags of it", a->host);
  if (!e) e = a->tags ? read_tags(result, &answer) : read_digest(result, &answer);
  a->done(a->arg, e, &answer);
  asking_free(a);
}

static err *write_authfile(builder *b, const struct registry_question *q, registry_asking *a) {
  auto_free char *name = secret_random_hex(8), *folder = path_join(builder_configuration(b)->data_dir, "builds");
  char *text = registry_auth_text(q->logins, q->logins_len);
  a->authfile = str_format("%s/auth-%s.json", folder, name);
  err *e = file_make_dirs(folder, 0700);
  if (!e) e = file_write_fast(a->authfile, text, strlen(text), 0600);
  secret_wipe(text, strlen(text));
  free(text);
  return e;
}

static void add_environment(const struct builder_config *config, struct strv *env) {
  strv_add(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  strv_add(env, "HOME=/root");
  if (!str_empty(config->ca_bundle)) strv_addf(env, "SSL_CERT_FILE=%s", config->ca_bundle);
  if (!str_empty(config->http_proxy)) strv_addf(env, "HTTP_PROXY=%s", config->http_proxy);
  if (!str_empty(config->https_proxy)) strv_addf(env, "HTTPS_PROXY=%s", config->https_proxy);
  if (!str_empty(config->no_proxy)) strv_addf(env, "NO_PROXY=%s", config->no_proxy);
}

static err *start(builder *b, const struct registry_question *q, registry_asking *a) {
  struct reference reference = {0};
  TRY(reference_parse(q->reference, &reference));
  a->host = str_dup(reference.registry);
  auto_free char *name = str_format("docker://%s/%s", reference.registry, reference.repository);
  auto_free char *full = str_format("%s:%s", name, reference.tag);
  reference_done(&reference);
  for (size_t i = 0; i < q->logins_len; i++) a->with_login |= str_eq(q->logins[i].host, a->host);
  TRY(write_authfile(b, q, a));
  auto_strv argv = STRV_EMPTY, env = STRV_EMPTY;
  strv_add(&argv, "skopeo");
  strv_add_all(&argv, q->tags ? (const char *const[]){"list-tags", NULL}
                              : (const char *const[]){"inspect", "--no-tags", "--format", "{{.Digest}}", NULL});
  strv_add_all(&argv, (const char *const[]){"--authfile", a->authfile,
                                            registry_is_loopback(a->host) ? "--tls-verify=false" : "--tls-verify=true",
                                            q->tags ? name : full, NULL});
  add_environment(builder_configuration(b), &env);
  struct spawn_options options = {.argv = (const char *const *)argv.items,
                                  .env = (const char *const *)env.items,
                                  .deadline_ms = ASK_MS,
                                  .collect_limit = ANSWER_BYTES};
  return spawn_start(builder_loop(b), &options, on_answered, a, &a->child);
}

err *builder_ask_registry(builder *b, const struct registry_question *question, registry_answer_fn *done, void *arg,
                          registry_asking **ret_asking) {
  registry_asking *a = mem_zalloc(sizeof *a);
  *a = (registry_asking){.tags = question->tags, .done = done, .arg = arg};
  err *e = start(b, question, a);
  if (e)
    asking_free(a);
  else
    *ret_asking = a;
  return e;
}

void registry_asking_cancel(registry_asking *a) {
  spawn_cancel(a->child, 1000);
}
