/* Which stages a target needs, which images those need. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "build/dockerfile.h"

/* Calls fn for what an instruction takes files from: COPY --from=X, RUN --mount=…,from=X. */
typedef void from_fn(void *arg, const char *name);

static void each_mount_from(const char *mount, from_fn *fn, void *arg) {
  auto_strv options = STRV_EMPTY;
  strv_split(&options, mount, ',');
  for (size_t i = 0; i < options.len; i++)
    if (str_starts(options.items[i], "from=")) fn(arg, options.items[i] + strlen("from="));
}

static void each_from(const struct dockerfile_instruction *in, from_fn *fn, void *arg) {
  bool run = str_eq(in->keyword, "RUN");
  if (!run && !str_eq(in->keyword, "COPY") && !str_eq(in->keyword, "ADD")) return;
  const char *rest = in->rest;
  for (;;) {
    auto_free char *word = dockerfile_word(&rest);
    if (!word || !str_starts(word, "--")) return;
    if (run && str_starts(word, "--mount=")) each_mount_from(word + strlen("--mount="), fn, arg);
    if (!run && str_starts(word, "--from=")) fn(arg, word + strlen("--from="));
  }
}

struct selection {
  struct dockerfile *file;
  int stage;       /* the one being walked */
  bool by_number;  /* somebody counts stages: none may be left out */
  bool changed;
};

static void need(void *arg, const char *name) {
  struct selection *s = arg;
  int found = dockerfile_find_stage(s->file, name, s->stage);
  if (found < 0) return;
  long long number;
  if (str_to_int(name, 0, 1000000, &number)) s->by_number = true;
  if (!s->file->stages[found].needed) s->changed = true;
  s->file->stages[found].needed = true;
}

/* Stages only look back, so one walk from the last to the first finds all. */
static void need_what_stage_needs(struct selection *s) {
  struct dockerfile *file = s->file;
  int base = file->stages[s->stage].from_stage;
  if (base >= 0) file->stages[base].needed = true;
  for (size_t i = 0; i < file->instructions_len; i++)
    if (file->instructions[i].stage == s->stage) each_from(&file->instructions[i], need, s);
}

static err *find_target(const struct dockerfile *file, const char *target, int *ret_stage) {
  int last = (int)file->stages_len;
  *ret_stage = str_empty(target) ? last - 1 : dockerfile_find_stage(file, target, last);
  if (*ret_stage >= 0) return NULL;
  auto_strv names = STRV_EMPTY;
  for (size_t i = 0; i < file->stages_len; i++)
    if (*file->stages[i].name) strv_add(&names, file->stages[i].name);
  auto_free char *list = strv_join(&names, ", ");
  return err_new(ERR_NOT_FOUND, "there is no stage '%s'; the stages are: %s", target,
                 *list ? list : "(none has a name)");
}

err *dockerfile_select(struct dockerfile *file, const char *target) {
  int stage;
  TRY(find_target(file, target, &stage));
  for (size_t i = 0; i < file->stages_len; i++) file->stages[i].needed = (int)i == stage;
  struct selection s = {.file = file};
  for (s.stage = stage; s.stage >= 0; s.stage--)
    if (file->stages[s.stage].needed) need_what_stage_needs(&s);
  for (int i = 0; s.by_number && i <= stage; i++) file->stages[i].needed = true;
  return NULL;
}

struct image_search {
  const struct dockerfile *file;
  int stage;
  struct strv *images;
};

static void add_once(struct strv *v, const char *text) {
  if (!strv_has(v, text)) strv_add(v, text);
}

static void add_outside_image(void *arg, const char *name) {
  struct image_search *s = arg;
  if (dockerfile_find_stage(s->file, name, s->stage) < 0 && *name) add_once(s->images, name);
}

void dockerfile_images(const struct dockerfile *file, struct strv *ret_images) {
  for (size_t i = 0; i < file->instructions_len; i++) {
    const struct dockerfile_instruction *in = &file->instructions[i];
    if (in->stage < 0 || !file->stages[in->stage].needed) continue;
    const char *image = file->stages[in->stage].image;
    if (str_eq(in->keyword, "FROM") && *image) add_once(ret_images, image);
    struct image_search s = {file, in->stage, ret_images};
    each_from(in, add_outside_image, &s);
  }
}

void dockerfile_args(const struct dockerfile *file, struct strv *ret_names) {
  for (size_t i = 0; i < file->instructions_len; i++) {
    const struct dockerfile_instruction *in = &file->instructions[i];
    bool wanted = in->stage < 0 || file->stages[in->stage].needed;
    if (!wanted || !str_eq(in->keyword, "ARG")) continue;
    const char *rest = in->rest;
    for (char *word; (word = dockerfile_word(&rest)); free(word)) {
      auto_free char *name = dockerfile_arg_name(file, word);
      if (*name) add_once(ret_names, name);
    }
  }
}

/* "$NAME" or "${NAME". */
static bool names_variable(const char *text, const char *name) {
  for (const char *p = text; (p = strchr(p, '$')); p++) {
    const char *at = p[1] == '{' ? p + 2 : p + 1;
    if (str_starts(at, name)) return true;
  }
  return false;
}

/* Of RUN its flags only: `--mount=type=secret,id=$NAME`. */
static bool run_expands(const char *rest, const char *name) {
  bool found = false, is_flag = true;
  for (char *word; !found && is_flag && (word = dockerfile_word(&rest)); free(word)) {
    is_flag = str_starts(word, "--");
    found = is_flag && names_variable(word, name);
  }
  return found;
}

bool dockerfile_expands(const struct dockerfile *file, const char *name) {
  for (size_t i = 0; i < file->instructions_len; i++) {
    const struct dockerfile_instruction *in = &file->instructions[i];
    if (str_eq(in->keyword, "RUN") ? run_expands(in->rest, name) : names_variable(in->rest, name)) return true;
    if (str_eq(in->keyword, "ENV") && strstr(in->rest, name)) return true; /* it would take its place */
  }
  return false;
}
