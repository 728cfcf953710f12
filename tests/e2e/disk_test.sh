#!/bin/bash
# What the disk holds is known, tidied by count, and not filled by builds: on a small disk of the test's own.
. "$(dirname "$0")/lib.sh"
# An image store of its own, too: everything in it can be counted.
disk_mount() {
  truncate -s 300M "$WORK/disk.img" && mkfs.ext4 -q -m 0 "$WORK/disk.img" && mount -o loop "$WORK/disk.img" "$WORK/data"
}
disk_finish() {
  stop_tramway >/dev/null 2>&1
  umount "$WORK/data"
  finish
}
trap disk_finish EXIT
keep_image_store() { :; }
check "a disk of 300 MB" disk_mount
begin() {
  write_config
  printf '[disk]\nkeep_images = 2\nkeep = 0\n' >> "$WORK/tramway.toml"
  start_tramd && tram login --setup-token-file "$WORK/data/setup-token" --name Tester --email t@example.org
}
check "a fresh installation starts and has its first account" begin

# The app answers with its deployment's id; a payload makes each image 4 MB of its own.
mkdir -p "$WORK/apps/instant" && cd "$WORK/apps/instant" || exit 1
${CC:-gcc} -static -O2 -o instant "$REPO/tests/bench/instant.c" || exit 1
printf 'FROM scratch\nCOPY instant /instant\nCOPY payload /payload\nCMD ["/instant"]\n' > Dockerfile
new_version() { head -c 4000000 /dev/urandom > payload; }
deploy() { new_version && tram up --ci; }
live() { get "$(cat "$WORK/url")"; }
number() { # number NAME: a number of `tram disk --json`
  tram disk --json | sed -n "s/^ *\"$1\": *\([0-9]*\).*/\1/p" | head -n 1
}
payloads() { find "$WORK/data/containers/overlay" -path '*/diff/payload' -size +3M | wc -l; }
is() { [ "$1" = "$2" ] || { echo "it is $1, not $2"; return 1; }; }

first() { tram init --name disk && deploy && url > "$WORK/url" && live > "$WORK/id1"; }
check "the first deployment is live" first
others() {
  for n in 2 3 4; do deploy && live > "$WORK/id$n" || return 1; done
  ! cmp "$WORK/id3" "$WORK/id4"
}
check "and three more, each with a new image" others

adds_up() {
  local used du; used=$(number usedBytes); du=$(du -s --block-size=1 "$WORK/data" | cut -f1)
  tram disk; echo "used $used, du $du"
  [ $((used * 10)) -gt $((du * 9)) ] && [ $((used * 10)) -lt $((du * 11)) ]
}
check "tram disk agrees with du within a tenth" adds_up
collect() {
  is "$(payloads)" 4 || return 1
  tram disk --collect > "$WORK/out" || return 1
  cat "$WORK/out"; has "Removed" "$WORK/out" && is "$(payloads)" 3 && adds_up
}
check "collecting leaves the image that runs and two former ones" collect
serves() { is "$(live)" "$(cat "$WORK/id4")"; }
check "what runs serves on" serves
again() { tram disk --collect > "$WORK/out" && is "$(payloads)" 3 && has "Removed 0 items" "$WORK/out"; }
check "collecting again finds nothing" again
back() { tram rollback "$(cat "$WORK/id2")" --yes && [ "$(live)" != "$(cat "$WORK/id4")" ]; }
check "a kept one can be rolled back to" back
gone() {
  ! tram rollback "$(cat "$WORK/id1")" --yes > "$WORK/out" 2>&1
  cat "$WORK/out"; has "no longer kept" "$WORK/out"
}
check "one that went says so" gone
live > "$WORK/now"

free() { df --output=avail --block-size=1 "$WORK/data" | tail -n 1 | tr -d ' '; }
refuses_upload() {
  fallocate -l $(($(free) - 20000000)) "$WORK/data/filler" && new_version || return 1 # the reserve is 30 MB
  ! tram up --ci > "$WORK/out" 2>&1
  cat "$WORK/out"; has "builds leave" "$WORK/out" && has "tram disk" "$WORK/out"
}
check "short of room an upload is refused, with words" refuses_upload
refuses_build() {
  ! tram redeploy --yes > "$WORK/out" 2>&1
  cat "$WORK/out"; has "MB free, and builds leave" "$WORK/out" && is "$(live)" "$(cat "$WORK/now")"
}
check "and so is a build; what runs serves on" refuses_build
full() {
  dd if=/dev/zero of="$WORK/data/filler2" bs=4k 2>/dev/null
  [ "$(free)" -lt 65536 ] && is "$(live)" "$(cat "$WORK/now")" && tram disk && tram deployment list
}
check "on a disk that is really full the app serves and the API answers" full
room() { rm "$WORK/data/filler" "$WORK/data/filler2" && deploy && [ "$(live)" != "$(cat "$WORK/now")" ]; }
check "with room again it deploys" room
restarts() {
  tram api 'mutation { tramwayDiskLook(collect: true) }' && kill -9 "$(tramd_pid)" && start_tramd &&
    tram disk --collect && is "$(payloads)" 3 && [ -n "$(live)" ]
}
check "tramd is killed while it tidies: the next one ends it" restarts
