#!/bin/bash
# Databases in one command each: they run, an app reaches them by what they say of themselves, and what is in them can be seen.
. "$(dirname "$0")/lib.sh"
check "a fresh installation starts and has its first account" start_tramway
mkdir -p "$WORK/shop" && cd "$WORK/shop" || exit 1

soon() { # soon COMMAND…: within five minutes, when images are made first
  local end=$((SECONDS + 300))
  until "$@"; do
    [ $SECONDS -lt $end ] || { "$@"; tram status; return 1; }
    sleep 0.3
  done
}
is_live() { tram deployments -s "$1" --limit 1 | grep -q ' SUCCESS '; }
refused() { # refused TEXT COMMAND…
  local text=$1; shift
  ! "$@" >"$WORK/refused" 2>&1 && has "$text" "$WORK/refused"
}

added() {
  tram init --name shop && tram add -d postgres -d redis --size 400 > "$WORK/added" && has 'Added Postgres (tramway/postgres:17)' "$WORK/added" &&
    has 'Added Redis' "$WORK/added" && tram add -d mysql --name Orders --size 400 --json | grep '"kind": "MYSQL"'
}
check "three databases in two commands" added
live() { soon is_live Postgres && soon is_live Redis && soon is_live Orders; }
check "they go live" live

variables() {
  tram variables -s Postgres --kv > "$WORK/kv" && grep -E '^POSTGRES_PASSWORD=[A-Za-z0-9]{32}$' "$WORK/kv" &&
    . <(grep '^POSTGRES_PASSWORD=' "$WORK/kv") &&
    has "DATABASE_URL=postgresql://postgres:$POSTGRES_PASSWORD@postgres.railway.internal:5432/railway" "$WORK/kv" &&
    ! grep PUBLIC "$WORK/kv" && tram variables -s Redis --kv | grep -E '^REDIS_URL=redis://default:\w{32}@redis.railway.internal:6379$' &&
    tram variables -s Orders --kv | grep -E '^MYSQL_URL=mysql://root:\w{32}@orders.railway.internal:3306/railway$'
}
check "with Railway's variables" variables

# An app that is a Postgres client: it says whether what it has is encrypted.
says() { tram logs -s "$1" -n 20 | grep -q "$2"; }
app_reads() {
  tram add --service api --image tramway/postgres:17 >/dev/null &&
    tram environment edit --service-config api deploy.startCommand \
      "psql \"\$DATABASE_URL?sslmode=require\" -Atc \"SELECT 'encrypted: ' || ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()\" && sleep 600" >/dev/null &&
    tram database link api --database Postgres && soon says api 'encrypted: true'
}
check "an app reaches Postgres over the private network, with TLS" app_reads
again() { refused 'says something else' tram database link api --database Orders --variable DATABASE_URL; }
check "a link does not replace another" again
spellings() {
  tram variable set -s api --skip-deploys 'A={{ Redis.REDIS_URL }}' 'B=${Redis.${REDISHOST}}' 'C=${{Redis.REDISPORT}}' >/dev/null &&
    tram variables -s api --kv > "$WORK/kv" && grep -E '^A=redis://default:' "$WORK/kv" && has 'B=redis.railway.internal' "$WORK/kv" && has 'C=6379' "$WORK/kv"
}
check "references in other spellings reach databases, too" spellings

in_postgres() { tram run -s Postgres -- psql -qc "$1"; }
filled() {
  in_postgres "CREATE TABLE \"my tickets\" (id int PRIMARY KEY, title text, body bytea);
               INSERT INTO \"my tickets\" SELECT n, CASE n WHEN 2 THEN repeat('x', 5000) END, '\\x00ff' FROM generate_series(1, 120) AS n; ANALYZE;
               CREATE VIEW spy AS SELECT 1 AS one" &&
    tram run -s Orders -- sh -c 'MYSQL_PWD=$MYSQL_ROOT_PASSWORD mariadb -u root railway -e "CREATE TABLE o (id int PRIMARY KEY, b blob, t text); INSERT INTO o VALUES (1, x'"'00ff'"', '"'ä'"')"' &&
    tram run -s Redis -- sh -c 'export REDISCLI_AUTH=$REDIS_PASSWORD; redis-cli SET "user 1" "a\"b"; redis-cli HSET h f v; redis-cli EXPIRE h 900'
}
check "they are written to" filled

tables() {
  tram database tables -d Postgres > "$WORK/tables" && grep -E 'public +my tickets +Table +120' "$WORK/tables" && has spy "$WORK/tables" &&
    tram database tables -d Orders | grep -E 'railway +o +Table'
}
check "their tables are listed" tables
rows() {
  tram database rows 'my tickets' -d Postgres -n 3 > "$WORK/rows" && grep -E '^1 +NULL +0x00ff' "$WORK/rows" && grep -E '^2 +x{60}…' "$WORK/rows" &&
    has 'more with --offset 3' "$WORK/rows" && tram database rows 'my tickets' -d Postgres --order id --descending -n 1 | grep -E '^120 ' &&
    tram database rows 'my tickets' -d Postgres -n 3 --json | grep -E '"x{1000}… \(5000 characters\)"' &&
    tram database rows o -d Orders | grep -E '^1 +0x00ff +ä'
}
check "their rows are shown, cut where they are long" rows
keys() {
  tram database keys -d Redis > "$WORK/keys" && grep -E '^user 1 +string' "$WORK/keys" && grep -E '^h +hash .* (14 min|15 min)' "$WORK/keys" &&
    tram database key 'user 1' -d Redis | grep -F 'a"b' && tram database key h -d Redis | grep -E '^ *f +v'
}
check "and keys with their values" keys
stats() {
  tram database stats -d Postgres > "$WORK/stats" && has Connections "$WORK/stats" && has 'INSERT INTO' "$WORK/stats" &&
    tram database stats -d Redis | grep 'Version *8' && tram database stats -d Orders | grep MariaDB
}
check "how they fare is told" stats

errors() {
  refused 'database "nope" does not exist' tram database tables -d Postgres --name nope &&
    refused 'does not exist' tram database rows nope -d Postgres && refused 'is a view' tram database rows spy -d Postgres &&
    refused "no column 'x\"; DROP TABLE y; --'" tram database rows 'my tickets' -d Postgres --order 'x"; DROP TABLE y; --' &&
    refused 'Redis has no tables' tram database tables -d Redis && refused 'no keys' tram database keys -d Postgres &&
    refused 'there is no key' tram database key nope -d Redis && refused 'several databases' tram database tables &&
    refused 'There are' tram database tables -d nope && refused 'there are mariadb, mongo' tram add -d oracle &&
    refused 'does not look like Postgres' tram add -d postgres --image nginx
}
check "what cannot be is said" errors
numbered() { tram add -d redis --size 300 --link api --variable CACHE_URL > "$WORK/added" && has 'Added Redis-2' "$WORK/added" && tram variables -s api --kv | grep -E '^CACHE_URL=redis://.*@redis-2.railway.internal'; }
check "a second one has a number, and is linked at once" numbered
no_leak() { ! grep -rqF -f <(tram variables -s Postgres --kv | sed -n 's/^POSTGRES_PASSWORD=//p') "$WORK/tramd.log" "$WORK/data/logs"; }
check "no password is in a log" no_leak
mongo() {
  tram add -d mongo --size 300 > "$WORK/added" && has 'Debian has no package of MongoDB' "$WORK/added" && soon fails MongoDB &&
    tram status > "$WORK/status" && has 'mongo:7 cannot be pulled' "$WORK/status"
}
fails() { tram deployments -s "$1" --limit 1 | grep -q ' FAILED '; }
check "MongoDB says that it needs a registry" mongo
