#!/bin/bash
# The images of databases that are made from Debian's packages: as services, and on a machine's own root (where a start can be
# killed at any point), with the official images' variables.
. "$(dirname "$0")/lib.sh"
check "a fresh installation starts and has its first account" start_tramway
STORE=$TRAMWAY_TEST_CACHE/containers
images=() pid=

before_removal() {
  kill_it
  for mount in "${images[@]}"; do umount "$WORK/$mount/root" 2>/dev/null; done
}
image_of() { tram logs --build --service "$1" 2>&1 | sed -n 's/^Image .* is sha256://p' | tail -n 1; }

# ---- as services ---------------------------------------------------------------------------------

new() { tram service new "$@"; }
until_status() { # until_status SERVICE WORD
  for _ in $(seq 600); do tram service status --service "$1" 2>&1 | tee "$WORK/status" | grep -qi "$2" && return; sleep 0.1; done
  cat "$WORK/status"; tram logs --build --service "$1"; tram logs --service "$1"; return 1
}
deploy() {
  mkdir "$WORK/project" && cd "$WORK/project" && tram init --name databases &&
    new pg --image tramway/postgres:17 -v POSTGRES_PASSWORD=one -v PGHOST=elsewhere &&
    new maria --image tramway/mariadb:11 -v MYSQL_ROOT_PASSWORD=one -v MYSQL_DATABASE=shop -v MYSQL_HOST=elsewhere &&
    new redis --image tramway/redis:8 -v REDIS_PASSWORD='o"n\e' && new nothing --image tramway/postgres:17 &&
    new other --image tramway/postgres:16
}
cd "$WORK" && check "five services from images of databases" deploy
answers() { # answers SERVICE TEXT COMMAND: run inside, until its output has the text
  until_status "$1" success || return 1
  for _ in $(seq 300); do tram ssh --service "$1" -- bash -c "$3" > "$WORK/said" 2>&1; grep -qF -- "$2" "$WORK/said" && return; sleep 0.1; done
  cat "$WORK/said"; tram logs --service "$1"; return 1
}
check "Postgres answers over TLS to a client that checks the name" answers pg 'one|t' "PGPASSWORD=one psql -AtU postgres \
  'host=pg.railway.internal sslmode=verify-full sslrootcert=/var/lib/postgresql/data/certs/server.crt' \
  -c \"select 'one', ssl from pg_stat_ssl where pid = pg_backend_pid()\""
check "with another password it does not" answers pg 'password authentication failed' \
  "PGPASSWORD=two psql -h pg.railway.internal -U postgres -c 'select 1'"
check "MariaDB answers over TLS" answers maria TLS_ "MYSQL_PWD=one mariadb -h maria.railway.internal -uroot -e 'status; use shop'"
check "with another password it does not" answers maria 'Access denied' "MYSQL_PWD=two mariadb -h maria.railway.internal -uroot -e 'select 1'"
check "Redis answers" answers redis PONG "REDISCLI_AUTH='o\"n\\e' redis-cli -h redis.railway.internal ping"
check "without a password it does not" answers redis NOAUTH 'redis-cli -h redis.railway.internal ping'
hidden() { ! tram ssh --service redis -- sh -c 'cat /proc/1/cmdline; cat /etc/redis/* /data/*' 2>&1 | grep -F 'o"n'; }
check "Redis' password is neither an argument nor on the disk" hidden
refuses() {
  for _ in $(seq 300); do tram logs --service nothing > "$WORK/no" 2>&1; grep -q 'POSTGRES_PASSWORD is not set' "$WORK/no" && return; sleep 0.1; done
  cat "$WORK/no"; return 1
}
check "Postgres without a password says what to set" refuses
absent() { until_status other failed && tram logs --build --service other > "$WORK/no" 2>&1 && has 'Tramway can make Postgres 15 and 17' "$WORK/no"; }
check "a version that Debian has not: the error names those it has" absent
copied() {
  tram ssh --service pg -- psql -h /var/run/postgresql -U postgres -c 'create role clerk' -c 'create table kept as select 42 as n' &&
    new copy --image tramway/postgres:17 -v POSTGRES_PASSWORD=other -v POSTGRES_COPY_FROM=postgresql://postgres:one@pg.railway.internal:5432/postgres &&
    answers copy '42|1' "PGPASSWORD=other psql -AtU postgres -h copy.railway.internal -c \"select n, (select count(*) from pg_roles where rolname = 'clerk') from kept\""
}
check "another one takes over all that is in it, with its own password" copied
nearest() { # of tramway/pgvector, which is the same image but for its name: pgvector is in both
  answers pg '3 1' "psql -h /var/run/postgresql -U postgres -qAt -c \"create extension vector; create table items (id int, at vector(3));
    insert into items values (1, '[1,2,3]'), (2, '[4,5,6]'), (3, '[1,2,4]'); create index on items using hnsw (at vector_l2_ops)\" &&
    psql -h /var/run/postgresql -U postgres -qAt -c \"select string_agg(id::text, ' ') from (select id from items order by at <-> '[1,2,3.9]' limit 2) n\""
}
check "pgvector finds the nearest neighbours" nearest
if [ -n "${DATABASE_RECIPES:-}" ]; then # some minutes where they were not made before: PostGIS has large packages
  . "$REPO/tests/e2e/power.sh"
  recipes() { tram add -d postgres --name gis --image "tramway/postgis:${POSTGIS:-17}" --size 400MB && tram add -d postgres --name vec --image tramway/pgvector:17 && tram add -d redis --name valkey --image tramway/valkey:8; }
  check "PostGIS, pgvector and Valkey" recipes
  in_gis() { answers gis "$1" "psql -h /var/run/postgresql -U postgres -d railway -qAt -c \"$2\""; }
  distance() {
    in_gis '1' 'create extension postgis; select 1' &&
      in_gis 10876.7850041 "select ST_Distance('SRID=4326;POINT(-72.1235 42.3521)'::geography, 'SRID=4326;POINT(-72.1260 42.45)'::geography)"
  }
  for _ in $(seq 300); do tram service status --service gis 2>&1 | grep -qi success && break; sleep 1; done
  check "PostGIS tells a distance" distance
  vector_of() { answers vec '3.4641016' "psql -h /var/run/postgresql -U postgres -d railway -qAt -c \"create extension if not exists vector; select '[1,1,1]'::vector <-> '[3,3,3]'\""; }
  check "pgvector's own image has it too" vector_of
  kept() {
    answers valkey OK 'REDISCLI_AUTH=$REDIS_PASSWORD valkey-cli set key value' && sleep 1.5 && kill -KILL $(processes redis-server) &&
      answers valkey value 'REDISCLI_AUTH=$REDIS_PASSWORD valkey-cli get key' && tram database stats --database valkey | grep 'Version *8'
  }
  check "Valkey has what was written before a kill" kept
fi
for service in pg maria redis; do image_of "$service" > "$WORK/$service.image"; done

# ---- on a root of their own, without a service around them ---------------------------------------

root_of() { # root_of NAME SERVICE: the service's image with a layer of its own on top, in $root
  local image layers
  root=$WORK/$1/root
  image=$(cat "$WORK/$2.image") && [ -n "$image" ] || return 1
  mkdir -p "$root" "$WORK/$1/upper" "$WORK/$1/work" && images+=("$1")
  layers=$(node -e '
    const fs = require("fs"), store = process.argv[1];
    const read = (name) => JSON.parse(fs.readFileSync(`${store}/${name}`));
    const layers = new Map(read("overlay-layers/layers.json").map((layer) => [layer.id, layer]));
    const folders = [];
    for (let id = read("overlay-images/images.json").find((i) => i.id === process.argv[2]).layer; id; id = layers.get(id).parent)
      folders.push(`${store}/overlay/l/${fs.readFileSync(`${store}/overlay/${id}/link`)}`);
    console.log(folders.join(":"));' "$STORE" "$image") || return 1
  mount -t overlay overlay -o "lowerdir=$layers,upperdir=$WORK/$1/upper,workdir=$WORK/$1/work" "$root" || return 1
  mkdir -p "$root/sys/fs/cgroup" && echo $((512 << 20)) > "$root/sys/fs/cgroup/memory.max"
}
begin() { # begin VARIABLE=VALUE… COMMAND…: starts the image of $root, with $pid
  : > "$root/output"
  unshare --mount --pid --net --ipc --uts --fork --kill-child --root="$root" --mount-proc env -i PATH="$path" "$@" \
    >> "$root/output" 2>&1 8>&- 9>&- &
  pid=$!
}
path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/17/bin
kill_it() { # the first process of its namespace, and so all of them
  [ -n "$pid" ] || return 0
  pkill -9 -P "$pid"; wait "$pid" 2>/dev/null; pid=
}
until_true() { # until_true COMMAND…: as often as it takes, while the server runs
  for _ in $(seq 3000); do
    "$@" >/dev/null 2>&1 && return 0
    kill -0 "$pid" 2>/dev/null || { cat "$root/output"; return 1; }
    sleep 0.01
  done
  "$@"; tail -n 20 "$root/output"; return 1
}

pgdata() { echo "$root/var/lib/postgresql/data/pgdata${1:-}"; }
begin_pg() { begin PGDATA=/var/lib/postgresql/data/pgdata PG_MAJOR=17 LANG=en_US.utf8 "$@" docker-entrypoint.sh postgres; }
sql() { chroot "$root" psql -AtqX -U shop -d shop -c "$1"; }
says() { [ "$(sql "$1")" = "$2" ] || { sql "$1"; false; }; }
killed_while() { # killed_while FILE: while it is initialised, as soon as the file is there
  begin_pg POSTGRES_USER=shop POSTGRES_PASSWORD_FILE=/password && until_true test -e "$(pgdata "$1")"
  local ended=$?; kill_it; return $ended
}
interrupted() {
  root_of pg pg && echo secret > "$root/password" &&
    echo 'create table made (n int); insert into made values (1)' > "$root/docker-entrypoint-initdb.d/10.sql" &&
    echo 'psql -U "$POSTGRES_USER" -d "$POSTGRES_DB" -c "insert into made values (2)"' > "$root/docker-entrypoint-initdb.d/20.sh" || return 1
  for file in /.initialising/PG_VERSION /.initialising/postmaster.pid /.initialising/.complete; do
    killed_while "$file" || return 1
  done
  begin_pg POSTGRES_USER=shop POSTGRES_PASSWORD_FILE=/password && until_true sql 'select 1 from made' &&
    until_true test -e "$(pgdata /postmaster.pid)" && until_true says 'select count(*) from made' 2
}
check "Postgres, killed at three points of its first start, then starts whole: variables from files, scripts" interrupted
settings() {
  says "select string_agg(name || '=' || setting, ' ' order by name) from pg_settings
    where name in ('shared_buffers', 'max_connections', 'archive_timeout', 'ssl', 'work_mem', 'data_checksums')" \
    'archive_timeout=60 data_checksums=on max_connections=100 shared_buffers=16384 ssl=on work_mem=1966'
}
check "its settings are those for 512 MiB" settings
archives() {
  sql 'select pg_switch_wal()' && archive=$root/var/lib/postgresql/data/wal-archive &&
    until_true test -e "$archive/000000010000000000000001" && [ "$(stat -c %s "$archive/000000010000000000000001")" = 16777216 ]
}
check "a WAL segment is in the archive, whole" archives
serial() { openssl x509 -in "$certs/server.crt" -noout -serial; }
half_moved() { # as if it had ended while the folder was moved up
  certs=$root/var/lib/postgresql/data/certs old=$(serial)
  sql "alter system set work_mem = '9MB'" && kill_it
  mkdir "$(pgdata /.initialising)" && : > "$(pgdata /.initialising/.complete)" &&
    mv "$(pgdata /base)" "$(pgdata /pg_wal)" "$(pgdata /PG_VERSION)" "$(pgdata /.initialising/)" || return 1
  begin_pg && until_true says 'select count(*) from made' 2 && [ ! -e "$(pgdata /.initialising)" ]
}
check "killed while its folder was moved: it goes on from there" half_moved
overrides() { says 'show work_mem' 9MB && [ "$(serial)" = "$old" ]; }
check "ALTER SYSTEM wins over its settings, and its certificate is the same" overrides
renewed() {
  openssl req -new -x509 -key "$certs/server.key" -days 20 -subj /CN=x -out "$certs/server.crt" && kill_it && begin_pg &&
    until_true says 'select 1' 1 && openssl x509 -in "$certs/server.crt" -noout -checkend $((800 * 86400))
}
check "a certificate that ends within a month is renewed" renewed
refused() {
  kill_it
  echo 15 > "$(pgdata /PG_VERSION)" && begin_pg; wait "$pid"; has 'the volume holds data of Postgres 15' "$root/output" || return 1
  mv "$(pgdata)" "$root/away" && mkdir "$(pgdata)" && echo mine > "$(pgdata /notes)" && begin_pg POSTGRES_PASSWORD=x; wait "$pid"; pid=
  has "is not empty either ('notes')" "$root/output" && [ "$(ls -A "$(pgdata)")" = notes ]
}
check "data of another version, and a folder with something else, are refused and left alone" refused

maria() { MYSQL_PWD=${PASSWORD:-it\'s\\} chroot "$root" mariadb -N "$@"; }
begin_maria() { begin MARIADB_VERSION=11.8 "$@" docker-entrypoint.sh mysqld; }
maria_killed() {
  root_of maria maria && data=$root/var/lib/mysql || return 1
  local given=(MARIADB_ROOT_PASSWORD="it's\\" MYSQL_DATABASE=a_b MYSQL_USER=shop MYSQL_PASSWORD=pass)
  for file in .initialising/ibdata1 .initialising/.complete; do
    begin_maria "${given[@]}" && until_true test -e "$data/$file" || return 1
    kill_it
  done
  begin_maria "${given[@]}" && until_true maria -uroot -e 'select 1' && until_true test -S "$root/run/mysqld/mysqld.sock" &&
    until_true test ! -e "$data/.initialising" && PASSWORD=pass until_true maria -ushop a_b -e 'create table made (n int); insert into made values (1)'
}
check "MariaDB, killed at two points of its first start, then starts whole: the variables of both" maria_killed
maria_kept() {
  kill_it; begin_maria && until_true maria -uroot a_b -e 'select n from made' &&
    [ "$(maria -uroot -e 'select @@character_set_server, @@innodb_buffer_pool_size >> 20')" = "$(printf 'utf8mb4\t256')" ] &&
    [ "$(maria -uroot -e 'select count(*) from mysql.global_priv')" = 4 ]
}
check "killed again: what was written is there, with settings for 512 MiB, and nobody without a password" maria_kept
kill_it

redis() { chroot "$root" redis-cli -s /data/socket "$@"; }
begin_redis() { begin TRAMWAY_SERVER=redis docker-entrypoint.sh "$@" --unixsocket /data/socket; }
redis_dump() { # a dump, as a backup or another server leaves it, without append-only files
  root_of redis redis && begin_redis redis-server --appendonly no && until_true redis ping &&
    [ "$(redis set key value)" = OK ] && [ "$(redis save)" = OK ] && [ ! -e "$root/data/appendonlydir" ] && kill_it &&
    begin_redis redis-server && until_true redis ping && [ "$(redis get key)" = value ] &&
    [ "$(redis set more value)" = OK ] && kill_it && begin_redis redis-server &&
    until_true redis ping && [ "$(redis get key; redis get more)" = "$(printf 'value\nvalue')" ]
}
check "Redis takes over a dump, and keeps what is written then" redis_dump
redis_limits() {
  [ "$(redis config get maxmemory maxmemory-policy | sort | xargs)" = "375390208 maxmemory maxmemory-policy noeviction" ] || { redis config get maxmemory; false; }
}
check "within 512 MiB it throws nothing away" redis_limits
kill_it
gone() { stop_tramway && [ -z "$(left_behind)" ] || { left_behind; false; }; }
check "after the halt nothing of it is left" gone
