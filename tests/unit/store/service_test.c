/* Services and their instances. */
#include "store/service.h"

#include "house.h"

#define NOTHING "00000000-0000-4000-8000-000000000000"

TEST(a_service_comes_back) {
  auto_house h;
  house_open(&h);
  auto_service got = {0}, found = {0};
  bool there;
  CHECK_OK(service_get(h.d, h.service.id, &got));
  CHECK_TEXT(got.name, "api");
  CHECK_OK(service_set_name(&got, "My API"));
  got.icon = str_dup("rocket");
  CHECK_OK(service_update(h.d, &got, 5));
  CHECK_OK(service_find_by_label(h.d, h.project.id, "my-api", &there, &found));
  CHECK(there);
  CHECK_TEXT(found.name, "My API");
  CHECK_TEXT(found.icon, "rocket");
  CHECK_INT(found.updated_us, 5);
}

TEST(labels_are_unique_in_the_project) {
  auto_house h;
  house_open(&h);
  auto_service same = {0}, other = {0};
  memcpy(same.project_id, h.project.id, ID_SIZE);
  memcpy(other.project_id, h.project.id, ID_SIZE);
  CHECK_OK(service_set_name(&same, "API"));
  CHECK_ERR(service_insert(h.d, &same), ERR_CONFLICT, "a service with the host name 'api' already");
  CHECK_OK(service_set_name(&other, "web"));
  CHECK_OK(service_insert(h.d, &other));
  CHECK_OK(service_set_name(&other, "api"));
  CHECK_ERR(service_update(h.d, &other, 1), ERR_CONFLICT, "'api' already");
  CHECK_OK(service_mark_deleted(h.d, h.service.id, 1));
  CHECK_OK(service_update(h.d, &other, 1));
}

TEST(a_service_row_must_make_sense) {
  auto_house h;
  house_open(&h);
  static const struct {
    const char *name, *label;
  } rows[] = {
      {"ok", ""},
      {"ok", "Upper"},
      {"ok", "a.b"},
      {"", "a"},
      {"123456789012345678901234567890123", "a"},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_service s = {.name = str_dup(rows[i].name), .label = str_dup(rows[i].label)};
    memcpy(s.project_id, h.project.id, ID_SIZE);
    CHECK_ERR(service_insert(h.d, &s), ERR_CONFLICT, "CHECK");
  }
}

TEST(services_are_paged) {
  auto_house h;
  house_open(&h);
  auto_service web = {0};
  auto_service_instance instance = {0};
  house_service(&h, "web", &web, &instance);
  auto_service_list page = {0}, rest = {0};
  CHECK_OK(service_list_by_project(h.d, h.project.id, &(struct page){.first = 1}, &page));
  CHECK_TEXT(page.items[0].name, "web");
  CHECK(page.has_more);
  CHECK_OK(service_list_by_project(h.d, h.project.id, &(struct page){web.id, 1}, &rest));
  CHECK_TEXT(rest.items[0].name, "api");
  CHECK(!rest.has_more);
}

TEST(settings_come_back_whole) {
  auto_house h;
  house_open(&h);
  auto_service_settings s;
  service_settings_init(&s);
  s.source_kind = SOURCE_REPO;
  s.source_repo = str_dup("ada/shop");
  s.restart_policy = RESTART_NEVER;
  s.num_replicas = 3;
  s.cpu_millis = 1500;
  strv_add(&s.watch_patterns, "/api/**");
  CHECK_OK(service_instance_set_settings(h.d, h.instance.id, &s, 8));
  auto_service_instance got = {0};
  CHECK_OK(service_instance_get(h.d, h.instance.id, &got));
  CHECK(service_settings_equal(&got.settings, &s));
  CHECK_INT(got.settings.healthcheck_timeout_s, HEALTHCHECK_TIMEOUT_S_DEFAULT);
  CHECK_INT(got.updated_us, 8);
  CHECK_ERR(service_instance_set_settings(h.d, NOTHING, &s, 8), ERR_NOT_FOUND, "service instance");
}

TEST(damaged_settings_are_corrupt) {
  auto_house h;
  house_open(&h);
  auto_service web = {0};
  auto_service_instance web_instance = {0};
  house_service(&h, "web", &web, &web_instance); /* listed first, then the damaged one */
  static const char *const texts[] = {
      "{",
      "[]",
      "{\"deploy\": {\"numReplicas\": []}}",
      "{\"source\": {\"repo\": \"r\"}, \"build\": {\"builder\": \"MAGIC\"}}",
  };
  for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
    must(db_run(h.d, "UPDATE service_instances SET settings = ?1 WHERE id = ?2",
                DB_BIND(db_text(texts[i]), db_text(h.instance.id)), NULL));
    struct service_instance got;
    struct service_instance_list list;
    CHECK_ERR(service_instance_get(h.d, h.instance.id, &got), ERR_CORRUPT, "settings");
    CHECK_ERR(service_instance_list(h.d, &list), ERR_CORRUPT, "settings");
  }
}

TEST(a_service_is_in_an_environment_once) {
  auto_house h;
  house_open(&h);
  auto_service_instance again = {0};
  service_instance_copy(&h.instance, &again);
  again.id[0] = '\0';
  CHECK_ERR(service_instance_insert(h.d, &again), ERR_CONFLICT, "in this environment already");
}

static size_t listed(struct house *h) {
  auto_service_instance_list a = {0}, b = {0}, c = {0}, all = {0};
  must(service_instance_list_by_service(h->d, h->service.id, &a));
  must(service_instance_list_by_environment(h->d, h->environment.id, &b));
  must(service_instance_list_by_project(h->d, h->project.id, &c));
  must(service_instance_list(h->d, &all));
  CHECK(a.len == b.len && b.len == c.len && c.len == all.len);
  return all.len;
}

TEST(an_instance_is_hidden_with_any_of_its_owners) {
  static err *(*const mark[])(db *, const char *, int64_t) = {
      service_mark_deleted, environment_mark_deleted, project_mark_deleted};
  for (size_t i = 0; i < ARRAY_LEN(mark); i++) {
    auto_house h;
    house_open(&h);
    const char *const ids[] = {h.service.id, h.environment.id, h.project.id};
    CHECK_INT(listed(&h), 1);
    CHECK_OK(mark[i](h.d, ids[i], 1));
    CHECK_INT(listed(&h), 0);
    auto_service_instance_list deleted = {0};
    CHECK_OK(service_instance_list_deleted(h.d, &deleted));
    CHECK_INT(deleted.len, 1);
    bool there;
    struct service_instance none;
    CHECK_OK(service_instance_find(h.d, h.service.id, h.environment.id, &there, &none));
    CHECK(!there);
    CHECK_ERR(service_instance_get(h.d, h.instance.id, &none), ERR_NOT_FOUND, "instance");
  }
}

TEST(purging_a_service_takes_its_instances) {
  auto_house h;
  house_open(&h);
  bool there;
  auto_service_instance found = {0};
  CHECK_OK(service_instance_find(h.d, h.service.id, h.environment.id, &there, &found));
  CHECK(there);
  CHECK_ERR(service_purge(h.d, h.service.id), ERR_NOT_FOUND, "service");
  CHECK_OK(service_mark_deleted(h.d, h.service.id, 3));
  auto_service_list deleted = {0};
  CHECK_OK(service_list_deleted(h.d, &deleted));
  CHECK_INT(deleted.len, 1);
  CHECK_OK(service_purge(h.d, h.service.id));
  CHECK_INT(house_count(&h, "service_instances"), 0);
}

TEST_MAIN
