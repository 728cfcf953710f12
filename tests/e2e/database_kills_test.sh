#!/bin/bash
# Databases are written to without a pause while their processes, tramd, HAProxy and all at once are killed, and the power fails:
# no acknowledged write is lost.  DB_KILLS=30 for more rounds than the two of CI.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/power.sh"
check "a fresh installation starts and has its first account" start_tramway
disown -a # tramd will be killed, which is not worth a line of the shell's
KINDS=(everything power instance tramd edge) writers=
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
value() { tram variable list --service "$1" --kv | sed -n "s/^$2=//p"; }
listed() { printf '{"name": "%s", "kind": "%s", "host": "%s.railway.internal", "port": %s, "password": "%s"}' "$1" "${1,,}" "${1,,}" "$2" "$(value "$1" "$3")"; }
begin_writing() {
  local server; server=$(tram ssh --service Redis -- sed -n 's/^nameserver //p' /etc/resolv.conf | grep -F . | head -n 1 | tr -d '\r')
  node "$REPO/tests/soak/databases/writers.js" "$WORK/writers" "$server" \
    "[$(listed Postgres 5432 POSTGRES_PASSWORD), $(listed MariaDB 3306 MYSQL_ROOT_PASSWORD), $(listed Redis 6379 REDIS_PASSWORD)]" >"$WORK/writers.log" 2>&1 8>&- 9>&- &
  writers=$!
  disown "$writers"
  for _ in $(seq 100); do [ -S "$WORK/writers" ] && break; sleep 0.1; done
  written
}
written() { # what is there, once each database takes writes again
  curl -fsS --max-time 200 --unix-socket "$WORK/writers" http://writers/check > "$WORK/figures" ||
    { curl -sS --max-time 200 --unix-socket "$WORK/writers" http://writers/check; cat "$WORK/writers.log"; return 1; }
}
check "each is written to" begin_writing
strike() { # strike KIND ROUND
  case $1 in
    instance) local all=(postgres mariadbd redis-server); kill -KILL $(processes "${all[$2 / 5 % 3]}") ;;
    tramd) kill -KILL "$(tramd_pid)"; start_tramd ;;
    edge) kill -KILL $(pgrep -f "haproxy .*[/]${RUN#/}/edge/haproxy.cfg") ;;
    everything) kill_all; start_tramd ;;
    power) lose_power; start_tramd ;;
  esac
}
round() { # round KIND NUMBER
  sleep "0.$((RANDOM % 900 + 100))"
  strike "$1" "$2" && written
}
for ((n = 0; n < ${DB_KILLS:-2}; n++)); do
  kind=${KINDS[n % 5]}
  check "round $((n + 1)), $kind: nothing that was acknowledged is lost" round "$kind" "$n"
  sed 's/^/# /' "$WORK/figures"
done
kill "$writers"; writers=
gone() { stop_tramway; for _ in $(seq 100); do [ -z "$(left_behind)" ] && return; sleep 0.1; done; left_behind; return 1; }
check "after the halt nothing of it is left" gone
