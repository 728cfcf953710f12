/* Shapes: every member of every struct is in its table, and copies own what they have. */
#include "model/shape.h"

#include "base/mem.h"
#include "base/str.h"
#include "model/account.h"
#include "model/artifact.h"
#include "model/deployment.h"
#include "model/domain.h"
#include "model/project.h"
#include "model/service.h"
#include "model/variable.h"
#include "tap.h"

static const struct shape *const shapes[] = {
    &workspace_shape,
    &user_shape,
    &workspace_member_shape,
    &api_token_shape,
    &project_token_shape,
    &project_shape,
    &environment_shape,
    &service_shape,
    &service_instance_shape,
    &variable_shape,
    &domain_shape,
    &domain_route_shape,
    &snapshot_shape,
    &image_shape,
    &deployment_shape,
    &deployment_step_shape,
    &deployment_instance_shape,
};

static size_t alignment_of(enum field_kind kind) {
  switch (kind) {
  case FIELD_ID:
  case FIELD_BOOL:
    return 1;
  case FIELD_INT:
  case FIELD_ENUM:
    return sizeof(int);
  case FIELD_TEXT:
  case FIELD_INT64:
  case FIELD_JSON:
  case FIELD_SETTINGS:
    break;
  }
  return sizeof(void *);
}

static size_t aligned(size_t offset, size_t alignment) {
  return (offset + alignment - 1) / alignment * alignment;
}

TEST(tables_have_every_member_in_order) {
  for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
    size_t end = 0, widest = 1;
    for (size_t j = 0; j < shapes[i]->count; j++) {
      const struct field *f = &shapes[i]->fields[j];
      size_t alignment = alignment_of(f->kind);
      if (f->offset != aligned(end, alignment))
        TAP_FAIL("%s: something is missing before '%s'", shapes[i]->what, f->name);
      end = f->offset + f->size;
      if (alignment > widest) widest = alignment;
    }
    if (shapes[i]->size != aligned(end, widest))
      TAP_FAIL("%s: something is missing at the end", shapes[i]->what);
  }
}

TEST(kinds_follow_the_types) {
  for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
    for (size_t j = 0; j < shapes[i]->count; j++) {
      const struct field *f = &shapes[i]->fields[j];
      if (str_ends(f->name, "_us")) CHECK_INT(f->kind, FIELD_INT64);
      if (str_eq(f->name, "id") || str_ends(f->name, "_id")) CHECK_INT(f->kind, FIELD_ID);
      CHECK_INT(f->names != NULL, f->kind == FIELD_ENUM);
    }
  }
}

static void fill(struct deployment *made) {
  *made = (struct deployment){.status = DEPLOYMENT_CRASHED, .detected_port = 80, .stopped = true};
  id_new(made->id);
  made->message = str_dup("hello");
  made->meta = json_pack("{s:[i]}", "list", 1);
  service_settings_init(&made->settings);
  made->settings.start_command = str_dup("run");
  made->settings.num_replicas = 9;
  strv_add(&made->settings.watch_patterns, "/src/**");
}

TEST(a_copy_is_equal_and_apart) {
  struct deployment made;
  fill(&made);
  auto_deployment copy = {0};
  deployment_copy(&made, &copy);
  made.message[0] = 'j';
  json_array_append_new(json_object_get(made.meta, "list"), json_integer(2));
  made.settings.watch_patterns.items[0][0] = '!';
  char id[ID_SIZE];
  memcpy(id, made.id, ID_SIZE);
  deployment_done(&made);
  CHECK_TEXT(copy.id, id);
  CHECK_TEXT(copy.message, "hello");
  CHECK_INT(copy.status, DEPLOYMENT_CRASHED);
  CHECK_INT(json_array_size(json_object_get(copy.meta, "list")), 1);
  CHECK_TEXT(copy.settings.start_command, "run");
  CHECK_INT(copy.settings.num_replicas, 9);
  CHECK_TEXT(copy.settings.watch_patterns.items[0], "/src/**");
  CHECK(copy.stopped);
}

TEST(done_leaves_an_empty_struct) {
  struct deployment made;
  static const struct deployment empty;
  fill(&made);
  deployment_done(&made);
  CHECK(memcmp(&made, &empty, sizeof made) == 0);
  deployment_done(&made);
}

TEST(an_empty_struct_is_copied_and_ended) {
  struct image empty = {0};
  auto_image copy = {0};
  image_copy(&empty, &copy);
  CHECK(!copy.config && !copy.build_key);
  image_done(&empty);
}

TEST(a_list_ends_its_items) {
  struct deployment_list list = {mem_zalloc(2 * sizeof(struct deployment)), 2, true};
  fill(&list.items[0]);
  fill(&list.items[1]);
  deployment_list_done(&list);
  CHECK(!list.items && !list.len && !list.has_more);
  deployment_list_done(&list);
}

TEST_MAIN
