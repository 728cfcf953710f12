/* Volumes: their mount paths, sizes and names. */
#include "model/volume.h"

#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

TEST(mount_paths) {
  static const struct {
    const char *path, *expected, *problem;
  } rows[] = {
      {"/data", "/data", NULL},
      {"/data/", "/data", NULL},
      {"//data//db/", "/data/db", NULL},
      {"/var/lib/postgresql/data", "/var/lib/postgresql/data", NULL},
      {"/app/data", "/app/data", NULL},
      {"/etc/pihole", "/etc/pihole", NULL},
      {"/usr/share/nginx/html", "/usr/share/nginx/html", NULL},
      {"/home/node/.n8n", "/home/node/.n8n", NULL},
      {"/tmp", "/tmp", NULL},
      {"/processes", "/processes", NULL},
      {NULL, NULL, "begin it with '/'"},
      {"", NULL, "begin it with '/'"},
      {"data", NULL, "'data' must be absolute"},
      {"./data", NULL, "must be absolute"},
      {"/", NULL, "hide the whole image"},
      {"///", NULL, "hide the whole image"},
      {"/data/../etc", NULL, "'.' or '..'"},
      {"/data/.", NULL, "'.' or '..'"},
      {"/da\nta", NULL, "control characters"},
      {"/a:b", NULL, "control characters"},
      {"/a,b", NULL, "control characters"},
      {"/etc", NULL, "hide /etc"},
      {"/etc/", NULL, "hide /etc"},
      {"/etc/ssl/certs", NULL, "hide /etc/ssl"},
      {"/proc/self", NULL, "hide /proc"},
      {"/sys", NULL, "hide /sys"},
      {"/dev/shm", NULL, "hide /dev"},
      {"/run/secrets", NULL, "hide /run"},
      {"/usr", NULL, "hide /usr"},
      {"/usr/local/bin", NULL, "hide /usr/local/bin"},
      {"/lib", NULL, "hide /lib"},
      {"/var", NULL, "hide /var"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_free char *path = NULL;
    if (rows[i].problem) {
      CHECK_ERR(volume_mount_path(rows[i].path, &path), ERR_INVALID, rows[i].problem);
    } else {
      CHECK_OK(volume_mount_path(rows[i].path, &path));
      CHECK_TEXT(path, rows[i].expected);
    }
  }
}

TEST(a_mount_path_has_a_limit) {
  char longest[VOLUME_MOUNT_PATH_MAX + 2];
  memset(longest, 'a', sizeof longest);
  longest[0] = '/';
  longest[VOLUME_MOUNT_PATH_MAX + 1] = '\0';
  auto_free char *path = NULL;
  CHECK_ERR(volume_mount_path(longest, &path), ERR_INVALID, "at most 512 bytes");
  longest[VOLUME_MOUNT_PATH_MAX] = '\0';
  CHECK_OK(volume_mount_path(longest, &path));
}

TEST(none_shrinks) {
  CHECK_OK(volume_size_check(5000 * VOLUME_MB, 0));
  CHECK_OK(volume_size_check(5000 * VOLUME_MB, 5000 * VOLUME_MB));
  CHECK_OK(volume_size_check(6000 * VOLUME_MB, 5000 * VOLUME_MB));
  CHECK_ERR(volume_size_check(4999 * VOLUME_MB, 5000 * VOLUME_MB), ERR_CONFLICT, "cannot shrink: it has 5000 MB");
  CHECK_ERR(volume_size_check(0, 0), ERR_INVALID, "between 256 and");
  CHECK_ERR(volume_size_check(INT64_MAX, 0), ERR_INVALID, "between 256 and");
}

TEST(names) {
  CHECK_OK(volume_name_check("db-volume"));
  CHECK_ERR(volume_name_check(""), ERR_INVALID, "volume");
  CHECK_ERR(volume_name_check(" a"), ERR_INVALID, "volume");
}

TEST_MAIN
