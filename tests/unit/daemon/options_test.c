/* tramd's command line, and what is made from its table. */
#include "daemon/options.h"

#include "base/mem.h"
#include "daemon/config.h"
#include "tap.h"

#define PARSE(ret_options, ...)                                                                    \
  options_parse((int)ARRAY_LEN(((const char *[]){"tramd", __VA_ARGS__})),                          \
                (const char *[]){"tramd", __VA_ARGS__}, ret_options)

TEST(without_arguments_it_serves) {
  struct options o;
  const char *argv[] = {"tramd"};
  CHECK_OK(options_parse(1, argv, &o));
  CHECK_INT(o.action, ACTION_SERVE);
  CHECK_TEXT(o.config_path, CONFIG_PATH_DEFAULT);
}

TEST(actions_and_flags_in_any_order) {
  struct options o;
  CHECK_OK(PARSE(&o, "--config", "/x.toml", "--halt"));
  CHECK_INT(o.action, ACTION_HALT);
  CHECK_TEXT(o.config_path, "/x.toml");
  CHECK_OK(PARSE(&o, "--print-man", "tramd", "--config", "/y"));
  CHECK_INT(o.action, ACTION_PRINT_MAN);
  CHECK_TEXT(o.word, "tramd");
}

TEST(backup_and_restore_take_a_file_and_a_flag) {
  struct options o;
  CHECK_OK(PARSE(&o, "--backup", "/b", "--without-snapshots", "--without-volumes"));
  CHECK(o.action == ACTION_BACKUP && o.parts.no_snapshots && o.parts.no_volumes && !o.parts.no_images && !o.force);
  CHECK_TEXT(o.word, "/b");
  CHECK_OK(PARSE(&o, "--force", "--restore", "/b"));
  CHECK(o.action == ACTION_RESTORE && o.force && !o.parts.no_snapshots);
}

TEST(the_key_is_left_out_and_rotated) {
  struct options o;
  CHECK_OK(PARSE(&o, "--backup", "/b", "--without-key"));
  CHECK(o.action == ACTION_BACKUP && o.parts.no_key && !o.parts.no_snapshots);
  CHECK_OK(PARSE(&o, "--rotate-key"));
  CHECK_INT(o.action, ACTION_ROTATE_KEY);
}

TEST(mistakes_are_named) {
  struct options o;
  CHECK_ERR(PARSE(&o, "--conifg"), ERR_INVALID, "unknown argument '--conifg'");
  CHECK_ERR(PARSE(&o, "--config"), ERR_INVALID, "--config needs a FILE");
  CHECK_ERR(PARSE(&o, "--stop", "--halt"), ERR_INVALID, "--halt: one action at a time");
}

TEST(help_and_manual_have_every_row) {
  auto_str help = STR_EMPTY, page = STR_EMPTY;
  options_help(&help);
  options_man(&page);
  CHECK_HAS(str_text(&help), "--config FILE     configuration (default: /etc/tramway/tramway.toml)\n");
  CHECK_HAS(str_text(&page), "\\fB\\-\\-halt\\fR\n");
  CHECK_HAS(str_text(&page), ".SH \"FILES\"\n");
}

TEST(the_manual_of_the_configuration_has_every_key) {
  auto_str page = STR_EMPTY;
  config_man(&page);
  CHECK_HAS(str_text(&page), ".SS \"[edge]\"\n");
  CHECK_HAS(str_text(&page), "\\fBstop_grace\\fR \\fI= \"10s\"\\fR\n");
}

TEST_MAIN
