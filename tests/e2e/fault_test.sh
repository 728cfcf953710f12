#!/bin/bash
# The short form of `make fault`: some of a deploy's system calls fail, and some of its programs.
. "$(dirname "$0")/lib.sh"
. "$REPO/tests/fault/lib.sh"
check "an app is live" start_fault_town
calls() { FAULT_KINDS=$1 FAULT_FIRST=$2 FAULT_EVERY=$3 fault calls.js; }
check "system calls of a deploy from an upload fail" calls up 20 80
check "and of one of an image" calls image 10 40
ends_at_once() { FAULT_WAYS=fail FAULT_PROGRAMS="$(command -v conmon) $(command -v buildah)" fault programs.js; }
check "programs that it starts end at once" ends_at_once
