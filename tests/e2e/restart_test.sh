#!/bin/bash
# The control plane may die at any moment: what runs serves on, its logs are complete, and the next
# start adopts it.
. "$(dirname "$0")/lib.sh"
nothing=$(left_behind)
check "a fresh installation starts and has its first account" start_tramway
app talker
first() { tram init --name talker && tram up --ci && url > "$WORK/url" && get "$(cat "$WORK/url")"; }
check "an app that talks is live" first
serves() { get "$(cat "$WORK/url")" >/dev/null; }
killed() { kill -KILL "$(tramd_pid)" && sleep 0.3 && ! curl -fsS --max-time 1 "$TRAM_SERVER/healthz" && serves; }
check "tramd is killed, the app serves on" killed
before=$(get "$(cat "$WORK/url")")
talks_on() { sleep 1; [ "$(get "$(cat "$WORK/url")")" -gt "$((before + 20))" ]; }
check "and goes on working" talks_on
check "tramd starts again" start_tramd
adopted() { tram status && tram deployments --json | grep -c SUCCESS | grep -qx 1 && serves; }
check "the next start adopts it" adopted
complete() {
  local last; last=$(get "$(cat "$WORK/url")")
  tram logs --lines 5000 > "$WORK/log" 2>&1
  # Every number from the first kept line to the last is there exactly once.
  grep -o 'line [0-9]*' "$WORK/log" | cut -d' ' -f2 > "$WORK/numbers"
  awk -v last="$last" 'NR > 1 && $1 != previous + 1 { print "gap between", previous, "and", $1; bad = 1 } { previous = $1 }
    END { if (previous < last) { print "ends at", previous, "before", last; bad = 1 } exit bad }' "$WORK/numbers"
}
check "its log has every line once, also from while tramd was away" complete
restarts() { tram restart --yes && sleep 1 && serves; }
check "it can be restarted" restarts
again() { tram up --ci && serves; }
check "and deployed anew" again
rolls_back() { tram rollback --yes && serves; }
check "and rolled back" rolls_back
halted() { stop_tramway && [ "$(left_behind)" = "$nothing" ] || { left_behind; false; }; }
check "after the halt nothing of it is left" halted
back() { start_tramd && for _ in $(seq 50); do serves 2>/dev/null && return 0; sleep 0.2; done; return 1; }
check "the next start brings it back" back
