#include "backup/restic_command.h"

#include "base/mem.h"
#include "tap.h"

static const struct restic_place folder = {.location = "/srv/backups", .password = "hush", .cache_dir = "/srv/cache"};
static const struct restic_place s3 = {.location = "s3:https://s3.example.org/bucket/tramway", .password = "hush",
                                       .access_key_id = "AKIA", .secret_access_key = "whisper", .region = "eu",
                                       .cache_dir = "/srv/cache"};

TEST(places) {
  static const struct {
    const char *location, *complaint; /* NULL: fine */
  } rows[] = {{"/srv/backups", NULL},
              {"srv", "absolute folder"},
              {"", "absolute folder"},
              {"/srv/my backups", "space"},
              {"sftp:me@host:/x", "absolute folder"},
              {"s3:https://s3.example.org/bucket", NULL},
              {"s3:http://127.0.0.1:9000/bucket/a/b", NULL},
              {"s3:s3.amazonaws.com/bucket", "is written"},
              {"s3:https://s3.example.org", "is written"},
              {"s3:https://s3.example.org/", "is written"},
              {"s3:https:///bucket", "is written"},
              {"s3:https://key:secret@s3.example.org/bucket", "credentials"}};
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct restic_place p = s3;
    p.location = rows[i].location;
    if (rows[i].complaint)
      CHECK_ERR(restic_place_check(&p), ERR_INVALID, rows[i].complaint);
    else
      CHECK_OK(restic_place_check(&p));
  }
  struct restic_place p = s3;
  p.secret_access_key = "";
  CHECK_ERR(restic_place_check(&p), ERR_DENIED, "tram backup credentials");
}

TEST(names_and_ids) {
  CHECK(restic_name_ok("0c1f-wal"));
  CHECK(!restic_name_ok("") && !restic_name_ok("../x") && !restic_name_ok("a/b") && !restic_name_ok("-x"));
  CHECK(restic_id_ok("769e112c"));
  CHECK(!restic_id_ok("latest") && !restic_id_ok("769e112") && !restic_id_ok("--help00"));
  auto_free char *repository = restic_repository(&s3, "vol");
  CHECK_TEXT(repository, "s3:https://s3.example.org/bucket/tramway/vol");
}

TEST(secrets_are_in_the_environment_and_s3s_only_for_s3) {
  auto_strv env = STRV_EMPTY, env_s3 = STRV_EMPTY;
  restic_env(&folder, "vol", &env);
  restic_env(&s3, "vol", &env_s3);
  CHECK(strv_has(&env, "RESTIC_PASSWORD=hush") && strv_has(&env, "RESTIC_REPOSITORY=/srv/backups/vol"));
  CHECK(strv_has(&env_s3, "AWS_SECRET_ACCESS_KEY=whisper") && strv_has(&env_s3, "AWS_DEFAULT_REGION=eu"));
  for (size_t i = 0; i < env.len; i++) CHECK(!str_starts(env.items[i], "AWS_"));
}

TEST(command_lines) {
  static const char *const excludes[] = {"pgdata/pg_wal/*", NULL};
  auto_strv backup = STRV_EMPTY, part = STRV_EMPTY, restore = STRV_EMPTY;
  restic_backup_argv(&(struct restic_backup_words){.excludes = excludes, .tag = "base"}, &backup);
  restic_backup_argv(&(struct restic_backup_words){.path = "wal-archive"}, &part);
  restic_restore_argv("769e112c", NULL, &restore);
  auto_free char *a = strv_join(&backup, " "), *b = strv_join(&part, " "), *c = strv_join(&restore, " ");
  CHECK_TEXT(a, "restic backup --json --host tramway --tag base --exclude=pgdata/pg_wal/* .");
  CHECK_TEXT(b, "restic backup --json --host tramway wal-archive");
  CHECK_TEXT(c, "restic restore --target . --verify 769e112c");
}

TEST_MAIN
