#include "cli/args.h"

#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

/* clang-format off */
static const struct flag flags[] = {
  { "service|s", "SERVICE", "a value" },
  { "detach|no-wait|d", NULL, "a switch" },
  { "ci|c", NULL, "another" },
  { "set", "K=V", "repeated" },
  { "lines|tail|n", "N", "a number" },
  { "config|k", "SERVICE PATH VALUE", "three values" },
  { NULL, NULL, NULL },
};
/* clang-format on */

/* What was read, as text: "service=api detach | word word". */
static char *describe(const struct args *args) {
  struct str text = STR_EMPTY;
  for (size_t i = 0; i < args->value_count; i++) {
    const char *names = args->values[i].flag->names;
    str_addf(&text, "%.*s", (int)strcspn(names, "|"), names);
    if (args->values[i].value) str_addf(&text, "=%s", args->values[i].value);
    str_add_char(&text, ' ');
  }
  str_add(&text, args->help ? "help |" : "|");
  for (size_t i = 0; i < args->word_count; i++)
    str_addf(&text, " %s", args->words[i]);
  return str_take(&text);
}

static err *read_line(const char *line, bool stop_at_word, struct args *args, struct strv *argv) {
  if (*line) strv_split(argv, line, ' ');
  return args_parse(flags, stop_at_word, (int)argv->len, argv->items, args);
}

TEST(reads_every_spelling) {
  static const struct {
    const char *line;
    bool stop;
    const char *expected;
  } rows[] = {
      {"", false, "|"},
      {"--service api", false, "service=api |"},
      {"--service=api", false, "service=api |"},
      {"--service=", false, "service= |"},
      {"-s api", false, "service=api |"},
      {"-sapi", false, "service=api |"},
      {"-s=api", false, "service=api |"},
      {"-s -d", false, "service=-d |"},
      {"-dc", false, "detach ci |"},
      {"-dcs api", false, "detach ci service=api |"},
      {"--no-wait", false, "detach |"},
      {"--tail 5 -n 6 --lines=7", false, "lines=5 lines=6 lines=7 |"},
      {"-k api deploy.startCommand run -d", false, "config=api config=deploy.startCommand config=run detach |"},
      {"--config=api a -1 word", false, "config=api config=a config=-1 | word"},
      {"--set A=1 --set B=2=3", false, "set=A=1 set=B=2=3 |"},
      {"a -d b", false, "detach | a b"},
      {"a -- -d b", false, "| a -d b"},
      {"-", false, "| -"},
      {"-d", true, "detach |"},
      {"-d ls -l --service x", true, "detach | ls -l --service x"},
      {"-d -- ls -l", true, "detach | ls -l"},
      {"-- -x", true, "| -x"},
      {"--help", false, "help |"},
      {"-h --nonsense", false, "help |"},
      {"ls --help", true, "| ls --help"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_strv argv = STRV_EMPTY;
    auto_args args = {0};
    CHECK_OK(read_line(rows[i].line, rows[i].stop, &args, &argv));
    auto_free char *got = describe(&args);
    CHECK_TEXT(got, rows[i].expected);
  }
}

TEST(refuses_what_is_wrong_and_names_the_nearest) {
  static const struct {
    const char *line, *part;
  } rows[] = {
      {"--sevrice api", "did you mean '--service'"},
      {"--detatch", "did you mean '--detach'"},
      {"--xylophone", "there is no flag '--xylophone'"},
      {"-x", "there is no flag '-x'"},
      {"-dx", "there is no flag '-x'"},
      {"--s api", "there is no flag '--s'"},
      {"--service", "a value is missing after the flag: --service, -s <SERVICE>"},
      {"-s", "a value is missing"},
      {"--detach=yes", "takes no value"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_strv argv = STRV_EMPTY;
    struct args args = {0};
    CHECK_ERR(read_line(rows[i].line, false, &args, &argv), ERR_INVALID, rows[i].part);
  }
}

TEST(values_are_found_by_any_name) {
  auto_strv argv = STRV_EMPTY;
  auto_args args = {0};
  CHECK_OK(read_line("-s one --service two --set A=1 --set B=2 word", false, &args, &argv));
  CHECK_TEXT(args_text(&args, "service"), "two");
  CHECK_TEXT(args_text(&args, "s"), "two");
  CHECK(args_text(&args, "lines") == NULL);
  CHECK(!args_has(&args, "detach"));
  CHECK_TEXT(args_word(&args, 0), "word");
  CHECK(args_word(&args, 1) == NULL);
  size_t cursor = 0;
  CHECK_TEXT(args_next(&args, "set", &cursor), "A=1");
  CHECK_TEXT(args_next(&args, "set", &cursor), "B=2");
  CHECK(args_next(&args, "set", &cursor) == NULL);
}

TEST(numbers_are_bounded) {
  auto_strv argv = STRV_EMPTY, bad_argv = STRV_EMPTY;
  auto_args args = {0}, bad = {0};
  long long value;
  CHECK_OK(read_line("-n 20", false, &args, &argv));
  CHECK_OK(args_int(&args, "lines", 1, 100, 5, &value));
  CHECK_INT(value, 20);
  CHECK_ERR(args_int(&args, "lines", 1, 10, 5, &value), ERR_INVALID, "from 1 to 10");
  CHECK_OK(args_int(&args, "set", 1, 10, 5, &value));
  CHECK_INT(value, 5);
  CHECK_OK(read_line("-n 2x", false, &bad, &bad_argv));
  CHECK_ERR(args_int(&bad, "lines", 1, 10, 5, &value), ERR_INVALID, "'2x' is not a whole number");
}

TEST(the_first_word_is_found_behind_flags) {
  static const struct {
    const char *line;
    int at;
  } rows[] = {
      {"list", 0},       {"-s api list", 2}, {"--service=api list", 1},
      {"-sapi list", 1}, {"-d list", 1},     {"--unknown list", 2},
      {"-d", 1},         {"-s", 1},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_strv argv = STRV_EMPTY;
    strv_split(&argv, rows[i].line, ' ');
    CHECK_INT(args_find_word(flags, (int)argv.len, argv.items), rows[i].at);
  }
}

TEST_MAIN
