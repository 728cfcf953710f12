# A Tramway with one small live app, whose deploys are made to fail.  After tests/e2e/lib.sh.
# shellcheck shell=bash

start_fault_town() {
  write_config
  gcc -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror -O1 -o "$WORK/inject" "$REPO/tests/fault/inject.c" || return 1
  start_tramd && tram login --setup-token-file "$WORK/data/setup-token" --name Tester --email t@example.org || return 1
  mkdir -p "$WORK/apps/instant" && cd "$WORK/apps/instant" || return 1
  gcc -O2 -s -static -o instant "$REPO/tests/bench/instant.c" || return 1
  printf 'FROM scratch\nCOPY instant /instant\nCMD ["/instant"]\n' > Dockerfile
  tram init --name fault && tram up --ci
}

first_of() { grep -o '[0-9a-f-]\{36\}' | head -n 1; }

fault_sweep() {
  local tag; tag=twb-$(printf %s "$WORK/data" | sha256sum | cut -c1-6)
  API=$TRAM_SERVER PID=$(tramd_pid) API_PORT=$API_PORT EDGE_PORT=$HTTP_PORT WORK=$WORK RUN=$RUN NAME=$NAME BUILD_TAG=$tag \
    LINKS=tv0a$(printf %02x $((230 + SLOT))) INJECT=$WORK/inject HOST=$(url | sed 's|http://||; s|:.*||') \
    TOKEN=$(grep -o '"token": *"[^"]*"' "$HOME/.tramway/config.json" | cut -d'"' -f4) \
    PROJECT=$(tram status --json | first_of) ENVIRONMENT=$(tram environment list --json | first_of) \
    SERVICE=$(tram service list --json | grep '"serviceId"' | first_of) node "$REPO/tests/fault/fault.js"
}
