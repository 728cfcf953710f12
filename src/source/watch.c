#include "source/watch.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "source/ignore.h"

static bool matches(const ignore *rules, const char *path) {
  auto_free char *at = str_dup(path);
  bool is_folder = false;
  for (;;) {
    enum ignore_verdict verdict = ignore_verdict(rules, at, is_folder);
    if (verdict != IGNORE_UNDECIDED) return verdict == IGNORE_EXCLUDED;
    char *slash = strrchr(at, '/');
    if (!slash) return false;
    *slash = '\0';
    is_folder = true;
  }
}

err *watch_matches(const struct strv *patterns, const struct strv *paths, bool *ret_matches) {
  if (!patterns->len) {
    *ret_matches = true;
    return NULL;
  }
  auto_ignore *rules = ignore_new();
  auto_free char *text = strv_join(patterns, "\n");
  TRY(ignore_add(rules, "", IGNORE_RANK_GIT, text, strlen(text)));
  bool found = false;
  for (size_t i = 0; i < paths->len && !found; i++) found = matches(rules, paths->items[i]);
  *ret_matches = found;
  return NULL;
}
