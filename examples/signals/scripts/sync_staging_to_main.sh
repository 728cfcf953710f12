#!/usr/bin/env bash
# After a release: makes the branch staging equal to main, on the remote and here.  Refuses when staging has
# commits that main lacks, which would be lost.
set -euo pipefail

remote=${REMOTE:-origin}
git fetch -q "$remote" main staging
ahead=$(git rev-list --count "$remote/main..$remote/staging")
if [[ $ahead -gt 0 && ${FORCE:-0} != 1 ]]; then
  echo "staging has $ahead commits that main lacks: release them first, or run with FORCE=1" >&2
  exit 1
fi
git push -q --force-with-lease="staging:$(git rev-parse "$remote/staging")" "$remote" "$remote/main:refs/heads/staging"
git fetch -q "$remote" staging
echo "staging is $(git rev-parse --short "$remote/staging"), as main is"
