#!/bin/bash
# Each kind of app goes live by `tram up` with no configuration, and the private network joins the
# services of an environment and nobody else.
. "$(dirname "$0")/lib.sh"
check "a fresh installation starts and has its first account" start_tramway

goes_live() { # goes_live APP TEXT
  app "$1"
  tram init --name "$1" && tram up --ci && get "$(url)" | tee /dev/stderr | grep -q "$2"
}
cp -r "$REPO/examples/hello" "$WORK/hello"
dockerfile_app() { cd "$WORK/hello" && tram init --name hello && tram up --ci && get "$(url)" | grep -q "Hello from Tramway"; }
check "a Dockerfile app" dockerfile_app
check "a Node app with npm dependencies" goes_live node "node says 1m"
check "a Python app with Flask and gunicorn, without an index" goes_live python "python says hello"
check "a static site" goes_live static "static says hello"
check "a Go app" goes_live go "go says hello"
procfile_app() { app procfile; tram init --name procfile && tram up --ci && get "$(url)/index.txt" | grep -q "procfile says hello"; }
check "a Procfile app" procfile_app

redeploys() { cd "$WORK/hello" && echo '# changed' >> hello.py && tram up --ci && get "$(url)" | grep -q "Hello from Tramway"; }
check "the next up replaces it" redeploys
reuses() { cd "$WORK/hello" && tram up --ci | tee /dev/stderr | grep -qi "same source\|reused\|cached image"; }
check "the same source again uses the image there is, and says so" reuses
undeclared() { cd "$WORK/hello" && tram variable set COLOUR=blue --skip-deploys && reuses && tram ssh -- printenv COLOUR | grep -qx blue; }
check "also after a change of a variable that its Dockerfile does not declare" undeclared

neighbours() {
  cd "$WORK/hello" && tram service new other && tram up --ci --service other || return 1
  tram ssh --service hello -- python3 -c '
import urllib.request as u
for host in ("other.railway.internal", "other"):
    print(host, u.urlopen(f"http://{host}:8080/health", timeout=5).status)' | tee /dev/stderr | grep -c 200 | grep -qx 2
}
check "two services of one environment reach each other by both names" neighbours
strangers() {
  cd "$WORK/hello" && tram environment new staging && tram up --ci --environment staging --service hello || return 1
  local address
  address=$(tram ssh --environment production --service other -- hostname -i | tr ' ' '\n' | grep -m 1 '^10\.')
  [ -n "$address" ] || { echo "no address"; return 1; }
  tram ssh --environment staging --service hello -- python3 -c "
import socket, sys
for host in ('other.railway.internal', '$address'):
    try:
        socket.create_connection((host, 8080), timeout=3); print('reached', host); sys.exit(1)
    except OSError as e:
        print(host, e)"
}
check "another environment does not, by name or address" strangers
