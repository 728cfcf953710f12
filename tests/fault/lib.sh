# A Tramway with one small live app, whose deploys are made to fail.  After tests/e2e/lib.sh.
# shellcheck shell=bash

# It runs in a mount namespace of its own, where programs can be replaced for it alone.
unshare --mount --propagation private sleep infinity 8>&- 9>&- &
APART=$!
apart() { nsenter --mount="/proc/$APART/ns/mnt" "$@"; }
start_tramd() {
  apart setsid "$BUILD/tramd" --config "$WORK/tramway.toml" >>"$WORK/tramd.log" 2>&1 </dev/null 8>&- 9>&- &
  for _ in $(seq 300); do
    curl -fsS -o /dev/null --max-time 1 "$TRAM_SERVER/healthz" 2>/dev/null && return 0
    sleep 0.1
  done
  return 1
}
stop_tramway() { apart "$BUILD/tramd" --config "$WORK/tramway.toml" --halt >>"$WORK/tramd.log" 2>&1; }
finish_apart() { finish; kill "$APART"; }
trap finish_apart EXIT

start_fault_town() {
  write_config
  sed -i 's/^healthcheck_timeout = .*/healthcheck_timeout = 6/' "$WORK/tramway.toml"
  printf '[build]\ntimeout = 20\n' >> "$WORK/tramway.toml"
  gcc -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror -O1 -o "$WORK/inject" "$REPO/tests/fault/inject.c" || return 1
  start_tramd && tram login --setup-token-file "$WORK/data/setup-token" --name Tester --email t@example.org || return 1
  mkdir -p "$WORK/apps/instant" && cd "$WORK/apps/instant" || return 1
  gcc -O2 -s -static -o instant "$REPO/tests/bench/instant.c" || return 1
  printf 'FROM scratch\nCOPY instant /instant\nCMD ["/instant"]\n' > Dockerfile
  tram init --name fault && tram up --ci
}

first_of() { grep -o '[0-9a-f-]\{36\}' | head -n 1; }

# fault SCRIPT: runs it beside that Tramway.
fault() {
  API=$TRAM_SERVER PID=$(tramd_pid) API_PORT=$API_PORT EDGE_PORT=$HTTP_PORT WORK=$WORK RUN=$RUN NAME=$NAME \
    BUILD_TAG=twb-$(printf %s "$WORK/data" | sha256sum | cut -c1-6) LINKS=tv0a$(printf %02x $((230 + SLOT))) \
    INJECT=$WORK/inject HOST=$(url | sed 's|http://||; s|:.*||') \
    TOKEN=$(grep -o '"token": *"[^"]*"' "$HOME/.tramway/config.json" | cut -d'"' -f4) \
    PROJECT=$(tram status --json | first_of) ENVIRONMENT=$(tram environment list --json | first_of) \
    SERVICE=$(tram service list --json | grep '"serviceId"' | first_of) \
    FAULT_PROGRAMS=${FAULT_PROGRAMS:-$(programs)} node "$REPO/tests/fault/$1"
}

# Those that a deploy starts.
programs() {
  echo "$RUN/crun-program $(command -v conmon) $(command -v ip) $(command -v nft) $(command -v buildah)" \
    "/usr/lib/podman/netavark $BUILD/tramway-exec"
}
