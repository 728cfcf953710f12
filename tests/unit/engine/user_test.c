#include "engine/local/user.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

static const char passwd[] =
    "root:x:0:0:root:/root:/bin/sh\nbroken\n:::\napp:x:1000:1001:App:/home/app:/bin/sh\n"
    "huge:x:70000:1:::\n1234:x:5:6::/five:\nlast:x:7:8::/seven:/bin/sh";
static const char group[] =
    "root:x:0:\napp:x:1001:\nextra:x:2000:other,app\nown:x:1001:app\nwheel:x:10:root,app\n";

TEST(forms_of_users) {
  static const struct {
    const char *text;
    uint32_t uid, gid;
    size_t groups;
    const char *home;
  } rows[] = {
      {"", 0, 0, 1, "/root"},
      {"root", 0, 0, 1, "/root"},
      {"app", 1000, 1001, 2, "/home/app"},
      {"1000", 1000, 1001, 2, "/home/app"},
      {"app:extra", 1000, 2000, 0, "/home/app"},
      {"app:50", 1000, 50, 0, "/home/app"},
      {"4000", 4000, 0, 0, "/"},
      {"4000:5000", 4000, 5000, 0, "/"},
      {"last", 7, 8, 0, "/seven"},
      {":app", 0, 1001, 0, "/root"},
      {"1234", 1234, 0, 0, "/"}, /* a number is a number, also when a login looks like one */
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct user user;
    CHECK_OK(user_resolve_in(passwd, group, rows[i].text, &user));
    if (user.uid != rows[i].uid || user.gid != rows[i].gid || user.groups_len != rows[i].groups ||
        strcmp(user.home, rows[i].home) != 0)
      TAP_FAIL("'%s': %u:%u %zu groups, %s", rows[i].text, user.uid, user.gid, user.groups_len,
               user.home);
  }
}

TEST(users_that_do_not_exist) {
  static const char *const bad[] = {"stranger", "app:stranger", "70000", "huge",
                                    "1:70000",  "a:b:c",        "app:",  "-1"};
  struct user user;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    CHECK_ERR(user_resolve_in(passwd, group, bad[i], &user), ERR_INVALID, "");
  CHECK_OK(user_resolve_in("", "", "", &user)); /* an image without /etc/passwd has a root */
  CHECK_INT(user.uid, 0);
}

TEST(an_image_cannot_point_outside_of_itself) {
  char dir[] = "/tmp/tramway-user-XXXXXX";
  CHECK(mkdtemp(dir) != NULL);
  auto_free char *etc = path_join(dir, "etc"), *file = path_join(etc, "passwd"),
                 *inside = path_join(dir, "there");
  mkdir(etc, 0755);
  CHECK_INT(symlink("/there", file), 0); /* means the image's own /there */
  CHECK_OK(file_write(inside, "inner:x:77:78::/in:\n", 20, 0644));
  struct user user;
  CHECK_OK(user_resolve(dir, "inner", &user));
  CHECK_INT(user.uid, 77);
  unlink(file);
  CHECK_INT(symlink("../../../../../../etc/passwd", file),
            0); /* "..": stops at the image's root, a loop */
  err *e = user_resolve(dir, "root", &user);
  CHECK(e != NULL);
  err_free(e);
  unlink(file);
  CHECK_INT(mkfifo(file, 0644), 0);
  CHECK_ERR(user_resolve(dir, "inner", &user), ERR_INVALID, "not a plain file");
  CHECK_OK(file_remove_tree(dir));
}

TEST_MAIN
