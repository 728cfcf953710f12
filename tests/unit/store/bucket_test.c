#include "store/bucket.h"

#include "house.h"

static err *add(struct house *h, const char *name, struct bucket *ret_bucket) {
  *ret_bucket = (struct bucket){.name = str_dup(name)};
  memcpy(ret_bucket->project_id, h->instance.project_id, ID_SIZE);
  return bucket_insert(h->d, ret_bucket);
}

static err *put(struct house *h, const struct bucket *b, struct bucket_instance *ret_instance) {
  *ret_instance = (struct bucket_instance){.bucket_name = str_format("%s-1", b->name),
                                           .access_key_id = str_format("TRAM%s", b->name),
                                           .secret_access_key = str_dup("first")};
  memcpy(ret_instance->bucket_id, b->id, ID_SIZE);
  memcpy(ret_instance->environment_id, h->environment.id, ID_SIZE);
  memcpy(ret_instance->service_id, h->instance.service_id, ID_SIZE);
  return bucket_instance_insert(h->d, ret_instance);
}

TEST(a_bucket_has_one_name_in_its_project) {
  auto_house h;
  house_open(&h);
  auto_bucket b = {0}, again = {0}, other = {0}, found = {0};
  bool is_there = false;
  CHECK_OK(add(&h, "uploads", &b));
  CHECK_ERR(add(&h, "Uploads", &again), ERR_CONFLICT, "has a bucket 'Uploads' already");
  CHECK_OK(add(&h, "images", &other));
  CHECK_ERR(bucket_rename(h.d, other.id, "uploads", 5), ERR_CONFLICT, "already");
  CHECK_OK(bucket_rename(h.d, other.id, "pictures", 5));
  CHECK_OK(bucket_find_by_name(h.d, b.project_id, "PICTURES", &is_there, &found));
  CHECK(is_there);
  CHECK_INT(found.updated_us, 5);
  CHECK_OK(bucket_delete(h.d, b.id));
  CHECK_ERR(bucket_delete(h.d, b.id), ERR_NOT_FOUND, "bucket '");
}

TEST(an_instance_gets_another_key_and_goes_for_a_while) {
  auto_house h;
  house_open(&h);
  auto_bucket b = {0};
  auto_bucket_instance i = {0}, twice = {0}, found = {0};
  auto_bucket_list there = {0}, gone = {0};
  auto_bucket_instance_list old = {0}, young = {0};
  bool is_there = false;
  CHECK_OK(add(&h, "uploads", &b));
  CHECK_OK(put(&h, &b, &i));
  CHECK_ERR(put(&h, &b, &twice), ERR_CONFLICT, "in this environment already");
  free(i.secret_access_key);
  i.secret_access_key = str_dup("second");
  CHECK_OK(bucket_instance_replace(h.d, &i));
  CHECK_OK(bucket_instance_find(h.d, b.id, h.environment.id, &is_there, &found));
  CHECK(is_there);
  CHECK_TEXT(found.secret_access_key, "second");
  CHECK_TEXT(found.id, i.id);
  CHECK_OK(bucket_list_by_project(h.d, b.project_id, NULL, &there));
  CHECK_INT(there.len, 1);
  CHECK_OK(bucket_instance_set_deleted(h.d, i.id, 100, 100));
  CHECK_OK(bucket_list_by_project(h.d, b.project_id, NULL, &gone));
  CHECK_INT(gone.len, 0);
  CHECK_OK(bucket_instance_list_deleted(h.d, 101, &old));
  CHECK_OK(bucket_instance_list_deleted(h.d, 100, &young));
  CHECK_INT(old.len, 1);
  CHECK_INT(young.len, 0);
}

TEST(names_that_s3_takes) {
  CHECK_OK(bucket_name_check("uploads-2"));
  static const char *const bad[] = {"", "ab", "Uploads", "a_b_c", "-abc", "abc-", "a.b.c", "a123456789012345678901234567890123"};
  for (size_t i = 0; i < ARRAY_LEN(bad); i++) CHECK_ERR(bucket_name_check(bad[i]), ERR_INVALID, "is no name for a bucket");
}

TEST_MAIN
