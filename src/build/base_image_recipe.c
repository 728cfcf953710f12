/* Makes an image by a recipe: its parent first, then what it needs from outside, then its Dockerfile. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/secret.h"
#include "build/base_image_internal.h"
#include "build/node_release.h"
#include "loop/work.h"

enum { RECIPE_FILE_LIMIT = 1024 * 1024, HASH_DIGITS = 12 };

static int compare_names(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static err *list_recipe(const char *folder, struct strv *ret_names) {
  DIR *dir = opendir(folder);
  if (!dir) return err_new(ERR_NOT_FOUND, "the recipe '%s' is missing from the installation", folder);
  struct dirent *entry;
  while ((entry = readdir(dir)))
    if (entry->d_name[0] != '.') strv_add(ret_names, entry->d_name);
  closedir(dir);
  if (ret_names->len) qsort(ret_names->items, ret_names->len, sizeof *ret_names->items, compare_names);
  return NULL;
}

/* "localhost/tramway/base/node:20-bookworm-<hash of the recipe's files and of its parent>". */
static err *recipe_tag(const char *images_dir, const struct base_recipe *r, char **ret_tag) {
  auto_free char *parent_tag = NULL;
  if (*r->parent) {
    struct base_recipe parent;
    base_recipe_parent(r, &parent);
    err *e = recipe_tag(images_dir, &parent, &parent_tag);
    base_recipe_done(&parent);
    if (e) return e;
  }
  auto_free char *folder = path_join(images_dir, r->name);
  auto_strv names = STRV_EMPTY;
  TRY(list_recipe(folder, &names));
  auto_str all = STR_EMPTY;
  str_add(&all, parent_tag ? parent_tag : "");
  for (size_t i = 0; i < names.len; i++) {
    auto_free char *path = path_join(folder, names.items[i]);
    str_addf(&all, "\n%s\n", names.items[i]);
    TRY(file_read(path, RECIPE_FILE_LIMIT, &all));
  }
  char hex[SHA256_HEX_SIZE];
  secret_sha256_hex(str_text(&all), all.len, hex);
  auto_free char *key = base_recipe_key(r);
  *ret_tag = str_format("localhost/tramway/base/%s-%.*s", key, HASH_DIGITS, hex);
  return NULL;
}

static err *copy_recipe(const struct making *m) {
  auto_free char *folder = path_join(m->images->config->images_dir, m->recipe.name);
  auto_strv names = STRV_EMPTY;
  TRY(list_recipe(folder, &names));
  for (size_t i = 0; i < names.len; i++) {
    auto_free char *from = path_join(folder, names.items[i]);
    auto_free char *to = str_format("%s/context/%s", m->work_dir, names.items[i]);
    auto_str text = STR_EMPTY;
    TRY(file_read(from, RECIPE_FILE_LIMIT, &text));
    TRY(file_write_fast(to, str_text(&text), text.len, 0644));
  }
  return NULL;
}

static err *make_work_dir(struct making *m) {
  m->work_dir = str_format("%s/builds/base-%u", m->images->config->data_dir, m->images->count++);
  auto_free char *context = path_join(m->work_dir, "context");
  TRY(file_remove_tree(m->work_dir));
  TRY(file_make_dirs(context, 0700));
  return copy_recipe(m);
}

/* --- the image --- */

static void on_built(void *arg, err *e, const char *image_id) {
  struct making *m = arg;
  m->run = NULL;
  making_finish(m, e, image_id);
}

static void build_image(struct making *m) {
  auto_free char *context = path_join(m->work_dir, "context");
  auto_free char *dockerfile = path_join(context, "Dockerfile");
  auto_free char *name = str_format("%s", strrchr(m->work_dir, '/') + 1);
  auto_strv args = STRV_EMPTY;
  if (m->parent_id) strv_addf(&args, "BASE=%s", m->parent_id + strlen("sha256:"));
  strv_addf(&args, "SUITE=%s", m->recipe.suite);
  strv_addf(&args, "VERSION=%s", m->recipe.version);
  strv_addf(&args, "FULL=%d", m->recipe.full);
  strv_addf(&args, "VARIANT=%s", m->recipe.variant);
  struct buildah_options options = {
      .name = name,
      .work_dir = m->work_dir,
      .context = context,
      .dockerfile = dockerfile,
      .file_name = m->recipe.name, /* lives as long as the making */
      .tag = m->tag,
      .args = (const char *const *)args.items,
  };
  buildah_start(m->images->buildah, &options, making_forward_line, on_built, m, &m->run);
}

/* --- what it needs from outside --- */

static void on_rootfs(void *arg, err *e) {
  struct making *m = arg;
  m->run = NULL;
  if (e || m->cancelled)
    making_finish(m, e, NULL);
  else
    build_image(m);
}

static void add_sources(struct making *m, struct strv *argv) {
  const struct builder_config *config = m->images->config;
  const char *suite = m->recipe.suite;
  strv_addf(argv, "deb %s %s main", config->debian_mirror, suite);
  strv_addf(argv, "deb %s %s-updates main", config->debian_mirror, suite);
  if (str_empty(config->debian_security))
    making_line(m, "This machine's apt sources name no security updates: the image has none");
  else
    strv_addf(argv, "deb %s %s-security main", config->debian_security, suite);
}

static void make_rootfs(struct making *m) {
  if (str_empty(m->images->config->debian_mirror)) {
    making_finish(m, err_new(ERR_NOT_FOUND, "no Debian mirror is known: this machine's apt sources name none; "
                             "set build.debian_mirror in tramway.toml"), NULL);
    return;
  }
  auto_strv argv = STRV_EMPTY;
  const char *const fixed[] = {
      "mmdebstrap", "--mode=root", "--variant=minbase", "--include=ca-certificates,libatomic1",
      "--aptopt=APT::Install-Recommends \"false\"", "--aptopt=Acquire::Languages \"none\"",
      "--aptopt=APT::Sandbox::User \"root\"", /* _apt cannot enter our data folder */
      "--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/info/*",
      "--dpkgopt=path-exclude=/usr/share/locale/*", "--dpkgopt=path-exclude=/usr/share/doc/*",
      "--dpkgopt=path-include=/usr/share/doc/*/copyright", NULL};
  strv_add_all(&argv, fixed);
  strv_add(&argv, m->recipe.suite);
  strv_addf(&argv, "%s/context/rootfs.tar", m->work_dir);
  add_sources(m, &argv);
  auto_free char *name = str_format("%s-rootfs", strrchr(m->work_dir, '/') + 1);
  struct buildah_host_options options = {
      .name = name,
      .argv = (const char *const *)argv.items,
      .on_line = making_forward_line,
  };
  buildah_run_host(m->images->buildah, &options, on_rootfs, m, &m->run);
}

static err *fetch_node(void *arg) {
  struct making *m = arg;
  auto_free char *context = path_join(m->work_dir, "context");
  return node_release_fetch(m->images->config, m->recipe.version, context, &m->detail);
}

static void on_node_fetched(void *arg, err *e) {
  struct making *m = arg;
  if (e || m->cancelled) {
    making_finish(m, err_wrap(e, "fetching Node from the npm registry"), NULL);
    return;
  }
  making_line(m, "Node %s, from the npm registry", m->detail);
  build_image(m);
}

static void prepare(struct making *m) {
  err *e = make_work_dir(m);
  if (e) {
    making_finish(m, e, NULL);
    return;
  }
  auto_free char *contents = base_recipe_contents(&m->recipe);
  making_line(m, "Making a base image of %s (once; it is kept for later builds)", contents);
  if (str_eq(m->recipe.name, "debian"))
    make_rootfs(m);
  else if (str_eq(m->recipe.name, "node"))
    work_start(buildah_loop(m->images->buildah), fetch_node, on_node_fetched, m);
  else
    build_image(m);
}

static void on_parent(void *arg, err *e, const char *image_id) {
  struct making *m = arg;
  m->child = NULL;
  if (e || m->cancelled) {
    making_finish(m, e, NULL);
    return;
  }
  m->parent_id = str_dup(image_id);
  prepare(m);
}

static void begin_recipe(void *arg) {
  struct making *m = arg;
  auto_free char *id = NULL;
  auto_err *absent = image_find(m->images->config->data_dir, m->tag, &id);
  if (!absent || m->cancelled) {
    making_finish(m, NULL, id);
    return;
  }
  if (!*m->recipe.parent) {
    prepare(m);
    return;
  }
  struct base_recipe parent;
  base_recipe_parent(&m->recipe, &parent);
  m->child = making_resolve_recipe(m->images, &parent, making_forward_line, on_parent, m);
  base_recipe_done(&parent);
}

static void fail_recipe(void *arg) {
  struct making *m = arg;
  err *e = m->registry_error;
  m->registry_error = NULL;
  making_finish(m, e, NULL);
}

base_wait *making_resolve_recipe(base_images *images, const struct base_recipe *r,
                                 build_line_fn *on_line, base_image_done_fn *done, void *arg) {
  auto_free char *tag = NULL;
  err *e = recipe_tag(images->config->images_dir, r, &tag);
  auto_free char *key = str_format("recipe %s", e ? r->name : tag);
  struct making *m = making_new(images, key);
  m->suite = str_dup("");
  m->tag = str_dup(tag);
  base_recipe_copy(r, &m->recipe);
  m->registry_error = e;
  struct base_request request = {.on_line = on_line, .done = done, .arg = arg};
  return making_join(images, m, &request, e ? fail_recipe : begin_recipe);
}
