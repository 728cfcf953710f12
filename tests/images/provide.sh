# The images that guides name and Tramway does not make itself: each folder here is a recipe, built by Tramway and kept in
# the tests' image store under the name that Dockerfiles use, as if it had been pulled.  After tests/e2e/lib.sh.
# shellcheck shell=bash

# provide_image FOLDER NAME: when it is not there yet, or its recipe has changed.
provide_image() {
  local recipe=$REPO/tests/images/$1 store=$TRAMWAY_TEST_CACHE/containers image made
  made=localhost/tramway-test/$1:$(cat "$recipe"/* | sha256sum | cut -c1-12)
  ! grep -qsF "\"$made\"" "$store/overlay-images/images.json" || return 0
  ( # what it would run by itself is not of interest
    mkdir -p "$WORK/images" && cp -r "$recipe" "$WORK/images/" && cd "$WORK/images/$1" &&
      printf '[deploy]\nstartCommand = %s\n' "\"perl -MIO::Socket::INET -e 'IO::Socket::INET->new(LocalPort => 8080, Listen => 1) and sleep'\"" > railway.toml &&
      tram init --name "image-$1" && tram up --ci && tram deployment show --json > deployment.json && tram delete --yes
  ) || return 1
  image=$(sed -n 's/.*"imageDigest": "sha256:\([0-9a-f]*\)".*/\1/p' "$WORK/images/$1/deployment.json") && [ -n "$image" ] || return 1
  unshare -m buildah --root "$store" --runroot "$WORK/images/run" --storage-driver overlay tag "$image" "$made" "docker.io/$2"
}
