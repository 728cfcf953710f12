#!/bin/bash
# People: tokens and their variables, roles, invitations, sessions, signing in from another machine, the
# audit log, and the limit of requests; typed as people and scripts type it.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 1
start_tramway || exit 1
mkdir -p "$WORK/apps/shop" "$WORK/elsewhere" "$WORK/bob" && cd "$WORK/apps/shop" || exit 1

as_bob() { HOME=$WORK/bob "$BUILD/tram" "$@"; }
railway() { "$BUILD/railway" "$@"; }
refused() { # refused TEXT COMMAND…: it fails and says so
  local text=$1; shift
  ! "$@" >"$WORK/refused.out" 2>&1 && has "$text" "$WORK/refused.out"
}

project_is_there() { tram init -n shop && tram service new api && tram variable set KEY=hidden-c0ffee -s api --skip-deploys; }
check "a project with a variable" project_is_there
PROJECT=$(tram status --json | sed -n 's/^ *"projectId": "\(.*\)".*/\1/p' | head -n 1)
[ -n "$PROJECT" ] || PROJECT=$(tram list --json | sed -n 's/^    "id": "\(.*\)",/\1/p' | head -n 1)
ENVIRONMENT=$(tram environment list --json | sed -n 's/.*"id": "\(.*\)".*/\1/p' | head -n 1)

tokens_work() {
  local account project
  account=$(tram token create laptop) && project=$(tram token create ci --environment production) || return 1
  RAILWAY_API_TOKEN=$account railway whoami | grep -F "t@example.org" &&
    RAILWAY_TOKEN=$project railway whoami | grep -F "production" &&
    (cd "$WORK/elsewhere" && RAILWAY_TOKEN=$project railway variables -s api --kv | grep -F hidden-c0ffee) &&
    RAILWAY_TOKEN=$project RAILWAY_API_TOKEN=wrong railway whoami &&
    refused "RAILWAY_TOKEN was refused" env RAILWAY_TOKEN=wrong RAILWAY_API_TOKEN="$account" "$BUILD/railway" status &&
    RAILWAY_API_TOKEN=$account tram token list | grep -E "ci +project" &&
    ! tram token list --json | grep -F "$account" &&
    tram token delete ci && tram token delete laptop &&
    refused "RAILWAY_API_TOKEN was refused" env RAILWAY_API_TOKEN="$account" "$BUILD/railway" whoami &&
    refused "Unauthorized" env RAILWAY_TOKEN="$project" "$BUILD/railway" status
}
check "tokens do what their variables say, and end at once" tokens_work

expires() {
  local token
  token=$(tram token create short --expires 1s) || return 1
  for _ in $(seq 50); do
    RAILWAY_API_TOKEN=$token railway whoami >/dev/null 2>&1 || return 0
    sleep 0.1
  done
  return 1
}
check "a token ends when it was said to" expires

by_variables() {
  cd "$WORK/elsewhere" || return 1
  RAILWAY_PROJECT_ID=$PROJECT RAILWAY_ENVIRONMENT_ID=$ENVIRONMENT RAILWAY_SERVICE_ID=api railway variables --kv | grep -F KEY= &&
    TRAM_PROJECT_ID=$PROJECT TRAM_ENVIRONMENT_ID=$ENVIRONMENT TRAM_SERVICE_ID=api tram variables --kv | grep -F KEY= &&
    refused "without RAILWAY_PROJECT_ID" env RAILWAY_ENVIRONMENT_ID="$ENVIRONMENT" "$BUILD/railway" status
}
check "RAILWAY_PROJECT_ID, _ENVIRONMENT_ID and _SERVICE_ID name what a folder is not linked to" by_variables

bob_joins() {
  local link
  link=$(tram invite --role deployer | sed 's/.* accept //') || return 1
  printf 'correct horse\n' | as_bob invite accept "$link" --email bob@example.org --name Bob --password-stdin &&
    as_bob whoami | grep -F bob@example.org && tram workspace members | grep -E "bob@example.org +Bob +DEPLOYER" &&
    refused "used already" as_bob invite accept "$link"
}
check "an invitation makes an account and a member, once" bob_joins

deployer_is_bounded() {
  as_bob link -p shop -e production -s api && as_bob status | grep -F shop &&
    refused "needs the role member" as_bob variables -s api &&
    refused "needs the role admin" as_bob environment delete production -y
}
check "a deployer sees the project and neither reads nor changes it" deployer_is_bounded

roles_change() {
  tram workspace role bob@example.org member && as_bob variables -s api --kv | grep -F hidden-c0ffee &&
    refused "only admin" tram workspace role t@example.org viewer &&
    tram workspace remove bob@example.org -y && refused "not found" as_bob variables -s api
}
check "a role counts from the next request on" roles_change

code_of() { # code_of SECRET STEPS_AHEAD: what the app would show
  python3 - "$@" <<'PY'
import base64, hashlib, hmac, struct, sys, time
digest = hmac.new(base64.b32decode(sys.argv[1]), struct.pack('>Q', int(time.time()) // 30 + int(sys.argv[2])), hashlib.sha1).digest()
at = digest[-1] & 15
print('%06d' % ((struct.unpack('>I', digest[at:at + 4])[0] & 0x7fffffff) % 1000000))
PY
}

second_factor() {
  local secret recovery
  secret=$(as_bob 2fa enable 2>/dev/null | head -n 1) && [ ${#secret} = 32 ] || return 1
  recovery=$(as_bob 2fa enable --2fa-code "$(code_of "$secret" 0)" 2>/dev/null | head -n 1) && [ -n "$recovery" ] || return 1
  as_bob 2fa | grep -F "is on" || return 1
  refused "needs --2fa-code: Two Factor Authentication Required" bash -c "printf 'correct horse\n' | '$BUILD/tram' login --email bob@example.org --password-stdin" &&
    printf 'correct horse\n' | as_bob login --email bob@example.org --password-stdin --2fa-code "$(code_of "$secret" 1)" &&
    refused "needs --2fa-code" as_bob 2fa disable </dev/null &&
    as_bob 2fa disable --2fa-code "$recovery" && as_bob 2fa | grep -F "is off"
}
check "a second factor is asked for at signing in and before it is turned off" second_factor

other_machine() {
  local code csrf pid
  mkdir -p "$WORK/ci"
  HOME=$WORK/ci "$BUILD/tram" login --browserless >"$WORK/code" 2>&1 & pid=$!
  for _ in $(seq 100); do grep -qE '^[A-Z]{4}-[A-Z]{4}$' "$WORK/code" && break; sleep 0.05; done
  code=$(grep -E '^[A-Z]{4}-[A-Z]{4}$' "$WORK/code") || return 1
  csrf=$(curl -fsS -c "$WORK/cookies" "$TRAM_SERVER/device?user_code=$code" | sed 's/.*name=csrf value=\([0-9a-f]*\).*/\1/;q')
  curl -fsS -b "$WORK/cookies" --data-urlencode "user_code=$code" -d "csrf=$csrf&email=bob%40example.org&answer=allow" \
    --data-urlencode "password=correct horse" "$TRAM_SERVER/device" | grep -F "is signed in" || return 1
  wait "$pid" && HOME=$WORK/ci "$BUILD/tram" whoami | grep -F bob@example.org
}
check "login --browserless is answered on a page" other_machine

sessions_end() {
  local id
  id=$(as_bob session list --json | grep -B3 -A3 '"isCurrent": false' | sed -n 's/.*"id": "\(.*\)".*/\1/p' | head -n 1)
  [ -n "$id" ] && as_bob session delete "$id" && refused "Unauthorized" env HOME="$WORK/ci" "$BUILD/tram" whoami
}
check "a session is listed and ended" sessions_end

audit_tells() {
  tram audit >"$WORK/audit" && has variableCollectionUpsert "$WORK/audit" && has workspaceUserRemove "$WORK/audit" &&
    has deviceAllow "$WORK/audit" && tram audit --json >"$WORK/audit.json" &&
    ! grep -F -e hidden-c0ffee -e "correct horse" "$WORK/audit.json" && tram audit --verify | grep -F "is whole"
}
check "the audit log says who did what, and is whole" audit_tells

tampering_shows() {
  python3 - "$WORK/data/tramway.db" <<'PY' || return 1
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=10)
db.execute("UPDATE audit_logs SET event_type = 'nothing' WHERE event_type = 'workspaceUserRemove'")
db.commit()
PY
  refused "was changed after it was written" tram audit --verify
}
check "a row that was changed is named" tampering_shows

too_many() {
  curl -sS -o /dev/null -w '%{http_code} %header{retry-after}\n' -H 'X-Forwarded-For: 192.0.2.5' -d '{"query":"{ systemInfo { version } }"}' \
    "$TRAM_SERVER/graphql/v2?[1-300]" >"$WORK/answers"
  grep -qx '200 ' "$WORK/answers" && grep -qE '^429 [0-9]+$' "$WORK/answers"
}
check "too many requests are answered 429 with Retry-After" too_many
