# What scripts/soak and tests/e2e/soak_test.sh share, after lib.sh: the app under load, and the driver's surroundings.
# shellcheck shell=bash disable=SC2154

# Tramway with the app of tests/soak/app live.
start_soak() {
  start_tramway || return 1
  disown -a # tramd will be killed, which is not worth a line of the shell's
  mkdir -p "$WORK/apps/soak" && cd "$WORK/apps/soak" || return 1
  gcc -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Werror -static -pthread -o app "$REPO/tests/soak/app/app.c" || return 1
  cp "$REPO/tests/soak/app/Dockerfile" .
  tram init --name soak && tram up --ci || return 1
  local id='[0-9a-f-]\{36\}'
  SOAK_PROJECT=$(tram status --json | grep -o "$id" | head -n 1)
  SOAK_ENVIRONMENT=$(tram environment list --json | grep -o "$id" | head -n 1)
  SOAK_SERVICE=$(tram service list --json | grep '"serviceId"' | grep -o "$id" | head -n 1)
  SOAK_TOKEN=$(grep -o '"token": *"[^"]*"' "$HOME/.tramway/config.json" | cut -d'"' -f4)
  SOAK_HOST=$(url | sed 's|http://||; s|:.*||')
  export SOAK_PROJECT SOAK_ENVIRONMENT SOAK_SERVICE SOAK_TOKEN SOAK_HOST
  export SOAK_WORK=$WORK SOAK_RUN=$RUN SOAK_TRAMD=$BUILD/tramd SOAK_PORT=$HTTP_PORT SOAK_NAME=$NAME SOAK_LINKS=$LINKS
}

# Runs the driver; fails when something did not hold.
soak() {
  NODE_PATH=/usr/share/nodejs node "$REPO/tests/soak/soak.js"
}
