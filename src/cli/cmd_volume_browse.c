/* volume browse: a prompt in a volume, for a person; and a list of commands for it, from a pipe. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/browse.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/prompt.h"
#include "cli/volume.h"
#include "cli/volume_files.h"

enum { CAT_MAX_BYTES = 1 << 20 };

struct browser {
  struct cli *cli;
  const struct args *args; /* of the verb: --yes */
  const json_t *v;
  char *folder; /* where we are: absolute, no '/' at its end but in "/" */
  bool ended;
};

/* What can be typed. */
struct order {
  const char *names, *usage, *help;
  size_t min_words, max_words;
  const struct flag *flags;
  err *(*run)(struct browser *b, const struct args *args);
};

static char *here(const struct browser *b, const char *path) {
  return browse_path(b->folder, path ? path : "");
}

static err *do_ls(struct browser *b, const struct args *args) {
  auto_json *answer = NULL;
  auto_free char *path = here(b, args_word(args, 0));
  TRY(volume_path_list(b->cli, b->v, path, &answer));
  volume_entries_print(b->cli, answer);
  if (json_get_bool(answer, "truncated", false)) err_line(&b->cli->out, "There are more than are shown");
  return NULL;
}

static err *do_cd(struct browser *b, const struct args *args) {
  auto_json *answer = NULL;
  auto_free char *path = here(b, args_word(args, 0) ? args_word(args, 0) : "/");
  size_t len = strlen(path);
  TRY(volume_path_list(b->cli, b->v, path, &answer)); /* what is no folder has none */
  if (len > 1 && path[len - 1] == '/') path[len - 1] = '\0';
  str_replace_owned(&b->folder, path);
  return NULL;
}

static err *do_pwd(struct browser *b, const struct args *args) {
  (void)args;
  auto_free char *shown = format_printable(b->folder);
  out_line(&b->cli->out, "%s", shown);
  return NULL;
}

/* ---- cat ---- */

struct cat {
  struct str text;
  bool too_much;
};

static bool keep(void *arg, const char *data, size_t len) {
  struct cat *c = arg;
  c->too_much = c->text.len + len > CAT_MAX_BYTES;
  if (!c->too_much) str_add_bytes(&c->text, data, len);
  return !c->too_much;
}

/* A terminal obeys what it is shown, and a service wrote this. */
static void show(struct output *o, const struct str *text) {
  if (!o->out_terminal) {
    fwrite(str_text(text), 1, text->len, o->out);
    return;
  }
  for (size_t at = 0; at < text->len;) {
    const char *line = text->data + at, *end = memchr(line, '\n', text->len - at);
    size_t len = end ? (size_t)(end - line) : text->len - at;
    auto_free char *copy = str_ndup(line, len), *shown = format_printable(copy);
    out_line(o, "%s", shown);
    at += len + 1;
  }
}

static err *do_cat(struct browser *b, const struct args *args) {
  struct cat c = {0};
  auto_free char *path = here(b, args_word(args, 0));
  err *e = volume_path_read(b->cli, b->v, path, keep, &c);
  if (c.too_much) {
    err_free(e);
    e = err_new(ERR_LIMIT, "'%s' is over 1 MiB: `get` copies it", path);
  }
  if (!e) show(&b->cli->out, &c.text);
  str_done(&c.text);
  return e;
}

/* ---- get, put ---- */

static struct volume_copy copy_of(const struct browser *b, const struct args *args) {
  return (struct volume_copy){.cli = b->cli, .v = b->v, .replace = args_has(args, "overwrite"),
                              .recursive = args_has(args, "recursive")};
}

static err *do_get(struct browser *b, const struct args *args) {
  struct volume_copy copy = copy_of(b, args);
  auto_free char *path = here(b, args_word(args, 0)), *local = NULL;
  TRY(volume_copy_target(path, args_word(args, 1), &local));
  TRY(volume_copy_out(&copy, path, local));
  out_line(&b->cli->out, "%s -> %s", path, local);
  return NULL;
}

static err *do_put(struct browser *b, const struct args *args) {
  struct volume_copy copy = copy_of(b, args);
  auto_free char *target = here(b, args_word(args, 1) ? args_word(args, 1) : "."), *path = NULL;
  TRY(volume_copy_target(args_word(args, 0), target, &path));
  TRY(volume_copy_in(&copy, args_word(args, 0), path));
  out_line(&b->cli->out, "%s -> %s", args_word(args, 0), path);
  return NULL;
}

/* ---- rm, mv, mkdir ---- */

static err *do_rm(struct browser *b, const struct args *args) {
  auto_free char *path = here(b, args_word(args, 0)), *shown = format_printable(path);
  auto_free char *question = str_format("Delete %s? There is no undo", shown);
  TRY(cli_confirm(b->cli, b->args, question));
  return volume_path_delete(b->cli, b->v, path);
}

static err *do_mv(struct browser *b, const struct args *args) {
  auto_free char *from = here(b, args_word(args, 0)), *target = here(b, args_word(args, 1)), *to = NULL;
  TRY(volume_copy_target(from, target, &to));
  return volume_path_rename(b->cli, b->v, from, to);
}

static err *do_mkdir(struct browser *b, const struct args *args) {
  auto_free char *path = here(b, args_word(args, 0));
  return volume_path_mkdir(b->cli, b->v, path);
}

/* ---- the prompt ---- */

static err *do_help(struct browser *b, const struct args *args);

static err *do_quit(struct browser *b, const struct args *args) {
  (void)args;
  b->ended = true;
  return NULL;
}

/* clang-format off */
static const struct flag no_flags[] = { FLAG_END };
static const struct flag copy_flags[] = {
  { "recursive|r", NULL, "a folder, with all that is in it" }, { "overwrite|f", NULL, "replace what is there" }, FLAG_END,
};
static const struct order orders[] = {
  { "ls|dir",       "[PATH]",                "list a folder",                             0, 1, no_flags, do_ls },
  { "cd",           "[PATH]",                "go into a folder",                          0, 1, no_flags, do_cd },
  { "pwd",          "",                      "tell where we are",                         0, 0, no_flags, do_pwd },
  { "cat",          "PATH",                  "show a file of at most 1 MiB",              1, 1, no_flags, do_cat },
  { "get",          "[-r] [-f] PATH [FILE]", "copy out of the volume; -r a folder, -f replaces", 1, 2, copy_flags, do_get },
  { "put",          "[-r] [-f] FILE [PATH]", "copy into the volume",                      1, 2, copy_flags, do_put },
  { "mkdir",        "PATH",                  "make a folder",                             1, 1, no_flags, do_mkdir },
  { "mv",           "FROM TO",               "rename, or move",                           2, 2, no_flags, do_mv },
  { "rm",           "PATH",                  "delete a file, or a folder with what is in it", 1, 1, no_flags, do_rm },
  { "help|?",       "",                      "tell this",                                 0, 0, no_flags, do_help },
  { "quit|exit|q",  "",                      "end",                                       0, 0, no_flags, do_quit },
};
/* clang-format on */

static err *do_help(struct browser *b, const struct args *args) {
  (void)args;
  auto_table table;
  table_init(&table, 2);
  for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
    const struct order *o = &orders[i];
    auto_free char *typed = str_format("%.*s %s", (int)strcspn(o->names, "|"), o->names, o->usage);
    table_add(&table, typed, o->help, NULL);
  }
  out_table(&b->cli->out, &table);
  return NULL;
}

static const struct order *find_order(const char *name) {
  for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
    auto_strv names = STRV_EMPTY;
    strv_split(&names, orders[i].names, '|');
    if (strv_has(&names, name)) return &orders[i];
  }
  return NULL;
}

static bool fits(const struct order *o, const struct args *args) {
  for (size_t i = 0; i < args->word_count; i++)
    if (!*args_word(args, i)) return false; /* "" would be the folder we are in */
  return args->word_count >= o->min_words && args->word_count <= o->max_words;
}

static err *obey(struct browser *b, const char *line) {
  auto_strv words = STRV_EMPTY;
  auto_args args = {0};
  TRY(browse_words(line, &words));
  if (!words.len) return NULL;
  const struct order *o = find_order(words.items[0]);
  if (!o) return err_new(ERR_INVALID, "there is no '%s': `help` tells what there is", words.items[0]);
  TRY(args_parse(o->flags, false, (int)words.len - 1, words.items + 1, &args));
  if (args.help || !fits(o, &args)) return err_new(ERR_INVALID, "it is `%s %s`", words.items[0], o->usage);
  return o->run(b, &args);
}

static void ask(const struct browser *b) {
  struct output *o = &b->cli->out;
  if (!o->interactive) return;
  auto_free char *name = format_printable(json_get_text(b->v, "volumeName")), *folder = format_printable(b->folder);
  fflush(o->out);
  fprintf(o->err, "%s%s:%s%s> ", err_style(o, STYLE_BOLD), name, folder, err_reset(o));
  fflush(o->err);
}

/* A person goes on after an error, a list of commands does not. */
static err *go_on(const struct browser *b, err *e, int line_number) {
  struct output *o = &b->cli->out;
  if (!e || !o->interactive) return err_wrap(e, "line %d", line_number);
  auto_free char *text = format_printable(err_message(e));
  err_line(o, "%serror:%s %s", err_style(o, STYLE_RED), err_reset(o), text);
  err_free(e);
  return NULL;
}

static err *browse(struct browser *b) {
  for (int number = 1; !b->ended; number++) {
    auto_free char *line = NULL;
    ask(b);
    TRY(prompt_read_line(&line));
    if (!line) break;
    TRY(go_on(b, obey(b, line), number));
  }
  return NULL;
}

static err *run(struct cli *cli, const struct args *args) {
  auto_scope scope = {0};
  auto_json *v = NULL;
  TRY(volume_find(cli, args, &scope, &v));
  struct browser b = {.cli = cli, .args = args, .v = v, .folder = str_dup("/")};
  if (cli->out.interactive) err_line(&cli->out, "`help` tells what can be done here, `quit` ends it");
  err *e = browse(&b);
  free(b.folder);
  return e;
}

/* clang-format off */
static const struct flag flags[] = { VOLUME_FLAGS, FLAG_YES, FLAG_END };
/* clang-format on */
const struct command command_volume_browse = {
    .name = "browse", .usage = "", .summary = "Walk about in a volume: ls, cd, cat, get, put, mv, rm, mkdir",
    .details = "Commands are read from standard input: typed at a prompt, or from a pipe, where the first that fails ends it "
               "with an error, and rm needs --yes.",
    .examples = "volume browse -v db-volume\nvolume browse -v site --yes < commands",
    .flags = flags, .run = run,
};
