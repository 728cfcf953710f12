#!/bin/bash
# A Postgres goes from 15 to 17 under a client that writes, while tramd is killed, and back; and what was before the upgrade can
# still be restored.  UPGRADE_KILLS=20: tramd is killed at that many moments of further upgrades and ways back; UPGRADE_LONG=1: the
# restore, too.
. "$(dirname "$0")/lib.sh"
check "a fresh installation starts and has its first account" start_tramway
disown -a # tramd will be killed, which is not worth a line of the shell's
upgrading=
before_removal() { [ -z "$upgrading" ] || kill "$upgrading" 2>/dev/null; }

until_ok() { # until_ok SECONDS COMMAND…
  local end=$((SECONDS + $1)); shift
  until "$@" > "$WORK/until.out" 2>&1; do [ "$SECONDS" -lt "$end" ] || { cat "$WORK/until.out"; return 1; }; sleep 0.2; done
}
sql() { tram ssh --service "${2:-Store}" -- psql -h /var/run/postgresql -U postgres -d "${3:-railway}" -v ON_ERROR_STOP=1 -qtAc "$1" | tr -d '\r'; }
says() { [ "$(sql "$1" "${3:-Store}" "${4:-railway}")" = "$2" ] || { echo "not '$2' but:"; sql "$1" "${3:-Store}" "${4:-railway}"; return 1; }; }
version() { says "select current_setting('server_version_num')::int / 10000" "$1"; }
state() { # state FIELD: of the latest upgrade
  tram api 'query($e: String!, $s: String!) { databaseUpgradeState(environmentId: $e, serviceId: $s) { status problem siblingServiceId } }' \
    --var "e=$environment" --var "s=$store" | jq -r ".. | objects | select(has(\"siblingServiceId\")) | .$1"
}
is_state() { [ "$(state status)" = "$1" ] || { state status; state problem; return 1; }; }

# The client connects anew for each row, as one with a pool that has lost its connections does.
write_client() {
  cat << 'SQL'
n=0; while :; do
  said=$(psql -qtAc "insert into written (version) select current_setting('server_version_num')::int / 10000 returning version" "$URL" 2>&1) &&
    echo "wrote to $said" || echo "refused: $(echo "$said" | tail -n 1)"
  sleep 0.2
done
SQL
}
add() {
  mkdir "$WORK/shop" && cd "$WORK/shop" && tram init --name shop && tram add -d postgres --name Store --image tramway/postgres:15 --size 300MB &&
    until_ok 120 version 15 &&
    sql "create role clerk login password 'x'; create extension pg_trgm; create sequence numbers start 40; select nextval('numbers'), nextval('numbers');
      create table ledger as select g as id, md5(g::text) as line from generate_series(1, 5000) g; create index on ledger using gin (line gin_trgm_ops);
      create table written (id serial primary key, version int, at timestamptz default clock_timestamp()); grant select on ledger to clerk;
      alter role clerk set work_mem = '9MB'" &&
    sql "create database second" && sql "create table notes as select 1 as n" Store second
}
check "a Postgres 15 with rows, a role, an extension, a sequence and a second database" add
place() {
  local made; made=$(tram api 'query($id: String!) { deployment(id: $id) { environmentId serviceId } }' \
    --var "id=$(tram deployments --service Store --limit 1 | awk '{ print $1; exit }')") &&
    store=$(echo "$made" | jq -re '.. | .serviceId? // empty') && environment=$(echo "$made" | jq -re '.. | .environmentId? // empty')
}
check "its ids" place
client() {
  write_client > "$WORK/client" && tram service new client --image tramway/postgres:15 -v 'URL=${{Store.DATABASE_URL}}' -v "SCRIPT=$(cat "$WORK/client")" &&
    tram environment edit --service-config client deploy.startCommand 'bash -c "$SCRIPT"' && until_ok 60 written_to 15
}
written_to() { tram logs --service client --lines 5 | tee "$WORK/lines" | grep -q "wrote to $1"; }
check "a client writes to it" client

intact() { # intact VERSION: what was there before
  version "$1" && says "select count(*) || ' ' || max(id) from ledger" '5000 5000' && says 'select last_value from numbers' 41 &&
    says "select rolcanlogin || ' ' || has_table_privilege('clerk', 'ledger', 'select') from pg_roles where rolname = 'clerk'" 'true true' &&
    says "select setconfig::text from pg_db_role_setting s join pg_roles r on r.oid = s.setrole where rolname = 'clerk'" '{work_mem=9MB}' &&
    says "select count(*) from pg_extension where extname = 'pg_trgm'" 1 && says 'select n from notes' 1 Store second &&
    says "select count(*) from ledger where line like '%c4ca4238a0b%'" 1
}
only() { # no service but Store and client, and no volume of the copy's
  [ "$(tram service list --json | jq -r '.. | .name? // empty' | grep -c '^Store-')" = 0 ] || { tram service list; return 1; }
}
rehearse() {
  tram database upgrade --database Store --to 17 --rehearse > "$WORK/report" 2>&1 || { cat "$WORK/report"; return 1; }
  has 'all of Store arrived' "$WORK/report" && has 'Postgres 15' "$WORK/report" && intact 15 && written_to 15 && until_ok 30 only &&
    ! grep -q refused "$WORK/lines"
}
check "a rehearsal copies and compares all of it, and the live one is written to on and on" rehearse

copying() { [ "$(state siblingServiceId)" != null ]; }
killed() {
  tram database upgrade --database Store --to 17 --yes > "$WORK/first" 2>&1 8>&- 9>&- & upgrading=$!
  until_ok 30 copying && { sql "insert into written (version) values (0)" > "$WORK/no" 2>&1; has "read-only transaction" "$WORK/no"; } || return 1
  kill -KILL "$(tramd_pid)"; wait "$upgrading"; upgrading=
  start_tramd && until_ok 60 is_state FAILED && state problem | grep 'tramd ended meanwhile' && intact 15 && until_ok 30 written_to 15 && until_ok 30 only
}
check "tramd is killed while it is copied: it is as it was, and written to again" killed
cancelled() {
  tram database upgrade --database Store --to 17 --yes > "$WORK/first" 2>&1 8>&- 9>&- & upgrading=$!
  until_ok 30 copying && tram database upgrade --database Store --cancel; local ended=$?
  wait "$upgrading"; upgrading=
  has 'it was cancelled' "$WORK/first" && sql "insert into written (version) values (15)" && return $ended
}
check "one is cancelled: the same" cancelled

upgrade() {
  sql "insert into ledger values (5001, 'just before')" && moment=$(sql "select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')") && sleep 0.3 &&
    sql "delete from ledger where id = 5001" && tram database upgrade --database Store --to 17 --yes && intact 17 && until_ok 30 written_to 17
}
check "it goes to 17, with all that was in it, and the client writes to that" upgrade
continues() { # rows of the client's own numbers: none is missing, none came twice
  says "select count(*) - count(distinct id) from written" 0 && says "select bool_and(version = 15) from written where id < (select min(id) from written where version = 17)" t
}
check "what the client was told is there, in its order" continues
told() { tram events > "$WORK/events" 2>&1; has 'upgrade done' "$WORK/events" && has 'upgrade failed' "$WORK/events"; }
check "each is an event" told
first_backup() { tram backup list --service Store --json | jq -e '.backups[0].state == "READY" and .backups[0].method == "POSTGRES"'; }
check "the first backup of its new volume comes at once" until_ok 60 first_backup

# The log of what it was is closed half a minute after; then there is the version of then beside it.
restored() {
  until_ok 120 tram postgres pitr restore --service Store --at "$moment" --new-service-name then --yes &&
    until_ok 60 says "select current_setting('server_version_num')::int / 10000 || ' ' || line from ledger where id = 5001" '15 just before' then && version 17
}
swapped() {
  tram backup swap --service then && tram environment commit --yes && until_ok 90 version 15 && says 'select line from ledger where id = 5001' 'just before'
}

back() {
  sql "create table of_17 ()" && tram database upgrade --database Store --back --yes > "$WORK/back" 2>&1 || { cat "$WORK/back"; return 1; }
  has 'runs tramway/postgres:15 again' "$WORK/back" && intact 15 && says "select to_regclass('of_17') is null" t && until_ok 30 written_to 15
}
check "and back to 15, as it was before; the client writes to that" back

# ---- by hand ----

WHEN=(SWAPPING COMPARING SWAPPING COPYING)
is_at() { # is_at STATUS: or beyond
  local now; now=$(state status)
  [ "$now" = "$1" ] || { is_over && [ "$now" != "$before" ]; }
}
kill_once() { # kill_once NUMBER: some time after the upgrade has come that far, or its way back
  local at=${WHEN[$1 % 4]} way=(--to 17) before; before=$(state status)
  [ "$before" != DONE ] || at=RETURNING way=(--back)
  tram database upgrade --database Store "${way[@]}" --yes > "$WORK/first" 2>&1 8>&- 9>&- & upgrading=$!
  until_ok 90 is_at "$at"; sleep "$((RANDOM % 3)).$((RANDOM % 9))"
  local now; now=$(state status)
  kill -KILL "$(tramd_pid)"; start_tramd; kill "$upgrading" 2>/dev/null; wait "$upgrading"; upgrading=
  until_ok 120 is_over || return 1
  local version=15; [ "$(state status)" != DONE ] || version=17
  echo "killed when ${way[*]} was $now: $(state status)" | tee -a "$WORK/kills"
  until_ok 60 intact "$version" && until_ok 30 sql "insert into written (version) values ($version)" && until_ok 30 only
}
is_over() { case $(state status) in DONE | FAILED | RETURNED) ;; *) return 1 ;; esac; }
for ((n = 1; n <= ${UPGRADE_KILLS:-0}; n++)); do check "tramd is killed at some moment, $n" kill_once "$n"; done
[ ! -e "$WORK/kills" ] || sed 's/^/# /' "$WORK/kills"
if [ -n "${UPGRADE_LONG:-}" ]; then
  is_15() { [ "$(state status)" != DONE ] || tram database upgrade --database Store --back --yes; }
  check "it is 15" is_15
  user_is() { says "select string_agg(rolname || (rolpassword is not null)::text, ' ' order by rolname) from pg_authid where rolname like 'postgres%'" "$1"; }
  rotate() { tram database rotate-password --database Store && until_ok 90 user_is "$1" && until_ok 60 written_to "$2"; }
  check "its password is another one" rotate 'postgresfalse postgres_2true' 15
  backup_15() { tram backup create --service Store; }
  check "a backup of 15" until_ok 60 backup_15
  check "once more to 17" upgrade
  check "with the users as they were" user_is 'postgresfalse postgres_2true'
  check "whose password can be changed again" rotate 'postgrestrue postgres_2false' 17
  check "a second before the upgrade comes back, in the version of then" restored
  check "and can be swapped in, with its version" swapped
fi
gone() { stop_tramway; for _ in $(seq 100); do [ -z "$(left_behind)" ] && return; sleep 0.1; done; left_behind; return 1; }
check "after the halt nothing of it is left" gone
