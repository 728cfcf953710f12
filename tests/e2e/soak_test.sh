#!/bin/bash
# The short form of `make soak`: deploys, rollbacks, kills of tramd and of HAProxy under load lose nothing.
. "$(dirname "$0")/lib.sh"
. "$REPO/tests/soak/setup.sh"
nothing=$(left_behind)
check "the app under load is live" start_soak
short() { soak; }
export SOAK_DEPLOYS=10 SOAK_ROLLBACKS=5 SOAK_KILLS=8 SOAK_EDGE_KILLS=2
export SOAK_EDGE_BACK_MS=10000 # the machine may be busy with other tests
check "10 redeploys, 5 rollbacks, 8 kills of tramd, 2 of HAProxy" short
gone() { stop_tramway && [ "$(left_behind)" = "$nothing" ] || { left_behind; false; }; }
check "after the halt nothing of it is left" gone
