#include "build/dockerfile.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { MAX_INSTRUCTIONS = 10000, MAX_HEREDOCS = 8, MAX_EXPANSION_DEPTH = 8, MAX_EXPANDED = 64 * 1024 };

/* --- words and expansion --- */

char *dockerfile_word(const char **rest) {
  const char *p = *rest;
  while (isspace((unsigned char)*p)) p++;
  if (!*p) return NULL;
  const char *start = p;
  char quote = '\0';
  for (; *p && (quote || !isspace((unsigned char)*p)); p++) {
    if (quote && *p == quote)
      quote = '\0';
    else if (!quote && (*p == '"' || *p == '\''))
      quote = *p;
  }
  *rest = p;
  return str_ndup(start, (size_t)(p - start));
}

static bool name_start(char c) {
  return isalpha((unsigned char)c) || c == '_';
}

static size_t name_len(const char *p) {
  if (!name_start(*p)) return 0;
  size_t n = 1;
  while (isalnum((unsigned char)p[n]) || p[n] == '_') n++;
  return n;
}

/* The `}` that closes the `{` before `p`, or NULL. */
static const char *closing_brace(const char *p) {
  for (int depth = 1; *p; p++) {
    if (*p == '{') depth++;
    if (*p == '}' && --depth == 0) return p;
  }
  return NULL;
}

static void expand_into(struct str *out, const char *word, char escape, const map *values, int depth);

/* "${…}": `p` stands behind the brace; returns what follows. */
static const char *expand_braced(struct str *out, const char *p, char escape, const map *values,
                                 int depth) {
  const char *close = closing_brace(p);
  size_t len = name_len(p);
  if (!close || !len) {
    str_add(out, "${");
    return p;
  }
  auto_free char *name = str_ndup(p, len);
  const char *value = map_get(values, name), *after = p + len;
  bool empty_counts = *after == ':';
  if (empty_counts) after++;
  bool missing = !value || (empty_counts && !*value);
  auto_free char *other = NULL;
  if (*after == '-' || *after == '+') other = str_ndup(after + 1, (size_t)(close - after - 1));
  if (other && *after == (missing ? '-' : '+'))
    expand_into(out, other, escape, values, depth + 1);
  else if (value && !(other && *after == '+'))
    str_add(out, value);
  return close + 1;
}

static void expand_into(struct str *out, const char *word, char escape, const map *values, int depth) {
  if (depth > MAX_EXPANSION_DEPTH) return;
  bool single = false, twice = false;
  for (const char *p = word; *p && out->len < MAX_EXPANDED;) {
    if (*p == '\'' && !twice) {
      single = !single;
      p++;
    } else if (*p == '"' && !single) {
      twice = !twice;
      p++;
    } else if (*p == escape && !single && p[1]) {
      str_add_char(out, p[1]);
      p += 2;
    } else if (*p == '$' && !single && p[1] == '{') {
      p = expand_braced(out, p + 2, escape, values, depth);
    } else if (*p == '$' && !single && name_len(p + 1)) {
      auto_free char *name = str_ndup(p + 1, name_len(p + 1));
      const char *value = map_get(values, name);
      if (value) str_add(out, value);
      p += 1 + strlen(name);
    } else {
      str_add_char(out, *p++);
    }
  }
}

char *dockerfile_expand(const char *word, char escape, const map *values) {
  auto_str out = STR_EMPTY;
  str_add(&out, "");
  expand_into(&out, word, escape, values, 0);
  return str_take(&out);
}

char *dockerfile_flag(const char *rest, const char *name) {
  auto_free char *prefix = str_format("--%s=", name);
  for (;;) {
    auto_free char *word = dockerfile_word(&rest);
    if (!word || !str_starts(word, "--")) return NULL;
    if (str_starts(word, prefix)) return str_dup(word + strlen(prefix));
  }
}

/* --- values of ARG and ENV --- */

static void set_value(map *values, const char *name, const char *value) {
  free(map_remove(values, name));
  map_set(values, name, str_dup(value));
}

static const char *variable(const char *const *variables, const char *name) {
  size_t len = strlen(name);
  for (; variables && *variables; variables++)
    if (strncmp(*variables, name, len) == 0 && (*variables)[len] == '=') return *variables + len + 1;
  return NULL;
}

char *dockerfile_arg_name(const struct dockerfile *file, const char *word) {
  auto_free char *written = str_ndup(word, strcspn(word, "="));
  auto_map *nothing = map_new();
  return dockerfile_expand(written, file->escape, nothing);
}

static void apply_arg(const struct dockerfile *file, const char *rest, const map *global,
                      const char *const *variables, map *values) {
  for (char *word; (word = dockerfile_word(&rest));) {
    auto_free char *name = dockerfile_arg_name(file, word);
    const char *equals = strchr(word, '=');
    const char *given = variable(variables, name);
    if (!given && !equals && global) given = map_get(global, name);
    if (given) {
      set_value(values, name, given);
    } else if (equals) {
      auto_free char *value = dockerfile_expand(equals + 1, file->escape, values);
      set_value(values, name, value);
    }
    free(word);
  }
}

static void apply_env(const struct dockerfile *file, const char *rest, map *values) {
  const char *p = rest;
  auto_free char *first = dockerfile_word(&p);
  if (!first) return;
  if (!strchr(first, '=')) { /* the old form: ENV NAME the whole rest */
    while (isspace((unsigned char)*p)) p++;
    auto_free char *value = dockerfile_expand(p, file->escape, values);
    set_value(values, first, value);
    return;
  }
  for (char *word; (word = dockerfile_word(&rest));) {
    char *equals = strchr(word, '=');
    if (equals) {
      *equals = '\0';
      auto_free char *value = dockerfile_expand(equals + 1, file->escape, values);
      set_value(values, word, value);
    }
    free(word);
  }
}

static void apply_range(const struct dockerfile *file, int stage, size_t end, const map *global,
                        const char *const *variables, map *values) {
  for (size_t i = 0; i < end; i++) {
    const struct dockerfile_instruction *in = &file->instructions[i];
    if (in->stage != stage) continue;
    if (str_eq(in->keyword, "ARG")) apply_arg(file, in->rest, global, variables, values);
    if (str_eq(in->keyword, "ENV")) apply_env(file, in->rest, values);
  }
}

/* The stages that `stage` continues come first, each as far as it goes. */
static void apply_stage(const struct dockerfile *file, int stage, size_t end, const map *global,
                        const char *const *variables, map *values) {
  if (stage >= 0 && file->stages[stage].from_stage >= 0)
    apply_stage(file, file->stages[stage].from_stage, file->instructions_len, global, variables,
                values);
  apply_range(file, stage, end, global, variables, values);
}

map *dockerfile_values(const struct dockerfile *file, size_t instruction,
                       const char *const *variables) {
  bool from = str_eq(file->instructions[instruction].keyword, "FROM"); /* knows global ARGs only */
  int stage = from ? -1 : file->instructions[instruction].stage;
  map *global = map_new();
  apply_range(file, -1, stage < 0 ? instruction : file->instructions_len, NULL, variables, global);
  if (stage < 0) return global;
  map *values = map_new();
  apply_stage(file, stage, instruction, global, variables, values);
  dockerfile_values_free(global);
  return values;
}

void dockerfile_values_free(map *values) {
  size_t cursor = 0;
  const char *key;
  void *value;
  while (values && map_next(values, &cursor, &key, &value)) free(value);
  map_free(values);
}

/* --- lines --- */

struct reader {
  struct dockerfile *file;
  const char *p, *end;
  int line;
};

/* The line at the reader, without its end; moves on. */
static char *take_line(struct reader *r) {
  const char *newline = memchr(r->p, '\n', (size_t)(r->end - r->p));
  const char *stop = newline ? newline : r->end;
  size_t len = (size_t)(stop - r->p);
  if (len && r->p[len - 1] == '\r') len--;
  char *line = str_ndup(r->p, len);
  r->p = newline ? newline + 1 : r->end;
  r->line++;
  return line;
}

static bool is_comment(const char *line) {
  while (isspace((unsigned char)*line)) line++;
  return *line == '#';
}

/* Directives stand before everything else, one per line: "# escape=`". */
static void read_directives(struct reader *r) {
  struct reader look = *r;
  while (look.p < look.end) {
    auto_free char *line = take_line(&look);
    char *p = str_trim(line);
    if (*p++ != '#') return;
    char *equals = strchr(p, '=');
    if (!equals) return;
    *equals = '\0';
    const char *value = str_trim(equals + 1);
    if (str_ieq(str_trim(p), "escape") && (str_eq(value, "`") || str_eq(value, "\\")))
      r->file->escape = *value;
  }
}

/* Cuts a trailing escape character off; whether there was one. */
static bool cut_continuation(char *line, char escape) {
  size_t len = strlen(line);
  while (len && isspace((unsigned char)line[len - 1])) len--;
  if (!len || line[len - 1] != escape) return false;
  line[len - 1] = '\0';
  return true;
}

static void read_logical_line(struct reader *r, struct str *text) {
  bool more = true;
  while (more && r->p < r->end) {
    auto_free char *line = take_line(r);
    bool blank = !line[strspn(line, " \t\r\f\v")];
    if (text->len && (is_comment(line) || blank)) continue;
    more = cut_continuation(line, r->file->escape);
    str_add(text, line);
  }
}

struct heredoc {
  char *end;
  bool strip_tabs;
};

/* Finds "<<WORD", "<<-WORD", "<<'WORD'" in a RUN, COPY or ADD. */
static size_t find_heredocs(const char *rest, struct heredoc found[MAX_HEREDOCS]) {
  size_t n = 0;
  for (const char *p = rest; n < MAX_HEREDOCS && (p = strstr(p, "<<"));) {
    p += 2;
    if (*p == '<') { /* a here-string */
      while (*p == '<') p++;
      continue;
    }
    bool strip = *p == '-';
    if (strip) p++;
    char quote = *p == '"' || *p == '\'' ? *p++ : '\0';
    size_t len = name_len(p);
    if (!len || (quote && p[len] != quote)) continue;
    found[n++] = (struct heredoc){.end = str_ndup(p, len), .strip_tabs = strip};
    p += len;
  }
  return n;
}

static err *read_heredocs(struct reader *r, const char *rest, int first_line, struct str *body) {
  struct heredoc found[MAX_HEREDOCS];
  size_t n = find_heredocs(rest, found);
  err *e = NULL;
  for (size_t i = 0; i < n; i++) {
    bool ended = false;
    while (!e && !ended && r->p < r->end) {
      auto_free char *line = take_line(r);
      const char *start = line;
      while (found[i].strip_tabs && *start == '\t') start++;
      ended = str_eq(start, found[i].end);
      str_addf(body, "%s\n", line);
    }
    if (!ended && !e)
      e = err_new(ERR_INVALID, "line %d: here-document without its end '%s'", first_line, found[i].end);
    free(found[i].end);
  }
  return e;
}

static const char *const keywords[] = {"ADD",    "ARG",        "CMD",    "COPY",  "ENTRYPOINT",
                                       "ENV",    "EXPOSE",     "FROM",   "LABEL", "HEALTHCHECK",
                                       "ONBUILD", "MAINTAINER", "RUN",    "SHELL", "STOPSIGNAL",
                                       "USER",   "VOLUME",     "WORKDIR"};

static err *check_keyword(const char *keyword, int line) {
  const char *near = NULL;
  for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
    if (str_eq(keyword, keywords[i])) return NULL;
    if (strlen(keyword) < 16 && str_distance(keyword, keywords[i]) <= 2) near = keywords[i];
  }
  if (near) return err_new(ERR_INVALID, "line %d: unknown instruction '%.40s'; did you mean %s?", line, keyword, near);
  return err_new(ERR_INVALID, "line %d: unknown instruction '%.40s'", line, keyword);
}

static struct dockerfile_instruction *add_instruction(struct dockerfile *file) {
  file->instructions = mem_grow(file->instructions, &file->instructions_capacity,
                                file->instructions_len + 1, sizeof *file->instructions);
  struct dockerfile_instruction *in = &file->instructions[file->instructions_len++];
  *in = (struct dockerfile_instruction){.stage = (int)file->stages_len - 1};
  return in;
}

static err *read_instruction(struct reader *r) {
  size_t start = (size_t)(r->p - r->file->text);
  int line = r->line + 1;
  auto_str logical = STR_EMPTY;
  read_logical_line(r, &logical);
  char *text = logical.data ? str_trim(logical.data) : NULL;
  if (str_empty(text)) return NULL;
  if (r->file->instructions_len >= MAX_INSTRUCTIONS)
    return err_new(ERR_LIMIT, "line %d: more than %d instructions", line, MAX_INSTRUCTIONS);
  size_t len = strcspn(text, " \t\r\n\f\v");
  auto_free char *keyword = str_ndup(text, len);
  for (char *p = keyword; *p; p++) *p = (char)toupper((unsigned char)*p);
  TRY(check_keyword(keyword, line));
  const char *rest = str_trim(text + len);
  auto_str heredoc = STR_EMPTY;
  bool may_have = str_eq(keyword, "RUN") || str_eq(keyword, "COPY") || str_eq(keyword, "ADD");
  if (may_have) TRY(read_heredocs(r, rest, line, &heredoc));
  struct dockerfile_instruction *in = add_instruction(r->file);
  in->keyword = str_dup(keyword);
  in->rest = str_dup(rest);
  in->heredoc = str_dup(str_text(&heredoc));
  in->start = start;
  in->end = (size_t)(r->p - r->file->text);
  in->line = line;
  return NULL;
}

/* --- stages --- */

int dockerfile_find_stage(const struct dockerfile *file, const char *name, int before) {
  for (int i = before - 1; i >= 0; i--)
    if (*file->stages[i].name && str_ieq(file->stages[i].name, name)) return i;
  long long index;
  return str_to_int(name, 0, before - 1, &index) ? (int)index : -1;
}

static int stage_named(const struct dockerfile *file, const char *name, int before) {
  for (int i = before - 1; i >= 0; i--)
    if (*file->stages[i].name && str_ieq(file->stages[i].name, name)) return i;
  return -1;
}

static err *begin_stage(struct dockerfile *file, const char *const *variables) {
  struct dockerfile_instruction *in = &file->instructions[file->instructions_len - 1];
  const char *rest = in->rest;
  auto_free char *word = dockerfile_word(&rest);
  while (word && str_starts(word, "--")) {
    free(word);
    word = dockerfile_word(&rest);
  }
  if (!word) return err_new(ERR_INVALID, "line %d: FROM needs an image", in->line);
  map *values = dockerfile_values(file, file->instructions_len - 1, variables);
  auto_free char *image = dockerfile_expand(word, file->escape, values);
  dockerfile_values_free(values);
  if (!*image)
    return err_new(ERR_INVALID, "line %d: FROM %s: expands to nothing; declare the ARG before the first FROM",
                   in->line, word);
  auto_free char *as = dockerfile_word(&rest);
  auto_free char *name = dockerfile_word(&rest);
  if (as && (!str_ieq(as, "as") || !name))
    return err_new(ERR_INVALID, "line %d: FROM %s: expected 'AS name'", in->line, word);
  int from_stage = stage_named(file, image, (int)file->stages_len);
  bool no_image = from_stage >= 0 || str_eq(image, "scratch");
  file->stages = mem_grow(file->stages, &file->stages_capacity, file->stages_len + 1, sizeof *file->stages);
  in->stage = (int)file->stages_len;
  file->stages[file->stages_len++] = (struct dockerfile_stage){
      .name = str_dup(name ? name : ""),
      .image = str_dup(no_image ? "" : image),
      .from_stage = from_stage,
      .line = in->line,
      .needed = true,
  };
  return NULL;
}

static err *take_instruction(struct dockerfile *file, const char *const *variables) {
  const struct dockerfile_instruction *in = &file->instructions[file->instructions_len - 1];
  if (str_eq(in->keyword, "FROM")) return begin_stage(file, variables);
  if (in->stage < 0 && !str_eq(in->keyword, "ARG"))
    return err_new(ERR_INVALID, "line %d: %s before the first FROM", in->line, in->keyword);
  if (!*in->rest) return err_new(ERR_INVALID, "line %d: %s needs an argument", in->line, in->keyword);
  return NULL;
}

static err *parse_into(struct dockerfile *file, size_t len, const char *const *variables) {
  struct reader r = {.file = file, .p = file->text, .end = file->text + len};
  if (len >= 3 && memcmp(r.p, "\xef\xbb\xbf", 3) == 0) r.p += 3;
  read_directives(&r);
  while (r.p < r.end) {
    struct reader look = r;
    auto_free char *line = take_line(&look);
    if (is_comment(line)) {
      r = look;
      continue;
    }
    size_t before = file->instructions_len;
    TRY(read_instruction(&r));
    if (file->instructions_len > before) TRY(take_instruction(file, variables));
  }
  if (!file->stages_len) return err_new(ERR_INVALID, "there is no FROM in it");
  return NULL;
}

err *dockerfile_parse(const char *text, size_t len, const char *const *variables,
                      struct dockerfile **ret_file) {
  if (len > DOCKERFILE_LIMIT) return err_new(ERR_LIMIT, "larger than %d bytes", DOCKERFILE_LIMIT);
  if (memchr(text, '\0', len)) return err_new(ERR_INVALID, "has a NUL byte in it: not a text file");
  auto_dockerfile *file = mem_zalloc(sizeof *file);
  file->text = str_ndup(text, len);
  file->escape = '\\';
  TRY(parse_into(file, len, variables));
  *ret_file = file;
  file = NULL;
  return NULL;
}

void dockerfile_free(struct dockerfile *file) {
  if (!file) return;
  for (size_t i = 0; i < file->instructions_len; i++) {
    free(file->instructions[i].keyword);
    free(file->instructions[i].rest);
    free(file->instructions[i].heredoc);
  }
  for (size_t i = 0; i < file->stages_len; i++) {
    free(file->stages[i].name);
    free(file->stages[i].image);
  }
  free(file->instructions);
  free(file->stages);
  free(file->text);
  free(file);
}
