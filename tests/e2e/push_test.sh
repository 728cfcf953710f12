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
nothing_left() { [ -z "$(ls "$WORK/data/uploads")" ]; }
check "nothing is left of what was pushed but the repository" nothing_left
