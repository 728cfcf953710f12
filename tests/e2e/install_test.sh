#!/bin/bash
# `make install` into a folder, Tramway run from there as its units would, `make install` of another
# version under load, and what the edge's unit does while tramd is away.
. "$(dirname "$0")/lib.sh"
unset MAKEFLAGS MAKELEVEL
export PREFIX=$WORK/usr SYSCONFDIR=$WORK/etc
UNITS=$PREFIX/lib/systemd/system
nothing=$(left_behind)
config=$SYSCONFDIR/tramway/tramway.toml

installs() { make --no-print-directory -C "$REPO" BUILD="$BUILD" "$@" install 8>&- 9>&-; }
complete() {
  installs && [ "$(readlink "$PREFIX/bin/railway")" = tram ] && [ -x "$PREFIX/libexec/tramway/tramway-exec" ] &&
    [ "$(stat -c %a "$config")" = 640 ] && grep -q '^unit = "tramway-edge.service"' "$config" &&
    "$PREFIX/bin/tramd" --config "$config" --check-config >/dev/null && bash -n "$PREFIX/share/bash-completion/completions/tram" &&
    [ -e "$PREFIX/share/zsh/site-functions/_tram" ] && [ -e "$PREFIX/share/fish/vendor_completions.d/tram.fish" ]
}
check "make install puts everything in place" complete
again() {
  echo "# mine" >> "$config"; find "$PREFIX" | sort > "$WORK/before"
  installs && grep -qx "# mine" "$config" && find "$PREFIX" | sort | diff "$WORK/before" -
}
check "again: the same files, and the configuration is not touched" again
units_are_valid() { ! command -v systemd-analyze >/dev/null || systemd-analyze verify --man=no "$UNITS"/tramway*; }
check "systemd finds nothing wrong with the units" units_are_valid
manuals() {
  local page said=
  for page in man1/tram.1 man5/tramway.toml.5 man8/tramd.8; do
    if command -v mandoc >/dev/null; then said+=$(mandoc -T lint -W warning "$PREFIX/share/man/$page" | grep -v 'missing date'); fi
    if command -v man >/dev/null; then said+=$(MANWIDTH=80 LC_ALL=C.UTF-8 man --warnings -l -Tutf8 "$PREFIX/share/man/$page" 2>&1 >/dev/null); fi
  done
  [ -z "$said" ] || { echo "$said"; false; }
}
check "the manual pages are well formed" manuals

# From here on the installed programs, tramd with the capabilities that its unit leaves it, and a systemctl
# that does what systemd would.
built=$BUILD BUILD=$WORK/run
without=$(sed -n 's/^CapabilityBoundingSet=~//p' "$UNITS/tramway.service" | sed 's/CAP_/-/g; s/ /,/g' | tr '[:upper:]' '[:lower:]')
mkdir "$BUILD" && ln -s "$PREFIX/bin/tram" "$BUILD/tram"
printf '#!/bin/bash\nexec setpriv --bounding-set=%q %q "$@"\n' "$without" "$PREFIX/bin/tramd" > "$BUILD/tramd" && chmod +x "$BUILD/tramd"
mkdir "$WORK/fake" && { printf '#!/bin/bash\nUNITS=%q RUN=%q\n' "$UNITS" "$RUN"; cat "$REPO/tests/e2e/fake_systemctl"; } > "$WORK/fake/systemctl"
chmod +x "$WORK/fake/systemctl" && PATH=$WORK/fake:$PATH
write_config
sed -i 's/^\[edge\]/&\nunit = "tramway-edge.service"/' "$WORK/tramway.toml"
keep_image_store
first() { start_tramd && tram login --setup-token-file "$WORK/data/setup-token" --name Tester --email t@example.org; }
check "the installed tramd starts, and its edge through systemctl" first
app talker
deployed() { tram init --name talker && tram up --ci && url > "$WORK/url" && get "$(cat "$WORK/url")" && has start "$UNITS/../systemctl.log"; }
check "an app is deployed" deployed
# What nobody serves is always logged; what an app answers only during a cutover.
nobody() { curl -s -o /dev/null -H 'Host: nobody.localhost' "http://127.0.0.1:$HTTP_PORT/"; }
logged() { for _ in $(seq 100); do nobody; grep -q '"status":404' "$WORK/data/access.log" && return 0; sleep 0.1; done; return 1; }
check "the unit's HAProxy writes the access log" logged

reloaded() { # as ExecReload does: HAProxy executes itself anew
  local before host; before=$(wc -l < "$WORK/data/access.log"); host=$(sed 's|http://||; s|:.*||' "$WORK/url")
  for _ in $(seq 100); do grep -q "^$host " "$RUN/edge/hosts.map" && break; sleep 0.05; done # written down a moment later
  kill -USR2 "$(head -n 1 "$RUN/edge/haproxy.pid")"
  for _ in $(seq 50); do
    get -o /dev/null "$(cat "$WORK/url")" || return 1
    nobody
    sleep 0.1
    [ "$(pgrep -fc "[/]${RUN#/}/edge/haproxy.cfg")" = 2 ] && [ "$(wc -l < "$WORK/data/access.log")" -ge $((before + 5)) ] && return 0
  done
  return 1
}
check "a reload of the unit loses no request and keeps the log" reloaded

load() { # steady requests until $WORK/load is gone
  while [ -e "$WORK/load" ]; do
    get -o /dev/null "$(cat "$WORK/url")" 2>>"$WORK/failed" && echo >> "$WORK/served"
  done
}
upgrade() {
  mkdir -p "$WORK/next/obj" && cp -a "$built/gen" "$WORK/next/" && cp -a "$built/obj/src" "$built/obj/"*.o "$WORK/next/obj/" || return 1
  touch "$WORK/load" && { load 8>&- 9>&- & }
  local loader=$!
  BUILD=$WORK/next installs VERSION=9.9.9-test && "$BUILD/tramd" --config "$WORK/tramway.toml" --stop && start_tramd
  local status=$?
  sleep 1; rm "$WORK/load"; wait $loader
  echo "$(wc -l < "$WORK/served") requests served; failed:"; cat "$WORK/failed"
  [ $status = 0 ] && [ ! -s "$WORK/failed" ] && [ "$(wc -l < "$WORK/served")" -gt 20 ]
}
check "another version is installed and started, and no request fails" upgrade
new_version() {
  tram --version | grep -F 9.9.9-test && tram whoami && tram api '{ systemInfo { version } }' | grep -F 9.9.9-test &&
    tram deployments --json | grep -c SUCCESS | grep -qx 1
}
check "it is the new version, with the same account and deployment" new_version

serves() { get -o /dev/null "$(cat "$WORK/url")"; }
kill_edge() { for pid in $(pgrep -f "[/]${RUN#/}/edge/haproxy.cfg"); do kill -KILL "$pid"; done; }
restarted_edge() {
  tram up --ci && "$BUILD/tramd" --config "$WORK/tramway.toml" --stop && kill_edge && ! serves 2>/dev/null &&
    systemctl start -- tramway-edge.service && serves
}
check "while tramd is away, the unit brings HAProxy back with the newest routes" restarted_edge
occupied() {
  kill_edge; sleep 0.2
  node -e "require('net').createServer().listen($HTTP_PORT, '127.0.0.1')" 8>&- 9>&- &
  local squatter=$! status
  sleep 0.5; start_tramd; status=$?
  kill $squatter; wait $squatter 2>/dev/null
  [ $status = 0 ] && for _ in $(seq 150); do serves 2>/dev/null && return 0; sleep 0.1; done
  return 1
}
check "a port that is in use takes the edge away, not the API, and not for longer than it is" occupied
halted() { stop_tramway && [ "$(left_behind)" = "$nothing" ] || { left_behind; false; }; }
check "the halt ends the unit's HAProxy too" halted
removed() {
  make --no-print-directory -C "$REPO" uninstall 8>&- 9>&- && [ -z "$(find "$PREFIX" -type f -o -type l | grep -v '\.log$')" ] &&
    grep -qx "# mine" "$config" && [ -s "$WORK/data/tramway.db" ] || { find "$PREFIX" -type f; false; }
}
check "make uninstall removes the programs, not the configuration, not the data" removed
BUILD=$built # for the end
