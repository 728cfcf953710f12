#include "cli/volume_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

/* "/volume/<id>/files?path=…"; `more` is what follows. */
static char *address(const json_t *v, const char *what, const char *key, const char *path, const char *more) {
  auto_free char *escaped = client_escape(path);
  return str_format("/volume/%s/%s?%s=%s%s", json_get_text(v, "id"), what, key, escaped, more);
}

static err *ask(struct cli *cli, const char *method, const char *path) {
  auto_json *answer = NULL;
  return client_transfer(&cli->client, &(struct client_transfer){.method = method, .path = path}, &answer);
}

err *volume_path_list(struct cli *cli, const json_t *v, const char *path, json_t **ret_answer) {
  auto_free char *url = address(v, "list", "path", path, "");
  return client_transfer(&cli->client, &(struct client_transfer){.method = "GET", .path = url}, ret_answer);
}

err *volume_path_rename(struct cli *cli, const json_t *v, const char *from, const char *to) {
  auto_free char *escaped = client_escape(to), *more = str_format("&to=%s", escaped);
  auto_free char *url = address(v, "rename", "from", from, more);
  return ask(cli, "POST", url);
}

err *volume_path_delete(struct cli *cli, const json_t *v, const char *path) {
  auto_free char *url = address(v, "files", "path", path, "");
  return ask(cli, "DELETE", url);
}

err *volume_path_mkdir(struct cli *cli, const json_t *v, const char *path) {
  auto_free char *url = address(v, "folder", "path", path, "");
  return ask(cli, "POST", url);
}

err *volume_path_read(struct cli *cli, const json_t *v, const char *path,
                       bool (*on_data)(void *arg, const char *data, size_t len), void *arg) {
  auto_json *answer = NULL;
  auto_free char *url = address(v, "files", "path", path, "");
  return client_transfer(&cli->client,
                         &(struct client_transfer){.method = "GET", .path = url, .on_data = on_data, .arg = arg}, &answer);
}

void volume_entries_print(struct cli *cli, const json_t *answer) {
  auto_table table;
  table_init(&table, 3);
  size_t i;
  const json_t *entry;
  json_array_foreach(json_object_get(answer, "entries"), i, entry) {
    bool folder = str_eq(json_get_text(entry, "kind"), "FOLDER");
    char size[FORMAT_SIZE], time[FORMAT_SIZE];
    format_bytes(json_get_int(entry, "sizeBytes", 0), size);
    format_local_time(json_get_text(entry, "changedAt"), time);
    auto_free char *name = format_printable(json_get_text(entry, "name"));
    auto_free char *shown = str_format("%s%s", name, folder ? "/" : "");
    table_add(&table, shown, folder ? "" : size, time, NULL);
  }
  out_table(&cli->out, &table);
}

/* ---- copying ---- */

err *volume_copy_target(const char *path, const char *target, char **ret_target) {
  size_t end = strlen(path), start;
  while (end && path[end - 1] == '/') end--;
  for (start = end; start && path[start - 1] != '/';) start--;
  auto_free char *name = str_ndup(path + start, end - start);
  bool nameless = !*name || str_eq(name, ".") || str_eq(name, "..");
  if (nameless && !target) return err_new(ERR_INVALID, "what shall the copy of '%s' be called?", path);
  bool into = target && str_ends(target, "/");
  *ret_target = into && !nameless ? str_format("%s%s", target, name) : str_dup(target ? target : name);
  return NULL;
}

static void leave_out(const struct volume_copy *copy, const char *path) {
  auto_free char *shown = format_printable(path);
  err_line(&copy->cli->out, "Left out, being neither file nor folder: %s", shown);
}

static ssize_t read_fd(void *arg, char *buffer, size_t size) {
  ssize_t got;
  do
    got = read(*(int *)arg, buffer, size);
  while (got < 0 && errno == EINTR);
  return got;
}

static err *send_file(struct volume_copy *copy, const char *local, const char *path) {
  auto_fd fd = open(local, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  auto_json *answer = NULL;
  struct stat info;
  if (fd < 0 || fstat(fd, &info) < 0) return err_errno(errno, "'%s'", local);
  if (!S_ISREG(info.st_mode)) return err_new(ERR_INVALID, "'%s' is no file", local);
  auto_free char *url = address(copy->v, "files", "path", path, copy->replace ? "&replace=true" : "");
  copy->files++;
  return client_transfer(&copy->cli->client,
                         &(struct client_transfer){.method = "PUT", .path = url, .read_body = read_fd,
                                                   .size_bytes = info.st_size, .arg = &fd},
                         &answer);
}

static err *list_folder(const char *local, struct strv *names) {
  DIR *folder = opendir(local);
  if (!folder) return err_errno(errno, "'%s'", local);
  for (struct dirent *entry; (entry = readdir(folder));)
    if (!str_eq(entry->d_name, ".") && !str_eq(entry->d_name, "..")) strv_add(names, entry->d_name);
  closedir(folder);
  return NULL;
}

/* Links are not followed below the first: they would lead round in circles, or out of the folder. */
static err *send_folder(struct volume_copy *copy, const char *local, const char *path) {
  auto_strv names = STRV_EMPTY;
  TRY(list_folder(local, &names));
  TRY(volume_path_mkdir(copy->cli, copy->v, path));
  for (size_t i = 0; i < names.len; i++) {
    auto_free char *from = path_join(local, names.items[i]), *to = path_join(path, names.items[i]);
    struct stat info;
    if (lstat(from, &info) < 0) return err_errno(errno, "'%s'", from);
    if (S_ISDIR(info.st_mode))
      TRY(send_folder(copy, from, to));
    else if (S_ISREG(info.st_mode))
      TRY(err_wrap(send_file(copy, from, to), "'%s'", from));
    else
      leave_out(copy, from);
  }
  return NULL;
}

err *volume_copy_in(struct volume_copy *copy, const char *local, const char *path) {
  struct stat info;
  if (stat(local, &info) < 0) return err_errno(errno, "'%s'", local);
  if (!S_ISDIR(info.st_mode)) return send_file(copy, local, path);
  if (!copy->recursive) return err_new(ERR_INVALID, "'%s' is no file: a folder goes with -r", local);
  return send_folder(copy, local, path);
}

static bool write_fd(void *arg, const char *data, size_t len) {
  while (len) {
    ssize_t done = write(*(int *)arg, data, len);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return false;
    data += done;
    len -= (size_t)done;
  }
  return true;
}

/* Under another name until it is whole. */
static err *take_file(struct volume_copy *copy, const char *path, const char *local) {
  auto_free char *part = str_format("%s.part", local);
  if (access(local, F_OK) == 0 && !copy->replace)
    return err_new(ERR_CONFLICT, "'%s' is there already: --overwrite replaces it", local);
  auto_fd fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return err_errno(errno, "'%s'", part);
  err *e = volume_path_read(copy->cli, copy->v, path, write_fd, &fd);
  if (!e && rename(part, local) < 0) e = err_errno(errno, "'%s'", local);
  if (e) unlink(part);
  copy->files++;
  return e;
}

/* What a server says is no path here: a name stays in its folder. */
static bool is_name(const char *name) {
  return !str_empty(name) && !strchr(name, '/') && !str_eq(name, ".") && !str_eq(name, "..");
}

static err *take_folder(struct volume_copy *copy, const char *path, const char *local);

static err *take_entry(struct volume_copy *copy, const json_t *entry, const char *path, const char *local) {
  const char *name = json_get_text(entry, "name"), *kind = json_get_text(entry, "kind");
  if (!is_name(name)) return err_new(ERR_CORRUPT, "the server lists a name in '%s' that is none", path);
  auto_free char *from = path_join(path, name), *to = path_join(local, name);
  if (str_eq(kind, "FOLDER")) return take_folder(copy, from, to);
  if (str_eq(kind, "FILE")) return err_wrap(take_file(copy, from, to), "'%s'", from);
  leave_out(copy, from);
  return NULL;
}

static err *make_local(const struct volume_copy *copy, const char *local) {
  struct stat info;
  if (mkdir(local, 0700) == 0) return NULL;
  int number = errno;
  bool there = number == EEXIST && lstat(local, &info) == 0 && S_ISDIR(info.st_mode);
  if (there && copy->replace) return NULL;
  if (there) return err_new(ERR_CONFLICT, "'%s' is there already: --overwrite copies into it", local);
  return err_errno(number, "'%s'", local);
}

static err *take_folder(struct volume_copy *copy, const char *path, const char *local) {
  auto_json *answer = NULL;
  size_t i;
  const json_t *entry;
  TRY(volume_path_list(copy->cli, copy->v, path, &answer));
  if (json_get_bool(answer, "truncated", false))
    return err_new(ERR_LIMIT, "not all that is in '%s' can be listed: use `tar` over `%s ssh`", path, copy->cli->program);
  TRY(make_local(copy, local));
  json_array_foreach(json_object_get(answer, "entries"), i, entry) TRY(take_entry(copy, entry, path, local));
  return NULL;
}

err *volume_copy_out(struct volume_copy *copy, const char *path, const char *local) {
  return copy->recursive ? take_folder(copy, path, local) : take_file(copy, path, local);
}
