/* Any JSON as settings: it is refused, or comes back the same from the JSON that is stored. */
#include "model/service_settings.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(err *e) {
  if (e) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto_json *object = NULL, *stored = NULL;
  auto_err *refused = json_parse((const char *)data, size, "input", &object);
  if (refused) return 0;
  auto_service_settings s, again;
  service_settings_init(&s);
  service_settings_init(&again);
  refused = service_settings_apply_json(&s, object);
  if (refused) return 0;
  err_ignore(service_settings_check(&s));
  stored = service_settings_to_json(&s);
  must(service_settings_apply_json(&again, stored));
  if (!service_settings_equal(&s, &again)) abort();
  return 0;
}
