#include "build/provider.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/toml.h"

const char *draft_variable(const struct draft *d, const char *name) {
  size_t len = strlen(name);
  for (const char *const *v = d->request->variables; v && *v; v++)
    if (strncmp(*v, name, len) == 0 && (*v)[len] == '=') return (*v)[len + 1] ? *v + len + 1 : NULL;
  return NULL;
}

const char *draft_setting(const struct draft *d, const char *name) {
  auto_free char *railpack = str_format("RAILPACK_%s", name);
  auto_free char *nixpacks = str_format("NIXPACKS_%s", name);
  const char *value = draft_variable(d, railpack);
  return value ? value : draft_variable(d, nixpacks);
}

bool draft_has(const struct draft *d, const char *path) {
  return source_has(d->source, path);
}

void draft_note(struct draft *d, const char *format, ...) {
  va_list args;
  va_start(args, format);
  strv_add_take(&d->notes, str_vformat(format, args));
  va_end(args);
}

void draft_set(char **slot, const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *text = str_vformat(format, args);
  va_end(args);
  free(*slot);
  *slot = text;
}

char *draft_read(const struct draft *d, const char *path) {
  auto_str text = STR_EMPTY;
  if (!source_read(d->source, path, &text)) return NULL;
  str_add(&text, "");
  return str_dup(str_trim(text.data));
}

err *draft_read_object(const struct draft *d, const char *path, json_t **ret_value) {
  auto_str text = STR_EMPTY;
  if (!source_has(d->source, path)) return NULL;
  TRY(d->source->read(d->source->arg, path, &text));
  if (str_ends(path, ".toml") || str_ends(path, "Pipfile")) {
    auto_toml *doc = NULL;
    TRY(toml_parse(str_text(&text), text.len, path, &doc));
    *ret_value = json_incref((json_t *)toml_root(doc));
    return NULL;
  }
  json_t *value = NULL;
  TRY(json_parse(str_text(&text), text.len, path, &value));
  if (json_is_object(value)) {
    *ret_value = value;
    return NULL;
  }
  json_decref(value);
  return err_new(ERR_INVALID, "%s: expected an object", path);
}

void shell_quote(struct str *out, const char *text) {
  bool plain = *text;
  for (const char *p = text; *p; p++)
    if (!isalnum((unsigned char)*p) && !strchr("._-+/:=@,%", *p)) plain = false;
  if (plain) {
    str_add(out, text);
    return;
  }
  str_add_char(out, '\'');
  for (const char *p = text; *p; p++) {
    if (*p == '\'')
      str_add(out, "'\\''");
    else
      str_add_char(out, *p);
  }
  str_add_char(out, '\'');
}

void json_quote(struct str *out, const char *text) {
  auto_json *value = json_string(text);
  char *quoted = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
  str_add(out, quoted ? quoted : "\"\"");
  free(quoted);
}

/* One line of a Procfile: "name: command"; the command or NULL. */
static const char *procfile_line(char *line, const char **ret_name) {
  char *text = str_trim(line);
  char *colon = strchr(text, ':');
  if (*text == '#' || !colon) return NULL;
  *colon = '\0';
  *ret_name = str_trim(text);
  char *command = str_trim(colon + 1);
  size_t len = strlen(command);
  bool quoted = len > 1 && (*command == '"' || *command == '\'') && command[len - 1] == *command;
  if (quoted) command[len - 1] = '\0';
  return command[quoted] ? command + quoted : NULL;
}

char *procfile_command(const struct source_view *source, const char *name) {
  static const char *const order[] = {"web", "worker"};
  auto_str text = STR_EMPTY;
  if (!source_read(source, "Procfile", &text)) return NULL;
  auto_strv lines = STRV_EMPTY;
  strv_split(&lines, str_text(&text), '\n');
  char *best = NULL;
  size_t best_rank = ARRAY_LEN(order) + 1;
  for (size_t i = 0; i < lines.len; i++) {
    const char *process = NULL, *command = procfile_line(lines.items[i], &process);
    if (!command) continue;
    size_t rank = ARRAY_LEN(order);
    for (size_t k = 0; k < ARRAY_LEN(order); k++)
      if (str_eq(process, order[k])) rank = k;
    if (name ? !str_eq(process, name) : str_eq(process, "release") || rank >= best_rank) continue;
    best_rank = rank;
    str_replace_owned(&best, command);
  }
  return best;
}

char *version_number(const char *range, int parts) {
  const char *p = range + strcspn(range, "0123456789");
  const char *start = p;
  while (parts > 0 && isdigit((unsigned char)*p)) {
    while (isdigit((unsigned char)*p)) p++;
    if (--parts > 0 && *p == '.' && isdigit((unsigned char)p[1])) p++;
  }
  return str_ndup(start, (size_t)(p - start));
}

/* docs/adr/0004-static-server.md: why Caddy. */
void static_site_lines(struct str *out, const char *from, const char *folder, bool spa) {
  str_add(out, "FROM caddy:2\nWORKDIR /app\n");
  if (*from)
    str_addf(out, "COPY --from=%s %s /app/site\n", from, folder);
  else
    str_addf(out, "COPY %s /app/site\n", folder);
  const char *const lines[] = {
      "{", "  admin off", "  auto_https off", "}", ":{$PORT:80} {", "  root * /app/site",
      "  encode zstd gzip", "  respond /health 200",
      spa ? "  try_files {path} {path}.html {path}/index.html /index.html"
          : "  try_files {path} {path}.html {path}/index.html",
      "  file_server {", "    hide .git .env* Dockerfile Staticfile Procfile railway.toml railway.json", "  }", "}"};
  str_add(out, "RUN printf '%s\\n'");
  for (size_t i = 0; i < ARRAY_LEN(lines); i++) str_addf(out, " \\\n    '%s'", lines[i]);
  str_add(out, " \\\n    >/app/Caddyfile\nCMD [\"caddy\", \"run\", \"--config\", \"/app/Caddyfile\", \"--adapter\", \"caddyfile\"]\n");
}
