/* Snapshots and images, and which of them nobody needs any more. */
#include "store/artifact.h"

#include "house.h"
#include "store/release.h"

enum { MANY_FILES = 25000 };

static void add_snapshot(struct house *h, const char *hash, int64_t last_used_us,
                         char id[ID_SIZE]) {
  auto_snapshot s = {.hash = str_dup(hash), .last_used_us = last_used_us, .file_count = MANY_FILES};
  must(snapshot_insert(h->d, &s));
  memcpy(id, s.id, ID_SIZE);
}

static void add_image(struct house *h, const char *key, int64_t last_used_us, char id[ID_SIZE]) {
  auto_image i = {.build_key = str_dup(key),
                  .reference = str_dup("localhost/x"),
                  .last_used_us = last_used_us,
                  .size_bytes = 1LL << 40};
  must(image_insert(h->d, &i));
  memcpy(id, i.id, ID_SIZE);
}

TEST(a_snapshot_comes_back_by_its_hash) {
  auto_house h;
  house_open(&h);
  auto_snapshot s = {.hash = str_dup("abc"), .size_bytes = 7, .file_count = 2};
  auto_snapshot again = {.hash = str_dup("abc")}, found = {0}, got = {0}, none = {0};
  s.meta = json_pack("{s:s}", "branch", "main");
  CHECK_OK(snapshot_insert(h.d, &s));
  CHECK_ERR(snapshot_insert(h.d, &again), ERR_CONFLICT, "the snapshot 'abc' is there already");
  bool there;
  CHECK_OK(snapshot_find_by_hash(h.d, "abc", &there, &found));
  CHECK(there);
  CHECK_TEXT(found.id, s.id);
  CHECK(found.last_used_us > 0 && found.created_us > 0);
  CHECK(json_equal(found.meta, s.meta));
  CHECK_OK(snapshot_touch(h.d, s.id, 5));
  CHECK_OK(snapshot_get(h.d, s.id, &got));
  CHECK_INT(got.last_used_us, 5);
  CHECK_OK(snapshot_delete(h.d, s.id));
  CHECK_OK(snapshot_find_by_hash(h.d, "abc", &there, &none));
  CHECK(!there);
}

TEST(an_image_comes_back_by_its_build_key) {
  auto_house h;
  house_open(&h);
  char snapshot[ID_SIZE];
  add_snapshot(&h, "abc", 1, snapshot);
  auto_image i = {.build_key = str_dup("key"),
                  .reference = str_dup("localhost/shop:1"),
                  .digest = str_dup("sha256:00"),
                  .size_bytes = 1LL << 40};
  auto_image again = {.build_key = str_dup("key"), .reference = str_dup("x")};
  auto_image found = {0}, got = {0}, none = {0};
  memcpy(i.snapshot_id, snapshot, ID_SIZE);
  i.config = json_pack("{s:[s]}", "Cmd", "sh");
  CHECK_OK(image_insert(h.d, &i));
  CHECK_ERR(image_insert(h.d, &again), ERR_CONFLICT, "build key 'key' is there already");
  bool there;
  CHECK_OK(image_find_by_build_key(h.d, "key", &there, &found));
  CHECK(there);
  CHECK_INT(found.size_bytes, 1LL << 40);
  CHECK_TEXT(found.snapshot_id, snapshot);
  CHECK(json_equal(found.config, i.config));
  auto_image_list of = {0}, of_none = {0};
  CHECK_OK(image_list_of_snapshot(h.d, snapshot, &of));
  CHECK_INT(of.len, 1);
  CHECK_TEXT(of.items[0].id, i.id);
  CHECK_OK(image_list_of_snapshot(h.d, h.instance.id, &of_none));
  CHECK_INT(of_none.len, 0);
  CHECK_OK(snapshot_delete(h.d, snapshot));
  CHECK_OK(image_touch(h.d, i.id, 9));
  CHECK_OK(image_get(h.d, i.id, &got));
  CHECK_TEXT(got.snapshot_id, "");
  CHECK_INT(got.last_used_us, 9);
  auto_image_list list = {0};
  CHECK_OK(image_list(h.d, &list));
  CHECK_INT(list.len, 1);
  CHECK_OK(image_delete(h.d, i.id));
  CHECK_ERR(image_get(h.d, i.id, &none), ERR_NOT_FOUND, "image '");
}

TEST(an_image_gives_up_its_build_key_to_a_newer_one) {
  auto_house h;
  house_open(&h);
  char old[ID_SIZE], newer[ID_SIZE];
  auto_image found = {0}, kept = {0};
  bool there;
  add_image(&h, "k", 1, old);
  CHECK_OK(image_forget_key(h.d, old));
  add_image(&h, "k", 1, newer);
  CHECK_OK(image_find_by_build_key(h.d, "k", &there, &found));
  CHECK(there);
  CHECK_TEXT(found.id, newer);
  CHECK_OK(image_get(h.d, old, &kept));
  CHECK_TEXT(kept.reference, "localhost/x");
}

static void deploy_with(struct house *h, enum deployment_status status, int64_t since_us,
                        const char *snapshot, const char *image) {
  auto_deployment made = {0};
  house_deployment(&h->instance, &made);
  made.status = status;
  made.status_updated_us = since_us;
  memcpy(made.snapshot_id, snapshot, ID_SIZE);
  memcpy(made.image_id, image, ID_SIZE);
  must(deployment_insert(h->d, &made));
}

static const struct artifact_use *use_of(const struct artifact_use_list *list, const char *id) {
  for (size_t i = 0; i < list->len; i++)
    if (strcmp(list->items[i].id, id) == 0) return &list->items[i];
  TAP_FAIL("no use of %s", id);
}

TEST(a_deployment_that_is_not_over_uses_its_artifacts) {
  static const struct {
    int64_t last_used_us;
    bool deployed;
    enum deployment_status status;
    int64_t since_us, used_us;
    bool is_running;
    int image_place, snapshot_place; /* without a release */
  } rows[] = {
      {10, false, 0, 0, 10, false, 0, 0},
      {10, true, DEPLOYMENT_REMOVED, 10, 10, false, 0, 1},
      {10, true, DEPLOYMENT_REMOVED, 100, 100, false, 0, 1},
      {10, true, DEPLOYMENT_FAILED, 5, 10, false, 0, 1},
      {10, true, DEPLOYMENT_SUCCESS, 10, 10, true, 1, 1},
      {10, true, DEPLOYMENT_REMOVING, 10, 10, true, 1, 1},
      {10, true, DEPLOYMENT_QUEUED, 11, 11, true, 1, 1},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_house h;
    house_open(&h);
    char snapshot[ID_SIZE], image[ID_SIZE];
    add_snapshot(&h, "s", rows[i].last_used_us, snapshot);
    add_image(&h, "k", rows[i].last_used_us, image);
    if (rows[i].deployed) deploy_with(&h, rows[i].status, rows[i].since_us, snapshot, image);
    auto_artifact_use_list images = {0}, snapshots = {0};
    CHECK_OK(image_list_uses(h.d, &images));
    CHECK_OK(snapshot_list_uses(h.d, &snapshots));
    CHECK_INT(images.len, 1);
    CHECK_INT(images.items[0].last_used_us, rows[i].used_us);
    CHECK_INT(images.items[0].is_running, rows[i].is_running);
    CHECK_INT(images.items[0].newest_place, rows[i].image_place);
    CHECK_TEXT(snapshots.items[0].key, "s");
    CHECK_INT(snapshots.items[0].last_used_us, rows[i].used_us);
    CHECK_INT(snapshots.items[0].is_running, rows[i].is_running);
    CHECK_INT(snapshots.items[0].newest_place, rows[i].snapshot_place);
  }
}

static void release(struct house *h) {
  auto_deployment d = {0};
  bool found = false;
  CHECK_OK(deployment_find_latest(h->d, h->instance.id, &found, &d));
  auto_release r = {0};
  memcpy(r.deployment_id, d.id, ID_SIZE);
  r.hash = str_dup("0123456789012345678901234567890123456789012345678901234567890123");
  r.image_digest = str_dup("sha256:1");
  r.version = str_dup("1");
  r.source = json_object();
  service_settings_init(&r.settings);
  r.variables = json_object();
  r.routes = json_array();
  r.volumes = json_array();
  must(release_insert(h->d, &r));
}

TEST(images_that_went_live_have_places) {
  auto_house h;
  house_open(&h);
  char snapshot[ID_SIZE], one[ID_SIZE], two[ID_SIZE], three[ID_SIZE], never[ID_SIZE];
  add_snapshot(&h, "s", 1, snapshot);
  add_image(&h, "1", 1, one);
  add_image(&h, "2", 1, two);
  add_image(&h, "3", 1, three);
  add_image(&h, "never", 1, never); /* cancelled before it was live */
  deploy_with(&h, DEPLOYMENT_REMOVED, 1, snapshot, one);
  release(&h);
  deploy_with(&h, DEPLOYMENT_REMOVED, 1, snapshot, two);
  release(&h);
  deploy_with(&h, DEPLOYMENT_REMOVED, 1, snapshot, never);
  deploy_with(&h, DEPLOYMENT_REMOVED, 1, snapshot, three);
  release(&h);
  auto_artifact_use_list uses = {0}, after = {0};
  CHECK_OK(image_list_uses(h.d, &uses));
  CHECK_INT(use_of(&uses, three)->newest_place, 1);
  CHECK_INT(use_of(&uses, two)->newest_place, 2);
  CHECK_INT(use_of(&uses, one)->newest_place, 3);
  CHECK_INT(use_of(&uses, never)->newest_place, 0);
  deploy_with(&h, DEPLOYMENT_SUCCESS, 1, snapshot, one); /* a rollback */
  CHECK_OK(image_list_uses(h.d, &after));
  CHECK_INT(use_of(&after, one)->newest_place, 1);
  CHECK_INT(use_of(&after, three)->newest_place, 2);
}

TEST(what_is_gone_is_forgotten_by_its_digest_or_hash) {
  auto_house h;
  house_open(&h);
  char snapshot[ID_SIZE];
  auto_image one = {.build_key = str_dup("a"), .reference = str_dup("x"), .digest = str_dup("sha256:1")};
  auto_image two = {.build_key = str_dup("b"), .reference = str_dup("x"), .digest = str_dup("sha256:1")};
  auto_deployment d = {0};
  add_snapshot(&h, "s", 1, snapshot);
  CHECK_OK(image_insert(h.d, &one));
  CHECK_OK(image_insert(h.d, &two));
  deploy_with(&h, DEPLOYMENT_REMOVED, 1, snapshot, one.id);
  CHECK_OK(image_forget(h.d, "sha256:2"));
  CHECK_OK(snapshot_forget(h.d, "t"));
  CHECK_INT(house_count(&h, "images"), 2);
  CHECK_OK(image_forget(h.d, "sha256:1"));
  CHECK_OK(snapshot_forget(h.d, "s"));
  CHECK_INT(house_count(&h, "images"), 0);
  CHECK_INT(house_count(&h, "snapshots"), 0);
  bool found = false;
  CHECK_OK(deployment_find_latest(h.d, h.instance.id, &found, &d));
  CHECK_TEXT(d.image_id, "");
}

TEST_MAIN
