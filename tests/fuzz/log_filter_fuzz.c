/* A filter, a newline, then JSON attributes. */
#include "observe/log_filter.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto_free char *text = str_ndup((const char *)data, size);
  char *attributes = strchr(text, '\n');
  if (attributes) *attributes++ = '\0';
  log_filter *f;
  err *e = log_filter_parse(text, &f);
  if (e) {
    err_ignore(e);
    return 0;
  }
  struct log_filter_input input = {.message = text,
                                   .message_len = strlen(text),
                                   .severity = "info",
                                   .instance_id = "i",
                                   .attributes = attributes ? attributes : "",
                                   .attributes_len = attributes ? strlen(attributes) : 0};
  log_filter_matches(f, &input);
  log_filter_free(f);
  return 0;
}
