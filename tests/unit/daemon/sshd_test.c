#include "daemon/sshd.h"

#include "base/mem.h"
#include "tap.h"

static const struct sshd_options options = {.program = "/usr/sbin/sshd", .exec_program = "/x/tramway-exec",
                                            .helper = "/x/tramway-git-ssh", .listen = "127.0.0.1:2222", .user = "git",
                                            .dir = "/data/ssh", .run_dir = "/run/tramway", .socket = "/run/tramway/api.sock"};

TEST(nothing_but_a_push_is_possible) {
  auto_str text = STR_EMPTY;
  sshd_config_text(&options, &text);
  static const char *const lines[] = {"ListenAddress 127.0.0.1:2222\n", "HostKey /data/ssh/host_ed25519\n", "AllowUsers git\n",
                                      "AuthorizedKeysFile none\n", "AuthenticationMethods publickey\n",
                                      "PasswordAuthentication no\n", "KbdInteractiveAuthentication no\n", "UsePAM no\n",
                                      "AuthorizedKeysCommand /x/tramway-git-ssh keys %f /run/tramway/api.sock\n",
                                      "AuthorizedKeysCommandUser git\n", "DisableForwarding yes\n", "PermitTTY no\n",
                                      "PermitUserRC no\n", "PermitUserEnvironment no\n", "PermitRootLogin no\n"};
  for (size_t i = 0; i < ARRAY_LEN(lines); i++) CHECK_HAS(str_text(&text), lines[i]);
  CHECK(!strstr(str_text(&text), "Subsystem"));
}

TEST(the_user_must_be_there_and_have_no_shell) {
  struct sshd_options o = options;
  int64_t uid = -1;
  o.user = "tramway-nobody-at-all";
  CHECK_ERR(sshd_find_user(&o, &uid), ERR_NOT_FOUND, "useradd --system");
  o.user = "root";
  CHECK_ERR(sshd_find_user(&o, &uid), ERR_INVALID, "must not be root");
  o.user = "nobody";
  CHECK_ERR(sshd_find_user(&o, &uid), ERR_INVALID, "usermod --shell /x/tramway-git-ssh nobody");
  CHECK_INT(uid, -1);
}

TEST_MAIN
