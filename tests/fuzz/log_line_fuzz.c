/* A log file's bytes: parsed, joined, and shown; what is shown keeps its promises. */
#include "observe/log_line.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "observe/log_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct str *text) {
  if (!str_is_utf8(str_text(text), text->len)) abort();
  if (text->len > LOG_TEXT_MAX + strlen(LOG_TEXT_CUT_MARK)) abort();
  for (size_t i = 0; i < text->len; i++) {
    unsigned char c = (unsigned char)text->data[i];
    if ((c < 0x20 && c != '\t') || c == 0x7F) abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct log_text text = {0};
  const char *at = (const char *)data, *end = at + size;
  while (at < end) {
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    size_t len = newline ? (size_t)(newline - at) : (size_t)(end - at);
    struct log_line line;
    if (log_line_parse(at, len, &line)) {
      struct str again = STR_EMPTY;
      struct log_line second;
      log_line_add(&again, line.time_ns, line.is_stderr, line.text, line.len);
      if (!log_line_parse(again.data, again.len - 1, &second)) abort();
      if (second.time_ns != line.time_ns || second.len != line.len) abort();
      str_done(&again);
      log_text_set(&text, line.text, line.len, line.is_stderr);
      check(&text.message);
    }
    log_text_set(&text, at, len, false);
    check(&text.message);
    at += len + 1;
  }
  log_text_done(&text);
  return 0;
}
