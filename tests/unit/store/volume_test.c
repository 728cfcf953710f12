/* Volumes, their instances, and the trash. */
#include "store/volume.h"

#include "house.h"

static void make(struct house *h, const char *name, const char *service_id, struct volume *ret_volume,
                 struct volume_instance *ret_instance) {
  *ret_volume = (struct volume){.name = str_dup(name)};
  memcpy(ret_volume->workspace_id, h->workspace.id, ID_SIZE);
  memcpy(ret_volume->project_id, h->project.id, ID_SIZE);
  must(volume_insert(h->d, ret_volume));
  *ret_instance = (struct volume_instance){.mount_path = str_dup("/data"), .size_bytes = 5000 * VOLUME_MB};
  memcpy(ret_instance->volume_id, ret_volume->id, ID_SIZE);
  memcpy(ret_instance->workspace_id, h->workspace.id, ID_SIZE);
  memcpy(ret_instance->project_id, h->project.id, ID_SIZE);
  memcpy(ret_instance->environment_id, h->environment.id, ID_SIZE);
  if (service_id) memcpy(ret_instance->service_id, service_id, ID_SIZE);
  must(volume_instance_insert(h->d, ret_instance));
}

static void trash(struct house *h, struct volume_instance *v) {
  v->service_id[0] = '\0';
  v->deleted_us = 7;
  v->state = VOLUME_DELETED;
  must(volume_instance_update(h->d, v, 7));
}

TEST(a_volume_comes_back) {
  auto_house h;
  house_open(&h);
  auto_volume made = {0}, got = {0};
  auto_volume_instance instance = {0}, found = {0}, by_service = {0}, again = {0};
  bool there = false;
  make(&h, "db", h.service.id, &made, &instance);
  CHECK_OK(volume_get(h.d, made.id, &got));
  CHECK_TEXT(got.name, "db");
  CHECK_OK(volume_instance_find(h.d, made.id, h.environment.id, &there, &found));
  CHECK(there);
  CHECK_TEXT(found.mount_path, "/data");
  CHECK_INT(found.state, VOLUME_READY);
  CHECK_OK(volume_instance_find_by_service(h.d, h.service.id, h.environment.id, &there, &by_service));
  CHECK(there);
  str_replace_owned(&instance.mount_path, "/other");
  instance.size_bytes *= 2;
  CHECK_OK(volume_instance_update(h.d, &instance, 9));
  CHECK_OK(volume_instance_set_usage(h.d, instance.id, 17, 80, 10));
  CHECK_OK(volume_instance_get(h.d, instance.id, &again));
  CHECK_TEXT(again.mount_path, "/other");
  CHECK_INT(again.size_bytes, 10000 * VOLUME_MB);
  CHECK_INT(again.used_bytes, 17);
  CHECK_INT(again.alerted_percent, 80);
  CHECK_INT(again.measured_us, 10);
  CHECK_INT(again.updated_us, 9);
}

TEST(a_service_has_one_volume) {
  auto_house h;
  house_open(&h);
  auto_volume first = {0}, second = {0};
  auto_volume_instance one = {0}, two = {0}, same = {0};
  make(&h, "one", h.service.id, &first, &one);
  make(&h, "two", NULL, &second, &two);
  memcpy(two.service_id, h.service.id, ID_SIZE);
  CHECK_ERR(volume_instance_update(h.d, &two, 1), ERR_CONFLICT, "a service has one volume");
  volume_instance_copy(&one, &same);
  same.id[0] = same.service_id[0] = '\0';
  CHECK_ERR(volume_instance_insert(h.d, &same), ERR_CONFLICT, "one place in an environment");
  trash(&h, &one);
  CHECK_OK(volume_instance_update(h.d, &two, 1));
}

TEST(the_trash_is_listed_apart) {
  auto_house h;
  house_open(&h);
  auto_volume kept = {0}, gone = {0};
  auto_volume_instance one = {0}, two = {0};
  make(&h, "kept", NULL, &kept, &one);
  make(&h, "gone", h.service.id, &gone, &two);
  trash(&h, &two);
  auto_volume_instance_list live = {0}, of_environment = {0}, of_project = {0}, of_volume = {0}, of_service = {0},
                            trashed = {0}, of_workspace = {0};
  CHECK_OK(volume_instance_list(h.d, &live));
  CHECK_OK(volume_instance_list_by_environment(h.d, h.environment.id, &of_environment));
  CHECK_OK(volume_instance_list_by_project(h.d, h.project.id, &of_project));
  CHECK_OK(volume_instance_list_by_volume(h.d, gone.id, &of_volume));
  CHECK_OK(volume_instance_list_by_service(h.d, h.service.id, &of_service));
  CHECK_OK(volume_instance_list_trashed(h.d, &trashed));
  CHECK_OK(volume_instance_list_trashed_of_workspace(h.d, h.workspace.id, &of_workspace));
  CHECK_INT(live.len, 1);
  CHECK_INT(of_environment.len, 1);
  CHECK_INT(of_project.len, 1);
  CHECK_INT(of_volume.len, 0);
  CHECK_INT(of_service.len, 0);
  CHECK_INT(trashed.len, 1);
  CHECK_INT(of_workspace.len, 1);
  auto_volume_list volumes = {0};
  CHECK_OK(volume_list_by_project(h.d, h.project.id, NULL, &volumes));
  CHECK_INT(volumes.len, 1);
  CHECK_TEXT(volumes.items[0].name, "kept");
  bool taken = true;
  CHECK_OK(volume_name_exists(h.d, h.project.id, "gone", &taken));
  CHECK(!taken);
  CHECK_OK(volume_name_exists(h.d, h.project.id, "kept", &taken));
  CHECK(taken);
}

TEST(data_are_forgotten_out_of_the_trash_only) {
  auto_house h;
  house_open(&h);
  auto_volume v = {0};
  auto_volume_instance i = {0};
  make(&h, "db", NULL, &v, &i);
  CHECK_ERR(volume_instance_purge(h.d, i.id), ERR_NOT_FOUND, "volume instance");
  CHECK_OK(volume_purge(h.d, v.id));
  CHECK_INT(house_count(&h, "volumes"), 1); /* it has an instance */
  trash(&h, &i);
  CHECK_OK(volume_instance_purge(h.d, i.id));
  CHECK_OK(volume_purge(h.d, v.id));
  CHECK_INT(house_count(&h, "volumes"), 0);
}

TEST(a_volume_outlives_its_project) {
  auto_house h;
  house_open(&h);
  auto_volume v = {0};
  auto_volume_instance i = {0};
  make(&h, "db", NULL, &v, &i);
  trash(&h, &i);
  CHECK_OK(project_mark_deleted(h.d, h.project.id, 8));
  CHECK_OK(project_purge(h.d, h.project.id));
  CHECK_INT(house_count(&h, "volume_instances"), 1);
  auto_volume rescued = {.name = str_dup("rescued")};
  memcpy(rescued.project_id, h.project.id, ID_SIZE);
  memcpy(rescued.workspace_id, h.workspace.id, ID_SIZE);
  must(volume_insert(h.d, &rescued));
  memcpy(i.volume_id, rescued.id, ID_SIZE);
  i.deleted_us = 0;
  CHECK_OK(volume_instance_update(h.d, &i, 9));
  CHECK_OK(volume_purge(h.d, v.id));
  CHECK_INT(house_count(&h, "volumes"), 1);
}

TEST_MAIN
