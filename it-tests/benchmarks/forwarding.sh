# Plain forwarding, the kernel's FTP helper, pinholed and the C accept loop side by side; sourced by
# bench.sh.
# shellcheck shell=bash disable=SC2154

modes='plain kernel pinholed accept'
labs="$labs $modes"
ctl() { on pinholed r "$root/agent/target/pinholed/bin/pinholectl" --socket "$work/control.sock" "$@"; }

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
limits: {parents: 65536, parentsPerSource: 65536}
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
one_queue=
! config_takes 'queues: {count: 1}' || one_queue='queues: {count: 1}'
cat >"$work/accept.yaml" <<EOF
control: {socket: $work/accept.sock}
fail: {onStop: keep}
$one_queue
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
agent_packets() { ctl --json status | tr ',' '\n' | sed -n 's/^"packets" *: *\([0-9]*\).*/\1/p' | head -n 1; }

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

say ''
say 'pinholed'
printf '  %-58s %9s us\n' "CPU time for a control packet ($packets packets)" \
  "$(awk -v c="$cpu_ns" -v p="$packets" 'BEGIN { printf "%.1f", p ? c / p / 1000 : 0 }')"
aim_ratio 'cycle p50 against the C accept loop' pinholed accept cycle 1.12
note_ratio 'cycle p50 against the kernel helper' pinholed kernel cycle
note_ratio 'NOOP p50 against the C accept loop' pinholed accept noop
aim "resident memory with $held control connections" $((rss_full / 1024)) 128 MB
printf '  %-58s %9s MB\n' 'resident memory after the rounds' $((rss_idle / 1024))
aim 'from start to a first answered status' "$ready_ms" 1500 ms
aim 'pinholectl status' "$status_median" 500 ms
