#include "model/names.h"

#include <stdlib.h>

#include "base/str.h"

const char *names_word(const struct names *names, unsigned value) {
  if (value >= names->count) abort();
  return names->words[value];
}

static err *unknown(const struct names *names, const char *word) {
  auto_str all = STR_EMPTY;
  for (size_t i = 0; i < names->count; i++)
    str_addf(&all, "%s%s", i ? ", " : "", names->words[i]);
  return err_new(ERR_INVALID, "%s '%.64s' is not one of %s", names->what, word ? word : "",
                 str_text(&all));
}

err *names_find(const struct names *names, const char *word, unsigned *ret_value) {
  for (size_t i = 0; word && i < names->count; i++) {
    if (!str_ieq(names->words[i], word)) continue;
    *ret_value = (unsigned)i;
    return NULL;
  }
  return unknown(names, word);
}
