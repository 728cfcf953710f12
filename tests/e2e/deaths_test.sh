#!/bin/bash
# What tramd looks after may be killed, also while tramd itself is away.
. "$(dirname "$0")/lib.sh"
check "a fresh installation starts and has its first account" start_tramway
app chain
live() { tram init --name chain && tram up --ci && url > "$WORK/url" && get "$(cat "$WORK/url")"; }
check "an app is live" live
serves() { get "$(cat "$WORK/url")" >/dev/null; }
wait_for() { for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done; "$@"; }

# HAProxy's processes, by the files that only they have.
edge_pids() { pgrep -f "haproxy .*[/]${RUN#/}/edge/haproxy.cfg"; }
# Every status that visitors get until it serves, and how long that took after tramd's start.
visit() {
  local host; host=$(cat "$WORK/url")
  while [ -e "$WORK/visiting" ]; do
    curl -s -o /dev/null --max-time 2 -w "$(date +%s.%N) %{http_code}\n" --resolve "*:$HTTP_PORT:127.0.0.1" "$host"
    sleep 0.02
  done > "$WORK/visits"
}
edge_dies() {
  kill -KILL "$(tramd_pid)"
  kill -KILL $(edge_pids)
  wait_for eval '! serves' && touch "$WORK/visiting" || return 1
  local visitor; visit & visitor=$!
  sleep 0.2; date +%s.%N > "$WORK/began"
  start_tramd; wait_for serves; sleep 0.2
  rm "$WORK/visiting"; wait "$visitor"
  awk -v began="$(cat "$WORK/began")" '$2 == "200" { if (!good) printf "200 after %.2f s\n", $1 - began; good = 1; next }
    $2 != "000" { print; bad = 1 } $2 == "000" && good { print "refused again"; bad = 1 } END { exit bad || !good }' "$WORK/visits" | tee "$WORK/took"
  return "${PIPESTATUS[0]}"
}
check "HAProxy and tramd are killed: the next start has the edge back, and nobody is sent away" edge_dies
sed 's/^/# /' "$WORK/took"

names_pid() { cat "$RUN/netavark/aardvark-dns/aardvark.pid"; }
resolves() { tram ssh -- python3 -c "import socket; print(socket.getaddrinfo('chain.railway.internal', 80))"; }
names_die() { resolves && kill -KILL "$(names_pid)" && ! resolves; wait_for resolves; }
check "the name server is killed: it is back" names_die
check "the app was not touched" serves
ends() { stop_tramway; for _ in $(seq 100); do [ -z "$(left_behind)" ] && return 0; sleep 0.1; done; left_behind; return 1; }
check "after the halt nothing of it is left" ends
