#!/bin/bash
# `git push` deploys and tells how it goes; who may not push is told so.
. "$(dirname "$0")/lib.sh"
export GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 GIT_ASKPASS=$WORK/askpass
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
