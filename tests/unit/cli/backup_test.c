/* Which backup is meant, and how one is told. */
#include "cli/backup.h"

#include "base/mem.h"
#include "tap.h"

/* Newest first, as the API lists them. */
static json_t *list(void) {
  return json_pack("[{s:s, s:s, s:s, s:s}, {s:s, s:s, s:s, s:s, s:s, s:i}, {s:s, s:s, s:s, s:s, s:s}]",
                   "id", "c0ffee11-1", "state", "FAILED", "kind", "DAILY", "createdAt", "2026-11-21T03:17:00Z",
                   "id", "c0ffee22-2", "state", "READY", "kind", "MANUAL", "name", "Before the migration", "takenAt",
                   "2026-11-20T03:17:02Z", "referencedMB", 32,
                   "id", "9d1e3f00-3", "state", "READY", "kind", "MANUAL", "name", "before the migration", "takenAt",
                   "2026-11-19T03:17:02Z");
}

static const char *chosen(const json_t *backups, const char *word) {
  json_t *b = NULL;
  CHECK_OK(backup_choose(backups, word, &b));
  return json_get_text(b, "id");
}

TEST(one_is_named_by_its_id_its_name_or_as_the_latest) {
  auto_json *all = list();
  CHECK_TEXT(chosen(all, "latest"), "c0ffee22-2"); /* the one before it failed */
  CHECK_TEXT(chosen(all, "9d1e"), "9d1e3f00-3");
  CHECK_TEXT(chosen(all, "c0ffee11-1"), "c0ffee11-1");
  CHECK_TEXT(chosen(all, "before the Migration"), "c0ffee22-2");
}

TEST(what_names_none_or_several_is_refused) {
  auto_json *all = list(), *none = json_array();
  json_t *b = NULL;
  CHECK_ERR(backup_choose(all, "c0ffee", &b), ERR_INVALID, "several backups begin with 'c0ffee'");
  CHECK_ERR(backup_choose(all, "before", &b), ERR_NOT_FOUND, "no backup begins with 'before': see `tram backup list`");
  CHECK_ERR(backup_choose(none, "latest", &b), ERR_NOT_FOUND, "`tram backup create` takes one");
}

TEST(a_backup_is_told_by_its_moment) {
  auto_json *all = list();
  auto_free char *named = backup_describe(json_array_get(all, 1)), *failed = backup_describe(json_array_get(all, 0));
  CHECK_TEXT(named, "the backup of 2026-11-20 03:17 UTC (Before the migration, 32 MB)");
  CHECK_TEXT(failed, "the backup of 2026-11-21 03:17 UTC (DAILY, 0 B)");
}

TEST_MAIN
