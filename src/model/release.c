#include "model/release.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"

#define F(member) FIELD(struct release, member)
static const struct field release_fields[] = {
    F(deployment_id), F(hash),   F(image_digest), F(source),  F(settings),
    F(variables),     F(routes), F(volumes),      F(version), F(created_us),
};
#undef F
const struct shape release_shape = SHAPE("release", struct release, release_fields);

#define FORMAT "tramway release 1" /* change it when the same content shall have another hash */

void release_seal(struct release *r) {
  auto_json *settings = service_settings_to_json(&r->settings);
  auto_json *all = json_pack("{s:s, s:s, s:O, s:O, s:O, s:O, s:O}", "format", FORMAT, "image",
                             r->image_digest ? r->image_digest : "", "source", r->source, "settings",
                             settings, "variables", r->variables, "routes", r->routes, "volumes",
                             r->volumes);
  auto_free char *text = json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
  if (!text) abort(); /* out of memory */
  char hex[SHA256_HEX_SIZE];
  secret_sha256_hex(text, strlen(text), hex);
  str_replace_owned(&r->hash, hex);
}
