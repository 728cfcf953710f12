#!/bin/bash
# Guide 004: a FastAPI backend with the guide's railway.toml and Dockerfile as they stand, and every command of
# its verification, debugging and rollback sections, typed with `railway`.  SQLite stands in for its Postgres.
. "$(dirname "$0")/../lib.sh"
PATH=$BUILD:$PATH
check "a fresh installation starts and has its first account" start_tramway
cp -r "$REPO/examples/loans" "$WORK/loans"
cd "$WORK/loans/le-backend" || exit 1
site() { railway domain | head -n 1; }
health() { get "$(site)/api/v1/health" | tee /dev/stderr | grep -q '"status":"healthy"'; }

check "the verification script" node scripts/verify-backend-deployment.js
planned() {
  mkdir "$WORK/planned" && cp -r app requirements.txt railway.toml "$WORK/planned/" || return 1
  echo '[deploy.performance]' >> "$WORK/planned/railway.toml"
  railway build --plan "$WORK/planned" > "$WORK/out" 2>&1 && has "alembic upgrade head && uvicorn app.main:app" "$WORK/out" &&
    has "unknown key 'deploy.performance'" "$WORK/out" && has "provider  python" "$WORK/out"
}
check "railway build --plan, with what railway.toml sets" planned
first() {
  railway init --name backend && railway service new backend || return 1
  # Debian 12, which has the Python of the Dockerfile, has no FastAPI of that age.
  railway variables --service backend --set TRAMWAY_DEBIAN_SUITE=trixie --set DEBUG=false \
    --set SECRET_KEY=0123456789abcdef0123456789abcdef --set PIP_NO_CACHE_DIR=mine \
    --set RAILWAY_HEALTHCHECK_TIMEOUT_SEC=120 --skip-deploys || return 1
  railway up --ci --service backend > "$WORK/up" 2>&1 || { cat "$WORK/up"; return 1; }
  has "found 'railway.toml' at 'railway.toml'" "$WORK/up" && has "it sets build.builder, deploy.startCommand" "$WORK/up" &&
    has "Using detected Dockerfile" "$WORK/up" && railway service link backend && site && health
}
check "railway.toml and Dockerfile are taken as they stand" first
in_service() { printf '%s\n' "$1" | railway shell --service backend; }
environment() {
  in_service 'echo "$PYTHON_VERSION $PIP_NO_CACHE_DIR"' > "$WORK/out" && has "3.11 mine" "$WORK/out"
}
check "[env] is there, and a variable of the service is stronger" environment
docs() { get "$(site)/docs" | grep -qi swagger && get "$(site)/api/v1/loans" | grep -qx '\[\]'; }
check "the documentation and the database answer" docs
recorded() {
  railway deployments --json > "$WORK/out" && has '"configFile": "railway.toml"' "$WORK/out" &&
    has '"deploy.healthcheckPath": "$.deploy.healthcheckPath"' "$WORK/out"
}
check "the deployment says what the file set" recorded

logs() { railway logs --service backend > "$WORK/out" && has "Application startup complete" "$WORK/out" && has "0002" "$WORK/out"; }
check "railway logs --service backend" logs
shell() { in_service 'alembic upgrade head; alembic current' > "$WORK/out" && has "0002 (head)" "$WORK/out"; }
check "railway shell --service backend: alembic upgrade head" shell
variables() { railway variables --service backend > "$WORK/out" && has "SECRET_KEY" "$WORK/out" && has "RAILWAY_SERVICE_NAME" "$WORK/out"; }
check "railway variables --service backend" variables
redeploy() { railway redeploy --service backend > "$WORK/out" && has "was deployed again" "$WORK/out" && health; }
check "railway redeploy --service backend" redeploy

# What fails leaves what served.
failing() {
  railway variables --service backend --set FAIL_MIGRATION=1 --skip-deploys && cp railway.toml "$WORK/" || return 1
  railway up --ci --service backend > "$WORK/out" 2>&1 && { echo "it succeeded"; cat "$WORK/out"; return 1; }
  has "migration 0002 fails" "$WORK/out" && has "after 3 restarts" "$WORK/out" && health || { cat "$WORK/out"; return 1; }
  railway deployments > "$WORK/list" && head -n 1 "$WORK/list" | grep -q FAILED
}
check "a migration that fails: three more starts, FAILED, and the one before serves" failing
mistyped() {
  sed -i 's/^healthcheckTimeout = 300/healthcheckTimeout = "soon"/' railway.toml
  railway up --ci --service backend > "$WORK/out" 2>&1 && return 1
  cp "$WORK/railway.toml" . && has "railway.toml: line 7: setting 'deploy.healthcheckTimeout': must be a whole number" "$WORK/out" && health
}
check "a wrong type in railway.toml is told with its line" mistyped
id_in() { railway "$1" list --json | grep -o '[0-9a-f-]\{36\}' | head -n 1; }
config_file() { # config_file JSON: the service's railwayConfigFile
  railway api 'mutation($e:String!,$s:String!,$f:String){serviceInstanceUpdate(environmentId:$e,serviceId:$s,input:{railwayConfigFile:$f})}' \
    --variables "{\"e\":\"$(id_in environment)\",\"s\":\"$(railway service list --json | grep '"serviceId"' | grep -o '[0-9a-f-]\{36\}' | head -n 1)\",\"f\":$1}"
}
missing() {
  config_file '"/ops/railway.toml"' || return 1
  railway up --ci --service backend > "$WORK/out" 2>&1 && return 1
  config_file null && has "there is no config file 'ops/railway.toml' in the source" "$WORK/out" && health
}
check "a config file that is named must be there" missing
rollback() {
  railway deployments > "$WORK/list" || return 1
  local first
  first=$(tail -n 1 "$WORK/list" | grep -o '[0-9a-f-]\{36\}')
  railway rollback "$first" && health && in_service 'echo "${FAIL_MIGRATION:-gone} $PYTHON_VERSION"' > "$WORK/out" && has "gone 3.11" "$WORK/out"
}
check "railway deployments, railway rollback <deployment-id>" rollback
