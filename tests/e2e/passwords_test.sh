#!/bin/bash
# The passwords of databases are changed while services connect with them, again and again: none is ever refused.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/power.sh"
check "a fresh installation starts and has its first account" start_tramway

write_ask() { # what connects anew each time, and says whether it was let in, and with which URL
  cat <<'END'
trap 'exit 0' TERM
rest=${URL#*://} user=${rest%%:*} password=${rest#*:} password=${password%%@*} host=${rest#*@} host=${host%%:*}
case $URL in
  postgres*) ask() { psql -Atc 'select 1' "$URL"; } ;;
  mysql*) ask() { MYSQL_PWD=$password mariadb -N -h "$host" -u "$user" -e 'select 1'; } ;;
  redis*) ask() { [ "$(REDISCLI_AUTH=$password redis-cli --user "$user" -h "$host" ping)" = PONG ]; } ;;
esac
word=$(echo "$URL" | sha256sum | cut -c1-8)
while :; do
  if said=$(ask 2>&1); then echo "let in with $word"; else echo "REFUSED with $word: $said"; fi
  sleep 0.2
done
END
}
# It listens, too: what does not is taken for a worker, and is live only after 10 s.
user_of() { # user_of NAME IMAGE REFERENCE
  mkdir "$WORK/$1" && cd "$WORK/$1" && write_ask > ask && printf 'FROM %s\nCOPY ask listen /\nENTRYPOINT []\nCMD ["bash", "-c", "perl /listen & exec bash /ask"]\n' "$2" > Dockerfile &&
    echo 'use Socket; socket(S, PF_INET, SOCK_STREAM, 0) && bind(S, sockaddr_in($ENV{PORT}, INADDR_ANY)) && listen(S, 5) || die $!; sleep' > listen &&
    tram link --project shop --environment production && tram service new "$1" -v "URL=$3" && tram up --detach
}
# With the variables of the templates; Redis keeps its passwords in its volume.
databases() {
  mkdir "$WORK/shop" && cd "$WORK/shop" && tram init --name shop &&
    tram service new Postgres --image tramway/postgres:17 -v POSTGRES_USER=postgres -v 'PGUSER=${{POSTGRES_USER}}' -v POSTGRES_DB=railway \
      -v 'PGHOST=${{RAILWAY_PRIVATE_DOMAIN}}' -v 'POSTGRES_PASSWORD=${{secret(32)}}' -v 'PGPASSWORD=${{POSTGRES_PASSWORD}}' \
      -v 'DATABASE_URL=postgresql://${{PGUSER}}:${{POSTGRES_PASSWORD}}@${{PGHOST}}:5432/railway' &&
    tram service new MariaDB --image tramway/mariadb:11 -v MYSQLUSER=root -v 'MYSQL_ROOT_PASSWORD=${{secret(32)}}' \
      -v 'MYSQL_URL=mysql://${{MYSQLUSER}}:${{MYSQL_ROOT_PASSWORD}}@${{RAILWAY_PRIVATE_DOMAIN}}:3306/' &&
    tram add -d redis
}
check "three databases" databases
live() { # live SERVICE
  for _ in $(seq 300); do tram service status --service "$1" 2>&1 | tee "$WORK/status" | grep -qi success && return; sleep 0.1; done
  cat "$WORK/status"; tram logs --service "$1"; return 1
}
all_live() { live Postgres && live MariaDB && live Redis; }
check "they are live" all_live
users() {
  user_of pg-user tramway/postgres:17 '${{Postgres.DATABASE_URL}}' && user_of maria-user tramway/mariadb:11 '${{MariaDB.MYSQL_URL}}' &&
    user_of redis-user tramway/redis:8 '${{Redis.REDIS_URL}}' && live pg-user && live maria-user && live redis-user
}
check "and a service uses each" users
let_in() { # let_in SERVICE: by what runs now; its word
  for _ in $(seq 300); do
    tram logs --service "$1" --lines 5 > "$WORK/lines" 2>&1
    word=$(sed -n 's/.*let in with //p' "$WORK/lines" | tail -n 1)
    [ -n "$word" ] && return; sleep 0.1
  done
  cat "$WORK/lines"; return 1
}
url_of() { tram variable list --service "$1" --kv | sed -n 's/^URL=//p'; }
deployments_of() { tram deployments --service "$1" | grep -c '[0-9a-f]\{8\}-'; }
rotated() { # rotated DATABASE SERVICE
  local former; former=$(url_of "$2")
  let_in "$2" || return 1; local before=$word count; count=$(deployments_of "$1")
  [ -n "$former" ] && tram database rotate-password --database "$1" && live "$2" && let_in "$2" || return 1
  echo "$former" > "$WORK/$1.former"
  [ "$word" != "$before" ] || { echo "still with $word"; return 1; }
  [ "$(deployments_of "$1")" = "$count" ] || { echo "the database was deployed again"; return 1; }
}
check "Postgres has a new password" rotated Postgres pg-user
owns() {
  tram ssh --service pg-user -- bash -c 'psql "$URL" -c "create table made ()"' &&
    tram ssh --service Postgres -- psql -h /var/run/postgresql -U postgres -d railway -Atc "select tableowner from pg_tables where tablename = 'made'" | grep -x postgres
}
check "what is made with it belongs to the first user" owns
locked() { # locked SERVICE DATABASE WORDS: with the former URL
  write_ask | sed '/^while/,$d' > "$WORK/once"; echo 'ask' >> "$WORK/once"
  tram ssh --service "$1" -- env "URL=$(cat "$WORK/$2.former")" bash -c "$(cat "$WORK/once")" > "$WORK/no" 2>&1
  has "$3" "$WORK/no"
}
check "and the old one is refused" locked pg-user Postgres 'authentication failed'
check "and once more a new one" rotated Postgres pg-user
check "MariaDB has a new password" rotated MariaDB maria-user
check "and the old one is refused" locked maria-user MariaDB 'locked'
check "Redis has a new password" rotated Redis redis-user
survives() { # its process ends, and it is started again with the variables of its deployment
  kill -KILL $(processes redis-server)
  live Redis && let_in redis-user
}
check "which is good also when Redis is started again" survives
alone() { ! tram database rotate-password --database Postgres --keep-old 90d > "$WORK/no" 2>&1 && has '30 days' "$WORK/no"; }
check "30 days are the longest time to keep an old one" alone
literal() {
  tram variable set 'URL=postgresql://postgres:${{Postgres.PGPASSWORD}}@${{Postgres.PGHOST}}:5432/railway' --service pg-user --skip-deploys &&
    ! tram database rotate-password --database Postgres > "$WORK/no" 2>&1 && has "'pg-user' uses the database's password without its PGUSER" "$WORK/no"
}
check "a service that names the user itself is told of, and nothing changes" literal
never() {
  for user in pg-user maria-user redis-user; do
    for id in $(tram deployments --service "$user" --json | sed -n 's/.*"id": *"\([^"]*\)".*/\1/p'); do tram logs "$id" --lines 2000; done
  done > "$WORK/all" 2>&1
  grep -q 'let in' "$WORK/all" && ! grep -i 'WRONGPASS\|NOAUTH\|authentication failed\|denied\|locked' "$WORK/all"
}
check "nobody was ever refused" never
gone() { stop_tramway && [ -z "$(left_behind)" ] || { left_behind; false; }; }
check "after the halt nothing of it is left" gone
