#include "build/apt_sources.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/mem.h"

enum { FILE_LIMIT = 256 * 1024, FILES_MAX = 256 };

#define SPACE " \t\r\n"
#define MIRROR_FILE "mirror+file:"

/* Suites of Debian; Ubuntu's have other names. */
static const char *const debian_suites[] = {"bullseye",  "bookworm", "trixie", "forky",
                                            "oldstable", "stable",   "testing"};

void apt_sources_done(struct apt_sources *sources) {
  for (size_t i = 0; i < sources->len; i++) {
    free(sources->items[i].uri);
    strv_done(&sources->items[i].suites);
  }
  free(sources->items);
  *sources = APT_SOURCES_EMPTY;
}

static void split_words(struct strv *words, const char *text) {
  for (text += strspn(text, SPACE); *text; text += strspn(text, SPACE)) {
    size_t len = strcspn(text, SPACE);
    strv_add_take(words, str_ndup(text, len));
    text += len;
  }
}

static bool is_web_address(const char *uri) {
  return str_starts(uri, "http://") || str_starts(uri, "https://");
}

static bool has_password(const char *uri) {
  const char *authority = strstr(uri, "://");
  return authority && memchr(authority + 3, '@', strcspn(authority + 3, "/"));
}

static enum apt_signer signer_of(const char *signed_by) {
  if (str_empty(signed_by)) return APT_SIGNER_UNSAID;
  return strstr(signed_by, "debian-archive") ? APT_SIGNER_DEBIAN : APT_SIGNER_OTHER;
}

static void add_uri(struct apt_sources *sources, const char *uri, const struct strv *suites, enum apt_signer signer) {
  if (sources->len == APT_SOURCES_MAX || has_password(uri)) return;
  if (!is_web_address(uri) && !str_starts(uri, MIRROR_FILE)) return;
  size_t len = strlen(uri);
  while (uri[len - 1] == '/') len--;
  sources->items = mem_realloc_array(sources->items, sources->len + 1, sizeof *sources->items);
  struct apt_source *source = &sources->items[sources->len++];
  *source = (struct apt_source){.uri = str_ndup(uri, len), .signer = signer};
  strv_add_all(&source->suites, (const char *const *)suites->items);
}

/* --- one line each: deb [options] URI suite component… --- */

static void read_line(struct apt_sources *sources, char *line) {
  auto_free char *signed_by = NULL;
  line[strcspn(line, "#")] = '\0';
  line += strspn(line, SPACE);
  if (!str_starts(line, "deb") || !strchr(SPACE, line[3])) return;
  line += 3 + strspn(line + 3, SPACE);
  if (*line == '[') {
    char *end = strchr(line, ']');
    if (!end) return;
    *end = '\0';
    const char *option = strstr(line, "signed-by=");
    if (option) signed_by = str_ndup(option + 10, strcspn(option + 10, SPACE));
    line = end + 1;
  }
  auto_strv words = STRV_EMPTY, suites = STRV_EMPTY;
  split_words(&words, line);
  if (words.len < 3 || !strv_has(&words, "main")) return;
  strv_add(&suites, words.items[1]);
  add_uri(sources, words.items[0], &suites, signer_of(signed_by));
}

void apt_sources_read_list(struct apt_sources *sources, const char *text) {
  auto_strv lines = STRV_EMPTY;
  strv_split(&lines, text, '\n');
  for (size_t i = 0; i < lines.len; i++) read_line(sources, lines.items[i]);
}

/* --- deb822: paragraphs of fields --- */

enum field { TYPES, URIS, SUITES, COMPONENTS, SIGNED_BY, ENABLED, FIELD_COUNT };

static const char *const field_names[] = {"Types", "URIs", "Suites", "Components", "Signed-By", "Enabled"};

static void end_paragraph(struct apt_sources *sources, struct str *fields) {
  auto_strv types = STRV_EMPTY, uris = STRV_EMPTY, suites = STRV_EMPTY, components = STRV_EMPTY, enabled = STRV_EMPTY;
  auto_strv keys = STRV_EMPTY;
  split_words(&types, str_text(&fields[TYPES]));
  split_words(&uris, str_text(&fields[URIS]));
  split_words(&suites, str_text(&fields[SUITES]));
  split_words(&components, str_text(&fields[COMPONENTS]));
  split_words(&enabled, str_text(&fields[ENABLED]));
  split_words(&keys, str_text(&fields[SIGNED_BY]));
  auto_free char *signed_by = strv_join(&keys, " ");
  bool off = enabled.len && (str_ieq(enabled.items[0], "no") || str_ieq(enabled.items[0], "false") ||
                             str_eq(enabled.items[0], "0"));
  for (size_t i = 0; i < FIELD_COUNT; i++) str_clear(&fields[i]);
  if (off || !strv_has(&types, "deb") || !strv_has(&components, "main")) return;
  for (size_t i = 0; i < uris.len; i++) add_uri(sources, uris.items[i], &suites, signer_of(signed_by));
}

static struct str *field_named(struct str *fields, const char *line, size_t len) {
  for (size_t i = 0; i < FIELD_COUNT; i++)
    if (strlen(field_names[i]) == len && strncasecmp(field_names[i], line, len) == 0) return &fields[i];
  return NULL;
}

void apt_sources_read_deb822(struct apt_sources *sources, const char *text) {
  struct str fields[FIELD_COUNT] = {0};
  struct str *current = NULL;
  auto_strv lines = STRV_EMPTY;
  strv_split(&lines, text, '\n');
  for (size_t i = 0; i < lines.len; i++) {
    const char *line = lines.items[i], *value = line;
    if (*line == '#') continue; /* also between the lines of one field */
    if (!line[strspn(line, SPACE)]) {
      end_paragraph(sources, fields);
      current = NULL;
      continue;
    }
    if (!strchr(" \t", *line)) {
      size_t len = strcspn(line, ":");
      current = line[len] ? field_named(fields, line, len) : NULL;
      value = line + len + 1;
    }
    if (current) str_addf(current, " %s", value);
  }
  end_paragraph(sources, fields);
  for (size_t i = 0; i < FIELD_COUNT; i++) str_done(&fields[i]);
}

/* --- the choice --- */

/* Whether `suite` is one of Debian's releases followed by `suffix`. */
static bool is_debian_suite(const char *suite, const char *suffix) {
  for (size_t i = 0; i < ARRAY_LEN(debian_suites); i++)
    if (str_starts(suite, debian_suites[i]) && str_eq(suite + strlen(debian_suites[i]), suffix)) return true;
  return false;
}

static bool has_suite(const struct apt_source *source, const char *suffix) {
  for (size_t i = 0; i < source->suites.len; i++)
    if (is_debian_suite(source->suites.items[i], suffix)) return true;
  return false;
}

static bool mirror_has_updates(const struct apt_sources *sources, const char *uri) {
  for (size_t i = 0; i < sources->len; i++)
    if (str_eq(sources->items[i].uri, uri) && has_suite(&sources->items[i], "-updates")) return true;
  return false;
}

const char *apt_sources_archive(const struct apt_sources *sources) {
  const char *best = NULL;
  int best_rank = APT_SIGNER_OTHER;
  for (size_t i = 0; i < sources->len; i++) {
    const struct apt_source *source = &sources->items[i];
    if (!has_suite(source, "")) continue;
    int rank = mirror_has_updates(sources, source->uri) ? APT_SIGNER_DEBIAN + 1 : (int)source->signer;
    if (rank <= best_rank) continue;
    best = source->uri;
    best_rank = rank;
  }
  return best;
}

const char *apt_sources_security(const struct apt_sources *sources) {
  for (size_t i = 0; i < sources->len; i++)
    if (has_suite(&sources->items[i], "-security")) return sources->items[i].uri;
  return NULL;
}

char *apt_sources_beside(const char *archive) {
  size_t len = strlen(archive);
  while (len && archive[len - 1] == '/') len--;
  bool by_custom = len > 7 && strncmp(archive + len - 7, "/debian", 7) == 0;
  return by_custom ? str_format("%.*s-security", (int)len, archive) : NULL;
}

/* --- the host's files --- */

static void read_source_file(struct apt_sources *sources, const char *path) {
  auto_str text = STR_EMPTY;
  err *e = file_read(path, FILE_LIMIT, &text);
  if (e)
    err_ignore(e);
  else if (str_ends(path, ".sources"))
    apt_sources_read_deb822(sources, str_text(&text));
  else
    apt_sources_read_list(sources, str_text(&text));
}

static int compare_names(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_source_files(const char *folder, struct strv *ret_names) {
  DIR *dir = opendir(folder);
  struct dirent *entry;
  while (dir && ret_names->len < FILES_MAX && (entry = readdir(dir)))
    if (str_ends(entry->d_name, ".list") || str_ends(entry->d_name, ".sources")) strv_add(ret_names, entry->d_name);
  if (dir) closedir(dir);
  if (ret_names->len) qsort(ret_names->items, ret_names->len, sizeof *ret_names->items, compare_names);
}

/* As Debian's cloud images have it.  Without a mirror in the file the entry is of no use. */
static void resolve_mirror_file(struct apt_source *source) {
  if (!str_starts(source->uri, MIRROR_FILE)) return;
  auto_str text = STR_EMPTY;
  auto_strv words = STRV_EMPTY;
  const char *path = source->uri + strlen(MIRROR_FILE);
  while (path[0] == '/' && path[1] == '/') path++;
  err_ignore(file_read(path, FILE_LIMIT, &text));
  split_words(&words, str_text(&text));
  for (size_t i = 0; i < words.len; i++) {
    size_t len = strlen(words.items[i]);
    if (!is_web_address(words.items[i]) || has_password(words.items[i])) continue;
    while (words.items[i][len - 1] == '/') words.items[i][--len] = '\0';
    str_replace_owned(&source->uri, words.items[i]);
    return;
  }
  strv_done(&source->suites);
}

void apt_sources_of(const char *folder, struct apt_sources *sources) {
  auto_free char *single = path_join(folder, "sources.list");
  auto_free char *several = path_join(folder, "sources.list.d");
  auto_strv names = STRV_EMPTY;
  read_source_file(sources, single);
  list_source_files(several, &names);
  for (size_t i = 0; i < names.len; i++) {
    auto_free char *path = path_join(several, names.items[i]);
    read_source_file(sources, path);
  }
  for (size_t i = 0; i < sources->len; i++) resolve_mirror_file(&sources->items[i]);
}
