#!/bin/bash
# The platform's own state is backed up while it runs, the machine is lost, and another has it again.
. "$(dirname "$0")/lib.sh"
nothing=$(left_behind)
check "a Tramway starts" start_tramway
app talker
deployed() { tram init --name talker && tram up --ci && tram variable set GREETING=hello --skip-deploys && url > "$WORK/url" && get "$(cat "$WORK/url")"; }
check "an app is deployed" deployed
admin() { tram admin "$@" --config "$WORK/tramway.toml"; }
backed_up() { admin backup --without-images "$WORK/b.tar.zst" && [ "$(stat -c %a "$WORK/b.tar.zst")" = 600 ] && get "$(cat "$WORK/url")"; }
check "a backup is made while it serves" backed_up
plain_tar() { tar --zstd -tf "$WORK/b.tar.zst" | grep -qx manifest.json; }
check "it is a tar archive with a manifest" plain_tar
refuses() { # refuses STATUS TEXT COMMAND…
  local expected=$1 text=$2 status; shift 2
  "$@" > "$WORK/refused" 2>&1; status=$?
  [ $status = "$expected" ] && has "$text" "$WORK/refused"
}
check "no restore under a running tramd" refuses 4 "is running already" admin restore --force "$WORK/b.tar.zst"
lost() { stop_tramway && rm -rf "$WORK/data" && mkdir "$WORK/data" && keep_image_store; }
check "the machine is lost" lost
tampered() { head -c 3000 "$WORK/b.tar.zst" > "$WORK/cut.tar.zst"; refuses 2 "no whole backup" admin restore "$WORK/cut.tar.zst" && [ ! -e "$WORK/data/tramway.db" ]; }
check "half a backup is refused" tampered
restored() { admin restore "$WORK/b.tar.zst" && start_tramd; }
check "the backup is restored, tramd starts" restored
knows() { tram whoami && tram status && tram variable list --kv | grep -qx GREETING=hello && [ "$(url)" = "$(cat "$WORK/url")" ]; }
check "the account, its token, the project, its variables and the domain are there" knows
comes_back() { for _ in $(seq 150); do get "$(cat "$WORK/url")" 2>/dev/null && return 0; sleep 0.2; done; tram status; return 1; }
check "what has its image on this machine runs again" comes_back
redeployed() { tram redeploy --yes && comes_back; }
check "and is deployed anew from its snapshot" redeployed
check "no second restore by accident" refuses 4 "is running already" admin restore "$WORK/b.tar.zst"
halted() { stop_tramway && [ "$(left_behind)" = "$nothing" ] || { left_behind; false; }; }
check "after the halt nothing of it is left" halted
codeless() {
  admin backup --without-snapshots --without-images "$WORK/small.tar.zst" && rm -rf "$WORK/data/snapshots" && admin restore --force "$WORK/small.tar.zst" && start_tramd &&
    { tram variable set NO_CACHE=1 --skip-deploys && ! tram redeploy --yes; } > "$WORK/refused" 2>&1
  has "the code of this deployment is not on this machine any more: deploy it anew" "$WORK/refused" && tram up --ci && comes_back && stop_tramway
}
check "without its snapshot a redeploy says what is missing, and a deploy from the folder goes on" codeless
check "nor over the state that is there" refuses 4 "--force moves it aside" admin restore "$WORK/b.tar.zst"
forced() { admin restore --force "$WORK/b.tar.zst" && ls "$WORK"/data/replaced-*/tramway.db && start_tramd && tram whoami; }
check "unless it is forced, which keeps that one" forced
