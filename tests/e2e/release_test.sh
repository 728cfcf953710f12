#!/bin/bash
# What went live can be compared and gone back to: image, settings, variables, routes, without a build.
. "$(dirname "$0")/lib.sh"
check "a fresh installation starts and has its first account" start_tramway
app shop static
says() { get "$(cat "$WORK/url")" | grep -qF "$1"; }
newest() { tram deployments --limit 1 | awk '{ print $1; exit }'; }
asked() { # asked ID FIELD…: of a deployment, as text
  tram api "query(\$id: String!) { deployment(id: \$id) { $2 } }" --var "id=$1" --compact
}
set_to() { # set_to SETTINGS: of the service
  local now; now=$(asked "$(newest)" 'environmentId serviceId')
  tram api "mutation(\$e: String!, \$s: String!) { serviceInstanceUpdate(environmentId: \$e, serviceId: \$s, input: { $1 }) }" \
    --var "e=$(echo "$now" | field environmentId)" --var "s=$(echo "$now" | field serviceId)"
}
field() { sed "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/"; } # of JSON on one line
first() {
  echo '<p>first' > index.html
  tram init --name shop && tram up --ci && tram variable set COLOUR=blue --skip-deploys &&
    tram up --ci && url > "$WORK/url" && says first
}
check "the first is live" first
one=$(newest)
second() {
  echo '<p>second' > index.html
  tram variable set COLOUR=red ADDED=since --skip-deploys && tram up --ci && says second
}
check "the second is live" second
two=$(newest)
differ() { # differ ARGUMENTS: its output in $WORK/diff
  tram diff "$@" > "$WORK/diff" 2>&1; [ $? -eq 1 ] || { cat "$WORK/diff"; return 1; }
}
told() {
  differ "${one:0:13}" "${two:0:13}" && has '~ snapshot' "$WORK/diff" && has '+ ADDED' "$WORK/diff" &&
    has '~ COLOUR' "$WORK/diff" && ! grep -q 'blue\|since' "$WORK/diff" && has '2 variables changed' "$WORK/diff"
}
check "what differs is told, without values" told
values() { differ "$one" --values && has 'blue → red' "$WORK/diff" && has 'since' "$WORK/diff"; }
check "with values when asked for, against the live one" values
json() { differ --json && has '"same": false' "$WORK/diff" && has '"part": "SOURCE"' "$WORK/diff"; }
check "as JSON, the one before the live one" json
back() { tram rollback "${one:0:13}" --yes && says first; }
check "a rollback brings the first back" back
no_build() { tram deployment show > "$WORK/show" && has 'Create container' "$WORK/show" && ! grep 'Build image' "$WORK/show"; }
check "without a build" no_build
same() { tram diff "$one" "$(newest)" | tee "$WORK/diff"; has 'No difference' "$WORK/diff" && tram diff "$one" "$(newest)" >/dev/null; }
check "and it runs the same" same
quick() {
  local answer made live; answer=$(asked "$(newest)" 'createdAt statusUpdatedAt')
  made=$(echo "$answer" | field createdAt) live=$(echo "$answer" | field statusUpdatedAt)
  echo "$(($(date -d "$live" +%s%3N) - $(date -d "$made" +%s%3N))) ms" > "$WORK/taken"
  [ "$(cut -d' ' -f1 "$WORK/taken")" -lt 3000 ]
}
check "quickly" quick
sed 's/^/# rollback: /' "$WORK/taken"
todays() { tram redeploy --yes && differ "$one" --values && has 'blue → red' "$WORK/diff"; }
check "a redeploy takes today's variables" todays
refused() { ! tram rollback "$(newest)" --yes > "$WORK/no" 2>&1 && has 'it is the live one' "$WORK/no"; }
check "the live one is no place to go back to" refused
lost() {
  local image; image=$(asked "$two" 'release { imageDigest }' | field imageDigest)
  cp "$WORK/data/containers/overlay-images/images.json" "$WORK/images.json"
  sed "s/${image#sha256:}/$(printf '0%.0s' $(seq 64))/g" "$WORK/images.json" > "$WORK/data/containers/overlay-images/images.json"
  ! tram rollback "$two" --yes > "$WORK/no" 2>&1; local ended=$?
  cp "$WORK/images.json" "$WORK/data/containers/overlay-images/images.json"
  [ $ended -eq 0 ] && has 'its image is no longer kept; `tram redeploy` builds it again' "$WORK/no" && says first
}
check "an image that the store has lost is told of, and nothing happens" lost
settle() { # settle ID STATUS: waits for it
  for _ in $(seq 200); do asked "$1" status | grep -qF "$2" && return 0; sleep 0.1; done
  asked "$1" 'status statusReason'; return 1
}
cancelled() { # one that would never be healthy, while it is checked
  local before; before=$(newest)
  set_to 'healthcheckPath: "/nowhere"' || return 1
  echo '<p>third' > index.html
  tram up --detach && settle "$(newest)" DEPLOYING || return 1
  ! tram rollback "$(newest)" --yes > "$WORK/no" 2>&1 && has 'it never was live' "$WORK/no" &&
    tram cancel --yes && settle "$(newest)" REMOVED && settle "$before" SUCCESS && says first &&
    tram diff "$before" "$(newest)" > "$WORK/diff"; has '+ deploy.healthcheckPath  /nowhere' "$WORK/diff"
}
check "a deployment on its way is cancelled, what served serves on" cancelled
restarts() { # also one that has crashed for good, and one that has had more replicas
  set_to 'healthcheckPath: null, restartPolicyType: NEVER' && tram up --ci || return 1
  local process; process=$(grep -lz "^RAILWAY_DEPLOYMENT_ID=$(newest)" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3)
  # shellcheck disable=SC2086 # several, perhaps
  kill -KILL $process
  settle "$(newest)" CRASHED && timeout 60 "$BUILD/tram" restart --yes && says third &&
    tram scale 2 && tram scale us-west2=1 && tram scale --json | grep -q '"numReplicas": 1' && timeout 60 "$BUILD/tram" restart --yes && says third
}
check "a crashed one is restarted" restarts
nothing_to_cancel() { ! tram cancel --yes > "$WORK/no" 2>&1 && has 'nothing to cancel' "$WORK/no"; }
check "there is nothing to cancel" nothing_to_cancel
down() { tram down --yes | grep -q 'brings it back' && ! tram restart --yes >"$WORK/no" 2>&1 && has 'no live deployment' "$WORK/no"; }
check "down is down" down
up_again() { tram rollback --yes && says third; }
check "and a rollback brings it back" up_again
set_port() { # of the service's domain
  local domain; domain=$(tram domain list --json | tr -d '\n' | field domain)
  tram domain update "$domain" --port "$1" && tram domain status "$domain" | grep -q "^Port *$1$"
}
moves() { # to another port, where its domain follows
  echo '<p>moved' > index.html
  tram variable set PORT=9090 --skip-deploys && set_port 9090 && tram up --ci && says moved
}
check "a deployment listens on another port" moves
moved=$(newest)
visit() { while [ ! -e "$WORK/stop" ]; do get -o /dev/null "$(cat "$WORK/url")" || echo failed; done; }
ports() {
  visit > "$WORK/visits" 2>&1 & local visitor=$!
  tram rollback "$one" --yes && says first && tram rollback "$moved" --yes && says moved; local ended=$?
  touch "$WORK/stop"; wait $visitor; cat "$WORK/visits"
  [ $ended -eq 0 ] && [ ! -s "$WORK/visits" ]
}
check "rollbacks go between the ports, and no visitor notices" ports
added() {
  tram add --service worker && tram service list > "$WORK/services" && has worker "$WORK/services" && has shop "$WORK/services" &&
    tram status --json > "$WORK/status" && has '"serviceName": "worker"' "$WORK/status" && tram projects | grep -q '^shop .*worker'
}
check "a service is added, and seen in all lists" added
by_token() {
  local token; token=$(tram token create ci --environment production | tail -1)
  RAILWAY_TOKEN=$token tram status > "$WORK/status" && has 'Project      shop' "$WORK/status"
}
check "a project's token says which project is meant" by_token
deleted() {
  ! tram link --workspace nobodys 2> "$WORK/no" && has 'Workspace "nobodys" not found' "$WORK/no" || return 1
  local workspace; workspace=$(tram whoami --json | tr -d '\n' | sed 's/.*"workspaces"//' | field name)
  tram link --project shop --workspace "$workspace" --service shop || return 1
  ! tram delete </dev/null > "$WORK/no" 2>&1 && has '--yes' "$WORK/no" && tram delete --yes && ! tram projects | grep '^shop' &&
    ! tram status > "$WORK/no" 2>&1 && has 'tram link' "$WORK/no"
}
check "a project is deleted, when --yes says so" deleted
errors() { # as Railway's scripts look for them
  ! tram status --nonsense --json > "$WORK/no" && has '"code":"INVALID"' "$WORK/no" &&
    ! tram nonsense --json > "$WORK/no" && has '"code":"INVALID"' "$WORK/no" &&
    tram unlink && ! tram unlink 2> "$WORK/no" && has 'not linked' "$WORK/no" &&
    ! tram status 2> "$WORK/no" && has 'No linked project found. Run `tram link` to connect to a project' "$WORK/no" &&
    ! RAILWAY_PROJECT_ID=$(cat /proc/sys/kernel/random/uuid) tram unlink 2> "$WORK/no" && has RAILWAY_PROJECT_ID "$WORK/no"
}
check "errors are JSON where JSON is wanted, and name the next step" errors
many() { # more than the API gives at a time
  local n=0 query
  for _ in $(seq 51); do
    query='mutation {'
    for _ in $(seq 10); do n=$((n + 1)); query+=" a$n: projectCreate(input: { name: \"many-$n\" }) { id }"; done
    tram api "$query }" --compact > "$WORK/made" 2>&1 || { cat "$WORK/made"; return 1; }
  done
  tram list --json > "$WORK/list" && [ "$(grep -c '"name": "many-' "$WORK/list")" = 510 ] && tram link --project many-1
}
check "a list of 510 projects is listed to its end" many
