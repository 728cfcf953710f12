/* A .env file is a stranger's; what is read of it is written and read as the same. */
#include <stdint.h>
#include <stdlib.h>

#include "base/dotenv.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto_json *variables = NULL, *again = NULL;
  err *e = dotenv_parse((const char *)data, size, "fuzz", &variables);
  if (e) {
    err_free(e);
    return 0;
  }
  auto_str text = STR_EMPTY;
  const char *name;
  json_t *value;
  str_init(&text);
  json_object_foreach(variables, name, value) dotenv_write(&text, name, json_string_value(value));
  e = dotenv_parse(str_text(&text), text.len, "again", &again);
  if (e || !json_equal(variables, again)) abort();
  return 0;
}
