#!/bin/bash
# Backups that prove themselves: a dropped table comes back to the second, beside what lives; a volume comes back; a
# damaged repository is found and named; a tramd that is killed in the middle of a backup leaves nothing behind.
. "$(dirname "$0")/lib.sh"
start_tramway || exit 1
mkdir "$WORK/app" && cd "$WORK/app" || exit 1
tram init --name shop >/dev/null

sql() { tram ssh --service "${2:-Postgres}" -- psql -U postgres -d railway -v ON_ERROR_STOP=1 -tAc "$1"; }
# until DEADLINE-SECONDS COMMAND…
until_ok() { local end=$((SECONDS + $1)); shift; until "$@" >"$WORK/until.out" 2>&1; do [ $SECONDS -lt $end ] || { cat "$WORK/until.out"; return 1; }; sleep 0.3; done; }
is_up() { [ "$(sql 'select 1' "${1:-Postgres}")" = 1 ]; }
rows() { [ "$(sql 'select count(*) from ledger' "$1")" = "$2" ] || { sql 'select count(*) from ledger' "$1"; return 1; }; }
newest() { tram backup list --service Postgres --json | jq -r ".backups[0].$1"; }

add() { tram add --database postgres && until_ok 240 is_up; }
check "a Postgres" add
fill() { sql "create table ledger as select g as id, md5(g::text) as line from generate_series(1, 1000) g" >/dev/null; }
check "rows" fill
check "a backup of it" tram backup create --service Postgres --name "before the mistake"
is_base() { [ "$(newest method)" = POSTGRES ] && [ "$(newest state)" = READY ] && [ "$(newest pausedMs)" = 0 ]; }
check "a base backup, and Postgres did not stand still for it" is_base

mistake() {
  sql "insert into ledger select g, 'later' from generate_series(1001, 1500) g" && sleep 1.1
  moment=$(sql "select to_char(now() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')") && sleep 0.2
  sql "drop table ledger"
}
check "a table is dropped" mistake
check "back to the moment before, as a new service" tram postgres pitr restore --service Postgres --at "$moment" --new-service-name rescued --yes
rescued() { until_ok 90 is_up rescued && rows rescued 1500; }
check "the new service has the table, with what came after the backup" rescued
untouched() { sql "select to_regclass('ledger') is null" | grep -qx t; }
check "the live one is as it was" untouched
swap() { tram backup swap --service rescued && untouched && tram environment commit --yes && until_ok 90 rows Postgres 1500; }
check "the swap is staged, and the live one has the table when it is committed" swap
volumes() { tram volume list --json | jq -r '[.[] | select(.serviceId == null)] | length'; }
only_live() { ! tram status --json | jq -e '.. | objects | select(.name? == "rescued")' && [ "$(volumes)" = 1 ]; }
way_back() {
  until_ok 30 only_live && tram backup swap --service Postgres && tram environment staged | tee "$WORK/staged" &&
    has "volumeMounts" "$WORK/staged" && tram environment discard --yes && rows Postgres 1500
}
check "the restored service is gone, the old volume is kept, and the way back can be staged" way_back

# The volume is another one now, with a repository of its own.
again() { tram backup create --service Postgres; }
check "a backup of the swapped volume" until_ok 60 again
drill() { tram backup drill --service Postgres | tee "$WORK/drill" && has "checksum" "$WORK/drill"; }
check "a drill restores it and reads all of it" drill
restore() {
  sql "delete from ledger where id > 10" && tram backup restore "$(newest id)" --service Postgres --yes && rows Postgres 10 &&
    tram environment commit --yes && until_ok 90 rows Postgres 1500
}
check "a backup is restored to a new volume, and swapped in when that is committed" restore

killed() {
  tram backup create --service Postgres --no-wait && sleep 0.5
  kill -9 "$(tramd_pid)" && start_tramd
  until_ok 30 is_up && tram backup list --service Postgres | tee "$WORK/list" && has "tramd ended while it was being taken" "$WORK/list"
}
check "tramd is killed in the middle of a backup: it is told that it failed" killed
check "the next one is taken as if nothing had been" tram backup create --service Postgres --name after
nothing_left() { ! find "$WORK/data/volumes" -name backup -path '*snapshots*' | grep . && ! pgrep -fa "restic.*$WORK"; }
check "no snapshot and no restic is left" nothing_left

# backup_format_1.tar.gz: a base backup and its log, as the first version took them (restic's words and rows are its own; the files are few, for
# size), with the password "format-1".  The installation's is added to it: the format is what is tried, not the secret.
format_1() {
  tram service new legacy && tram volume add -s legacy -m /data -n legacy || return 1
  local volume; volume=$(tram backup list -s legacy --json | jq -r .volume.volumeInstanceId)
  mkdir "$WORK/format" && tar xzf "$REPO/tests/e2e/backup_format_1.tar.gz" -C "$WORK/format" && tram backup password > "$WORK/password" || return 1
  for part in "" -wal; do
    RESTIC_PASSWORD=format-1 restic --no-cache -q -r "$WORK/format/vol$part" key add --new-password-file "$WORK/password" &&
      mkdir -p "$WORK/data/backups" && cp -r "$WORK/format/vol$part" "$WORK/data/backups/$volume$part" || return 1
  done
  python3 - "$WORK/data/tramway.db" "$WORK/format/rows.sql" "$volume" <<'END' || return 1
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=20)
for statement in "".join(line for line in open(sys.argv[2]) if not line.startswith("--")).split(";"):
    if statement.strip(): db.execute(statement, {"volume": sys.argv[3]})
db.commit()
END
  tram backup restore 5c2a9a5e-7c1e-4f0b-9a55-0d9c6f1f2a11 -s legacy --yes && tram environment discard --yes || return 1
  local new; new=$(tram volume list | grep -o 'legacy-[0-9][0-9-]*' | head -n 1)
  file() { tram volume files download "$1" - -v "$new"; }
  file pgdata/base/1 | cmp - <(seq 1 2000) && file "pgdata/base/größe 2" | grep -qF "not as a text" && file pgdata/backup_label | grep -F "LABEL: tramway" &&
    file pgdata/postgresql.auto.conf | tee "$WORK/conf" && has "restore_command" "$WORK/conf" && ! grep "earlier restore" "$WORK/conf" &&
    [ "$(file wal-archive/000000010000000000000003 | tr -d x)" = "" ] && file wal-archive/000000010000000000000002 | grep -q www
}
check "a backup that the first version took is restored" format_1

damage() {
  local pack; pack=$(find "$WORK/data/backups/$(tram backup list --service Postgres --json | jq -r .volume.volumeInstanceId)/data" -type f -size +100k | head -n 1)
  chmod u+w "$pack" && printf 'damaged' | dd of="$pack" bs=1 seek=50000 conv=notrunc status=none
}
check "a repository is damaged" damage
found() {
  ! tram backup drill --service Postgres && tram backup list --service Postgres | tee "$WORK/list" && has "FAILED" "$WORK/list" &&
    tram events | tee "$WORK/events" && has "backup damaged" "$WORK/events"
}
check "the drill finds it and names the backup, and it is an event" found
