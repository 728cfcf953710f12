#!/bin/bash
# A push to a repository deploys: by a webhook's signed request, past watch paths and checks, and also when
# tramd is killed right after it has answered.
. "$(dirname "$0")/lib.sh"
check "a fresh installation starts and has its first account" start_tramway
ORIGIN=$WORK/git/shop.git SHOP=$WORK/shop
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=Ada GIT_COMMITTER_EMAIL=a@b
head_of() { git -C "$SHOP" rev-parse HEAD; }
change() { # change FILE TEXT: commits and pushes it
  mkdir -p "$(dirname "$SHOP/$1")"; echo "$2" > "$SHOP/$1"
  git -C "$SHOP" add -A && git -C "$SHOP" commit -q -m "$2" && git -C "$SHOP" push -q origin main
}
repository() {
  git init -q --bare -b main "$ORIGIN" && git clone -q "file://$ORIGIN" "$SHOP" 2>/dev/null
  git -C "$SHOP" checkout -q -B main && cp "$APPS"/static/* "$SHOP" && change index.html '<p>first'
}
check "a repository" repository
mkdir "$WORK/there" && cd "$WORK/there" || exit 1
deployments() { tram api 'query($p:String!){deployments(input:{projectId:$p},first:50){edges{node{status statusReason meta}}}}' --var "p=$PROJECT" --compact | sed 's/{"node"/\n&/g'; }
reaches() { # reaches SHA STATUS: the newest deployment of that commit
  local line=
  for _ in $(seq 300); do
    line=$(deployments | grep -F "$1" | head -n 1)
    case $line in *"\"status\":\"$2\""*) echo "$line"; return 0 ;; *'"status":"FAILED"'*) break ;; esac
    sleep 0.1
  done
  echo "not $2: $line"; return 1
}
says() { for _ in $(seq 100); do get "$(cat "$WORK/url")" | grep -qF "$1" && return 0; sleep 0.1; done; return 1; }
connect() {
  tram init --name hooks && tram service new web --repo "file://$ORIGIN" --branch main && tram domain > "$WORK/url" || return 1
  PROJECT=$(tram status --json | grep -o '[0-9a-f-]\{36\}' | head -n 1)
  reaches "$(head_of)" SUCCESS && says first
}
check "a service is connected to its branch and deploys" connect
make_hook() {
  tram webhook create --provider github --json > "$WORK/hook" || return 1
  HOOK=$(sed -n 's/.*"url": "\(.*\)".*/\1/p' "$WORK/hook") SECRET=$(sed -n 's/.*"secret": "\(.*\)".*/\1/p' "$WORK/hook")
  [ ${#SECRET} -eq 64 ] && tram webhook list | grep -F "$HOOK" && ! tram webhook list --json | grep -F "$SECRET"
}
check "a webhook is made, and its secret shown once" make_hook
send() { # send EVENT BODY [URL]: signed; the answer in $WORK/answer, its status printed
  local signature; signature=$(printf %s "$2" | openssl dgst -sha256 -hmac "${KEY:-$SECRET}" | sed 's/.* //')
  curl -sS --max-time 10 -o "$WORK/answer" -w '%{http_code}\n' -H "X-GitHub-Event: $1" -H "X-Hub-Signature-256: sha256=$signature" \
    -H 'Content-Type: application/json' -H "X-GitHub-Delivery: $RANDOM" --data-binary "$2" "${3:-$HOOK}"
}
push_body() { # push_body BEFORE AFTER
  printf '{"ref":"refs/heads/main","before":"%s","after":"%s","repository":{"clone_url":"file://%s/"},"head_commit":{"id":"%s","message":"x","author":{"name":"Ada"}}}' \
    "$1" "$2" "$ORIGIN" "$2"
}
pushed() { # pushed FILE TEXT: changes it and tells of it
  local before; before=$(head_of)
  change "$1" "$2" && BODY=$(push_body "$before" "$(head_of)") && [ "$(send push "$BODY")" = 202 ] && has accepted "$WORK/answer"
}
deploys() { pushed index.html '<p>second' && reaches "$(head_of)" SUCCESS && says second; }
check "a push deploys" deploys
replayed() { [ "$(send push "$BODY")" = 202 ] && has 'known already' "$WORK/answer" && [ "$(deployments | grep -c "$(head_of)")" = 1 ]; }
check "the same push once" replayed
strangers() {
  [ "$(KEY=guess send push "$BODY")" = 401 ] && cp "$WORK/answer" "$WORK/wrong" &&
    [ "$(send push "$BODY" "${HOOK%/*}/00000000-0000-4000-8000-000000000000")" = 401 ] && cmp "$WORK/answer" "$WORK/wrong" &&
    [ "$(send push "$BODY" "${HOOK/github/gitlab}")" = 401 ] && cmp "$WORK/answer" "$WORK/wrong" &&
    [ "$(curl -sS -o "$WORK/answer" -w '%{http_code}' --data-binary "$BODY" "$HOOK")" = 401 ] && cmp "$WORK/answer" "$WORK/wrong"
}
check "a wrong signature, none, and a hook that is not there are answered alike" strangers
oversized() { head -c 6000000 /dev/zero > "$WORK/zeros" && [ "$(curl -sS -o /dev/null -w '%{http_code}' -H 'X-Hub-Signature-256: sha256=0' --data-binary "@$WORK/zeros" "$HOOK")" = 413 ]; }
check "a body that is too large is not read" oversized
killed() {
  pushed index.html '<p>third' && kill -9 "$(tramd_pid)" && start_tramd && reaches "$(head_of)" SUCCESS && says third
}
check "a push survives that tramd is killed once it has answered" killed
watched() {
  tram api 'mutation($s:String!){serviceInstanceUpdate(serviceId:$s,input:{watchPatterns:["/*.html"]})}' --var "s=$SERVICE" || return 1
  pushed docs/a.md 'docs' && reaches "$(head_of)" SKIPPED > "$WORK/out" && has 'No changed files matched patterns: /*.html' "$WORK/out" && says third
}
SERVICE=$(tram service list --json | grep '"serviceId"' | grep -o '[0-9a-f-]\{36\}' | head -n 1)
check "a push of nothing that is watched is skipped" watched
status_of() { # status_of STATE: of the newest commit
  local body; body=$(printf '{"id":%d,"sha":"%s","context":"ci/test","state":"%s","repository":{}}' "$((++STATUS))" "$(head_of)" "$1")
  [ "$(send status "$body")" = 202 ]
}
STATUS=0
waits() {
  tram service source connect --repo "file://$ORIGIN" --branch main -e production --wait-for-ci || return 1
  pushed index.html '<p>fourth' && reaches "$(head_of)" WAITING && status_of pending && says third &&
    status_of success && reaches "$(head_of)" SUCCESS && says fourth
}
check "a push waits for its checks" waits
fails() { pushed index.html '<p>fifth' && reaches "$(head_of)" WAITING && status_of failure && reaches "$(head_of)" SKIPPED > "$WORK/out" && has "failed" "$WORK/out" && says fourth; }
check "and is skipped when one fails" fails
ended() {
  local id; id=${HOOK##*/}
  tram webhook list | grep -F "FAILED" && tram webhook delete "$id" --yes && [ "$(send push "$BODY")" = 401 ]
}
check "a deleted hook takes nothing" ended
quiet() { ! grep -F "$SECRET" "$WORK/tramd.log"; }
check "the secret is in no log" quiet
