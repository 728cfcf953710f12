/* What goes when the disk is tidied: each rule and each pin alone, then together. */
#include "core/disk_plan.h"

#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

enum { MB = 1000000, DAY = 1000 };

#define NOW ((int64_t)100 * DAY)
#define LAYERS(...) .layers = (const size_t[]){__VA_ARGS__}, .layers_len = sizeof((const size_t[]){__VA_ARGS__}) / sizeof(size_t)

/* Names of what goes, in order: "a b c". */
static char *plan_of(struct disk_item *items, size_t len, struct disk_state rules, struct disk_plan *ret_plan) {
  static const int64_t layer_bytes[] = {100 * MB, 10 * MB, 20 * MB, 40 * MB, 80 * MB, 160 * MB};
  struct disk_state state = rules;
  state.items = items;
  state.len = len;
  state.layer_bytes = layer_bytes;
  state.layers_len = ARRAY_LEN(layer_bytes);
  state.now_us = NOW;
  if (!state.keep_us) state.keep_us = 5 * DAY;
  if (!state.budget_bytes) state.budget_bytes = INT64_MAX;
  disk_plan_make(&state, ret_plan);
  auto_strv names = STRV_EMPTY;
  for (size_t i = 0; i < ret_plan->len; i++) strv_add(&names, items[ret_plan->goes[i]].name);
  return names.len ? strv_join(&names, " ") : str_dup("");
}

#define CHECK_GOES(items, expected, ...)                                                           \
  do {                                                                                             \
    auto_disk_plan plan_ = {0};                                                                    \
    auto_free char *names_ = plan_of(items, ARRAY_LEN(items), (struct disk_state){__VA_ARGS__}, &plan_); \
    CHECK_TEXT(names_, expected);                                                                  \
  } while (0)

TEST(nothing_is_there) {
  auto_disk_plan plan = {0};
  auto_free char *names = plan_of(NULL, 0, (struct disk_state){.short_bytes = 7}, &plan);
  CHECK_TEXT(names, "");
  CHECK_INT(plan.held_bytes, 0);
  CHECK_INT(plan.freed_bytes, 0);
}

TEST(what_was_not_used_for_long_goes_and_base_images_do_not) {
  struct disk_item items[] = {
      {DISK_IMAGE, .name = "image", .last_used_us = NOW - 6 * DAY},
      {DISK_IMAGE, .name = "fresh", .last_used_us = NOW - 5 * DAY},
      {DISK_BASE, .name = "base", .last_used_us = 0},
      {DISK_STEP, .name = "step", .last_used_us = NOW - 9 * DAY},
      {DISK_CACHE, .name = "cache", .last_used_us = NOW - 8 * DAY},
      {DISK_SNAPSHOT, .name = "snapshot", .last_used_us = NOW - 7 * DAY},
      {DISK_MIRROR, .name = "mirror", .last_used_us = NOW - 10 * DAY},
  };
  CHECK_GOES(items, "mirror step cache snapshot image");
}

TEST(every_pin_holds_against_age_budget_and_need) {
  for (int pin = DISK_UNPINNED; pin < DISK_PARENT; pin++)
    for (int kind = 0; kind < DISK_KIND_COUNT; kind++) {
      struct disk_item items[] = {{(enum disk_kind)kind, (enum disk_pin)pin, .name = "x", .bytes = 5 * MB}};
      CHECK_GOES(items, pin ? "" : "x", .budget_bytes = 1, .short_bytes = INT64_MAX);
    }
}

TEST(leftovers_go_at_once_and_first) {
  struct disk_item items[] = {
      {DISK_IMAGE, .name = "old", .last_used_us = 1},
      {DISK_SNAPSHOT, .is_leftover = true, .name = "left", .last_used_us = NOW},
      {DISK_STEP, .pin = DISK_IN_USE, .is_leftover = true, .name = "used", .last_used_us = NOW},
  };
  CHECK_GOES(items, "left old");
}

TEST(over_the_budget_the_longest_unused_goes_until_it_fits) {
  struct disk_item items[] = {
      {DISK_IMAGE, .name = "a", .last_used_us = NOW - 1, .bytes = 10 * MB},
      {DISK_SNAPSHOT, .name = "b", .last_used_us = NOW - 3, .bytes = 10 * MB},
      {DISK_BASE, .name = "base", .last_used_us = 0, .bytes = 10 * MB},
      {DISK_CACHE, .name = "c", .last_used_us = NOW - 2, .bytes = 10 * MB},
      {DISK_IMAGE, .pin = DISK_RUNNING, .name = "live", .last_used_us = 0, .bytes = 10 * MB},
  };
  CHECK_GOES(items, "", .budget_bytes = 50 * MB);
  CHECK_GOES(items, "b", .budget_bytes = 49 * MB);
  CHECK_GOES(items, "b", .budget_bytes = 40 * MB);
  CHECK_GOES(items, "b c a", .budget_bytes = 20 * MB);
  CHECK_GOES(items, "b c a base", .budget_bytes = 19 * MB);
  CHECK_GOES(items, "b c a base", .budget_bytes = 1);
}

TEST(a_short_disk_is_freed_by_what_it_is_short_of) {
  struct disk_item items[] = {
      {DISK_IMAGE, .name = "a", .last_used_us = NOW - 3, .bytes = 10 * MB},
      {DISK_IMAGE, .name = "b", .last_used_us = NOW - 2, .bytes = 10 * MB},
      {DISK_IMAGE, .name = "c", .last_used_us = NOW - 1, .bytes = 10 * MB},
      {DISK_SNAPSHOT, .name = "old", .last_used_us = 1, .bytes = 5 * MB},
  };
  CHECK_GOES(items, "old", .short_bytes = -7);
  CHECK_GOES(items, "old", .short_bytes = 5 * MB); /* what goes anyway counts */
  CHECK_GOES(items, "old a", .short_bytes = 5 * MB + 1);
  CHECK_GOES(items, "old a b c", .short_bytes = 26 * MB);
}

TEST(shared_layers_count_once_and_are_freed_by_the_last) {
  struct disk_item items[] = {
      {DISK_IMAGE, .name = "a", .last_used_us = NOW - 3, .bytes = 1, LAYERS(1, 0)},
      {DISK_IMAGE, .name = "b", .last_used_us = NOW - 2, .bytes = 1, LAYERS(2, 0)},
      {DISK_IMAGE, .pin = DISK_ROLLBACK, .name = "c", .last_used_us = NOW - 1, .bytes = 1, LAYERS(3, 0)},
  };
  auto_disk_plan plan = {0};
  auto_free char *names = plan_of(items, 3, (struct disk_state){.budget_bytes = 140 * MB + 50}, &plan);
  CHECK_TEXT(names, "a b");
  CHECK_INT(plan.held_bytes, 170 * MB + 3);
  CHECK_INT(plan.freed_bytes, 30 * MB + 2);
  CHECK_INT(plan.held[DISK_IMAGE].count, 3);
  CHECK_INT(plan.freed[DISK_IMAGE].count, 2);
}

TEST(layers_count_for_base_images_then_images_then_steps) {
  struct disk_item items[] = {
      {DISK_STEP, .name = "step", .last_used_us = 1, LAYERS(4, 1, 0)},
      {DISK_IMAGE, .name = "image", .last_used_us = 1, LAYERS(2, 1, 0)},
      {DISK_BASE, .name = "base", .last_used_us = NOW, LAYERS(0)},
  };
  auto_disk_plan plan = {0};
  auto_free char *names = plan_of(items, 3, (struct disk_state){0}, &plan);
  CHECK_TEXT(names, "image step");
  CHECK_INT(plan.held[DISK_BASE].bytes, 100 * MB);
  CHECK_INT(plan.held[DISK_IMAGE].bytes, 30 * MB);
  CHECK_INT(plan.held[DISK_STEP].bytes, 80 * MB);
  CHECK_INT(plan.freed[DISK_BASE].bytes, 0);
  CHECK_INT(plan.freed[DISK_IMAGE].bytes, 30 * MB);
  CHECK_INT(plan.freed[DISK_STEP].bytes, 80 * MB);
  CHECK_INT(plan.freed_bytes, 110 * MB);
}

TEST(a_layer_that_something_keeps_is_freed_by_nobody) {
  struct disk_item items[] = {
      {DISK_IMAGE, .name = "image", .last_used_us = 1, LAYERS(1, 0)},
      {DISK_STEP, .pin = DISK_IN_USE, .name = "step", .last_used_us = 1, LAYERS(1, 0)},
  };
  auto_disk_plan plan = {0};
  auto_free char *names = plan_of(items, 2, (struct disk_state){0}, &plan);
  CHECK_TEXT(names, "image");
  CHECK_INT(plan.held[DISK_IMAGE].bytes, 110 * MB);
  CHECK_INT(plan.freed[DISK_IMAGE].bytes, 0);
  CHECK_INT(plan.freed[DISK_STEP].bytes, 0);
  CHECK_INT(plan.freed_bytes, 0);
}

TEST(what_a_pinned_image_begins_with_stays_with_it) {
  struct disk_item items[] = {
      {DISK_IMAGE, .pin = DISK_RUNNING, .name = "live", .last_used_us = NOW, LAYERS(3, 2, 1, 0)},
      {DISK_BASE, .name = "base", .last_used_us = 1, LAYERS(0)},
      {DISK_BASE, .name = "other", .last_used_us = 1, LAYERS(5)},
      {DISK_STEP, .name = "one", .last_used_us = 1, LAYERS(1, 0)},
      {DISK_STEP, .name = "two", .last_used_us = 1, LAYERS(2, 1, 0)},
      {DISK_STEP, .name = "stage", .last_used_us = 1, LAYERS(4, 0)}, /* of a stage that is left behind */
      {DISK_IMAGE, .name = "older", .last_used_us = 1, LAYERS(1, 0)}, /* a service's own: not a step */
  };
  CHECK_GOES(items, "older stage other", .budget_bytes = 1);
  items[0].pin = DISK_UNPINNED;
  CHECK_GOES(items, "older one stage two live base other", .budget_bytes = 1);
}

TEST(steps_on_one_layer_are_kept_up_to_a_number) {
  enum { STEPS = DISK_PARENTS_MAX + 5 };
  static const size_t layer[] = {0};
  struct disk_item items[STEPS + 1] = {
      {DISK_IMAGE, .pin = DISK_RUNNING, .name = "live", .last_used_us = NOW, .layers = layer, .layers_len = 1}};
  char names[STEPS][8];
  for (int i = 0; i < STEPS; i++) {
    snprintf(names[i], sizeof names[i], "s%02d", i);
    items[i + 1] = (struct disk_item){
        DISK_STEP, .name = names[i], .last_used_us = 10 + i, .layers = layer, .layers_len = 1};
  }
  CHECK_GOES(items, "s00 s01 s02 s03 s04");
}

TEST(equal_times_go_by_name_whatever_their_order) {
  struct disk_item items[] = {{DISK_MIRROR, .name = "b"}, {DISK_MIRROR, .name = "c"}, {DISK_MIRROR, .name = "a"}};
  CHECK_GOES(items, "a b c");
}

/* Whatever the rules and pins: nothing pinned goes, nothing goes twice, and the sums agree. */
TEST(invariants_hold_for_all_small_states) {
  static const size_t chains[][3] = {{0}, {1, 0}, {2, 1, 0}, {3, 0}};
  static const size_t lengths[] = {1, 2, 3, 2};
  for (unsigned bits = 0; bits < 1 << 12; bits++) {
    struct disk_item items[4] = {0};
    for (unsigned i = 0; i < 4; i++) {
      unsigned b = bits >> (3 * i);
      items[i] = (struct disk_item){.kind = i % 3 == 2 ? DISK_BASE : b & 1 ? DISK_STEP : DISK_IMAGE,
                                    .pin = b & 2 ? DISK_RUNNING : DISK_UNPINNED,
                                    .name = &"abcd"[i],
                                    .last_used_us = b & 4 ? NOW : 1,
                                    .bytes = 1,
                                    .layers = chains[i],
                                    .layers_len = lengths[i]};
    }
    auto_disk_plan plan = {0};
    bool gone[4] = {0};
    auto_free char *names = plan_of(items, 4, (struct disk_state){.budget_bytes = bits % 7 * 30 * MB}, &plan);
    for (size_t i = 0; i < plan.len; i++) {
      CHECK(!items[plan.goes[i]].pin && !gone[plan.goes[i]]);
      gone[plan.goes[i]] = true;
    }
    CHECK(names);
    CHECK_INT(plan.held_bytes, 170 * MB + 4);
    CHECK(plan.freed_bytes >= 0 && plan.freed_bytes <= plan.held_bytes);
    for (size_t kind = 0; kind < DISK_KIND_COUNT; kind++)
      CHECK(plan.freed[kind].bytes >= 0 && plan.freed[kind].bytes <= plan.held[kind].bytes);
    if (plan.len == 4) CHECK_INT(plan.freed_bytes, plan.held_bytes);
  }
}

/* ---- logs ---- */

#define LOG(id, owner_, over, ended, size)                                                         \
  { .deployment_id = id, .owner = owner_, .is_over = over, .ended_us = ended, .bytes = size }

#define CHECK_FATES(logs, expected)                                                                \
  do {                                                                                             \
    disk_plan_logs(&(struct disk_log_rules){.now_us = NOW, .keep_us = 30 * DAY, .owner_bytes = 80 * MB}, logs, \
                   ARRAY_LEN(logs));                                                               \
    char fates_[ARRAY_LEN(logs) + 1] = "";                                                         \
    for (size_t i_ = 0; i_ < ARRAY_LEN(logs); i_++) fates_[i_] = "sgc"[logs[i_].fate];             \
    CHECK_TEXT(fates_, expected);                                                                  \
  } while (0)

TEST(logs_go_by_age_once_their_deployment_is_over) {
  struct disk_log logs[] = {
      LOG("1", "a", false, 0, 1 * MB),
      LOG("2", "a", true, NOW - 29 * DAY, 1 * MB),
      LOG("3", "a", true, NOW - 31 * DAY, 1 * MB),
      LOG("4", NULL, false, 0, 1),
  };
  CHECK_FATES(logs, "ssgg");
}

TEST(logs_of_a_service_fit_its_share_the_newest_first) {
  struct disk_log logs[] = {
      LOG("1", "a", false, 0, 30 * MB),  LOG("2", "a", true, NOW, 30 * MB), LOG("3", "a", true, NOW, 30 * MB),
      LOG("4", "a", true, NOW, 10 * MB), /* it would fit, but what is newer went */
      LOG("5", "b", true, NOW, 80 * MB), LOG("6", "b", true, NOW, 1),
  };
  CHECK_FATES(logs, "ssggsg");
}

TEST(logs_that_are_being_written_are_cut) {
  struct disk_log logs[] = {
      LOG("1", "a", false, 0, 200 * MB), LOG("2", "a", false, 0, 50 * MB), LOG("3", "a", false, 0, 9 * MB), LOG("4", "a", true, NOW, 1),
  };
  CHECK_FATES(logs, "ccsg");
  CHECK_INT(logs[0].cut_bytes, 80 * MB);
  CHECK_INT(logs[1].cut_bytes, 10 * MB); /* two at a time: while one takes over from the other */
}

TEST_MAIN
