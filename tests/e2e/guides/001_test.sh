#!/bin/bash
# Guide 001 on examples/tally: Postgres, Redis, MinIO from an image with a volume, an API and a front end of one
# repository, Prometheus, the checklist of its section 9 and recovery as in its section 10.
. "$(dirname "$0")/../lib.sh"
. "$REPO/tests/images/provide.sh"
mkdir -p "$WORK/bin" && ln -s "$BUILD/tram" "$WORK/bin/railway"
export PATH=$WORK/bin:$PATH GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 GIT_ASKPASS=$WORK/askpass
export GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@example.org GIT_COMMITTER_NAME=Ada GIT_COMMITTER_EMAIL=ada@example.org
TALLY=$WORK/tally
secret() { head -c 36 /dev/urandom | base64 | tr -d '+/='; } # the guide's secrets guide
MINIO_PASSWORD=$(secret)

check "a fresh installation starts and has its first account" start_tramway
images() { provide_image minio minio/minio:latest && provide_image prometheus prom/prometheus:latest; }
check "the images that Tramway does not make itself" images
cp -r "$REPO/examples/tally" "$TALLY" && cd "$TALLY" || exit 1

# ---- 2: the project ----

ids() { railway status --json | python3 -c 'import json, sys; p = json.load(sys.stdin); print(p["id"], p["environments"]["edges"][0]["node"]["id"])'; }
project() {
  railway whoami && railway init --name etally-production || return 1
  local project environment; read -r project environment < <(ids)
  mkdir .railway && printf '{"projectId": "%s", "environmentId": "%s"}\n' "$project" "$environment" > .railway/project.json
  git init -q -b main . && git add . && git commit -q -m "tally" && git ls-files --error-unmatch .railway/project.json || return 1
  git clone -q "$TALLY" "$WORK/colleague" && cd "$WORK/colleague" && railway status | tee /dev/stderr | grep -q etally-production
}
check "railway init; the committed .railway/project.json links a colleague's clone" project

# ---- 3: core services ----

postgres() { railway add --database postgres && railway service rename Postgres etally-postgres; }
redis() { railway add -d redis && railway service rename Redis etally-redis; }
check "Postgres, renamed to etally-postgres" postgres
check "Redis, renamed to etally-redis" redis
add() { # add NAME [VARIABLE…]: a service of the repository
  local name=$1; shift
  railway add --service "$name" --repo push:project --branch main "${@/#/--variables=}"
}
# A volume is set aside whole: the guide's 10 GB where the disk has them.
[ "$(df --output=avail -B 1G "$WORK" | tail -n 1)" -ge 24 ] && MINIO_MEGABYTES=10000 || MINIO_MEGABYTES=1000
minio() {
  add etally-minio RAILWAY_DOCKERFILE_PATH=minio/Dockerfile MINIO_ROOT_USER=admin "MINIO_ROOT_PASSWORD=$MINIO_PASSWORD" &&
    railway volume add --mount-path /data --size "${MINIO_MEGABYTES}MB"
}
check "MinIO: a Dockerfile of two lines, a volume at /data" minio

# ---- 4 and 5: the API and the front end ----

domain() { railway domain --service "$1" | awk 'NR == 1 { print $1 }'; }
# shellcheck disable=SC2016 # references, in the guide's three spellings
api() {
  add etally-api && add etally-frontend && API=$(domain etally-api) && FRONTEND=$(domain etally-frontend) || return 1
  railway variables set --service etally-api --skip-deploys NODE_ENV=production RAILWAY_DOCKERFILE_PATH=backend/Dockerfile \
    'DATABASE_URL={{ etally-postgres.DATABASE_URL }}' 'REDIS_URL=${etally-redis.${REDIS_URL}}' \
    'MINIO_ENDPOINT=${{ etally-minio.RAILWAY_PRIVATE_DOMAIN }}' MINIO_PORT=9000 MINIO_ACCESS_KEY=admin "MINIO_SECRET_KEY=$MINIO_PASSWORD" \
    MINIO_USE_SSL=false "JWT_SECRET=$(secret)" "JWT_REFRESH_SECRET=$(secret)" "SESSION_SECRET=$(secret)" "CORS_ORIGIN=$FRONTEND" LOG_LEVEL=info || return 1
  railway environment edit --skip-deploys -s etally-api deploy.preDeployCommand "npx prisma migrate deploy && npm run prisma:generate" \
    -s etally-api build.watchPatterns '["/backend/**"]' -s etally-api deploy.healthcheckPath /health
}
check "the API: references in the guide's spellings, its Post-Deploy Command" api
frontend() {
  railway variables set --service etally-frontend --skip-deploys RAILWAY_DOCKERFILE_PATH=frontend/Dockerfile "VITE_API_URL=$API/api/v1" &&
    railway environment edit --skip-deploys -s etally-frontend build.watchPatterns '["/frontend/**"]'
}
check "the front end: another Dockerfile of the same repository, a build argument" frontend

# ---- 6: Prometheus ----

prometheus() {
  add etally-prometheus && railway volume add --mount-path /prometheus &&
    railway environment edit --skip-deploys -s etally-prometheus source.rootDirectory deployment/prometheus \
      -s etally-prometheus build.watchPatterns '["/deployment/**"]' -s etally-minio build.watchPatterns '["/minio/**"]'
}
check "Prometheus, a directory of it, with a volume of its own" prometheus

# ---- 8: a push deploys ----

token() {
  railway token create push --json | sed -n 's/.*"token": "\(.*\)".*/\1/p' > "$WORK/password"
  printf '#!/bin/sh\ncat "%s"\n' "$WORK/password" > "$GIT_ASKPASS" && chmod 700 "$GIT_ASKPASS"
  git remote add tramway "http://127.0.0.1:$API_PORT/git/etally-production.git" && [ -s "$WORK/password" ]
}
push() { git push tramway main > "$WORK/push" 2>&1; cat "$WORK/push"; }
is_live() { has "-----> $1 (production) is live" "$WORK/push"; }
first_push() {
  token && push && is_live etally-minio && is_live etally-frontend && is_live etally-prometheus || return 1
  has "EACCES" "$WORK/push" && has "DEPLOYMENT FAILED: etally-api" "$WORK/push"
}
check "a push deploys four services; the API's user cannot write where prisma:generate writes, and it says so" first_push
settled() { # settled SERVICE: until its newest deployment is live
  for _ in $(seq 600); do
    railway deployments --service "$1" --limit 1 > "$WORK/last"
    grep -q SUCCESS "$WORK/last" && return 0
    grep -q FAILED "$WORK/last" && break
    sleep 0.2
  done
  cat "$WORK/last"; railway logs --build --service "$1" --latest | tail -n 20; return 1
}
fixed() { railway variables set --service etally-api RAILWAY_RUN_UID=0 && settled etally-api && railway logs --build --service etally-api | grep "nothing listens on PORT 8080; the app listens on port 3000"; }
check "with RAILWAY_RUN_UID=0 it can; the API is found at port 3000" fixed

# ---- 9: the checklist ----

in_api() { railway run --service etally-api "$@"; }
health() { in_api curl -f http://localhost:3000/health | tee /dev/stderr | grep -qF '{"status":"ok","database":"ok","redis":"ok","storage":"ok"}'; }
check "railway run curl -f http://localhost:3000/health" health
names() { in_api getent hosts etally-minio && in_api getent hosts etally-postgres.railway.internal && in_api curl -fsS http://etally-api:3000/metrics; }
check "services reach each other by bare and by whole names" names
seed() {
  railway run --service etally-api npm run prisma:seed | tee "$WORK/seed" && has "policy forms.upload: admin, observer" "$WORK/seed" &&
    has "configuration tally.stations = 46229" "$WORK/seed" && has "user admin" "$WORK/seed"
}
check "railway run npm run prisma:seed lists policies and configurations" seed
call() { get -H "Authorization: Bearer ${TOKEN:-}" "$@"; }
login() {
  local body='{"name": "admin", "password": "change-me"}'
  TOKEN=$(get -H 'Content-Type: application/json' -d "$body" "$API/api/v1/auth/login" | sed 's/.*"token":"\(.*\)".*/\1/') && [ -n "$TOKEN" ] &&
    call "$API/api/v1/policies" | grep -q '"results.enter"'
}
check "the admin signs in" login
enter() { # enter STATION VOTES
  call -H 'Content-Type: application/json' -d "{\"station\": \"$1\", \"candidate\": \"A\", \"votes\": $2}" "$API/api/v1/results"
}
works() {
  enter 001 120 && call "$API/api/v1/results" | grep -qF '"votes":120' && call -X PUT --data-binary @"$REPO/LICENSE" "$API/api/v1/forms/001" && form_is_there
}
form_is_there() { call "$API/api/v1/forms/001" | cmp - "$REPO/LICENSE"; }
check "a result goes to Postgres, its form to MinIO" works
in_minio() { railway run --service etally-minio "$@"; }
# shellcheck disable=SC2016
alias_there() { in_minio sh -c 'mc alias set etally-minio http://localhost:9000 "$MINIO_ROOT_USER" "$MINIO_ROOT_PASSWORD"'; }
buckets() {
  alias_there && in_minio mc ls etally-minio | tee /dev/stderr | grep -q "forms/" &&
    in_minio mc ls etally-minio/forms | grep -q 001 && ! in_minio mc alias set wrong http://localhost:9000 admin wrong-password && in_api curl -fsS -o /dev/null http://etally-minio:9001/
}
check "railway run mc ls etally-minio; its console" buckets
page() {
  local script
  script=$(get "$FRONTEND/results/deep/link" | sed -n 's/.*src="\(\/assets\/[^"]*\)".*/\1/p') && get "$FRONTEND$script" | grep -qF "$API/api/v1" || return 1
  [ "$(railway ssh --service etally-frontend -- id -un)" = nginx ]
}
check "the front end was built with the API's URL, and serves at port 80 as nginx" page
allows() { get -o /dev/null -D - -H "Origin: $1" "$API/api/v1/results" | grep -qi "^access-control-allow-origin: $1"; }
cors() { allows "$FRONTEND" && ! allows http://elsewhere.example; }
check "CORS: the front end's domain and no other" cors
scraped() {
  for _ in $(seq 100); do
    in_api curl -fsS 'http://etally-prometheus:9090/api/v1/query?query=tally_requests_total' | tee "$WORK/out" | grep -qF '"job":"api"' && return 0
    sleep 0.2
  done
  cat "$WORK/out"; return 1
}
check "Prometheus scrapes the API by its bare name" scraped
sizes() {
  local megabytes; megabytes=$(in_minio df --output=size -B 1MB /data | tail -n 1)
  [ "$megabytes" -le $((MINIO_MEGABYTES + 1)) ] && [ "$megabytes" -ge $((MINIO_MEGABYTES * 9 / 10)) ] || { in_minio df /data; return 1; }
  [ "$(railway ssh --service etally-prometheus -- stat -c %U /prometheus)" = nobody ]
}
check "MinIO's volume has its size; Prometheus, no root, owns its own" sizes

resolves() { for _ in $(seq 100); do in_api getent hosts "$1" && return 0; sleep 0.1; done; return 1; }
renamed() { railway service rename etally-prometheus etally-metrics && resolves etally-metrics && resolves etally-prometheus && railway service rename etally-metrics etally-prometheus; }
check "what runs answers to a new name and to the former one" renamed

# ---- 8: a push deploys what changed, and there is a way back ----

title() { get "$FRONTEND" | sed -n 's/.*<title>\(.*\)<.title>.*/\1/p'; }
second_push() {
  sed -i 's/<title>Tally/<title>Counting/' frontend/index.html && git commit -q -am "counting" && push && is_live etally-frontend || return 1
  has "etally-api (production) was skipped: No changed files matched patterns: /backend/**" "$WORK/push" && [ "$(title)" = Counting ]
}
check "the next push deploys the front end alone, whose files changed" second_push
rollback() { railway rollback --service etally-frontend --yes && [ "$(title)" = Tally ]; }
check "a rollback brings the former front end back" rollback

# ---- 10: disaster recovery ----

survive() {
  railway redeploy --service etally-minio --yes && railway redeploy --service etally-prometheus --yes && form_is_there &&
    in_api curl -gfsS 'http://etally-prometheus:9090/api/v1/query?query=count_over_time(tally_requests_total[1h])' | tee "$WORK/out" && has '"job":"api"' "$WORK/out"
}
check "forms and measurements survive that their services are deployed again" survive
sessions() { railway restart --service etally-redis --yes && call "$API/api/v1/policies" | grep -q '"results.enter"'; }
check "Redis keeps its snapshot: who was signed in still is after its restart" sessions
in_postgres() { railway ssh --service etally-postgres -- "$@"; }
backup() { railway backup create --service etally-postgres --name "before the disaster" && railway backup list --service etally-postgres | grep "before the disaster"; }
check "a backup of Postgres" backup
disaster() { enter 002 7 && in_postgres psql -U postgres -d railway -c 'DROP TABLE "Result"' && ! call "$API/api/v1/results"; }
check "a table is dropped" disaster
restore() {
  local id; id=$(railway backup list --service etally-postgres --json | grep -o '"id": "[0-9a-f-]*"' | head -n 1 | cut -d'"' -f4)
  railway backup restore "$id" --service etally-postgres --yes && ! call "$API/api/v1/results" || return 1 # what lives is not touched
  railway environment commit --yes && settled etally-postgres || return 1
  for _ in $(seq 100); do call "$API/api/v1/results" > "$WORK/out" 2>/dev/null && break; sleep 0.2; done
  has '"votes":120' "$WORK/out" && ! grep '"station":"002"' "$WORK/out"
}
check "it comes back from the backup, on a new volume, when the swap is committed" restore
replicate() {
  alias_there && in_minio mc mirror --quiet etally-minio/forms /tmp/replica/forms && in_minio tar -C /tmp/replica -cf - . > "$WORK/replica.tar" &&
    in_minio mc rb --force etally-minio/forms && ! form_is_there || return 1
  in_minio sh -c 'rm -r /tmp/replica && mkdir /tmp/replica && tar -C /tmp/replica -xf -' < "$WORK/replica.tar" &&
    in_minio mc mirror --quiet /tmp/replica/forms etally-minio/forms && form_is_there
}
check "MinIO's bucket is replicated to elsewhere, and comes back from there" replicate
