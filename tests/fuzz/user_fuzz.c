/* The image's /etc/passwd, /etc/group and USER are a stranger's. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/local/user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Three texts, separated by NUL bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = calloc(1, size + 3);
  if (size) memcpy(text, data, size);
  const char *user = text, *passwd = user + strlen(user) + 1;
  const char *end = text + size + 3;
  const char *group = passwd < end ? passwd + strlen(passwd) + 1 : text;
  if (passwd >= end) passwd = "";
  if (group >= end) group = "";
  struct user result;
  err_ignore(user_resolve_in(passwd, group, user, &result));
  free(text);
  return 0;
}
