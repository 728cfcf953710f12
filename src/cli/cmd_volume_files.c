/* volume files: list, upload, download, rename, delete. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/volume.h"

/* "/volume/<id>/files?path=…"; `more` is what follows. */
static char *path_for(const json_t *v, const char *what, const char *key, const char *path, const char *more) {
  auto_free char *escaped = client_escape(path);
  return str_format("/volume/%s/%s?%s=%s%s", json_get_text(v, "id"), what, key, escaped, more);
}

static err *find(struct cli *cli, const struct args *args, json_t **ret_volume) {
  auto_scope scope = {0};
  return volume_find(cli, args, &scope, ret_volume);
}

static err *finish(struct cli *cli, const struct args *args, const char *path, const char *line) {
  auto_json *answer = json_pack("{s:s}", "path", path);
  if (args_has(args, "json"))
    out_json(&cli->out, answer);
  else
    out_line(&cli->out, "%s", line);
  return NULL;
}

/* ---- list ---- */

static void print_entries(struct cli *cli, const json_t *entries) {
  auto_table table;
  table_init(&table, 3);
  size_t i;
  const json_t *entry;
  json_array_foreach(entries, i, entry) {
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

static err *run_list(struct cli *cli, const struct args *args) {
  auto_json *v = NULL, *answer = NULL;
  TRY(find(cli, args, &v));
  auto_free char *path = path_for(v, "list", "path", args_word(args, 0) ? args_word(args, 0) : "/", "");
  TRY(client_transfer(&cli->client, &(struct client_transfer){.method = "GET", .path = path}, &answer));
  const json_t *entries = json_object_get(answer, "entries");
  if (args_has(args, "json"))
    out_json(&cli->out, entries);
  else
    print_entries(cli, entries);
  if (json_get_bool(answer, "truncated", false)) err_line(&cli->out, "There are more than are shown");
  return NULL;
}

/* ---- upload, download ---- */

static ssize_t read_fd(void *arg, char *buffer, size_t size) {
  ssize_t got;
  do
    got = read(*(int *)arg, buffer, size);
  while (got < 0 && errno == EINTR);
  return got;
}

static err *run_upload(struct cli *cli, const struct args *args) {
  auto_json *v = NULL, *answer = NULL;
  auto_fd fd = -1;
  struct stat info;
  const char *local = args_word(args, 0), *remote = args_word(args, 1);
  const char *slash = strrchr(local, '/'), *name = slash ? slash + 1 : local;
  if (!remote) remote = name;
  fd = open(local, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &info) < 0) return err_errno(errno, "'%s'", local);
  if (!S_ISREG(info.st_mode)) return err_new(ERR_INVALID, "'%s' is no file: a folder goes file by file", local);
  TRY(find(cli, args, &v));
  auto_free char *into = str_ends(remote, "/") ? str_format("%s%s", remote, name) : str_dup(remote);
  auto_free char *path = path_for(v, "files", "path", into, args_has(args, "overwrite") ? "&replace=true" : "");
  struct client_transfer send = {.method = "PUT", .path = path, .read_body = read_fd, .size_bytes = info.st_size, .arg = &fd};
  TRY(client_transfer(&cli->client, &send, &answer));
  auto_free char *line = str_format("Uploaded %s", into);
  return finish(cli, args, into, line);
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

static err *fetch(struct cli *cli, const json_t *v, const char *remote, int fd) {
  auto_json *answer = NULL;
  auto_free char *path = path_for(v, "files", "path", remote, "");
  return client_transfer(&cli->client,
                         &(struct client_transfer){.method = "GET", .path = path, .on_data = write_fd, .arg = &fd}, &answer);
}

/* Under another name until it is whole. */
static err *run_download(struct cli *cli, const struct args *args) {
  auto_json *v = NULL;
  auto_fd fd = -1;
  const char *remote = args_word(args, 0), *slash = strrchr(remote, '/');
  const char *local = args_word(args, 1) ? args_word(args, 1) : slash ? slash + 1 : remote;
  auto_free char *part = str_format("%s.part", local);
  TRY(find(cli, args, &v));
  if (str_eq(local, "-")) return fetch(cli, v, remote, STDOUT_FILENO);
  if (access(local, F_OK) == 0 && !args_has(args, "overwrite"))
    return err_new(ERR_CONFLICT, "'%s' is there already: --overwrite replaces it", local);
  fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return err_errno(errno, "'%s'", part);
  err *e = fetch(cli, v, remote, fd);
  if (!e && rename(part, local) < 0) e = err_errno(errno, "'%s'", local);
  if (e) {
    unlink(part);
    return e;
  }
  auto_free char *line = str_format("Downloaded %s", local);
  return finish(cli, args, local, line);
}

/* ---- rename, delete ---- */

static err *run_rename(struct cli *cli, const struct args *args) {
  auto_json *v = NULL, *answer = NULL;
  TRY(find(cli, args, &v));
  auto_free char *to = client_escape(args_word(args, 1)), *more = str_format("&to=%s", to);
  auto_free char *path = path_for(v, "rename", "from", args_word(args, 0), more);
  TRY(client_transfer(&cli->client, &(struct client_transfer){.method = "POST", .path = path}, &answer));
  auto_free char *line = str_format("Renamed %s to %s", args_word(args, 0), args_word(args, 1));
  return finish(cli, args, args_word(args, 1), line);
}

static err *run_delete(struct cli *cli, const struct args *args) {
  auto_json *v = NULL, *answer = NULL;
  TRY(find(cli, args, &v));
  auto_free char *question = str_format("Delete %s in the volume %s? There is no undo", args_word(args, 0),
                                        json_get_text(v, "volumeName"));
  TRY(cli_confirm(cli, args, question));
  auto_free char *path = path_for(v, "files", "path", args_word(args, 0), "");
  TRY(client_transfer(&cli->client, &(struct client_transfer){.method = "DELETE", .path = path}, &answer));
  auto_free char *line = str_format("Deleted %s", args_word(args, 0));
  return finish(cli, args, args_word(args, 0), line);
}

/* ---- the verbs ---- */

/* clang-format off */
static const struct flag plain_flags[] = { VOLUME_FLAGS, FLAG_JSON, FLAG_END };
static const struct flag copy_flags[] = {
  { "overwrite", NULL, "replace what is there" }, VOLUME_FLAGS, FLAG_JSON, FLAG_END,
};
static const struct flag delete_flags[] = { VOLUME_FLAGS, FLAG_YES, FLAG_JSON, FLAG_END };
/* clang-format on */
static const struct command files_list = {
    .name = "list", .aliases = "ls", .usage = "[PATH]", .summary = "List a folder of a volume",
    .flags = plain_flags, .max_words = 1, .run = run_list,
};
static const struct command files_upload = {
    .name = "upload", .usage = "FILE [PATH]", .summary = "Copy a file into a volume",
    .examples = "volume files upload seed.sql /seed/", .flags = copy_flags, .min_words = 1, .max_words = 2, .run = run_upload,
};
static const struct command files_download = {
    .name = "download", .usage = "PATH [FILE]", .summary = "Copy a file out of a volume; \"-\" prints it",
    .examples = "volume files download /reports/may.csv", .flags = copy_flags, .min_words = 1, .max_words = 2,
    .run = run_download,
};
static const struct command files_rename = {
    .name = "rename", .aliases = "mv", .usage = "FROM TO", .summary = "Rename a file or folder in a volume",
    .flags = plain_flags, .min_words = 2, .max_words = 2, .run = run_rename,
};
static const struct command files_delete = {
    .name = "delete", .aliases = "rm|remove", .usage = "PATH", .summary = "Delete a file or folder in a volume",
    .flags = delete_flags, .min_words = 1, .max_words = 1, .run = run_delete,
};
static const struct command *const subcommands[] = {&files_list, &files_upload, &files_download, &files_rename, &files_delete, NULL};
const struct command command_volume_files = {
    .name = "files", .aliases = "file", .usage = "", .summary = "Look into a volume: list, upload, download, rename, delete",
    .details = "Works whether or not a service runs on the volume. What it runs on may be writing to the same files.",
    .flags = plain_flags, .subcommands = subcommands, .run = run_list,
};
