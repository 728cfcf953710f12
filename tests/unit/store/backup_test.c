#include "house.h"
#include "store/backup.h"

#define VOLUME "0b1f6a52-33a1-4a53-8d3e-0f6b3a1c9d77"

static struct backup backup_of(const char *volume_instance_id) {
  struct backup b = {.kind = BACKUP_DAILY, .name = str_dup("before the migration")};
  id_copy(b.volume_instance_id, volume_instance_id);
  id_copy(b.project_id, VOLUME);
  id_copy(b.environment_id, VOLUME);
  return b;
}

TEST(a_backup_is_updated_whole_and_listed_newest_first) {
  auto_house h;
  house_empty(&h);
  auto_backup a = backup_of(VOLUME), b = backup_of(VOLUME), back = {0};
  must(backup_insert(h.d, &a));
  must(backup_insert(h.d, &b));
  b.state = BACKUP_READY;
  b.method = BACKUP_POSTGRES;
  b.snapshot_id = str_dup("769e112c");
  b.label = str_dup("START WAL LOCATION: 0/2000028");
  b.wal_last = str_dup("000000010000000000000002");
  b.taken_us = 7, b.expires_us = 9, b.is_locked = true;
  must(backup_update(h.d, &b));
  must(backup_get(h.d, b.id, &back));
  CHECK_TEXT(back.snapshot_id, "769e112c");
  CHECK_TEXT(back.name, "before the migration");
  CHECK_TEXT(back.wal_last, b.wal_last);
  CHECK_INT(back.method, BACKUP_POSTGRES);
  CHECK_INT(back.expires_us, 9);
  CHECK(back.is_locked);
  auto_backup_list list = {0};
  must(backup_list(h.d, VOLUME, &list));
  CHECK_INT(list.len, 2);
  CHECK_TEXT(list.items[0].id, b.id);
  must(backup_purge(h.d, b.id));
  CHECK_ERR(backup_update(h.d, &b), ERR_NOT_FOUND, "backup");
}

TEST(a_schedule_and_what_is_known_of_a_repository_are_replaced) {
  auto_house h;
  house_empty(&h);
  auto_backup_schedule s = {.daily = true}, again = {.monthly = true}, back = {0};
  auto_backup_repository r = {.bytes = 5}, known = {0};
  bool found = true;
  must(backup_schedule_find(h.d, VOLUME, &found, &back));
  CHECK(!found);
  id_copy(s.volume_instance_id, VOLUME);
  id_copy(again.volume_instance_id, VOLUME);
  id_copy(r.volume_instance_id, VOLUME);
  must(backup_schedule_set(h.d, &s));
  must(backup_schedule_set(h.d, &again));
  must(backup_schedule_find(h.d, VOLUME, &found, &back));
  CHECK(found && !back.daily && back.monthly);
  must(backup_repository_set(h.d, &r));
  r.bytes = 6;
  must(backup_repository_set(h.d, &r));
  must(backup_repository_find(h.d, VOLUME, &found, &known));
  CHECK_INT(known.bytes, 6);
}

TEST(what_no_volume_has_any_more_is_found_and_forgotten) {
  auto_house h;
  house_empty(&h);
  auto_backup b = backup_of(VOLUME);
  auto_backup_wal w = {.snapshot_id = str_dup("769e112c"), .first = str_dup("a"), .last = str_dup("b")};
  auto_strv orphans = STRV_EMPTY, none = STRV_EMPTY;
  id_copy(w.volume_instance_id, VOLUME);
  must(backup_insert(h.d, &b));
  must(backup_wal_insert(h.d, &w));
  must(backup_list_orphans(h.d, &orphans));
  CHECK_INT(orphans.len, 1);
  CHECK_TEXT(orphans.items[0], VOLUME);
  auto_backup_wal_list wals = {0}, gone = {0};
  must(backup_wal_list(h.d, VOLUME, &wals));
  CHECK_INT(wals.len, 1);
  must(backup_forget_volume(h.d, VOLUME));
  must(backup_wal_list(h.d, VOLUME, &gone));
  CHECK_INT(gone.len, 0);
  must(backup_list_orphans(h.d, &none));
  CHECK_INT(none.len, 0);
}

TEST(restores_are_in_the_journal_until_they_are_old) {
  auto_house h;
  house_empty(&h);
  auto_backup_restore r = {.kind = RESTORE_PITR}, back = {0};
  auto_backup_restore_list running = {0}, none = {0};
  bool found = false;
  id_copy(r.backup_id, VOLUME);
  id_copy(r.volume_instance_id, VOLUME);
  must(backup_restore_insert(h.d, &r));
  must(backup_restore_list_running(h.d, &running));
  CHECK_INT(running.len, 1);
  r.state = RESTORE_FAILED, r.problem = str_dup("no room"), r.finished_us = 5;
  id_copy(r.target_service_id, VOLUME);
  must(backup_restore_update(h.d, &r));
  must(backup_restore_find_by_service(h.d, VOLUME, &found, &back));
  CHECK(found);
  CHECK_TEXT(back.problem, "no room");
  must(backup_restore_list_running(h.d, &none));
  CHECK_INT(none.len, 0);
  must(backup_restore_forget_before(h.d, 6));
  auto_backup_restore gone = {0};
  must(backup_restore_find(h.d, r.id, &found, &gone));
  CHECK(!found);
}

TEST_MAIN
