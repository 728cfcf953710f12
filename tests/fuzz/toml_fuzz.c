/* Any bytes: parsed or refused, and every key that comes out has a line that can be asked for. */
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lines(const toml *doc, const json_t *value, const char *path) {
  if (toml_line_of(doc, path) < 1) abort();
  const char *key;
  json_t *item;
  json_object_foreach((json_t *)value, key, item) {
    auto_free char *longer = toml_path_join(path, key);
    check_lines(doc, item, longer);
  }
  size_t index;
  json_array_foreach(value, index, item) {
    auto_free char *longer = str_format("%s[%zu]", path, index);
    check_lines(doc, item, longer);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto_toml *doc = NULL;
  err *e = toml_parse((const char *)data, size, "input", &doc);
  if (e) {
    err_free(e);
    return 0;
  }
  auto_free char *text = json_to_text(toml_root(doc)); /* aborts on what is not UTF-8 */
  (void)text;
  if (size < 4096) check_lines(doc, toml_root(doc), "");
  return 0;
}
