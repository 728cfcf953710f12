#!/bin/bash
# Starts Postgres as the official image does, with its variables; and with TLS, with settings for the memory it is given,
# and with an archive of its WAL.  Settings of ALTER SYSTEM and of the command line win over those made here.
# shellcheck disable=SC2016,SC2030,SC2031,SC2097,SC2098
set -Eeo pipefail
. /usr/local/lib/tramway/database.sh

# Where the volume is: certificate and archive lie in it, beside the data.
case $PGDATA in
  /var/lib/postgresql/data | /var/lib/postgresql/data/*) volume=/var/lib/postgresql/data ;;
  *) volume=$PGDATA ;;
esac
settings=/var/run/postgresql/tramway.conf

only_asks() { # of what postgres prints and ends
  local word
  for word; do
    case $word in -'?' | --help | --describe-config | -V | --version | -C) return 0 ;; esac
  done
  return 1
}

read_variables() {
  file_variable POSTGRES_PASSWORD
  file_variable POSTGRES_USER postgres
  file_variable POSTGRES_DB "$POSTGRES_USER"
  file_variable POSTGRES_INITDB_ARGS
  file_variable POSTGRES_COPY_FROM
}

check_variables() {
  local method=${POSTGRES_HOST_AUTH_METHOD:-}
  if [ -z "$POSTGRES_PASSWORD" ] && [ "$method" != trust ]; then
    fail "the database is new and POSTGRES_PASSWORD is not set: set it to a password for '$POSTGRES_USER'" \
      "(POSTGRES_HOST_AUTH_METHOD=trust lets everybody in without one)"
  fi
  if [ "$method" = trust ]; then echo "warning: POSTGRES_HOST_AUTH_METHOD=trust: whoever reaches this database is let in" >&2; fi
  [ -z "${POSTGRES_INITDB_WALDIR:-}" ] || fail "POSTGRES_INITDB_WALDIR is not possible here: the WAL stays beside the data"
}

check_version() {
  local version
  version=$(cat "$PGDATA/PG_VERSION")
  [ "$version" = "$PG_MAJOR" ] || fail "the volume holds data of Postgres $version, and this is Postgres $PG_MAJOR, which cannot open" \
    "it: deploy version $version again, and copy it to a newer one (docs/database-upkeep.md)"
  [ -e "$PGDATA/global/pg_control" ] || fail "'$PGDATA' was never initialised to the end: empty the volume to begin anew"
}

# ---- the first start ----

docker_process_sql() { # what sourced scripts of the official image may call
  psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --no-password --no-psqlrc ${POSTGRES_DB:+--dbname "$POSTGRES_DB"} "$@"
}

make_cluster() {
  local password=() method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
  if [ -n "$POSTGRES_PASSWORD" ]; then password=('--pwfile=<(printf "%s\n" "$POSTGRES_PASSWORD")'); fi
  eval 'initdb --no-sync --username="$POSTGRES_USER" --data-checksums --auth-local=trust --auth-host=scram-sha-256' "${password[*]}" \
    "$POSTGRES_INITDB_ARGS"
  printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"
}

# Everything of another server, of this major version or an older one: how a database goes to a newer version, and how that is
# rehearsed.  The other one is only read.  What could not be taken over is listed, and ends the start: the next begins again.
copy_cluster() {
  local began=$SECONDS from=$POSTGRES_COPY_FROM secret='' ended=(0 0)
  case $from in
    *://*:*@*) secret=${from#*://*:} secret=${secret%%@*} from=${from/":$secret@"/@} ;; # not among the arguments
  esac
  echo "copying from another server"
  docker_process_sql --dbname postgres <<<"ALTER ROLE $(sql_name "$POSTGRES_USER") PASSWORD NULL" # a dump says nothing of who has none
  PGPASSWORD=$secret pg_dumpall --dbname="$from" --quote-all-identifiers |
    psql --username "$POSTGRES_USER" --no-password --no-psqlrc --quiet --dbname postgres >/dev/null 2>"$PGDATA/copy.errors" ||
    ended=("${PIPESTATUS[@]}")
  if grep 'ERROR:' "$PGDATA/copy.errors" | grep -v "role \"$POSTGRES_USER\" already exists" | sed 's/^psql:[^ ]* *//' | sort | uniq -c >&2; then
    fail "not everything could be copied (after $((SECONDS - began)) s); the other server is as it was"
  fi
  [ "${ended[1]}" = 0 ] || fail "this server ended while it was filled, as when its volume is full: $(tail -n 1 "$PGDATA/copy.errors")"
  [ "${ended[0]}" = 0 ] || fail "the other server could not be read to its end"
  rm "$PGDATA/copy.errors"
  set_password
  vacuumdb --username "$POSTGRES_USER" --no-password --all --analyze-only --quiet
  echo "copied in $((SECONDS - began)) s: $(psql -U "$POSTGRES_USER" -XAtd postgres -c "select string_agg(datname || ' ' ||
    pg_size_pretty(pg_database_size(oid)), ', ' order by datname) from pg_database where not datistemplate")"
}

# POSTGRES_PASSWORD is that of whom PGUSER names, if the other server has that user: after a rotation the second of two.
set_password() {
  local user=$POSTGRES_USER
  if [ -n "$login" ] && [ "$(docker_process_sql --dbname postgres -At <<<"SELECT 1 FROM pg_roles WHERE rolname = $(sql_text "$login")")" = 1 ]; then
    user=$login
  fi
  docker_process_sql --dbname postgres <<<"ALTER ROLE $(sql_name "$user") PASSWORD $(sql_text "$POSTGRES_PASSWORD")"
}

sql_name() {
  printf '"%s"' "${1//\"/\"\"}"
}

sql_text() {
  printf "'%s'" "${1//"'"/"''"}"
}

# With the settings for this memory and this disk.  Nothing waits for the disk: what is not complete is thrown away, and is complete
# only after all of it was synced.
fill_cluster() {
  write_settings
  pg_ctl -o "-c config_file=$settings -c listen_addresses='' -c ssl=off -c archive_mode=off -c wal_level=minimal -c max_wal_senders=0 \
    -c fsync=off -p 5432" -w -t 600 start
  if [ -n "$POSTGRES_COPY_FROM" ]; then
    POSTGRES_DB='' copy_cluster
  elif [ "$POSTGRES_DB" != postgres ]; then
    POSTGRES_DB='' docker_process_sql --dbname postgres -v db="$POSTGRES_DB" <<<'CREATE DATABASE :"db"'
  fi
  POSTGRES_DB='' docker_process_sql --dbname postgres <<<'CREATE EXTENSION IF NOT EXISTS pg_stat_statements'
  run_scripts docker_process_sql
  pg_ctl -m fast -w -t 600 stop
}

initialise() {
  local login=${PGUSER:-}
  check_variables
  mkdir -m 0700 "$PGDATA/.initialising"
  (
    # The service's own variables for its users would lead psql elsewhere.
    unset PGHOST PGHOSTADDR PGPORT PGUSER PGPASSWORD PGDATABASE PGSSLMODE PGOPTIONS PGSERVICE
    export PGDATA=$PGDATA/.initialising
    make_cluster
    fill_cluster
  )
  initialisation_complete "$PGDATA" PG_VERSION
  echo "the database is initialised"
}

# ---- settings ----

# What the cluster has had is a floor: WAL that was made with more connections cannot be replayed with fewer.
connections() {
  local memory=$1 had
  had=$(pg_controldata | sed -n 's/^max_connections setting: *//p')
  at_least "${had:-0}" "$(at_least "$(at_most 100 "$(at_least 25 $((memory / 4)))")" "$(at_most 500 $((memory / 40)))")"
}

write_settings() {
  local memory buffers connections disk
  memory=$(memory_mb)
  buffers=$(at_most 16384 "$(at_least 16 $((memory / 4)))")
  connections=$(connections "$memory")
  disk=$(df -m --output=size "$PGDATA" | tail -n 1)
  (umask 077 && cat >"$settings") <<CONF
include_if_exists = '$PGDATA/postgresql.conf'
listen_addresses = '*'
unix_socket_directories = '/var/run/postgresql'
ssl = on
ssl_cert_file = '$volume/certs/server.crt'
ssl_key_file = '$volume/certs/server.key'
password_encryption = scram-sha-256
max_connections = $connections
shared_buffers = ${buffers}MB
effective_cache_size = $((memory * 3 / 4))MB
work_mem = $(at_most 131072 "$(at_least 1024 $(((memory - buffers) * 512 / connections)))")kB
maintenance_work_mem = $(at_most 1024 "$(at_least 16 $((memory / 16)))")MB
# SysV: /dev/shm is small in a container, and parallel queries would fail there
dynamic_shared_memory_type = sysv
min_wal_size = 80MB
max_wal_size = $(at_most 2048 "$(at_least 96 $((disk / 8)))")MB
wal_compression = on
recovery_init_sync_method = syncfs
archive_mode = on
archive_timeout = 60
archive_command = '/usr/local/bin/wal-archive "%p" "%f" "$volume/wal-archive"'
random_page_cost = 1.1
jit = off
shared_preload_libraries = 'pg_stat_statements'
tcp_keepalives_idle = 60
tcp_keepalives_interval = 10
tcp_keepalives_count = 6
CONF
}

as_root() { # what only root can do, then all of this again as the server's user
  own "$volume" postgres
  own "$PGDATA" postgres
  own /var/run/postgresql postgres
  run_as postgres "$0" "$@"
}

main() {
  if [ "${1:0:1}" = - ]; then set -- postgres "$@"; fi
  if [ "$1" != postgres ] || only_asks "$@"; then exec "$@"; fi
  if [ "$(id -u)" = 0 ]; then as_root "$@"; fi
  read_variables
  mkdir -p "$PGDATA"
  chmod 0700 "$PGDATA"
  if initialised "$PGDATA" PG_VERSION; then check_version; else initialise; fi
  mkdir -p "$volume/certs" "$volume/wal-archive"
  chmod 0700 "$volume/certs" "$volume/wal-archive"
  certificate "$volume/certs/server.key" "$volume/certs/server.crt" "${SSL_CERT_DAYS:-820}"
  write_settings
  shift
  exec postgres -D "$PGDATA" -c config_file="$settings" "$@"
}

main "$@"
