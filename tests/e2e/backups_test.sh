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
