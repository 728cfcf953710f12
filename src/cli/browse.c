#include "cli/browse.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/* Adds what stands between quotes; `at` is behind the first. */
static err *take_quoted(const char *at, char quote, struct str *word, const char **ret_end) {
  for (; *at && *at != quote; at++) {
    if (*at == '\\' && quote == '"' && at[1]) at++;
    str_add_char(word, *at);
  }
  if (!*at) return err_new(ERR_INVALID, "a %c is not closed", quote);
  *ret_end = at + 1;
  return NULL;
}

static err *take_word(const char *at, struct str *word, const char **ret_end) {
  while (*at && !is_blank(*at)) {
    if (*at == '\'' || *at == '"') {
      TRY(take_quoted(at + 1, *at, word, &at));
      continue;
    }
    if (*at == '\\' && at[1]) at++;
    str_add_char(word, *at++);
  }
  *ret_end = at;
  return NULL;
}

err *browse_words(const char *line, struct strv *ret_words) {
  for (const char *at = line;;) {
    auto_str word = STR_EMPTY;
    while (is_blank(*at)) at++;
    if (!*at || *at == '#') return NULL;
    TRY(take_word(at, &word, &at));
    strv_add(ret_words, str_text(&word));
  }
}

static void go_up(struct str *path) {
  while (path->len && path->data[path->len - 1] != '/') path->len--;
  if (path->len) path->len--;
  if (path->data) path->data[path->len] = '\0';
}

static void walk(struct str *path, const char *steps) {
  auto_strv names = STRV_EMPTY;
  strv_split(&names, steps, '/');
  for (size_t i = 0; i < names.len; i++) {
    if (str_eq(names.items[i], ".."))
      go_up(path);
    else if (*names.items[i] && !str_eq(names.items[i], "."))
      str_addf(path, "/%s", names.items[i]);
  }
}

static bool means_folder(const char *path) {
  const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;
  return (slash && !*last) || str_eq(last, ".") || str_eq(last, "..");
}

char *browse_path(const char *folder, const char *path) {
  auto_str whole = STR_EMPTY;
  if (*path != '/') walk(&whole, folder);
  walk(&whole, path);
  if (!whole.len || means_folder(path)) str_add_char(&whole, '/');
  return str_take(&whole);
}
