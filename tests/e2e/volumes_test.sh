#!/bin/bash
# A volume: its data outlive deployments, ends of tramd and halts; it is never mounted twice; it fills up, grows, moves,
# and comes back out of the trash.
. "$(dirname "$0")/lib.sh"
start_tramway || exit 1
app keeper

soon() { for _ in $(seq 200); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done; "$@"; }
says() { local is; is=$(get "$(cat "$WORK/url")") && [ "$is" = "$1" ] || { echo "it says '$is'"; return 1; }; }
keeps() { get -d "$1" "$(cat "$WORK/url")"; }
inside() { tram ssh -s "${ON:-keeper}" -- "$@"; }

has_a_volume() {
  tram init -n volumes && tram up --ci && tram volume add -m /data --size 300MB | grep -F '"keeper-volume"' &&
    url > "$WORK/url" && soon inside grep -F " /data " /proc/mounts && soon keeps kept && says one:kept
}
check "a service gets a volume, and keeps something in it" has_a_volume

wrong_ones_are_refused() {
  ! tram volume add -m /other 2> "$WORK/second" && has "has the volume 'keeper-volume' at /data already" "$WORK/second" &&
    ! tram volume update -m /etc 2> "$WORK/etc" && has "hide /etc" "$WORK/etc" &&
    ! tram volume update --size 280MB 2> "$WORK/small" && has "cannot shrink" "$WORK/small" &&
    ! tram scale 2 2> "$WORK/two" && has "has one replica" "$WORK/two"
}
check "a second one, a wrong place, a smaller size and two replicas are refused" wrong_ones_are_refused

outlives() {
  echo two > version && tram up --ci && says two:kept || return 1
  local conmon; for conmon in $(pgrep -f "conmon.*$RUN/"); do kill -9 $(pgrep -P "$conmon"); done
  kill -9 "$(tramd_pid)"; start_tramd && soon says two:kept
}
check "its data outlive a deployment, kill -9 of the app and of tramd" outlives

comes_back() {
  local failed; echo three > version; echo 'CMD ["sh", "-c", "echo cannot; exit 3"]' >> Dockerfile
  printf '[deploy]\nhealthcheckTimeout = 3\n' > railway.toml # for that long it is tried
  ! tram up --ci && sed -i '$d' Dockerfile && rm railway.toml && soon says two:kept &&
    failed=$(tram deployment list --json | jq -r '.[0].statusReason') && echo "$failed" &&
    grep -F "the deployment before it is started again" <<< "$failed"
}
check "a deployment that fails gives it back to the one before" comes_back

fills_up() {
  inside dd if=/dev/zero of=/data/fill bs=1M > "$WORK/dd" 2>&1; has "No space left" "$WORK/dd" || return 1
  soon eval 'tram events | grep -F "volume '"'keeper-volume'"' is"' && tram volume list && inside touch /tmp/elsewhere
}
check "a full one gives ENOSPC inside, and an event to its owner" fills_up

grows() {
  ! tram volume update --size 9000GB 2> "$WORK/large" && has "the disk has no room" "$WORK/large" && tram volume list | grep -F " Error" &&
    tram volume update --size 300MB && tram volume update --size 500MB && soon eval '[ "$(inside df -m --output=size /data | tail -n 1)" -gt 400 ]' &&
    inside rm /data/fill && says two:kept
}
check "it grows while it is in use, and stays as it was where the disk has no room" grows

moves() {
  tram service new other && tram volume detach -v keeper-volume --yes && tram volume attach -v keeper-volume -s other &&
    echo moved > version && tram up --ci -s other && [ "$(tram ssh -s other -- cat /data/note)" = kept ]
}
check "detached and attached to another service it has its data" moves

comes_out_of_the_trash() {
  tram volume delete -v keeper-volume --yes && tram volume list --deleted | grep -F "volumes / production / other" &&
    soon eval '! tram ssh -s other -- cat /data/note' && tram volume restore keeper-volume &&
    soon eval '[ "$(tram ssh -s other -- cat /data/note)" = kept ]'
}
check "deleted it is in the trash, and comes back attached, with its data" comes_out_of_the_trash

outlives_a_halt() {
  stop_tramway && ! grep "$RUN/" /proc/mounts && start_tramd && soon eval '[ "$(tram ssh -s other -- cat /data/note)" = kept ]'
}
check "it outlives a halt" outlives_a_halt

has_files() {
  tram service link other >/dev/null 2>&1; echo seed > "$WORK/seed" &&
    tram volume files upload "$WORK/seed" /in/ 2> "$WORK/nofolder"; tram volume files upload "$WORK/seed" seed -v keeper-volume || return 1
  ! tram volume files upload "$WORK/seed" seed -v keeper-volume 2> "$WORK/taken" && [ -s "$WORK/taken" ] &&
    tram volume files rename seed moved -v keeper-volume && tram volume files list / -v keeper-volume | grep -E "^moved +5 B" &&
    stopped && [ "$(tram volume files download moved - -v keeper-volume)" = seed ] &&
    tram volume files delete moved -v keeper-volume --yes && ! tram volume files list / -v keeper-volume | grep moved
}
stopped() { tram down -s other --yes; }
check "its files are listed, uploaded, renamed, downloaded and deleted, also while nothing runs on it" has_files

is_browsed() {
  local tree=$WORK/tree copy=$WORK/copy all=$WORK/all
  mkdir -p "$tree/in/deep" && echo one > "$tree/one" && echo two > "$tree/in/deep/two" && ln -s one "$tree/link" || return 1
  browses "put -r $tree" 'cd tree/in' 'mkdir "a b/c"' 'mv deep/two "a b/c/"' ls 'cat "a b/c/two"' "get -r .. $copy" 'cd ../..' \
    'rm tree/one' pwd 'ls tree' > "$WORK/said" 2> "$WORK/left" || { cat "$WORK/left"; return 1; }
  has "$tree/link" "$WORK/left" && grep -x two "$WORK/said" && grep -x / "$WORK/said" && grep -x two "$copy/in/a b/c/two" && [ -f "$copy/one" ] &&
    [ ! -e "$copy/link" ] || return 1
  ! browses pwd 'ls nowhere' 'rm tree' 2> "$WORK/no" && has "line 2" "$WORK/no" &&
    ! echo 'rm tree' | tram volume browse -v keeper-volume 2> "$WORK/no" && has "--yes" "$WORK/no" || return 1
  files mkdir /tree/more && files download -r tree "$all" | grep -F "1 file" && [ -d "$all/more" ] && ! files download -r tree "$all" &&
    files upload -r "$all" / && files list all | grep -F "more/"
}
browses() { printf '%s\n' "$@" | tram volume browse -v keeper-volume --yes; }
files() { tram volume files "$@" -v keeper-volume; }
check "and walked about in, by a list of commands too; folders go in and out" is_browsed

is_destroyed() {
  tram volume delete -v keeper-volume --yes && kill "$(tramd_pid)" && sed -i 's/^poll = "1s"/&\ntrash = "1s"/' "$WORK/tramway.toml" || return 1
  soon eval '! kill -0 "$(cat "$RUN/tramd.pid")"'; start_tramd && soon eval '[ -z "$(ls "$WORK/data/volumes")" ]'
}
check "when its time in the trash is over its data are destroyed" is_destroyed
