/* Rules, a NUL, then a path. */
#include "source/ignore.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const uint8_t *split = memchr(data, '\0', size);
  size_t rules_len = split ? (size_t)(split - data) : size;
  char *rules_text = str_ndup((const char *)data, rules_len);
  char *path = split ? str_ndup((const char *)split + 1, size - rules_len - 1) : str_dup("a/b");
  ignore *rules = ignore_new();
  err_ignore(ignore_add(rules, "", IGNORE_RANK_GIT, rules_text, rules_len));
  err_ignore(ignore_add(rules, "a", IGNORE_RANK_RAILWAY, rules_text, rules_len));
  ignore_path(rules, path, false);
  ignore_path(rules, path, true);
  ignore_free(rules);
  free(path);
  free(rules_text);
  return 0;
}
