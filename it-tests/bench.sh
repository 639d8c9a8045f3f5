#!/bin/bash
# What a session helper costs, measured here and now: plain forwarding, the kernel's FTP helper,
# pinholed, and for reference a C program that accepts the same packets unread. Four laboratories
# stand side by side; rounds alternate between them, so that a busy machine disturbs all alike.
# Client and server are kept on a processor each, as if they were two machines: left alone, the
# scheduler puts them on one or on two as it likes, and that changes the numbers threefold. The
# agent and the C program run where they like. A NOOP is also the cost of the agent's queue loop for
# a packet without anything in it, to be compared with the C program's.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
root=$(cd "$here/.." && pwd)
. "$root/deploy/common.sh"

rounds=7 cycles=1500 noops=4000 parents=10000 strict=

usage() {
  cat <<EOF
usage: bench.sh [--rounds N] [--parents N] [--strict]
  --rounds N    alternating rounds (default: $rounds); a round takes about 6 s
  --parents N   control connections held open to measure memory (default: $parents)
  --strict      exit code 1 if an aim is missed
EOF
}
while [ $# -gt 0 ]; do
  case $1 in
    --rounds) rounds=${2:?}; shift 2 ;;
    --parents) parents=${2:?}; shift 2 ;;
    --strict) strict=yes; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
done
case $rounds$parents in *[!0-9]*) usage >&2; exit 2 ;; esac
need_root "$@"
install_build_tools
install_missing ip:iproute2 sysctl:procps nft:nftables gcc:gcc awk:mawk
echo '#include <linux/netlink.h>' | gcc -E -x c - >/dev/null 2>&1 || install_missing no-libc-headers:libc6-dev
build_agent "$root"

work=$(mktemp -d)
modes='plain kernel pinholed accept'
namespace() { echo "phb$$-$1-$2"; }
on() { ip netns exec "$(namespace "$1" "$2")" "${@:3}"; }
pids=()
finish() {
  local mode pid
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  for mode in $modes; do
    lab_down "$(namespace "$mode" c)" "$(namespace "$mode" r)" "$(namespace "$mode" s)"
  done
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

gcc -O2 -o "$work/ftp_peer" "$here/benchmarks/ftp_peer.c"
gcc -O2 -o "$work/queue_accept" "$here/benchmarks/queue_accept.c"

firewall() { # MODE POLICY RULE ... : a forward chain with these rules
  on "$1" r nft -f - <<EOF
table inet filter {
  chain forward {
    type filter hook forward priority filter; policy $2;
$(printf '    %s\n' "${@:3}")
  }
}
EOF
}

background() { # runs a command and notes its process id
  "$@" </dev/null >>"$work/log" 2>&1 &
  pids+=($!)
}

ctl() { on pinholed r "$root/agent/target/pinholed/bin/pinholectl" --socket "$work/control.sock" "$@"; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }

say "Setting up"
for mode in $modes; do
  lab_up "$(namespace "$mode" c)" "$(namespace "$mode" r)" "$(namespace "$mode" s)"
  background ip netns exec "$(namespace "$mode" s)" \
    taskset -c $(($(nproc) - 1)) "$work/ftp_peer" server 203.0.113.2
done
firewall plain accept 'ct state established accept'
firewall kernel drop 'ct state established,related accept' 'tcp dport 21 ct state new accept'
on kernel r nft -f - <<'EOF'
table inet helpers {
  ct helper ftp { type "ftp" protocol tcp; l3proto ip; }
  chain pre { type filter hook prerouting priority mangle; tcp dport 21 ct helper set "ftp"; }
}
EOF
firewall pinholed drop 'ct state established accept' 'ct mark & 0x40000000 != 0 accept' \
  'tcp dport 21 ct state new accept'
cat >"$work/pinholed.yaml" <<EOF
control: {socket: $work/control.sock}
limits: {parents: 65536}
EOF
begin=$(now_ms)
background ip netns exec "$(namespace pinholed r)" "$root/agent/target/pinholed/bin/pinholed" \
  --config "$work/pinholed.yaml"
agent=${pids[-1]}
await 20 test -S "$work/control.sock" || die "The agent does not start: $(cat "$work/log")"
await 20 ctl status || die "The agent does not answer: $(cat "$work/log")"
ready_ms=$(($(now_ms) - begin))

# The reference gets the very diversion that the agent makes: an agent that leaves it behind.
firewall accept accept 'ct state established accept'
cat >"$work/accept.yaml" <<EOF
control: {socket: $work/accept.sock}
fail: {onStop: keep}
EOF
ip netns exec "$(namespace accept r)" "$root/agent/target/pinholed/bin/pinholed" \
  --config "$work/accept.yaml" </dev/null >>"$work/log" 2>&1 &
stopped=$!
await 20 on accept r "$root/agent/target/pinholed/bin/pinholectl" --socket "$work/accept.sock" status ||
  die "The agent does not start: $(cat "$work/log")"
kill "$stopped"
wait "$stopped" || true
background ip netns exec "$(namespace accept r)" "$work/queue_accept" 0

measure() { on "$1" c taskset -c 0 "$work/ftp_peer" client 203.0.113.2 "$2" "$3"; }
for mode in $modes; do
  await 5 measure "$mode" noop 10 || die "$mode: no answer from the server"
done
# Warm: the agent's code is compiled while it runs.
for _ in 1 2 3 4; do
  measure pinholed cycle 2000 >/dev/null || die "pinholed: data connections fail: $(cat "$work/log")"
done
for mode in plain kernel accept; do measure "$mode" cycle 200 >/dev/null; done

# CPU time of all threads, nanoseconds, and packets so far.
agent_cpu_ns() { cat /proc/"$agent"/task/*/schedstat | awk '{ n += $1 } END { printf "%.0f", n }'; }
agent_packets() { ctl --json status | sed -n 's/.*"packets" *: *\([0-9]*\).*/\1/p' | head -n 1; }

say "Measuring: $rounds rounds of $cycles cycles (PASV and a data connection) and $noops NOOPs"
cpu_ns=0 packets=0
for ((round = 1; round <= rounds; round++)); do
  for mode in $modes; do
    for kind in cycle noop; do
      count=$cycles
      [ $kind = cycle ] || count=$noops
      if [ "$mode" = pinholed ]; then
        packets_before=$(agent_packets) cpu_before=$(agent_cpu_ns)
      fi
      echo "$mode $kind $(measure "$mode" "$kind" "$count")" >>"$work/results" ||
        die "$mode $kind: operations failed: $(tail -n 1 "$work/results")"
      if [ "$mode" = pinholed ]; then
        cpu_ns=$((cpu_ns + $(agent_cpu_ns) - cpu_before))
        packets=$((packets + $(agent_packets) - packets_before))
      fi
    done
  done
done

status_ms=()
for _ in 1 2 3 4 5; do
  begin=$(now_ms)
  ctl status >/dev/null
  status_ms+=($(($(now_ms) - begin)))
done
status_median=$(printf '%s\n' "${status_ms[@]}" | sort -n | sed -n 3p)

rss_kib() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$agent/status"; }
rss_idle=$(rss_kib)
mkfifo "$work/hold"
on pinholed c "$work/ftp_peer" client 203.0.113.2 hold "$parents" <"$work/hold" >"$work/held" &
pids+=($!)
exec {release}>"$work/hold"
await 120 grep -q held "$work/held" || die "$parents control connections do not come up"
held=$(sed 's/held //' "$work/held")
rss_full=$(rss_kib)
exec {release}>&-

# The middle of the rounds for every number: one disturbed round does not show.
median() { # MODE KIND FIELD
  awk -v m="$1" -v k="$2" -v f="$3" '$1 == m && $2 == k { print $f }' "$work/results" |
    sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", b ? a / b : 0 }'; }
label() {
  case $1 in
    plain) echo 'plain forwarding' ;;
    kernel) echo 'kernel FTP helper' ;;
    pinholed) echo 'pinholed' ;;
    accept) echo 'C accept loop, unread' ;;
  esac
}
printf '\n%-24s %10s %10s %10s %10s %12s\n' '' 'p50 us' 'p99 us' 'per s' '/ plain' '/ kernel'
for kind in cycle noop; do
  if [ $kind = cycle ]; then say 'PASV + data connection'; else say 'NOOP round trip'; fi
  for mode in $modes; do
    p50=$(median "$mode" $kind 3)
    printf '  %-22s %10s %10s %10s %10s %12s\n' "$(label "$mode")" "$p50" \
      "$(median "$mode" $kind 4)" "$(median "$mode" $kind 5)" \
      "$(ratio "$p50" "$(median plain $kind 3)")" "$(ratio "$p50" "$(median kernel $kind 3)")"
  done
done

missed=0
aim() { # TEXT VALUE LIMIT UNIT
  local word=met
  awk -v v="$2" -v l="$3" 'BEGIN { exit !(v <= l) }' || { word=MISSED; missed=$((missed + 1)); }
  printf '  %-58s %9s %-4s aim <= %s: %s\n' "$1" "$2" "$4" "$3" "$word"
}
say ''
say 'pinholed'
printf '  %-58s %9s us\n' "CPU time for a control packet ($packets packets)" \
  "$(awk -v c="$cpu_ns" -v p="$packets" 'BEGIN { printf "%.1f", p ? c / p / 1000 : 0 }')"
aim 'cycle p50 against the kernel helper' "$(ratio "$(median pinholed cycle 3)" "$(median kernel cycle 3)")" 1.35 ''
aim "resident memory with $held control connections" $((rss_full / 1024)) 128 MB
printf '  %-58s %9s MB\n' 'resident memory after the rounds' $((rss_idle / 1024))
aim 'from start to a first answered status' "$ready_ms" 1500 ms
aim 'pinholectl status' "$status_median" 500 ms
say ''
say "Linux $(uname -r), $(nproc) processors, $(date -u +%F), $((SECONDS / 60)):$(printf %02d $((SECONDS % 60))) min"
[ -z "$strict" ] || [ $missed = 0 ]
