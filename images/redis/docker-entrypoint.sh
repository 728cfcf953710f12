#!/bin/bash
# Starts Redis or Valkey as the official images do, with their arguments passed on; with REDIS_PASSWORD as Railway's template
# has it, with its data written to the volume, and with room left in the memory it is given.  The command line wins.
#
# Nothing is thrown away to make room (maxmemory-policy noeviction: a write that does not fit gets an error); who wants a
# cache says so with REDIS_MAXMEMORY_POLICY=allkeys-lru or --maxmemory-policy.
set -eo pipefail
. /usr/local/lib/tramway/database.sh

user=$TRAMWAY_SERVER data=/data

settings() {
  local memory
  memory=$(memory_mb)
  cat <<CONF
bind * -::*
protected-mode no
dir $data
appendonly yes
appendfsync ${REDIS_APPENDFSYNC:-everysec}
save 3600 1 300 100 60 10000
maxmemory $((memory * 7 / 10))mb
maxmemory-policy ${REDIS_MAXMEMORY_POLICY:-noeviction}
tcp-keepalive 60
CONF
}

password() { # in quotes, as the configuration has it
  local text=${REDIS_PASSWORD//\\/\\\\}
  if [ -n "$text" ]; then printf 'requirepass "%s"\n' "${text//\"/\\\"}"; fi
}

# Users are kept in the volume, by the digests of their passwords: what ACL SAVE has written is there after a restart, and a
# second password that the server was given while it ran too.  A REDIS_PASSWORD that has changed since the last start takes
# the place of the former one.
keep_users() {
  local users=$data/users.acl known=$data/.password now before=
  now=$(printf %s "$REDIS_PASSWORD" | sha256sum | cut -d ' ' -f 1)
  if [ -s "$known" ]; then before=$(<"$known"); fi
  if [ ! -s "$users" ] || [ "$now" != "$before" ]; then
    touch "$users"
    awk -v now="#$now" -v before="#$before" '
      $1 == "user" && $2 == "default" {
        found = 1
        line = ""
        for (i = 1; i <= NF; i++) if ($i != before && $i != now && $i != "nopass") line = line $i " "
        $0 = line now
      }
      { print }
      END { if (!found) print "user default on sanitize-payload " now " ~* &* +@all" }' "$users" >"$users.new"
    sync "$users.new"
    mv -f "$users.new" "$users"
    echo "$now" >"$known.new"
    sync "$known.new"
    mv -f "$known.new" "$known"
    sync "$data"
  fi
  echo "aclfile $users"
}

# login ARGUMENT…: the part of the configuration that says who may in, unless the arguments do.
login() {
  case " $* " in *' --requirepass '* | *' --aclfile '* | *' --user '*) return ;; esac
  if [ -n "$REDIS_PASSWORD" ]; then keep_users; fi
}

# With appendonly the server reads nothing but its append-only files: a volume that has only a dump.rdb, from a backup or
# from a server without them, would come up empty.  The dump becomes the base of the first ones.
take_dump() { # take_dump ARGUMENT…
  local folder=$data/appendonlydir
  case " $* " in *' --appendonly no '*) return ;; esac
  if [ ! -s "$data/dump.rdb" ] || [ -e "$folder/appendonly.aof.manifest" ] || [ -e "$data/appendonly.aof" ]; then return; fi
  rm -rf "$folder"
  mkdir "$folder"
  cp "$data/dump.rdb" "$folder/appendonly.aof.1.base.rdb"
  echo 'file appendonly.aof.1.base.rdb seq 1 type b' >"$folder/manifest.new"
  sync "$folder/appendonly.aof.1.base.rdb" "$folder/manifest.new"
  mv "$folder/manifest.new" "$folder/appendonly.aof.manifest"
  sync "$folder" "$data"
  echo "took over dump.rdb"
}

main() {
  case $1 in -* | *.conf) set -- redis-server "$@" ;; esac
  case $1 in redis-server | valkey-server) ;; *) exec "$@" ;; esac
  if [ "$(id -u)" = 0 ]; then
    own "$data" "$user"
    run_as "$user" "$0" "$@"
  fi
  file_variable REDIS_PASSWORD "${VALKEY_PASSWORD:-}"
  case ${REDIS_PASSWORD:-} in *$'\n'*) fail "REDIS_PASSWORD has more than one line" ;; esac
  umask 0077
  # The configuration is read from standard input, a pipe of this shell's: a password is neither on the disk nor among the arguments.
  case ${2:-} in
    '' | -*)
      take_dump "$@"
      exec "$1" - "${@:2}" <<<"$(settings && login "$@")"
      ;;
    *) exec "$1" "${@:2}" - <<<"$(password)" ;; # a configuration file of the user's own
  esac
}

main "$@"
