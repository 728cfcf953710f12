#include "cli/args.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/names.h"

bool flag_name(const struct flag *flag, size_t i, const char **ret_name, size_t *ret_len) {
  const char *name = flag->names;
  for (; i; i--) {
    name = strchr(name, '|');
    if (!name) return false;
    name++;
  }
  *ret_name = name;
  *ret_len = strcspn(name, "|");
  return true;
}

static bool flag_is(const struct flag *flag, const char *text, size_t text_len) {
  const char *name;
  size_t len;
  for (size_t i = 0; flag_name(flag, i, &name, &len); i++)
    if (len == text_len && memcmp(name, text, len) == 0) return true;
  return false;
}

static const struct flag *find(const struct flag *flags, const char *text, size_t len) {
  for (const struct flag *flag = flags; flag && flag->names; flag++)
    if (flag_is(flag, text, len)) return flag;
  return NULL;
}

void flag_describe(const struct flag *flag, struct str *text) {
  const char *name;
  size_t len;
  for (size_t i = 0; flag_name(flag, i, &name, &len); i++)
    str_addf(text, "%s%s%.*s", i ? ", " : "", len == 1 ? "-" : "--", (int)len, name);
  if (!flag->value) return;
  auto_strv values = STRV_EMPTY;
  strv_split(&values, flag->value, ' ');
  for (size_t i = 0; i < values.len; i++) str_addf(text, " <%s>", values.items[i]);
}

/* How many values it takes. */
static int value_count(const struct flag *flag) {
  int count = flag->value ? 1 : 0;
  for (const char *p = flag->value; p && *p; p++) count += *p == ' ';
  return count;
}

static void add_long_names(const struct flag *flag, struct strv *names) {
  const char *start;
  size_t len;
  for (size_t i = 0; flag_name(flag, i, &start, &len); i++)
    if (len > 1) strv_addf(names, "%.*s", (int)len, start);
}

static err *unknown_flag(const struct flag *flags, const char *text, size_t len) {
  auto_free char *name = str_ndup(text, len);
  auto_strv names = STRV_EMPTY;
  size_t nearest;
  for (const struct flag *flag = flags; flag && flag->names; flag++) add_long_names(flag, &names);
  if (names_nearest(&names, name, &nearest))
    return err_new(ERR_INVALID, "there is no flag '--%s'; did you mean '--%s'?", name, names.items[nearest]);
  return err_new(ERR_INVALID, "there is no flag '--%s' here; see --help", name);
}

static void add_value(struct args *args, const struct flag *flag, const char *value) {
  args->values = mem_realloc_array(args->values, args->value_count + 1, sizeof *args->values);
  args->values[args->value_count++] = (struct arg_value){flag, value};
}

static void add_word(struct args *args, const char *word) {
  args->words[args->word_count++] = word;
  args->words[args->word_count] = NULL;
}

/* What is being read: the place in argv, and the result so far. */
struct reader {
  const struct flag *flags;
  int argc, at;
  char *const *argv;
  struct args *args;
};

static err *take_values(struct reader *r, const struct flag *flag, const char *inline_value) {
  for (int left = value_count(flag); left; left--) {
    const char *value = inline_value;
    inline_value = NULL;
    if (!value && r->at + 1 < r->argc) value = r->argv[++r->at];
    if (!value) {
      auto_str names = STR_EMPTY;
      flag_describe(flag, &names);
      return err_new(ERR_INVALID, "a value is missing after the flag: %s", str_text(&names));
    }
    add_value(r->args, flag, value);
  }
  return NULL;
}

static err *read_long(struct reader *r, const char *text) {
  size_t len = strcspn(text, "=");
  const char *value = text[len] ? text + len + 1 : NULL;
  const struct flag *flag = len > 1 ? find(r->flags, text, len) : NULL;
  if (!flag && len == 4 && memcmp(text, "help", 4) == 0) {
    r->args->help = true;
    return NULL;
  }
  if (!flag) return unknown_flag(r->flags, text, len);
  if (flag->value) return take_values(r, flag, value);
  if (value) return err_new(ERR_INVALID, "the flag '--%.*s' takes no value", (int)len, text);
  add_value(r->args, flag, NULL);
  return NULL;
}

static err *read_short(struct reader *r, const char *text) {
  for (; *text; text++) {
    const struct flag *flag = find(r->flags, text, 1);
    if (!flag && *text == 'h') {
      r->args->help = true;
      return NULL;
    }
    if (!flag) return err_new(ERR_INVALID, "there is no flag '-%c' here; see --help", *text);
    if (flag->value) {
      const char *rest = text + 1;
      if (*rest == '=') rest++;
      return take_values(r, flag, text[1] ? rest : NULL);
    }
    add_value(r->args, flag, NULL);
  }
  return NULL;
}

static err *read_all(struct reader *r, bool stop_at_word) {
  bool only_words = false;
  for (; r->at < r->argc && !r->args->help; r->at++) {
    const char *text = r->argv[r->at];
    if (only_words || text[0] != '-' || !text[1]) {
      only_words = only_words || stop_at_word;
      add_word(r->args, text);
    } else if (str_eq(text, "--")) {
      only_words = true;
    } else if (text[1] == '-') {
      TRY(read_long(r, text + 2));
    } else {
      TRY(read_short(r, text + 1));
    }
  }
  return NULL;
}

err *args_parse(const struct flag *flags, bool stop_at_word, int argc, char *const *argv,
                struct args *ret_args) {
  struct args args = {0};
  args.words = mem_zalloc(((size_t)argc + 1) * sizeof *args.words);
  struct reader reader = {.flags = flags, .argc = argc, .argv = argv, .args = &args};
  err *e = read_all(&reader, stop_at_word);
  if (e) {
    args_done(&args);
    return e;
  }
  *ret_args = args;
  return NULL;
}

void args_done(struct args *args) {
  free(args->values);
  free(args->words);
  *args = (struct args){0};
}

static bool value_is(const struct arg_value *value, const char *name) {
  return flag_is(value->flag, name, strlen(name));
}

bool args_has(const struct args *args, const char *name) {
  for (size_t i = 0; i < args->value_count; i++)
    if (value_is(&args->values[i], name)) return true;
  return false;
}

const char *args_text(const struct args *args, const char *name) {
  for (size_t i = args->value_count; i; i--)
    if (value_is(&args->values[i - 1], name)) return args->values[i - 1].value;
  return NULL;
}

const char *args_word(const struct args *args, size_t index) {
  return index < args->word_count ? args->words[index] : NULL;
}

const char *args_next(const struct args *args, const char *name, size_t *cursor) {
  while (*cursor < args->value_count) {
    const struct arg_value *value = &args->values[(*cursor)++];
    if (value_is(value, name)) return value->value;
  }
  return NULL;
}

err *args_int(const struct args *args, const char *name, long long low, long long high,
              long long otherwise, long long *ret_value) {
  const char *text = args_text(args, name);
  if (!text) {
    *ret_value = otherwise;
    return NULL;
  }
  if (!str_to_int(text, low, high, ret_value))
    return err_new(ERR_INVALID, "--%s: '%s' is not a whole number from %lld to %lld", name, text,
                   low, high);
  return NULL;
}

int args_find_word(const struct flag *flags, int argc, char *const *argv) {
  for (int i = 0; i < argc; i++) {
    const char *text = argv[i];
    if (text[0] != '-' || !text[1]) return i;
    bool is_long = text[1] == '-';
    const char *name = text + (is_long ? 2 : 1);
    size_t len = is_long ? strcspn(name, "=") : 1;
    const struct flag *flag = find(flags, name, len);
    if (!flag) return argc;
    i += value_count(flag) - (name[len] && flag->value ? 1 : 0);
  }
  return argc;
}
