#!/usr/bin/env bash
# Makes the preview environment of a pull request, or finds it: a copy of staging whose frontend talks to
# the backend of the same environment.  For CI, which then deploys the pull request's code into it:
#
#   railway up --ci --environment pr-123 --service backend
#
# Needs PR_NUMBER, RAILWAY_PROJECT_ID, and RAILWAY_API_TOKEN (or the same token as RAILWAY_TOKEN).
# BASE_ENV_NAME, FRONTEND_SERVICE_NAME, FRONTEND_API_URL and RAILWAY_WORKSPACE_ID may be set.
set -euo pipefail

: "${PR_NUMBER:?the number of the pull request}" "${RAILWAY_PROJECT_ID:?the id of the project}"
base=${BASE_ENV_NAME:-staging}
service=${FRONTEND_SERVICE_NAME:-frontend}
api_url=${FRONTEND_API_URL:-http://backend.railway.internal:8000}
name=pr-$PR_NUMBER

[[ -z ${RAILWAY_API_TOKEN:-} ]] || unset RAILWAY_TOKEN # it would win
railway --version
# A token with a line break at its end is the usual mistake; a stored sign-in must not hide it.
if ! HOME="$(mktemp -d)" railway whoami; then
  echo "The token is not valid: make a new one, and copy it whole." >&2
  exit 1
fi
railway whoami --json >/dev/null

railway link ${RAILWAY_WORKSPACE_ID:+--workspace "$RAILWAY_WORKSPACE_ID"} \
  --project "$RAILWAY_PROJECT_ID" --environment "$base" >/dev/null

if railway environment "$name" >/dev/null 2>&1; then
  echo "The environment $name is there already"
else
  railway environment new "$name" --duplicate "$base"
fi
railway variables --environment "$name" --service "$service" --set "API_URL=$api_url" --skip-deploys >/dev/null
echo "Preview environment ready: $name"
