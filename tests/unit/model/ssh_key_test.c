#include "model/ssh_key.h"

#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

/* Made with `ssh-keygen -t ed25519`, with the fingerprint that `ssh-keygen -l` says. */
#define KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIHg2FIo9SZRLM+xvY7R1diPLwdnwn4UB7ufH0dV5RaJ"
#define FINGERPRINT "SHA256:62lHsbO96WsYTQY4ancmUL6ZwRamgpgZPcL5B2uZi5w"

TEST(the_line_of_a_pub_file) {
  static const char *const lines[] = {KEY, KEY "\n", KEY " ada@example", "  " KEY " a comment of words \n"};
  for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
    auto_free char *key = NULL, *fingerprint = NULL;
    CHECK_OK(ssh_key_parse(lines[i], &key, &fingerprint));
    CHECK_TEXT(key, KEY);
    CHECK_TEXT(fingerprint, FINGERPRINT);
  }
}

TEST(what_is_no_public_key) {
  static const char *const lines[] = {"",
                                      "ssh-ed25519",
                                      "ssh-ed25519 AAAA",
                                      "ssh-ed25519 !!!!",
                                      "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAA", /* another kind inside */
                                      "ssh-dss AAAAB3NzaC1kc3MAAAAA",
                                      "command=\"id\" " KEY,
                                      KEY "\nssh-ed25519 AAAA",
                                      "-----BEGIN OPENSSH PRIVATE KEY-----"};
  for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
    char *key = NULL, *fingerprint = NULL;
    CHECK_ERR(ssh_key_parse(lines[i], &key, &fingerprint), ERR_INVALID, "no public key");
  }
}

TEST_MAIN
