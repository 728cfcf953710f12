/* volume files: list, upload, download, rename, delete, mkdir. */
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/volume.h"
#include "cli/volume_files.h"

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

static err *run_list(struct cli *cli, const struct args *args) {
  auto_json *v = NULL, *answer = NULL;
  TRY(find(cli, args, &v));
  TRY(volume_path_list(cli, v, args_word(args, 0) ? args_word(args, 0) : "/", &answer));
  if (args_has(args, "json"))
    out_json(&cli->out, json_object_get(answer, "entries"));
  else
    volume_entries_print(cli, answer);
  if (json_get_bool(answer, "truncated", false)) err_line(&cli->out, "There are more than are shown");
  return NULL;
}

/* ---- upload, download ---- */

static struct volume_copy copy_of(struct cli *cli, const struct args *args, const json_t *v) {
  return (struct volume_copy){.cli = cli, .v = v, .replace = args_has(args, "overwrite"),
                              .recursive = args_has(args, "recursive")};
}

static char *told(const char *what, const char *path, const struct volume_copy *copy) {
  if (!copy->recursive) return str_format("%s %s", what, path);
  return str_format("%s %s: %d file%s", what, path, copy->files, copy->files == 1 ? "" : "s");
}

static err *run_upload(struct cli *cli, const struct args *args) {
  auto_json *v = NULL;
  auto_free char *into = NULL;
  const char *local = args_word(args, 0);
  TRY(volume_copy_target(local, args_word(args, 1), &into));
  TRY(find(cli, args, &v));
  struct volume_copy copy = copy_of(cli, args, v);
  TRY(volume_copy_in(&copy, local, into));
  auto_free char *line = told("Uploaded", into, &copy);
  return finish(cli, args, into, line);
}

static bool print_data(void *arg, const char *data, size_t len) {
  return fwrite(data, 1, len, ((struct cli *)arg)->out.out) == len;
}

static err *run_download(struct cli *cli, const struct args *args) {
  auto_json *v = NULL;
  auto_free char *local = NULL;
  const char *remote = args_word(args, 0);
  TRY(volume_copy_target(remote, args_word(args, 1), &local));
  TRY(find(cli, args, &v));
  struct volume_copy copy = copy_of(cli, args, v);
  if (str_eq(local, "-") && !copy.recursive) return volume_path_read(cli, v, remote, print_data, cli);
  TRY(volume_copy_out(&copy, remote, local));
  auto_free char *line = told("Downloaded", local, &copy);
  return finish(cli, args, local, line);
}

/* ---- rename, delete, mkdir ---- */

static err *run_rename(struct cli *cli, const struct args *args) {
  auto_json *v = NULL;
  TRY(find(cli, args, &v));
  TRY(volume_path_rename(cli, v, args_word(args, 0), args_word(args, 1)));
  auto_free char *line = str_format("Renamed %s to %s", args_word(args, 0), args_word(args, 1));
  return finish(cli, args, args_word(args, 1), line);
}

static err *run_delete(struct cli *cli, const struct args *args) {
  auto_json *v = NULL;
  TRY(find(cli, args, &v));
  auto_free char *question = str_format("Delete %s in the volume %s? There is no undo", args_word(args, 0),
                                        json_get_text(v, "volumeName"));
  TRY(cli_confirm(cli, args, question));
  TRY(volume_path_delete(cli, v, args_word(args, 0)));
  auto_free char *line = str_format("Deleted %s", args_word(args, 0));
  return finish(cli, args, args_word(args, 0), line);
}

static err *run_mkdir(struct cli *cli, const struct args *args) {
  auto_json *v = NULL;
  TRY(find(cli, args, &v));
  TRY(volume_path_mkdir(cli, v, args_word(args, 0)));
  auto_free char *line = str_format("Made %s", args_word(args, 0));
  return finish(cli, args, args_word(args, 0), line);
}

/* ---- the verbs ---- */

/* clang-format off */
static const struct flag plain_flags[] = { VOLUME_FLAGS, FLAG_JSON, FLAG_END };
static const struct flag copy_flags[] = {
  { "recursive|r", NULL, "a folder, with all that is in it" },
  { "overwrite", NULL, "replace what is there" }, VOLUME_FLAGS, FLAG_JSON, FLAG_END,
};
static const struct flag delete_flags[] = { VOLUME_FLAGS, FLAG_YES, FLAG_JSON, FLAG_END };
/* clang-format on */
static const struct command files_list = {
    .name = "list", .aliases = "ls", .usage = "[PATH]", .summary = "List a folder of a volume",
    .flags = plain_flags, .max_words = 1, .run = run_list,
};
static const struct command files_upload = {
    .name = "upload", .usage = "FILE [PATH]", .summary = "Copy a file or folder into a volume",
    .examples = "volume files upload seed.sql /seed/\nvolume files upload -r ./site /srv/", .flags = copy_flags,
    .min_words = 1, .max_words = 2, .run = run_upload,
};
static const struct command files_download = {
    .name = "download", .usage = "PATH [FILE]", .summary = "Copy a file or folder out of a volume; \"-\" prints a file",
    .examples = "volume files download /reports/may.csv\nvolume files download -r /reports", .flags = copy_flags,
    .min_words = 1, .max_words = 2, .run = run_download,
};
static const struct command files_rename = {
    .name = "rename", .aliases = "mv", .usage = "FROM TO", .summary = "Rename a file or folder in a volume",
    .flags = plain_flags, .min_words = 2, .max_words = 2, .run = run_rename,
};
static const struct command files_delete = {
    .name = "delete", .aliases = "rm|remove", .usage = "PATH", .summary = "Delete a file or folder in a volume",
    .flags = delete_flags, .min_words = 1, .max_words = 1, .run = run_delete,
};
static const struct command files_mkdir = {
    .name = "mkdir", .usage = "PATH", .summary = "Make a folder in a volume, with those on the way to it",
    .flags = plain_flags, .min_words = 1, .max_words = 1, .run = run_mkdir,
};
static const struct command *const subcommands[] = {&files_list,   &files_upload, &files_download, &files_rename,
                                                    &files_delete, &files_mkdir,  NULL};
const struct command command_volume_files = {
    .name = "files", .aliases = "file", .usage = "",
    .summary = "Look into a volume: list, upload, download, rename, delete, mkdir",
    .details = "Works whether or not a service runs on the volume. What it runs on may be writing to the same files.",
    .flags = plain_flags, .subcommands = subcommands, .run = run_list,
};
