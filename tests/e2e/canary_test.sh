#!/bin/bash
# Secrets are set as variables, sealed and not, as a build argument, as passwords of a database and of a
# registry; an app prints them in every way.  They are found nowhere but where they belong.
. "$(dirname "$0")/lib.sh"
shopt -s nullglob
hex() { head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
plain=$(hex) sealed=$(hex) build=$(hex) password=$(hex) registry=$(hex)
for canary in $plain $sealed $build $password $registry; do
  echo "$canary"
  for before in '' x xx; do # base64 of it, without what depends on its neighbours
    text=$(printf %s "$before$canary" | base64 -w 0) from=$(((${#before} * 4 + 2) / 3))
    echo "${text:$from:$((${#text} - from - 4))}"
  done
done > "$WORK/canaries"
# found FILE…: whether one of them is in there; grep gets them by file, for argument vectors are searched too.
found() { grep -qsrF -f "$WORK/canaries" "$@"; }
nowhere() { # nowhere PATH…: says what was found where
  ! found "$@" || { echo "found in:"; grep -rsaoF -f "$WORK/canaries" "$@" | sort | uniq -c | head -n 20; return 1; }
}

ulimit -c unlimited
check "a Tramway starts" start_tramway
grep -o '"token": *"[^"]*"' "$HOME/.tramway/config.json" | cut -d'"' -f4 >> "$WORK/canaries"
signed_in() { [ "$(wc -l < "$WORK/canaries")" = 21 ] && tram whoami; }
check "its first account's token is a canary too" signed_in
poll() {
  while [ ! -e "$WORK/enough" ]; do
    grep -saHF -f "$WORK/canaries" /proc/[0-9]*/cmdline
    sleep 0.02
  done > "$WORK/cmdlines"
}
poll & poller=$!

app canary
set_variable() { printf %s "$2" | tram variable set "$1" --stdin --skip-deploys "${@:3}"; }
deployed() {
  tram init --name canary && tram service new canary && tram service link canary && set_variable PLAIN_SECRET "p/+?&= $plain" &&
    set_variable SEALED "s\"\\ $sealed" --sealed && set_variable BUILD_KEY "$build" &&
    set_variable DATABASE_URL "postgres://app:$password@db.internal:5432/app" &&
    printf %s "$registry" | tram credential set registry.invalid --registry --username u --password-stdin &&
    tram up --ci > "$WORK/up" 2>&1 || { cat "$WORK/up"; return 1; }
  url > "$WORK/url" && get "$(cat "$WORK/url")"
}
check "an app with secrets is built, deployed, and prints them" deployed
shown() { tram logs > "$WORK/logs" && tram logs --build > "$WORK/build-log" && cat "$WORK/logs" "$WORK/build-log" && has "ordinary words: production true 8080 localhost" "$WORK/logs"; }
check "its logs are shown" shown
redacted() {
  nowhere "$WORK/logs" "$WORK/build-log" "$WORK/up" || return 1
  for variable in PLAIN_SECRET SEALED DATABASE_URL; do has "[redacted $variable]" "$WORK/logs" || return 1; done
  has "[redacted BUILD_KEY]" "$WORK/build-log"
}
check "no log that is read has them, in any form" redacted
id_of() { tram "$1" list --json | grep "\"${2:-id}\"" | grep -o '[0-9a-f-]\{36\}' | head -n 1; }
never_again() {
  tram api 'mutation($e:String!,$s:String!){serviceInstanceUpdate(environmentId:$e,serviceId:$s,input:{restartPolicyType:NEVER})}' \
    --variables "{\"e\":\"$(id_of environment)\",\"s\":\"$(id_of service serviceId)\"}"
}
fails() { never_again && set_variable FAIL 1 && ! tram up --ci > "$WORK/failed" 2>&1 && has "status 7" "$WORK/failed" && has "last word of [redacted SEALED]" "$WORK/failed" && nowhere "$WORK/failed"; }
check "nor is a failed deployment explained with them" fails
answers() {
  { tram status --json; tram deployment list --json; tram logs --json; tram events --json; tram credential list --json; tram variable list --json | grep -v PLAIN_SECRET | grep -v BUILD_KEY | grep -v DATABASE_URL; } > "$WORK/answers" 2>&1
  nowhere "$WORK/answers" || { grep -aF -f "$WORK/canaries" "$WORK/answers"; false; }
}
check "nor does the API answer with them" answers
exported() { tram export > "$WORK/export" && has PLAIN_SECRET "$WORK/export" && nowhere "$WORK/export"; }
check "nor does an export have them, without its flag" exported
# All of the data folder but the image store, which is shared between tests.
on_disk() { find "$WORK/data" -mindepth 1 -maxdepth 1 ! -name containers; }
at_rest() {
  local files; mapfile -t files < <(on_disk)
  for _ in $(seq 60); do found "${files[@]}" || return 0; sleep 0.25; done
  nowhere "${files[@]}"
}
check "soon they lie nowhere on the disk in clear: database, its log, logs, workloads" at_rest
for_others() { find "$RUN" -xdev -type f -perm /077 ! -path '*/rootfs/*' -print0 | xargs -0r grep -lsaF -f "$WORK/canaries" > "$WORK/readable"; cat "$WORK/readable"; [ ! -s "$WORK/readable" ]; }
# It is given to RUN lines only, so that Docker's rules do not make it part of the image.
check "nor in what the image store has of images and their history" nowhere "$TRAMWAY_TEST_CACHE/containers/overlay-images"
check "nor in files of the run folder that others may read" for_others
check "nor in tramd's own log" nowhere "$WORK/tramd.log"
keyed() { [ "$(stat -c %a "$WORK/data/secret.key")" = 600 ]; }
check "the key is for root only" keyed

stopped() { "$BUILD/tramd" --config "$WORK/tramway.toml" --stop; }
crashed() {
  kill -ABRT "$(tramd_pid)" && for _ in $(seq 100); do kill -0 "$(tramd_pid)" 2>/dev/null || break; sleep 0.1; done
  local cores=(core* "$WORK"/core* "$WORK"/apps/canary/core*)
  [ ${#cores[@]} -eq 0 ] || { ls -l "${cores[@]}"; return 1; }
  start_tramd
}
check "a crash of tramd leaves no memory on the disk" crashed
without_key() {
  stopped && mv "$WORK/data/secret.key" "$WORK/kept.key" || return 1
  "$BUILD/tramd" --config "$WORK/tramway.toml" > "$WORK/refused" 2>&1 && return 1
  has "secret.key' is missing" "$WORK/refused" && has "put it back" "$WORK/refused" && mv "$WORK/kept.key" "$WORK/data/secret.key"
}
check "without its key tramd does not start, and says what to do" without_key
rotated() {
  local old; old=$(grep ^key "$WORK/data/secret.key")
  "$BUILD/tramd" --config "$WORK/tramway.toml" --rotate-key & local rotation=$!
  sleep 0.01; kill -9 $rotation 2>/dev/null; wait $rotation 2>/dev/null
  tram admin rotate-key --config "$WORK/tramway.toml" && start_tramd && ! grep -qF -- "$old" "$WORK/data/secret.key" || return 1
  [ "$(grep -c ^key "$WORK/data/secret.key")" = 1 ] && tram variable list --kv | grep -qF -f "$WORK/canaries" && get "$(cat "$WORK/url")"
}
check "its key is changed, also after a change that was killed; the app serves, variables are read" rotated
touch "$WORK/enough"; wait $poller
check "no process ever had one of them in its argument vector" nowhere "$WORK/cmdlines"
# After the poll: what is searched for is in an argument vector, as whoever searches has it.
searched() { tram logs --filter "\"$sealed\"" > "$WORK/search" 2>&1; tram logs --filter "\"$plain\"" >> "$WORK/search" 2>&1; ! has "environment" "$WORK/search"; }
check "nor are they found by searching" searched
