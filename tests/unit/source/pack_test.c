#include "source/pack.h"

#include <fcntl.h>

#include "scratch.h"
#include "source/archive_unpack.h"
#include "tap.h"

/* All packed paths in order, joined by blanks. */
static char *packed(const char *root, const struct pack_options *options) {
  pack *p;
  CHECK_OK(pack_new(root, options, &p));
  auto_strv paths = STRV_EMPTY;
  for (size_t i = 0; pack_path(p, i); i++) strv_add(&paths, pack_path(p, i));
  CHECK_INT(pack_files(p), paths.len);
  pack_free(p);
  return strv_join(&paths, " ");
}

TEST(ignore_files_hidden_files_and_what_is_always_left_out) {
  auto_scratch *scratch = scratch_new();
  scratch_file(scratch, ".gitignore", "*.log\n/dist/\n");
  scratch_file(scratch, ".ignore", "!keep.log\n");
  scratch_file(scratch, "a.log", "");
  scratch_file(scratch, "keep.log", "");
  scratch_file(scratch, ".env", "A=1");
  scratch_file(scratch, "dist/x", "");
  scratch_file(scratch, "node_modules/a/b.js", "");
  scratch_file(scratch, "web/node_modules/a/b.js", "");
  scratch_file(scratch, "web/.git/HEAD", "");
  scratch_file(scratch, "web/index.js", "");
  scratch_file(scratch, "web/.railwayignore", "secret\n!b.log\n");
  scratch_file(scratch, "web/secret", "");
  scratch_file(scratch, "web/b.log", "");
  auto_free char *paths = packed(scratch, NULL);
  CHECK_TEXT(paths,
             ".env .gitignore .ignore keep.log web web/.railwayignore web/b.log web/index.js");
  auto_free char *all = packed(scratch, &(struct pack_options){.no_gitignore = true});
  CHECK_TEXT(all,
             ".env .gitignore .ignore a.log dist dist/x keep.log web web/.railwayignore web/b.log "
             "web/index.js");
}

TEST(a_folder_of_a_repository_obeys_the_files_above_it) {
  auto_scratch *scratch = scratch_new();
  scratch_file(scratch, ".git/info/exclude", "excluded\n");
  scratch_file(scratch, ".gitignore", "*.log\n/apps/api/tmp\n");
  scratch_file(scratch, "apps/.gitignore", "/api/gen\n");
  scratch_file(scratch, "apps/api/main.c", "");
  scratch_file(scratch, "apps/api/a.log", "");
  scratch_file(scratch, "apps/api/tmp/x", "");
  scratch_file(scratch, "apps/api/gen/x", "");
  scratch_file(scratch, "apps/api/excluded", "");
  scratch_file(scratch, "apps/web/x", "");
  auto_free char *api = path_join(scratch, "apps/api");
  auto_free char *alone = packed(api, NULL);
  CHECK_TEXT(alone, "main.c");
  auto_free char *below = packed(scratch, &(struct pack_options){.folder = "apps/api/"});
  CHECK_TEXT(below, "apps/api/main.c");
}

static void keep_note(void *arg, const char *text) {
  str_addf(arg, "%s\n", text);
}

TEST(links_inside_stay_links_and_others_are_followed) {
  auto_scratch *scratch = scratch_new();
  scratch_file(scratch, "shared/lib/util.js", "util");
  scratch_link(scratch, "shared/lib/self", "."); /* would go round for ever */
  scratch_file(scratch, "app/a", "a");
  scratch_link(scratch, "app/inside", "a");
  scratch_link(scratch, "app/later", "not/there");
  scratch_link(scratch, "app/lib", "../shared/lib");
  scratch_link(scratch, "app/gone", "/nonexistent/x");
  scratch_link(scratch, "app/null", "/dev/null");
  scratch_link(scratch, "app/round", "../app");
  auto_free char *absolute = path_join(scratch, "app/a");
  scratch_link(scratch, "app/absolute", absolute);
  auto_free char *app = path_join(scratch, "app");
  auto_str notes = STR_EMPTY;
  struct pack_options options = {.on_note = keep_note, .arg = &notes};
  auto_free char *paths = packed(app, &options);
  CHECK_TEXT(paths, "a absolute inside later lib lib/util.js");
  CHECK_TEXT(str_text(&notes), "left out 'gone': it is a link to outside, where nothing is\n"
                               "left out 'null': it is no file, folder or link\n");
}

static int64_t last_files, last_bytes;

static void on_progress(void *arg, int64_t files, int64_t bytes) {
  (void)arg;
  last_files = files;
  last_bytes = bytes;
}

static void pack_to(const char *root, const char *path) {
  pack *p;
  CHECK_OK(pack_new(root, NULL, &p));
  auto_fd fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  CHECK_OK(pack_write_fd(p, fd, on_progress, NULL));
  CHECK_INT(last_files, pack_files(p));
  CHECK_INT(last_bytes, pack_bytes(p));
  pack_free(p);
}

TEST(what_is_packed_unpacks_to_the_same) {
  auto_scratch *scratch = scratch_new();
  auto_free char *app = path_join(scratch, "app"), *archive = path_join(scratch, "a.tgz");
  auto_free char *again = path_join(scratch, "b.tgz"), *out = path_join(scratch, "out");
  scratch_file(app, "caf\xC3\xA9/\xE9.txt", "accents");
  scratch_file(app, "run", "#!/bin/sh");
  scratch_link(app, "l", "run");
  auto_str name = STR_EMPTY;
  for (int i = 0; i < 30; i++) str_add(&name, "a-rather-long-name/");
  str_add(&name, "f");
  scratch_file(app, str_text(&name), "deep");
  auto_free char *program = path_join(app, "run");
  CHECK_INT(chmod(program, 0755), 0);
  pack_to(app, archive);
  struct unpack_result result;
  CHECK_OK(archive_unpack(archive, out, NULL, &result));
  CHECK_INT(result.files, 4);
  auto_free char *accents = scratch_read(out, "caf\xC3\xA9/\xE9.txt");
  auto_free char *link = scratch_read(out, "l"), *deep = scratch_read(out, str_text(&name));
  CHECK_TEXT(accents, "accents");
  CHECK_TEXT(link, "#!/bin/sh");
  CHECK_TEXT(deep, "deep");
  pack_to(out, again); /* times differ, bytes do not */
  auto_str first = STR_EMPTY, second = STR_EMPTY;
  CHECK_OK(file_read(archive, 1 << 20, &first));
  CHECK_OK(file_read(again, 1 << 20, &second));
  CHECK_INT(first.len, second.len);
  CHECK(memcmp(first.data, second.data, first.len) == 0);
}

static err *refuse_all(void *arg, const void *data, size_t size) {
  (void)arg, (void)data, (void)size;
  return err_new(ERR_BUSY, "the server hung up");
}

TEST(errors) {
  auto_scratch *scratch = scratch_new();
  auto_free char *none = path_join(scratch, "none"), *app = path_join(scratch, "app");
  pack *p;
  CHECK_ERR(pack_new(none, NULL, &p), ERR_NOT_FOUND, "opening the folder");
  CHECK_ERR(pack_new(scratch, NULL, &p), ERR_INVALID, "has nothing to deploy");
  CHECK_ERR(pack_new(scratch, &(struct pack_options){.folder = "../x"}, &p), ERR_INVALID,
            "folder '../x'");
  for (int i = 0; i < 5; i++) {
    auto_free char *name = str_format("f%d", i);
    scratch_file(app, name, "x");
  }
  struct pack_options few = {.files_limit = 4};
  CHECK_ERR(pack_new(app, &few, &p), ERR_LIMIT, "leave some out with a .railwayignore");
  CHECK_OK(pack_new(app, NULL, &p));
  CHECK_ERR(pack_write(p, refuse_all, NULL, NULL), ERR_BUSY, "the server hung up");
  pack_free(p);
}

TEST(files_that_change_meanwhile) {
  auto_scratch *scratch = scratch_new();
  auto_free char *app = path_join(scratch, "app"), *archive = path_join(scratch, "a.tgz");
  auto_free char *out = path_join(scratch, "out"), *gone = path_join(app, "gone");
  scratch_file(app, "short", "1234567890");
  scratch_file(app, "gone", "x");
  auto_str notes = STR_EMPTY;
  struct pack_options options = {.on_note = keep_note, .arg = &notes};
  pack *p;
  CHECK_OK(pack_new(app, &options, &p));
  scratch_file(app, "short", "12345");
  CHECK_INT(unlink(gone), 0);
  auto_fd fd = open(archive, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  CHECK_OK(pack_write_fd(p, fd, NULL, NULL));
  pack_free(p);
  CHECK_HAS(str_text(&notes), "left out 'gone': it is gone since");
  CHECK_HAS(str_text(&notes), "left out 'short': its end");
  CHECK_OK(archive_unpack(archive, out, NULL, NULL));
  auto_free char *text = scratch_read(out, "short");
  CHECK_TEXT(text, "12345"); /* and five NULs behind it */
}

TEST_MAIN
