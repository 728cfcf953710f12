#include "source/archive_unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "scratch.h"
#include "tap.h"

/* One crafted entry.  libarchive's writer checks nothing of what we care about. */
struct crafted {
  const char *name;
  char kind; /* f file, x program, d folder, l symlink, h hard link, c b p s: the special ones */
  const char *text; /* content, or what a link points to */
};

static void craft_entry(struct archive *a, const struct crafted *c) {
  static const struct {
    char kind;
    mode_t type;
  } kinds[] = {{'f', AE_IFREG}, {'x', AE_IFREG}, {'d', AE_IFDIR},  {'l', AE_IFLNK}, {'h', AE_IFREG},
               {'c', AE_IFCHR}, {'b', AE_IFBLK}, {'p', AE_IFIFO}};
  struct archive_entry *entry = archive_entry_new();
  for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
    if (kinds[i].kind == c->kind) archive_entry_set_filetype(entry, kinds[i].type);
  archive_entry_copy_pathname(entry, c->name);
  archive_entry_set_perm(entry, c->kind == 'x' ? 06777 : c->kind == 'd' ? 01777 : 0600);
  archive_entry_set_uid(entry, 12345);
  archive_entry_set_mtime(entry, 1, 0);
  if (c->kind == 'l') archive_entry_copy_symlink(entry, c->text);
  if (c->kind == 'h') archive_entry_copy_hardlink(entry, c->text);
  bool has_content = (c->kind == 'f' || c->kind == 'x') && c->text;
  archive_entry_set_size(entry, has_content ? (la_int64_t)strlen(c->text) : 0);
  archive_write_header(a, entry);
  if (has_content) archive_write_data(a, c->text, strlen(c->text));
  archive_entry_free(entry);
}

/* Writes the entries up to the first without a name. */
static void craft(const char *path, const struct crafted *entries,
                  void (*filter)(struct archive *)) {
  struct archive *a = archive_write_new();
  archive_write_set_format_gnutar(a);
  filter(a);
  archive_write_open_filename(a, path);
  for (; entries->name; entries++) craft_entry(a, entries);
  archive_write_free(a);
}

static void with_gzip(struct archive *a) {
  archive_write_add_filter_gzip(a);
}
static void with_zstd(struct archive *a) {
  archive_write_add_filter_zstd(a);
}
static void with_xz(struct archive *a) {
  archive_write_add_filter_xz(a);
}
static void with_none(struct archive *a) {
  archive_write_add_filter_none(a);
}

/* clang-format off */
static const struct {
  struct crafted entries[6];
  enum err_code code;
  const char *message;
} attacks[] = {
  { {{"./../etc/passwd", 'f', "x"}},          ERR_INVALID, "entry './../etc/passwd' leaves the archive: refused" },
  { {{"a/../../x", 'f', "x"}},                ERR_INVALID, "entry 'a/../../x' leaves the archive" },
  { {{"a/..", 'd', 0}},                       ERR_INVALID, "leaves the archive" },
  { {{"/etc/passwd", 'f', "x"}},              ERR_INVALID, "entry '/etc/passwd' has an absolute path" },
  { {{"//x", 'd', 0}},                        ERR_INVALID, "absolute path" },
  { {{"l", 'l', "/etc/passwd"}},              ERR_INVALID, "entry 'l' is a link to '/etc/passwd', which leaves the source" },
  { {{"a/l", 'l', "../../x"}},                ERR_INVALID, "entry 'a/l' is a link to '../../x'" },
  { {{"l", 'l', "a/../../x"}},                ERR_INVALID, "leaves the source" },
  { {{"l", 'l', "d"}, {"l/f", 'f', "x"}},     ERR_INVALID, "entry 'l/f' uses a file or link as a folder" },
  { {{"f", 'f', "x"}, {"f/g", 'f', "x"}},     ERR_INVALID, "uses a file or link as a folder" },
  /* each link looks harmless; together they leave */
  { {{"d/e/up", 'l', "../.."}, {"l", 'l', "d/e/up/../etc"}}, ERR_INVALID, "entry 'l' leads outside of the source" },
  { {{"l", 'l', "d/e/up/.."}, {"d/e/up", 'l', "../.."}},     ERR_INVALID, "leads outside" },
  { {{"a", 'l', "b"}, {"b", 'l', "a"}},       ERR_INVALID, "more than 40 links" },
  { {{"h", 'h', "/etc/passwd"}},              ERR_INVALID, "hard link 'h': entry '/etc/passwd' has an absolute path" },
  { {{"h", 'h', "../x"}},                     ERR_INVALID, "hard link 'h': entry '../x' leaves the archive" },
  { {{"h", 'h', "missing"}},                  ERR_INVALID, "entry 'h' is a hard link to what is no file of the archive" },
  { {{"h", 'h', "h"}},                        ERR_INVALID, "hard link to itself" },
  { {{"l", 'l', "x"}, {"h", 'h', "l"}},       ERR_INVALID, "entry 'h' is a hard link to what is no file" },
  { {{"d", 'd', 0}, {"h", 'h', "d"}},         ERR_INVALID, "entry 'h' is a hard link to what is no file" },
  { {{"d", 'l', "e"}, {"h", 'h', "d/f"}},     ERR_INVALID, "uses a file or link as a folder" },
  { {{"dev", 'c', 0}},                        ERR_INVALID, "entry 'dev' is a device node: refused" },
  { {{"dev", 'b', 0}},                        ERR_INVALID, "is a device node" },
  { {{"pipe", 'p', 0}},                       ERR_INVALID, "entry 'pipe' is a fifo" },
  /* a folder that becomes a link, and the other ways round */
  { {{"d", 'd', 0}, {"d", 'l', "e"}},         ERR_INVALID, "entry 'd' is there twice, as different things" },
  { {{"d/f", 'f', "x"}, {"d", 'l', "e"}, {"d/g", 'f', "x"}}, ERR_INVALID, "entry 'd' is there twice" },
  { {{"f", 'l', "e"}, {"f", 'f', "x"}},       ERR_INVALID, "is there twice" },
  { {{"f", 'f', "e"}, {"f", 'l', "x"}},       ERR_INVALID, "is there twice" },
  { {{"d", 'd', 0}, {"d", 'f', "x"}},         ERR_INVALID, "is there twice" },
  { {{"d", 'l', "e"}, {"d", 'd', 0}},         ERR_INVALID, "is a folder, and a file or link as well" },
  { {{".", 'f', "x"}},                        ERR_INVALID, "is no folder" },
  { {{"./", 'l', "x"}},                       ERR_INVALID, "is no folder" },
  { {{"bad\x01\xff/../..", 'd', 0}},          ERR_INVALID, "entry 'bad\\x01\\xff/../../' leaves" },
};
/* clang-format on */

static bool folder_is_empty(const char *path) {
  DIR *folder = opendir(path);
  int count = 0;
  while (readdir(folder)) count++;
  closedir(folder);
  return count == 2;
}

TEST(every_attack_is_refused_and_leaves_nothing) {
  auto_scratch *scratch = scratch_new();
  auto_free char *archive = path_join(scratch, "a.tar.gz");
  auto_free char *area = path_join(scratch, "area");
  auto_free char *out = path_join(area, "out");
  CHECK_OK(file_make_dirs(area, 0700));
  for (size_t i = 0; i < ARRAY_LEN(attacks); i++) {
    craft(archive, attacks[i].entries, with_gzip);
    err *e = archive_unpack(archive, out, NULL, NULL);
    if (!e) TAP_FAIL("attack %zu, first entry '%s': accepted", i, attacks[i].entries[0].name);
    CHECK_HAS(err_message(e), attacks[i].message);
    CHECK_INT(err_code_of(e), attacks[i].code);
    err_free(e);
    CHECK(folder_is_empty(area));
  }
}

static const struct crafted good[] = {
    {"./", 'd', NULL},          {"./src/a.c", 'f', "int a;"}, {"./run.sh", 'x', "#!/bin/sh"},
    {"./src/", 'd', NULL},      {"./src/link", 'l', "../run.sh"}, {"./hard", 'h', "./src/a.c"},
    {"./.env", 'f', "A=1"},     {"./dangling", 'l', "src/none"},  {"./run.sh", 'x', "again"},
    {"./caf\xE9", 'f', "latin"}, {"./caf\xC3\xA9", 'f', "utf8"},  {NULL, 0, NULL},
};

TEST(a_good_archive_is_unpacked_from_each_compression) {
  void (*const filters[])(struct archive *) = {with_none, with_gzip, with_zstd, with_xz};
  for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
    auto_scratch *scratch = scratch_new();
    auto_free char *archive = path_join(scratch, "a");
    auto_free char *out = path_join(scratch, "out");
    craft(archive, good, filters[i]);
    struct unpack_result result;
    CHECK_OK(archive_unpack(archive, out, NULL, &result));
    CHECK_INT(result.entries, 11);
    auto_free char *run = scratch_read(out, "run.sh"), *hard = scratch_read(out, "hard");
    auto_free char *link = scratch_read(out, "src/link"), *latin = scratch_read(out, "caf\xE9");
    auto_free char *utf8 = scratch_read(out, "caf\xC3\xA9");
    CHECK_TEXT(run, "again");
    CHECK_TEXT(hard, "int a;");
    CHECK_TEXT(link, "again");
    CHECK_TEXT(latin, "latin");
    CHECK_TEXT(utf8, "utf8");
    CHECK(scratch_has(out, "dangling"));
  }
}

static mode_t mode_of(const char *folder, const char *name, uid_t *ret_owner) {
  auto_free char *path = path_join(folder, name);
  struct stat info;
  if (lstat(path, &info) < 0) return 0;
  *ret_owner = info.st_uid;
  return info.st_mode & 07777;
}

TEST(modes_and_owners_are_ours) {
  auto_scratch *scratch = scratch_new();
  auto_free char *archive = path_join(scratch, "a");
  auto_free char *out = path_join(scratch, "out");
  craft(archive, good, with_gzip);
  CHECK_OK(archive_unpack(archive, out, NULL, NULL));
  uid_t owner;
  CHECK_INT(mode_of(out, "run.sh", &owner), 0755);
  CHECK_INT(owner, geteuid());
  CHECK_INT(mode_of(out, "src/a.c", &owner), 0644);
  CHECK_INT(mode_of(out, "src", &owner), 0755);
}

TEST(names_of_pax_headers_come_out_as_utf8_in_any_locale) {
  auto_scratch *scratch = scratch_new();
  auto_free char *path = path_join(scratch, "a"), *out = path_join(scratch, "out");
  struct archive *a = archive_write_new();
  archive_write_set_format_pax(a);
  archive_write_set_options(a, "hdrcharset=BINARY");
  archive_write_open_filename(a, path);
  craft_entry(a, &(struct crafted){"gr\xC3\xBC\xC3\x9F" "e", 'f', "hi"});
  archive_write_free(a);
  CHECK_OK(archive_unpack(path, out, NULL, NULL));
  auto_free char *text = scratch_read(out, "gr\xC3\xBC\xC3\x9F" "e");
  CHECK_TEXT(text, "hi");
}

TEST(limits_are_kept) {
  auto_scratch *scratch = scratch_new();
  auto_free char *archive = path_join(scratch, "a"), *out = path_join(scratch, "out");
  craft(archive, good, with_gzip);
  struct unpack_limits few = {.entries = 10}, small = {.total_bytes = 20}, enough = {.entries = 11};
  CHECK_ERR(archive_unpack(archive, out, &few, NULL), ERR_LIMIT, "more than 10 entries");
  CHECK_ERR(archive_unpack(archive, out, &small, NULL), ERR_LIMIT, "larger than 0 MiB");
  CHECK(!file_exists(out));
  CHECK_OK(archive_unpack(archive, out, &enough, NULL));
  CHECK_ERR(archive_unpack(archive, out, NULL, NULL), ERR_CONFLICT, "making the folder");
}

static void deep_name(struct str *name, int levels) {
  str_clear(name);
  for (int i = 0; i < levels; i++) str_add(name, "d/");
  str_add(name, "f");
}

TEST(long_and_deep_names_are_refused) {
  auto_scratch *scratch = scratch_new();
  auto_free char *archive = path_join(scratch, "a"), *out = path_join(scratch, "out");
  auto_str name = STR_EMPTY;
  deep_name(&name, 127);
  craft(archive, (struct crafted[]){{str_text(&name), 'f', "x"}, {0}}, with_gzip);
  CHECK_OK(archive_unpack(archive, out, NULL, NULL));
  CHECK_OK(file_remove_tree(out));
  deep_name(&name, 128);
  craft(archive, (struct crafted[]){{str_text(&name), 'f', "x"}, {0}}, with_gzip);
  CHECK_ERR(archive_unpack(archive, out, NULL, NULL), ERR_LIMIT, "128 folders deep");
  deep_name(&name, 1500);
  craft(archive, (struct crafted[]){{str_text(&name), 'f', "x"}, {0}}, with_gzip);
  CHECK_ERR(archive_unpack(archive, out, NULL, NULL), ERR_LIMIT, "more than 2048 bytes");
  str_clear(&name);
  for (int i = 0; i < 256; i++) str_add_char(&name, 'n');
  craft(archive, (struct crafted[]){{str_text(&name), 'f', "x"}, {0}}, with_gzip);
  CHECK_ERR(archive_unpack(archive, out, NULL, NULL), ERR_LIMIT, "more than 255 bytes");
}

/* Writes an archive of one file of zeroes. */
static void craft_zeroes(const char *path, int64_t mib) {
  struct archive *a = archive_write_new();
  archive_write_set_format_gnutar(a);
  archive_write_add_filter_gzip(a);
  archive_write_set_filter_option(a, "gzip", "compression-level", "1");
  archive_write_open_filename(a, path);
  struct archive_entry *entry = archive_entry_new();
  archive_entry_set_pathname(entry, "zeroes");
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_entry_set_size(entry, mib << 20);
  archive_write_header(a, entry);
  auto_free char *chunk = mem_zalloc(1 << 20);
  for (int64_t i = 0; i < mib; i++) archive_write_data(a, chunk, 1 << 20);
  archive_entry_free(entry);
  archive_write_free(a);
}

TEST(bombs_are_refused) {
  auto_scratch *scratch = scratch_new();
  auto_free char *archive = path_join(scratch, "a"), *out = path_join(scratch, "out");
  craft_zeroes(archive, 96);
  CHECK_ERR(archive_unpack(archive, out, NULL, NULL), ERR_LIMIT, "decompression bomb");
  CHECK(!file_exists(out));
  struct unpack_limits patient = {.ratio = 2000};
  CHECK_OK(archive_unpack(archive, out, &patient, NULL));
}

TEST(a_bomb_of_empty_entries_is_refused) {
  auto_scratch *scratch = scratch_new();
  auto_free char *archive = path_join(scratch, "a"), *out = path_join(scratch, "out");
  struct archive *a = archive_write_new();
  archive_write_set_format_ustar(a);
  archive_write_add_filter_gzip(a);
  archive_write_open_filename(a, archive);
  for (int i = 0; i < 210000; i++) craft_entry(a, &(struct crafted){"x", 'd', NULL});
  archive_write_free(a);
  CHECK_ERR(archive_unpack(archive, out, NULL, NULL), ERR_LIMIT, "entr");
  CHECK(!file_exists(out));
}

/* A header by hand: what no writer would make. */
static void put_header(struct str *out, const char *name, const char *size_octal, char type) {
  char block[512] = {0};
  snprintf(block, 100, "%s", name);
  memcpy(block + 100, "0000644", 8);
  memcpy(block + 108, "0000000", 8);
  memcpy(block + 116, "0000000", 8);
  memcpy(block + 124, size_octal, 12);
  memcpy(block + 136, "00000000000", 12);
  memset(block + 148, ' ', 8);
  block[156] = type;
  memcpy(block + 257, "ustar\00000", 8);
  unsigned sum = 0;
  for (size_t i = 0; i < sizeof block; i++) sum += (unsigned char)block[i];
  snprintf(block + 148, 8, "%06o", sum & 0777777);
  str_add_bytes(out, block, sizeof block);
}

TEST(sizes_that_lie_are_refused) {
  auto_scratch *scratch = scratch_new();
  auto_free char *archive = path_join(scratch, "a"), *out = path_join(scratch, "out");
  static const char *const sizes[] = {"77777777777\0", "00010000000\0",
                                      "\377\377\377\377\377\377\377\377\377\377\377\377"};
  for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
    auto_str text = STR_EMPTY;
    put_header(&text, "f", sizes[i], '0');
    for (int j = 0; j < 2048; j++) str_add_char(&text, '\0');
    CHECK_OK(file_write_fast(archive, text.data, text.len, 0600));
    err *e = archive_unpack(archive, out, NULL, NULL);
    if (!e) TAP_FAIL("size %zu accepted", i);
    err_free(e);
    CHECK(!file_exists(out));
  }
}

TEST(cut_and_longer_streams_are_refused) {
  void (*const filters[])(struct archive *) = {with_none, with_gzip, with_zstd, with_xz};
  auto_scratch *scratch = scratch_new();
  auto_free char *archive = path_join(scratch, "a"), *out = path_join(scratch, "out");
  for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
    craft(archive, good, filters[i]);
    auto_str whole = STR_EMPTY;
    CHECK_OK(file_read(archive, 1 << 20, &whole));
    CHECK_OK(file_write_fast(archive, whole.data, whole.len - 9, 0600));
    CHECK_ERR(archive_unpack(archive, out, NULL, NULL), ERR_INVALID, "archive");
    str_add(&whole, "and something else");
    CHECK_OK(file_write_fast(archive, whole.data, whole.len, 0600));
    CHECK_ERR(archive_unpack(archive, out, NULL, NULL), ERR_INVALID, "archive");
    CHECK(!file_exists(out));
  }
}

/* A file that can be read for `len` bytes, and then only with EIO: our own memory, up to a page that may
 * not be touched. */
static int failing_file(const char *data, size_t len) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (len + page - 1) / page * page;
  char *memory = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  CHECK_INT(munmap(memory + room, page), 0);
  memcpy(memory + room - len, data, len);
  int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  CHECK(fd >= 0 && lseek(fd, (off_t)(memory + room - len), SEEK_SET) > 0);
  return fd;
}

TEST(what_cannot_be_read_is_not_the_end_of_an_archive) {
  void (*const filters[])(struct archive *) = {with_none, with_gzip, with_zstd, with_xz};
  auto_scratch *scratch = scratch_new();
  auto_free char *archive = path_join(scratch, "a"), *out = path_join(scratch, "out");
  for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
    craft(archive, good, filters[i]);
    auto_str whole = STR_EMPTY;
    CHECK_OK(file_read(archive, 1 << 20, &whole));
    for (size_t len = whole.len; len > whole.len / 2; len -= whole.len / 4) {
      auto_fd fd = failing_file(whole.data, len);
      CHECK_ERR(archive_unpack_fd(fd, out, NULL, NULL), ERR_IO, "reading the archive: Input/output error");
      CHECK(!file_exists(out));
    }
  }
}

TEST(what_is_no_archive_is_said_to_be_none) {
  auto_scratch *scratch = scratch_new();
  auto_free char *out = path_join(scratch, "out");
  static const char *const texts[] = {"", "hello, world\n", "PK\003\004 a zip", "<html>"};
  for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
    scratch_file(scratch, "a", texts[i]);
    auto_free char *archive = path_join(scratch, "a");
    CHECK_ERR(archive_unpack(archive, out, NULL, NULL), ERR_INVALID, "not a whole tar archive");
  }
  auto_free char *none = path_join(scratch, "none");
  CHECK_ERR(archive_unpack(none, out, NULL, NULL), ERR_NOT_FOUND, "opening the archive");
}

TEST_MAIN
