#include "build/registry.h"

#include "base/json.h"
#include "base/mem.h"
#include "source/scratch.h"
#include "tap.h"

TEST(the_file_of_credentials) {
  const struct registry_login logins[] = {{"ghcr.io", "", "t0ken"}, {"r.example:5000", "ada", "old"}, {"r.example:5000", "ada", "p:w"}};
  auto_free char *text = registry_auth_text(logins, ARRAY_LEN(logins));
  auto_json *file = NULL;
  CHECK_OK(json_parse(text, strlen(text), "auth.json", &file));
  const json_t *auths = json_object_get(file, "auths");
  CHECK_INT(json_object_size(auths), 2);
  CHECK_TEXT(json_get_text(json_object_get(auths, "ghcr.io"), "auth"), "dG9rZW46dDBrZW4=");
  CHECK_TEXT(json_get_text(json_object_get(auths, "r.example:5000"), "auth"), "YWRhOnA6dw=="); /* the last counts */
}

TEST(without_credentials_the_file_is_empty) {
  auto_free char *text = registry_auth_text(NULL, 0);
  CHECK_TEXT(text, "{\"auths\":{}}");
}

/* clang-format off */
static const struct {
  const char *said;
  enum err_code code;
  const char *without, *with;
} rows[] = {
  { "buildah: exit status 125: reading manifest 1 in r.io/a: unauthorized: authentication required", ERR_DENIED, "401: r.io wants credentials", "401: r.io does not take the credentials" },
  { "unable to retrieve auth token: invalid username/password: unauthorized", ERR_DENIED, "401: ", "401: r.io does not take" },
  { "reading manifest latest in r.io/a: denied: requested access to the resource is denied", ERR_DENIED, "403: ", "403: r.io knows the credentials" },
  { "reading manifest 9 in r.io/a: manifest unknown", ERR_NOT_FOUND, "404: r.io has no such image", "404: r.io has no such image or tag" },
  { "received unexpected HTTP status: invalid status code from registry 404 (Not Found)", ERR_NOT_FOUND, "404: ", "404: " },
  { "toomanyrequests: You have reached your pull rate limit", ERR_BUSY, "429: ", "429: " },
  { "dial tcp: connection refused", ERR_IO, "connection refused", "connection refused" },
};
/* clang-format on */

TEST(what_a_registry_said_is_told_with_its_number) {
  CHECK(!registry_explain(NULL, "r.io", false));
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    CHECK_ERR(registry_explain(err_new(ERR_IO, "%s", rows[i].said), "r.io", false), rows[i].code, rows[i].without);
    CHECK_ERR(registry_explain(err_new(ERR_IO, "%s", rows[i].said), "r.io", true), rows[i].code, rows[i].with);
  }
}

TEST(registries_on_this_machine) {
  CHECK(registry_is_loopback("127.0.0.1:5000/a") && registry_is_loopback("localhost:5000") && registry_is_loopback("[::1]:5000"));
  CHECK(!registry_is_loopback("docker.io") && !registry_is_loopback("localhost.example.org") && !registry_is_loopback("10.0.0.1:5000"));
}

TEST(names_of_private_images_are_kept) {
  auto_scratch *folder = scratch_new();
  bool is_private = true;
  CHECK_OK(registry_is_private(folder, "r.io/a:1", &is_private));
  CHECK(!is_private);
  CHECK_OK(registry_note_private(folder, "r.io/a:1"));
  CHECK_OK(registry_note_private(folder, "r.io/a:1"));
  CHECK_OK(registry_note_private(folder, "r.io/b:1"));
  CHECK_OK(registry_is_private(folder, "r.io/a:1", &is_private));
  CHECK(is_private);
  CHECK_OK(registry_is_private(folder, "r.io/a", &is_private));
  CHECK(!is_private);
}

TEST_MAIN
