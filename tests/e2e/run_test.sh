#!/bin/bash
# The README's commands: `make run`, again, `make stop`, and `make run` once more.
. "$(dirname "$0")/lib.sh"
export TRAMWAY_DATA=$WORK/data TRAMWAY_RUN=$RUN TRAMWAY_API_PORT=$API_PORT TRAMWAY_HTTP_PORT=$HTTP_PORT
write_config
cp "$WORK/tramway.toml" "$TRAMWAY_DATA/tramway.toml" # a name and networks of its own; `make run` keeps it
keep_image_store
cd "$REPO" || exit 1
before=$(left_behind)

run() {
  make --no-print-directory run > "$WORK/run.out" 2>&1 8>&- 9>&- || { tail -n 30 "$WORK/run.out"; return 1; }
  tail -n 3 "$WORK/run.out"
  app=$(tail -n 3 "$WORK/run.out" | sed -n '1s/^app //p')
  tail -n 3 "$WORK/run.out" | sed -n '2p' | grep -q '^dashboard http' && tail -n 1 "$WORK/run.out" | grep -qx 'stop: make stop' &&
    [ "$(get -o /dev/null -w '%{http_code}' "$app")" = 200 ]
}
first_run() { run && echo "$app" > "$WORK/app"; }
same_app() { run && [ "$app" = "$(cat "$WORK/app")" ]; }
check "make run ends with the three lines, and the app answers 200" first_run
check "again: it is deployed anew, at the same URL" same_app
stops() { make --no-print-directory stop && ! get "$(cat "$WORK/app")" && [ "$(left_behind)" = "$before" ] || { left_behind; false; }; }
check "make stop leaves nothing running, mounted or in the firewall" stops
check "and stopping again is harmless" make --no-print-directory stop
check "make run comes back with the same project" same_app
check "make stop" stops
