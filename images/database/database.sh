# What the entrypoints of the database images share.
# shellcheck shell=bash

fail() {
  echo "error: $*" >&2
  exit 1
}

# file_variable NAME [DEFAULT]: NAME may be in the file that NAME_FILE names, as in the official images.
file_variable() {
  local name=$1 file=$1_FILE value
  if [ -n "${!name:-}" ] && [ -n "${!file:-}" ]; then fail "both $name and $file are set; set one of them"; fi
  value=${!name:-${2:-}}
  if [ -n "${!file:-}" ]; then
    [ -r "${!file}" ] || fail "the file '${!file}' ($file) cannot be read"
    value=$(<"${!file}")
  fi
  export "$name=$value"
  unset "$file"
}

# The memory that the server may use, in MiB.  Without a limit of its own a quarter of the machine's: it is not alone there.
memory_mb() {
  local total limit file
  total=$(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' /proc/meminfo)
  for file in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
    limit=$(cat "$file" 2>/dev/null) || continue
    case $limit in '' | *[!0-9]*) continue ;; esac
    if [ "${#limit}" -lt 16 ] && [ $((limit / 1024)) -lt "$total" ]; then
      echo $((limit / 1048576))
      return
    fi
  done
  echo $((total / 4096))
}

# at_least FLOOR VALUE, at_most CEILING VALUE
at_least() { echo $(($2 < $1 ? $1 : $2)); }
at_most() { echo $(($2 > $1 ? $1 : $2)); }

own() { # own FOLDER USER: makes it and gives it to the user, with all that is in it and is another's
  mkdir -p "$1"
  find "$1" ! -user "$2" -exec chown -h "$2:$2" {} +
}

run_as() { # run_as USER COMMAND…: in place of this process
  local user=$1
  shift
  exec setpriv --reuid="$user" --regid="$user" --init-groups -- "$@"
}

# certificate KEY CERTIFICATE DAYS: a self-signed one for the names under which the service is reached.  The key stays; the
# certificate is made again a month before it ends, or when the service has another name.
certificate() {
  local key=$1 certificate=$2 days=$3 names name list=
  case $days in '' | *[!0-9]*) fail "SSL_CERT_DAYS is '$days', not a number of days" ;; esac
  names=$(printf '%s\n' "${RAILWAY_PRIVATE_DOMAIN:-}" "${RAILWAY_PRIVATE_DOMAIN%%.*}" localhost "${RAILWAY_TCP_PROXY_DOMAIN:-}" | awk 'NF && !seen[$0]++')
  if [ ! -s "$key" ]; then
    (umask 077 && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out "$key.new" 2>/dev/null)
    sync "$key.new"
    mv -f "$key.new" "$key"
  fi
  if certificate_is_good "$key" "$certificate"; then return; fi
  for name in $names; do list=$list,DNS:$name; done
  openssl req -new -x509 -key "$key" -days "$days" -subj "/CN=$(head -n 1 <<<"$names" | cut -c1-64)" \
    -addext "subjectAltName=${list#,}" -out "$certificate.new"
  sync "$certificate.new"
  mv -f "$certificate.new" "$certificate"
  sync "$(dirname "$certificate")"
}

certificate_is_good() { # certificate_is_good KEY CERTIFICATE
  local month=$((30 * 86400))
  [ -s "$2" ] && openssl x509 -in "$2" -noout -checkend "$month" >/dev/null 2>&1 || return 1
  [ "$(openssl x509 -in "$2" -noout -pubkey)" = "$(openssl pkey -in "$1" -pubout)" ] || return 1
  [ -z "${RAILWAY_PRIVATE_DOMAIN:-}" ] || ! openssl x509 -in "$2" -noout -checkhost "$RAILWAY_PRIVATE_DOMAIN" | grep -q 'does NOT'
}

# ---- an initialised folder is there whole or not at all ----
#
# It is made in FOLDER/.initialising, and is complete when .complete is in it.  Then all of it is moved up, LAST at the end:
# a folder with LAST is a whole one.  A start that finds anything else goes on from there, or begins again.

initialised() { # initialised FOLDER LAST
  local stage=$1/.initialising entry
  if [ -e "$stage/.complete" ] && [ ! -e "$1/$2" ]; then move_up "$1" "$2"; fi
  rm -rf "$stage"
  if [ -e "$1/$2" ]; then return 0; fi
  for entry in "$1"/* "$1"/.[!.]*; do
    case ${entry##*/} in '*' | '.[!.]*' | lost+found) continue ;; esac
    fail "'$1' holds no complete data of this server, but is not empty either ('${entry##*/}'): nothing in it was touched." \
      "Restore a backup, or empty the volume to begin anew"
  done
  return 1
}

initialisation_complete() { # initialisation_complete FOLDER LAST
  sync -f "$1"
  : >"$1/.initialising/.complete"
  sync -f "$1"
  move_up "$1" "$2"
}

move_up() { # move_up FOLDER LAST
  local stage=$1/.initialising entry
  for entry in "$stage"/* "$stage"/.[!.]*; do
    case ${entry##*/} in '*' | '.[!.]*' | .complete | "$2") continue ;; esac
    mv -f "$entry" "$1/" || fail "moving '$entry' to '$1'"
  done
  sync -f "$1" || fail "syncing '$1'"
  mv -f "$stage/$2" "$1/" || fail "moving '$stage/$2' to '$1'"
  sync -f "$1" || fail "syncing '$1'"
  rm -rf "$stage"
}

# run_scripts SQL_COMMAND…: what lies in /docker-entrypoint-initdb.d, in the order of the names.
run_scripts() {
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh)
        echo "running $file"
        # shellcheck disable=SC1090
        if [ -x "$file" ]; then "$file"; else . "$file"; fi
        ;;
      *.sql) echo "running $file"; "$@" <"$file" ;;
      *.sql.gz) echo "running $file"; gzip -dc "$file" | "$@" ;;
      *.sql.xz) echo "running $file"; xz -dc "$file" | "$@" ;;
      *.sql.zst) echo "running $file"; zstd -dc "$file" | "$@" ;;
      '/docker-entrypoint-initdb.d/*') ;;
      *) echo "ignoring $file" ;;
    esac
  done
}
