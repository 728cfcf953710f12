#include "core/command.h"

#include "base/mem.h"
#include "tap.h"

TEST(a_start_command_goes_to_the_containers_shell) {
  static const struct {
    const char *command, *expected;
  } rows[] = {
      {"node server.js", "exec node server.js"},
      {"  gunicorn -b 0.0.0.0:$PORT app:app", "exec gunicorn -b 0.0.0.0:$PORT app:app"},
      {"alembic upgrade head && uvicorn app:app", "alembic upgrade head && uvicorn app:app"},
      {"NODE_ENV=x node a.js", "NODE_ENV=x node a.js"},
      {"exec ./a", "exec ./a"},
      {"cd sub; ./a", "cd sub; ./a"},
      {"node --x=1", "exec node --x=1"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_strv argv = STRV_EMPTY;
    command_for_shell(rows[i].command, &argv);
    CHECK_INT(argv.len, 3);
    CHECK_TEXT(argv.items[0], "/bin/sh");
    CHECK_TEXT(argv.items[2], rows[i].expected);
  }
}

TEST(without_one_the_image_decides) {
  auto_strv entrypoint = STRV_EMPTY, command = STRV_EMPTY, argv = STRV_EMPTY;
  CHECK_ERR(command_merge(&entrypoint, &command, "", &argv), ERR_INVALID, "set a start command");
  strv_add(&entrypoint, "dumb-init");
  strv_add(&command, "node");
  CHECK_OK(command_merge(&entrypoint, &command, NULL, &argv));
  auto_free char *joined = strv_join(&argv, " ");
  CHECK_TEXT(joined, "dumb-init node");
}

TEST_MAIN
