/* The table of verbs: every row is complete, and help, completion and docs/cli.md follow from it.
 */
#include "cli/command.h"

#include <ctype.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/help.h"
#include "tap.h"

extern char **environ;

typedef void visit_fn(const struct command *command, const char *path);

static void walk(const struct command *const *list, const char *path, visit_fn *visit) {
  for (; list && *list; list++) {
    auto_free char *inner = str_format("%s %s", path, (*list)->name);
    visit(*list, inner);
    walk((*list)->subcommands, inner, visit);
  }
}

static void check_flags(const struct command *command, const char *path) {
  auto_strv seen = STRV_EMPTY;
  const char *name;
  size_t len;
  if (!command->flags) TAP_FAIL("%s: no table of flags", path);
  for (const struct flag *flag = command->flags; flag->names; flag++) {
    if (str_empty(flag->help)) TAP_FAIL("%s: %s has no help", path, flag->names);
    for (size_t i = 0; flag_name(flag, i, &name, &len); i++) {
      auto_free char *text = str_ndup(name, len);
      if (!len || strv_has(&seen, text)) TAP_FAIL("%s: --%s twice or empty", path, text);
      if (str_eq(text, "help") || str_eq(text, "h")) TAP_FAIL("%s: --%s is taken", path, text);
      strv_add(&seen, text);
    }
  }
}

static void check_row(const struct command *command, const char *path) {
  if (!command->usage) TAP_FAIL("%s: no usage", path);
  if (!command->run && !command->subcommands) TAP_FAIL("%s: does nothing", path);
  if (str_empty(command->summary)) TAP_FAIL("%s: no summary", path);
  if (!isupper((unsigned char)*command->summary) || str_ends(command->summary, "."))
    TAP_FAIL("%s: '%s' should begin with a capital and have no full stop", path, command->summary);
  if (strlen(command->summary) > 80) TAP_FAIL("%s: the summary is too long", path);
  if (command->max_words < command->min_words && !command->stop_at_word)
    TAP_FAIL("%s: accepts no number of words", path);
  check_flags(command, path);
}

TEST(every_row_is_complete) {
  walk(all_commands, "tram", check_row);
}

TEST(no_two_verbs_have_the_same_name) {
  auto_strv seen = STRV_EMPTY;
  for (const struct command *const *c = all_commands; *c; c++) {
    auto_strv names = STRV_EMPTY;
    strv_add(&names, (*c)->name);
    if ((*c)->aliases) strv_split(&names, (*c)->aliases, '|');
    for (size_t i = 0; i < names.len; i++) {
      if (strv_has(&seen, names.items[i])) TAP_FAIL("'%s' twice", names.items[i]);
      strv_add(&seen, names.items[i]);
    }
  }
}

TEST(railways_names_are_there) {
  static const char *const names[] = {
      "login",   "logout",     "whoami",      "init",   "link",     "unlink",      "list",
      "ls",      "status",     "up",          "logs",   "redeploy", "restart",     "rollback",
      "down",    "deployment", "deployments", "domain", "open",     "environment", "env",
      "service", "variable",   "variables",   "vars",   "var",      "run",         "ssh",
      "shell",   "build",      "completion",
  };
  for (size_t i = 0; i < ARRAY_LEN(names); i++)
    if (!command_find(all_commands, names[i])) TAP_FAIL("no verb '%s'", names[i]);
}

TEST(the_nearest_verb_is_named_only_when_near) {
  CHECK_TEXT(command_nearest(all_commands, "lgos"), "logs");
  CHECK_TEXT(command_nearest(all_commands, "redploy"), "redeploy");
  CHECK(command_nearest(all_commands, "xylophone") == NULL);
}

TEST(help_tells_usage_flags_and_examples) {
  auto_str text = STR_EMPTY;
  help_command(command_find(all_commands, "up"), "railway up", &text);
  CHECK_HAS(str_text(&text), "Usage: railway up [PATH] [flags]");
  CHECK_HAS(str_text(&text), "--detach, --no-wait, -d");
  CHECK_HAS(str_text(&text), "Examples:\n  tram up");
}

TEST(help_lists_exit_statuses_as_err_has_them) {
  auto_str text = STR_EMPTY;
  help_overview("tram", &text);
  for (int code = ERR_INVALID; code <= ERR_CODE_LAST; code++) {
    auto_free char *line = str_format("  %d  %s:", err_code_exit_status((enum err_code)code),
                                      err_code_name((enum err_code)code));
    CHECK_HAS(str_text(&text), line);
  }
}

TEST(the_document_is_the_tables_own) {
  auto_str made = STR_EMPTY, kept = STR_EMPTY;
  help_markdown(all_commands, &made);
  CHECK_OK(file_read("docs/cli.md", 1 << 20, &kept));
  if (!str_eq(str_text(&made), str_text(&kept)))
    TAP_FAIL("docs/cli.md is old: build/tram help --markdown > docs/cli.md");
}

/* Whether `program -n file` finds the script well formed; true when there is no such program. */
static bool syntax_is_good(const char *program, const char *script) {
  char path[] = "/tmp/tram-completion-test-XXXXXX";
  int fd = mkstemp(path);
  CHECK(fd >= 0);
  CHECK(write(fd, script, strlen(script)) == (ssize_t)strlen(script));
  close(fd);
  char no_run[] = "-n", *argv[] = {(char *)program, no_run, path, NULL};
  pid_t pid;
  int status = 0;
  bool started = posix_spawnp(&pid, program, NULL, NULL, argv, environ) == 0;
  if (started) CHECK(waitpid(pid, &status, 0) == pid);
  unlink(path);
  return !started || (WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(completion_scripts_are_well_formed) {
  static const char *const shells[] = {"bash", "zsh", "fish"};
  for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
    auto_str text = STR_EMPTY;
    CHECK_OK(completion_script(all_commands, shells[i], &text));
    CHECK_HAS(str_text(&text), "variable");
    CHECK_HAS(str_text(&text), "skip-deploys");
    if (!syntax_is_good(shells[i], str_text(&text))) TAP_FAIL("%s: bad syntax", shells[i]);
  }
}

TEST(completion_for_another_shell_is_refused) {
  auto_str text = STR_EMPTY;
  CHECK_ERR(completion_script(all_commands, "elvish", &text), ERR_INVALID, "'elvish'");
}

TEST_MAIN
