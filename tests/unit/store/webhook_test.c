/* Webhooks, the journal of what they sent, and what is known of commits' checks. */
#include "store/webhook.h"

#include "house.h"

static void make_hook(struct house *h, struct webhook *ret_hook) {
  *ret_hook = (struct webhook){.provider = WEBHOOK_GITEA, .secret = str_dup("s3cret")};
  id_copy(ret_hook->project_id, h->project.id);
  must(webhook_insert(h->d, ret_hook));
}

static bool deliver(struct house *h, const struct webhook *hook, const char *key, int64_t received_us) {
  auto_webhook_delivery d = {.replay_key = str_dup(key), .event = json_pack("{s:s}", "kind", "push"),
                             .received_us = received_us};
  bool is_new = false;
  id_copy(d.webhook_id, hook->id);
  must(webhook_delivery_insert(h->d, &d, &is_new));
  return is_new;
}

TEST(a_hook_is_kept_whole_and_goes_with_its_project) {
  auto_house h;
  house_open(&h);
  auto_webhook hook = {0}, got = {0};
  auto_webhook_list list = {0};
  bool found = false;
  make_hook(&h, &hook);
  CHECK_OK(webhook_find(h.d, hook.id, &found, &got));
  CHECK(found);
  CHECK_TEXT(got.secret, "s3cret");
  CHECK_INT(got.provider, WEBHOOK_GITEA);
  CHECK_OK(webhook_list(h.d, h.project.id, &list));
  CHECK_INT(list.len, 1);
  CHECK_OK(webhook_delete(h.d, hook.id));
  CHECK_ERR(webhook_delete(h.d, hook.id), ERR_NOT_FOUND, "webhook");
  CHECK_ERR(webhook_get(h.d, hook.id, &got), ERR_NOT_FOUND, "webhook");
}

TEST(a_delivery_is_taken_once_by_each_hook) {
  auto_house h;
  house_open(&h);
  auto_webhook one = {0}, other = {0}, got = {0};
  auto_webhook_delivery_list open = {0}, rest = {0}, all = {0};
  make_hook(&h, &one);
  make_hook(&h, &other);
  CHECK(deliver(&h, &one, "a", 5));
  CHECK(!deliver(&h, &one, "a", 6));
  CHECK(deliver(&h, &other, "a", 7));
  CHECK_OK(webhook_get(h.d, one.id, &got));
  CHECK_INT(got.last_delivery_us, 5);
  CHECK_OK(webhook_delivery_list_open(h.d, &open));
  CHECK_INT(open.len, 2);
  CHECK_TEXT(json_string_value(json_object_get(open.items[0].event, "kind")), "push");
  CHECK_OK(webhook_delivery_close(h.d, open.items[0].id, "done", 9));
  CHECK_OK(webhook_delivery_list_open(h.d, &rest));
  CHECK_INT(rest.len, 1);
  CHECK(!deliver(&h, &one, "a", 10)); /* also when it was acted upon */
  CHECK_OK(webhook_delivery_list(h.d, one.id, 10, &all));
  CHECK_INT(all.len, 1);
  CHECK_TEXT(all.items[0].outcome, "done");
  CHECK(!all.items[0].event);
}

TEST(what_is_old_is_forgotten_unless_it_is_open) {
  auto_house h;
  house_open(&h);
  auto_webhook hook = {0};
  auto_webhook_delivery_list open = {0};
  auto_commit_check check = {.sha = str_dup("x"), .name = str_dup("y"), .updated_us = 5};
  id_copy(check.project_id, h.project.id);
  make_hook(&h, &hook);
  deliver(&h, &hook, "a", 5);
  deliver(&h, &hook, "b", 5);
  deliver(&h, &hook, "c", 50);
  CHECK_OK(commit_check_set(h.d, &check));
  CHECK_OK(webhook_delivery_list_open(h.d, &open));
  CHECK_OK(webhook_delivery_close(h.d, open.items[0].id, "done", 9));
  CHECK_OK(webhook_delivery_close(h.d, open.items[2].id, "done", 51));
  CHECK_OK(webhook_forget_old(h.d, 5, 10));
  CHECK_INT(house_count(&h, "webhook_deliveries"), 2);
  CHECK_INT(house_count(&h, "commit_checks"), 1);
  CHECK_OK(webhook_forget_old(h.d, 6, 10));
  CHECK_INT(house_count(&h, "commit_checks"), 0);
}

TEST(a_check_is_what_was_said_last) {
  auto_house h;
  house_open(&h);
  auto_commit_check first = {.sha = str_dup("x"), .name = str_dup("build"), .ordinal = 1, .updated_us = 5};
  auto_commit_check second = {.sha = str_dup("x"), .name = str_dup("build"), .ordinal = 2, .state = CHECK_PASSED,
                              .updated_us = 6};
  auto_commit_check_list list = {0};
  id_copy(first.project_id, h.project.id);
  id_copy(second.project_id, h.project.id);
  CHECK_OK(commit_check_set(h.d, &first));
  CHECK_OK(commit_check_set(h.d, &second));
  CHECK_OK(commit_check_list(h.d, h.project.id, "x", &list));
  CHECK_INT(list.len, 1);
  CHECK_INT(list.items[0].state, CHECK_PASSED);
  CHECK_INT(list.items[0].ordinal, 2);
}

TEST_MAIN
