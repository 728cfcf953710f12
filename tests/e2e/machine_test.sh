#!/bin/bash
# A machine with data is lost as a whole, and another becomes the old one: data, images, a way back.
. "$(dirname "$0")/lib.sh"
admin() { tram admin "$@" --config "$WORK/tramway.toml"; }
check "a Tramway starts" start_tramway
app keeper
says() { for _ in $(seq 150); do [ "$(get "$(cat "$WORK/url")" 2>/dev/null)" = "$1" ] && return 0; sleep 0.2; done; get "$(cat "$WORK/url")"; tram status; return 1; }
deployed() {
  tram init --name keeper &&
    echo '{"volumes":{"store":{"isCreated":true,"sizeMB":256}},"services":{"keeper":{"volumeMounts":{"store":{"mountPath":"/data"}}}}}' > "$WORK/patch" &&
    tram up --ci && tram environment edit --stage < "$WORK/patch" && tram environment commit --yes -m "a volume" && url > "$WORK/url" && says one:
}
check "an app with a volume is deployed" deployed
puts() { for _ in $(seq 150); do get -d "$1" "$(cat "$WORK/url")" 2>/dev/null && return 0; sleep 0.2; done; return 1; }
written() { puts kept && echo two > version && tram up --ci && says two:kept; }
check "it keeps something, and a second version finds it" written
# Whoever runs in a volume can make what no program that copies by paths can copy.
named() {
  local part deep; part=$(printf '%0254d' 0); deep=$(for _ in $(seq 16); do printf '%s/' "$part"; done)
  tram volume files mkdir -v store "$deep" && ! admin backup "$WORK/b.tar.zst" > "$WORK/out" 2>&1 && has "without 1 of the volumes" "$WORK/out" &&
    tar --zstd -tf "$WORK/b.tar.zst" | grep -qx tramway.db && tram volume files delete -v store "$part" --yes
}
check "a volume that cannot be copied is named, and all else is backed up" named
backed_up() { admin backup "$WORK/b.tar.zst" && says two:kept; }
check "the whole machine is backed up while it serves" backed_up
# Paused is not torn: both files are of one moment.
consistent() {
  local id; id=$(tar --zstd -tf "$WORK/b.tar.zst" | sed -n 's,^volumes/\(.*\)\.tar\.zst$,\1,p')
  mkdir "$WORK/look" && tar --zstd -xOf "$WORK/b.tar.zst" "volumes/$id.tar.zst" | tar --zstd -x -C "$WORK/look" &&
    local gap=$(($(cat "$WORK/look/first") - $(cat "$WORK/look/second"))) && [ $gap = 0 ] || [ $gap = 1 ]
}
check "what was being written is as of one moment" consistent
lost() { stop_tramway && rm -rf "$WORK/data" && mkdir "$WORK/data"; }
check "everything is lost, images too" lost
refused() {
  cp "$WORK/b.tar.zst" "$WORK/bad.tar.zst"
  printf 'xxxxxxxx' | dd of="$WORK/bad.tar.zst" bs=1 seek=$(($(stat -c %s "$WORK/bad.tar.zst") / 2)) conv=notrunc 2>/dev/null
  ! admin restore "$WORK/bad.tar.zst" > "$WORK/refused" 2>&1 && grep -q "no whole backup\|is not what was written" "$WORK/refused" &&
    [ -z "$(ls -A "$WORK/data")" ] && ! grep -q "$WORK/" /sys/block/loop*/loop/backing_file 2>/dev/null
}
check "a damaged backup is refused, and leaves nothing" refused
restored() { admin restore "$WORK/b.tar.zst" > "$WORK/out" && has "with 2 images and 1 volumes" "$WORK/out" && start_tramd && says two:kept; }
check "it is restored: the same app with the same data runs again" restored
back() { tram rollback --yes && says one:kept; }
check "and goes back to the version before, whose image came along" back
goes_on() { puts more && says one:more; }
check "its volume takes more" goes_on
halted() { stop_tramway && ! grep -q "$WORK/" /sys/block/loop*/loop/backing_file 2>/dev/null && ! grep "$RUN/" /proc/mounts; }
check "after the halt nothing is mounted" halted
