#!/bin/bash
# `git push` deploys and tells how it goes; who may not push is told so; a private registry is signed in to.
. "$(dirname "$0")/lib.sh"
export GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 GIT_ASKPASS=$WORK/askpass
REGISTRY=127.0.0.1:$((5690 + SLOT))
printf '#!/bin/sh\ncat "%s"\n' "$WORK/password" > "$GIT_ASKPASS" && chmod 700 "$GIT_ASKPASS"
git config --global user.name Ada && git config --global user.email ada@example.org
git config --global init.defaultBranch main
field() { sed "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/"; } # of JSON on one line
live() { get "$(cat "$WORK/url")"; }
push() { git push tramway "$@" > "$WORK/push" 2>&1; }
commit() { git add -A && git commit -q -m "$1"; }

begin() {
  write_config
  sed -i '0,/^listen = .*/s//&\nupload_limit = "1MiB"/' "$WORK/tramway.toml"
  start_tramd && tram login --setup-token-file "$WORK/data/setup-token" --name Tester --email t@example.org &&
    tram api 'mutation { apiTokenCreate(input: { name: "push" }) }' --compact | field apiTokenCreate > "$WORK/password"
}
check "a fresh installation starts and has its first account" begin

# The app answers with its deployment's id.
mkdir -p "$WORK/apps/shop" && cd "$WORK/apps/shop" && git init -q . || exit 1
${CC:-gcc} -static -O2 -s -o instant "$REPO/tests/bench/instant.c" || exit 1
printf 'FROM scratch\nCOPY instant /instant\nCMD ["/instant"]\n' > Dockerfile
first() {
  tram init --name shop && commit first && git remote add tramway "http://127.0.0.1:$API_PORT/git/shop.git" && push main &&
    has 'remote: -----> Deploying shop (production)' "$WORK/push" && has 'remote:        === Successfully Built! ===' "$WORK/push" &&
    has 'remote: -----> shop (production) is live' "$WORK/push" && url > "$WORK/url" && live > "$WORK/id1"
}
check "a push with a token deploys, and shows the build" first
second() {
  echo second > note && commit second && push main && has "is live: $(cat "$WORK/url")" "$WORK/push" && live > "$WORK/id2" &&
    ! cmp -s "$WORK/id1" "$WORK/id2" && tram deployment show --json | grep -q "$(git rev-parse HEAD)"
}
check "the second replaces it, and its commit is known" second
skipped() {
  echo third > note && commit 'note [skip deploy]' && push main && live | cmp - "$WORK/id2" &&
    has 'remote: -----> shop (production) was skipped: the commit says [skip deploy]' "$WORK/push"
}
check "a commit that asks not to be deployed is not, and the pusher is told" skipped
broken() {
  printf 'FROM scratch\nCOPY nowhere /\n' > Dockerfile && commit broken && push main &&
    has 'remote:  !     DEPLOYMENT FAILED: shop (production)' "$WORK/push" && has 'what was live before still is' "$WORK/push" &&
    live | cmp - "$WORK/id2"
}
check "a build that fails is told of, and what was live still is" broken
git revert -n HEAD && commit repaired || exit 1

stranger() {
  cp "$WORK/password" "$WORK/good" && echo nonsense > "$WORK/password"
  push main; local ended=$?
  cp "$WORK/good" "$WORK/password"
  [ $ended -ne 0 ] && has 'the token is unknown or has expired' "$WORK/push"
}
check "a wrong token is refused" stranger
elsewhere() { # a project token reaches its own project
  local id environment
  tram api 'mutation { projectCreate(input: { name: "other" }) { id environments { edges { node { id } } } } }' --compact > "$WORK/other"
  id=$(sed 's/.*"projectCreate": *{ *"id": *"\([^"]*\)".*/\1/' "$WORK/other") environment=$(field id < "$WORK/other")
  tram api 'mutation($p: String!, $e: String!) { projectTokenCreate(input: { projectId: $p, environmentId: $e, name: "t" }) }' \
    --var "p=$id" --var "e=$environment" --compact | field projectTokenCreate > "$WORK/password"
  push main; local ended=$?
  cp "$WORK/good" "$WORK/password"
  [ $ended -ne 0 ] && has "there is no project 'shop' that this token reaches" "$WORK/push"
}
check "another project's token is refused" elsewhere
hidden() { ! push HEAD:refs/notes/commits && has 'hidden ref' "$WORK/push"; }
check "only branches and tags can be pushed" hidden
large() {
  git checkout -q -b large && head -c 3000000 /dev/urandom > payload && commit large
  ! push large && has 'exceeds maximum allowed size' "$WORK/push" && git checkout -q main
}
check "a push that is too large is refused in words" large
other_branch() { git branch idle && push idle && has "Nothing deploys from the branch 'idle'" "$WORK/push" && has 'shop (production) deploys from main' "$WORK/push"; }
check "a branch that nothing deploys from is taken, and says so" other_branch
nothing_left() {
  for _ in $(seq 100); do [ -z "$(ls "$WORK/data/uploads")" ] && return 0; sleep 0.1; done
  ls -la "$WORK/data/uploads"; return 1
}
check "nothing is left of what was pushed but the repository" nothing_left

# ---- SSH: with a user of the machine whose shell is ours, and sshd out of its package, as long as this lasts ----

GIT_USER=tramgit$SLOT SSH_PORT=$((5790 + SLOT))
before_removal() {
  [ ! -e "$WORK/registry.pid" ] || kill "$(cat "$WORK/registry.pid")"
  userdel "$GIT_USER" 2>/dev/null
  [ ! -e "$WORK/made-sshd" ] || userdel sshd
}
ssh_ready() {
  local folder=$TRAMWAY_TEST_CACHE/openssh-server sshd=/usr/sbin/sshd
  [ -x "$sshd" ] || sshd=$folder/usr/sbin/sshd
  [ -x "$sshd" ] || {
    rm -rf "$folder" && mkdir -p "$folder" && (cd "$folder" && apt-get -qq download openssh-server && dpkg -x ./*.deb .)
  } || return 1
  getent passwd sshd >/dev/null || { useradd --system --home-dir /run/sshd --shell /usr/sbin/nologin sshd && touch "$WORK/made-sshd"; } || return 1
  useradd --system --home-dir /nonexistent --shell "$BUILD/tramway-git-ssh" --password '*' "$GIT_USER" || return 1
  chmod 711 "$WORK"
  printf '[ssh]\nlisten = "127.0.0.1:%s"\nuser = "%s"\nprogram = "%s"\n' "$SSH_PORT" "$GIT_USER" "$sshd" >> "$WORK/tramway.toml"
  kill "$(tramd_pid)" && while kill -0 "$(tramd_pid)" 2>/dev/null; do sleep 0.1; done
  start_tramd && ssh-keygen -q -t ed25519 -N '' -f "$WORK/key" && tram ssh-key add "$WORK/key.pub" --name laptop
}
check "tramd starts an SSH server of its own" ssh_ready
export GIT_SSH_COMMAND="ssh -F /dev/null -i $WORK/key -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=$WORK/known -o BatchMode=yes -o LogLevel=ERROR"
over_ssh() {
  git remote set-url tramway "ssh://$GIT_USER@127.0.0.1:$SSH_PORT/shop.git" && echo ssh > note && commit "over ssh" || return 1
  for _ in $(seq 50); do push main && break; grep -q 'onnection refused' "$WORK/push" || break; sleep 0.1; done
  has 'remote: -----> shop (production) is live' "$WORK/push"
}
check "a push over SSH with a key deploys" over_ssh
deletes() { push :idle && has '[deleted]' "$WORK/push"; }
check "a branch can be deleted over it" deletes
no_shell() {
  ! $GIT_SSH_COMMAND -p "$SSH_PORT" "$GIT_USER@127.0.0.1" id > "$WORK/no" 2>&1 && has 'there is no shell here' "$WORK/no" &&
    ! $GIT_SSH_COMMAND -p "$SSH_PORT" "$GIT_USER@127.0.0.1" "git-upload-pack 'shop.git'" > "$WORK/no" 2>&1 && has 'there is no shell here' "$WORK/no"
}
check "it is no shell" no_shell
unknown() { tram ssh-key delete laptop && ! push main && has 'Permission denied' "$WORK/push"; }
check "a key that was deleted is refused" unknown

# ---- a private registry ----

registry() {
  local folder=$TRAMWAY_TEST_CACHE/docker-registry
  [ -x "$folder/usr/bin/docker-registry" ] || {
    rm -rf "$folder" && mkdir -p "$folder" && (cd "$folder" && apt-get -qq download docker-registry && dpkg -x ./*.deb .)
  } || return 1
  head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \n' > "$WORK/secret"
  perl -e 'local $/; open F, $ARGV[0]; $p = <F>; print "ada:", crypt($p, q($2b$04$abcdefghijklmnopqrstuu)), "\n"' "$WORK/secret" > "$WORK/htpasswd"
  cat > "$WORK/registry.yml" <<EOF
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $WORK/registry}, delete: {enabled: true}}
http: {addr: $REGISTRY}
auth: {htpasswd: {realm: test, path: $WORK/htpasswd}}
EOF
  "$folder/usr/bin/docker-registry" serve "$WORK/registry.yml" > "$WORK/registry.log" 2>&1 8>&- 9>&- &
  echo $! > "$WORK/registry.pid"
  printf '{"auths": {"%s": {"auth": "%s"}}}' "$REGISTRY" "$({ printf ada:; cat "$WORK/secret"; } | base64 -w0)" > "$WORK/auth.json"
  for _ in $(seq 100); do curl -s -o /dev/null "http://$REGISTRY/v2/" && break; sleep 0.1; done
  publish
}
publish() { # the image of the newest deployment
  local image; image=$(tram api 'query($id: String!) { deployment(id: $id) { release { imageDigest } } }' --var "id=$(cat "$WORK/id1")" --compact | field imageDigest)
  unshare -m skopeo copy -q --dest-authfile "$WORK/auth.json" --dest-tls-verify=false \
    "containers-storage:[overlay@$WORK/data/containers+$WORK/skopeo]${image#sha256:}" "docker://$REGISTRY/ada/app:1.0.0"
}
check "a registry that wants a password" registry
watch_arguments() { # until it is told to end: who has the secret among its arguments?
  while [ ! -e "$WORK/enough" ]; do cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\0' '\n' | grep -aFf "$WORK/secret" >> "$WORK/seen"; sleep 0.02; done
}
locked() {
  tram service create private --image "$REGISTRY/ada/app:1.0.0" > "$WORK/no" 2>&1
  settled private FAILED && tram logs --build --service private > "$WORK/no" 2>&1; has "401: $REGISTRY wants credentials" "$WORK/no"
}
settled() { # settled SERVICE STATUS
  for _ in $(seq 150); do tram deployments --service "$1" --limit 1 > "$WORK/last" 2>&1; grep -q "$2" "$WORK/last" && return 0; sleep 0.1; done
  cat "$WORK/last"; return 1
}
check "without credentials it says what to do" locked
unlocked() {
  watch_arguments & local watcher=$!
  tram credential set "$REGISTRY" --registry --username ada --password-stdin < "$WORK/secret" &&
    tram redeploy --service private --yes > "$WORK/out" 2>&1; local ended=$?
  touch "$WORK/enough" && wait "$watcher"
  [ $ended -eq 0 ] || { cat "$WORK/out"; tram logs --build --service private; return 1; }
  tram credential list > "$WORK/list" && has "$REGISTRY" "$WORK/list" && settled private SUCCESS
}
check "with them its image is deployed" unlocked
kept() {
  [ ! -s "$WORK/seen" ] || { echo "seen among arguments or in an environment"; return 1; }
  ! grep -raFlf "$WORK/secret" "$WORK/data" "$RUN" "$WORK/tramd.log" "$WORK/list"
}
check "and the password is in no argument, file, log or answer" kept
own() { # Railway's registryCredentials, of one service; wrong ones are told from none
  local now; now=$(tram api 'query($id: String!) { deployment(id: $id) { environmentId serviceId } }' --var "id=$(tram deployments --service private --limit 1 | awk '{ print $1; exit }')" --compact)
  tram api 'mutation($e: String!, $s: String!) { serviceInstanceUpdate(environmentId: $e, serviceId: $s, input: { registryCredentials: { username: "ada", password: "wrong" } }) }' \
    --var "e=$(echo "$now" | field environmentId)" --var "s=$(echo "$now" | field serviceId)" > /dev/null &&
    ! tram redeploy --service private --yes > "$WORK/no" 2>&1 && tram logs --build --service private >> "$WORK/no" 2>&1
  has "401: $REGISTRY does not take the credentials" "$WORK/no"
}
check "a service's own come first; wrong ones are told from none" own
