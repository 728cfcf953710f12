#include "cli/absent.h"

#include "base/str.h"

#define NO_ASSISTANT "Tramway has no AI assistant, cloud agents or sandboxes; any tool can use its API"
#define NO_CDN       "the edge does not cache or challenge; put a CDN in front of it"

/* clang-format off */
const struct absent_verb absent_verbs[] = {
  { "agent",                       NO_ASSISTANT },
  { "autoupdate|upgrade|check_updates", "the CLI is upgraded with the server: `make install`" },
  { "ca|code",                     NO_ASSISTANT },
  { "cdn",                         NO_CDN },
  { "config",                      "there is no infrastructure as code; railway.toml is read, see `tram environment config`" },
  { "dev|develop",                 "run the service's own command with `tram run`" },
  { "docs",                        "see `tram help`, `man tram` and the folder docs/" },
  { "flag|flags",                  "feature flags are for the application to keep" },
  { "functions|function|func|fn|funcs|fns", "deploy a folder with `tram up`" },
  { "mcp",                         NO_ASSISTANT },
  { "metrics",                     "metrics are not there yet" },
  { "outbound-network",            "what goes out has the machine's own address" },
  { "private-network",             "a service is always <name>.railway.internal; rename the service" },
  { "sandbox|sandboxes|sbx",       NO_ASSISTANT },
  { "setup|skills",                NO_ASSISTANT },
  { "starship",                    "use `tram status --json` in the prompt" },
  { "telemetry",                   "Tramway collects none" },
  { "usage",                       "there is nothing to pay for; see `tram disk`" },
  { "waf",                         NO_CDN },
  { NULL, NULL },
};
/* clang-format on */

const char *absent_verb_reason(const char *name) {
  for (const struct absent_verb *verb = absent_verbs; verb->names; verb++) {
    auto_strv names = STRV_EMPTY;
    strv_split(&names, verb->names, '|');
    for (size_t i = 0; i < names.len; i++)
      if (str_eq(names.items[i], name)) return verb->reason;
  }
  return NULL;
}
