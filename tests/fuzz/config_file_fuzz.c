/* Any bytes as railway.toml (the first byte even) or railway.json (odd): refused with the file's name in
 * front, or taken; then the settings are fit to be stored, and nobody reads past the text's end. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "core/config_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  bool json = data[0] % 2;
  auto_free char *text = mem_dup(data + 1, size - 1); /* without a NUL behind it */
  auto_service_settings s, again;
  auto_config_result result = {0};
  service_settings_init(&s);
  service_settings_init(&again);
  struct config_source source = {.path = json ? "railway.json" : "railway.toml", .text = text, .len = size - 1,
                                 .environment = "production", .is_ephemeral = data[0] & 2, .base_environment = "staging"};
  auto_err *e = config_file_apply(&source, &s, &result);
  if (e && !str_starts(err_message(e), source.path)) abort();
  if (e) return 0;
  auto_err *unfit = service_settings_check(&s);
  auto_json *stored = service_settings_to_json(&s);
  if (!unfit) unfit = service_settings_apply_json(&again, stored);
  if (unfit || !service_settings_equal(&s, &again)) abort();
  if (result.warnings.len > CONFIG_WARNINGS_MAX + 2) abort();
  auto_free char *shown = json_to_text(result.manifest); /* aborts on what is not UTF-8 */
  (void)shown;
  return 0;
}
