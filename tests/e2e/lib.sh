# What the end-to-end tests share: a Tramway of their own, on folders, ports and names that nobody
# else uses, and TAP output.  Everything is ended and removed when the test ends, however it ends.
# shellcheck shell=bash
set -u
REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=$REPO/${BUILD:-build}
APPS=$REPO/tests/e2e/apps
WORK=$(mktemp -d /var/tmp/tramway-e2e.XXXXXX)
# Several can run side by side: each its own number (0 to 9) and its own TRAMWAY_TEST_CACHE.
SLOT=${E2E_SLOT:-0}
API_PORT=$((4690 + SLOT)) HTTP_PORT=$((8690 + SLOT)) RUN=/run/tramway-e2e$SLOT
LETTERS=abcdefghij; NAME=twete${LETTERS:$SLOT:1}
LINKS=tv0a$(printf %02x $((230 + SLOT))) # how the links of its instances begin: their address in hex
export HOME=$WORK/home TRAM_SERVER=http://127.0.0.1:$API_PORT NO_COLOR=1
export TRAMWAY_TEST_CACHE=${TRAMWAY_TEST_CACHE:-/var/cache/tramway-test}
unset CI RAILWAY_TOKEN TRAM_TOKEN RAILWAY_API_TOKEN TRAM_API_TOKEN
mkdir -p "$HOME" "$WORK/data" "$TRAMWAY_TEST_CACHE"
# One end-to-end test at a time, since they share ports and names; and one user of the kept image store,
# since two builders on one store would end each other's builds.
exec 8>>"$RUN.lock" 9>>"$TRAMWAY_TEST_CACHE/lock" && flock 8 && flock 9
tests=0 failures=0

write_config() {
  cat > "$WORK/tramway.toml" <<EOF
[server]
listen = "127.0.0.1:$API_PORT"
[data]
dir = "$WORK/data"
run_dir = "$RUN"
[edge]
http_listen = ["127.0.0.1:$HTTP_PORT"]
tcp_listen = ["127.0.0.1"]
tcp_first_port = $((20000 + SLOT * 100))
tcp_last_port = $((20099 + SLOT * 100))
[network]
name = "$NAME"
ipv4_pool = "10.$((230 + SLOT)).0.0/16"
ipv6_pool = "fd7a:7472:e2e$SLOT::/48"
build_subnet = "10.220.$SLOT.0/24"
[volumes]
size = "300MB"
poll = "1s"
[deploy]
healthcheck_timeout = ${HEALTHCHECK_S:-20}
stop_grace = 2
ci_settle = 1
EOF
}

start_tramd() {
  setsid "$BUILD/tramd" --config "$WORK/tramway.toml" >>"$WORK/tramd.log" 2>&1 </dev/null 8>&- 9>&- &
  for _ in $(seq 300); do
    curl -fsS -o /dev/null --max-time 1 "$TRAM_SERVER/healthz" 2>/dev/null && return 0
    sleep 0.1
  done
  echo "# tramd does not answer; its log:"; sed 's/^/#   /' "$WORK/tramd.log" | tail -n 30
  return 1
}

tramd_pid() { cat "$RUN/tramd.pid"; }

# Base images are made once for all runs: the image store is kept between them.
keep_image_store() {
  mkdir -p "$TRAMWAY_TEST_CACHE/containers"
  ln -sfn "$TRAMWAY_TEST_CACHE/containers" "$WORK/data/containers"
}

hash=$(printf %s "$WORK/data" | sha256sum | cut -c1-6) # of this installation, in names of what it makes for builds and backups
control_groups() { find /sys/fs/cgroup -maxdepth 4 -type d \( -name "$NAME*" -o -name "$hash-*" -o -name "backups-$hash" \); }

# What Tramway could leave on the machine: processes, mounts, links, namespaces, firewall, groups.
left_behind() {
  local tag=twb-$hash
  pgrep -fa "[/]${RUN#/}/" # living ones; who has ended may wait for its parent
  grep "$RUN/" /proc/mounts
  ip -br link | grep -E "^($NAME|$tag|$LINKS)"
  ip netns list | grep -E "$NAME|$tag"
  nft list tables | grep -E "$NAME|$tag"
  iptables-save 2>/dev/null | grep -F "10.$((230 + SLOT))."
  control_groups
}

start_tramway() {
  write_config
  keep_image_store
  start_tramd && tram login --setup-token-file "$WORK/data/setup-token" --name Tester --email t@example.org >/dev/null
}

stop_tramway() {
  "$BUILD/tramd" --config "$WORK/tramway.toml" --halt >>"$WORK/tramd.log" 2>&1
}

tram() { "$BUILD/tram" "$@"; }

before_removal() { :; } # for a test that has mounted something below $WORK

finish() {
  stop_tramway || { echo "not ok $((++tests)) - halt"; tail -n 20 "$WORK/tramd.log" | sed 's/^/#   /'; }
  [ "$failures" -eq 0 ] || { echo "# tramd's log:"; tail -n 60 "$WORK/tramd.log" | sed 's/^/#   /'; }
  before_removal
  rm -rf "$WORK"
  echo "1..$tests"
}
trap finish EXIT
trap 'exit 1' INT TERM

# check NAME COMMAND…: a test; the command's output is shown when it fails.
check() {
  local name=$1; shift
  tests=$((tests + 1))
  if "$@" >"$WORK/check.out" 2>&1; then
    echo "ok $tests - $name"
  else
    failures=$((failures + 1))
    echo "not ok $tests - $name"; tail -n 40 "$WORK/check.out" | sed 's/^/#   /'
  fi
}

# app NAME [FROM]: a copy of a fixture, so that links of different tests stay apart.
app() {
  mkdir -p "$WORK/apps"
  cp -r "$APPS/${2:-$1}" "$WORK/apps/$1"
  cd "$WORK/apps/$1" || exit 1
}

# The URL of the linked service.
url() { tram domain | head -n 1; }

get() { curl -fsS --max-time 10 --resolve "*:$HTTP_PORT:127.0.0.1" "$@"; }

has() { # has TEXT FILE
  grep -qF -- "$1" "$2" || { echo "without '$1':"; cat "$2"; return 1; }
}
