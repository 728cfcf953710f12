/* The builder and its builds: a build is a row of steps, each of which ends by calling step_done. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "build/apt_sources.h"
#include "build/base_image.h"
#include "build/build.h"
#include "build/build_request.h"
#include "build/build_source.h"
#include "build/builder_internal.h"
#include "build/buildah.h"
#include "build/npm_registry.h"
#include "build/reference.h"
#include "loop/timer.h"
#include "loop/work.h"

enum { NAME_LIMIT = 48 };

enum { TIDY_MS = 5000 };

struct image_builder {
  loop *loop;
  struct builder_config config;
  buildah *buildah;
  base_images *images;
  int running;
  struct strv left; /* folders of builds that could not be removed yet */
  timer *tidying;   /* tries again */
  bool registry_asked; /* config.npm_registry is what it will be */
};

struct build {
  builder *builder;
  struct build_request_copy request;
  char *name, *work_dir;
  struct build_source source;
  struct dockerfile_steps dockerfile_steps;
  map *local_images;  /* reference → image id (owned here) */
  size_t next_image;
  size_t step;
  base_wait *wait;    /* what the build waits for: one of these, or a worker thread */
  buildah_run *run;
  char *image_id;
  bool cancelled, reused;
  int64_t started_ms;
  struct image_info info;
  build_line_fn *on_line;
  build_done_fn *on_done;
  void *arg;
};

static void step_done(build *b, err *e);

static void say(build *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(build *b, const char *format, ...) {
  va_list args;
  va_start(args, format);
  auto_free char *line = str_vformat(format, args);
  va_end(args);
  b->on_line(b->arg, line);
}

static void on_line(void *arg, const char *line) {
  build *b = arg;
  if (!b->cancelled) b->on_line(b->arg, line);
}

/* --- steps --- */

/* An image that the same inputs made before needs no build. */
static void step_reuse(build *b) {
  const char *id = b->request.r.reuse_image_id;
  bool usable = !str_empty(id) && !b->request.r.no_cache;
  err *e = usable ? image_exists(b->builder->config.data_dir, id, &usable) : NULL;
  if (!e && usable) {
    say(b, "Using cached image (same source, same inputs)");
    b->image_id = str_dup(id);
    b->reused = true;
  }
  step_done(b, e);
}

static err *read_source(void *arg) {
  build *b = arg;
  return build_source_read(&b->request.r, &b->source);
}

static void on_source_read(void *arg, err *e) {
  build *b = arg;
  for (size_t i = 0; !e && !b->cancelled && i < b->source.lines.len; i++) say(b, "%s", b->source.lines.items[i]);
  step_done(b, e);
}

static void step_read(build *b) {
  if (b->image_id || b->request.r.image)
    step_done(b, NULL);
  else
    work_start(b->builder->loop, read_source, on_source_read, b);
}

/* Set once and before the first download: threads read the configuration. */
static void on_registry(void *arg, const char *url) {
  build *b = arg;
  builder *owner = b->builder;
  if (!owner->registry_asked && url) builder_config_set(&owner->config.npm_registry, url);
  if (!owner->registry_asked && !url) log_info("build", NPM_REGISTRY_UNKNOWN);
  owner->registry_asked = true;
  step_done(b, NULL);
}

static void step_registry(build *b) {
  builder *owner = b->builder;
  if (b->image_id || b->request.r.image || owner->registry_asked)
    step_done(b, NULL);
  else
    npm_registry_find(owner->loop, on_registry, b);
}

static void resolve_next(build *b);

static char *authfile_of(const build *b) {
  return path_join(b->work_dir, "auth.json");
}

/* Nobody needs it from here on. */
static void remove_authfile(build *b) {
  auto_free char *path = authfile_of(b);
  if (unlink(path) < 0 && errno != ENOENT) log_warn("build", "removing '%s': %s", path, strerror(errno));
}

static void on_image(void *arg, err *e, const char *image_id) {
  build *b = arg;
  b->wait = NULL;
  remove_authfile(b);
  if (e) {
    step_done(b, e);
    return;
  }
  map_set(b->local_images, b->source.images.items[b->next_image++], str_dup(image_id + strlen("sha256:")));
  resolve_next(b);
}

static const char *wanted_suite(const build *b) {
  const char *const *v = b->request.r.variables;
  for (; v && *v; v++)
    if (str_starts(*v, "TRAMWAY_DEBIAN_SUITE=")) return *v + strlen("TRAMWAY_DEBIAN_SUITE=");
  return "";
}

static bool has_login(const build *b, const char *text) {
  struct reference reference = {0};
  auto_err *e = reference_parse(text, &reference);
  bool has = false;
  for (size_t i = 0; !e && i < b->request.r.logins_len; i++)
    has |= str_eq(b->request.r.logins[i].host, reference.registry);
  reference_done(&reference);
  return has;
}

static err *write_authfile(build *b, const char *path) {
  char *text = registry_auth_text(b->request.r.logins, b->request.r.logins_len);
  err *e = file_make_dirs(b->work_dir, 0700);
  if (!e) e = file_write_fast(path, text, strlen(text), 0600);
  secret_wipe(text, strlen(text));
  free(text);
  return e;
}

static void start_resolving(build *b, const char *reference, base_image_done_fn *done) {
  auto_free char *authfile = has_login(b, reference) ? authfile_of(b) : NULL;
  err *e = authfile ? write_authfile(b, authfile) : NULL;
  if (e) {
    step_done(b, e);
    return;
  }
  struct base_request request = {
      .reference = reference,
      .authfile = authfile,
      .suite = wanted_suite(b),
      .recipe = true,
      .on_line = on_line,
      .done = done,
      .arg = b,
  };
  b->wait = base_image_resolve(b->builder->images, &request);
}

static void resolve_next(build *b) {
  if (b->cancelled || b->next_image == b->source.images.len)
    step_done(b, NULL);
  else
    start_resolving(b, b->source.images.items[b->next_image], on_image);
}

static void on_pulled(void *arg, err *e, const char *image_id) {
  build *b = arg;
  b->wait = NULL;
  remove_authfile(b);
  if (!e) {
    b->image_id = str_dup(image_id);
    say(b, "Image %s is %s", b->request.r.image, image_id);
  }
  step_done(b, e);
}

static void step_images(build *b) {
  if (b->image_id)
    step_done(b, NULL);
  else if (b->request.r.image)
    start_resolving(b, b->request.r.image, on_pulled);
  else
    resolve_next(b);
}

static err *write_dockerfile(build *b, const char *path) {
  struct dockerfile_rewrite how = {
      .images = b->local_images,
      .variables = (const char *const *)b->source.variables.items,
      .service_id = b->request.r.service_id,
  };
  auto_str text = STR_EMPTY;
  TRY(err_wrap(dockerfile_rewrite(b->source.file, &how, &text, &b->dockerfile_steps), "%s", b->source.file_name));
  TRY(file_make_dirs(b->work_dir, 0700));
  return file_write_fast(path, str_text(&text), text.len, 0600);
}

static void on_built(void *arg, err *e, const char *image_id) {
  build *b = arg;
  b->run = NULL;
  b->image_id = str_dup(image_id);
  step_done(b, e);
}

static void step_build(build *b) {
  auto_free char *path = path_join(b->work_dir, "Dockerfile");
  err *e = b->image_id ? NULL : write_dockerfile(b, path);
  if (e || b->image_id) {
    step_done(b, e);
    return;
  }
  struct buildah_options options = {
      .name = b->name,
      .work_dir = b->work_dir,
      .context = b->source.context,
      .dockerfile = path,
      .file_name = b->source.file_name,
      .steps = &b->dockerfile_steps,
      .ignore_file = b->source.ignore_file,
      .args = (const char *const *)b->source.args.items,
      .run_env = b->source.planned ? b->request.r.variables : (const char *const *)b->source.hidden.items,
      .no_cache = b->request.r.no_cache,
  };
  buildah_start(b->builder->buildah, &options, on_line, on_built, b, &b->run);
}

static void tell_inputs(build *b) {
  struct image_info *info = &b->info;
  info->planned = b->source.planned;
  if (!info->planned) strv_add_all(&info->arguments, (const char *const *)b->source.declared.items);
  build_key(&b->request.r, info->planned ? NULL : &info->arguments, info->build_key);
}

static void on_inspected(void *arg, err *e, const struct image_info *info) {
  build *b = arg;
  if (!e) image_info_copy(info, &b->info);
  if (!e && !b->reused) tell_inputs(b);
  step_done(b, e);
}

static void step_inspect(build *b) {
  buildah_inspect(b->builder->buildah, b->image_id, on_inspected, b);
}

static void (*const steps[])(build *) = {step_reuse, step_read, step_registry, step_images, step_build, step_inspect};

/* --- the end --- */

static void build_free(build *b) {
  size_t cursor = 0;
  const char *key;
  void *value;
  while (map_next(b->local_images, &cursor, &key, &value)) free(value);
  map_free(b->local_images);
  free(b->dockerfile_steps.items);
  build_source_done(&b->source);
  build_request_copy_done(&b->request);
  image_info_done(&b->info);
  free(b->name);
  free(b->work_dir);
  free(b->image_id);
  free(b);
}

static void remove_folder(builder *b, const char *path);

static void tidy(void *arg) {
  builder *b = arg;
  auto_strv paths = b->left;
  timer_stop(b->tidying);
  b->tidying = NULL;
  b->left = STRV_EMPTY;
  for (size_t i = 0; i < paths.len; i++) remove_folder(b, paths.items[i]);
}

static void remove_folder(builder *b, const char *path) {
  auto_err *e = file_remove_tree(path);
  if (!e) return;
  log_warn("build", "%s; trying again", err_message(e));
  strv_add(&b->left, path);
  if (!b->tidying) b->tidying = timer_start(b->loop, TIDY_MS, 0, tidy, b);
}

static void finish(build *b, err *e) {
  remove_folder(b->builder, b->work_dir);
  if (b->cancelled) {
    err_ignore(e);
    e = err_new(ERR_BUSY, "cancelled");
  }
  if (!e) {
    b->info.reused = b->reused;
    say(b, "=== Successfully Built! ===");
    say(b, "Build time: %.2f seconds", (double)(clock_monotonic_ms() - b->started_ms) / 1000.0);
  }
  b->builder->running--;
  b->on_done(b->arg, e, e ? NULL : &b->info);
  build_free(b);
}

static void step_done(build *b, err *e) {
  b->step++;
  if (e || b->cancelled || b->step == ARRAY_LEN(steps))
    finish(b, e);
  else
    steps[b->step](b);
}

void build_cancel(build *b) {
  b->cancelled = true;
  if (b->wait) base_image_cancel(b->wait);
  if (b->run) buildah_cancel(b->run);
}

/* --- start --- */

static void begin(void *arg) {
  build *b = arg;
  if (b->cancelled)
    finish(b, NULL);
  else
    steps[0](b);
}

/* A name for folders and control groups out of the deployment's id. */
static char *plain_name(const char *id) {
  char *name = str_ndup(id, strnlen(id, NAME_LIMIT));
  for (char *p = name; *p; p++) *p = isalnum((unsigned char)*p) ? (char)tolower((unsigned char)*p) : '-';
  return name;
}

err *build_start(builder *owner, const struct build_request *request, build_line_fn *line, build_done_fn *on_done,
                 void *arg, build **ret_build) {
  if (str_empty(request->deployment_id) || str_empty(request->service_id))
    return err_new(ERR_INVALID, "a build needs the ids of its deployment and service");
  if (str_empty(request->source_dir) == str_empty(request->image))
    return err_new(ERR_INVALID, "a build needs a source or an image");
  build *b = mem_zalloc(sizeof *b);
  b->builder = owner;
  build_request_copy_init(&b->request, request);
  b->name = plain_name(request->deployment_id);
  b->work_dir = str_format("%s/builds/%s", owner->config.data_dir, b->name);
  b->local_images = map_new();
  b->started_ms = clock_monotonic_ms();
  b->on_line = line;
  b->on_done = on_done;
  b->arg = arg;
  owner->running++;
  *ret_build = b;
  loop_defer(owner->loop, begin, b);
  return NULL;
}

/* --- the builder --- */

/* What is left empty is the host's own. */
static void fill_mirrors(struct builder_config *config) {
  auto_apt_sources sources = APT_SOURCES_EMPTY;
  apt_sources_of("/etc/apt", &sources);
  auto_free char *beside = apt_sources_beside(config->debian_mirror);
  const char *security = beside ? beside : apt_sources_security(&sources);
  if (str_empty(config->debian_security) && security) builder_config_set(&config->debian_security, security);
  const char *archive = apt_sources_archive(&sources);
  if (str_empty(config->debian_mirror) && archive) builder_config_set(&config->debian_mirror, archive);
}

err *builder_new(loop *l, const struct builder_config *config, builder **ret_builder) {
  builder *b = mem_zalloc(sizeof *b);
  b->loop = l;
  builder_config_copy(config, &b->config);
  fill_mirrors(&b->config);
  b->registry_asked = !str_empty(b->config.npm_registry);
  err *e = buildah_new(l, &b->config, &b->buildah);
  if (e) {
    builder_config_done(&b->config);
    free(b);
    return e;
  }
  b->images = base_images_new(b->buildah);
  *ret_builder = b;
  return NULL;
}

loop *builder_loop(const builder *b) {
  return b->loop;
}

const struct builder_config *builder_configuration(const builder *b) {
  return &b->config;
}

void builder_free(builder *b) {
  if (!b) return;
  if (b->running) log_error("build", "%d builds are still running at the end", b->running);
  timer_stop(b->tidying);
  strv_done(&b->left);
  base_images_free(b->images);
  buildah_free(b->buildah);
  builder_config_done(&b->config);
  free(b);
}

struct cleaning {
  builder *builder;
  void (*done)(void *arg, err *e);
  void *arg;
};

static void on_clean(void *arg, err *e) {
  struct cleaning *c = arg;
  auto_free char *folder = path_join(c->builder->config.data_dir, "builds");
  if (!e) e = file_remove_tree(folder);
  else err_ignore(file_remove_tree(folder));
  c->done(c->arg, e);
  free(c);
}

void builder_clean(builder *b, void (*done)(void *arg, err *e), void *arg) {
  struct cleaning *c = mem_zalloc(sizeof *c);
  *c = (struct cleaning){b, done, arg};
  buildah_clean(b->buildah, on_clean, c);
}

void builder_remove_images(builder *b, const struct strv *image_ids, void (*done)(void *arg, err *e),
                           void *arg) {
  if (b->running)
    done(arg, err_new(ERR_BUSY, "%d builds are going on", b->running));
  else
    buildah_remove_images(b->buildah, image_ids, done, arg);
}

void builder_stop_removing(builder *b) {
  buildah_stop_removing(b->buildah);
}
