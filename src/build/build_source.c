#include "build/build_source.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/secret.h"
#include "build/build_key.h"
#include "build/plan.h"
#include "build/source_view.h"

static const char *variable(const struct build_request *r, const char *name) {
  size_t len = strlen(name);
  for (const char *const *v = r->variables; v && *v; v++)
    if (strncmp(*v, name, len) == 0 && (*v)[len] == '=') return *v + len + 1;
  return NULL;
}

static const char *wanted_dockerfile(const struct build_request *r) {
  if (!str_empty(r->dockerfile_path)) return r->dockerfile_path;
  const char *set = variable(r, "RAILWAY_DOCKERFILE_PATH");
  return str_empty(set) ? NULL : set;
}

/* Views of the whole source and of its root directory. */
struct views {
  struct source_view all, root;
};

static err *open_views(const struct build_request *r, struct build_source *s, struct views *v) {
  err *e = source_view_open(r->source_dir, &v->all);
  if (e && err_code_of(e) == ERR_NOT_FOUND) { /* never came here with a restored backup, or was removed */
    err_free(e);
    return err_new(ERR_NOT_FOUND, "the code of this deployment is not on this machine any more: deploy it anew, "
                                  "from its folder or repository");
  }
  if (e) return e;
  const char *folder = source_path(r->root_directory ? r->root_directory : "");
  e = source_view_real_path(&v->all, folder, &s->context);
  if (!e) e = source_view_open(s->context, &v->root);
  if (!e) return NULL;
  source_view_close(&v->all);
  return err_wrap(e, "root directory '%s'", folder);
}

static void close_views(struct views *v) {
  source_view_close(&v->all);
  source_view_close(&v->root);
}

/* *ret_view is NULL when there is none. */
static err *find_dockerfile(const struct build_request *r, const struct views *v, const char **ret_path,
                            const struct source_view **ret_view) {
  const char *set = wanted_dockerfile(r);
  *ret_view = source_dockerfile(&v->all, &v->root, set, ret_path);
  if (*ret_view || (!set && !str_ieq(r->builder, "DOCKERFILE"))) return NULL;
  return err_new(ERR_NOT_FOUND, "there is no file '%s' in the source%s%s%s: %s", *ret_path,
                 str_empty(r->root_directory) ? "" : " or below its root directory '",
                 str_empty(r->root_directory) ? "" : r->root_directory,
                 str_empty(r->root_directory) ? "" : "'",
                 set ? "correct the Dockerfile path" : "add it, or choose another builder");
}

static err *take_dockerfile(const struct source_view *view, const char *path, struct build_source *s,
                            struct str *text) {
  TRY(view->read(view->arg, path, text));
  s->file_name = str_dup(path);
  auto_free char *ignore = str_format("%s.dockerignore", path);
  if (source_has(view, ignore)) TRY(source_view_real_path(view, ignore, &s->ignore_file));
  strv_add(&s->lines, "==================");
  strv_addf(&s->lines, "Using %s %s", str_eq(path, "Dockerfile") ? "detected" : "configured", path);
  strv_add(&s->lines, "==================");
  return NULL;
}

static err *take_plan(const struct build_request *r, const struct source_view *view, struct build_source *s,
                      struct str *text) {
  struct plan_request request = {
      .source = view,
      .variables = r->variables,
      .builder = r->builder,
      .build_command = r->build_command,
      .start_command = r->start_command,
      .service_id = r->service_id,
  };
  struct plan plan;
  TRY(plan_make(&request, &plan));
  strv_addf(&s->lines, "using build driver tramway-planner: %s", plan.provider);
  for (size_t i = 0; i < plan.notes.len; i++) strv_addf(&s->lines, "  %s", plan.notes.items[i]);
  if (*plan.start_command) strv_addf(&s->lines, "  start: %s", plan.start_command);
  str_add(text, plan.dockerfile);
  s->file_name = str_dup("the planner's Dockerfile");
  s->planned = true;
  plan_done(&plan);
  return NULL;
}

static void collect_variables(const struct build_request *r, struct build_source *s) {
  strv_add_all(&s->variables, r->variables);
  char hex[SHA256_HEX_SIZE];
  build_key_variables(r->variables, hex);
  if (s->planned) strv_addf(&s->variables, "TRAMWAY_VARIABLES=%s", hex);
}

/* buildah records each RUN with the arguments' values, and builds again when one has changed.  Of a secret
 * that only RUN lines use it is told a digest; the value is put in its place when they run. */
static void hide_arg(const char *key, const char *name, const char *item, struct build_source *s) {
  char digest[SHA256_HEX_SIZE];
  secret_hmac_sha256_hex(key, item, strlen(item), digest);
  strv_addf(&s->args, "%s=%s", name, digest);
  strv_addf(&s->hidden, "=%s=%s", name, digest);
  strv_add(&s->hidden, item);
}

static bool is_secret(const struct build_request *r, const char *name) {
  for (const char *const *n = r->secret_names; n && *n; n++)
    if (str_eq(*n, name)) return true;
  return false;
}

static void collect_args(const struct build_request *r, struct build_source *s) {
  dockerfile_args(s->file, &s->declared);
  for (size_t i = 0; i < s->variables.len; i++) {
    const char *item = s->variables.items[i];
    auto_free char *name = str_ndup(item, strcspn(item, "="));
    if (!strv_has(&s->declared, name)) continue;
    if (r->digest_key && !s->planned && is_secret(r, name) && !dockerfile_expands(s->file, name))
      hide_arg(r->digest_key, name, item, s);
    else
      strv_add(&s->args, item);
  }
}

static err *parse(const struct build_request *r, struct build_source *s, const struct str *text) {
  collect_variables(r, s);
  err *e = dockerfile_parse(str_text(text), text->len, (const char *const *)s->variables.items, &s->file);
  if (!e) e = dockerfile_select(s->file, s->planned ? NULL : r->target);
  if (e) return err_wrap(e, "%s", s->file_name);
  dockerfile_images(s->file, &s->images);
  collect_args(r, s);
  return NULL;
}

static err *read_into(const struct build_request *r, const struct views *v, struct build_source *s) {
  const char *path;
  const struct source_view *view;
  auto_str text = STR_EMPTY;
  TRY(find_dockerfile(r, v, &path, &view));
  if (!str_empty(r->root_directory)) strv_addf(&s->lines, "root directory set as '%s'", r->root_directory);
  if (view)
    TRY(take_dockerfile(view, path, s, &text));
  else
    TRY(take_plan(r, &v->root, s, &text));
  return parse(r, s, &text);
}

/* What a view could not look at comes before all that was concluded from it; `e` is taken. */
static err *told_truly(const struct views *v, err *e) {
  err *problem = source_view_problem(&v->root);
  if (!problem) problem = source_view_problem(&v->all);
  if (!problem) return e;
  err_ignore(e);
  return problem;
}

err *build_source_read(const struct build_request *request, struct build_source *ret_source) {
  struct build_source source = {0};
  struct views views = {0};
  err *e = open_views(request, &source, &views);
  if (!e) {
    e = told_truly(&views, read_into(request, &views, &source));
    close_views(&views);
  }
  if (e) {
    build_source_done(&source);
    return e;
  }
  *ret_source = source;
  return NULL;
}

void build_source_done(struct build_source *source) {
  free(source->context);
  free(source->file_name);
  free(source->ignore_file);
  dockerfile_free(source->file);
  strv_done(&source->images);
  strv_done(&source->variables);
  strv_done(&source->declared);
  strv_done(&source->args);
  strv_done(&source->hidden);
  strv_done(&source->lines);
  *source = (struct build_source){0};
}
