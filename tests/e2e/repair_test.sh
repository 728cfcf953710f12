#!/bin/bash
# Damage from outside under a running app: it answers again within seconds, and `tram events` says what
# was found and done.
. "$(dirname "$0")/lib.sh"
check "a fresh installation starts and has its first account" start_tramway
app talker
first() { tram init --name talker && tram up --ci && url > "$WORK/url" && get "$(cat "$WORK/url")"; }
check "an app is live" first
URL=$(cat "$WORK/url") HOST=$(sed 's|.*//||; s|[:/].*||' "$WORK/url")
answers() { get --max-time 1 "$URL" >/dev/null 2>&1; }
app_pid() { cat "$RUN"/bundles/*/pid; }

# mends TEXT COMMAND…: does the damage, waits until the event with that text is there and the app answers.
mends() {
  local text=$1 start=$EPOCHREALTIME; shift
  "$@" || return 1
  for _ in $(seq 150); do
    if tram events > "$WORK/events" 2>&1 && grep -F -- "$text" "$WORK/events" && answers; then
      awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "# answers again and told after %.1f s\n", b - a }' >&3
      return 0
    fi
    sleep 0.1
  done
  cat "$WORK/events"; return 1
}
exec 3>&1

pid=$(app_pid)
check "the app's process is killed" mends "was ended by SIGKILL" kill -KILL "$pid"
pid=$(app_pid)
check "its bridge is deleted" mends "the bridge '$NAME-e0' was gone" ip link delete "$NAME-e0"
check "the firewall is flushed" mends "the table was set again" nft flush table inet "$NAME"
forget() {
  python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(sys.argv[2].encode() + b"\n"); s.recv(100)' \
    "$RUN/edge/haproxy.sock" "del map $RUN/edge/hosts.map $HOST"
}
check "its host is deleted from HAProxy" mends "the host $HOST was gone" forget
check "HAProxy is killed" mends "had ended; it was started again" kill -KILL "$(cat "$RUN/edge/haproxy.pid")"
link() { ip -br link show master "$NAME-e0" | grep -o "^tv[0-9a-f]*"; }
check "its link is deleted" mends "was gone; connected anew" ip link delete "$(link)"
unhurt() { [ "$(app_pid)" = "$pid" ]; }
check "none of that but the first cost the app its process" unhurt
check "its log says so, too" eval 'tram logs --lines 200 > "$WORK/log" 2>&1; grep -F "connected anew" "$WORK/log"'
as_json() { tram events --limit 1 --json | grep -q '"action": "repaired"' && tram events -e production -p talker | grep -q NOTICE; }
check "events as JSON, and of a named project" as_json
