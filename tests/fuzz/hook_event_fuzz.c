/* Any bytes as a webhook's body: an event of a known kind, or a refusal.  The first byte chooses the
 * provider, the event's name and the encoding. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/git_url.h"
#include "source/hook_event.h"
#include "source/opt_out.h"
#include "source/repo_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const json_t *event) {
  const char *kind = json_get_text(event, "kind"), *branch = json_get_text(event, "branch");
  auto_free char *words = opt_out_find(json_get_text(event, "message")), *text = json_to_text(event);
  if (words && !strstr(text, "[")) abort();
  const json_t *name;
  size_t i;
  if (str_empty(kind)) abort();
  if (branch && !git_ref_valid(branch)) abort();
  json_array_foreach(json_object_get(event, "repositories"), i, name) {
    auto_free char *key = repo_key(json_string_value(name)), *full = repo_full_name(json_string_value(name));
    if (!key != !full) abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const names[] = {"push", "pull_request", "check_run", "workflow_run", "status", "check_suite",
                                      "action_run_failure", "ping"};
  if (size < 1) return 0;
  enum webhook_provider provider = (enum webhook_provider)(data[0] & 3);
  const char *type = data[0] & 64 ? "application/x-www-form-urlencoded" : NULL;
  auto_free char *body = str_ndup((const char *)data + 1, size - 1);
  auto_json *event = NULL;
  auto_err *e = hook_event_parse(provider, names[(data[0] >> 2) & 7], type, body, size - 1, &event);
  if (!e) use(event);
  return 0;
}
