/* Email addresses and passwords. */
#include "model/account.h"

#include "base/mem.h"
#include "tap.h"

TEST(emails) {
  static const struct {
    const char *email;
    bool ok;
  } rows[] = {
      {"ada@example.com", true},
      {"a@b", true},
      {"ü@example.com", true},
      {"", false},
      {NULL, false},
      {"ada", false},
      {"@b", false},
      {"a@", false},
      {"a@b@c", false},
      {"a b@c", false},
      {"a@b\n", false},
      {"a\x7f@b", false},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    if (rows[i].ok)
      CHECK_OK(email_check(rows[i].email));
    else
      CHECK_ERR(email_check(rows[i].email), ERR_INVALID, "not an email address");
  }
  char email[EMAIL_LEN_MAX + 2];
  memset(email, 'a', sizeof email - 1);
  email[sizeof email - 1] = '\0';
  email[1] = '@';
  CHECK_ERR(email_check(email), ERR_INVALID, "at most 254 bytes");
  email[EMAIL_LEN_MAX] = '\0';
  CHECK_OK(email_check(email));
}

TEST(passwords) {
  char password[PASSWORD_LEN_MAX + 2];
  memset(password, 'x', sizeof password);
  for (size_t len = 0; len < sizeof password; len++) {
    password[len] = '\0';
    if (len >= PASSWORD_LEN_MIN && len <= PASSWORD_LEN_MAX)
      CHECK_OK(password_check(password));
    else
      CHECK_ERR(password_check(password), ERR_INVALID, "8 to 512 bytes");
    password[len] = 'x';
  }
  CHECK_ERR(password_check(NULL), ERR_INVALID, "has 0");
}

TEST_MAIN
