/* Any JSON as a patch of an environment: it is refused, or can be applied, and applying it again changes
 * nothing. */
#include "core/environment_patch.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/str.h"
#include "core/environment_diff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char id[] = "11111111-1111-4111-8111-111111111111";
  struct service service = {.name = (char *)"web", .label = (char *)"web"};
  struct service_instance instance = {0};
  id_copy(service.id, id);
  id_copy(instance.service_id, id);
  service_settings_init(&instance.settings);
  struct volume volume = {.name = (char *)"data"};
  struct volume_instance mounted = {.mount_path = (char *)"/data", .size_bytes = 100 * VOLUME_MB};
  struct bucket buckets[] = {{.name = (char *)"uploads"}, {.name = (char *)"trashed"}};
  struct bucket_instance stored[] = {{.deleted_us = 0}, {.deleted_us = 1}};
  id_copy(volume.id, "22222222-2222-4222-8222-222222222222");
  id_copy(mounted.volume_id, volume.id);
  id_copy(mounted.service_id, id);
  id_copy(buckets[0].id, "33333333-3333-4333-8333-333333333333");
  id_copy(buckets[1].id, "44444444-4444-4444-8444-444444444444");
  for (int i = 0; i < 2; i++) id_copy(stored[i].bucket_id, buckets[i].id);
  struct environment_rows rows = {.services = {&service, 1, false}, .instances = {&instance, 1, false},
                                  .volumes = {&volume, 1, false}, .volume_instances = {&mounted, 1, false},
                                  .buckets = {buckets, 2, false}, .bucket_instances = {stored, 2, false}};
  auto_json *input = NULL, *patch = NULL, *config = environment_config_make(&rows), *after = NULL, *again = NULL;
  auto_environment_diff diff = {0};
  auto_err *refused = json_parse((const char *)data, size, "input", &input);
  if (!refused) refused = environment_patch_read(&rows, NULL, input, &patch);
  if (!refused) refused = environment_patch_apply(config, patch, &after);
  if (refused) return 0;
  environment_diff_make(config, after, true, &diff);
  refused = environment_patch_apply(after, patch, &again);
  if (!refused && json_object_size(json_object_get(patch, "services")) && !json_equal(after, again)) abort();
  return 0;
}
