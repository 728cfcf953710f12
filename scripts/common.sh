# Where `make run` keeps things; sourced by scripts/run and scripts/stop.
# shellcheck shell=bash disable=SC2034
TRAMWAY_DATA=${TRAMWAY_DATA:-/var/lib/tramway}
TRAMWAY_RUN=${TRAMWAY_RUN:-/run/tramway}
TRAMWAY_API_PORT=${TRAMWAY_API_PORT:-4600}
TRAMWAY_HTTP_PORT=${TRAMWAY_HTTP_PORT:-8080}
BUILD=${BUILD:-build}
CONFIG=$TRAMWAY_DATA/tramway.toml
export TRAM_SERVER=http://127.0.0.1:$TRAMWAY_API_PORT

die() { echo "$*" >&2; exit 1; }
need_root() { [ "$(id -u)" = 0 ] || die "Tramway makes containers and networks: run this as root, for example: sudo make $1"; }
api_answers() { curl -fsS -o /dev/null --max-time 2 "$TRAM_SERVER/healthz" 2>/dev/null; }
