#!/bin/bash
# The machine may be shut down, or lose its power: afterwards everything that ran runs again, each
# service after those that its variables name; what was ended or had crashed stays down.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/power.sh"
check "a fresh installation starts and has its first account" start_tramway
app chain
# The kernel takes links and namespaces away a moment after their last process.
nothing_is_left() { for _ in $(seq 100); do [ -z "$(left_behind)" ] && return 0; sleep 0.1; done; left_behind; return 1; }

# What `tram status --json` says of each service: NAME STATUS RUNNING SERVICE_ID ENVIRONMENT_ID.
services() {
  tram status --json | python3 -c 'import json, sys
environment = json.load(sys.stdin)["environments"]["edges"][0]["node"]
for i in (e["node"] for e in environment["serviceInstances"]["edges"]):
    d = i["latestDeployment"] or {"status": "-", "instances": []}
    running = sum(r["status"] == "RUNNING" for r in d["instances"])
    print(i["serviceName"], d["status"], running, i["serviceId"], environment["id"])' | sort
}
settings() { # settings SERVICE FIELDS: of its instance
  local name service environment
  read -r name _ _ service environment < <(services | grep "^$1 ")
  [ "$name" = "$1" ] && tram api "mutation { serviceInstanceUpdate(serviceId: \"$service\", environmentId: \"$environment\", input: {$2}) }"
}
make_service() { tram service new "$1" && { [ -z "$2" ] || tram variable set "$2" --service "$1" --skip-deploys; }; }
shop() {
  tram init --name shop && make_service db 'URL=postgres://u@${{RAILWAY_PRIVATE_DOMAIN}}:${{PORT}}/x' && make_service api 'DB=${{db.URL}}' &&
    make_service web "API=http://api:8080" && make_service mad "" && make_service gone "" &&
    settings api "numReplicas: 2" && settings mad "restartPolicyType: NEVER" || return 1
  local service
  for service in web api db gone; do tram up --detach --service "$service" || return 1; done
  tram up --ci --service mad && all_live && tram domain --service web | head -n 1 > "$WORK/url"
}
wait_for() { for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done; "$@"; }
are() { [ "$(services | cut -d' ' -f1-3 | tr '\n' ' ' | tee /dev/stderr)" = "$* " ]; }
all_live() { wait_for are api SUCCESS 2 db SUCCESS 1 gone SUCCESS 1 mad SUCCESS 1 web SUCCESS 1; }
check "three services that need each other, and two more" shop
[ "$failures" -eq 0 ] || exit 1
refers() {
  [ "$(tram ssh --service api -- sh -c 'echo "$DB"' | tr -d '\r')" = postgres://u@db.railway.internal:8080/x ] &&
    tram variable export --service db | tram variable import - --service gone --skip-deploys &&
    [ "$(tram variable list --service gone --kv | grep ^URL=)" = URL=postgres://u@gone.railway.internal:8080/x ]
}
check "a variable that refers to another service's has its value" refers

# The times at which the last runs of a service's instances started, one a replica.
starts() { tram logs --service "$1" --lines 5000 | grep -o 'started at [0-9.]*' | cut -d' ' -f3 | tail -n "$2"; }
in_order() { # each replica after every one of the service before it, which listened by then
  { starts db 1; echo; starts api 2; echo; starts web 1; } | awk '
    !NF { before = last; next }
    before && $1 < before + 0.5 { print "started at", $1, "with the one before at", before; bad = 1 }
    { last = $1 > last ? $1 : last } END { exit bad }'
}
serves() { get "$(cat "$WORK/url")" >/dev/null; }
runs() { are api SUCCESS 2 db SUCCESS 1 gone REMOVED 0 mad CRASHED 0 web SUCCESS 1; }
check "they were deployed in order, too" in_order

ask() { tram ssh --service "$1" -- python3 -c "import urllib.request as u; u.urlopen('http://localhost:8080/$2')" || true; }
two_are_down() { ask mad crash; tram down --service gone --yes; wait_for runs; }
check "one crashes, one is taken down" two_are_down

# Numbers go up by one from 1 in each run, and reach what the app said when it was ended.
logs_are_complete() {
  tram logs --service db --lines 5000 > "$WORK/log" || return 1
  awk '/started at/ { previous = 0 } /line [0-9]+$/ && !/ended/ { if ($NF != previous + 1) { print "gap:", previous, $NF; bad = 1 } previous = $NF }
    /ended after line/ { ended++; if ($NF > previous) { print "ended after", $NF, "has", previous; bad = 1 } }
    END { if (ended < 1) print "never ended"; exit bad || ended < 1 }' "$WORK/log"
}
shut_down() { stop_tramway && nothing_is_left && rm -rf "$RUN" && ! serves; }
check "the machine is shut down: nothing is left of it" shut_down
check "tramd starts again" start_tramd
check "everything that ran runs again, and what did not does not" wait_for runs
check "it serves" wait_for serves
check "what is needed came first" in_order
check "no line of the log is missing" logs_are_complete

power_fails() { lose_power && nothing_is_left && ! serves; }
check "the power fails: nothing is left of it" power_fails
check "tramd starts" start_tramd
check "everything that ran runs again, and what did not still does not" wait_for runs
check "it serves" wait_for serves
check "what is needed came first" in_order
check "no line of the log is missing" logs_are_complete
deploys() { tram up --ci --service web && serves; }
check "and what is deployed next goes live" deploys
ends() { stop_tramway && nothing_is_left; }
check "after the halt nothing of it is left" ends
