#include "source/snapshot.h"

#include "scratch.h"
#include "source/pack.h"
#include "tap.h"

#include <fcntl.h>

static void fill(const char *folder) {
  scratch_file(folder, "app.py", "print('hi')");
  scratch_file(folder, "web/index.html", "<html>");
  scratch_file(folder, "web/static/a.css", "a{}");
  scratch_link(folder, "web/link", "../app.py");
}

static void make_archive(const char *folder, const char *archive) {
  pack *p;
  CHECK_OK(pack_new(folder, NULL, &p));
  auto_fd fd = open(archive, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  CHECK_OK(pack_write_fd(p, fd, NULL, NULL));
  pack_free(p);
}

static snapshot_store *new_store(const char *scratch) {
  auto_free char *dir = path_join(scratch, "snapshots");
  snapshot_store *s;
  CHECK_OK(snapshot_store_new(dir, &s));
  return s;
}

TEST(same_content_is_the_same_snapshot_however_it_came) {
  auto_scratch *scratch = scratch_new();
  auto_free char *source = path_join(scratch, "app"), *archive = path_join(scratch, "a.tgz");
  fill(source);
  scratch_file(source, ".git/HEAD", "not part of it");
  snapshot_store *s = new_store(scratch);
  struct snapshot_info from_folder, from_archive, again;
  CHECK_OK(snapshot_from_folder(s, source, &from_folder));
  CHECK(from_folder.is_new);
  CHECK_INT(from_folder.files, 4);
  CHECK_INT(from_folder.size_bytes, 11 + 6 + 3);
  make_archive(source, archive);
  CHECK_OK(snapshot_from_archive(s, archive, NULL, &from_archive));
  CHECK_TEXT(from_archive.id, from_folder.id);
  CHECK(!from_archive.is_new);
  auto_free char *path = snapshot_path(s, from_folder.id);
  CHECK_OK(snapshot_from_folder(s, path, &again));
  CHECK_TEXT(again.id, from_folder.id);
  auto_free char *text = scratch_read(path, "web/link");
  CHECK_TEXT(text, "print('hi')");
  snapshot_store_free(s);
}

TEST(each_kind_of_change_changes_the_id) {
  auto_scratch *scratch = scratch_new();
  auto_free char *source = path_join(scratch, "app"), *program = path_join(source, "app.py");
  fill(source);
  snapshot_store *s = new_store(scratch);
  struct snapshot_info infos[5];
  CHECK_OK(snapshot_from_folder(s, source, &infos[0]));
  scratch_file(source, "app.py", "print('ho')");
  CHECK_OK(snapshot_from_folder(s, source, &infos[1]));
  CHECK_INT(chmod(program, 0700), 0);
  CHECK_OK(snapshot_from_folder(s, source, &infos[2]));
  auto_free char *link = path_join(source, "web/link");
  CHECK_INT(unlink(link), 0);
  scratch_link(source, "web/link", "../web/index.html");
  CHECK_OK(snapshot_from_folder(s, source, &infos[3]));
  scratch_file(source, "more", "");
  CHECK_OK(snapshot_from_folder(s, source, &infos[4]));
  for (int i = 0; i < 5; i++)
    for (int j = 0; j < i; j++) CHECK(!str_eq(infos[i].id, infos[j].id));
  snapshot_store_free(s);
}

TEST(a_refused_archive_leaves_the_store_as_it_was) {
  auto_scratch *scratch = scratch_new();
  auto_free char *archive = path_join(scratch, "a.tgz"), *dir = path_join(scratch, "snapshots");
  snapshot_store *s = new_store(scratch);
  struct snapshot_info info;
  scratch_file(scratch, "a.tgz", "no archive");
  CHECK_ERR(snapshot_from_archive(s, archive, NULL, &info), ERR_INVALID, "not a whole tar archive");
  CHECK_INT(rmdir(dir), 0); /* empty */
  snapshot_store_free(s);
}

TEST(an_empty_source_is_refused) {
  auto_scratch *scratch = scratch_new();
  auto_free char *source = path_join(scratch, "app/empty");
  CHECK_OK(file_make_dirs(source, 0700));
  snapshot_store *s = new_store(scratch);
  struct snapshot_info info;
  CHECK_ERR(snapshot_from_folder(s, source, &info), ERR_INVALID, "the source is empty");
  snapshot_store_free(s);
}

TEST(links_to_outside_are_refused_from_folders_too) {
  auto_scratch *scratch = scratch_new();
  auto_free char *source = path_join(scratch, "app");
  fill(source);
  scratch_link(source, "passwd", "/etc/passwd");
  snapshot_store *s = new_store(scratch);
  struct snapshot_info info;
  CHECK_ERR(snapshot_from_folder(s, source, &info), ERR_INVALID, "entry 'passwd' is a link to");
  snapshot_store_free(s);
}

TEST(removing_and_what_an_earlier_run_left) {
  auto_scratch *scratch = scratch_new();
  auto_free char *source = path_join(scratch, "app"), *dir = path_join(scratch, "snapshots");
  fill(source);
  scratch_file(dir, ".new-abc123/tree/x", "left over");
  snapshot_store *s = new_store(scratch);
  CHECK(!scratch_has(dir, ".new-abc123"));
  struct snapshot_info info;
  CHECK_OK(snapshot_from_folder(s, source, &info));
  CHECK(snapshot_has(s, info.id));
  auto_strv before = STRV_EMPTY, after = STRV_EMPTY;
  CHECK_OK(snapshot_list(s, &before));
  CHECK_INT(before.len, 1);
  CHECK_TEXT(before.items[0], info.id);
  CHECK_OK(snapshot_put_aside(s, info.id));
  CHECK(!snapshot_has(s, info.id));
  CHECK_OK(snapshot_list(s, &after));
  CHECK_INT(after.len, 0);
  auto_free char *aside = str_format(".new-gone-%s", info.id);
  CHECK(scratch_has(dir, aside));
  struct snapshot_info again;
  CHECK_OK(snapshot_from_folder(s, source, &again)); /* while the old one is being deleted */
  CHECK(again.is_new);
  CHECK_OK(snapshot_clear_aside(s));
  CHECK(!scratch_has(dir, aside) && snapshot_has(s, info.id));
  CHECK_OK(snapshot_put_aside(s, info.id));
  CHECK_OK(snapshot_put_aside(s, info.id));
  CHECK_ERR(snapshot_put_aside(s, "../x"), ERR_INVALID, "no snapshot id");
  CHECK(!snapshot_has(s, "../x"));
  CHECK(snapshot_path(s, "..") == NULL);
  snapshot_store_free(s);
}

TEST(railwayignore_is_applied_to_streams_that_ask_for_it) {
  auto_scratch *scratch = scratch_new();
  auto_free char *source = path_join(scratch, "app"), *rules = path_join(scratch, "rules");
  auto_free char *first = path_join(scratch, "a.tgz"), *second = path_join(scratch, "b.tgz");
  fill(source);
  scratch_file(rules, ".railwayignore", "static/\n*.html\n");
  scratch_file(rules, "web/.railwayignore", "!index.html\n");
  make_archive(source, first);
  make_archive(rules, second);
  auto_str both = STR_EMPTY; /* one after the other they are one archive */
  CHECK_OK(file_read(first, 1 << 20, &both));
  CHECK_OK(file_read(second, 1 << 20, &both));
  CHECK_OK(file_write_fast(first, both.data, both.len, 0600));
  snapshot_store *s = new_store(scratch);
  struct snapshot_info all, kept;
  CHECK_OK(snapshot_from_archive(s, first, NULL, &all));
  CHECK_INT(all.files, 6);
  auto_fd fd = open(first, O_RDONLY | O_CLOEXEC);
  CHECK_OK(snapshot_from_stream(s, fd, NULL, true, &kept));
  CHECK_INT(kept.files, 5);
  auto_free char *path = snapshot_path(s, kept.id);
  CHECK(!scratch_has(path, "web/static"));
  CHECK(scratch_has(path, "web/index.html"));
  snapshot_store_free(s);
}

TEST(root_directory) {
  auto_scratch *scratch = scratch_new();
  auto_free char *source = path_join(scratch, "app");
  fill(source);
  scratch_file(source, "api/main.c", "");
  scratch_file(source, ".hidden/x", "");
  scratch_link(source, "site", "web/static");
  scratch_link(source, "out", "/etc");
  scratch_link(source, "up", "..");
  /* clang-format off */
  static const struct { const char *wanted, *path; const char *message; } table[] = {
    { NULL,           "",           NULL },
    { "",             "",           NULL },
    { "/",            "",           NULL },
    { ".",            "",           NULL },
    { "web",          "/web",       NULL },
    { "/web/",        "/web",       NULL },
    { "./web//static","/web/static",NULL },
    { "site",         "/web/static",NULL },
    { "backend",      NULL,         "root directory 'backend' is not in the source; it has: api, web" },
    { "app.py",       NULL,         "root directory 'app.py' is not in the source" },
    { "..",           NULL,         "root directory '..' leads outside of the source" },
    { "web/../..",    NULL,         "leads outside" },
    { "out",          NULL,         "leads outside" },
    { "up/app",       NULL,         "leads outside" },
  };
  /* clang-format on */
  for (size_t i = 0; i < ARRAY_LEN(table); i++) {
    auto_free char *path = NULL;
    if (table[i].message) {
      CHECK_ERR(snapshot_root_directory(source, table[i].wanted, &path), ERR_INVALID,
                table[i].message);
      continue;
    }
    CHECK_OK(snapshot_root_directory(source, table[i].wanted, &path));
    CHECK_TEXT(path + strlen(source), table[i].path);
  }
}

TEST_MAIN
