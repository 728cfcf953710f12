#!/bin/bash
# What goes wrong leaves the old deployment serving, and the user is told why in one screen.
. "$(dirname "$0")/lib.sh"
HEALTHCHECK_S=10 # each that never gets healthy is waited for so long
check "a fresh installation starts and has its first account" start_tramway
cp -r "$REPO/examples/hello" "$WORK/hello"
cd "$WORK/hello" || exit 1
first() { tram init --name failures && tram up --ci && url > "$WORK/url" && get "$(cat "$WORK/url")/health"; }
check "the first deployment is live" first
serves() { get "$(cat "$WORK/url")/health" | grep -q '"ok"'; }

# fails APP TEXT…: deploying APP over it fails, says each TEXT within a screen, and the old one serves.
fails() {
  local name=$1; shift
  cp "$APPS/$name"/* .
  tram up --ci > "$WORK/out" 2>&1 && { echo "it succeeded"; cat "$WORK/out"; return 1; }
  for text in "$@"; do has "$text" "$WORK/out" || return 1; done
  serves
}
check "a broken build" fails broken "no such thing as a colour" "exit status 3"
check "a crash loop" fails crash "cannot reach the moon" "status 7"
check "an app that listens on 127.0.0.1 only" fails loopback "127.0.0.1:5000" "0.0.0.0"
# settings JSON: changes the settings of the service.
settings() {
  tram api 'mutation($e:String!,$s:String!,$i:ServiceInstanceUpdateInput!){serviceInstanceUpdate(environmentId:$e,serviceId:$s,input:$i)}' \
    --variables "{\"e\":\"$(first_id environment)\",\"s\":\"$(service_id)\",\"i\":$1}"
}
first_id() { tram "$1" list --json | grep -o '[0-9a-f-]\{36\}' | head -n 1; }
service_id() { tram service list --json | grep '"serviceId"' | grep -o '[0-9a-f-]\{36\}' | head -n 1; }
health() { settings '{"healthcheckPath":"/health","healthcheckTimeout":5}' && fails unhealthy "answered 500" "/health"; }
check "a failing healthcheck" health
pre_deploy() {
  settings '{"healthcheckPath":null,"preDeployCommand":["echo no such table && exit 9"]}' && fails unhealthy "no such table" "pre-deploy command" "9" &&
    settings '{"preDeployCommand":null}'
}
check "a failing pre-deploy command" pre_deploy
other_port() { rm -f Dockerfile app.py; cp "$APPS/otherport"/* .; tram service new elsewhere && tram up --ci --service elsewhere > "$WORK/out" 2>&1; cat "$WORK/out"; has "port 5000" "$WORK/out"; }
check "an app on another port is found, and the log says so" other_port
bad_tar() {
  local link token
  token=$(grep -o '"token": *"[^"]*"' "$HOME/.tramway/config.json" | cut -d'"' -f4)
  link=$(tram status --json | grep -o '[0-9a-f-]\{36\}' | head -n 1)
  printf 'this is no archive' > "$WORK/bad.tar.gz"
  curl -sS -X POST -H "Authorization: Bearer $token" -H 'Content-Type: application/gzip' --data-binary "@$WORK/bad.tar.gz" \
    "$TRAM_SERVER/project/$link/environment/$(tram environment list --json | grep -o '[0-9a-f-]\{36\}' | head -n 1)/up?serviceId=" > "$WORK/out"
  cat "$WORK/out"; has '"message"' "$WORK/out" && serves
}
check "a bad archive" bad_tar
wrong_token() {
  RAILWAY_API_TOKEN=wrong tram up --ci > "$WORK/out" 2>&1 && return 1
  cat "$WORK/out"; has "Unauthorized" "$WORK/out" && serves
}
check "a wrong token" wrong_token
