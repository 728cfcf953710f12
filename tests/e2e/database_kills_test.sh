#!/bin/bash
# Databases are written to without a pause, over the private network and through their TCP proxies, while their processes, tramd,
# HAProxy and all at once are killed, and the power fails: no acknowledged write is lost, none is there twice or half, what was
# not killed keeps its connections, and each port leads to its own database and lets in who may come in, from the first moment.
# DB_KILLS=30 for more rounds than the three of CI.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/power.sh"
check "a fresh installation starts and has its first account" start_tramway
disown -a # tramd will be killed, which is not worth a line of the shell's
KINDS=(everything edge power instance tramd) DATABASES=(Postgres MariaDB Redis) writers=
before_removal() { [ -z "$writers" ] || kill "$writers"; }

live() { # live SERVICE
  for _ in $(seq 900); do tram service status --service "$1" 2>&1 | tee "$WORK/status" | grep -qi success && return; sleep 0.1; done
  cat "$WORK/status"; tram logs --service "$1"; return 1
}
databases() {
  mkdir "$WORK/shop" && cd "$WORK/shop" && tram init --name shop && tram add -d postgres && tram add -d mariadb && tram add -d redis &&
    tram variable set REDIS_APPENDFSYNC=always --service Redis && live Postgres && live MariaDB && live Redis
}
check "three databases with volumes are live" databases
[ "$failures" -eq 0 ] || exit 1
becomes_public() {
  local port
  for database in Postgres:5432 MariaDB:3306 Redis:6379; do
    port=$(tram tcp-proxy create --service "${database%:*}" --port "${database#*:}" --allow 127.0.0.1) || return 1
    echo "${port##*:}" > "$WORK/port.${database%:*}"
  done
}
check "each has a public port, for one address" becomes_public
value() { tram variable list --service "$1" --kv | sed -n "s/^$2=//p"; }
listed() {
  printf '{"name": "%s", "kind": "%s", "host": "%s.railway.internal", "port": %s, "publicPort": %s, "password": "%s"}' \
    "$1" "${1,,}" "${1,,}" "$2" "$(cat "$WORK/port.$1")" "$(value "$1" "$3")"
}
begin_writing() {
  local server; server=$(tram ssh --service Redis -- sed -n 's/^nameserver //p' /etc/resolv.conf | grep -F . | head -n 1 | tr -d '\r')
  node "$REPO/tests/soak/databases/writers.js" "$WORK/writers" "$server" \
    "[$(listed Postgres 5432 POSTGRES_PASSWORD), $(listed MariaDB 3306 MYSQL_ROOT_PASSWORD), $(listed Redis 6379 REDIS_PASSWORD)]" >"$WORK/writers.log" 2>&1 8>&- 9>&- &
  writers=$!
  disown "$writers"
  for _ in $(seq 100); do [ -S "$WORK/writers" ] && break; sleep 0.1; done
  written
}
written() { # written [WAY…]: what is there, once each database takes writes again on each way; connections on these have lasted
  local query=; for way; do query+="&untouched=${way/ /+}"; done
  curl -sS --max-time 200 --unix-socket "$WORK/writers" "http://writers/check?${query:1}" > "$WORK/figures" && [ -s "$WORK/figures" ] &&
    ! grep FAILED "$WORK/figures" || { cat "$WORK/figures" "$WORK/writers.log"; return 1; }
}
check "each is written to" begin_writing
haproxys() { # haproxys 0|1|2: all of its processes, its master, its workers
  local master; master=$(cat "$RUN/edge/haproxy.pid")
  case $1 in
    0) pgrep -f "haproxy .*[/]${RUN#/}/edge/haproxy.cfg" ;;
    1) echo "$master" ;;
    2) pgrep -P "$master" ;;
  esac
}
lasting() { # lasting KIND ROUND: the ways on which that breaks no connection
  for i in 0 1 2; do
    case $1 in
      tramd) echo "${DATABASES[i]} private"; echo "${DATABASES[i]} edge" ;;
      edge) echo "${DATABASES[i]} private" ;;
      instance) [ "$i" -eq $(($2 / 5 % 3)) ] || { echo "${DATABASES[i]} private"; echo "${DATABASES[i]} edge"; } ;;
    esac
  done
}
strike() { # strike KIND ROUND
  case $1 in
    instance) local all=(postgres mariadbd redis-server); kill -KILL $(processes "${all[$2 / 5 % 3]}") ;;
    tramd) kill -KILL "$(tramd_pid)"; start_tramd ;;
    edge) kill -KILL $(haproxys "$(($2 / 5 % 3))") ;;
    everything) kill_all; start_tramd ;;
    power) lose_power; start_tramd ;;
  esac
}
round() { # round KIND NUMBER
  local ways; mapfile -t ways < <(lasting "$@")
  sleep "0.$((RANDOM % 900 + 100))"
  strike "$@" && written "${ways[@]}"
}
for ((n = 0; n < ${DB_KILLS:-3}; n++)); do
  kind=${KINDS[n % 5]}
  check "round $((n + 1)), $kind: nothing that was acknowledged is lost" round "$kind" "$n"
  sed 's/^/# /' "$WORK/figures"
done
kill "$writers"; writers=
gone() { stop_tramway; for _ in $(seq 100); do [ -z "$(left_behind)" ] && return; sleep 0.1; done; left_behind; return 1; }
check "after the halt nothing of it is left" gone
