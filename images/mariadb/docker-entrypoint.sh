#!/bin/bash
# Starts MariaDB as the official images of MariaDB and MySQL do, with the variables of both; with utf8mb4, TLS, and settings
# for the memory it is given.  Other files in /etc/mysql/conf.d and the command line win over those made here.
set -Eeo pipefail
. /usr/local/lib/tramway/database.sh

data=/var/lib/mysql
socket=/run/mysqld/mysqld.sock
settings=/etc/mysql/conf.d/00-tramway.cnf

# variable NAME [DEFAULT]: MARIADB_NAME, or MYSQL_NAME, or the files that they name.
variable() {
  file_variable "MYSQL_$1"
  file_variable "MARIADB_$1"
  local mariadb=MARIADB_$1 mysql=MYSQL_$1
  local value=${!mariadb:-${!mysql:-${2:-}}}
  export "$mariadb=$value"
}

only_asks() {
  local word
  for word; do
    case $word in -'?' | --help | -V | --version | --print-defaults) return 0 ;; esac
  done
  return 1
}

read_variables() {
  variable ROOT_PASSWORD
  variable ROOT_HOST %
  variable RANDOM_ROOT_PASSWORD
  variable ALLOW_EMPTY_ROOT_PASSWORD "${MYSQL_ALLOW_EMPTY_PASSWORD:-}"
  variable DATABASE
  variable USER
  variable PASSWORD
}

check_variables() {
  if [ -n "$MARIADB_RANDOM_ROOT_PASSWORD" ]; then
    MARIADB_ROOT_PASSWORD=$(openssl rand -hex 16)
    echo "GENERATED ROOT PASSWORD: $MARIADB_ROOT_PASSWORD"
  fi
  [ -n "$MARIADB_ROOT_PASSWORD$MARIADB_ALLOW_EMPTY_ROOT_PASSWORD" ] || fail "the database is new and no root password is set:" \
    "set MARIADB_ROOT_PASSWORD (or MYSQL_ROOT_PASSWORD, MARIADB_RANDOM_ROOT_PASSWORD=1, MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=1)"
  if [ "$MARIADB_USER" = root ]; then fail "MARIADB_USER is root, whose password is MARIADB_ROOT_PASSWORD: name another user"; fi
  if [ -n "$MARIADB_USER" ] && [ -z "$MARIADB_PASSWORD" ]; then fail "MARIADB_USER is set and MARIADB_PASSWORD is not"; fi
}

# What a later version or MySQL has written this one cannot open.
check_version() {
  local written
  if [ -e "$data/mysql.ibd" ]; then fail "the volume holds data of MySQL, which MariaDB cannot open: load a dump of it into a new database"; fi
  written=$(cat "$data/mariadb_upgrade_info" "$data/mysql_upgrade_info" 2>/dev/null | head -n 1 | grep -o '^[0-9]*\.[0-9]*' || true)
  [ -n "$written" ] || return 0
  [ "$(printf '%s\n' "$written" "$MARIADB_VERSION" | sort -V | tail -n 1)" = "$MARIADB_VERSION" ] ||
    fail "the volume holds data of MariaDB $written, which $MARIADB_VERSION cannot open: deploy version $written again"
}

# ---- the first start ----

quote() { # as a string in SQL
  local text=${1//\\/\\\\}
  printf "'%s'" "${text//\'/\\\'}"
}

name() { # as an identifier in SQL
  # shellcheck disable=SC2016
  printf '`%s`' "${1//\`/\`\`}"
}

docker_process_sql() { # what sourced scripts of the official image may call
  MYSQL_PWD=$MARIADB_ROOT_PASSWORD mariadb --protocol=socket --socket="$socket" -uroot --comments --default-character-set=utf8mb4 \
    ${MARIADB_DATABASE:+--database="$MARIADB_DATABASE"} "$@"
}

# Root of this container needs no password for the server of this container; over the network it does.
users() {
  local root host
  root=$(quote "$MARIADB_ROOT_PASSWORD") host=$(quote "$MARIADB_ROOT_HOST")
  # mariadb-install-db also makes root without a password at other addresses of its own
  echo "DELETE FROM mysql.global_priv WHERE user <> 'mariadb.sys' AND (user <> 'root' OR host <> 'localhost');"
  echo "DELETE FROM mysql.proxies_priv WHERE host <> 'localhost'; FLUSH PRIVILEGES;"
  echo "ALTER USER root@localhost IDENTIFIED VIA mysql_native_password USING PASSWORD($root) OR unix_socket;"
  if [ "$MARIADB_ROOT_HOST" != localhost ]; then
    echo "CREATE USER root@$host IDENTIFIED BY $root; GRANT ALL ON *.* TO root@$host WITH GRANT OPTION;"
  fi
  if [ -n "$MARIADB_DATABASE" ]; then echo "CREATE DATABASE IF NOT EXISTS $(name "$MARIADB_DATABASE");"; fi
  if [ -n "$MARIADB_USER" ]; then
    echo "CREATE USER $(quote "$MARIADB_USER")@'%' IDENTIFIED BY $(quote "$MARIADB_PASSWORD");"
    if [ -n "$MARIADB_DATABASE" ]; then
      # _ and % in the name of a database are wildcards of GRANT
      local pattern=${MARIADB_DATABASE//_/\\_}
      echo "GRANT ALL ON $(name "${pattern//%/\\%}").* TO $(quote "$MARIADB_USER")@'%';"
    fi
  fi
}

start_alone() { # start_alone FOLDER: reachable by nobody else
  mariadbd --datadir="$1" --skip-networking --socket="$socket" --skip-slave-start &
  server=$!
  local i
  for ((i = 0; i < 6000; i++)); do
    if MYSQL_PWD=$MARIADB_ROOT_PASSWORD mariadb-admin --socket="$socket" -uroot --silent ping >/dev/null 2>&1; then return; fi
    kill -0 "$server" 2>/dev/null || fail "the server ended while it was being initialised"
    sleep 0.1
  done
  fail "the server did not start within ten minutes"
}

initialise() {
  check_variables
  local stage=$data/.initialising password=$MARIADB_ROOT_PASSWORD database=$MARIADB_DATABASE
  mkdir -m 0700 "$stage"
  mariadb-install-db --datadir="$stage" --rpm --skip-test-db \
    --auth-root-authentication-method=normal --loose-innodb-buffer-pool-load-at-startup=0 >/dev/null
  MARIADB_ROOT_PASSWORD='' MARIADB_DATABASE=''
  start_alone "$stage"
  if [ -z "$MARIADB_INITDB_SKIP_TZINFO$MYSQL_INITDB_SKIP_TZINFO" ]; then
    mariadb-tzinfo-to-sql /usr/share/zoneinfo 2>/dev/null | docker_process_sql --database=mysql
  fi
  MARIADB_ROOT_PASSWORD=$password MARIADB_DATABASE=$database
  users | MARIADB_ROOT_PASSWORD='' MARIADB_DATABASE='' docker_process_sql --database=mysql
  run_scripts docker_process_sql
  MYSQL_PWD=$MARIADB_ROOT_PASSWORD mariadb-admin --socket="$socket" -uroot shutdown
  wait "$server"
  initialisation_complete "$data" mysql
  echo "the database is initialised"
}

upgrade_tables() { # as the official image, when asked to
  start_alone "$data"
  MYSQL_PWD=$MARIADB_ROOT_PASSWORD mariadb-upgrade --socket="$socket" -uroot
  MYSQL_PWD=$MARIADB_ROOT_PASSWORD mariadb-admin --socket="$socket" -uroot shutdown
  wait "$server"
}

# ---- settings ----

write_settings() {
  local memory disk
  memory=$(memory_mb)
  disk=$(df -m --output=size "$data" | tail -n 1)
  cat >"$settings" <<CONF
[mariadbd]
datadir = $data
socket = $socket
pid-file = /run/mysqld/mysqld.pid
skip-name-resolve
character-set-server = utf8mb4
collation-server = utf8mb4_unicode_ci
innodb_buffer_pool_size = $(at_least 32 $((memory / 2)))M
innodb_log_file_size = $(at_most 512 "$(at_least 16 "$(at_most $((disk / 20)) $((memory / 8)))")")M
max_connections = $(at_most 500 "$(at_least 30 $((memory / 6)))")
tmp_table_size = $(at_most 64 "$(at_least 4 $((memory / 64)))")M
max_heap_table_size = $(at_most 64 "$(at_least 4 $((memory / 64)))")M
[client]
socket = $socket
CONF
}

as_root() { # what only root can do, then all of this again as the server's user
  own "$data" mysql
  own /run/mysqld mysql
  run_as mysql "$0" "$@"
}

main() {
  if [ "${1:0:1}" = - ]; then set -- mariadbd "$@"; fi
  if [ "$1" = mysqld ]; then set -- mariadbd "${@:2}"; fi
  if [ "$1" != mariadbd ] || only_asks "$@"; then exec "$@"; fi
  if [ "$(id -u)" = 0 ]; then as_root "$@"; fi
  unset MYSQL_HOST MYSQL_TCP_PORT MYSQL_UNIX_PORT # clients would go elsewhere
  read_variables
  chmod 0700 "$data"
  write_settings
  if initialised "$data" mysql; then check_version; else initialise; fi
  if [ -n "$MARIADB_AUTO_UPGRADE" ]; then upgrade_tables; fi
  certificate "$data/server-key.pem" "$data/server-cert.pem" "${SSL_CERT_DAYS:-820}"
  shift
  exec mariadbd --ssl-key="$data/server-key.pem" --ssl-cert="$data/server-cert.pem" "$@"
}

main "$@"
