#!/bin/bash
# Guide 003 as a whole, on examples/signals: two services, staging and production from two branches, each with a
# Postgres of its own, a preview environment that the guide's kind of script makes, promotion by merging with the
# migrations in staging first, rollback.
. "$(dirname "$0")/../lib.sh"

# `railway` as in the guide; mktemp below $WORK, so that nothing stays.
mkdir -p "$WORK/bin" "$WORK/tmp"
ln -s "$BUILD/tram" "$WORK/bin/railway"
export PATH=$WORK/bin:$PATH TMPDIR=$WORK/tmp
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@example.org GIT_COMMITTER_NAME=Ada
export GIT_COMMITTER_EMAIL=ada@example.org
REPOSITORY=$WORK/inspector.git CLONE=$WORK/inspector

token() { python3 -c 'import json, os; print(json.load(open(os.environ["HOME"] + "/.tramway/config.json"))["token"])'; }
api() { # api QUERY [VARIABLES]: the answer's data
  local body answer
  body=$(python3 -c 'import json, sys; print(json.dumps({"query": sys.argv[1], "variables": json.loads(sys.argv[2])}))' "$1" "${2:-{\}}")
  answer=$(curl -sS --max-time 20 -H "Authorization: Bearer $(token)" -H 'Content-Type: application/json' -d "$body" "$TRAM_SERVER/graphql/v2")
  python3 -c 'import json, sys; a = json.loads(sys.argv[1]); print(json.dumps(a["data"])) if "errors" not in a else sys.exit(str(a["errors"]))' "$answer"
}
pick() { python3 -c 'import json, sys; v = json.load(sys.stdin)
for key in sys.argv[1].split("."): v = v[int(key)] if key.isdigit() else v[key]
print(v)' "$1"; }
environment_id() { railway environment list --json | python3 -c 'import json, sys; print(*[e["id"] for e in json.load(sys.stdin) if e["name"] == sys.argv[1]])' "$1"; }
service_id() { railway status --json | python3 -c 'import json, sys; print(*[e["node"]["id"] for e in json.load(sys.stdin)["services"]["edges"] if e["node"]["name"] == sys.argv[1]])' "$1"; }

check "a fresh installation starts and has its first account" start_tramway

# ---- 1: one-time setup ----

repository() {
  cp -r "$REPO/examples/signals" "$CLONE" && cd "$CLONE" || return 1
  git init -q -b main . && git add . && git commit -q -m "signals" && git branch staging
  git init -q --bare -b main "$REPOSITORY" && git remote add origin "$REPOSITORY" && git push -q origin main staging
}
check "a repository with the branches main and staging" repository

services() {
  cd "$CLONE" && railway init --name inspector || return 1
  PROJECT=$(railway status --json | pick id) && export RAILWAY_PROJECT_ID=$PROJECT
  local service
  for service in backend frontend; do railway service new $service || return 1; done
  railway add --database postgres --link backend && railway environment new staging --duplicate production || return 1
  BACKEND=$(service_id backend) FRONTEND=$(service_id frontend)
  STAGING=$(environment_id staging) PRODUCTION=$(environment_id production)
}
set_branches() { # set_branches ENVIRONMENT BRANCH
  railway environment edit --environment "$1" --skip-deploys \
    -s backend source.repo "$REPOSITORY" -s backend source.branch "$2" -s backend source.rootDirectory backend \
    -s frontend source.repo "$REPOSITORY" -s frontend source.branch "$2" -s frontend source.rootDirectory frontend
}
branches() { services && set_branches staging staging && set_branches production main; }
check "two services and Postgres; each has its branch in each environment" branches
[ -n "${PROJECT:-}" ] || exit 1

variables() {
  local environment
  for environment in staging production; do
    railway variables --environment $environment --service backend --set PORT=8000 --skip-deploys || return 1
  done
  railway variables --environment staging --service frontend --set "API_URL=http://backend.railway.internal:8000" --skip-deploys &&
    railway variables --environment production --service frontend --set "API_URL=http://backend:8000" --skip-deploys &&
    railway variables --environment staging --service frontend --kv | grep -x "API_URL=http://backend.railway.internal:8000" &&
    railway domain --environment staging --service frontend && railway domain --environment production --service frontend
}
check "each environment has an API_URL and a domain of its own" variables

# ---- 2: deploys ----

wait_live() { # wait_live ENVIRONMENT SERVICE DEPLOYMENT
  local status
  for _ in $(seq 1500); do
    status=$(railway deployment show "$3" --environment "$1" --service "$2" | awk '$1 == "Status" { print $2 }')
    [ "$status" != SUCCESS ] || return 0
    [ "$status" != FAILED ] || break
    sleep 0.3
  done
  echo "$1 $2: $status"; railway logs --build "$3" | tail -n 30; return 1
}
# shellcheck disable=SC2016 # GraphQL's variables, not the shell's
deploy_branch() { # deploy_branch ENVIRONMENT ENVIRONMENT_ID: both services from the newest commit of their branch
  local backend frontend
  api 'mutation($e: String!, $b: String!, $f: String!) { b: serviceInstanceDeployV2(environmentId: $e, serviceId: $b) f: serviceInstanceDeployV2(environmentId: $e, serviceId: $f) }' \
    "{\"e\": \"$2\", \"b\": \"$BACKEND\", \"f\": \"$FRONTEND\"}" > "$WORK/made" || return 1
  backend=$(pick b < "$WORK/made") frontend=$(pick f < "$WORK/made")
  wait_live "$1" backend "$backend" && wait_live "$1" frontend "$frontend"
}
domain_of() { railway domain --environment "$1" --service frontend | awk 'NR == 1 { print $1 }'; }
rows_of() { # what a browser is sent
  local url; url=$(domain_of "$1"); url=${url#http://}
  python3 "$REPO/tests/e2e/guides/read_stream.py" "${url%%:*}" "$HTTP_PORT"
}
shows() { # shows ENVIRONMENT BACKEND VERSION: its frontend answers, and reaches that backend
  get "$(domain_of "$1")/_stcore/health" | grep -qx ok && get "$(domain_of "$1")/" | grep -q "_stcore/stream" &&
    rows_of "$1" > "$WORK/rows" && has "backend of $2, version $3, at http://" "$WORK/rows" && has "Invited a colleague" "$WORK/rows"
}
# ---- 3: migrations, by hand: in staging first ----

in_backend() { railway run --environment "$1" --service backend "${@:2}"; } # in_backend ENVIRONMENT COMMAND…
stands_at() { [ "$(in_backend "$1" alembic current 2>/dev/null)" = "$2" ] || { in_backend "$1" alembic current; return 1; }; }
upgrade() { in_backend "$1" alembic upgrade head && stands_at "$1" "$2"; } # upgrade ENVIRONMENT REVISION
staging_live() {
  deploy_branch staging "$STAGING" && stands_at staging "" && upgrade staging "0001 (head)" && shows staging staging 1
}
production_live() {
  deploy_branch production "$PRODUCTION" && stands_at production "" && upgrade production "0001 (head)" && shows production production 1
}
check "staging deploys from staging and is migrated; its page reaches its backend by name, through a WebSocket" staging_live
check "production deploys from main, with a backend and a database of its own" production_live

# ---- 2.3: tokens, previews ----

# shellcheck disable=SC2016
tokens() {
  API_TOKEN=$(api 'mutation { apiTokenCreate(input: {name: "actions"}) }' | pick apiTokenCreate)
  PROJECT_TOKEN=$(api 'mutation($p: String!, $e: String!) { projectTokenCreate(input: {name: "ci", projectId: $p, environmentId: $e}) }' \
    "{\"p\": \"$PROJECT\", \"e\": \"$STAGING\"}" | pick projectTokenCreate)
  [ -n "$API_TOKEN" ] && [ -n "$PROJECT_TOKEN" ]
}
check "an API token and a project token" tokens
whoami_as() { HOME="$(mktemp -d)" env "$1=$2" railway whoami; }
refused() { ! whoami_as "$1" "$2" >"$WORK/out" 2>&1 && has "Unauthorized. Please login" "$WORK/out"; }
good_tokens() {
  whoami_as RAILWAY_TOKEN "$PROJECT_TOKEN" && whoami_as RAILWAY_TOKEN "$API_TOKEN" && whoami_as RAILWAY_API_TOKEN "$API_TOKEN" &&
    HOME="$(mktemp -d)" RAILWAY_API_TOKEN=$API_TOKEN railway whoami --json | pick email | grep -qx t@example.org
}
bad_tokens() { refused RAILWAY_TOKEN nonsense && refused RAILWAY_API_TOKEN nonsense && refused RAILWAY_API_TOKEN "$PROJECT_TOKEN"; }
check "railway whoami takes good tokens, in either variable" good_tokens
check "railway whoami says Unauthorized to bad ones" bad_tokens

feature() {
  cd "$CLONE" && git checkout -q -b feature/lift staging && sed -i 's/VERSION = "1"/VERSION = "2"/' backend/app/main.py &&
    migration && git add -A && git commit -q -m "lift" && git push -q origin feature/lift
}
migration() { # compatible with the code before it
  cat > backend/alembic/versions/0002_owner.py <<'PYTHON'
"""Signals have an owner."""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade():
    op.add_column("signals", sa.Column("owner", sa.String(200)))


def downgrade():
    op.drop_column("signals", "owner")
PYTHON
}
ci() { HOME="$WORK/home-ci" PR_NUMBER=12 "$@"; } # a runner, which has nothing but its secrets
preview() {
  feature && mkdir -p "$WORK/home-ci" || return 1
  ! ci env RAILWAY_API_TOKEN=nonsense scripts/railway_preview_env.sh || return 1
  local workspace; workspace=$(tram whoami --json | grep -A3 '"workspaces"' | grep -o '[0-9a-f-]\{36\}' | head -n 1)
  ci env RAILWAY_API_TOKEN="$API_TOKEN" RAILWAY_TOKEN=old RAILWAY_WORKSPACE_ID="$workspace" scripts/railway_preview_env.sh | tee "$WORK/out" || return 1
  has "Environment pr-12 created!" "$WORK/out" && has "Preview environment ready: pr-12" "$WORK/out" || return 1
  ci env RAILWAY_TOKEN="$API_TOKEN" scripts/railway_preview_env.sh | tee "$WORK/out" && has "is there already" "$WORK/out" &&
    railway variables --environment pr-12 --service backend --kv | grep -qx PORT=8000
}
check "the script makes the preview environment of a pull request, once, and gives it its API_URL" preview
preview_deploys() {
  local service
  for service in backend frontend; do
    ci env RAILWAY_API_TOKEN="$API_TOKEN" railway up --ci --environment pr-12 --service $service || return 1
  done
  [ "$(domain_of pr-12)" != "$(domain_of staging)" ] && stands_at pr-12 "" && upgrade pr-12 "0002 (head)" && shows pr-12 pr-12 2 &&
    shows staging staging 1 && stands_at staging "0001 (head)"
}
check "the pull request's code runs there, with an empty database of its own; staging is as it was" preview_deploys
preview_goes() {
  local url; url=$(domain_of pr-12)
  ci env RAILWAY_API_TOKEN="$API_TOKEN" scripts/railway_preview_cleanup.sh && ! railway environment pr-12 || return 1
  ci env RAILWAY_API_TOKEN="$API_TOKEN" scripts/railway_preview_cleanup.sh || return 1
  for _ in $(seq 200); do
    [ "$(curl -sS -o /dev/null -w '%{http_code}' --max-time 5 --resolve "*:$HTTP_PORT:127.0.0.1" "$url/_stcore/health")" = 404 ] && return 0
    sleep 0.1
  done
  echo "$url still answers"; return 1
}
check "when the pull request is closed the script deletes it" preview_goes

# ---- 2.2: release, rollback ----

merge() { git checkout -q "$2" && git merge -q --no-ff -m "Merge $1" "$1" && git push -q origin "$2"; } # merge FROM INTO
promote() {
  cd "$CLONE" && merge feature/lift staging && deploy_branch staging "$STAGING" && stands_at staging "0001" &&
    upgrade staging "0002 (head)" && shows staging staging 2 && shows production production 1 || return 1
  git diff --name-only main staging -- backend/alembic/versions | grep -qx backend/alembic/versions/0002_owner.py || return 1
  merge staging main && deploy_branch production "$PRODUCTION" && stands_at production "0001" &&
    in_backend production alembic history --verbose | head -n 2 | grep -x "Rev: 0002 (head)" && upgrade production "0002 (head)" && shows production production 2
}
check "a merge into staging, and staging's into main, promote it; migrations are applied in staging first" promote
sync_branches() {
  cd "$CLONE" && ! git diff --quiet main~1 main && scripts/sync_staging_to_main.sh &&
    [ "$(git -C "$REPOSITORY" rev-parse staging)" = "$(git -C "$REPOSITORY" rev-parse main)" ]
}
check "afterwards the branch staging equals main" sync_branches
rollback() {
  local former
  former=$(railway deployment list --environment production --service backend --json |
    python3 -c 'import json, sys; print(json.load(sys.stdin)[1]["id"])')
  in_backend production alembic downgrade -1 && stands_at production "0001" &&
    railway rollback --environment production --service backend --yes "$former" && shows production production 1 && stands_at production "0001 (head)" &&
    shows staging staging 2 && stands_at staging "0002 (head)"
}
check "a rollback brings production's former release back, after its schema; staging's stays" rollback

sync() {
  railway environment sync staging --environment production < /dev/null > "$WORK/out" 2>&1 && return 1 # nobody said yes
  has "frontend  Edited" "$WORK/out" && ! grep -q "source.branch" "$WORK/out" &&
    has "API_URL" "$WORK/out" && railway variables --environment production --service frontend --kv | grep -qx "API_URL=http://backend:8000" &&
    railway environment sync staging --environment production --yes --skip-deploys &&
    railway variables --environment production --service frontend --kv | grep -qx "API_URL=http://backend.railway.internal:8000"
}
check "production can be made like staging, after a look at what differs; its branch stays" sync
