#include "base/err.h"

#include <errno.h>

#include "base/file.h"
#include "base/str.h"
#include "tap.h"

TEST(wrapping_reads_like_a_path_to_the_cause) {
  err *e = err_new(ERR_NOT_FOUND, "no file '%s'", "a");
  e = err_wrap(e, "reading %d", 7);
  e = err_wrap(e, "service 'api'");
  CHECK_TEXT(err_message(e), "service 'api': reading 7: no file 'a'");
  CHECK_INT(err_code_of(e), ERR_NOT_FOUND);
  err_free(e);
}

TEST(wrapping_success_is_success) {
  CHECK(err_wrap(NULL, "x") == NULL);
  CHECK(err_recode(NULL, ERR_IO) == NULL);
  CHECK(err_dup(NULL) == NULL);
}

TEST(errno_gives_code_and_text) {
  static const struct {
    int number;
    enum err_code code;
  } rows[] = {{ENOENT, ERR_NOT_FOUND}, {EACCES, ERR_DENIED}, {ENOSPC, ERR_LIMIT},
              {EEXIST, ERR_CONFLICT},  {EIO, ERR_IO},        {ETIMEDOUT, ERR_BUSY}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    err *e = err_errno(rows[i].number, "opening");
    CHECK_INT(err_code_of(e), rows[i].code);
    CHECK_HAS(err_message(e), strerror(rows[i].number));
    err_free(e);
  }
}

/* docs/error-codes.md is what users read: every code with its HTTP status and exit status. */
TEST(every_code_is_documented_as_it_is) {
  auto_str text = STR_EMPTY;
  CHECK_OK(file_read("docs/error-codes.md", 65536, &text));
  for (enum err_code code = ERR_INVALID; code <= ERR_CODE_LAST; code++) {
    char *row = str_format("| `%s` | %d | %d |", err_code_name(code), err_code_http_status(code),
                           err_code_exit_status(code));
    CHECK_HAS(str_text(&text), row);
    free(row);
  }
}

TEST_MAIN
