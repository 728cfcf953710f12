#!/bin/bash
# Buckets: S3 for an environment, its keys as variables, through the ends of tramd and of the storage service.
. "$(dirname "$0")/lib.sh"
start_tramway || exit 1
app echo

soon() { for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done; "$@"; }
storage() { tram "$@" -s "Object Storage"; }
began() { tram ssh -s "Object Storage" -- cut -d" " -f22 /proc/1/stat; } # when the storage service did

use() { # use BUCKET: its credentials, as AWS_…
  local given; given=$(tram bucket credentials -b "$1") || { echo "$given"; return 1; }
  eval "$given"
}
# s3 METHOD PATH [CURL-ARGUMENT…]: with the key in use, at the storage service's domain.
s3() {
  curl --fail-with-body -sS --max-time 20 --resolve "*:$HTTP_PORT:127.0.0.1" --aws-sigv4 "aws:amz:$AWS_DEFAULT_REGION:s3" \
    --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" -H "x-amz-content-sha256: UNSIGNED-PAYLOAD" -X "$1" "$AWS_ENDPOINT_URL/$2" "${@:3}"
}
writes() { s3 PUT "$AWS_S3_BUCKET_NAME/$1" --data-binary "$2" -H "Content-Type: text/plain"; }
reads() { [ "$(s3 GET "$AWS_S3_BUCKET_NAME/$1")" = "$2" ]; }

# The first time an image is made, which takes minutes.
is_serving() {
  for _ in $(seq 900); do
    storage deployment list 2>/dev/null | grep -q SUCCESS && return 0
    storage deployment list 2>/dev/null | grep -qE "FAILED|CRASHED" && break
    sleep 1
  done
  storage deployment list; storage logs -d -n 40; return 1
}
begins() {
  tram init -n shop && tram bucket list | grep -F "No buckets in production" && tram bucket create uploads &&
    tram bucket list | grep -E "^uploads +uploads-[0-9a-f]{8}" &&
    tram bucket credentials | grep -Fx "AWS_ENDPOINT_URL=http://object-storage.railway.internal:9000" && is_serving && storage domain
}
check "the first bucket makes the storage service" begins

keeps_objects() {
  use uploads && [[ $AWS_ENDPOINT_URL == http://*.localhost:$HTTP_PORT ]] && soon writes a.txt one && reads a.txt one &&
    tram bucket info | grep -E "^Objects +1$" && s3 GET "$AWS_S3_BUCKET_NAME?list-type=2" | grep -F "<Key>a.txt</Key>"
}
check "its key writes and reads" keeps_objects

variables_refer() {
  tram service new app && tram variable set -s app --skip-deploys 'B=${{uploads.BUCKET}}' 'E=${{uploads.ENDPOINT}}' 'S=${{uploads.SECRET_ACCESS_KEY}}' &&
    tram variables -s app --kv | grep -Fx "B=$AWS_S3_BUCKET_NAME" && tram variables -s app --kv | grep -Fx "S=$AWS_SECRET_ACCESS_KEY" &&
    tram variables -s app --kv | grep -Fx "E=http://object-storage.railway.internal:9000" &&
    tram ssh -s "Object Storage" -- python3 -c 'from urllib.request import urlopen; urlopen("http://object-storage.railway.internal:9000/healthcheck")'
}
check "variables of a service refer to it" variables_refer

second_bucket() {
  local before other=$AWS_S3_BUCKET_NAME; before=$(began) && [ -n "$before" ] || return 1
  tram bucket create images && use images && soon writes b.txt two && reads b.txt two && [ "$(began)" = "$before" ] &&
    ! s3 GET "$other/a.txt" && ! s3 GET "$other?list-type=2" && ! s3 PUT "$other/mine" --data-binary x
}
check "a second one serves without a restart, and its key does not open the first" second_bucket

stages() {
  tram bucket create pictures --region sjc --stage > "$WORK/out" && grep -E "[+] buckets\.[0-9a-f-]+ +pictures" "$WORK/out" && ! tram bucket list | grep pictures &&
    echo '{"buckets": {"papers": {"isCreated": true}}, "services": {"app": {"variables": {"P": "${{papers.BUCKET}}"}}}}' | tram environment edit --stage &&
    ! echo '{"buckets": {"x-files": {"isCreated": true, "region": "mars"}}}' | tram environment edit --stage 2> "$WORK/err" &&
    has "buckets.x-files: region: there is no region 'mars'" "$WORK/err" && tram environment commit --yes --skip-deploys &&
    use papers && soon writes p.txt paper && tram variables -s app --kv | grep -Fx "P=$AWS_S3_BUCKET_NAME" && use pictures && soon writes q.txt q || return 1
  tram environment config > "$WORK/out" && has Buckets "$WORK/out" && has Volumes "$WORK/out" && has "DAILY, WEEKLY, MONTHLY" "$WORK/out" &&
    tram bucket delete -b papers --stage && tram environment discard buckets.papers && tram bucket list | grep -E "^papers "
}
check "they are staged and committed with their environment, which shows them" stages

is_refused() { ! reads a.txt one; }
resets() {
  use uploads && reads a.txt one || return 1
  tram bucket credentials -b uploads --reset -y && soon is_refused && use uploads && soon reads a.txt one
}
check "another key ends the former one" resets

outlives() {
  local before; before=$(began)
  kill -9 "$(tramd_pid)" && reads a.txt one && start_tramd && reads a.txt one && storage restart -y || return 1
  began_again() { [ "$(began)" != "$before" ]; }
  soon began_again && soon reads a.txt one && use images && reads b.txt two
}
check "objects and keys outlive the end of tramd and a restart of the storage service" outlives

deletes() {
  use uploads && tram bucket delete -b uploads -y && soon is_refused && ! tram bucket list | grep uploads &&
    tram bucket list --deleted | grep -E "^uploads +uploads-.* 20[0-9]{2}-" && tram bucket restore uploads && use uploads && soon reads a.txt one
}
check "a deleted one is shut, and comes back with its objects" deletes

# ---- backups go to it, through TLS as config demands ----

S3_PORT=$((9690 + SLOT)) PROXY=
proxy_starts() {
  setsid haproxy -f "$WORK/s3.cfg" >>"$WORK/s3.log" 2>&1 </dev/null 8>&- 9>&- &
  PROXY=$!
  soon curl -sS -o /dev/null --max-time 2 --cacert "$WORK/s3.crt" "https://127.0.0.1:$S3_PORT/"
}
proxy_ends() { [ -z "$PROXY" ] || kill -9 "$PROXY" 2>/dev/null; wait "$PROXY" 2>/dev/null; PROXY=; }
before_removal() { proxy_ends; }
signs_in() { tram backup credentials "$1" --secret-stdin <<<"$2"; }
newest() { tram backup list -s app --json | jq -r ".backups[0].$1"; }
state_is() { [ "$(newest state)" = "$1" ]; }
seed() { head -c "$1" /dev/urandom > "$WORK/seed.$2" && tram volume files upload "$WORK/seed.$2" "$2" -v app-volume; }

backs_up() {
  tram bucket create backups && use backups || return 1
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=s3 -addext subjectAltName=IP:127.0.0.1 \
    -keyout "$WORK/s3.key" -out "$WORK/s3.crt" 2>/dev/null && cat "$WORK/s3.crt" "$WORK/s3.key" > "$WORK/s3.pem" || return 1
  cat > "$WORK/s3.cfg" <<EOF
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen s3
  bind 127.0.0.1:$S3_PORT ssl crt $WORK/s3.pem
  server s3 $(tram ssh -s "Object Storage" -- sed -n 's/^\(10\.[0-9.]*\) .*/\1/p' /etc/hosts):9000
EOF
  kill "$(tramd_pid)" && cat >> "$WORK/tramway.toml" <<EOF && proxy_starts && start_tramd || return 1
[backup]
location = "s3:https://127.0.0.1:$S3_PORT/$AWS_S3_BUCKET_NAME/tramway"
region = "$AWS_DEFAULT_REGION"
ca_bundle = "$WORK/s3.crt"
EOF
  signs_in "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" && tram volume add -s app -m /data && seed 3M one &&
    soon tram backup create -s app && s3 GET "$AWS_S3_BUCKET_NAME?list-type=2" | grep -E "<Key>tramway/[0-9a-f-]+/config</Key>"
}
check "a backup goes into a bucket" backs_up

comes_back() {
  tram backup restore "$(newest id)" -s app --yes && tram environment discard --yes || return 1
  local volume; volume=$(tram volume list | grep -o 'app-volume-[0-9][0-9-]*' | head -n 1)
  tram volume files download one - -v "$volume" | cmp - "$WORK/seed.one" && tram backup drill -s app | grep -F checksum
}
check "and comes back from it" comes_back

packs() { s3 GET "$AWS_S3_BUCKET_NAME?list-type=2" | grep -o '/data/' | wc -l; }
more_packs() { [ "$(packs)" -gt "$1" ]; }
loses_it() {
  local before; before=$(packs)
  seed 60M two && tram backup create -s app --no-wait && soon more_packs "$before" && state_is TAKING && proxy_ends && sleep 1 &&
    state_is TAKING && proxy_starts && soon state_is READY && tram backup drill -s app | grep -F checksum
}
check "the connection is lost in the middle, and the backup ends well" loses_it

refused() {
  local secret=0123456789abcdefsecretofnobody
  signs_in "$AWS_ACCESS_KEY_ID" "$secret" && ! tram backup create -s app 2>&1 | tee "$WORK/refused" | grep . >/dev/null
  has "refuses the credentials" "$WORK/refused" && tram events | tee "$WORK/events" && has "backup failed" "$WORK/events" &&
    ! grep -F -e "$secret" -e "$AWS_SECRET_ACCESS_KEY" "$WORK/refused" "$WORK/events" "$WORK/tramd.log" &&
    signs_in "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" && tram backup create -s app && tram events | grep -F "backup recovered"
}
check "wrong credentials are told without a secret" refused

without_bucket() {
  tram bucket delete -b backups -y && soon eval '! s3 GET "$AWS_S3_BUCKET_NAME?list-type=2"' &&
    ! tram backup create -s app 2> "$WORK/missing" && cat "$WORK/missing" && grep -iE "bucket|credentials" "$WORK/missing" &&
    tram bucket restore backups && use backups && signs_in "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" && soon tram backup create -s app
}
check "a bucket that is missing is told, and used again when it is back" without_bucket
