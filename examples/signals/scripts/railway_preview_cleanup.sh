#!/usr/bin/env bash
# Deletes the preview environment of a pull request; one that is gone already is fine.
# Needs PR_NUMBER, RAILWAY_PROJECT_ID, and RAILWAY_API_TOKEN (or the same token as RAILWAY_TOKEN).
set -euo pipefail

: "${PR_NUMBER:?the number of the pull request}" "${RAILWAY_PROJECT_ID:?the id of the project}"
name=pr-$PR_NUMBER

[[ -z ${RAILWAY_API_TOKEN:-} ]] || unset RAILWAY_TOKEN # it would win
railway link ${RAILWAY_WORKSPACE_ID:+--workspace "$RAILWAY_WORKSPACE_ID"} \
  --project "$RAILWAY_PROJECT_ID" --environment "${BASE_ENV_NAME:-staging}" >/dev/null

if ! railway environment "$name" >/dev/null 2>&1; then
  echo "There is no environment $name"
  exit 0
fi
railway environment delete "$name" --yes
