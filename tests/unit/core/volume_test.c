/* Volumes as their users see them: made, attached, grown, filling up, in the trash and out of it. */
#include "core/volume.h"

#include "core/internal.h"
#include "store/event.h"
#include "store/volume.h"
#include "town.h"

static struct volume volume;
static struct volume_instance data;

static struct core_volume_request request(const char *service_id) {
  return (struct core_volume_request){.project_id = project.id, .environment_id = instance.environment_id,
                                      .service_id = service_id, .mount_path = "/data/", .user_id = ""};
}

static void look_again(void) {
  char id[ID_SIZE];
  id_copy(id, data.id);
  volume_instance_done(&data);
  CHECK_OK(volume_instance_get(town_db, id, &data));
}

static bool is_ready(void) {
  look_again();
  return data.state == VOLUME_READY;
}

static void open_town(void) {
  bool found = false;
  town_open();
  struct core_volume_request r = request(service.id);
  CHECK_OK(core_volume_create(town, &r, &volume));
  CHECK_OK(volume_instance_find(town_db, volume.id, instance.environment_id, &found, &data));
  CHECK(found);
}

static void close_town(void) {
  volume_done(&volume);
  volume_instance_done(&data);
  town_close();
}

TEST(one_is_made_after_its_service) {
  open_town();
  CHECK_TEXT(volume.name, "api-volume");
  CHECK_TEXT(data.mount_path, "/data");
  CHECK_INT(data.state, VOLUME_UPDATING);
  WAIT(is_ready());
  CHECK_INT(fake_volume_find(&en->volumes, data.id)->size_bytes, VOLUME_SIZE_BYTES_DEFAULT);
  close_town();
}

TEST(what_makes_no_sense_is_refused) {
  auto_volume none = {0};
  auto_service other = {0};
  auto_service_instance other_instance = {0};
  open_town();
  struct core_volume_request r = request(service.id);
  CHECK_ERR(core_volume_create(town, &r, &none), ERR_CONFLICT, "has the volume 'api-volume' at /data already");
  town_make_service("other", &other, &other_instance);
  r = request(other.id);
  r.name = "api-volume";
  CHECK_ERR(core_volume_create(town, &r, &none), ERR_CONFLICT, "a volume named 'api-volume' already");
  r.name = NULL;
  r.mount_path = "/etc";
  CHECK_ERR(core_volume_create(town, &r, &none), ERR_INVALID, "hide /etc");
  other_instance.settings.num_replicas = 2;
  CHECK_OK(core_set_settings(town, other_instance.id, &other_instance.settings));
  CHECK_ERR(core_volume_change(town, data.id, &(struct core_volume_change){.service_id = other.id}, ""), ERR_CONFLICT,
            "has 2 replicas");
  CHECK_ERR(core_volume_change(town, data.id, &(struct core_volume_change){.size_bytes = 300 * VOLUME_MB}, ""), ERR_CONFLICT,
            "cannot shrink");
  close_town();
}

TEST(it_grows_also_when_tramd_ends_meanwhile) {
  open_town();
  WAIT(is_ready());
  CHECK_OK(core_volume_change(town, data.id, &(struct core_volume_change){.size_bytes = 6000 * VOLUME_MB}, ""));
  town_restart();
  WAIT(is_ready());
  CHECK_INT(fake_volume_find(&en->volumes, data.id)->size_bytes, 6000 * VOLUME_MB);
  close_town();
}

TEST(what_the_engine_cannot_make_says_why) {
  town_open();
  en->volumes.fail = "the disk is full";
  struct core_volume_request r = request(NULL);
  auto_volume_instance_list all = {0};
  CHECK_OK(core_volume_create(town, &r, &volume));
  CHECK_OK(volume_instance_list(town_db, &all));
  id_copy(data.id, all.items[0].id);
  look_again();
  WAIT((look_again(), data.state == VOLUME_ERROR));
  CHECK_HAS(data.problem, "the disk is full");
  en->volumes.fail = NULL;
  town_restart(); /* or ten seconds later */
  WAIT(is_ready());
  CHECK(!data.problem);
  close_town();
}

TEST(one_that_cannot_grow_is_looked_after_and_may_stay_as_it_was) {
  open_town();
  WAIT(is_ready());
  int64_t size_bytes = data.size_bytes;
  CHECK_OK(volume_instance_set_usage(town_db, data.id, 1, 0, 1));
  auto_free char *fails = str_format("volume '%s': the disk has no room", data.id);
  en->volumes.fail = fails;
  CHECK_OK(core_volume_change(town, data.id, &(struct core_volume_change){.size_bytes = 9000 * VOLUME_MB}, ""));
  WAIT((look_again(), data.state == VOLUME_ERROR));
  CHECK_TEXT(data.problem, "the disk has no room");
  CHECK(volume_has_data(&data));
  CHECK_ERR(core_volume_change(town, data.id, &(struct core_volume_change){.size_bytes = VOLUME_MB}, ""), ERR_INVALID, "between");
  en->volumes.fail = NULL;
  CHECK_OK(core_volume_change(town, data.id, &(struct core_volume_change){.size_bytes = size_bytes}, ""));
  WAIT(is_ready());
  CHECK_INT(fake_volume_find(&en->volumes, data.id)->size_bytes, size_bytes);
  close_town();
}

/* ---- the trash ---- */

TEST(it_goes_with_its_service_and_comes_back_to_it) {
  open_town();
  WAIT(is_ready());
  CHECK_OK(core_volume_delete(town, volume.id, ""));
  look_again();
  CHECK(volume_is_trashed(&data));
  CHECK_TEXT(data.origin, "shop / production / api");
  CHECK(fake_volume_find(&en->volumes, data.id));
  CHECK_OK(core_volume_restore(town, data.id, NULL, ""));
  look_again();
  CHECK_TEXT(data.service_id, service.id);
  CHECK_INT(data.deleted_us, 0);
  CHECK_ERR(core_volume_restore(town, data.id, NULL, ""), ERR_CONFLICT, "not in the trash");
  close_town();
}

TEST(it_outlives_its_project_and_goes_to_another) {
  auto_project rescue = {0};
  auto_environment_list environments = {0};
  open_town();
  WAIT(is_ready());
  CHECK_OK(core_project_delete(town, project.id));
  auto_project gone = {0};
  err *e;
  WAIT((e = project_get(town_db, project.id, &gone)) ? (err_free(e), true) : false);
  CHECK_ERR(core_volume_restore(town, data.id, NULL, ""), ERR_CONFLICT, "where the volume was (shop / production / api) is gone");
  CHECK_OK(core_project_create(town, workspace.id, "rescue", NULL, &rescue));
  CHECK_OK(environment_list_by_project(town_db, rescue.id, NULL, &environments));
  CHECK_OK(core_volume_restore(town, data.id, environments.items[0].id, ""));
  look_again();
  CHECK_TEXT(data.project_id, rescue.id);
  CHECK_INT(strlen(data.service_id), 0);
  CHECK(fake_volume_find(&en->volumes, data.id));
  close_town();
}

static bool is_destroyed(void) {
  int64_t rows = 1;
  CHECK_OK(db_query_int(town_db, "SELECT count(*) FROM volume_instances", DB_NONE, 1, &rows));
  return !rows;
}

TEST(its_data_are_destroyed_when_its_time_is_over) {
  struct core_options options = town_options();
  open_town();
  WAIT(is_ready());
  CHECK_OK(core_volume_delete(town, volume.id, ""));
  turns(5);
  CHECK(fake_volume_find(&en->volumes, data.id));
  town_stop();
  options.volume_trash_ms = 1;
  en->volumes.fail = "it is in use"; /* tried again, at the next start at the latest */
  town_start_with(&options);
  WAIT((look_again(), data.state == VOLUME_DELETING));
  CHECK_ERR(core_volume_restore(town, data.id, NULL, ""), ERR_CONFLICT, "being destroyed");
  en->volumes.fail = NULL;
  town_stop();
  town_start_with(&options);
  WAIT(is_destroyed());
  CHECK(!fake_volume_find(&en->volumes, data.id));
  close_town();
}

/* ---- how full it is ---- */

static long long events(void) {
  int64_t count = 0;
  CHECK_OK(db_query_int(town_db, "SELECT count(*) FROM events WHERE object = 'volume'", DB_NONE, 0, &count));
  return count;
}

TEST(its_owner_is_told_before_it_is_full) {
  static const struct {
    int percent, events;
  } rows[] = {{50, 0}, {80, 1}, {81, 1}, {96, 2}, {100, 3}, {97, 3}, {70, 3}, {85, 4}};
  struct core_options options = town_options();
  open_town();
  WAIT(is_ready());
  town_stop();
  options.volume_poll_ms = 5;
  town_start_with(&options);
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct fake_volume *v = fake_volume_find(&en->volumes, data.id);
    v->used_bytes = v->size_bytes / 100 * rows[i].percent;
    WAIT((look_again(), data.used_bytes == v->used_bytes));
    if (rows[i].percent != 85) CHECK_INT(events(), rows[i].events); /* equal ones are counted in one row */
  }
  close_town();
}

TEST(how_often_it_is_looked_changes_at_once) {
  struct core_options options = town_options();
  open_town();
  WAIT(is_ready());
  struct fake_volume *v = fake_volume_find(&en->volumes, data.id);
  v->used_bytes = 4096;
  options.volume_poll_ms = 5;
  core_set_options(town, &options);
  WAIT((look_again(), data.used_bytes == 4096));
  options.volume_poll_ms = 0;
  core_set_options(town, &options);
  v->used_bytes = 8192;
  loop_turn(town_loop, 30);
  look_again();
  CHECK_INT(data.used_bytes, 4096);
  close_town();
}

TEST_MAIN
