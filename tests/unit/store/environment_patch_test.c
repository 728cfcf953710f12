/* Patches: one staged, the others a history; and the deployments that they are still to make. */
#include "store/environment_patch.h"

#include "house.h"

static struct environment_patch make(struct house *h, enum environment_patch_status status, const char *message) {
  struct environment_patch p = {.status = status, .message = str_dup(message), .patch = str_dup("{\"a\":1}")};
  id_copy(p.environment_id, h->environment.id);
  id_copy(p.creator_user_id, h->user.id);
  return p;
}

TEST(a_patch_comes_back_whole) {
  auto_house h;
  house_open(&h);
  auto_environment_patch p = make(&h, PATCH_STAGED, "one"), read = {0};
  must(environment_patch_set(h.d, &p));
  p.status = PATCH_COMMITTED;
  p.applied_us = 7;
  p.changes = json_array();
  id_copy(p.applied_user_id, h.user.id);
  str_replace_owned(&p.patch, "{}");
  must(environment_patch_set(h.d, &p));
  must(environment_patch_get(h.d, p.id, &read));
  CHECK_TEXT(read.patch, "{}");
  CHECK_TEXT(read.message, "one");
  CHECK_TEXT(read.applied_user_id, h.user.id);
  CHECK_INT(read.status, PATCH_COMMITTED);
  CHECK_INT(read.applied_us, 7);
  CHECK(json_is_array(read.changes));
  CHECK_INT(read.created_us, p.created_us);
}

TEST(one_is_staged_and_the_others_are_the_history) {
  auto_house h;
  house_open(&h);
  auto_environment_patch first = make(&h, PATCH_COMMITTED, "first"), second = make(&h, PATCH_APPLYING, "second"),
                         staged = make(&h, PATCH_STAGED, "staged"), more = make(&h, PATCH_STAGED, "more"), found = {0};
  auto_environment_patch_list history = {0}, applying = {0};
  bool is_found = false;
  must(environment_patch_set(h.d, &first));
  must(environment_patch_set(h.d, &second));
  must(environment_patch_set(h.d, &staged));
  CHECK_ERR(environment_patch_set(h.d, &more), ERR_CONFLICT, "staged in this environment already");
  must(environment_patch_find_staged(h.d, h.environment.id, &is_found, &found));
  CHECK(is_found);
  CHECK_TEXT(found.message, "staged");
  must(environment_patch_list(h.d, h.environment.id, NULL, &history));
  CHECK_INT(history.len, 2);
  CHECK_TEXT(history.items[0].message, "second");
  must(environment_patch_list_applying(h.d, &applying));
  CHECK_INT(applying.len, 1);
  must(environment_patch_delete(h.d, staged.id));
  must(environment_patch_set(h.d, &more));
}

TEST(the_history_is_bounded) {
  auto_house h;
  house_open(&h);
  auto_environment_patch staged = make(&h, PATCH_STAGED, "staged");
  auto_environment_patch_list left = {0};
  must(environment_patch_set(h.d, &staged));
  for (int i = 0; i < 5; i++) {
    auto_free char *message = str_format("%d", i);
    auto_environment_patch p = make(&h, i == 0 ? PATCH_APPLYING : PATCH_COMMITTED, message);
    must(environment_patch_set(h.d, &p));
  }
  must(environment_patch_forget_old(h.d, h.environment.id, 2));
  must(environment_patch_list(h.d, h.environment.id, NULL, &left));
  CHECK_INT(left.len, 3); /* the two newest, and what is not done yet */
  CHECK_TEXT(left.items[1].message, "3");
  CHECK_TEXT(left.items[2].message, "0");
  bool found = false;
  auto_environment_patch still = {0};
  must(environment_patch_find_staged(h.d, h.environment.id, &found, &still));
  CHECK(found);
}

static size_t count(struct house *h, const char *patch_id) {
  auto_strv ids = STRV_EMPTY;
  must(environment_patch_list_deploys(h->d, patch_id, &ids));
  return ids.len;
}

TEST(a_deployment_settles_what_any_patch_wanted) {
  auto_house h;
  house_open(&h);
  auto_environment_patch one = make(&h, PATCH_APPLYING, "one"), two = make(&h, PATCH_APPLYING, "two");
  auto_service service = {0};
  auto_service_instance instance = {0};
  house_service(&h, "web", &service, &instance);
  must(environment_patch_set(h.d, &one));
  must(environment_patch_set(h.d, &two));
  must(environment_patch_add_deploy(h.d, one.id, instance.id));
  must(environment_patch_add_deploy(h.d, one.id, h.instance.id));
  must(environment_patch_add_deploy(h.d, two.id, h.instance.id));
  auto_strv ids = STRV_EMPTY;
  must(environment_patch_list_deploys(h.d, one.id, &ids));
  CHECK_TEXT(ids.items[0], instance.id);
  must(environment_patch_settle_deploys(h.d, h.instance.id));
  CHECK_INT(count(&h, one.id), 1);
  CHECK_INT(count(&h, two.id), 0);
  must(environment_patch_drop_deploy(h.d, one.id, instance.id));
  CHECK_INT(count(&h, one.id), 0);
}

TEST_MAIN
