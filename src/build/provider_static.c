/* Folders of files, served with Caddy. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "build/provider.h"

/* "root: public" of a Staticfile (YAML, one key that matters). */
static char *staticfile_root(const struct draft *d) {
  auto_free char *text = draft_read(d, "Staticfile");
  if (!text) return NULL;
  auto_strv lines = STRV_EMPTY;
  strv_split(&lines, text, '\n');
  for (size_t i = 0; i < lines.len; i++)
    if (str_starts(lines.items[i], "root:")) return str_dup(str_trim(lines.items[i] + strlen("root:")));
  return NULL;
}

/* The folder to serve, "." for the whole source, or NULL; owned. */
static char *find_root(const struct draft *d, const char **ret_why) {
  const char *set = draft_setting(d, "STATIC_FILE_ROOT");
  if (!set) set = draft_setting(d, "STATICFILE_ROOT");
  *ret_why = "a STATIC_FILE_ROOT variable";
  if (set) return str_dup(set);
  *ret_why = "Staticfile";
  char *root = staticfile_root(d);
  if (root) return root;
  *ret_why = "index.html";
  if (draft_has(d, "index.html")) return str_dup(".");
  static const char *const folders[] = {"public", "dist", "site"};
  for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
    auto_free char *index = str_format("%s/index.html", folders[i]);
    if (draft_has(d, index)) return str_dup(folders[i]);
  }
  return NULL;
}

static bool detect(const struct draft *d) {
  const char *why;
  auto_free char *root = find_root(d, &why);
  return root != NULL;
}

static bool safe_folder(const char *root) {
  return *root != '-' && !strstr(root, "..") && !strpbrk(root, " \t\n\"'\\$[]*?");
}

static err *fill(struct draft *d) {
  const char *why;
  auto_free char *root = find_root(d, &why);
  if (!safe_folder(root)) return err_new(ERR_INVALID, "static site: '%s' is not a plain folder of the source", root);
  auto_str out = STR_EMPTY;
  static_site_lines(&out, "", *root == '/' ? root + 1 : root, false);
  const char *rest = strchr(str_text(&out), '\n') + 1; /* FROM and WORKDIR are written by the plan */
  rest = strchr(rest, '\n') + 1;
  draft_set(&d->final, "%s", rest);
  draft_set(&d->image, "caddy:2");
  d->static_site = true;
  draft_note(d, "static site in '%s' (from %s), served by Caddy on $PORT", root, why);
  return NULL;
}

const struct provider provider_static = {
    .name = "static",
    .detect = detect,
    .fill = fill,
    .looks_for = "index.html, public/index.html, Staticfile (static site)",
};
