#!/bin/bash
# Guide 004: a FastAPI backend with the guide's railway.toml and Dockerfile as they stand, and every command of
# its verification, debugging and rollback sections, typed with `railway`; with Postgres, to which the application demands TLS.
. "$(dirname "$0")/../lib.sh"
. "$REPO/tests/images/provide.sh"
PATH=$BUILD:$PATH
check "a fresh installation starts and has its first account" start_tramway
check "the image of MinIO" provide_image minio minio/minio:latest
cp -r "$REPO/examples/loans" "$WORK/loans"
cd "$WORK/loans/le-backend" || exit 1
site() { railway domain | head -n 1; }
in_service() { printf '%s\n' "$1" | railway shell --service backend; }
health() { get "$(site)/api/v1/health" | tee /dev/stderr | grep -q '"status":"healthy"'; }

check "the verification script" node scripts/verify-backend-deployment.js
planned() {
  mkdir "$WORK/planned" && cp -r app requirements.txt railway.toml "$WORK/planned/" || return 1
  echo '[deploy.performance]' >> "$WORK/planned/railway.toml"
  railway build --plan "$WORK/planned" > "$WORK/out" 2>&1 && has "alembic upgrade head && uvicorn app.main:app" "$WORK/out" &&
    has "unknown key 'deploy.performance'" "$WORK/out" && has "provider  python" "$WORK/out"
}
check "railway build --plan, with what railway.toml sets" planned
database() { railway init --name backend && railway add --database postgres; }
check "New Service, Database, PostgreSQL" database
variables() {
  local url; url=$(railway variables --service Postgres --kv | sed -n 's/^DATABASE_URL=//p') # the guide's reader copies it
  railway service new backend || return 1
  # Debian 12, which has the Python of the Dockerfile, has no FastAPI of that age.
  railway variables --service backend --set TRAMWAY_DEBIAN_SUITE=trixie --set "DATABASE_URL=$url" --set DEBUG=false \
    --set SECRET_KEY=0123456789abcdef0123456789abcdef --set PIP_NO_CACHE_DIR=mine \
    --set RAILWAY_HEALTHCHECK_TIMEOUT_SEC=120 --skip-deploys
}
check "its DATABASE_URL is copied to the backend's variables" variables
up() { railway up --ci --service backend > "$WORK/up" 2>&1 || { cat "$WORK/up"; return 1; }; }
failed() { ! up >/dev/null && has "$1" "$WORK/up" && has "after 3 restarts" "$WORK/up" && railway deployments --service backend --limit 1 | grep FAILED; }
empty() {
  failed 'relation "loans" does not exist' && has "found 'railway.toml' at 'railway.toml'" "$WORK/up" &&
    has "Using detected Dockerfile" "$WORK/up"
}
check "the first migration fails on an empty database: three more starts, then FAILED" empty
stamp() { # once without migrations, which makes the tables
  cp railway.toml "$WORK/" && sed -i 's/alembic upgrade head && //' railway.toml && up && railway service link backend &&
    in_service 'alembic stamp head; alembic current' > "$WORK/out" && has "0002 (head)" "$WORK/out" && cp "$WORK/railway.toml" .
}
check "once without migrations, then alembic stamp head" stamp
first() {
  up && has "it sets build.builder, deploy.startCommand" "$WORK/up" && site && health
}
check "railway.toml and Dockerfile are taken as they stand" first
FIRST=$(railway deployments --limit 1 | awk '{ print $1; exit }')
sign_in() { get "$(site)/api/v1/auth/token" -d username=admin -d password=admin | grep -o '"access_token":"[^"]*' | cut -d'"' -f4 > "$WORK/token"; }
as_admin() { get "$(site)$1" -H "Authorization: Bearer $(cat "$WORK/token")" "${@:2}"; }
lend() { sign_in && as_admin /api/v1/loans -H 'Content-Type: application/json' -d '{"borrower": "Ada", "amount_cents": 1200}'; }
lent() { get "$(site)/api/v1/loans" | tee /dev/stderr | grep -q '"borrower":"Ada"'; }
check "a loan is asked for" lend
encrypted() {
  in_service 'psql $DATABASE_URL -c "SELECT version();"' | grep "PostgreSQL" &&
    in_service "psql \$DATABASE_URL -tAc \"SELECT a.application_name = 'psql', s.ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.client_addr IS NOT NULL\"" > "$WORK/out" &&
    grep -qx 'f|t' "$WORK/out" && ! grep '|f' "$WORK/out"
}
check "psql \$DATABASE_URL -c …; every connection is encrypted" encrypted
environment() {
  in_service 'echo "$PYTHON_VERSION $PIP_NO_CACHE_DIR"' > "$WORK/out" && has "3.11 mine" "$WORK/out"
}
check "[env] is there, and a variable of the service is stronger" environment
docs() { get "$(site)/docs" | grep -qi swagger && lent; }
check "the documentation and the database answer" docs
recorded() {
  railway deployments --json > "$WORK/out" && has '"configFile": "railway.toml"' "$WORK/out" &&
    has '"deploy.healthcheckPath": "$.deploy.healthcheckPath"' "$WORK/out"
}
check "the deployment says what the file set" recorded

logs() { railway logs --service backend > "$WORK/out" && has "Connected to the database" "$WORK/out" && has "Application startup complete" "$WORK/out"; }
check "railway logs --service backend" logs
shell() {
  in_service 'alembic downgrade -1; alembic current; alembic upgrade head; alembic current' > "$WORK/out" 2>&1 &&
    has "0002 -> 0001" "$WORK/out" && has "0002 (head)" "$WORK/out"
}
check "railway shell --service backend: alembic upgrade head, downgrade -1" shell
listed() { railway variables --service backend > "$WORK/out" && has "SECRET_KEY" "$WORK/out" && has "RAILWAY_SERVICE_NAME" "$WORK/out"; }
check "railway variables --service backend" listed
storage() { # the guide's optional MinIO; the redeploy below takes the variables along
  railway add --image minio/minio:latest --service minio -v MINIO_ROOT_USER=loans -v MINIO_ROOT_PASSWORD=a-long-enough-secret &&
    railway environment edit -s minio deploy.startCommand "minio server /data" && railway service link backend &&
    railway variables --service backend --set MINIO_ENDPOINT=minio.railway.internal:9000 --set MINIO_ACCESS_KEY=loans \
      --set MINIO_SECRET_KEY=a-long-enough-secret --set MINIO_BUCKET_NAME=lc-workflow-files --set MINIO_SECURE=false --skip-deploys
}
check "a service of MinIO's image, and its variables" storage
redeploy() { railway redeploy --service backend > "$WORK/out" && has "was deployed again" "$WORK/out" && health && lent; }
check "railway redeploy --service backend" redeploy
upload() {
  local url
  url=$(as_admin /api/v1/files -F "file=@requirements.txt" | sed 's/.*"url":"\([^"]*\)".*/\1/') &&
    in_service "curl -fsS '$url'" | diff - requirements.txt
}
check "a file goes to MinIO, and its signed URL shows it" upload

# What fails leaves what served.
failing() {
  sed "s/0002/0003/; s/0001/0002/; s/loans/borrowers/g" migrations/versions/0002_state_index.py > migrations/versions/0003_borrowers.py
  railway variables --service backend --set LATER=1 --skip-deploys && failed 'relation "borrowers" does not exist' && health && lent
}
check "a migration that fails: three more starts, FAILED, and the one before serves" failing
mistyped() {
  sed -i 's/^healthcheckTimeout = 300/healthcheckTimeout = "soon"/' railway.toml
  railway up --ci --service backend > "$WORK/out" 2>&1 && return 1
  cp "$WORK/railway.toml" . && has "railway.toml: line 7: setting 'deploy.healthcheckTimeout': must be a whole number" "$WORK/out" && health
}
check "a wrong type in railway.toml is told with its line" mistyped
id_in() { railway "$1" list --json | grep -o '[0-9a-f-]\{36\}' | head -n 1; }
service_id() { railway service list --json | tr -d '\n' | tr '{' '\n' | grep '"backend"' | sed 's/.*"serviceId": *"\([^"]*\)".*/\1/'; }
config_file() { # config_file JSON: the service's railwayConfigFile
  railway api 'mutation($e:String!,$s:String!,$f:String){serviceInstanceUpdate(environmentId:$e,serviceId:$s,input:{railwayConfigFile:$f})}' \
    --variables "{\"e\":\"$(id_in environment)\",\"s\":\"$(service_id)\",\"f\":$1}"
}
missing() {
  config_file '"/ops/railway.toml"' || return 1
  railway up --ci --service backend > "$WORK/out" 2>&1 && return 1
  config_file null && has "there is no config file 'ops/railway.toml' in the source" "$WORK/out" && health
}
check "a config file that is named must be there" missing
rollback() {
  railway deployments > "$WORK/list" || return 1
  grep "$FIRST" "$WORK/list" && railway rollback "$FIRST" && health && lent &&
    in_service 'echo "${LATER:-gone} $PYTHON_VERSION"' > "$WORK/out" && has "gone 3.11" "$WORK/out"
}
check "railway deployments, railway rollback <deployment-id>" rollback
