#!/bin/bash
# A service that speaks no HTTP behind a TCP proxy: through a redeploy, an end of tramd, with an allow list and
# without, and closed.
. "$(dirname "$0")/lib.sh"
start_tramway || exit 1
app echo

service_is_there() { tram init -n tcp && tram service new echo && tram variable set VERSION=v1 -s echo --skip-deploys; }
check "a service that speaks no HTTP" service_is_there

says() { # says FD EXPECTED: over an open connection
  local answer
  echo ping >&"$1" && read -r -t 10 answer <&"$1" && [ "$answer" = "$2 ping" ] || { echo "'$answer'"; return 1; }
}
new_says() { # new_says EXPECTED: over a new one
  exec {fresh}<>"/dev/tcp/127.0.0.1/$PORT" || return 1
  says "$fresh" "$1"; local status=$?
  exec {fresh}>&-
  return "$status"
}
soon() { for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done; "$@"; }

becomes_public() {
  local address
  tram tcp-proxy list | grep -F "is private" && address=$(tram tcp-proxy create --port 7000) || return 1
  PORT=${address##*:}
  [ "$PORT" -ge $((20000 + SLOT * 100)) ] && [ "$PORT" -le $((20099 + SLOT * 100)) ] &&
    tram up -s echo && tram status | grep -E "^echo .*localhost:$PORT" && new_says v1 && tram tcp-proxy status 7000 | grep -E "^Status +Active"
}
check "gets a public port of the range, which its first deployment serves" becomes_public

urls_follow() {
  tram variable set 'URL=tcp://${{RAILWAY_TCP_PROXY_DOMAIN}}:${{RAILWAY_TCP_PROXY_PORT}}' --skip-deploys &&
    tram variables --kv | grep -Fx "URL=tcp://localhost:$PORT" &&
    tram variables --kv | grep -Fx RAILWAY_TCP_APPLICATION_PORT=7000
}
check "variables tell of it" urls_follow

stays_connected() {
  local failed=0
  exec 5<>"/dev/tcp/127.0.0.1/$PORT" && says 5 v1 || return 1
  tram variable set VERSION=v2 || return 1
  for _ in $(seq 300); do
    new_says v2 >/dev/null 2>&1 && break
    new_says v1 >/dev/null 2>&1 || new_says v2 >/dev/null 2>&1 || failed=$((failed + 1))
    sleep 0.05
  done
  echo "$failed connections failed"
  [ "$failed" -eq 0 ] && new_says v2 && says 5 v1
}
check "a redeploy costs no connection: new ones reach the new instance, open ones the old one" stays_connected

outlives_tramd() {
  exec 6<>"/dev/tcp/127.0.0.1/$PORT" && says 6 v2 || return 1
  kill -9 "$(tramd_pid)" && says 6 v2 && new_says v2 && start_tramd && says 6 v2 && new_says v2 &&
    tram tcp-proxy list | grep -E "localhost:$PORT +port 7000 +Active +everybody"
}
check "neither does the end of tramd" outlives_tramd

# reached_from ADDRESS: 127.0.0.1 and 127.0.0.2 are both of this machine.
reached_from() { # the final exit is of curl's --max-time: the server waits for more
  echo ping | curl -s --max-time 2 --interface "$1" "telnet://127.0.0.1:$PORT" 2>/dev/null | grep -q "v2 ping"
}
keeps_out() {
  tram tcp-proxy update 7000 --allow 127.0.0.2 --allow 2001:db8::/32 | grep -F "127.0.0.2/32, 2001:db8::/32" &&
    soon reached_from 127.0.0.2 && ! reached_from 127.0.0.1 && says 6 v2 &&
    tram environment config | grep -F 127.0.0.2/32 &&
    tram tcp-proxy update "$PORT" --allow everybody && soon reached_from 127.0.0.1
}
check "the allow list lets in who is on it, at once" keeps_out

tunnel_leads_there() {
  "$BUILD/tram" connect --tunnel-only -P 7000 >"$WORK/tunnel" 2>&1 8>&- 9>&- & local pid=$! status=1
  soon grep -q "^127.0.0.1:" "$WORK/tunnel"
  exec 7<>"/dev/tcp/$(head -n 1 "$WORK/tunnel" | tr : /)" && says 7 v2 && says 7 v2 && status=0
  exec 7>&-
  kill "$pid"; wait "$pid" 2>/dev/null
  return "$status"
}
check "a tunnel of the API leads to a port that is private" tunnel_leads_there

# A psql that tells how it was called, and what answers where it was sent.
a_client() {
  mkdir -p "$WORK/bin" && cat > "$WORK/bin/psql" <<'EOF'
#!/bin/bash
echo "password $PGPASSWORD, sslmode $PGSSLMODE, database $PGDATABASE: $*"
exec 3<>"/dev/tcp/$2/$4" && echo ping >&3 && read -r answer <&3 && echo "$answer"
exit 7
EOF
  chmod +x "$WORK/bin/psql"
}
connects() {
  a_client && tram variable set 'DATABASE_URL=postgresql://ada:s3cret@echo.railway.internal:7000/shop?sslmode=require' \
    'DATABASE_PUBLIC_URL=postgresql://ada:s3cret@${{RAILWAY_TCP_PROXY_DOMAIN}}:${{RAILWAY_TCP_PROXY_PORT}}/shop' --skip-deploys || return 1
  local answer
  answer=$(PATH=$WORK/bin:$PATH tram connect echo --ssh); [ $? -eq 7 ] || return 1
  echo "$answer"
  grep -E "^password s3cret, sslmode require, database shop: -h 127.0.0.1 -p [0-9]+ -U ada" <<<"$answer" && grep -Fx "v2 ping" <<<"$answer" || return 1
  answer=$(PATH=$WORK/bin:$PATH tram connect echo)
  echo "$answer"
  grep -F -- "database shop: -h localhost -p $PORT -U ada" <<<"$answer" && grep -Fx "v2 ping" <<<"$answer" && ! grep -F s3cret <<<"${answer#*:}"
}
check "connect starts the client, through a tunnel or the public port, and gives it the password unseen" connects

is_refused() { ! (exec 7<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; }
closes() {
  tram tcp-proxy delete 7000 -y | grep -F "Closed localhost:$PORT" && soon is_refused || return 1
  read -r -t 10 _ <&6; [ $? -eq 1 ] || return 1 # the end of it, not the end of the wait
  ! tram variables --kv | grep -E "^(URL|RAILWAY_TCP|DATABASE_PUBLIC_URL)" && tram tcp-proxy list | grep -F "is private"
}
check "deleting it closes the port and what is connected" closes
exec 5>&- 6>&-
