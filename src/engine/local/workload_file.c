#include "engine/local/workload_file.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/str.h"

enum { FORMAT_VERSION = 1, FILE_LIMIT = 16 * 1024 * 1024 };

static const char *const kind_names[] = {[WORKLOAD_SERVICE] = "service", [WORKLOAD_JOB] = "job"};
static const char *const restart_names[] = {[WORKLOAD_RESTART_NEVER] = "never",
                                            [WORKLOAD_RESTART_ON_FAILURE] = "on-failure",
                                            [WORKLOAD_RESTART_ALWAYS] = "always"};

static const char *const *dup_list(const char *const *items) {
  struct strv copy = STRV_EMPTY;
  strv_add_all(&copy, items);
  return copy.items ? (const char *const *)copy.items : mem_zalloc(sizeof(char *));
}

static void free_list(const char *const *items) {
  for (size_t i = 0; items && items[i]; i++)
    free((char *)items[i]);
  free((void *)items);
}

static const struct workload_volume *dup_volumes(const struct workload_volume *volumes, size_t len) {
  struct workload_volume *copy = mem_zalloc((len + 1) * sizeof *copy);
  for (size_t i = 0; i < len; i++)
    copy[i] = (struct workload_volume){str_dup(volumes[i].volume_id), str_dup(volumes[i].mount_path)};
  return copy;
}

static void free_volumes(const struct workload_volume *volumes, size_t len) {
  for (size_t i = 0; i < len; i++) {
    free((char *)volumes[i].volume_id);
    free((char *)volumes[i].mount_path);
  }
  free((void *)volumes);
}

struct workload *workload_dup(const struct workload *w) {
  struct workload *copy = mem_dup(w, sizeof *w);
  copy->id = str_dup(w->id);
  copy->environment_id = str_dup(w->environment_id);
  copy->service_id = str_dup(w->service_id);
  copy->service_label = str_dup(w->service_label);
  copy->former_label = str_dup(w->former_label ? w->former_label : "");
  copy->depends_on = dup_list(w->depends_on);
  copy->image_id = str_dup(w->image_id);
  copy->argv = dup_list(w->argv);
  copy->env = dup_list(w->env);
  copy->working_dir = str_dup(str_empty(w->working_dir) ? "/" : w->working_dir);
  copy->user = str_dup(w->user ? w->user : "");
  copy->volumes = dup_volumes(w->volumes, w->volumes_len);
  return copy;
}

void workload_free(struct workload *w) {
  if (!w) return;
  free((char *)w->id);
  free((char *)w->environment_id);
  free((char *)w->service_id);
  free((char *)w->service_label);
  free((char *)w->former_label);
  free_list(w->depends_on);
  free((char *)w->image_id);
  free_list(w->argv);
  free_list(w->env);
  free((char *)w->working_dir);
  free((char *)w->user);
  free_volumes(w->volumes, w->volumes_len);
  free(w);
}

static json_t *list_to_json(const char *const *items) {
  json_t *array = json_array();
  for (size_t i = 0; items && items[i]; i++)
    json_array_append_new(array, json_string(items[i]));
  return array;
}

static json_t *volumes_to_json(const struct workload *w) {
  json_t *array = json_array();
  for (size_t i = 0; i < w->volumes_len; i++)
    json_array_append_new(array, json_pack("{s:s, s:s}", "id", w->volumes[i].volume_id, "path",
                                           w->volumes[i].mount_path));
  return array;
}

json_t *workload_to_json(const struct workload *w) {
  json_t *object = json_object();
  json_object_set_new(object, "version", json_integer(FORMAT_VERSION));
  json_set_text(object, "id", w->id);
  json_set_text(object, "kind", kind_names[w->kind]);
  json_set_text(object, "environment", w->environment_id);
  json_set_text(object, "service", w->service_id);
  json_set_text(object, "label", w->service_label);
  if (!str_empty(w->former_label)) json_set_text(object, "former_label", w->former_label);
  json_object_set_new(object, "depends_on", list_to_json(w->depends_on));
  json_set_text(object, "image", w->image_id);
  json_object_set_new(object, "argv", list_to_json(w->argv));
  json_object_set_new(object, "env", list_to_json(w->env));
  json_set_text(object, "working_dir", w->working_dir);
  json_set_text(object, "user", w->user);
  json_object_set_new(object, "replicas", json_integer(w->replicas));
  json_set_text(object, "restart", restart_names[w->restart]);
  json_object_set_new(object, "restart_max_retries", json_integer(w->restart_max_retries));
  json_object_set_new(object, "memory_bytes", json_integer(w->memory_bytes));
  json_object_set_new(object, "cpu_millis", json_integer(w->cpu_millis));
  json_object_set_new(object, "pids", json_integer(w->pids));
  json_object_set_new(object, "shm_bytes", json_integer(w->shm_bytes));
  json_object_set_new(object, "stop_grace_ms", json_integer(w->stop_grace_ms));
  json_object_set_new(object, "stop_signal", json_integer(w->stop_signal));
  if (w->isolated) json_object_set_new(object, "isolated", json_true());
  json_object_set_new(object, "volumes", volumes_to_json(w));
  return object;
}

static const char *const *list_from_json(const json_t *array) {
  struct strv list = STRV_EMPTY;
  for (size_t i = 0; i < json_array_size(array); i++) {
    const char *text = json_string_value(json_array_get(array, i));
    if (text) strv_add(&list, text);
  }
  return list.items ? (const char *const *)list.items : mem_zalloc(sizeof(char *));
}

static int index_of(const char *const *names, size_t len, const char *name) {
  for (size_t i = 0; i < len; i++)
    if (str_eq(names[i], name)) return (int)i;
  return -1;
}

static void numbers_from_json(const json_t *object, struct workload *w) {
  w->replicas = (int)json_get_int(object, "replicas", 0);
  w->restart_max_retries = (int)json_get_int(object, "restart_max_retries", 0);
  w->memory_bytes = json_get_int(object, "memory_bytes", 0);
  w->cpu_millis = json_get_int(object, "cpu_millis", 0);
  w->pids = json_get_int(object, "pids", 0);
  w->shm_bytes = json_get_int(object, "shm_bytes", 0);
  w->stop_grace_ms = json_get_int(object, "stop_grace_ms", 0);
  w->stop_signal = (int)json_get_int(object, "stop_signal", 0);
  w->isolated = json_get_bool(object, "isolated", false);
}

/* Files of before have none.  Half of one is not left out: what ran with its data must not run without. */
static err *volumes_from_json(const json_t *array, struct workload *w) {
  size_t len = json_array_size(array);
  struct workload_volume *volumes = mem_zalloc((len + 1) * sizeof *volumes);
  w->volumes = volumes;
  for (; w->volumes_len < len; w->volumes_len++) {
    const json_t *volume = json_array_get(array, w->volumes_len);
    const char *id = json_get_text(volume, "id"), *path = json_get_text(volume, "path");
    if (str_empty(id) || str_empty(path)) return err_new(ERR_CORRUPT, "a volume has no id or no path");
    volumes[w->volumes_len] = (struct workload_volume){str_dup(id), str_dup(path)};
  }
  return NULL;
}

err *workload_from_json(const json_t *object, struct workload **ret_workload) {
  if (json_get_int(object, "version", 0) != FORMAT_VERSION)
    return err_new(ERR_CORRUPT, "the format's version is not %d", FORMAT_VERSION);
  static const char *const texts[] = {"id", "environment", "service", "label", "image"};
  for (size_t i = 0; i < ARRAY_LEN(texts); i++)
    if (str_empty(json_get_text(object, texts[i])))
      return err_new(ERR_CORRUPT, "'%s' is missing", texts[i]);
  int kind = index_of(kind_names, ARRAY_LEN(kind_names), json_get_text(object, "kind"));
  int restart = index_of(restart_names, ARRAY_LEN(restart_names), json_get_text(object, "restart"));
  if (kind < 0 || restart < 0) return err_new(ERR_CORRUPT, "'kind' or 'restart' is unknown");
  struct workload *w = mem_zalloc(sizeof *w);
  w->id = str_dup(json_get_text(object, "id"));
  w->kind = (enum workload_kind)kind;
  w->restart = (enum workload_restart)restart;
  w->environment_id = str_dup(json_get_text(object, "environment"));
  w->service_id = str_dup(json_get_text(object, "service"));
  w->service_label = str_dup(json_get_text(object, "label"));
  const char *former = json_get_text(object, "former_label");
  w->former_label = str_dup(former ? former : "");
  w->depends_on = list_from_json(json_object_get(object, "depends_on")); /* files of before have none */
  w->image_id = str_dup(json_get_text(object, "image"));
  w->argv = list_from_json(json_object_get(object, "argv"));
  w->env = list_from_json(json_object_get(object, "env"));
  const char *working_dir = json_get_text(object, "working_dir"),
             *user = json_get_text(object, "user");
  w->working_dir = str_dup(working_dir ? working_dir : "/");
  w->user = str_dup(user ? user : "");
  numbers_from_json(object, w);
  err *e = volumes_from_json(json_object_get(object, "volumes"), w);
  if (e)
    workload_free(w);
  else
    *ret_workload = w;
  return e;
}

/* ---- variables at rest ---- */

#define SEALED_ENV "sealed_env" /* in place of "env" */

static char *context_of(const char *id) {
  return str_format("workload:%s", id);
}

static err *seal_env(json_t *object, const char *id, const vault *v) {
  auto_free char *context = context_of(id), *hex = NULL;
  auto_free char *text = json_to_text(json_object_get(object, "env"));
  err *e = vault_encrypt_hex(v, context, text, &hex);
  secret_wipe(text, strlen(text));
  if (e) return e;
  json_object_del(object, "env");
  json_set_text(object, SEALED_ENV, hex);
  return NULL;
}

static err *open_env(json_t *object, const vault *v) {
  const char *hex = json_get_text(object, SEALED_ENV), *id = json_get_text(object, "id");
  if (!hex) return NULL; /* of before there was a key */
  if (!v || !id) return err_new(ERR_CORRUPT, "its variables are encrypted, and there is no key");
  auto_free char *context = context_of(id);
  auto_str text = STR_EMPTY;
  json_t *env = NULL;
  TRY(vault_decrypt_hex(v, context, hex, &text));
  err *e = err_recode(json_parse(text.data, text.len, SEALED_ENV, &env), ERR_CORRUPT);
  secret_wipe(text.data, text.len);
  if (!e) json_object_set_new(object, "env", env);
  return e;
}

static err *save(const char *dir, const struct workload *w, const vault *v,
                 err *(*write)(const char *path, const void *data, size_t size, mode_t mode)) {
  auto_free char *path = str_format("%s/%s.json", dir, w->id);
  auto_json *object = workload_to_json(w);
  if (v) TRY(seal_env(object, w->id, v));
  auto_free char *text = json_to_pretty_text(object);
  return write(path, text, strlen(text), 0600);
}

err *workload_save(const char *dir, const struct workload *w, const vault *v) {
  return save(dir, w, v, file_write);
}

err *workload_save_fast(const char *dir, const struct workload *w, const vault *v) {
  return save(dir, w, v, file_write_fast);
}

err *workload_delete(const char *dir, const char *workload_id) {
  auto_free char *path = str_format("%s/%s.json", dir, workload_id);
  if (unlink(path) < 0 && errno != ENOENT) return err_errno(errno, "removing '%s'", path);
  return NULL;
}

static err *load(const char *dir, const char *file, const vault *v, struct workload **ret_workload,
                 bool *ret_is_current) {
  auto_free char *path = path_join(dir, file);
  auto_str text = STR_EMPTY;
  auto_json *object = NULL;
  TRY(file_read(path, FILE_LIMIT, &text));
  TRY(json_parse(text.data, text.len, file, &object));
  const char *hex = json_get_text(object, SEALED_ENV);
  *ret_is_current = hex && v && vault_is_current_hex(v, hex);
  TRY(err_wrap(open_env(object, v), "%s", path));
  return err_wrap(workload_from_json(object, ret_workload), "%s", path);
}

struct loading {
  const char *dir;
  const vault *v;
  workload_loaded_fn *fn; /* NULL: each is written anew where it must be */
  void *arg;
};

static err *reseal(const struct loading *l, struct workload *w, bool is_current) {
  err *e = is_current ? NULL : workload_save(l->dir, w, l->v);
  workload_free(w);
  return e;
}

/* One that makes no sense is left out.  One that cannot be read now is not: what runs of it would be
 * taken for a leftover. */
static err *load_one(const struct loading *l, const char *file) {
  struct workload *w = NULL;
  bool is_current = false;
  err *e = load(l->dir, file, l->v, &w, &is_current);
  if (!e && !l->fn) return reseal(l, w, is_current);
  if (!e) {
    l->fn(l->arg, w);
    return NULL;
  }
  if (err_code_of(e) != ERR_INVALID && err_code_of(e) != ERR_CORRUPT) return e;
  log_error("engine", "%s", err_message(e));
  err_free(e);
  return NULL;
}

static err *load_all(const struct loading *l) {
  TRY(file_remove_unfinished(l->dir));
  DIR *folder = opendir(l->dir);
  if (!folder) return err_errno(errno, "opening '%s'", l->dir);
  err *e = NULL;
  for (struct dirent *entry; !e && (entry = folder_next(folder, l->dir, &e));)
    if (str_ends(entry->d_name, ".json")) e = load_one(l, entry->d_name);
  closedir(folder);
  return e;
}

err *workload_load_all(const char *dir, const vault *v, workload_loaded_fn *fn, void *arg) {
  struct loading l = {dir, v, fn, arg};
  return load_all(&l);
}

err *workload_reseal_all(const char *dir, const vault *v) {
  struct loading l = {.dir = dir, .v = v};
  return file_exists(dir) ? load_all(&l) : NULL;
}
