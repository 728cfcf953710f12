#!/bin/bash
# The disk that holds everything is full: what is live serves on, errors say why, nothing is torn,
# and when there is space again everything goes on.
. "$(dirname "$0")/lib.sh"
# A full disk is tidied: of a copy (of links) of the images that the tests keep.
keep_image_store() {
  mkdir -p "$TRAMWAY_TEST_CACHE/containers"
  cp -al "$TRAMWAY_TEST_CACHE/containers" "$WORK/containers" && ln -sfn "$WORK/containers" "$WORK/data/containers"
}
before_removal() { umount -l "$WORK/data"; }
mount -t tmpfs -o size=48m,mode=0755 tmpfs "$WORK/data" || exit 1

fill() { dd if=/dev/zero of="$WORK/data/filler" bs=4k 2>/dev/null; [ "$(df --output=avail "$WORK/data" | tail -n 1)" -eq 0 ]; }
make_room() { rm "$WORK/data/filler"; }
wait_for() { for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done; "$@"; }
serves() { get "$(cat "$WORK/url")" >/dev/null; }
newest() { tram deployments --json | python3 -c 'import json, sys
d = json.load(sys.stdin)[0]
print(d["status"], d.get("statusReason"))'; }
newest_is() { newest | tee /dev/stderr | grep -q "^$1"; }
sound() { tram status >/dev/null && [ "$(python3 -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("PRAGMA integrity_check").fetchone()[0])' "$WORK/data/tramway.db")" = ok ]; }
said() { # said COMMAND…: fails, and says that it is for want of space
  if "$@" >"$WORK/said" 2>&1; then cat "$WORK/said"; return 1; fi
  grep -qiE "space left|disk is full|the disk that holds .* has .* free" "$WORK/said" || { cat "$WORK/said"; return 1; }
}

check "a fresh installation starts and has its first account" start_tramway
pid=$(tramd_pid)
app chain
live() { tram init --name chain && tram up --ci && url > "$WORK/url" && serves; }
check "an app is live" live
[ "$failures" -eq 0 ] || exit 1

check "the disk is filled" fill
refuses() { said tram up --ci && said tram variable set A=1 --skip-deploys && serves && newest_is SUCCESS && tram status; }
check "what would be new is refused, and says why; the app serves" refuses
killed() { kill -KILL "$(tramd_pid)"; start_tramd && serves && newest_is SUCCESS; }
check "tramd is killed: the next one starts on the full disk and takes over what runs" killed
check "with space again" make_room
pid=$(tramd_pid)
deploys() { tram up --ci && serves && newest_is SUCCESS && sound; }
check "everything works" deploys

check "a pause in the build" sed -i 's/^CMD/RUN sleep 4\nCMD/' Dockerfile
building() { tram up --detach && wait_for newest_is BUILDING && sleep 1; }
check "a build is going on" building
check "the disk is filled" fill
serves_on() { sleep 5; serves && tram status; }
check "the app serves" serves_on
check "with space again" make_room
ends_truly() { wait_for eval 'newest | grep -q "FAILED\|SUCCESS"'; newest; sound && serves; }
check "the deployment has ended, and says how" ends_truly

check "an app that takes its time" sed -i 's/^time.sleep(0.5)/time.sleep(4)/; ' chain.py
starting() { tram up --detach && wait_for newest_is DEPLOYING; }
check "it is being started" starting
check "the disk is filled" fill
check "the app serves" serves_on
check "with space again" make_room
check "the deployment has ended, and says how" ends_truly
check "and the next one goes live" deploys
alive() { [ "$(tramd_pid)" = "$pid" ]; }
check "tramd has lived through all of it" alive
ends() { stop_tramway; for _ in $(seq 100); do [ -z "$(left_behind)" ] && return 0; sleep 0.1; done; left_behind; return 1; }
check "after the halt nothing of it is left" ends
