#!/bin/bash
# A docker-compose file becomes services that run; changes of both are staged, shown, and deployed once each, in
# order; an export makes the same environment again.
. "$(dirname "$0")/lib.sh"
check "a fresh installation starts and has its first account" start_tramway
mkdir -p "$WORK/apps/shop" && cp -r "$APPS/painter" "$WORK/apps/shop/app" && cd "$WORK/apps/shop" || exit 1
cat > compose.yml <<'EOF'
x-app: &app
  build: ./app
  restart: unless-stopped
services:
  web:
    <<: *app
    ports: ["8080:8000"]
    environment:
      COLOUR: ${COLOUR:-blue}
      PEER: http://api.railway.internal:8000/
    depends_on: [api]
    healthcheck: { test: [CMD, curl, -f, "http://localhost:8000/health"] }
  api:
    <<: *app
    env_file: api.env
EOF
printf 'COLOUR=green\nPORT=8000\n' > api.env
says() { [ "$(get "$(cat "$WORK/url")$1")" = "$2" ]; }
waits() { for _ in $(seq 200); do says "$@" 2>/dev/null && return 0; sleep 0.1; done; get "$(cat "$WORK/url")$1"; return 1; }
ids() { tram api "query(\$i: DeploymentListInput!) { deployments(input: \$i) { edges { node { id createdAt service { name } } } } }" --variables "{\"i\":{\"projectId\":\"$(project)\"}}"; }
project() { tram status --json | sed -n '0,/"id"/s/.*"id": "\(.*\)".*/\1/p'; }

refused() {
  printf 'services:\n  web:\n    image: x\n    privileged: true\n    volumes: ["/var/run/docker.sock:/s"]\n' > bad.yml
  ! tram import bad.yml --yes > "$WORK/out" 2>&1 && has 'bad.yml, line 4: services.web.privileged' "$WORK/out" &&
    has 'bad.yml, line 5: services.web.volumes: docker.sock' "$WORK/out"
}
check "a compose file that would open the host is refused, with its lines" refused
planned() {
  tram init --name shop && COLOUR=pink tram import --dry-run > "$WORK/out" && has 'web (new)' "$WORK/out" &&
    has '+ deploy.healthcheckPath' "$WORK/out" && has '+ variables.COLOUR' "$WORK/out" && ! grep -q pink "$WORK/out" &&
    ! tram service list | grep -q web
}
check "a plan is shown, and nothing is done" planned
imported() {
  tram import --yes > "$WORK/out" || return 1
  sed -n 's/.*missing: `tram \(.*\)`/\1/p' "$WORK/out" | sort > "$WORK/uploads"
  [ "$(wc -l < "$WORK/uploads")" = 2 ] || { cat "$WORK/out"; return 1; }
  while read -r line; do # shellcheck disable=SC2086
    tram $line --ci </dev/null || return 1
  done < "$WORK/uploads"
  tram domain --service web | awk 'NR == 1 { print $1 }' > "$WORK/url"
  says / blue && says /peer green
}
check "it is imported, and runs when its code is there" imported

staged() {
  tram variable set COLOUR=red --service web --stage && tram environment edit -s api variables.COLOUR yellow --stage &&
    tram environment staged --values > "$WORK/out" && has '~ variables.COLOUR  blue → red' "$WORK/out" &&
    has 'green → yellow' "$WORK/out" && has '2 changes in 2 services' "$WORK/out" && says / blue && says /peer green
}
check "changes of two services are staged and shown, and change nothing" staged
masked() { tram environment staged > "$WORK/out" && has '~ variables.COLOUR' "$WORK/out" && ! grep -q 'red\|yellow' "$WORK/out"; }
check "without values unless they are asked for" masked
deployed() {
  ids > "$WORK/before"
  tram environment commit --yes -m "new colours" && waits / red && waits /peer yellow
}
check "they are committed, and deployed" deployed
once() {
  ids > "$WORK/after"
  [ $(($(grep -c '"id"' "$WORK/after") - $(grep -c '"id"' "$WORK/before"))) = 2 ] || { cat "$WORK/after"; return 1; }
  [ "$(sed -n 's/.*"name": "\(.*\)".*/\1/p' "$WORK/after" | head -n 2 | tr '\n' ' ')" = "web api " ] # newest first
}
check "once each, and first the one that the other needs" once
kept() { tram environment history > "$WORK/out" && has 'new colours' "$WORK/out" && has 'web' "$WORK/out" && ! grep -q yellow "$WORK/out"; }
check "the history says so" kept

same() {
  tram environment edit -s api variables.KEY s3cret --skip-deploys && tram environment edit --stage < <(echo '{"services":{"api":{"variables":{"KEY":{"isSealed":true}}}}}') &&
    tram environment commit --yes --skip-deploys && tram environment new copy && tram environment production &&
    tram export --with-secrets -o one.json && tram import one.json --environment copy --yes --skip-deploys > "$WORK/out" &&
    has 'KEY is left out: it is sealed' "$WORK/out" && tram export --with-secrets -o two.json --environment copy || return 1
  # generated hosts differ, and what is sealed does not come along
  python3 - <<'EOF'
import json, re
one, two = (re.sub(r'[a-z]+-(production|copy)-[0-9a-f]+\.localhost', 'HOST', open(f).read()) for f in ("one.json", "two.json"))
one, two = json.loads(one), json.loads(two)
for s in one["services"].values(): s["variables"].pop("KEY", None)
assert one == two, (one, two)
colours = sorted(s["variables"]["COLOUR"]["value"] for s in one["services"].values())
assert colours == ["red", "yellow"], colours
EOF
}
check "an export makes the same configuration in another environment" same
quiet() {
  tram export > "$WORK/out" && has '"COLOUR"' "$WORK/out" && ! grep '"red"\|yellow' "$WORK/out" && ! grep s3cret "$WORK/out" one.json two.json
}
check "without secrets unless they are asked for, and sealed ones never" quiet
hidden() { ! grep -al 's3cret\|yellow' "$WORK"/data/tramway.db* ; }
check "nothing of it lies in the database in clear" hidden

warned() {
  tram variable set 'PEER_KEY=${{apy.KEY}}' 'FINE=${{api.COLOUR}}' --service web --skip-deploys > "$WORK/out" 2> "$WORK/err" &&
    has 'Set FINE, PEER_KEY' "$WORK/out" && has "warning: PEER_KEY: \${{apy.KEY}} is empty: there is no service 'apy'; did you mean 'api'?" "$WORK/err" &&
    ! grep -q FINE "$WORK/err" && tram variable set 'PEER_KEY=${{api.COLOUR}}' --service web --skip-deploys 2> "$WORK/err" && [ ! -s "$WORK/err" ]
}
check "a reference that names nothing is warned of, and set" warned

listed() { tram deployment list --service web | grep -q "$1"; } # listed STATUS
soon() { for _ in $(seq 300); do "$@" && return 0; sleep 0.1; done; tram deployment list --service web; return 1; }
one_of_three() {
  cp -r app slow && echo 'RUN sleep 5' >> slow/Dockerfile && cp -r app fast && echo '# fast' >> fast/painter.py || return 1
  tram up slow --path-as-root --service web --detach && soon listed BUILDING || return 1
  { tram up fast --path-as-root --service web > "$WORK/up" 2>&1; echo $? > "$WORK/status"; } &
  soon listed QUEUED && tram variable set COLOUR=grey --service web && wait $! || return 1
  has 'a newer one of the service took its place' "$WORK/up" && [ "$(cat "$WORK/status")" = 4 ] || { cat "$WORK/up" "$WORK/status"; return 1; }
  waits / grey && tram deployment list --service web --json > "$WORK/out" && has 'superseded by a newer deployment' "$WORK/out"
}
check "of deployments that wait the newest is built, and who waits for another is told" one_of_three
