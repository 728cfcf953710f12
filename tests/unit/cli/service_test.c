/* What `add`, `scale` and `delete` are told. */
#include "cli/service.h"

#include "base/mem.h"
#include "cli/commands.h"
#include "tap.h"

static struct args parse(const struct command *command, const char *const *argv) {
  struct args args = {0};
  int argc = 0;
  while (argv[argc]) argc++;
  CHECK_OK(args_parse(command->flags, command->stop_at_word, argc, (char *const *)argv, &args));
  return args;
}
#define WORDS(...) (const char *const[]){__VA_ARGS__, NULL}

TEST(replicas_are_a_number_or_the_sum_of_all_regions) {
  int64_t replicas = -1;
  auto_args plain = parse(&command_scale, WORDS("3"));
  CHECK_OK(service_read_replicas(&plain, &replicas));
  CHECK_INT(replicas, 3);
  auto_args regions = parse(&command_scale, WORDS("us-west2=2", "--json", "europe-west4-drams3a=1"));
  CHECK_OK(service_read_replicas(&regions, &replicas));
  CHECK_INT(replicas, 3);
  auto_args none = parse(&command_scale, WORDS("us-west2=0"));
  CHECK_OK(service_read_replicas(&none, &replicas));
  CHECK_INT(replicas, 0);
}

TEST(what_is_no_number_of_replicas_is_named) {
  int64_t replicas;
  static const char *const wrong[] = {"many", "us-west2=", "us-west2=-1", "1001", "2.5"};
  for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
    auto_args args = parse(&command_scale, WORDS(wrong[i]));
    CHECK_ERR(service_read_replicas(&args, &replicas), ERR_INVALID, wrong[i]);
  }
}

TEST(nothing_is_done_for_who_is_not_signed_in) {
  struct cli cli = {.program = "tram"};
  const struct command *const commands[] = {&command_add, &command_scale, &command_delete, &command_project};
  for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
    auto_args args = parse(commands[i], WORDS(NULL));
    CHECK_ERR(commands[i]->run(&cli, &args), ERR_DENIED, "Unauthorized. Please login with `tram login`");
  }
}

TEST_MAIN
