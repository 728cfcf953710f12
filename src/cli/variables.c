#include "cli/variables.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* Loaders, shells, interpreters, and programs that others start by name. */
static const char *const unsafe[] = {
    "LD_*",        "DYLD_*",         "GCONV_PATH",   "BASH_ENV",    "BASH_FUNC_*", "ENV",          "PROMPT_COMMAND",
    "PS4",         "ZDOTDIR",        "IFS",          "PATH",        "HOME",        "SHELL",        "NODE_OPTIONS",
    "NODE_PATH",   "PYTHONPATH",     "PYTHONHOME",   "PYTHONSTARTUP", "PERL5OPT",  "PERL5LIB",     "PERL5DB",
    "RUBYOPT",     "RUBYLIB",        "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "GIT_SSH*", "GIT_EXEC_PATH",
    "GIT_ASKPASS", "GIT_EDITOR",     "GIT_PAGER",    "GIT_CONFIG*", "GIT_EXTERNAL_DIFF", "SSH_ASKPASS", "EDITOR",
    "VISUAL",      "PAGER",          "BROWSER",      "LESSOPEN",    "LESSCLOSE",
};

bool variables_is_unsafe(const char *name) {
  for (size_t i = 0; i < ARRAY_LEN(unsafe); i++) {
    const char *pattern = unsafe[i], *star = strchr(pattern, '*');
    if (star ? strncmp(name, pattern, (size_t)(star - pattern)) == 0 : str_eq(name, pattern)) return true;
  }
  return false;
}
