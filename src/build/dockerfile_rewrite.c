/* Dockerfile in, Dockerfile for buildah 1.28 out. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "build/dockerfile.h"

#if defined(__x86_64__)
#define HOST_PLATFORM "linux/amd64"
#elif defined(__aarch64__)
#define HOST_PLATFORM "linux/arm64"
#else
#define HOST_PLATFORM "linux/unknown"
#endif

struct rewriter {
  const struct dockerfile *file;
  const struct dockerfile_rewrite *how;
  struct str *out;
  size_t index; /* the instruction being written */
};

static const struct dockerfile_instruction *current(const struct rewriter *w) {
  return &w->file->instructions[w->index];
}

static char *expand_here(const struct rewriter *w, const char *word) {
  map *values = dockerfile_values(w->file, w->index, w->how->variables);
  char *text = dockerfile_expand(word, w->file->escape, values);
  dockerfile_values_free(values);
  return text;
}

static const char *local_image(const struct rewriter *w, const char *image) {
  const char *local = map_get(w->how->images, image);
  return local ? local : image;
}

/* Stage names are written in lower case everywhere: Docker takes them without regard to case, buildah
 * does not. */
static void add_lower(struct str *out, const char *text) {
  for (const char *p = text; *p; p++) str_add_char(out, (char)tolower((unsigned char)*p));
}

/* What --from= or from= becomes: a stage's name (or number) or a local image. */
static void add_from(struct rewriter *w, const char *name) {
  if (dockerfile_find_stage(w->file, name, current(w)->stage) >= 0)
    add_lower(w->out, name);
  else
    str_add(w->out, local_image(w, name));
}

static err *check_platform(const struct rewriter *w) {
  auto_free char *platform = dockerfile_flag(current(w)->rest, "platform");
  if (!platform || strstr(platform, "PLATFORM")) return NULL; /* $BUILDPLATFORM: this machine */
  auto_free char *wanted = expand_here(w, platform);
  if (!*wanted || str_starts(wanted, HOST_PLATFORM)) return NULL;
  return err_new(ERR_INVALID, "line %d: --platform=%s: this machine builds %s only", current(w)->line,
                 wanted, HOST_PLATFORM);
}

static err *write_from(struct rewriter *w) {
  TRY(check_platform(w));
  const struct dockerfile_stage *stage = &w->file->stages[current(w)->stage];
  str_add(w->out, "FROM ");
  if (stage->from_stage >= 0)
    add_lower(w->out, w->file->stages[stage->from_stage].name);
  else
    str_add(w->out, *stage->image ? local_image(w, stage->image) : "scratch");
  if (*stage->name) str_add(w->out, " AS ");
  add_lower(w->out, stage->name);
  str_add_char(w->out, '\n');
  return NULL;
}

/* Nothing is written when every port expands to nothing: buildah fails on an EXPOSE without one. */
static err *write_expose(struct rewriter *w) {
  auto_str ports = STR_EMPTY;
  const char *rest = current(w)->rest;
  for (char *word; (word = dockerfile_word(&rest)); free(word)) {
    auto_free char *port = expand_here(w, word);
    if (*port && *port != '/') str_addf(&ports, " %s", port);
  }
  if (ports.len) str_addf(w->out, "EXPOSE%s\n", str_text(&ports));
  return NULL;
}

/* The id becomes one path component below buildah's cache folder: a stranger's `../` must not leave
 * it, and no service may reach another's. */
static void add_cache_id(struct str *out, const char *service_id, const char *id) {
  auto_free char *own = str_format("s/%s-", service_id);
  if (str_starts(id, own)) id += strlen(own); /* Railway's form names the service itself */
  str_addf(out, "id=s-%s-", service_id);
  bool plain = strlen(id) <= 128;
  for (const char *p = id; *p; p++)
    if (!isalnum((unsigned char)*p) && !strchr("._-/", *p)) plain = false;
  if (!plain) {
    char hex[SHA256_HEX_SIZE];
    secret_sha256_hex(id, strlen(id), hex);
    str_add(out, hex);
    return;
  }
  for (const char *p = id; *p; p++) str_add_char(out, *p == '/' ? '_' : *p);
}

static const char *option_value(const struct strv *options, const char *name) {
  size_t len = strlen(name);
  for (size_t i = 0; i < options->len; i++)
    if (strncmp(options->items[i], name, len) == 0 && options->items[i][len] == '=')
      return options->items[i] + len + 1;
  return NULL;
}

/* "type=cache,id=x,target=/y" → the same with the id of this service. */
static void write_cache_mount(struct rewriter *w, const struct strv *options) {
  static const char *const places[] = {"id", "target", "destination", "dst"};
  const char *id = NULL;
  for (size_t i = 0; i < ARRAY_LEN(places) && !id; i++) id = option_value(options, places[i]);
  str_add(w->out, "--mount=");
  add_cache_id(w->out, w->how->service_id, id ? id : "");
  for (size_t i = 0; i < options->len; i++)
    if (!str_starts(options->items[i], "id=")) str_addf(w->out, ",%s", options->items[i]);
  str_add_char(w->out, ' ');
}

static void write_mount(struct rewriter *w, const char *mount) {
  auto_strv options = STRV_EMPTY;
  strv_split(&options, mount, ',');
  if (str_eq(option_value(&options, "type"), "cache")) {
    write_cache_mount(w, &options);
    return;
  }
  str_add(w->out, "--mount=");
  for (size_t i = 0; i < options.len; i++) {
    const char *option = options.items[i];
    bool from = str_starts(option, "from=");
    str_addf(w->out, "%s%s", i ? "," : "", from ? "from=" : option);
    if (from) add_from(w, option + strlen("from="));
  }
  str_add_char(w->out, ' ');
}

/* Writes the leading flags, as buildah may have them; returns what follows. */
static const char *write_flags(struct rewriter *w) {
  const char *rest = current(w)->rest;
  for (;;) {
    const char *after = rest;
    auto_free char *flag = dockerfile_word(&after);
    if (!flag || !str_starts(flag, "--")) break;
    rest = after;
    if (str_starts(flag, "--mount=")) {
      write_mount(w, flag + strlen("--mount="));
    } else if (str_starts(flag, "--from=")) {
      str_add(w->out, "--from=");
      add_from(w, flag + strlen("--from="));
      str_add_char(w->out, ' ');
    } else if (!str_eq(flag, "--link") && !str_starts(flag, "--link=")) {
      str_addf(w->out, "%s ", flag); /* --link only asks for a faster cache */
    }
  }
  while (isspace((unsigned char)*rest)) rest++;
  return rest;
}

static void add_json_text(struct str *out, const char *text) {
  str_add_char(out, '"');
  for (const char *p = text; *p; p++) {
    if (*p == '"' || *p == '\\')
      str_addf(out, "\\%c", *p);
    else if ((unsigned char)*p < 0x20)
      str_addf(out, "\\u%04x", (unsigned)*p);
    else
      str_add_char(out, *p);
  }
  str_add_char(out, '"');
}

/* The SHELL in force, as the inside of a JSON array. */
static const char *shell_words(const struct rewriter *w, char **ret_owned) {
  *ret_owned = NULL;
  for (size_t i = 0; i < w->index; i++) {
    const struct dockerfile_instruction *in = &w->file->instructions[i];
    size_t len = strlen(in->rest);
    bool array = len > 2 && in->rest[0] == '[' && in->rest[len - 1] == ']';
    if (in->stage != current(w)->stage || !str_eq(in->keyword, "SHELL") || !array) continue;
    free(*ret_owned);
    *ret_owned = str_ndup(in->rest + 1, len - 2);
  }
  return *ret_owned ? *ret_owned : "\"/bin/sh\", \"-c\"";
}

/* The lines of a here-document without the one that ends it, and without leading tabs after "<<-". */
static char *heredoc_lines(const char *body, bool strip_tabs) {
  auto_strv lines = STRV_EMPTY;
  strv_split(&lines, body, '\n'); /* the last part is what follows the last newline: nothing */
  auto_str out = STR_EMPTY;
  str_add(&out, "");
  for (size_t i = 0; i + 2 < lines.len; i++)
    str_addf(&out, "%s\n", lines.items[i] + (strip_tabs ? strspn(lines.items[i], "\t") : 0));
  return str_take(&out);
}

/* "RUN <<EOF": the body is the script.  A first line `#!…` names its interpreter. */
static char *heredoc_script(const char *command, const char *body) {
  bool alone = str_starts(command, "<<") && !command[strcspn(command, " \t")];
  if (!alone) return str_format("%s\n%s", command, body);
  auto_free char *script = heredoc_lines(body, command[2] == '-');
  if (!str_starts(script, "#!")) return str_dup(script);
  return str_format("f=$(mktemp) && cat >\"$f\" <<'TRAMWAY_HEREDOC' && chmod +x \"$f\" && \"$f\" && rm \"$f\"\n"
                    "%sTRAMWAY_HEREDOC\n", script);
}

static err *write_run(struct rewriter *w) {
  const struct dockerfile_instruction *in = current(w);
  str_add(w->out, "RUN ");
  const char *command = write_flags(w);
  if (!*in->heredoc) {
    str_addf(w->out, "%s\n", command);
    return NULL;
  }
  char *owned;
  const char *shell = shell_words(w, &owned);
  auto_free char *script = heredoc_script(command, in->heredoc);
  str_addf(w->out, "[%s, ", shell);
  add_json_text(w->out, script);
  str_add(w->out, "]\n");
  free(owned);
  return NULL;
}

static err *write_copy(struct rewriter *w) {
  const struct dockerfile_instruction *in = current(w);
  if (*in->heredoc)
    return err_new(ERR_INVALID, "line %d: %s with a here-document cannot be built here: put the text into "
                   "a file of the repository, or write it with RUN", in->line, in->keyword);
  str_addf(w->out, "%s ", in->keyword);
  str_addf(w->out, "%s\n", write_flags(w));
  return NULL;
}

static err *write_as_it_is(struct rewriter *w) {
  const struct dockerfile_instruction *in = current(w);
  const char *text = w->file->text + in->start;
  str_add_bytes(w->out, text, in->end - in->start);
  if (in->end == in->start || text[in->end - in->start - 1] != '\n') str_add_char(w->out, '\n');
  return NULL;
}

/* clang-format off */
static const struct { const char *keyword; err *(*write)(struct rewriter *); } writers[] = {
  {"FROM", write_from}, {"EXPOSE", write_expose}, {"RUN", write_run}, {"COPY", write_copy}, {"ADD", write_copy},
};
/* clang-format on */

static err *write_instruction(struct rewriter *w) {
  for (size_t i = 0; i < ARRAY_LEN(writers); i++)
    if (str_eq(current(w)->keyword, writers[i].keyword)) return writers[i].write(w);
  return write_as_it_is(w);
}

static void add_step(struct dockerfile_steps *steps, int stage, int step,
                     const struct dockerfile_instruction *in) {
  steps->items = mem_grow(steps->items, &steps->capacity, steps->len + 1, sizeof *steps->items);
  steps->items[steps->len++] = (struct dockerfile_step){stage, step, in->line, in->keyword, in->rest};
}

err *dockerfile_rewrite(const struct dockerfile *file, const struct dockerfile_rewrite *how,
                        struct str *ret_text, struct dockerfile_steps *ret_steps) {
  auto_str text = STR_EMPTY;
  struct rewriter w = {.file = file, .how = how, .out = &text};
  int stages = 0, step = 0;
  if (file->escape == '`') str_add(&text, "# escape=`\n");
  for (; w.index < file->instructions_len; w.index++) {
    const struct dockerfile_instruction *in = current(&w);
    if (in->stage >= 0 && !file->stages[in->stage].needed) continue;
    size_t before = text.len;
    TRY(write_instruction(&w));
    if (in->stage < 0 || text.len == before) continue;
    bool from = str_eq(in->keyword, "FROM");
    stages += from;
    step = from ? 1 : step + 1;
    add_step(ret_steps, stages, step, in);
  }
  str_add_bytes(ret_text, str_text(&text), text.len);
  return NULL;
}
