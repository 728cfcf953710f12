/* start.sh. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "build/provider.h"

static const char *script_of(const struct draft *d) {
  const char *set = draft_variable(d, "RAILPACK_SHELL_SCRIPT");
  return set ? set : "start.sh";
}

static bool detect(const struct draft *d) {
  return draft_has(d, script_of(d));
}

/* The shell that the first line asks for; sh when it asks for nothing that is a shell. */
static const char *shell_of(const struct draft *d) {
  static const char *const shells[] = {"bash", "dash", "zsh", "sh"};
  auto_free char *text = draft_read(d, script_of(d));
  if (!text || !str_starts(text, "#!")) return "sh";
  text[strcspn(text, "\r\n")] = '\0';
  for (size_t i = 0; i < ARRAY_LEN(shells); i++)
    if (strstr(text, shells[i])) return shells[i];
  return "sh";
}

static err *fill(struct draft *d) {
  const char *shell = shell_of(d);
  draft_set(&d->image, "debian:stable-slim");
  if (str_eq(shell, "zsh"))
    draft_set(&d->setup, "RUN apt-get update && apt-get install -y --no-install-recommends zsh && rm -rf /var/lib/apt/lists/*\n");
  auto_str start = STR_EMPTY;
  str_addf(&start, "exec %s ", shell);
  shell_quote(&start, script_of(d));
  draft_set(&d->start, "%s", str_text(&start));
  draft_note(d, "shell script %s, run by %s", script_of(d), shell);
  return NULL;
}

const struct provider provider_shell = {
    .name = "shell",
    .detect = detect,
    .fill = fill,
    .looks_for = "start.sh (shell)",
};
