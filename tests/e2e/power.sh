# As after a power failure: no process, mount, link, rule or control group is left, and no record of it; and of volumes what had
# reached their disk, no more.  After lib.sh.
# shellcheck shell=bash disable=SC2154
rules() { iptables-save -t "$1" | grep -F "10.$((230 + SLOT))." | grep '^-A'; }
forget_rules() {
  local table rule chain
  for table in nat filter; do
    for chain in $(rules $table | grep -o 'NETAVARK-[0-9A-F]*' | sort -u); do echo "$table $chain" >> "$WORK/chains"; done
    rules $table | sed 's/^-A/-D/' | while read -r rule; do eval "iptables -w -t $table $rule"; done
  done
  [ ! -e "$WORK/chains" ] || while read -r table chain; do iptables -w -t "$table" -F "$chain" 2>/dev/null; iptables -w -t "$table" -X "$chain" 2>/dev/null; done < "$WORK/chains"
}
# Everything of it, at once.
kill_all() {
  local group pids
  group=$(control_groups)
  pids="$(tramd_pid) $(pgrep -f "[/]${RUN#/}/") $(for g in $group; do find "$g" -name cgroup.procs -exec cat {} +; done)"
  pids=$(tr ' ' '\n' <<<"$pids" | sort -u | grep -vx "$$\|0\|")
  kill -KILL $pids 2>/dev/null
  for _ in $(seq 100); do [ -z "$(pgrep -f "[/]${RUN#/}/")" ] && break; sleep 0.05; done
  for g in $group; do for _ in $(seq 40); do find "$g" -depth -type d -exec rmdir {} + 2>/dev/null; [ -d "$g" ] || break; sleep 0.05; done; done
}
# XFS stops at once: neither its log nor the pages that nobody has synced are written any more.
drop_unsynced() {
  awk -v run="$RUN/" -v work="$WORK/" '$3 == "xfs" && (index($2, run) == 1 || index($2, work) == 1) { print $2 }' /proc/mounts |
    while read -r point; do xfs_io -x -c shutdown "$point" 2>/dev/null; done
}
lose_power() {
  drop_unsynced
  kill_all
  tac /proc/mounts | awk -v run="$RUN" -v work="$WORK/data/volumes/" '$2 == run || index($2, run "/") == 1 || index($2, work) == 1 { print $2 }' |
    while read -r point; do umount -l "$point"; done
  losetup -a | sed -n "s|^\(/dev/loop[0-9]*\):.*($WORK/data/volumes/.*|\1|p" | while read -r device; do losetup -d "$device"; done
  ip -br link | grep -o "^$NAME[^ @]*" | while read -r link; do ip link delete "$link"; done
  nft list tables | grep "$NAME" | while read -r _ family table; do nft delete table "$family" "$table"; done
  forget_rules
  rm -rf "$RUN"
  sed -i -E 's/"boot": *"[^"]*"/"boot": "11111111-1111-4111-8111-111111111111"/' "$WORK"/data/engine/instances/*/state.json
}
processes() { # processes WORD: those of its instances that are called so
  for g in $(find /sys/fs/cgroup -maxdepth 3 -type d -name "$NAME"); do find "$g" -name cgroup.procs -exec cat {} +; done | sort -u |
    while read -r pid; do grep -qx "$1" "/proc/$pid/comm" 2>/dev/null && echo "$pid"; done
}
