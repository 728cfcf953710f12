/* Secrets and a text: what is shown has none of them, and nothing else is lost. */
#include "base/redact.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Secrets up to a NUL byte each, at most four; then the text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto_redactor *r = redactor_new();
  const char *at = (const char *)data, *end = at + size;
  char *secrets[4] = {NULL};
  for (size_t i = 0; i < ARRAY_LEN(secrets) && memchr(at, '\0', (size_t)(end - at)); i++) {
    secrets[i] = str_dup(at);
    redactor_add(r, "S", secrets[i]);
    at += strlen(at) + 1;
  }
  redactor_ready(r);
  auto_str out = STR_EMPTY;
  bool found = redact(r, at, (size_t)(end - at), &out);
  if (!found && out.len) abort();
  if (found && !memmem(out.data, out.len, "[redacted S]", 12)) abort();
  for (size_t i = 0; i < ARRAY_LEN(secrets) && secrets[i]; i++) {
    size_t len = strnlen(secrets[i], REDACT_BYTES_MAX);
    bool counts = len >= REDACT_MIN && !strpbrk(secrets[i], "\r\n");
    if (counts && !found && memmem(at, (size_t)(end - at), secrets[i], len)) abort();
  }
  for (size_t i = 0; i < ARRAY_LEN(secrets); i++) free(secrets[i]);
  return 0;
}
