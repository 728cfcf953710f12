#!/bin/bash
# Guide 000 as a whole, on examples/ticket: an API that serves its front end, deployed from a repository, with
# Postgres linked, a release command, production's checks, and a reset of the database from outside.
. "$(dirname "$0")/../lib.sh"

mkdir -p "$WORK/bin" # `railway` and `python` as in the guide; psycopg2 is Debian's
ln -s "$BUILD/tram" "$WORK/bin/railway" && ln -s /usr/bin/python3 "$WORK/bin/python"
export PATH=$WORK/bin:$PATH GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@example.org
export GIT_COMMITTER_NAME=Ada GIT_COMMITTER_EMAIL=ada@example.org
REPOSITORY=$WORK/hello-ticket.git CLONE=$WORK/hello-ticket
PASSWORD=correct-horse-battery # of the first user

check "a fresh installation starts and has its first account" start_tramway

field() { python -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
newest() { railway deployments --service ticket --limit 1 | awk '{ print $1; exit }'; }
wait_for() { # wait_for STATUS [SERVICE]: of its newest deployment
  local status
  for _ in $(seq 1500); do
    status=$(railway deployments --service "${2:-ticket}" --limit 1 --json | grep -o '"status": *"[A-Z]*"' | head -n 1)
    case $status in
      *\""$1"\") return 0 ;;
      *FAILED* | *CRASHED* | *SUCCESS*) break ;;
    esac
    sleep 0.2
  done
  echo "${2:-ticket}: $status"; railway deployment show "$(newest)"; railway logs --build "$(newest)" | tail -n 30; railway logs "$(newest)" | tail; return 1
}
push() { git add -A && git commit -q -m "$1" && git push -q origin main; }
site() { get "$(cat "$WORK/url")$1" "${@:2}"; }
healthy() { site /health | tee /dev/stderr | grep -q '"status":"healthy","database":"connected","environment":"production"'; }

# ---- Deploy on Railway ----

repository() {
  cp -r "$REPO/examples/ticket" "$CLONE" && cd "$CLONE" && git init -q -b main . && git init -q --bare -b main "$REPOSITORY" &&
    git remote add origin "$REPOSITORY" && git add -f . && push "hello"
}
check "a repository, with a node_modules that somebody committed" repository
cd "$CLONE" || exit 1
project() { railway init --name hello-ticket && railway add --repo "$REPOSITORY" --branch main --service ticket; }
check "1: New Project, Deploy from GitHub" project
database() {
  railway add --database postgres --link ticket && railway variables --service Postgres --kv > "$WORK/out" &&
    has "DATABASE_URL=postgresql://postgres:" "$WORK/out" && railway variables --service ticket --kv | grep -x "$(grep ^DATABASE_URL= "$WORK/out")"
}
check "2: New, Database, PostgreSQL, linked to the service" database

settings() {
  railway environment edit --skip-deploys -s ticket build.builder DOCKERFILE -s ticket build.dockerfilePath Dockerfile \
    -s ticket deploy.preDeployCommand '["python tools/migrate-db.py upgrade"]' &&
    railway domain --service ticket | awk 'NR == 1 { print $1 }' > "$WORK/url" && [ -s "$WORK/url" ]
}
check "3: Builder, Dockerfile path, Release Command" settings
secret() { python -c "import secrets; print(secrets.token_urlsafe(32))"; }
variables() {
  railway variables --service ticket --set ENVIRONMENT=production --set "SECRET_KEY=$(secret)" \
    --set "ALLOWED_ORIGINS=$(cat "$WORK/url")" --set "DEFAULT_ADMIN_PASSWORD=$PASSWORD"
}
check "3: Variables" variables
live() { wait_for SUCCESS && healthy; }
check "4: Deploy" live

# ---- one host ----

spa() {
  site / > "$WORK/page" && has '<main id="page">' "$WORK/page" && site /tickets/1 | cmp - "$WORK/page" || return 1
  local script; script=$(grep -o '/assets/[^"]*\.js' "$WORK/page")
  site "$script" > "$WORK/script" && has "keeps the tickets of a small help desk" "$WORK/script" && ! grep -q "console.log" "$WORK/script" &&
    [ "$(site /assets/nothing.js -o /dev/null -w '%{http_code}' 2>/dev/null)" = 404 ]
}
check "the page, its assets, and a link that leads deep into it" spa
docs() { site /docs | grep -qi swagger && site /openapi.json | grep -q '"/api/v1/auth/token"'; }
check "the API's documentation" docs
sign_in() { site /api/v1/auth/token -d username=admin -d "password=$PASSWORD" | field access_token > "$WORK/token"; }
as_admin() { site "$1" -H "Authorization: Bearer $(cat "$WORK/token")" "${@:2}"; }
add_ticket() { as_admin /api/v1/tickets -H 'Content-Type: application/json' -d "{\"title\": \"$1\"}" >/dev/null; }
login() {
  sign_in && as_admin /api/v1/auth/me | grep -q admin@example.com && add_ticket "The printer is on fire" &&
    site /api/v1/tickets | grep -q "on fire" && ! site /api/v1/auth/token -d username=admin -d password=admin
}
check "the first user signs in, and adds a ticket" login
cors() {
  preflight() { site /api/v1/tickets -X OPTIONS -H "Origin: $1" -H 'Access-Control-Request-Method: POST' -o /dev/null -w '%{http_code}'; }
  [ "$(preflight "$(cat "$WORK/url")")" = 200 ] && [ "$(preflight https://elsewhere.example 2>/dev/null)" = 400 ]
}
check "the own origin is allowed, others are not" cors
port() { [ "$(railway run --service ticket printenv PORT)" = 8080 ] && railway logs --service ticket -n 200 | grep -q "running on http://0.0.0.0:8080"; }
check "PORT is the platform's, not the image's" port
ignored() { railway run --service ticket ls -A backend tools > "$WORK/out" && has env.example "$WORK/out" && ! railway run --service ticket ls README.md 2>/dev/null; }
check "the image holds what .dockerignore lets in" ignored
migrated() {
  railway run --service ticket python tools/migrate-db.py status > "$WORK/out" && has "current: 0001" "$WORK/out" && has "pending: none" "$WORK/out" &&
    railway run --service ticket python tools/migrate-db.py current > "$WORK/out" && has "0001 (head)" "$WORK/out" &&
    railway run --service ticket python tools/migrate-db.py history > "$WORK/out" && has "All tables." "$WORK/out"
}
check "the state of the migrations" migrated

# ---- production's checks ----

refused() { # refused TEXT VARIABLE=VALUE…
  local text=$1 set=(); shift
  for one in "$@"; do set+=(--set "$one"); done
  railway variables --service ticket "${set[@]}" && wait_for FAILED && healthy && site /api/v1/tickets | grep -q "on fire" &&
    railway logs --deployment --latest --service ticket -n 100 > "$WORK/out" && has "$text" "$WORK/out"
}
weak() {
  local key; key=$(railway variables --service ticket --kv | sed -n 's/^SECRET_KEY=//p')
  refused "SECRET_KEY must have at least 32 characters; ALLOWED_ORIGINS must name the origins" SECRET_KEY=short 'ALLOWED_ORIGINS=*' &&
    railway variables --service ticket --set "SECRET_KEY=$key" --set "ALLOWED_ORIGINS=$(cat "$WORK/url")" --skip-deploys
}
check "a weak SECRET_KEY and the origin * are refused; what served serves" weak

# ---- Database schema on Railway ----

migration() { # the next one: tickets get a priority
  cat > backend/alembic/versions/0002_priority.py <<'PYTHON'
"""Tickets have a priority."""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade():
    op.add_column("tickets", sa.Column("priority", sa.Integer, nullable=False, server_default="0"))


def downgrade():
    op.drop_column("tickets", "priority")
PYTHON
}
sql() { railway run --service ticket python -c 'import os, psycopg2, sys
with psycopg2.connect(os.environ["DATABASE_URL"]) as c: c.cursor().execute(sys.argv[1])' "$1"; }
broken() {
  sql "DROP TABLE tickets" && migration && push "priorities" && ! railway redeploy --from-source --service ticket --yes > "$WORK/out" 2>&1 &&
    railway logs --deployment --latest --service ticket -n 100 > "$WORK/out" && has 'relation "tickets" does not exist' "$WORK/out" && healthy
}
check "a release whose migration fails is not deployed" broken
public_url() { railway variables --service Postgres --kv | sed -n 's/^DATABASE_PUBLIC_URL=//p'; }
open_to_here() { [ -z "$(public_url)" ] && railway tcp-proxy create --port 5432 --service Postgres --allow 127.0.0.1 && [ -n "$(public_url)" ]; }
check "the database is private until it has a TCP proxy" open_to_here
reset() {
  ! echo no | ENVIRONMENT=production DATABASE_URL="$(public_url)" python tools/reset-db.py > "$WORK/out" 2>&1 &&
    has "Type 'yes' to go on: Nothing was changed." "$WORK/out" &&
    DATABASE_URL="$(public_url)" python tools/reset-db.py > "$WORK/out" && has "over TLS: alembic_version, users" "$WORK/out"
}
check "the database is reset from outside, which asks when it is production's" reset
again() {
  railway redeploy --from-source --service ticket --yes && healthy && sign_in && add_ticket "It is out now" &&
    railway run --service ticket python tools/migrate-db.py status | grep -x "current: 0002"
}
check "then it is deployed again, and has all its tables" again

# ---- optional production variables; a volume for what is uploaded ----

optional() {
  railway volume --service ticket add --mount-path /app/backend/uploads &&
    railway variables --service ticket --set CACHE_BACKEND=redis --set REQUIRE_TENANT=true --set DEFAULT_TENANT_ID=default-tenant --skip-deploys &&
    railway add --database redis --link ticket && wait_for SUCCESS && healthy || return 1
  ! site /api/v1/tickets && site /api/v1/tickets -H "X-Tenant-ID: default-tenant" | grep -q "It is out now" &&
    [ "$(site /api/v1/tickets/count -H "X-Tenant-ID: default-tenant")" = '{"tickets":1,"cache":"redis"}' ]
}
check "with Redis as its cache, tenants, and a volume" optional
uploads() {
  local url
  url=$(as_admin /api/v1/tickets/1/attachment -H "X-Tenant-ID: default-tenant" -F "file=@README.md" | field url) &&
    railway redeploy --service ticket --yes && site "$url" | cmp - README.md
}
check "what was uploaded is there after the next deployment" uploads
