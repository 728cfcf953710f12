/* Releases: kept whole, and never changed. */
#include "store/release.h"

#include "base/json.h"
#include "house.h"

static void make(const char *deployment_id, struct release *ret_release) {
  *ret_release = (struct release){.image_digest = str_dup("sha256:1"),
                                  .source = json_pack("{s:s}", "snapshot", "abc"),
                                  .variables = json_pack("{s:{s:s}}", "COLOUR", "digest", "0123"),
                                  .routes = json_pack("[{s:s, s:i}]", "host", "a.localhost", "targetPort", 1),
                                  .volumes = json_array(),
                                  .version = str_dup("1.2.3")};
  memcpy(ret_release->deployment_id, deployment_id, ID_SIZE);
  service_settings_init(&ret_release->settings);
  ret_release->settings.num_replicas = 3;
  release_seal(ret_release);
}

static void record(struct house *h, struct deployment *ret_deployment) {
  auto_release r = {0};
  house_deployment(&h->instance, ret_deployment);
  must(deployment_insert(h->d, ret_deployment));
  make(ret_deployment->id, &r);
  CHECK_OK(release_insert(h->d, &r));
}

TEST(is_kept_whole_and_once) {
  auto_house h;
  house_open(&h);
  auto_deployment d = {0};
  auto_release wanted = {0}, got = {0};
  bool found = false, exists = false;
  record(&h, &d);
  make(d.id, &wanted);
  CHECK_OK(release_find(h.d, d.id, &found, &got));
  CHECK_OK(release_exists(h.d, d.id, &exists));
  CHECK(found && exists);
  CHECK_TEXT(got.hash, wanted.hash);
  release_seal(&got); /* what came back has the same hash as what went in */
  CHECK_TEXT(got.hash, wanted.hash);
  CHECK_INT(got.settings.num_replicas, 3);
  CHECK_ERR(release_insert(h.d, &wanted), ERR_CONFLICT, "has a release already");
  CHECK_OK(release_exists(h.d, h.service.id, &exists));
  CHECK(!exists);
}

TEST(is_never_changed_and_goes_only_with_its_deployment) {
  auto_house h;
  house_open(&h);
  auto_deployment d = {0}, other = {0};
  record(&h, &d);
  CHECK_ERR(db_run(h.d, "UPDATE releases SET image_digest = 'sha256:2' WHERE deployment_id = ?1",
                   DB_BIND(db_text(d.id)), NULL),
            ERR_CONFLICT, "a release is never changed");
  CHECK_ERR(db_run(h.d, "DELETE FROM releases WHERE deployment_id = ?1", DB_BIND(db_text(d.id)), NULL),
            ERR_CONFLICT, "only with its deployment");
  int64_t count;
  CHECK_OK(deployment_delete(h.d, d.id));
  CHECK_OK(db_query_int(h.d, "SELECT count(*) FROM releases", DB_NONE, -1, &count));
  CHECK_INT(count, 0);
  record(&h, &other);
  CHECK_OK(project_mark_deleted(h.d, h.project.id, 1));
  CHECK_OK(project_purge(h.d, h.project.id));
  CHECK_OK(db_query_int(h.d, "SELECT count(*) FROM releases", DB_NONE, -1, &count));
  CHECK_INT(count, 0);
}

TEST(every_part_counts_but_the_version) {
  auto_release a = {0}, b = {0};
  make("00000000-0000-4000-8000-000000000000", &a);
  make("00000000-0000-4000-8000-000000000001", &b);
  str_replace_owned(&b.version, "2.0.0");
  release_seal(&b);
  CHECK_TEXT(a.hash, b.hash);
  json_array_append_new(b.volumes, json_pack("{s:s, s:s}", "name", "data", "mountPath", "/data"));
  release_seal(&b);
  CHECK(!str_eq(a.hash, b.hash));
  json_array_clear(b.volumes);
  b.settings.num_replicas = 4;
  release_seal(&b);
  CHECK(!str_eq(a.hash, b.hash));
}

TEST_MAIN
